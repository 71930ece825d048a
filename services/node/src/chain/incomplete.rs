//! Incomplete history: what events mean to a node that has not seen the first ones. Node spec 2.7.

use walrus_core::Epoch;
use walrus_sui::events::{BlobCertified, ContractEvent, EventPosition};

use super::fold::{Effect, FoldError, Step};
use crate::storage::{StorageError, blob_info::Change, records::ObjectRecord};

/// What is known of the events.
#[derive(Debug, Clone, Copy)]
pub(super) struct History {
    /// From the beginning of this epoch on, every event is known about a blob that is still stored.
    pub(super) first_complete_epoch: Epoch,
    /// The epoch of the network when the node began: what ended until then is gone.
    pub(super) epoch_at_start: Epoch,
}

impl Step<'_> {
    /// Like [`Step::apply`]; leaves out what is about blobs that are gone, or about which the node knows too little.
    pub(super) fn apply_what_is_known(
        &mut self,
        known: &History,
        event: &ContractEvent,
        position: EventPosition,
    ) -> Result<Option<Effect>, FoldError> {
        let begins = matches!(event, ContractEvent::EpochChangeStart(_));
        if !begins && self.storage.event_epoch()? < known.first_complete_epoch {
            return Ok(None);
        }
        let end = match event {
            ContractEvent::BlobRegistered(event) => Some(event.end_epoch),
            ContractEvent::BlobCertified(event) => Some(event.end_epoch),
            ContractEvent::BlobDeleted(event) => Some(event.end_epoch),
            _ => None,
        };
        if end.is_some_and(|end| end <= known.epoch_at_start) {
            return Ok(None);
        }
        match event {
            ContractEvent::BlobCertified(extended)
                if extended.is_extension && self.storage.object(&extended.object_id)?.is_none() =>
            {
                Ok(self.extended_before_it_was_known(extended)?)
            }
            _ => self.apply(event, position),
        }
    }

    /// Takes an extension for the registration and the certification that the node has not seen.
    fn extended_before_it_was_known(
        &mut self,
        event: &BlobCertified,
    ) -> Result<Option<Effect>, StorageError> {
        let (epoch, end_epoch) = (event.epoch, event.end_epoch);
        let changes = if event.deletable {
            [
                Change::RegisterDeletable { end_epoch },
                Change::CertifyDeletable { epoch, end_epoch },
            ]
        } else {
            [
                Change::RegisterPermanent { end_epoch },
                Change::CertifyPermanent { epoch, end_epoch },
            ]
        };
        let info = self.changes(&event.blob_id, changes)?;
        let record = ObjectRecord {
            blob_id: event.blob_id,
            registered_epoch: epoch,
            certified_epoch: Some(epoch),
            end_epoch,
            deletable: event.deletable,
            event: self.name,
        };
        self.update.put_object(&event.object_id, &record)?;
        let now = epoch.max(self.storage.event_epoch()?);
        self.queue_sync(event.blob_id, info, now)
    }
}
