//! Compaction: what still counts of a segment moves to others, so that the file can be unlinked.
//!
//! A segment is worth it when half of it does not count any more, and always if its class has ended (what is left was extended, or
//! nobody knows it), if damage was found in it, or if its disk is to be emptied. Slivers are read, checked, and appended as new ones are; the index changes over in one batch
//! with the counters, and the file goes when nothing refers to it. A crash in between leaves records that do not count.

use std::{collections::BTreeMap, sync::PoisonError};

use walrus_core::{Epoch, ShardIndex};

use super::{
    super::{
        Storage, StorageError,
        disks::Room,
        records::{Place, SegmentRecord, SegmentState, SyncReason},
        segments::{
            class::NO_KNOWN_END,
            record::{Header, record_bytes},
            scan::{Piece, SegmentFile},
        },
        tables::SliverKey,
    },
    Books, SliverStore,
    writing::{Durable, Item},
};

/// Bytes of slivers that are moved in one batch, but for the last of them.
const BATCH_BYTES: u64 = 4 << 20;
/// Smaller segments that are still appended to are left alone.
const MIN_ACTIVE_BYTES: u64 = 16 << 20;

/// What a step of compaction has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CompactStep {
    /// Bytes of records that were moved.
    pub moved_bytes: u64,
    /// Bytes of segments that were unlinked.
    pub freed_bytes: u64,
    /// Whether there is more to do.
    pub more: bool,
}

/// Where compaction is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor {
    shard: ShardIndex,
    number: u32,
    offset: u64,
}

/// A sliver that is to move.
struct Moving {
    key: SliverKey,
    place: Place,
    header: Header,
    payload: Vec<u8>,
}

/// Compaction.
impl Storage {
    /// Moves about `budget` bytes out of the segment for which it is most worth it, and unlinks it when it is empty.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn compact_step(&self, budget: u64) -> Result<CompactStep, StorageError> {
        self.slivers.compact_step(budget)
    }
}

impl SliverStore {
    fn compact_step(&self, budget: u64) -> Result<CompactStep, StorageError> {
        let mut cursor = self
            .compaction
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let current = cursor.filter(|cursor| self.is_there(*cursor));
        let Some(mut at) = (match current {
            Some(current) => Some(current),
            None => self.most_worth()?,
        }) else {
            *cursor = None;
            return Ok(CompactStep::default());
        };
        let result = self.compact(&mut at, budget);
        let step = result?;
        *cursor = self.is_there(at).then_some(at);
        Ok(step)
    }

    fn is_there(&self, cursor: Cursor) -> bool {
        let books = self.books(cursor.shard);
        books.is_ok_and(|books| books.segment(cursor.number).is_some())
    }

    /// The segment that gives most room back, if one is worth it.
    fn most_worth(&self) -> Result<Option<Cursor>, StorageError> {
        let now = self.tables.event_epoch.get()?.unwrap_or_default();
        let mut best: Option<(u64, Cursor)> = None;
        for books in self.all_books() {
            for (number, record) in books.segments() {
                let dead = record.end.saturating_sub(record.live_bytes);
                let cursor = Cursor {
                    shard: books.shard(),
                    number,
                    offset: 0,
                };
                if self.is_worth(&record, dead, now) && best.is_none_or(|(most, _)| dead > most) {
                    best = Some((dead, cursor));
                }
            }
        }
        Ok(best.map(|(_, cursor)| cursor))
    }

    fn is_worth(&self, record: &SegmentRecord, dead: u64, now: Epoch) -> bool {
        if record.live_records == 0 || self.disks.directory(record.disk).is_none() {
            return false;
        }
        if record.state == SegmentState::Quarantined || self.disks.is_draining(record.disk) {
            return true;
        }
        if has_ended(record, now) {
            return true;
        }
        let is_dead_enough = dead.saturating_mul(2) >= record.end;
        let is_large_enough = record.state != SegmentState::Open || record.end >= MIN_ACTIVE_BYTES;
        is_dead_enough && is_large_enough
    }

    fn compact(&self, at: &mut Cursor, budget: u64) -> Result<CompactStep, StorageError> {
        let books = self.books(at.shard)?;
        let mut change = books.change(&self.tables)?;
        change.retire_segment(at.number, SegmentState::Sealed);
        let Some(record) = change.segment(at.number) else {
            return Ok(CompactStep {
                more: true,
                ..CompactStep::default()
            });
        };
        let emptied = change.commit()?;
        self.remove_files(&emptied)?;
        let mut step = CompactStep {
            more: true,
            ..CompactStep::default()
        };
        while step.moved_bytes < budget.max(1) && at.offset < record.end {
            step.moved_bytes = step
                .moved_bytes
                .saturating_add(self.move_some(&books, at, &record)?);
        }
        if at.offset >= record.end {
            // What the index knows of and was not met has no record any more.
            let number = at.number;
            self.lose_where(&books, SyncReason::Lost, |place| place.segment == number)?;
        }
        if books.segment(at.number).is_none() {
            step.freed_bytes = record.end;
        }
        Ok(step)
    }

    /// Moves the next slivers of a segment; returns the bytes of their records.
    fn move_some(
        &self,
        books: &Books,
        at: &mut Cursor,
        record: &SegmentRecord,
    ) -> Result<u64, StorageError> {
        let (file, path) = match self.open_segment(books, at.number, record) {
            Ok(opened) => opened,
            Err(error) if error.is_loss() => {
                at.offset = record.end;
                return Ok(0);
            }
            Err(error) => return Err(error.into()),
        };
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        let end = record.end.min(segment.bytes()?);
        let mut moving = Vec::new();
        let (mut bytes, mut offset) = (0_u64, at.offset);
        while bytes < BATCH_BYTES {
            match segment.piece_at(offset, end)? {
                Piece::End => {
                    offset = record.end;
                    break;
                }
                Piece::Damage { until } => offset = until,
                Piece::Record(header) => {
                    let place = Place {
                        segment: at.number,
                        offset,
                        length: header.length,
                    };
                    offset = offset.saturating_add(header.record_bytes());
                    if let Some(sliver) = self.to_move(books, segment, place, header)? {
                        bytes = bytes.saturating_add(record_bytes(place.length));
                        moving.push(sliver);
                    }
                }
            }
        }
        self.rewrite(books, &moving)?;
        at.offset = offset;
        Ok(bytes)
    }

    /// The sliver at a place, if it counts; a damaged one is lost.
    fn to_move(
        &self,
        books: &Books,
        segment: SegmentFile<'_>,
        place: Place,
        header: Header,
    ) -> Result<Option<Moving>, StorageError> {
        let key = SliverKey {
            shard: books.shard(),
            sliver_type: header.sliver_type,
            blob_id: header.blob_id,
        };
        if self.tables.places.get(&key)? != Some(place) {
            return Ok(None);
        }
        let now = self.tables.event_epoch.get()?.unwrap_or_default();
        let ended = books
            .segment(place.segment)
            .is_some_and(|record| has_ended(&record, now));
        if ended && !self.is_wanted(&key)? {
            let mut change = books.change(&self.tables)?;
            change.take(&key)?;
            let emptied = change.commit()?;
            self.remove_files(&emptied)?;
            return Ok(None);
        }
        match segment.payload(place.offset, &header) {
            Ok(payload) => Ok(Some(Moving {
                key,
                place,
                header,
                payload,
            })),
            Err(error) if error.is_loss() => {
                self.find_lost(books, &key, place, &error)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rewrite(&self, books: &Books, moving: &[Moving]) -> Result<(), StorageError> {
        let change = books.change(&self.tables)?;
        let mut by_class: BTreeMap<Epoch, Vec<Item<'_>>> = BTreeMap::new();
        for sliver in moving {
            // Somebody may have removed it meanwhile.
            if change.place(&sliver.key)? == Some(sliver.place) {
                let class = self.class(&sliver.key.blob_id)?;
                by_class.entry(class).or_default().push(Item {
                    key: sliver.key,
                    header: sliver.header.clone(),
                    payload: &sliver.payload,
                });
            }
        }
        let emptied = self.append_all(change, &by_class, (Room::All, Durable::Now))?;
        self.remove_files(&emptied)
    }
}

/// Whether nothing belongs into a segment any more: its class is the first epoch without what was to end with it.
fn has_ended(record: &SegmentRecord, now: Epoch) -> bool {
    record.class != NO_KNOWN_END && record.class <= now
}
