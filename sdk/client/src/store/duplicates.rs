//! Deduplication: the same blob several times in one store is stored once.

use std::collections::HashMap;

use walrus_core::BlobId;

use super::{Store, record::Record};
use crate::{ClientError, EventOrObject, StoreFailure, Stored, manifest::is_of_shared_parts};

/// What makes two blobs the same: the content, and what the user writes on the object.
type Key = (BlobId, Vec<(String, String)>);

/// The blobs that a store is done with, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Known(HashMap<Key, Result<Stored, StoreFailure>>);

impl Store<'_> {
    /// Finds blobs that an earlier one stands for.
    pub(super) fn join_duplicates(&mut self) {
        let mut first: HashMap<Key, usize> = HashMap::new();
        for (place, record) in self.records.iter_mut().enumerate() {
            let Some(key) = key(record).filter(|_| record.result.is_none()) else {
                continue;
            };
            let original = *first.entry(key).or_insert(place);
            record.same_as = Some(original).filter(|original| *original != place);
        }
    }

    /// Ends the blobs that were stored before.
    pub(super) fn take_known(&mut self, known: &Known) {
        let open = self.records.iter_mut().filter(|r| r.result.is_none());
        for record in open {
            let result = key(record).and_then(|key| known.0.get(&key));
            record.result = result.map(again);
        }
    }

    /// Ends the blobs that another one stood for, and remembers what is stored now.
    pub(super) fn end_duplicates(&mut self, known: &mut Known) {
        for place in 0..self.records.len() {
            let record = self.records.get(place);
            let original = record.and_then(|record| self.records.get(record.same_as?));
            let result = original.and_then(|record| record.result.as_ref());
            let result = result.map(again);
            self.note(place, |record| {
                record.result = record.result.take().or(result);
                if let (Some(key), Some(result)) = (key(record), &record.result)
                    && is_final(result)
                {
                    known.0.entry(key).or_insert_with(|| result.clone());
                }
            });
        }
    }
}

fn key(record: &Record) -> Option<Key> {
    let wished = record.attributes.iter();
    let wished = wished.filter(|(key, _)| !is_of_shared_parts(key));
    Some((record.blob_id?, wished.cloned().collect()))
}

/// Whether another try would end in the same way.
fn is_final(result: &Result<Stored, StoreFailure>) -> bool {
    match result {
        Ok(_) => true,
        Err(failure) => matches!(*failure.error, ClientError::MarkedInvalid { .. }),
    }
}

/// The result of storing again what was just stored.
fn again(result: &Result<Stored, StoreFailure>) -> Result<Stored, StoreFailure> {
    match result {
        Ok(Stored::NewlyCreated { blob_object, .. }) => Ok(Stored::AlreadyCertified {
            blob_id: blob_object.blob_id,
            event_or_object: EventOrObject::Object(blob_object.id),
            end_epoch: blob_object.storage.end_epoch,
        }),
        other => other.clone(),
    }
}
