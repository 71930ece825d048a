//! Write-ahead rows: small slivers are durable in the database, with one synchronization for all shards of an upload, before their segments are.
//!
//! A synchronization of its own for each segment costs a small upload far more than its bytes. So these are appended to the segments as
//! always, and in the batch that has their places the same bytes are rows of a table. Once there are many of them, the segments are
//! synchronized and the rows go. After a crash what the rows have is written to its segments again, before anybody looks at them.

use std::sync::{
    PoisonError, RwLock, RwLockReadGuard,
    atomic::{AtomicU64, Ordering},
};

use walrus_core::ShardIndex;
use walrus_service::tables::Bytes;

use super::{
    super::{
        StorageError,
        segments::{
            record::{HEADER_BYTES, Header},
            scan::SegmentFile,
        },
        tables::{AheadKey, ShardKey},
    },
    Books, SliverStore,
};
use crate::limits::{AHEAD_BYTES, SCAN_BATCH};

/// The rows that there are.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Had shared while rows and what they are about are written; alone while segments are synchronized and rows go.
    gate: RwLock<()>,
    /// The first that there may be: those before it were removed, and are in the way of who looks for them.
    first: AtomicU64,
    /// The next one.
    next: AtomicU64,
    /// Bytes of all of them.
    bytes: AtomicU64,
}

/// The right to write rows.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    _gate: RwLockReadGuard<'a, ()>,
    /// The number of the rows.
    pub(super) number: u64,
}

impl Ahead {
    /// The right to write rows, all of which have one number.
    pub(super) fn write(&self) -> Writing<'_> {
        Writing {
            _gate: self.gate.read().unwrap_or_else(PoisonError::into_inner),
            number: self.next.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Notes bytes that were written; returns whether it is time for [`SliverStore::settle_ahead`].
    pub(super) fn note(&self, bytes: u64) -> bool {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        before.saturating_add(bytes) >= AHEAD_BYTES
    }
}

/// The first key with a number.
fn first_of(number: u64) -> AheadKey {
    (number, ((ShardKey(ShardIndex(0)), 0), 0))
}

impl SliverStore {
    /// Synchronizes the segments of all shards, and removes the rows: they are not needed any more.
    pub(in super::super) fn settle_ahead(&self) -> Result<(), StorageError> {
        let ahead = &self.ahead;
        let _gate = ahead.gate.write().unwrap_or_else(PoisonError::into_inner);
        if ahead.bytes.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        for books in self.all_books() {
            match self.sync(books.shard()) {
                // It was removed, and its segments with it.
                Err(StorageError::NoShard(_)) => {}
                synced => synced?,
            }
        }
        self.remove_rows()?;
        ahead.bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn remove_rows(&self) -> Result<(), StorageError> {
        let (ahead, table) = (&self.ahead, &self.tables.ahead);
        let (first, next) = (&ahead.first, ahead.next.load(Ordering::Relaxed));
        let range = first_of(first.load(Ordering::Relaxed))..first_of(next);
        for page in table.pages_in(range, SCAN_BATCH) {
            let mut batch = self.tables.batch();
            page?.iter().for_each(|(key, _)| batch.remove(table, key));
            batch.commit()?;
        }
        first.store(next, Ordering::Relaxed);
        Ok(())
    }

    /// Writes what the rows have to its segments again, and removes them: they are of a process that has not ended in order.
    pub(super) fn restore_ahead(&self) -> Result<(), StorageError> {
        let mut last = None;
        for page in self.tables.ahead.pages(SCAN_BATCH) {
            for ((number, ((ShardKey(shard), segment), offset)), records) in page? {
                last = Some(number);
                let Ok(books) = self.books(shard) else {
                    continue;
                };
                self.restore_records(&books, segment, offset, &records)?;
            }
        }
        let Some(last) = last else {
            return Ok(());
        };
        for books in self.all_books() {
            self.sync(books.shard())?;
        }
        let next = last.saturating_add(1);
        self.ahead.next.store(next, Ordering::Relaxed);
        self.remove_rows()
    }

    /// Writes records to where they were, if that is still the segment which they belong to.
    fn restore_records(
        &self,
        books: &Books,
        number: u32,
        offset: u64,
        records: &Bytes,
    ) -> Result<(), StorageError> {
        let Some(record) = books.segment(number) else {
            return Ok(());
        };
        let opened = match self.open_file(books.shard(), number, &record) {
            // What is gone is found so with the rest of its segment.
            Err(error) if error.is_loss() => return Ok(()),
            opened => opened?,
        };
        let (file, path) = (&*opened.0, &*opened.1);
        let salt = record.salt;
        let segment = SegmentFile { file, path, salt };
        let head = records.first_chunk::<HEADER_BYTES>();
        let header = head.map(|head| Header::decode(head, segment.seal(offset)));
        if !matches!(header, Some(Ok(Some(_)))) {
            tracing::warn!(path = %path.display(), offset, "records in the database are of another segment");
            return Ok(());
        }
        segment.write(records, offset)?;
        let bytes = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let mut writer = books.lock();
        let unsynced = writer.unsynced.entry(number).or_default();
        *unsynced = unsynced.saturating_add(bytes);
        Ok(())
    }
}

/// The key of the row that has what is written at a place.
pub(super) fn key(number: u64, shard: ShardIndex, segment: u32, offset: u64) -> AheadKey {
    (number, ((ShardKey(shard), segment), offset))
}
