//! Segment files: the bytes of slivers, one record after the other.
//!
//! * A record is written once and never changed. It is durable before its sliver is in the index.
//! * Which records count is known to the index alone (where each sliver lies). It can be rebuilt from the files, whose names tell
//!   what is needed to read them (`name`).
//! * Every payload is checked against its BLAKE3 hash when it is read, every header against its place (`record`); behind damage
//!   the next intact record is found again (`scan`).
//! * The slivers of a file end at about the same time ([`class`]), and a bounded number of files is open (`open_files`).

pub mod class;
pub(crate) mod name;
pub(crate) mod open_files;
pub(crate) mod record;
pub(crate) mod scan;

use std::{
    io,
    path::{Path, PathBuf},
};

use walrus_core::{BlobId, SliverType};

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
    /// A record cannot hold so much.
    #[error("a payload of {0} bytes does not fit a record")]
    PayloadTooLarge(usize),
    /// All segment numbers are used up.
    #[error("no segment number is left in {}", .0.display())]
    Exhausted(PathBuf),
}

impl SegmentError {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the bytes are not there any more: they are not what was written, the file is gone or shorter, or the disk cannot
    /// read them.
    pub(crate) fn is_loss(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Io { source, .. } => {
                matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof
                ) || source.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
            }
            _ => false,
        }
    }

    /// Whether the file system has no room left.
    pub(crate) fn is_no_space(&self) -> bool {
        matches!(self, Self::Io { source, .. } if matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ))
    }
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
