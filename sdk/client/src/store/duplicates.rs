//! The same blob several times in one store is stored once.

use std::collections::HashMap;

use walrus_core::BlobId;

use super::{Store, slot::Slot};
use crate::{BlobStoreResult, EventOrObject};

/// What makes two blobs the same: the content, and what is written on the object.
type Key = (BlobId, Vec<(String, String)>);

/// The blobs that a store is done with, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<Key, BlobStoreResult>);

impl Store<'_> {
    /// Finds blobs that an earlier one stands for. Their slivers are given up.
    pub(super) fn join_duplicates(&mut self) {
        let mut first: HashMap<Key, usize> = HashMap::new();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let Some(key) = key(slot).filter(|_| slot.result.is_none()) else {
                continue;
            };
            let original = *first.entry(key).or_insert(index);
            if original != index {
                slot.same_as = Some(original);
                slot.encoded = None;
            }
        }
    }

    /// Ends the blobs that were stored before.
    pub(super) fn take_known(&mut self, known: &Known) {
        for slot in self.slots.iter_mut().filter(|slot| slot.result.is_none()) {
            if let Some(result) = key(slot).and_then(|key| known.0.get(&key)) {
                slot.result = Some(again(result));
                slot.encoded = None;
            }
        }
    }

    /// Ends the blobs that another one stood for, and remembers what is stored now.
    pub(super) fn end_duplicates(&mut self, known: &mut Known) {
        for index in 0..self.slots.len() {
            let slot = self.slots.get(index);
            let original = slot.and_then(|slot| self.slots.get(slot.same_as?));
            let result = original.and_then(|slot| slot.result.as_ref()).map(again);
            let Some(slot) = self.slots.get_mut(index) else {
                continue;
            };
            slot.result = slot.result.take().or(result);
            if let (Some(key), Some(result)) = (key(slot), &slot.result)
                && !matches!(result, BlobStoreResult::Error { .. })
            {
                known.0.entry(key).or_insert_with(|| result.clone());
            }
        }
    }
}

fn key(slot: &Slot) -> Option<Key> {
    Some((slot.identity?.blob_id, slot.attributes.clone()))
}

/// The result of storing again what was just stored.
fn again(result: &BlobStoreResult) -> BlobStoreResult {
    match result {
        BlobStoreResult::NewlyCreated { blob_object, .. } => BlobStoreResult::AlreadyCertified {
            blob_id: blob_object.blob_id,
            event_or_object: EventOrObject::Object(blob_object.id),
            end_epoch: blob_object.storage.end_epoch,
        },
        other => other.clone(),
    }
}
