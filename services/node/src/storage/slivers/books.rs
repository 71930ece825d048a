//! Books of a shard: its segments with their counters, and changes of them, each one batch of the database.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use walrus_core::{Epoch, ShardIndex};
use walrus_service::tables::{Batch, Bytes};

use super::super::{
    StorageError,
    records::{Place, SegmentRecord, SegmentState, SyncReason},
    segments::record::record_bytes,
    tables::{AheadKey, ShardKey, SliverKey, Tables},
};

/// The segments of one shard.
#[derive(Debug)]
pub(super) struct Books {
    shard: ShardIndex,
    /// Held by whoever changes places or segments of the shard, so that what is in the database and in memory agree.
    writer: Mutex<Writer>,
    /// Held while segments are synchronized: who waits for it finds them durable.
    syncing: Mutex<()>,
    segments: RwLock<BTreeMap<u32, SegmentRecord>>,
}

/// What only the one who writes needs.
#[derive(Debug, Default)]
pub(super) struct Writer {
    /// The segment of each class that is appended to.
    pub(super) active: BTreeMap<Epoch, u32>,
    /// The next number, none when all are used up.
    pub(super) next: Option<u32>,
    /// Segments of which something is written and not durable, and how many bytes.
    pub(super) unsynced: BTreeMap<u32, u64>,
    /// Whether the shard is gone; somebody may still have its books.
    pub(super) retired: bool,
}

/// A segment that nothing refers to any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Emptied {
    pub(super) shard: ShardIndex,
    pub(super) number: u32,
    pub(super) record: SegmentRecord,
}

/// Changes of places and segments that happen together when [`Change::commit`] is called, or not at all.
#[derive(Debug)]
pub(super) struct Change<'a> {
    books: &'a Books,
    tables: &'a Tables,
    pub(super) writer: MutexGuard<'a, Writer>,
    pub(super) batch: Batch,
    places: HashMap<SliverKey, Option<Place>>,
    segments: BTreeMap<u32, SegmentRecord>,
    /// What was appended to segments and may not be durable there.
    ahead: Vec<(AheadKey, Bytes)>,
    /// A segment that stays in the books though nothing in it counts yet.
    kept: Option<u32>,
}

impl Books {
    pub(super) fn new(shard: ShardIndex, segments: BTreeMap<u32, SegmentRecord>) -> Self {
        let last = segments.last_key_value().map(|(number, _)| *number);
        let mut active = BTreeMap::new();
        for (number, record) in &segments {
            if record.state == SegmentState::Open {
                active.insert(record.class, *number);
            }
        }
        let writer = Writer {
            active,
            next: last.map_or(Some(0), |last| last.checked_add(1)),
            unsynced: BTreeMap::new(),
            retired: false,
        };
        Self {
            shard,
            writer: Mutex::new(writer),
            syncing: Mutex::default(),
            segments: RwLock::new(segments),
        }
    }

    pub(super) fn shard(&self) -> ShardIndex {
        self.shard
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Writer> {
        // Poisoning is harmless: memory changes only after everything has succeeded.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to synchronize segments of this shard.
    pub(super) fn syncing(&self) -> MutexGuard<'_, ()> {
        self.syncing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to change this shard, with a change that is still empty.
    ///
    /// # Errors
    /// [`StorageError::NoShard`] if the shard was removed.
    pub(super) fn change<'a>(&'a self, tables: &'a Tables) -> Result<Change<'a>, StorageError> {
        let writer = self.lock();
        if writer.retired {
            return Err(StorageError::NoShard(self.shard));
        }
        Ok(Change {
            books: self,
            tables,
            writer,
            batch: tables.batch(),
            places: HashMap::new(),
            segments: BTreeMap::new(),
            ahead: Vec::new(),
            kept: None,
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<u32, SegmentRecord>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<u32, SegmentRecord>> {
        self.segments
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn segment(&self, number: u32) -> Option<SegmentRecord> {
        self.read().get(&number).copied()
    }

    /// Every segment, in the order of their numbers.
    pub(super) fn segments(&self) -> Vec<(u32, SegmentRecord)> {
        let segments = self.read();
        segments.iter().map(|(n, record)| (*n, *record)).collect()
    }

    /// The first segment with this number or a later one.
    pub(super) fn segment_from(&self, number: u32) -> Option<(u32, SegmentRecord)> {
        let segments = self.read();
        let next = segments.range(number..).next();
        next.map(|(number, record)| (*number, *record))
    }
}

impl Change<'_> {
    pub(super) fn shard(&self) -> ShardIndex {
        self.books.shard
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.segments.is_empty() && self.batch.is_empty()
    }

    /// How many slivers it is about.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Where a sliver lies after the change.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn place(&self, key: &SliverKey) -> Result<Option<Place>, StorageError> {
        match self.places.get(key) {
            Some(place) => Ok(*place),
            None => Ok(self.tables.places.get(key)?),
        }
    }

    /// A segment as it is after the change.
    pub(super) fn segment(&self, number: u32) -> Option<SegmentRecord> {
        let changed = self.segments.get(&number).copied();
        changed.or_else(|| self.books.segment(number))
    }

    pub(super) fn set_segment(&mut self, number: u32, record: SegmentRecord) {
        self.segments.insert(number, record);
    }

    /// Has the database keep what was appended to a segment and may not be durable there.
    pub(super) fn keep_ahead(&mut self, key: AheadKey, records: Bytes) {
        self.ahead.push((key, records));
    }

    /// Leaves a segment in the books though nothing in it may count yet.
    pub(super) fn keep(&mut self, number: u32) {
        self.kept = Some(number);
    }

    /// Nothing is appended to a segment any more.
    pub(super) fn retire_segment(&mut self, number: u32, state: SegmentState) {
        self.writer.active.retain(|_, active| *active != number);
        if let Some(record) = self.segment(number)
            && record.state != SegmentState::Quarantined
        {
            self.set_segment(number, SegmentRecord { state, ..record });
        }
    }

    /// A sliver lies at `place` from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn put(&mut self, key: SliverKey, place: Place) -> Result<(), StorageError> {
        self.take(&key)?;
        if let Some(mut record) = self.segment(place.segment) {
            record.live_records = record.live_records.saturating_add(1);
            record.live_bytes = record.live_bytes.saturating_add(record_bytes(place.length));
            self.set_segment(place.segment, record);
        }
        self.places.insert(key, Some(place));
        Ok(())
    }

    /// A sliver lies nowhere from now on; returns whether it lay somewhere.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn take(&mut self, key: &SliverKey) -> Result<bool, StorageError> {
        let Some(place) = self.place(key)? else {
            return Ok(false);
        };
        if let Some(mut record) = self.segment(place.segment) {
            record.live_records = record.live_records.saturating_sub(1);
            record.live_bytes = record.live_bytes.saturating_sub(record_bytes(place.length));
            self.set_segment(place.segment, record);
        }
        self.places.insert(*key, None);
        Ok(true)
    }

    /// Takes out slivers whose bytes are not there any more, and queues them, so that they are recovered.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn lose(&mut self, key: &SliverKey, reason: SyncReason) -> Result<(), StorageError> {
        self.take(key)?;
        self.tables
            .queue_lost(&mut self.batch, &key.blob_id, key.part(), reason)
    }

    /// Writes everything. Segments without a record that counts leave the books; their files are for the caller to remove, once
    /// the database is durable.
    ///
    /// # Errors
    /// If the database fails; then nothing has changed.
    pub(super) fn commit(mut self) -> Result<Vec<Emptied>, StorageError> {
        let mut batch = std::mem::replace(&mut self.batch, self.tables.batch());
        let emptied = self.write_to(&mut batch)?;
        batch.commit()?;
        self.was_committed(&emptied);
        Ok(emptied)
    }

    /// Adds everything to a batch, which has what else is to happen together with it; returns the segments that leave the books.
    /// [`Change::was_committed`] follows when it was written.
    ///
    /// # Errors
    /// If something cannot be encoded.
    pub(super) fn write_to(&mut self, batch: &mut Batch) -> Result<Vec<Emptied>, StorageError> {
        let (tables, shard) = (self.tables, self.books.shard);
        for (key, place) in &self.places {
            match place {
                Some(place) => batch.insert(&tables.places, key, place)?,
                None => batch.remove(&tables.places, key),
            }
        }
        for (key, records) in &self.ahead {
            batch.insert(&tables.ahead, key, records)?;
        }
        let mut emptied = Vec::new();
        for (number, record) in &self.segments {
            let key = (ShardKey(shard), *number);
            if record.live_records == 0 && self.kept != Some(*number) {
                batch.remove(&tables.segments, &key);
                emptied.push(Emptied {
                    shard,
                    number: *number,
                    record: *record,
                });
            } else {
                batch.insert(&tables.segments, &key, record)?;
            }
        }
        Ok(emptied)
    }

    /// What [`Change::write_to`] has added to a batch is in the database.
    pub(super) fn was_committed(mut self, emptied: &[Emptied]) {
        let gone: HashSet<u32> = emptied.iter().map(|emptied| emptied.number).collect();
        self.writer
            .active
            .retain(|_, number| !gone.contains(number));
        let mut segments = self.books.write();
        for (number, record) in self.segments {
            if gone.contains(&number) {
                segments.remove(&number);
            } else {
                segments.insert(number, record);
            }
        }
    }

    /// Adds an empty segment to the books, durably, before there is a file: what is found in the directory and not in the books is
    /// left over from something.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn begin_segment(
        &mut self,
        number: u32,
        record: SegmentRecord,
    ) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        let key = (ShardKey(self.books.shard), number);
        batch.insert(&self.tables.segments, &key, &record)?;
        batch.commit_durably()?;
        self.books.write().insert(number, record);
        Ok(())
    }

    /// Takes a segment that was just begun out of the books again.
    ///
    /// # Errors
    /// If the database fails.
    pub(super) fn abandon_segment(&mut self, number: u32) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        let key = (ShardKey(self.books.shard), number);
        batch.remove(&self.tables.segments, &key);
        batch.commit()?;
        self.books.write().remove(&number);
        self.segments.remove(&number);
        Ok(())
    }
}
