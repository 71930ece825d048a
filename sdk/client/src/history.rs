//! Blob history, from the events of the chain: which objects it has or had, and until when each of them is paid for.
//!
//! Storage nodes tell the end of permanent objects alone, and of what is over they tell nothing. The chain has it all, but can
//! only be read from its beginning: for young networks that is a moment, for old ones it is out of the question.

use std::collections::HashMap;

use walrus_core::{BlobId, Epoch};
use walrus_sui::{
    Address,
    contract::ContractReader,
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition},
};

use crate::{
    ClientError,
    limits::{HISTORY_CHECKPOINTS, HISTORY_OBJECTS, HISTORY_PATIENCE},
};

/// An object with the blob ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Object {
    end: End,
    is_certified: bool,
    is_deleted: bool,
}

/// Until when an object is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Own(Epoch),
    OfPool(Address),
}

/// How a blob that is not stored any more ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobEnd {
    /// What was paid for is over.
    Expired {
        /// First epoch in which it was not stored.
        end_epoch: Epoch,
    },
    /// Every object was deleted before its end.
    Deleted,
    /// It was registered, but never certified; no object of it counts any more.
    NeverCertified,
    /// The chain has never heard of it.
    NeverStored,
}

/// The objects of one blob, living and past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobHistory {
    blob_id: BlobId,
    objects: HashMap<Address, Object>,
    /// Ends of all storage pools.
    pools: HashMap<Address, Epoch>,
    is_complete: bool,
}

impl BlobHistory {
    /// Reads the events of the contract up to now. `None` if there are too many of them.
    ///
    /// # Errors
    /// [`ClientError::Chain`].
    pub async fn load(
        reader: &ContractReader,
        blob_id: &BlobId,
    ) -> Result<Option<Self>, ClientError> {
        let chain = reader.chain().clone();
        let tip = chain.latest_checkpoint().await?;
        if tip > HISTORY_CHECKPOINTS {
            return Ok(None);
        }
        let source = EventSource::from(&reader.packages());
        let mut events = EventStream::start(chain, source, EventPosition::GENESIS);
        let mut history = Self::new(*blob_id);
        let read = async {
            while let Some(item) = events.next_item().await {
                match item {
                    StreamItem::Event { event, .. } => history.apply(&event),
                    StreamItem::Watermark { checkpoint, .. } if checkpoint >= tip => return true,
                    StreamItem::Watermark { .. } => {}
                    StreamItem::Malformed { .. }
                    | StreamItem::Ahead { .. }
                    | StreamItem::Pruned { .. }
                    | StreamItem::Element(_) => return false,
                }
            }
            false
        };
        let whole = tokio::time::timeout(HISTORY_PATIENCE, read).await;
        Ok((whole == Ok(true) && history.is_complete).then_some(history))
    }

    fn new(blob_id: BlobId) -> Self {
        Self {
            blob_id,
            objects: HashMap::new(),
            pools: HashMap::new(),
            is_complete: true,
        }
    }

    /// First epoch in which the blob is not available any more, by the latest end of all certified objects; `None` if it is not
    /// available in `epoch`.
    pub fn available_until(&self, epoch: Epoch) -> Option<Epoch> {
        self.latest_end(|object| object.is_certified && !object.is_deleted)
            .filter(|end| *end > epoch)
    }

    /// The same for all objects, certified or not.
    pub fn registered_until(&self, epoch: Epoch) -> Option<Epoch> {
        self.latest_end(|object| !object.is_deleted)
            .filter(|end| *end > epoch)
    }

    /// How it came that the blob is not stored in `epoch`; `None` if it is certified.
    pub fn end(&self, epoch: Epoch) -> Option<BlobEnd> {
        if self.available_until(epoch).is_some() {
            return None;
        }
        let kept = self.latest_end(|object| object.is_certified && !object.is_deleted);
        let was_certified = self.objects.values().any(|object| object.is_certified);
        Some(match kept {
            Some(end_epoch) => BlobEnd::Expired { end_epoch },
            None if was_certified => BlobEnd::Deleted,
            None if self.objects.is_empty() => BlobEnd::NeverStored,
            None => BlobEnd::NeverCertified,
        })
    }

    fn latest_end(&self, counts: impl Fn(&Object) -> bool) -> Option<Epoch> {
        let objects = self.objects.values().filter(|object| counts(object));
        let ends = objects.filter_map(|object| match object.end {
            End::Own(end) => Some(end),
            End::OfPool(pool) => self.pools.get(&pool).copied(),
        });
        ends.max()
    }

    fn apply(&mut self, event: &ContractEvent) {
        match event {
            ContractEvent::BlobRegistered(event) => {
                self.register(&event.blob_id, event.object_id, End::Own(event.end_epoch));
            }
            ContractEvent::BlobCertified(event) => {
                self.change(&event.blob_id, event.object_id, |object| {
                    object.is_certified = true;
                    object.end = End::Own(event.end_epoch);
                });
            }
            ContractEvent::BlobDeleted(event) => self.delete(&event.blob_id, event.object_id),
            ContractEvent::StoragePoolCreated(event) => {
                self.set_pool(event.storage_pool_id, event.end_epoch);
            }
            ContractEvent::StoragePoolExtended(event) => {
                self.set_pool(event.storage_pool_id, event.new_end_epoch);
            }
            ContractEvent::PooledBlobRegistered(event) => {
                let end = End::OfPool(event.storage_pool_id);
                self.register(&event.blob_id, event.object_id, end);
            }
            ContractEvent::PooledBlobCertified(event) => {
                self.change(&event.blob_id, event.object_id, |object| {
                    object.is_certified = true;
                });
            }
            ContractEvent::PooledBlobDeleted(event) => {
                self.delete(&event.blob_id, event.object_id);
            }
            _ => {}
        }
    }

    fn register(&mut self, blob_id: &BlobId, id: Address, end: End) {
        if *blob_id != self.blob_id || !self.has_room(self.objects.len()) {
            return;
        }
        let object = Object {
            end,
            is_certified: false,
            is_deleted: false,
        };
        self.objects.insert(id, object);
    }

    fn change(&mut self, blob_id: &BlobId, id: Address, change: impl FnOnce(&mut Object)) {
        if *blob_id == self.blob_id
            && let Some(object) = self.objects.get_mut(&id)
        {
            change(object);
        }
    }

    fn delete(&mut self, blob_id: &BlobId, id: Address) {
        self.change(blob_id, id, |object| object.is_deleted = true);
    }

    fn set_pool(&mut self, id: Address, end: Epoch) {
        if self.has_room(self.pools.len()) {
            self.pools.insert(id, end);
        }
    }

    fn has_room(&mut self, count: usize) -> bool {
        self.is_complete &= count < HISTORY_OBJECTS;
        self.is_complete
    }
}

#[cfg(test)]
mod tests {
    use walrus_sui::events::{BlobCertified, BlobDeleted, BlobRegistered};

    use super::*;

    const BLOB: BlobId = BlobId([7; 32]);

    fn object(byte: u8) -> Address {
        Address::new([byte; 32])
    }

    fn registered(blob_id: BlobId, byte: u8, end_epoch: Epoch) -> ContractEvent {
        ContractEvent::BlobRegistered(BlobRegistered {
            epoch: 1,
            blob_id,
            size: 1,
            encoding_type: 1,
            end_epoch,
            deletable: true,
            object_id: object(byte),
        })
    }

    fn certified(blob_id: BlobId, byte: u8, end_epoch: Epoch) -> ContractEvent {
        ContractEvent::BlobCertified(BlobCertified {
            epoch: 1,
            blob_id,
            end_epoch,
            deletable: true,
            object_id: object(byte),
            is_extension: false,
        })
    }

    fn deleted(byte: u8) -> ContractEvent {
        ContractEvent::BlobDeleted(BlobDeleted {
            epoch: 1,
            blob_id: BLOB,
            end_epoch: 0,
            object_id: object(byte),
            was_certified: true,
        })
    }

    fn history(events: &[ContractEvent]) -> BlobHistory {
        let mut history = BlobHistory::new(BLOB);
        for event in events {
            history.apply(event);
        }
        history
    }

    #[test]
    fn the_latest_end_of_what_is_certified_and_there_counts() {
        let history = history(&[
            registered(BLOB, 1, 3),
            certified(BLOB, 1, 3),
            registered(BLOB, 2, 5),
            certified(BLOB, 2, 5),
            // Extended.
            certified(BLOB, 2, 6),
            registered(BLOB, 3, 9),
            registered(BLOB, 4, 8),
            certified(BLOB, 4, 8),
            deleted(4),
            registered(BlobId([8; 32]), 5, 20),
            certified(BlobId([8; 32]), 5, 20),
        ]);
        assert_eq!(history.available_until(2), Some(6));
        assert_eq!(history.registered_until(2), Some(9));
        assert_eq!(history.end(5), None);
        assert_eq!(history.available_until(6), None);
        assert_eq!(history.end(6), Some(BlobEnd::Expired { end_epoch: 6 }));
    }

    #[test]
    fn expired_deleted_and_never_stored_are_told_apart() {
        assert_eq!(history(&[]).end(1), Some(BlobEnd::NeverStored));
        let mut events = vec![registered(BLOB, 1, 3)];
        assert_eq!(history(&events).end(4), Some(BlobEnd::NeverCertified));
        events.push(certified(BLOB, 1, 3));
        assert_eq!(
            history(&events).end(4),
            Some(BlobEnd::Expired { end_epoch: 3 })
        );
        events.push(deleted(1));
        assert_eq!(history(&events).end(2), Some(BlobEnd::Deleted));
    }

    #[test]
    fn too_many_objects_make_it_incomplete() {
        let mut history = BlobHistory::new(BLOB);
        for number in 0..=HISTORY_OBJECTS {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_be_bytes());
            history.register(&BLOB, Address::new(id), End::Own(1));
        }
        assert!(!history.is_complete);
        assert_eq!(history.objects.len(), HISTORY_OBJECTS);
    }
}
