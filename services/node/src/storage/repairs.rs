//! Repair queue: what is missing of which blob, why, and since when. Node spec 5.1.
//!
//! An entry names a sliver: blob, shard and sliver type. Where nobody has looked yet what is missing, as after an event, an entry for
//! the whole blob stands for it until recovery gets there; so an event costs one write, however many slivers a node should hold.
//! Entries go one by one as slivers come, and survive a restart.

use std::{
    borrow::BorrowMut,
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Bound,
};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_service::{
    clock::Clock,
    tables::{Batch, Database, Key, TableError},
};

use super::{
    Page, Storage, StorageError, Update,
    records::SyncReason,
    tables::{BlobKey, ShardKey, Tables},
};
use crate::limits::SCAN_BATCH;

/// What is missing of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// A sliver.
    Sliver(ShardIndex, SliverType),
    /// Whatever turns out to be missing, metadata included.
    Whole,
}

/// An entry: the blob (32), then the shard (2) and the sliver type (1), or what stands behind all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RepairKey {
    pub(super) blob_id: BlobId,
    pub(super) part: Part,
}

/// The shard of an entry for a whole blob: no network has so many.
const NO_SHARD: ShardIndex = ShardIndex(u16::MAX);
const PRIMARY: u8 = 0;
const SECONDARY: u8 = 1;
const WHOLE: u8 = 2;

impl Key for RepairKey {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let (shard, tag) = match self.part {
            Part::Sliver(shard, SliverType::Primary) => (shard, PRIMARY),
            Part::Sliver(shard, SliverType::Secondary) => (shard, SECONDARY),
            Part::Whole => (NO_SHARD, WHOLE),
        };
        BlobKey(self.blob_id).encode(bytes);
        ShardKey(shard).encode(bytes);
        tag.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let BlobKey(blob_id) = Key::decode(bytes)?;
        let ShardKey(shard) = Key::decode(bytes)?;
        let part = match u8::decode(bytes)? {
            PRIMARY => Part::Sliver(shard, SliverType::Primary),
            SECONDARY => Part::Sliver(shard, SliverType::Secondary),
            WHOLE => Part::Whole,
            _ => return None,
        };
        Some(Self { blob_id, part })
    }
}

/// Why an entry is in the queue, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepairRecord {
    /// Why.
    pub reason: SyncReason,
    /// When it was queued, in milliseconds since 1970.
    pub since_ms: u64,
}

impl RepairRecord {
    /// The record after the part was queued once more: what fills a shard goes on doing so, whoever queues it again, since the shard
    /// would count as complete otherwise. What was thought to be lost for good is worth another try.
    fn queued_again(self, reason: SyncReason) -> Self {
        let reason = match (self.reason, reason) {
            (SyncReason::FillShards, _) | (_, SyncReason::FillShards) => SyncReason::FillShards,
            (SyncReason::Unrecoverable, again) => again,
            (before, _) => before,
        };
        Self { reason, ..self }
    }
}

/// The entries of one blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedBlob {
    /// The blob.
    pub blob_id: BlobId,
    /// What is missing of it, as far as is known.
    pub parts: BTreeMap<Part, RepairRecord>,
}

impl QueuedBlob {
    /// Why it is queued: that it fills a shard, if it does.
    pub fn reason(&self) -> Option<SyncReason> {
        let reasons = || self.parts.values().map(|record| record.reason);
        let fills = reasons().find(|reason| *reason == SyncReason::FillShards);
        fills.or_else(|| reasons().next())
    }

    /// Whether a shard waits for it.
    pub fn fills_shards(&self) -> bool {
        self.reason() == Some(SyncReason::FillShards)
    }

    /// Whether nothing else of it is missing.
    pub fn only_fills_shards(&self) -> bool {
        let mut records = self.parts.values();
        records.all(|record| record.reason == SyncReason::FillShards)
    }
}

/// What of the queue has one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReasonTotals {
    /// Blobs; one with entries for several reasons counts for each.
    pub blobs: u64,
    /// Entries.
    pub entries: u64,
    /// When the oldest was queued, in milliseconds since 1970.
    pub oldest_ms: Option<u64>,
}

/// The queue in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueTotals {
    /// Blobs with an entry.
    pub blobs: u64,
    /// Entries.
    pub entries: u64,
    /// By reason; only those that there are.
    pub by_reason: BTreeMap<SyncReason, ReasonTotals>,
}

impl QueueTotals {
    /// Adds the entries of a blob.
    pub fn add(&mut self, queued: &QueuedBlob) {
        self.blobs = self.blobs.saturating_add(1);
        let mut reasons = BTreeSet::new();
        for record in queued.parts.values() {
            self.entries = self.entries.saturating_add(1);
            let totals = self.by_reason.entry(record.reason).or_default();
            totals.entries = totals.entries.saturating_add(1);
            if reasons.insert(record.reason) {
                totals.blobs = totals.blobs.saturating_add(1);
            }
            let oldest = totals.oldest_ms.get_or_insert(record.since_ms);
            *oldest = record.since_ms.min(*oldest);
        }
    }
}

/// Takes over the queue of blobs, as it was up to the second format of the tables.
pub(super) fn migrate(database: &Database) -> Result<(), TableError> {
    let before = database.table::<BlobKey, SyncReason>("blob_syncs")?;
    let repairs = database.table::<RepairKey, RepairRecord>("repairs")?;
    let since_ms = Clock::system().unix_ms();
    for page in before.pages(SCAN_BATCH) {
        let mut batch = database.batch();
        for (key, reason) in page? {
            let entry = RepairKey {
                blob_id: key.0,
                part: Part::Whole,
            };
            batch.insert(&repairs, &entry, &RepairRecord { reason, since_ms })?;
            batch.remove(&before, &key);
        }
        batch.commit()?;
    }
    Ok(())
}

impl Tables {
    /// Queues what is lost of a blob. Also if it is queued already: its recovery may be about to end, without what has just been
    /// lost.
    pub(super) fn queue_lost(
        &self,
        batch: &mut Batch,
        blob_id: &BlobId,
        part: Part,
        reason: SyncReason,
    ) -> Result<(), StorageError> {
        let key = RepairKey {
            blob_id: *blob_id,
            part,
        };
        let record = match self.repairs.get(&key)? {
            Some(record) => record.queued_again(reason),
            None => RepairRecord {
                reason,
                since_ms: Clock::system().unix_ms(),
            },
        };
        Ok(batch.insert(&self.repairs, &key, &record)?)
    }

    /// The entries of a blob: two for each shard at the most, and one for the whole.
    fn queued_of(&self, blob_id: &BlobId) -> Result<QueuedBlob, StorageError> {
        let mut parts = BTreeMap::new();
        let first = RepairKey {
            blob_id: *blob_id,
            part: Part::Sliver(ShardIndex(0), SliverType::Primary),
        };
        let last = RepairKey {
            blob_id: *blob_id,
            part: Part::Whole,
        };
        for page in self.repairs.pages_in(first..=last, SCAN_BATCH) {
            parts.extend(page?.into_iter().map(|(key, record)| (key.part, record)));
        }
        Ok(QueuedBlob {
            blob_id: *blob_id,
            parts,
        })
    }
}

/// What is queued.
impl Storage {
    /// Whether something of a blob is to be recovered.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn is_queued(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        Ok(!self.queued_of(blob_id)?.parts.is_empty())
    }

    /// Why something of a blob is to be recovered, if it is.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn queued_for(&self, blob_id: &BlobId) -> Result<Option<SyncReason>, StorageError> {
        Ok(self.queued_of(blob_id)?.reason())
    }

    /// How often the queue was searched on disk since the storage was opened. While it is in memory, that does not grow, however often it is
    /// looked at.
    pub fn queue_searches(&self) -> u64 {
        self.tables.repairs.searches()
    }

    /// The entries of a blob.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn queued_of(&self, blob_id: &BlobId) -> Result<QueuedBlob, StorageError> {
        self.tables.queued_of(blob_id)
    }

    /// Blobs of which something is to be recovered: the first page of those behind `last`, or of all. None are left if it is empty.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn queued_behind(&self, last: Option<BlobId>) -> Result<Vec<QueuedBlob>, StorageError> {
        let start = last.map_or(Bound::Unbounded, |blob_id| {
            Bound::Excluded(RepairKey {
                blob_id,
                part: Part::Whole,
            })
        });
        let table = &self.tables.repairs;
        let page = table
            .pages_in((start, Bound::Unbounded), SCAN_BATCH)
            .next()
            .transpose()?;
        let mut blobs: Vec<QueuedBlob> = Vec::new();
        for (RepairKey { blob_id, part }, record) in page.into_iter().flatten() {
            match blobs.last_mut() {
                Some(queued) if queued.blob_id == blob_id => {
                    queued.parts.insert(part, record);
                }
                _ => blobs.push(QueuedBlob {
                    blob_id,
                    parts: BTreeMap::from([(part, record)]),
                }),
            }
        }
        // The page may end among the entries of the last blob.
        if let Some(queued) = blobs.last_mut() {
            *queued = self.queued_of(&queued.blob_id)?;
        }
        Ok(blobs)
    }

    /// Every entry, by the blob and the reason.
    pub fn queued(&self) -> impl Iterator<Item = Page<BlobId, SyncReason>> {
        let pages = self.tables.repairs.pages(SCAN_BATCH);
        pages.map(|page: Result<Vec<(RepairKey, RepairRecord)>, _>| {
            let entries = page?.into_iter();
            Ok(entries
                .map(|(key, record)| (key.blob_id, record.reason))
                .collect())
        })
    }

    /// How many blobs wait for what is missing of them, counted up to `limit`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn count_queued(&self, limit: u64) -> Result<u64, StorageError> {
        let (mut count, mut last) = (0_u64, None);
        for page in self.queued() {
            for (blob_id, _) in page? {
                if count >= limit {
                    return Ok(count);
                }
                if last.replace(blob_id) != Some(blob_id) {
                    count = count.saturating_add(1);
                }
            }
        }
        Ok(count)
    }

    /// Whether anything waits that can be had, as far as is known: entries of which nobody has enough do not count, nor do those of
    /// certified blobs in `deferred`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn waits_for_recovery(&self, deferred: &HashSet<BlobId>) -> Result<bool, StorageError> {
        for page in self.queued() {
            let waits = |(blob_id, reason): &(BlobId, SyncReason)| match reason {
                SyncReason::Unrecoverable => false,
                SyncReason::Certified => !deferred.contains(blob_id),
                SyncReason::FillShards | SyncReason::Lost | SyncReason::Ordered => true,
            };
            if page?.iter().any(waits) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Every verb fails if the database does, or if what it writes cannot be encoded.
impl<B: BorrowMut<Batch>> Update<'_, B> {
    /// Queues whatever is missing of a blob.
    pub fn queue(&mut self, blob_id: &BlobId, reason: SyncReason) -> Result<(), StorageError> {
        self.queue_part(blob_id, Part::Whole, reason)
    }

    /// Queues what is missing of a blob.
    pub fn queue_part(
        &mut self,
        blob_id: &BlobId,
        part: Part,
        reason: SyncReason,
    ) -> Result<(), StorageError> {
        let batch = self.batch.borrow_mut();
        self.tables.queue_lost(batch, blob_id, part, reason)
    }

    /// Takes out of the queue what is not missing any more.
    pub fn dequeue_part(&mut self, blob_id: &BlobId, part: Part) {
        let key = RepairKey {
            blob_id: *blob_id,
            part,
        };
        self.batch.borrow_mut().remove(&self.tables.repairs, &key);
    }

    /// Takes a blob out of the queue.
    pub fn dequeue(&mut self, blob_id: &BlobId) -> Result<(), StorageError> {
        for part in self.tables.queued_of(blob_id)?.parts.into_keys() {
            self.dequeue_part(blob_id, part);
        }
        Ok(())
    }

    /// Has the queue name exactly these parts of a blob. What was not named before takes reason and age from the entry for the
    /// whole.
    pub fn settle_queue(
        &mut self,
        blob_id: &BlobId,
        missing: &BTreeSet<Part>,
    ) -> Result<(), StorageError> {
        let queued = self.tables.queued_of(blob_id)?;
        for part in queued.parts.keys().filter(|part| !missing.contains(part)) {
            self.dequeue_part(blob_id, *part);
        }
        let whole = queued.parts.get(&Part::Whole).copied();
        for part in missing {
            let record = match (queued.parts.get(part), whole) {
                (Some(record), Some(whole)) => record.queued_again(whole.reason),
                (Some(_), None) => continue,
                (None, Some(whole)) => whole,
                (None, None) => {
                    self.queue_part(blob_id, *part, SyncReason::Lost)?;
                    continue;
                }
            };
            self.put(blob_id, *part, &record)?;
        }
        Ok(())
    }

    /// Leaves a blob in the queue that is to hold up no shard any more, since nobody has enough of it.
    pub fn let_go(&mut self, blob_id: &BlobId) -> Result<(), StorageError> {
        for (part, record) in self.tables.queued_of(blob_id)?.parts {
            let record = RepairRecord {
                reason: SyncReason::Unrecoverable,
                ..record
            };
            self.put(blob_id, part, &record)?;
        }
        Ok(())
    }

    fn put(
        &mut self,
        blob_id: &BlobId,
        part: Part,
        record: &RepairRecord,
    ) -> Result<(), StorageError> {
        let key = RepairKey {
            blob_id: *blob_id,
            part,
        };
        let batch = self.batch.borrow_mut();
        Ok(batch.insert(&self.tables.repairs, &key, record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_blob_lie_together_and_that_of_the_whole_last() {
        let key = |byte, part| RepairKey {
            blob_id: BlobId([byte; 32]),
            part,
        };
        let sliver = |shard, sliver_type| Part::Sliver(ShardIndex(shard), sliver_type);
        let keys = [
            key(1, sliver(0, SliverType::Primary)),
            key(1, sliver(0, SliverType::Secondary)),
            key(1, sliver(999, SliverType::Primary)),
            key(1, Part::Whole),
            key(2, sliver(0, SliverType::Primary)),
        ];
        let bytes = keys.map(|key| key.to_bytes());
        assert!(bytes.is_sorted() && keys.is_sorted());
        for (key, bytes) in keys.iter().zip(bytes) {
            assert_eq!(RepairKey::from_bytes(&bytes), Some(*key));
        }
    }

    #[test]
    fn what_fills_a_shard_goes_on_doing_so_and_what_was_given_up_is_tried_again() {
        use SyncReason::{Certified, FillShards, Lost, Unrecoverable};
        for (before, again, after) in [
            (FillShards, Lost, FillShards),
            (Certified, FillShards, FillShards),
            (Certified, Lost, Certified),
            (Unrecoverable, Lost, Lost),
        ] {
            let record = RepairRecord {
                reason: before,
                since_ms: 7,
            };
            let expected = RepairRecord {
                reason: after,
                since_ms: 7,
            };
            assert_eq!(record.queued_again(again), expected);
        }
    }
}
