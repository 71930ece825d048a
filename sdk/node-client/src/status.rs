//! Blob status, as a node says it. Node spec 1.7 and 1.15.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use walrus_core::Epoch;

/// Whether metadata or a sliver is on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoredOnNodeStatus {
    /// Not there.
    Nonexistent,
    /// In memory, waiting for the registration of its blob.
    Buffered,
    /// On disk.
    Stored,
}

/// Names an event of the Walrus package: the transaction and the number of the event among that package's events of the
/// transaction, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId {
    /// The transaction digest.
    pub tx_digest: [u8; 32],
    /// The number of the event.
    pub event_seq: u64,
}

/// Why a text is not an event ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventIdError {
    /// The digest is not the Base58 form of 32 bytes.
    #[error("`{0}` is not the Base58 form of a 32-byte transaction digest")]
    Digest(String),
    /// The sequence number is not a decimal number.
    #[error("`{0}` is not an event number")]
    Sequence(String),
}

/// The JSON form: both parts are strings, and the order of the fields matters (clients compare the text).
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventIdText {
    tx_digest: String,
    event_seq: String,
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        EventIdText {
            tx_digest: bs58::encode(&self.tx_digest).into_string(),
            event_seq: self.event_seq.to_string(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = EventIdText::deserialize(deserializer)?;
        Self::try_from(text).map_err(de::Error::custom)
    }
}

impl TryFrom<EventIdText> for EventId {
    type Error = EventIdError;

    fn try_from(text: EventIdText) -> Result<Self, EventIdError> {
        let mut tx_digest = [0; 32];
        let written = bs58::decode(&text.tx_digest).onto(&mut tx_digest);
        if written != Ok(32) {
            return Err(EventIdError::Digest(text.tx_digest));
        }
        let event_seq = text
            .event_seq
            .parse()
            .map_err(|_| EventIdError::Sequence(text.event_seq))?;
        Ok(Self {
            tx_digest,
            event_seq,
        })
    }
}

/// How many deletable objects have the blob ID. The field names are snake case on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeletableCounts {
    /// All of them.
    pub count_deletable_total: u32,
    /// Those that are certified.
    pub count_deletable_certified: u32,
}

/// The status of a blob on one node. The order of the fields is part of the protocol: clients group the answers of several
/// nodes by their text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum BlobStatus {
    /// Not registered, or expired.
    Nonexistent,
    /// Proven to be inconsistently encoded.
    Invalid {
        /// The event that said so.
        event: EventId,
    },
    /// At least one permanent object has the blob ID.
    Permanent {
        /// First epoch in which the blob is no longer stored.
        end_epoch: Epoch,
        /// Whether a permanent object is certified.
        is_certified: bool,
        /// The event that set `end_epoch`.
        status_event: EventId,
        /// The deletable objects beside the permanent ones.
        deletable_counts: DeletableCounts,
        /// The epoch of the first certification that still counts.
        initial_certified_epoch: Option<Epoch>,
    },
    /// Only deletable objects have the blob ID.
    Deletable {
        /// The epoch of the first certification that still counts.
        initial_certified_epoch: Option<Epoch>,
        /// The objects.
        deletable_counts: DeletableCounts,
    },
}

impl BlobStatus {
    /// The epoch of the first certification that still counts, if any.
    pub fn initial_certified_epoch(&self) -> Option<Epoch> {
        match self {
            Self::Permanent {
                initial_certified_epoch,
                ..
            }
            | Self::Deletable {
                initial_certified_epoch,
                ..
            } => *initial_certified_epoch,
            Self::Nonexistent | Self::Invalid { .. } => None,
        }
    }

    /// Whether the blob is registered in some form.
    pub fn is_registered(&self) -> bool {
        matches!(self, Self::Permanent { .. } | Self::Deletable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_a_permanent_status_has_all_fields_in_order() {
        let status = BlobStatus::Permanent {
            end_epoch: 53,
            is_certified: true,
            status_event: EventId {
                tx_digest: [0; 32],
                event_seq: 3,
            },
            deletable_counts: DeletableCounts {
                count_deletable_total: 2,
                count_deletable_certified: 1,
            },
            initial_certified_epoch: Some(12),
        };
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(
            text,
            r#"{"permanent":{"endEpoch":53,"isCertified":true,"statusEvent":{"txDigest":"11111111111111111111111111111111","eventSeq":"3"},"deletableCounts":{"count_deletable_total":2,"count_deletable_certified":1},"initialCertifiedEpoch":12}}"#
        );
        assert_eq!(serde_json::from_str::<BlobStatus>(&text).unwrap(), status);
    }

    #[test]
    fn an_uncertified_deletable_blob_says_null() {
        let status = BlobStatus::Deletable {
            initial_certified_epoch: None,
            deletable_counts: DeletableCounts {
                count_deletable_total: 1,
                count_deletable_certified: 0,
            },
        };
        assert_eq!(
            serde_json::to_string(&status).unwrap(),
            r#"{"deletable":{"initialCertifiedEpoch":null,"deletableCounts":{"count_deletable_total":1,"count_deletable_certified":0}}}"#
        );
        assert_eq!(
            serde_json::to_string(&BlobStatus::Nonexistent).unwrap(),
            r#""nonexistent""#
        );
    }

    #[test]
    fn malformed_event_ids_are_refused() {
        for bad in [
            r#"{"txDigest":"111","eventSeq":"0"}"#,
            r#"{"txDigest":"0OIl","eventSeq":"0"}"#,
            r#"{"txDigest":"11111111111111111111111111111111","eventSeq":"x"}"#,
            r#"{"txDigest":"111111111111111111111111111111111111111111111111111111111111111111","eventSeq":"0"}"#,
        ] {
            assert!(serde_json::from_str::<EventId>(bad).is_err(), "{bad}");
        }
    }
}
