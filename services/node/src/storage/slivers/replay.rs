//! Replay: reading the records of a segment behind the end that the books know.
//!
//! In a segment that was appended to these are the last ones before a crash, whose batch is not in the database. Only the last of them
//! can be torn: files are written from the front. So what is not intact before an intact record is damage,
//! and is told; behind the last intact one it is a torn end, and is cut off. In a segment that is found without being known, it is
//! everything.

use walrus_core::Epoch;

use super::{
    super::{
        StorageError,
        records::{Place, SegmentRecord, SegmentState},
        segments::{
            class::NO_KNOWN_END,
            record::{Header, Kind},
            scan::{Piece, SegmentFile},
        },
        tables::{BlobKey, SliverKey},
    },
    Books, Change, SliverStore,
};
use crate::limits::{AHEAD_BYTES, SCAN_BATCH};

/// How far a replay has come.
#[derive(Debug, Default)]
struct Progress {
    /// Behind the last piece that was looked at.
    offset: u64,
    /// Behind the last intact record.
    intact: u64,
    /// Pieces that are not intact, before an intact record.
    damaged: u64,
    /// Those behind the last intact record: damaged if another one follows, or else torn.
    suspect: u64,
}

impl SliverStore {
    /// Takes in what counts of a segment behind the end that the books know.
    pub(super) fn replay(&self, books: &Books, number: u32) -> Result<(), StorageError> {
        let Some(record) = books.segment(number) else {
            return Ok(());
        };
        let (file, path) = self.open_file(books.shard(), number, &record)?;
        let segment = SegmentFile {
            file: &file,
            path: &path,
            salt: record.salt,
        };
        let end = segment.bytes()?;
        let found = record.state == SegmentState::Found;
        let mut progress = Progress {
            offset: record.end,
            intact: record.end,
            ..Progress::default()
        };
        while progress.offset < end {
            let mut change = books.change(&self.tables)?;
            change.keep(number);
            while progress.offset < end && change.len() < SCAN_BATCH {
                self.replay_piece(&mut change, number, segment, end, found, &mut progress)?;
            }
            if let Some(record) = change.segment(number) {
                let end = progress.intact;
                change.set_segment(number, SegmentRecord { end, ..record });
            }
            // A deletion that was written here may have been the end of an earlier segment.
            let emptied = change.commit()?;
            self.remove_files(&emptied)?;
        }
        if !found && progress.intact < end {
            tracing::warn!(path = %path.display(), end = progress.intact, file_bytes = end, "cutting off a torn end");
            segment.truncate(progress.intact)?;
        }
        let damaged = progress.damaged > 0;
        if damaged {
            self.disks.count_damage(record.disk, progress.damaged);
        }
        if found || damaged {
            let mut change = books.change(&self.tables)?;
            if found {
                change.retire_segment(number, SegmentState::Sealed);
            }
            if damaged {
                change.retire_segment(number, SegmentState::Quarantined);
            }
            let emptied = change.commit()?;
            self.remove_files(&emptied)?;
        }
        Ok(())
    }

    fn replay_piece(
        &self,
        change: &mut Change<'_>,
        number: u32,
        segment: SegmentFile<'_>,
        end: u64,
        found: bool,
        progress: &mut Progress,
    ) -> Result<(), StorageError> {
        let offset = progress.offset;
        match segment.piece_at(offset, end)? {
            Piece::End => progress.offset = end,
            Piece::Damage { until } => {
                progress.offset = until;
                progress.suspect = progress.suspect.saturating_add(1);
                let path = segment.path.display();
                tracing::warn!(%path, offset, until, "these bytes are no records");
            }
            Piece::Record(header) => {
                progress.offset = offset.saturating_add(header.record_bytes());
                // Of segments as a whole only the heads, but for what came last, which the lost database may have had to bring back: whoever
                // reads a sliver checks the rest.
                let is_late = end.saturating_sub(progress.offset) < AHEAD_BYTES;
                if (!found || is_late) && !is_intact(segment, offset, &header)? {
                    progress.suspect = progress.suspect.saturating_add(1);
                    tracing::warn!(path = %segment.path.display(), offset, "a record is not whole");
                    return Ok(());
                }
                progress.intact = progress.offset;
                progress.damaged = progress.damaged.saturating_add(progress.suspect);
                progress.suspect = 0;
                self.replay_record(change, number, offset, found, &header)?;
            }
        }
        Ok(())
    }

    fn replay_record(
        &self,
        change: &mut Change<'_>,
        number: u32,
        offset: u64,
        found: bool,
        header: &Header,
    ) -> Result<(), StorageError> {
        let key = SliverKey {
            shard: change.shard(),
            sliver_type: header.sliver_type,
            blob_id: header.blob_id,
        };
        let known = change.place(&key)?;
        let class = change
            .segment(number)
            .map_or(NO_KNOWN_END, |record| record.class);
        match (header.kind, known) {
            (Kind::Put, None) if !found || self.counts(&key, class)? => {
                let place = Place {
                    segment: number,
                    offset,
                    length: header.length,
                };
                change.put(key, place)
            }
            // Only in the first format, of which segments are read in the order in which they were written.
            (Kind::Delete, Some(place)) if (place.segment, place.offset) < (number, offset) => {
                change.take(&key).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Whether a sliver in a segment that is not in the books counts. What is known to be deleted does not come back; what
    /// events do not tell of yet waits for them, at most until its class has ended.
    fn counts(&self, key: &SliverKey, class: Epoch) -> Result<bool, StorageError> {
        if self.tables.first_places.contains(key)? || self.knows_nothing()? {
            return Ok(true);
        }
        let epoch = self.tables.event_epoch.get()?.unwrap_or_default();
        let info = self.tables.blob_info.get(&BlobKey(key.blob_id))?;
        Ok(info.map_or(class == NO_KNOWN_END || class > epoch, |info| {
            info.is_registered(epoch)
        }))
    }
}

fn is_intact(segment: SegmentFile<'_>, offset: u64, header: &Header) -> Result<bool, StorageError> {
    match segment.payload(offset, header) {
        Ok(_) => Ok(true),
        Err(error) if error.is_loss() => Ok(false),
        Err(error) => Err(error.into()),
    }
}
