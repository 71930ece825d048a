//! Scrub: reads every record that counts and checks it against its hash, so that damage is found while other nodes can still help.
//!
//! The hash of a record tells that it is what was written. Whether that is what the blob's metadata commit to is another question, and
//! costs an encoding for each sliver: it is asked of a sample, or of all.

use std::sync::Arc;

use rand::Rng as _;
use serde::{Deserialize, Serialize};
use walrus_core::{EncodingConfig, ShardIndex, Sliver};

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

/// Which slivers a scrub compares with the metadata of their blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// How blobs are encoded.
    pub encoding: EncodingConfig,
    /// So many of ten thousand, chosen by chance.
    pub of_10_000: u32,
}

/// Looks at the bytes of a sliver: whether they were compared, and then what is wrong with them.
type Compare<'a> = &'a dyn Fn(&SliverKey, &[u8]) -> Result<Compared, StorageError>;

/// What came of a comparison.
enum Compared {
    /// There was none.
    Not,
    /// It is the sliver that the metadata commit to.
    Same,
    /// It is another one.
    Other(String),
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
    /// Slivers that were compared with the metadata of their blobs.
    pub compared: u64,
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
        comparison: Option<Comparison>,
    ) -> Result<ScrubStep, StorageError> {
        let compare = |key: &SliverKey, bytes: &[u8]| match comparison {
            Some(comparison) => self.compare(comparison, key, bytes),
            None => Ok(Compared::Not),
        };
        let mut scrub = Scrub {
            slivers: &self.slivers,
            compare: &compare,
            budget,
            step: ScrubStep::default(),
        };
        scrub.step(position)?;
        Ok(scrub.step)
    }

    /// Compares a sliver with the metadata of its blob, if it is one of the sample. Without metadata nothing can be said of it.
    fn compare(
        &self,
        comparison: Comparison,
        key: &SliverKey,
        bytes: &[u8],
    ) -> Result<Compared, StorageError> {
        if rand::rng().random_range(0..10_000) >= comparison.of_10_000 {
            return Ok(Compared::Not);
        }
        let Some(metadata) = self.metadata(&key.blob_id, &comparison.encoding)? else {
            return Ok(Compared::Not);
        };
        let sliver = match Sliver::from_untagged_bcs(bytes, key.sliver_type, &metadata) {
            Ok(sliver) => sliver,
            Err(error) => return Ok(Compared::Other(error.to_string())),
        };
        let n_shards = metadata.n_shards();
        let pair = key.shard.to_pair_index(&key.blob_id, n_shards);
        let expected = pair.to_sliver_index(key.sliver_type, n_shards);
        if sliver.index() != expected {
            let reason = format!("it is number {}, and not {expected}", sliver.index());
            return Ok(Compared::Other(reason));
        }
        Ok(match sliver.verify(&metadata) {
            Ok(()) => Compared::Same,
            Err(error) => Compared::Other(error.to_string()),
        })
    }
}

/// A scrub of the records, and what it asks of each.
struct Scrub<'a> {
    slivers: &'a SliverStore,
    compare: Compare<'a>,
    budget: u64,
    step: ScrubStep,
}

impl Scrub<'_> {
    fn step(&mut self, position: Option<ScrubPosition>) -> Result<(), StorageError> {
        let mut next = self.slivers.scrub_from(position.unwrap_or(ScrubPosition {
            shard: ShardIndex(0),
            segment: 0,
            offset: 0,
        }));
        while let Some((books, mut at, record)) = next {
            self.segment(&books, &mut at, record)?;
            next = self.slivers.scrub_from(at);
            if self.step.bytes >= self.budget {
                break;
            }
        }
        self.step.next = next.map(|(_, at, _)| at);
        Ok(())
    }

    fn segment(
        &mut self,
        books: &Books,
        at: &mut ScrubPosition,
        record: SegmentRecord,
    ) -> Result<(), StorageError> {
        let slivers = self.slivers;
        let number = at.segment;
        match slivers.check_path(books, number, &record) {
            Err(error) if error.is_loss() => {
                let lost = slivers.lose_segment(books, number)?;
                self.step.damaged = self.step.damaged.saturating_add(lost);
                at.offset = record.end;
                return Ok(());
            }
            checked => checked?,
        }
        let opened = slivers.open_segment(books, number, &record);
        let bytes = |file: &std::fs::File| file.metadata().map_or(0, |metadata| metadata.len());
        let (file, path) = match opened {
            Ok((file, path)) if bytes(&file) >= record.end => (file, path),
            Err(error) if !error.is_loss() => return Err(error.into()),
            found => {
                // Gone or cut off, unless it was unlinked in between.
                let until = found.map_or(0, |(file, _)| bytes(&file));
                let lost = slivers.lose_where(books, SyncReason::Lost, |place| {
                    place.segment == number && place.end() > until
                })?;
                self.step.damaged = self.step.damaged.saturating_add(lost);
                at.offset = record.end;
                return Ok(());
            }
        };
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        while self.step.bytes < self.budget {
            let offset = at.offset;
            match segment.piece_at(offset, record.end)? {
                Piece::End => {
                    at.offset = record.end;
                    return Ok(());
                }
                Piece::Damage { until } => {
                    let lost = slivers.lose_where(books, SyncReason::Lost, |place| {
                        place.segment == number && (offset..until).contains(&place.offset)
                    })?;
                    slivers.quarantine(books, number, lost)?;
                    self.step.damaged = self.step.damaged.saturating_add(lost);
                    self.step.bytes = self.step.bytes.saturating_add(until.saturating_sub(offset));
                    at.offset = until;
                }
                Piece::Record(header) => {
                    at.offset = offset.saturating_add(header.record_bytes());
                    self.record(books, number, segment, offset, &header)?;
                }
            }
        }
        Ok(())
    }

    fn record(
        &mut self,
        books: &Books,
        number: u32,
        segment: SegmentFile<'_>,
        offset: u64,
        header: &Header,
    ) -> Result<(), StorageError> {
        let slivers = self.slivers;
        self.step.bytes = self.step.bytes.saturating_add(HEADER_BYTES as u64);
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
        if slivers.tables.places.get(&key)? != Some(place) {
            return Ok(());
        }
        self.step.records = self.step.records.saturating_add(1);
        self.step.bytes = self.step.bytes.saturating_add(u64::from(header.length));
        let bytes = match segment.payload(offset, header) {
            Ok(bytes) => bytes,
            Err(error) if error.is_loss() => {
                self.step.damaged = self.step.damaged.saturating_add(1);
                return slivers.find_lost(books, &key, place, &error);
            }
            Err(error) => return Err(error.into()),
        };
        let compared = (self.compare)(&key, &bytes)?;
        if let Compared::Not = compared {
            return Ok(());
        }
        self.step.compared = self.step.compared.saturating_add(1);
        let Compared::Other(reason) = compared else {
            return Ok(());
        };
        let SliverKey {
            shard,
            sliver_type,
            blob_id,
        } = key;
        tracing::error!(%blob_id, %shard, %sliver_type, reason, "a sliver is not that of its blob");
        self.step.damaged = self.step.damaged.saturating_add(1);
        slivers.lose(books, &key, place)
    }
}

impl SliverStore {
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
