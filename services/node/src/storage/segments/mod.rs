//! Sliver segments: bytes on disk, in append-only segment files, one directory for each shard.
//!
//! * A record is written once and never changed. It is durable before [`ShardSegments::append`] returns.
//! * Where a sliver lies is known to the index (a [`Location`] for each sliver), which can be rebuilt from the files alone with
//!   [`ShardSegments::scan`].
//! * **What a crash can lose**: records whose `append` had not returned. Opening cuts such a tail off at the first byte that is
//!   not part of a whole, intact record; after an orderly close nothing is cut off.
//! * **What is detected**: every payload is checked against its BLAKE3 hash when it is read; damage is an error that names
//!   file and offset, so that the sliver can be recovered from other nodes.

mod record;
mod segment;

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, SliverType};

use self::{
    record::{HEADER_BYTES, Header, Kind},
    segment::Segment,
};

/// Size at which a segment is closed and the next one begun, in bytes.
pub const SEGMENT_BYTES: u64 = 256 << 20;

/// Why slivers could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The bytes on disk are not what was written.
    #[error("{} is damaged at byte {offset}", path.display())]
    Corrupt {
        /// The segment file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
    },
    /// A newer program has written the file; nothing in it is changed.
    #[error(
        "{} has a record of format {found} at byte {offset}, and this program knows those up to {known}: a newer version has written it; run that one",
        path.display()
    )]
    Newer {
        /// The segment file.
        path: PathBuf,
        /// Where the record begins.
        offset: u64,
        /// Its format.
        found: u8,
        /// The newest that is known.
        known: u8,
    },
    /// There is no such segment.
    #[error("segment {segment} of {} is missing", dir.display())]
    Missing {
        /// The shard's directory.
        dir: PathBuf,
        /// The number of the segment.
        segment: u32,
    },
    /// A record cannot hold so much.
    #[error("a payload of {0} bytes does not fit a record")]
    PayloadTooLarge(usize),
    /// All segment numbers are used up.
    #[error("no segment number is left in {}", .0.display())]
    Exhausted(PathBuf),
}

impl SegmentError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

/// Where a sliver lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The number of the segment file.
    pub segment: u32,
    /// Where the record begins, in bytes.
    pub offset: u64,
}

/// One record found by [`ShardSegments::scan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The blob.
    pub blob_id: BlobId,
    /// The sliver type.
    pub sliver_type: SliverType,
    /// Where the sliver lies; `None` for a record that takes the sliver back.
    pub location: Option<Location>,
}

/// A sliver to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewSliver<'a> {
    /// The blob.
    pub blob_id: BlobId,
    /// The sliver type.
    pub sliver_type: SliverType,
    /// The bytes to keep.
    pub payload: &'a [u8],
}

#[derive(Debug)]
struct Active {
    number: u32,
    segment: Arc<Segment>,
    end: u64,
}

/// The segments of one shard.
#[derive(Debug)]
pub struct ShardSegments {
    dir: PathBuf,
    segment_bytes: u64,
    open: RwLock<BTreeMap<u32, Arc<Segment>>>,
    active: Mutex<Active>,
}

impl ShardSegments {
    /// Opens the directory, creating it if needed, and cuts a torn tail off its last segment.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open(dir: PathBuf) -> Result<Self, SegmentError> {
        Self::open_with(dir, SEGMENT_BYTES)
    }

    /// Opens a directory that was closed in good order. Nothing of it can be torn, so nothing is cut off: behind a damaged record of
    /// the last segment may be intact ones that the index knows. A new segment is begun there.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open_closed(dir: PathBuf) -> Result<Self, SegmentError> {
        Self::open_as(dir, SEGMENT_BYTES, true)
    }

    /// Like [`ShardSegments::open`], with segments of another size.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn open_with(dir: PathBuf, segment_bytes: u64) -> Result<Self, SegmentError> {
        Self::open_as(dir, segment_bytes, false)
    }

    fn open_as(dir: PathBuf, segment_bytes: u64, closed: bool) -> Result<Self, SegmentError> {
        fs::create_dir_all(&dir).map_err(|error| SegmentError::io(&dir, error))?;
        let mut open = BTreeMap::new();
        for number in segment_numbers(&dir)? {
            open.insert(number, Arc::new(Segment::open(segment_path(&dir, number))?));
        }
        let (number, segment) = match open.last_key_value() {
            Some((number, segment)) => (*number, Arc::clone(segment)),
            None => {
                let segment = create_segment(&dir, 0)?;
                open.insert(0, Arc::clone(&segment));
                (0, segment)
            }
        };
        let end = intact_end(&segment)?;
        let file_bytes = segment.file_bytes()?;
        let torn = end < file_bytes;
        if torn && !closed {
            tracing::warn!(path = %segment.path().display(), end, file_bytes, "cutting off a torn tail");
            segment.truncate(end)?;
        }
        let active = Active {
            number,
            segment,
            end,
        };
        let this = Self {
            dir,
            segment_bytes,
            open: RwLock::new(open),
            active: Mutex::new(active),
        };
        if torn && closed {
            tracing::error!(dir = %this.dir.display(), segment = number, offset = end, "a segment is damaged; beginning the next one");
            this.roll(&mut this.lock_active())?;
        }
        Ok(this)
    }

    /// Writes slivers and makes them durable with one synchronization.
    ///
    /// # Errors
    /// If the file system refuses; then none of the slivers counts as written.
    pub fn append(&self, slivers: &[NewSliver<'_>]) -> Result<Vec<Location>, SegmentError> {
        let mut records = Vec::with_capacity(slivers.len());
        for sliver in slivers {
            records.push((
                Header::put(sliver.blob_id, sliver.sliver_type, sliver.payload)?,
                sliver.payload,
            ));
        }
        self.append_records(&records)
    }

    /// Records that a sliver is gone, so that a rebuilt index does not bring it back.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn delete(&self, blob_id: BlobId, sliver_type: SliverType) -> Result<(), SegmentError> {
        self.append_records(&[(Header::delete(blob_id, sliver_type), &[])])
            .map(|_| ())
    }

    /// Reads the sliver at `location` and checks that it is the one asked for, undamaged.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if it is not; [`SegmentError::Missing`] if the file is gone.
    pub fn read(
        &self,
        location: Location,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<Vec<u8>, SegmentError> {
        let segment = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.get(&location.segment).cloned()
        };
        let segment = segment.ok_or_else(|| SegmentError::Missing {
            dir: self.dir.clone(),
            segment: location.segment,
        })?;
        let file_bytes = segment.file_bytes()?;
        let header = segment
            .header_at(location.offset, file_bytes)?
            .ok_or_else(|| segment.corrupt(location.offset))?;
        if header.kind != Kind::Put
            || header.blob_id != *blob_id
            || header.sliver_type != sliver_type
        {
            return Err(segment.corrupt(location.offset));
        }
        segment.payload(location.offset, &header)
    }

    /// Every intact record in the order of writing; stops a segment at its first damaged header.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn scan(&self, mut visit: impl FnMut(Found)) -> Result<(), SegmentError> {
        let segments: Vec<_> = {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            open.iter()
                .map(|(number, segment)| (*number, Arc::clone(segment)))
                .collect()
        };
        for (number, segment) in segments {
            let file_bytes = segment.file_bytes()?;
            let mut offset = 0;
            while let Some(header) = segment.header_at(offset, file_bytes)? {
                let location = (header.kind == Kind::Put).then_some(Location {
                    segment: number,
                    offset,
                });
                visit(Found {
                    blob_id: header.blob_id,
                    sliver_type: header.sliver_type,
                    location,
                });
                offset = offset.saturating_add(header.record_bytes());
            }
        }
        Ok(())
    }

    fn append_records(&self, records: &[(Header, &[u8])]) -> Result<Vec<Location>, SegmentError> {
        let mut active = self.lock_active();
        if active.end >= self.segment_bytes {
            self.roll(&mut active)?;
        }
        let mut locations = Vec::with_capacity(records.len());
        let mut end = active.end;
        for (header, payload) in records {
            locations.push(Location {
                segment: active.number,
                offset: end,
            });
            active.segment.write(&header.encode(), end)?;
            active
                .segment
                .write(payload, end.saturating_add(HEADER_BYTES as u64))?;
            end = end.saturating_add(header.record_bytes());
        }
        active.segment.sync()?;
        // Only now: a failure above leaves the old end, and the next append overwrites what was half written.
        active.end = end;
        Ok(locations)
    }

    fn roll(&self, active: &mut Active) -> Result<(), SegmentError> {
        let number = active
            .number
            .checked_add(1)
            .ok_or_else(|| SegmentError::Exhausted(self.dir.clone()))?;
        let segment = create_segment(&self.dir, number)?;
        self.open
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, Arc::clone(&segment));
        *active = Active {
            number,
            segment,
            end: 0,
        };
        Ok(())
    }

    fn lock_active(&self) -> MutexGuard<'_, Active> {
        // Poisoning is harmless: `end` moves only after everything succeeded.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:010}.slivers"))
}

fn segment_numbers(dir: &Path) -> Result<Vec<u32>, SegmentError> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(|error| SegmentError::io(dir, error))? {
        let entry = entry.map_err(|error| SegmentError::io(dir, error))?;
        let name = entry.file_name();
        if let Some(number) = name
            .to_str()
            .and_then(|name| name.strip_suffix(".slivers")?.parse().ok())
        {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// Creates a segment whose directory entry is durable.
fn create_segment(dir: &Path, number: u32) -> Result<Arc<Segment>, SegmentError> {
    let segment = Segment::open(segment_path(dir, number))?;
    fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| SegmentError::io(dir, error))?;
    Ok(Arc::new(segment))
}

/// Finds the end of the last whole, intact record before anything else.
///
/// Only the records of the last append can be torn, as each append is durable before the next begins. The payload of the very
/// last one is read here; a damaged payload before it was never acknowledged, and whoever reads it is told.
fn intact_end(segment: &Segment) -> Result<u64, SegmentError> {
    let file_bytes = segment.file_bytes()?;
    let mut end = 0;
    let mut last: Option<(u64, Header)> = None;
    while let Some(header) = segment.header_at(end, file_bytes)? {
        let next = end.saturating_add(header.record_bytes());
        last = Some((end, header));
        end = next;
    }
    if let Some((offset, header)) = last
        && matches!(
            segment.payload(offset, &header),
            Err(SegmentError::Corrupt { .. })
        )
    {
        end = offset;
    }
    Ok(end)
}
