//! Fsck: whether the index and the segments agree, both ways, without reading the slivers themselves, whether what certified blobs lack
//! is known to recovery, and whether the records of blobs are what their objects come to.

use std::{fmt, ops::Bound, sync::Arc};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, ShardIndex, SliverType};

use super::{
    super::{
        Storage, StorageError,
        amounts::{Amounts, Share},
        blob_info::BlobInfo,
        records::{NodeStatus, Place, SegmentRecord, ShardState, SyncReason},
        segments::{
            record::{Header, Kind, record_bytes},
            scan::{Piece, SegmentFile},
        },
        tables::SliverKey,
    },
    Books, SliverStore,
};
use crate::limits::SCAN_BATCH;

/// Where a check goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FsckPosition {
    /// In the index, behind this sliver.
    Index {
        /// The shard.
        shard: ShardIndex,
        /// The kind of sliver.
        sliver_type: SliverType,
        /// The blob.
        blob_id: BlobId,
    },
    /// At the segments, with this one.
    Segment {
        /// The shard.
        shard: ShardIndex,
        /// Its number.
        segment: u32,
    },
    /// At the certified blobs, behind this one.
    Blobs {
        /// The blob; absent before the first.
        after: Option<BlobId>,
    },
    /// At the records of blobs and their objects, with this share of all blobs.
    Amounts {
        /// Its number, from 0.
        part: u32,
        /// Of so many; 0 before it is known how many it takes.
        parts: u32,
        /// Decides which blobs are in which.
        seed: u64,
        /// Whether a difference was seen that may have been the work of an event: the step is to be taken while none is processed
        /// (`Storage::event_turn`).
        alone: bool,
    },
}

impl FsckPosition {
    /// Whether no event is to be processed during the step from here.
    pub(crate) fn is_alone(&self) -> bool {
        matches!(self, Self::Amounts { alone: true, .. })
    }
}

/// What does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Finding {
    /// The index knows a sliver that is not where it should be. Repaired: it is queued for recovery.
    Missing {
        /// The shard.
        shard: ShardIndex,
        /// The blob.
        blob_id: BlobId,
        /// The kind of sliver.
        sliver_type: SliverType,
        /// What was found instead.
        reason: String,
    },
    /// A segment has a sliver of a registered blob, which the index does not know. Repaired: the index knows it.
    Unindexed {
        /// The shard.
        shard: ShardIndex,
        /// The blob.
        blob_id: BlobId,
        /// The kind of sliver.
        sliver_type: SliverType,
        /// The number of the segment.
        segment: u32,
    },
    /// The counters of a segment are not what is in it. Repaired: they are.
    Counters {
        /// The shard.
        shard: ShardIndex,
        /// The number of the segment.
        segment: u32,
        /// Slivers as the books say.
        expected: u64,
        /// Slivers that are in it.
        found: u64,
    },
    /// A certified blob lacks slivers in shards that should be complete, and is not queued for recovery. Repaired: it is.
    Unqueued {
        /// The blob.
        blob_id: BlobId,
        /// How many slivers it lacks.
        missing: u64,
    },
    /// The record of a blob is not what its objects come to. Repaired: it is.
    Amounts {
        /// The blob.
        blob_id: BlobId,
        /// Whether it has a record.
        has_record: bool,
        /// What its objects come to.
        amounts: Amounts,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                shard,
                blob_id,
                sliver_type,
                reason,
            } => write!(
                f,
                "the {sliver_type} sliver of {blob_id} in shard {shard} is not where the index says: {reason}"
            ),
            Self::Unindexed {
                shard,
                blob_id,
                sliver_type,
                segment,
            } => write!(
                f,
                "the {sliver_type} sliver of {blob_id} is in segment {segment} of shard {shard}, and the index does not know it"
            ),
            Self::Counters {
                shard,
                segment,
                expected,
                found,
            } => write!(
                f,
                "segment {segment} of shard {shard} has {found} slivers, and its counter says {expected}"
            ),
            Self::Unqueued { blob_id, missing } => write!(
                f,
                "the certified blob {blob_id} lacks {missing} slivers here, and is not queued for recovery"
            ),
            Self::Amounts {
                blob_id,
                has_record: true,
                amounts,
            } => write!(
                f,
                "the record of blob {blob_id} is not what its objects come to, which is {amounts}"
            ),
            Self::Amounts {
                blob_id, amounts, ..
            } => write!(
                f,
                "the blob {blob_id} has no record, and its objects come to {amounts}"
            ),
        }
    }
}

/// What a step of a check has found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FsckStep {
    /// Where the next step begins; `None` at the end.
    pub next: Option<FsckPosition>,
    /// Entries of the index, or records, that were looked at.
    pub checked: u64,
    /// What does not agree.
    pub findings: Vec<Finding>,
}

/// Fsck.
impl Storage {
    /// Checks a page of the index, a segment, or a page of blobs: those at `position`, or the first. With `repair`, what does not
    /// agree is made to; else nothing is changed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn fsck_step(
        &self,
        position: Option<FsckPosition>,
        repair: bool,
    ) -> Result<FsckStep, StorageError> {
        match position {
            None => self.slivers.check_index(None, repair),
            Some(FsckPosition::Index {
                shard,
                sliver_type,
                blob_id,
            }) => {
                let last = SliverKey {
                    shard,
                    sliver_type,
                    blob_id,
                };
                self.slivers.check_index(Some(last), repair)
            }
            Some(FsckPosition::Segment { shard, segment }) => {
                let mut step = self.slivers.check_segment(shard, segment, repair)?;
                step.next = step.next.or(Some(FsckPosition::Blobs { after: None }));
                Ok(step)
            }
            Some(FsckPosition::Blobs { after }) => {
                let mut step = self.check_blobs(after, repair)?;
                step.next = step.next.or_else(|| Some(FsckPosition::first_amounts()));
                Ok(step)
            }
            Some(FsckPosition::Amounts {
                part,
                parts,
                seed,
                alone,
            }) => {
                let share = Share { part, parts, seed };
                self.check_amounts(share, alone, repair)
            }
        }
    }

    /// Whether blobs that were certified before this epoch are whole in complete shards, or queued. While the node is behind, or new, that
    /// says nothing.
    fn check_blobs(&self, after: Option<BlobId>, repair: bool) -> Result<FsckStep, StorageError> {
        let mut step = FsckStep::default();
        if self.node_status()? != NodeStatus::Active {
            return Ok(step);
        }
        let epoch = self.event_epoch()?;
        let shards = self.shard_states().into_iter();
        let complete: Vec<_> = shards
            .filter(|(_, state)| *state == ShardState::Active)
            .map(|(shard, _)| shard)
            .collect();
        for (blob_id, info) in self.blob_infos_behind(after)? {
            step.next = Some(FsckPosition::Blobs {
                after: Some(blob_id),
            });
            let certified_before = matches!(&info, BlobInfo::Valid(valid)
                if valid.initial_certified_epoch.is_some_and(|first| first < epoch));
            if !certified_before || !info.is_certified(epoch) || self.is_queued(&blob_id)? {
                continue;
            }
            step.checked = step.checked.saturating_add(1);
            let missing = self.missing_slivers(&blob_id, complete.iter().copied())?;
            // It may have been deleted, or queued, since it was listed.
            if missing.is_empty() || self.is_queued(&blob_id)? {
                continue;
            }
            if repair {
                let mut update = self.update();
                update.queue(&blob_id, SyncReason::Lost)?;
                update.commit()?;
            }
            step.findings.push(Finding::Unqueued {
                blob_id,
                missing: missing.len() as u64,
            });
        }
        Ok(step)
    }
}

impl SliverStore {
    fn check_index(&self, last: Option<SliverKey>, repair: bool) -> Result<FsckStep, StorageError> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let places = &self.tables.places;
        let page = places
            .pages_in((start, Bound::Unbounded), SCAN_BATCH)
            .next()
            .transpose()?
            .unwrap_or_default();
        let mut step = FsckStep {
            next: Some(FsckPosition::Segment {
                shard: ShardIndex(0),
                segment: 0,
            }),
            ..FsckStep::default()
        };
        for (key, place) in page {
            let SliverKey {
                shard,
                sliver_type,
                blob_id,
            } = key;
            step.checked = step.checked.saturating_add(1);
            step.next = Some(FsckPosition::Index {
                shard,
                sliver_type,
                blob_id,
            });
            let Ok(books) = self.books(shard) else {
                continue;
            };
            let checked = match books.segment(place.segment) {
                Some(record) => self.check_path(&books, place.segment, &record),
                None => Ok(()),
            };
            let checked = checked.and_then(|()| self.check_head(&books, &key, place));
            let error = match checked {
                Err(error) if error.is_loss() => error,
                other => {
                    other?;
                    continue;
                }
            };
            if places.get(&key)? != Some(place) {
                continue;
            }
            if repair {
                self.find_lost(&books, &key, place, &error)?;
            }
            step.findings.push(Finding::Missing {
                shard,
                blob_id,
                sliver_type,
                reason: error.to_string(),
            });
        }
        Ok(step)
    }

    fn check_segment(
        &self,
        shard: ShardIndex,
        segment: u32,
        repair: bool,
    ) -> Result<FsckStep, StorageError> {
        let mut step = FsckStep::default();
        let found = {
            let shards = self.read();
            shards.range(shard..).find_map(|(index, entry)| {
                let from = if *index == shard { segment } else { 0 };
                let (number, record) = entry.books.segment_from(from)?;
                Some((Arc::clone(&entry.books), number, record))
            })
        };
        let Some((books, number, record)) = found else {
            return Ok(step);
        };
        self.check_records(&books, number, &record, repair, &mut step)?;
        step.next = Some(match number.checked_add(1) {
            Some(segment) => FsckPosition::Segment {
                shard: books.shard(),
                segment,
            },
            None => FsckPosition::Segment {
                shard: ShardIndex(books.shard().get().saturating_add(1)),
                segment: 0,
            },
        });
        Ok(step)
    }

    fn check_records(
        &self,
        books: &Books,
        number: u32,
        record: &SegmentRecord,
        repair: bool,
        step: &mut FsckStep,
    ) -> Result<(), StorageError> {
        let Ok((file, path)) = self.open_segment(books, number, record) else {
            // Of a file that is gone the index has told already.
            return Ok(());
        };
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        let end = record.end.min(segment.bytes()?);
        let (mut offset, mut live) = (0, (0_u64, 0_u64));
        loop {
            match segment.piece_at(offset, end)? {
                Piece::End => break,
                Piece::Damage { until } => offset = until,
                Piece::Record(header) => {
                    let place = Place {
                        segment: number,
                        offset,
                        length: header.length,
                    };
                    offset = offset.saturating_add(header.record_bytes());
                    step.checked = step.checked.saturating_add(1);
                    if self.check_record(books, segment, place, &header, repair, step)? {
                        live.0 = live.0.saturating_add(1);
                        live.1 = live.1.saturating_add(record_bytes(place.length));
                    }
                }
            }
        }
        self.check_counters(books, number, record, live, repair, step)
    }

    /// Whether the index knows the record at a place.
    fn check_record(
        &self,
        books: &Books,
        segment: SegmentFile<'_>,
        place: Place,
        header: &Header,
        repair: bool,
        step: &mut FsckStep,
    ) -> Result<bool, StorageError> {
        let key = SliverKey {
            shard: books.shard(),
            sliver_type: header.sliver_type,
            blob_id: header.blob_id,
        };
        let known = self.tables.places.get(&key)?;
        let is_orphan = known.is_none() && header.kind == Kind::Put && self.is_wanted(&key)?;
        if is_orphan && segment.payload(place.offset, header).is_ok() {
            if repair {
                let mut change = books.change(&self.tables)?;
                // Compaction may have given up the segment meanwhile.
                if change.segment(place.segment).is_some() && change.place(&key)?.is_none() {
                    change.put(key, place)?;
                }
                change.commit()?;
            }
            step.findings.push(Finding::Unindexed {
                shard: key.shard,
                blob_id: key.blob_id,
                sliver_type: key.sliver_type,
                segment: place.segment,
            });
        }
        Ok(known == Some(place))
    }

    /// Compares the counters of a segment, unless something has happened to it meanwhile.
    fn check_counters(
        &self,
        books: &Books,
        number: u32,
        record: &SegmentRecord,
        (live_records, live_bytes): (u64, u64),
        repair: bool,
        step: &mut FsckStep,
    ) -> Result<(), StorageError> {
        let mut change = books.change(&self.tables)?;
        let agrees = record.live_records == live_records && record.live_bytes == live_bytes;
        if agrees || change.segment(number) != Some(*record) {
            return Ok(());
        }
        step.findings.push(Finding::Counters {
            shard: books.shard(),
            segment: number,
            expected: record.live_records,
            found: live_records,
        });
        if repair {
            change.set_segment(
                number,
                SegmentRecord {
                    live_records,
                    live_bytes,
                    ..*record
                },
            );
            let emptied = change.commit()?;
            self.remove_files(&emptied)?;
        }
        Ok(())
    }
}
