//! Event fold: what one event does to the tables. Node spec 2.3 and 2.9.

use walrus_core::{BlobId, Epoch};
use walrus_service::{follow::Event, tables::Batch};
use walrus_sui::{
    Address,
    events::{
        BlobCertified, BlobDeleted, BlobRegistered, ContractEvent, EventPosition,
        PooledBlobCertified, PooledBlobDeleted, PooledBlobRegistered,
    },
};

use super::incomplete::History;
use crate::storage::{
    Storage, StorageError, Update,
    blob_info::{BlobInfo, Change},
    event_name::EventName,
    records::{NodeStatus, ObjectRecord, PoolRecord, PooledObjectRecord, SyncReason},
};

/// What an event sets in motion beyond the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A blob is registered.
    Registered(BlobId),
    /// A blob is certified and, since this node lacks something of it, queued for the recovery of missing slivers.
    Certified(BlobId),
    /// An object of the blob is gone; its data may be, too.
    Deleted {
        /// The blob.
        blob_id: BlobId,
        /// When it was deleted.
        epoch: Epoch,
    },
    /// The blob was proven inconsistent; its data goes.
    Invalidated(BlobId),
    /// An epoch began.
    EpochStarted(Epoch),
    /// The parameters of the next epoch are selected.
    ParametersSelected,
    /// A quorum has synced the epoch.
    EpochDone(Epoch),
    /// The package to call has changed.
    Upgraded,
}

/// Why events cannot be processed any further.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An event that this version does not know.
    #[error("upgrade required: this version does not know the event {event_type} at {position}")]
    Unknown {
        /// Its type.
        event_type: String,
        /// Its position.
        position: EventPosition,
    },
}

/// Writes what one event does to `batch`, to which whoever follows the events adds the cursor: so no event is applied twice.
///
/// # Errors
/// [`FoldError`]; then the batch must not be written.
pub fn fold(
    storage: &Storage,
    batch: &mut Batch,
    event: &Event,
) -> Result<Option<Effect>, FoldError> {
    let mut step = Step {
        storage,
        update: storage.update_in(batch),
        name: EventName {
            tx_digest: event.tx_digest,
            event_seq: event.sequence,
        },
    };
    if let NodeStatus::RecoveryCatchUpWithIncompleteHistory {
        first_complete_epoch,
        epoch_at_start,
    } = storage.node_status()?
    {
        let known = History {
            first_complete_epoch,
            epoch_at_start,
        };
        return step.apply_what_is_known(&known, &event.event, event.position);
    }
    step.apply(&event.event, event.position)
}

pub(super) struct Step<'a> {
    pub(super) storage: &'a Storage,
    pub(super) update: Update<'a, &'a mut Batch>,
    pub(super) name: EventName,
}

impl Step<'_> {
    pub(super) fn apply(
        &mut self,
        event: &ContractEvent,
        position: EventPosition,
    ) -> Result<Option<Effect>, FoldError> {
        use ContractEvent as E;
        Ok(match event {
            E::BlobRegistered(event) => Some(self.registered(event)?),
            E::BlobCertified(event) => self.certified(event)?,
            E::BlobDeleted(event) => Some(self.deleted(event)?),
            E::InvalidBlobId(event) => Some(self.invalidated(event.blob_id, event.epoch)?),
            E::DenyListBlobDeleted(event) => Some(self.invalidated(event.blob_id, event.epoch)?),
            E::PooledBlobRegistered(event) => Some(self.pooled_registered(event)?),
            E::PooledBlobCertified(event) => self.pooled_certified(event)?,
            E::PooledBlobDeleted(event) => Some(self.pooled_deleted(event)?),
            E::StoragePoolCreated(event) => {
                let pool = PoolRecord {
                    start_epoch: event.start_epoch,
                    end_epoch: event.end_epoch,
                };
                self.update.put_pool(&event.storage_pool_id, &pool)?;
                None
            }
            E::StoragePoolExtended(event) => {
                self.extend_pool(&event.storage_pool_id, event.new_end_epoch)?;
                None
            }
            E::EpochChangeStart(event) => {
                self.update.set_event_epoch(event.epoch)?;
                Some(Effect::EpochStarted(event.epoch))
            }
            E::EpochParametersSelected(_) => Some(Effect::ParametersSelected),
            E::EpochChangeDone(event) => Some(Effect::EpochDone(event.epoch)),
            E::ContractUpgraded(_) => Some(Effect::Upgraded),
            E::ShardsReceived(_)
            | E::ShardRecoveryStart(_)
            | E::ContractUpgradeProposed(_)
            | E::ContractUpgradeQuorumReached(_)
            | E::PricesUpdated(_)
            | E::RegisterDenyListUpdate(_)
            | E::DenyListUpdate(_) => None,
            // No version of the protocol but the first exists, so any announced one is unknown.
            E::ProtocolVersionUpdated(event) => {
                return Err(FoldError::Unknown {
                    event_type: format!("protocol version {}", event.protocol_version),
                    position,
                });
            }
            E::Unknown(event) => {
                return Err(FoldError::Unknown {
                    event_type: event.event_type.to_string(),
                    position,
                });
            }
        })
    }

    fn change(
        &mut self,
        blob_id: &BlobId,
        change: Change,
    ) -> Result<Option<BlobInfo>, StorageError> {
        self.changes(blob_id, [change])
    }

    /// Writes the record of a blob after changes; returns it.
    pub(super) fn changes(
        &mut self,
        blob_id: &BlobId,
        changes: impl IntoIterator<Item = Change>,
    ) -> Result<Option<BlobInfo>, StorageError> {
        let mut info = self.storage.blob_info(blob_id)?;
        for change in changes {
            match BlobInfo::after(info, change, self.name) {
                Ok(Some(after)) => {
                    self.update.put_blob_info(blob_id, &after)?;
                    info = Some(after);
                }
                Ok(None) => info = None,
                Err(error) => tracing::error!(%blob_id, %error, "the event is ignored"),
            }
        }
        Ok(info)
    }

    fn registered(&mut self, event: &BlobRegistered) -> Result<Effect, StorageError> {
        let end_epoch = event.end_epoch;
        let change = if event.deletable {
            Change::RegisterDeletable { end_epoch }
        } else {
            Change::RegisterPermanent { end_epoch }
        };
        self.change(&event.blob_id, change)?;
        let record = ObjectRecord {
            blob_id: event.blob_id,
            registered_epoch: event.epoch,
            certified_epoch: None,
            end_epoch,
            deletable: event.deletable,
            event: self.name,
        };
        self.update.put_object(&event.object_id, &record)?;
        Ok(Effect::Registered(event.blob_id))
    }

    fn certified(&mut self, event: &BlobCertified) -> Result<Option<Effect>, StorageError> {
        let (epoch, end_epoch) = (event.epoch, event.end_epoch);
        let change = match (event.is_extension, event.deletable) {
            (false, false) => Change::CertifyPermanent { epoch, end_epoch },
            (false, true) => Change::CertifyDeletable { epoch, end_epoch },
            (true, false) => Change::ExtendPermanent { end_epoch },
            (true, true) => Change::ExtendDeletable { end_epoch },
        };
        let info = self.change(&event.blob_id, change)?;
        if let Some(mut record) = self.storage.object(&event.object_id)? {
            record.certified_epoch.get_or_insert(epoch);
            record.end_epoch = end_epoch;
            record.event = self.name;
            self.update.put_object(&event.object_id, &record)?;
        }
        let now = epoch.max(self.storage.event_epoch()?);
        self.queue_sync(event.blob_id, info, now)
    }

    /// Queues the recovery of what is missing of a certified blob, as a rule nothing: who certifies it has brought it. A node without shards
    /// misses nothing either; once it gains some,
    /// everything that is certified then is queued. So it is once a node has caught up: what it would recover before may be gone
    /// by then.
    pub(super) fn queue_sync(
        &mut self,
        blob_id: BlobId,
        info: Option<BlobInfo>,
        epoch: Epoch,
    ) -> Result<Option<Effect>, StorageError> {
        if !info.is_some_and(|info| info.is_certified(epoch))
            || !self.storage.keeps_shards()
            || self.storage.node_status()?.is_catching_up()
            || self.storage.holds_all(&blob_id)?
        {
            return Ok(None);
        }
        self.update.queue(&blob_id, SyncReason::Certified)?;
        Ok(Some(Effect::Certified(blob_id)))
    }

    fn deleted(&mut self, event: &BlobDeleted) -> Result<Effect, StorageError> {
        let was_certified = event.was_certified;
        self.change(&event.blob_id, Change::RemoveDeletable { was_certified })?;
        self.update.remove_object(&event.object_id);
        Ok(Effect::Deleted {
            blob_id: event.blob_id,
            epoch: event.epoch,
        })
    }

    fn invalidated(&mut self, blob_id: BlobId, epoch: Epoch) -> Result<Effect, StorageError> {
        self.change(&blob_id, Change::Invalidate { epoch })?;
        // Together with the cursor: after a crash nobody would tell again that the data has to go.
        self.update.queue_deletion(&blob_id)?;
        Ok(Effect::Invalidated(blob_id))
    }

    fn pooled_registered(&mut self, event: &PooledBlobRegistered) -> Result<Effect, StorageError> {
        self.change(&event.blob_id, Change::RegisterPooled)?;
        let record = PooledObjectRecord {
            blob_id: event.blob_id,
            registered_epoch: event.epoch,
            certified_epoch: None,
            pool_id: event.storage_pool_id,
            event: self.name,
        };
        self.update.put_pooled_object(&event.object_id, &record)?;
        Ok(Effect::Registered(event.blob_id))
    }

    fn pooled_certified(
        &mut self,
        event: &PooledBlobCertified,
    ) -> Result<Option<Effect>, StorageError> {
        let epoch = event.epoch;
        let info = self.change(&event.blob_id, Change::CertifyPooled { epoch })?;
        if let Some(mut record) = self.storage.pooled_object(&event.object_id)? {
            record.certified_epoch = Some(epoch);
            record.event = self.name;
            self.update.put_pooled_object(&event.object_id, &record)?;
        }
        self.queue_sync(event.blob_id, info, epoch)
    }

    fn pooled_deleted(&mut self, event: &PooledBlobDeleted) -> Result<Effect, StorageError> {
        let was_certified = event.was_certified;
        self.change(&event.blob_id, Change::RemovePooled { was_certified })?;
        self.update.remove_pooled_object(&event.object_id);
        Ok(Effect::Deleted {
            blob_id: event.blob_id,
            epoch: event.epoch,
        })
    }

    fn extend_pool(&mut self, id: &Address, end_epoch: Epoch) -> Result<(), StorageError> {
        let Some(mut pool) = self.storage.pool(id)? else {
            tracing::error!("an unknown storage pool was extended; the event is ignored");
            return Ok(());
        };
        pool.end_epoch = pool.end_epoch.max(end_epoch);
        self.update.put_pool(id, &pool)
    }
}
