//! Blob that is stored, as the outcome of a store.

use std::{sync::Arc, time::SystemTime};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch};
use walrus_sui::{Address, Digest};

use crate::{
    BlobObject, BoughtStorage, ClientError, EventOrObject, Phase, ResourceOperation, ReusedStorage,
    StoreOutcome, Surplus,
};

/// How a blob came to be stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    /// It is now.
    NewlyCreated {
        /// Its object.
        blob_object: BlobObject,
        /// What had to be paid for.
        resource_operation: ResourceOperation,
        /// How much, in FROST.
        cost: u64,
        /// The shared object it was wrapped in, if any.
        shared_blob_object: Option<Address>,
    },
    /// It was already, for long enough. Nothing was paid.
    AlreadyCertified {
        /// The blob.
        blob_id: BlobId,
        /// How that is known.
        event_or_object: EventOrObject,
        /// First epoch in which it is no longer stored.
        end_epoch: Epoch,
    },
}

/// A blob that is stored, and what that took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBlob {
    /// How it came to be stored.
    pub stored: Stored,
    /// Bytes before encoding.
    pub unencoded_size: u64,
    /// Bytes in storage, metadata included.
    pub encoded_size: u64,
    /// What the signer owned and gave for it.
    pub reused_storage: Vec<ReusedStorage>,
    /// What was bought beside that; empty where all storage is new.
    pub bought_storage: Vec<BoughtStorage>,
    /// What was paid for beside that and is not needed.
    pub surplus: Option<Surplus>,
    /// Somebody else stored the same object meanwhile: the certificate on chain is not ours.
    pub certified_by_other: bool,
    /// The transaction that registered the blob, if one did.
    pub register_digest: Option<Digest>,
    /// The transaction that certified the blob, if one did.
    pub certify_digest: Option<Digest>,
    /// When an earlier store began it, that was cut off and that paid for it; see [`Journal`](crate::journal::Journal).
    pub begun: Option<SystemTime>,
    /// The parts, if the body was too large for one blob; then this is the manifest, but for the sizes, which are those of all together.
    pub parts: Vec<StoredBlob>,
}

/// A blob that is not stored. It can be copied, as can what it is the outcome of.
#[derive(Debug, Clone, thiserror::Error)]
#[error("failed to {}: {error}", phase.label())]
pub struct StoreFailure {
    /// The blob, if it was encoded.
    pub blob_id: Option<BlobId>,
    /// The step that failed.
    pub phase: Phase,
    /// Why.
    #[source]
    pub error: Arc<ClientError>,
}

impl StoreFailure {
    pub(crate) fn new(blob_id: Option<BlobId>, phase: Phase, error: ClientError) -> Self {
        Self {
            blob_id,
            phase,
            error: Arc::new(error),
        }
    }
}

impl Stored {
    /// What the blob is read by.
    pub fn blob_id(&self) -> BlobId {
        match self {
            Self::NewlyCreated { blob_object, .. } => blob_object.blob_id,
            Self::AlreadyCertified { blob_id, .. } => *blob_id,
        }
    }

    /// The blob object that the signer owns; `None` if the blob was stored by somebody else.
    pub fn object_id(&self) -> Option<Address> {
        match self {
            Self::NewlyCreated { blob_object, .. } => Some(blob_object.id),
            Self::AlreadyCertified {
                event_or_object: EventOrObject::Object(object),
                ..
            } => Some(*object),
            Self::AlreadyCertified { .. } => None,
        }
    }

    /// First epoch in which the blob is no longer stored.
    pub fn end_epoch(&self) -> Epoch {
        match self {
            Self::NewlyCreated { blob_object, .. } => blob_object.storage.end_epoch,
            Self::AlreadyCertified { end_epoch, .. } => *end_epoch,
        }
    }

    /// What was paid for storage, in FROST.
    pub fn cost(&self) -> u64 {
        match self {
            Self::NewlyCreated { cost, .. } => *cost,
            Self::AlreadyCertified { .. } => 0,
        }
    }
}

impl StoredBlob {
    /// What the blob is read by.
    pub fn blob_id(&self) -> BlobId {
        self.stored.blob_id()
    }

    /// The blob object that the signer owns; `None` if the blob was stored by somebody else.
    pub fn object_id(&self) -> Option<Address> {
        self.stored.object_id()
    }

    /// First epoch in which the blob is no longer stored.
    pub fn end_epoch(&self) -> Epoch {
        self.stored.end_epoch()
    }

    /// What was paid for storage, that of all parts included, in FROST.
    pub fn cost(&self) -> u64 {
        let parts = self.parts.iter().map(Self::cost);
        parts.fold(self.stored.cost(), u64::saturating_add)
    }
}

impl TryFrom<StoreOutcome> for StoredBlob {
    type Error = StoreFailure;

    fn try_from(outcome: StoreOutcome) -> Result<Self, StoreFailure> {
        let parts = outcome.parts.into_iter().map(Self::try_from);
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
            stored: outcome.result?,
            unencoded_size: outcome.unencoded_size,
            encoded_size: outcome.encoded_size,
            reused_storage: outcome.reused_storage,
            bought_storage: outcome.bought_storage,
            surplus: outcome.surplus,
            certified_by_other: outcome.certified_by_other,
            register_digest: outcome.register_digest,
            certify_digest: outcome.certify_digest,
            begun: outcome.begun,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use walrus_node_client::EventId;

    use super::*;
    use crate::BlobStoreResult;

    #[test]
    fn a_failure_keeps_its_source_and_becomes_text_only_for_json() {
        let blob_id = BlobId([7; 32]);
        let failure = StoreFailure::new(Some(blob_id), Phase::Register, ClientError::NoEpochs);
        assert!(
            failure
                .source()
                .is_some_and(|source| source.is::<Arc<ClientError>>())
        );
        let expected = BlobStoreResult::Error {
            blob_id: Some(blob_id),
            failure_phase: "register".to_owned(),
            error_msg: ClientError::NoEpochs.to_string(),
        };
        assert_eq!(BlobStoreResult::from(&Err(failure)), expected);
        let event = EventId {
            tx_digest: [1; 32],
            event_seq: 2,
        };
        let error = ClientError::MarkedInvalid { blob_id, event };
        let failure = StoreFailure::new(Some(blob_id), Phase::CheckStatus, error);
        let expected = BlobStoreResult::MarkedInvalid { blob_id, event };
        assert_eq!(BlobStoreResult::from(&Err(failure)), expected);
    }
}
