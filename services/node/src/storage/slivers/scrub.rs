//! Scrub: reads every record that counts and checks it against its hash, so that damage is found while other nodes can still help.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walrus_core::ShardIndex;

use super::{
    super::{
        Storage, StorageError,
        records::{Place, SegmentRecord, SegmentState, SyncReason},
        segments::{
            record::{HEADER_BYTES, Header},
            scan::{Piece, SegmentFile},
        },
        tables::SliverKey,
    },
    Books, SliverStore,
};

/// Where a scrub goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrubPosition {
    /// The shard.
    pub shard: ShardIndex,
    /// The number of the segment.
    pub segment: u32,
    /// Bytes of it that are checked.
    pub offset: u64,
}

/// What a step of a scrub has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScrubStep {
    /// Where the next step begins; `None` at the end.
    pub next: Option<ScrubPosition>,
    /// Records that were checked.
    pub records: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Slivers that were found damaged; they are queued for recovery.
    pub damaged: u64,
}

/// Scrub.
impl Storage {
    /// Checks about `budget` bytes of slivers from `position` on, or from the first. What is damaged is taken out of the index and
    /// queued for recovery; what is left of its segment is moved by compaction.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn scrub_step(
        &self,
        position: Option<ScrubPosition>,
        budget: u64,
    ) -> Result<ScrubStep, StorageError> {
        self.slivers.scrub_step(position, budget)
    }
}

impl SliverStore {
    fn scrub_step(
        &self,
        position: Option<ScrubPosition>,
        budget: u64,
    ) -> Result<ScrubStep, StorageError> {
        let mut step = ScrubStep::default();
        let mut next = self.scrub_from(position.unwrap_or(ScrubPosition {
            shard: ShardIndex(0),
            segment: 0,
            offset: 0,
        }));
        while let Some((books, mut at, record)) = next {
            self.scrub_segment(&books, &mut at, record, budget, &mut step)?;
            next = self.scrub_from(at);
            if step.bytes >= budget {
                break;
            }
        }
        step.next = next.map(|(_, at, _)| at);
        Ok(step)
    }

    /// The segment at a position, or the next one.
    fn scrub_from(
        &self,
        position: ScrubPosition,
    ) -> Option<(Arc<Books>, ScrubPosition, SegmentRecord)> {
        let shards = self.read();
        for (shard, entry) in shards.range(position.shard..) {
            let mut from = if *shard == position.shard {
                position.segment
            } else {
                0
            };
            while let Some((segment, record)) = entry.books.segment_from(from) {
                let is_same = *shard == position.shard && segment == position.segment;
                let offset = if is_same { position.offset } else { 0 };
                if offset < record.end {
                    let at = ScrubPosition {
                        shard: *shard,
                        segment,
                        offset,
                    };
                    return Some((Arc::clone(&entry.books), at, record));
                }
                from = segment.checked_add(1)?;
            }
        }
        None
    }

    fn scrub_segment(
        &self,
        books: &Books,
        at: &mut ScrubPosition,
        record: SegmentRecord,
        budget: u64,
        step: &mut ScrubStep,
    ) -> Result<(), StorageError> {
        let number = at.segment;
        match self.check_path(books, number, &record) {
            Err(error) if error.is_loss() => {
                let lost = self.lose_segment(books, number)?;
                step.damaged = step.damaged.saturating_add(lost);
                at.offset = record.end;
                return Ok(());
            }
            checked => checked?,
        }
        let opened = self.open_segment(books, number, &record);
        let bytes = |file: &std::fs::File| file.metadata().map_or(0, |metadata| metadata.len());
        let (file, path) = match opened {
            Ok((file, path)) if bytes(&file) >= record.end => (file, path),
            Err(error) if !error.is_loss() => return Err(error.into()),
            found => {
                // Gone or cut off, unless it was unlinked in between.
                let until = found.map_or(0, |(file, _)| bytes(&file));
                let lost = self.lose_where(books, SyncReason::Certified, |place| {
                    place.segment == number && place.end() > until
                })?;
                step.damaged = step.damaged.saturating_add(lost);
                at.offset = record.end;
                return Ok(());
            }
        };
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        while step.bytes < budget {
            let offset = at.offset;
            match segment.piece_at(offset, record.end)? {
                Piece::End => {
                    at.offset = record.end;
                    return Ok(());
                }
                Piece::Damage { until } => {
                    let lost = self.lose_where(books, SyncReason::Certified, |place| {
                        place.segment == number && (offset..until).contains(&place.offset)
                    })?;
                    self.quarantine(books, number, lost)?;
                    step.damaged = step.damaged.saturating_add(lost);
                    step.bytes = step.bytes.saturating_add(until.saturating_sub(offset));
                    at.offset = until;
                }
                Piece::Record(header) => {
                    at.offset = offset.saturating_add(header.record_bytes());
                    self.scrub_record(books, number, segment, offset, &header, step)?;
                }
            }
        }
        Ok(())
    }

    fn scrub_record(
        &self,
        books: &Books,
        number: u32,
        segment: SegmentFile<'_>,
        offset: u64,
        header: &Header,
        step: &mut ScrubStep,
    ) -> Result<(), StorageError> {
        step.bytes = step.bytes.saturating_add(HEADER_BYTES as u64);
        let key = SliverKey {
            shard: books.shard(),
            sliver_type: header.sliver_type,
            blob_id: header.blob_id,
        };
        let place = Place {
            segment: number,
            offset,
            length: header.length,
        };
        if self.tables.places.get(&key)? != Some(place) {
            return Ok(());
        }
        step.records = step.records.saturating_add(1);
        step.bytes = step.bytes.saturating_add(u64::from(header.length));
        match segment.payload(offset, header) {
            Ok(_) => Ok(()),
            Err(error) if error.is_loss() => {
                step.damaged = step.damaged.saturating_add(1);
                self.find_lost(books, &key, place, &error)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Has what is left of a segment move on, in which so many slivers were lost.
    fn quarantine(&self, books: &Books, number: u32, lost: u64) -> Result<(), StorageError> {
        if lost == 0 || books.segment(number).is_none() {
            return Ok(());
        }
        let mut change = books.change(&self.tables)?;
        change.retire_segment(number, SegmentState::Quarantined);
        let emptied = change.commit()?;
        self.remove_files(&emptied)
    }
}
