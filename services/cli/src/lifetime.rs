//! Until when a blob is available, or why it is not: what storage nodes do not tell. The chain knows, and of blob objects of the
//! wallet even a chain that is too long to be read tells.

use serde::Serialize;
use walrus_core::{BlobId, Epoch};
use walrus_node_client::BlobStatus;
use walrus_sdk::{BlobEnd, BlobHistory, ClientError};
use walrus_sui::objects::Blob;

use crate::{args::GlobalOptions, context::Network, report::explain};

/// What is known about the end of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lifetime {
    /// It is stored, or registered, until this epoch begins.
    Until {
        /// The latest end of the objects that are known.
        end_epoch: Epoch,
        /// Whether no object that is not known can end later.
        is_latest: bool,
    },
    /// It is stored or registered; until when is not known.
    Open,
    /// It is not stored any more, or never was.
    Over(BlobEnd),
    /// It is not stored; whether it ever was is not known.
    Absent,
    /// It is certified on chain, and the nodes do not know yet.
    AheadOfNodes,
    /// There can be no such blob.
    Invalid,
}

/// Where it is looked up.
#[derive(Debug, Clone, Copy)]
struct Sources<'a> {
    epoch: Epoch,
    status: &'a BlobStatus,
    history: Option<&'a BlobHistory>,
    /// Objects of the wallet with the blob ID.
    owned: &'a [Blob],
}

impl Lifetime {
    /// Looks it up.
    ///
    /// # Errors
    /// If the chain cannot be read, or a wallet that was named.
    pub(crate) async fn find(
        global: &GlobalOptions,
        network: &Network,
        blob_id: &BlobId,
        status: &BlobStatus,
    ) -> anyhow::Result<Self> {
        let reader = network.reader();
        let history = BlobHistory::load(reader, blob_id).await?;
        let owned = match (&history, network.writer(global)) {
            (Some(_), _) => Vec::new(),
            (None, Ok(writer)) => reader.owned_blobs(writer.address()).await?,
            (None, Err(error)) if global.wallet.is_some() => return Err(error),
            (None, Err(_)) => Vec::new(),
        };
        let owned: Vec<_> = owned
            .into_iter()
            .filter(|blob| blob.blob_id == *blob_id)
            .collect();
        let sources = Sources {
            epoch: reader.epoch().await?,
            status,
            history: history.as_ref(),
            owned: &owned,
        };
        Ok(sources.lifetime())
    }

    /// Whether it tells more than that a blob is not there.
    fn is_known(self) -> bool {
        !matches!(self, Self::Absent | Self::Over(BlobEnd::NeverStored))
    }

    /// Why a blob is not there.
    pub(crate) fn absence(self) -> String {
        match self {
            Self::Over(BlobEnd::Expired { end_epoch }) => {
                format!("not stored any more: expired with epoch {end_epoch}")
            }
            Self::Over(BlobEnd::Deleted) => "not stored any more: deleted by its owner".to_owned(),
            Self::Over(BlobEnd::NeverCertified) => {
                "registered once and never certified; not stored on this network".to_owned()
            }
            Self::Over(BlobEnd::NeverStored) => "never stored on this network".to_owned(),
            Self::AheadOfNodes => {
                "certified on chain, and not known to the storage nodes yet".to_owned()
            }
            _ => "not stored on this network: expired, deleted, or never stored".to_owned(),
        }
    }
}

/// The error of a read, with what the chain tells about a blob that the nodes do not have.
pub(crate) async fn explain_read(
    error: ClientError,
    global: &GlobalOptions,
    network: &Network,
    blob_id: &BlobId,
) -> anyhow::Error {
    if !matches!(error, ClientError::BlobIdDoesNotExist(_)) {
        return explain(error);
    }
    let told = Lifetime::find(global, network, blob_id, &BlobStatus::Nonexistent).await;
    let lifetime = match told {
        Ok(lifetime) if lifetime.is_known() => lifetime,
        // Whatever is wrong with the look-up, the read failed for another reason.
        _ => return error.into(),
    };
    let when = match lifetime {
        Lifetime::Over(BlobEnd::Expired { end_epoch }) => {
            let time = network.epoch_start_estimate(end_epoch).await;
            time.ok().flatten()
        }
        _ => None,
    };
    let when = when.map_or_else(String::new, |time| format!(", which began about {time}"));
    anyhow::anyhow!("blob {blob_id}: {}{when}", lifetime.absence())
}

impl Sources<'_> {
    fn lifetime(&self) -> Lifetime {
        match self.status {
            BlobStatus::Invalid { .. } => Lifetime::Invalid,
            BlobStatus::Nonexistent => self.past(),
            BlobStatus::Permanent {
                end_epoch,
                is_certified,
                deletable_counts,
                initial_certified_epoch,
                ..
            } => {
                let is_available = initial_certified_epoch.is_some();
                let others = match is_available {
                    true => deletable_counts.count_deletable_certified,
                    false => deletable_counts.count_deletable_total,
                };
                // Registered for longer than what makes it available.
                let end = (*is_certified || !is_available).then_some(*end_epoch);
                self.end(end, is_available, others)
            }
            BlobStatus::Deletable {
                initial_certified_epoch,
                deletable_counts,
            } => {
                let is_available = initial_certified_epoch.is_some();
                let objects = match is_available {
                    true => deletable_counts.count_deletable_certified,
                    false => deletable_counts.count_deletable_total,
                };
                self.end(None, is_available, objects)
            }
        }
    }

    /// The latest of an end that the nodes tell and those of `deletable` objects, which they count only.
    fn end(&self, told: Option<Epoch>, is_available: bool, deletable: u32) -> Lifetime {
        let on_chain = self.history.and_then(|history| match is_available {
            true => history.available_until(self.epoch),
            false => history.registered_until(self.epoch),
        });
        let owned = self.owned.iter().filter(|blob| {
            blob.storage.end_epoch > self.epoch && (blob.certified_epoch.is_some() || !is_available)
        });
        let own_deletable = owned.clone().filter(|blob| blob.deletable).count() as u64;
        let own_end = owned.map(|blob| blob.storage.end_epoch).max();
        match told.max(on_chain).max(own_end) {
            Some(end_epoch) => Lifetime::Until {
                end_epoch,
                is_latest: on_chain.is_some() || own_deletable >= u64::from(deletable),
            },
            None => Lifetime::Open,
        }
    }

    fn past(&self) -> Lifetime {
        if let Some(history) = self.history {
            let end = history.end(self.epoch);
            return end.map_or(Lifetime::AheadOfNodes, Lifetime::Over);
        }
        let certified = self
            .owned
            .iter()
            .filter(|blob| blob.certified_epoch.is_some());
        match certified.map(|blob| blob.storage.end_epoch).max() {
            Some(end_epoch) if end_epoch <= self.epoch => {
                Lifetime::Over(BlobEnd::Expired { end_epoch })
            }
            Some(_) => Lifetime::AheadOfNodes,
            None => Lifetime::Absent,
        }
    }
}

/// The same in JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum LifetimeOutput {
    Until {
        end_epoch: Epoch,
        #[serde(skip_serializing_if = "Option::is_none")]
        estimated_timestamp: Option<String>,
        /// Whether no other object ends later.
        is_latest: bool,
    },
    Open,
    Expired {
        end_epoch: Epoch,
    },
    Deleted,
    NeverCertified,
    NeverStored,
    Unknown,
    AheadOfNodes,
    Invalid,
}

impl LifetimeOutput {
    /// `estimated_timestamp` is about when the end epoch begins.
    pub(crate) fn new(lifetime: Lifetime, estimated_timestamp: Option<String>) -> Self {
        match lifetime {
            Lifetime::Until {
                end_epoch,
                is_latest,
            } => Self::Until {
                end_epoch,
                estimated_timestamp,
                is_latest,
            },
            Lifetime::Open => Self::Open,
            Lifetime::Over(BlobEnd::Expired { end_epoch }) => Self::Expired { end_epoch },
            Lifetime::Over(BlobEnd::Deleted) => Self::Deleted,
            Lifetime::Over(BlobEnd::NeverCertified) => Self::NeverCertified,
            Lifetime::Over(BlobEnd::NeverStored) => Self::NeverStored,
            Lifetime::Absent => Self::Unknown,
            Lifetime::AheadOfNodes => Self::AheadOfNodes,
            Lifetime::Invalid => Self::Invalid,
        }
    }
}

#[cfg(test)]
mod tests {
    use walrus_node_client::{DeletableCounts, EventId};
    use walrus_sui::{Address, objects::Storage};

    use super::*;

    fn blob(end_epoch: Epoch, deletable: bool, is_certified: bool) -> Blob {
        let id = Address::ZERO;
        Blob {
            id,
            registered_epoch: 1,
            blob_id: BlobId([7; 32]),
            size: 1,
            encoding_type: 1,
            certified_epoch: is_certified.then_some(1),
            storage: Storage {
                id,
                start_epoch: 1,
                end_epoch,
                storage_size: 1,
            },
            deletable,
        }
    }

    fn counts(total: u32, certified: u32) -> DeletableCounts {
        DeletableCounts {
            count_deletable_total: total,
            count_deletable_certified: certified,
        }
    }

    fn lifetime(status: &BlobStatus, owned: &[Blob]) -> Lifetime {
        let sources = Sources {
            epoch: 4,
            status,
            history: None,
            owned,
        };
        sources.lifetime()
    }

    fn until(end_epoch: Epoch, is_latest: bool) -> Lifetime {
        Lifetime::Until {
            end_epoch,
            is_latest,
        }
    }

    #[test]
    fn own_objects_tell_the_end_of_deletable_ones() {
        let status = BlobStatus::Deletable {
            initial_certified_epoch: Some(1),
            deletable_counts: counts(3, 2),
        };
        assert_eq!(lifetime(&status, &[]), Lifetime::Open);
        let (first, second) = (blob(5, true, true), blob(7, true, true));
        // One over, one not certified: neither makes it available.
        let useless = [blob(3, true, true), blob(9, true, false)];
        let owned = [&useless[..], std::slice::from_ref(&first)].concat();
        assert_eq!(lifetime(&status, &owned), until(5, false));
        let owned = [&useless[..], &[first, second]].concat();
        assert_eq!(lifetime(&status, &owned), until(7, true));
    }

    #[test]
    fn deletable_objects_may_outlive_permanent_ones() {
        let permanent = |deletable_counts| BlobStatus::Permanent {
            end_epoch: 6,
            is_certified: true,
            status_event: EventId {
                tx_digest: [0; 32],
                event_seq: 0,
            },
            deletable_counts,
            initial_certified_epoch: Some(1),
        };
        assert_eq!(lifetime(&permanent(counts(0, 0)), &[]), until(6, true));
        assert_eq!(lifetime(&permanent(counts(1, 1)), &[]), until(6, false));
        let owned = [blob(8, true, true)];
        assert_eq!(lifetime(&permanent(counts(1, 1)), &owned), until(8, true));
    }

    #[test]
    fn what_was_certified_for_this_wallet_was_stored() {
        let status = BlobStatus::Nonexistent;
        assert_eq!(lifetime(&status, &[]), Lifetime::Absent);
        assert_eq!(
            lifetime(&status, &[blob(3, true, true), blob(2, true, true)]),
            Lifetime::Over(BlobEnd::Expired { end_epoch: 3 })
        );
        assert_eq!(
            lifetime(&status, &[blob(5, true, true)]),
            Lifetime::AheadOfNodes
        );
    }
}
