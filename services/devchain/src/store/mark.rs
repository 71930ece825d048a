//! Low-water mark of the log: how much of it was acknowledged for certain, in a small file beside it.
//!
//! The log alone cannot tell that its end was lost: a file cut in the middle of a record looks like one whose last write was
//! interrupted. The mark names the start of the last record that was begun, so all before it has to be there. It is written after
//! what it vouches for is on disk and never forced there itself, so it may lag behind after a power failure, and is never ahead.
//! A chain without one, as older programs left them, gets one when it is opened.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sui_sdk_types::hash::Hasher;
use tracing::warn;

use crate::error::StoreError;

const FILE_NAME: &str = "chain.mark";
const MAGIC: [u8; 8] = *b"SUIDEVMK";
const FORMAT: u32 = 1;
const BYTES: usize = 8 + 4 + 8 + 8 + 32;

/// What has to be in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Acknowledged {
    /// Whole records.
    pub(super) records: u64,
    /// Where they end, from the start of the file.
    pub(super) bytes: u64,
}

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    file: File,
}

/// Where the mark of the log in this directory is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// The mark in a directory; `None` without one, and for one that is damaged: the log may still be whole.
pub(super) fn read(directory: &Path) -> Result<Option<Acknowledged>, StoreError> {
    let path = path(directory);
    let io = |source| StoreError::Io {
        path: path.clone(),
        source,
    };
    let mut bytes = Vec::new();
    match File::open(&path) {
        Ok(file) => file
            .take(BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    if bytes.is_empty() {
        return Ok(None);
    }
    match decode(&bytes) {
        Some((FORMAT, acknowledged)) => Ok(Some(acknowledged)),
        Some((format, _)) => Err(StoreError::Format {
            path,
            expected: FORMAT,
            found: format!("format {format}"),
        }),
        None => {
            warn!(path = %path.display(), "the mark of the log is damaged; it is made anew from the log");
            Ok(None)
        }
    }
}

impl Mark {
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = path(directory);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .and_then(|file| {
                // Damaged, and longer than what replaces it.
                if file.metadata()?.len() > BYTES as u64 {
                    file.set_len(BYTES as u64)?;
                }
                Ok(file)
            });
        match file {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(StoreError::Io { path, source }),
        }
    }

    /// Replaces the mark.
    pub(super) fn write(&mut self, acknowledged: Acknowledged) -> Result<(), StoreError> {
        let written = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&encode(acknowledged)));
        written.map_err(|source| self.error(source))
    }

    /// Forces it to disk.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> StoreError {
        StoreError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

fn encode(acknowledged: Acknowledged) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&acknowledged.records.to_le_bytes());
    bytes.extend_from_slice(&acknowledged.bytes.to_le_bytes());
    let checksum = Hasher::digest(&bytes);
    bytes.extend_from_slice(checksum.inner());
    bytes
}

/// Format and content; `None` for anything that was not written by [`encode`] of some format.
fn decode(bytes: &[u8]) -> Option<(u32, Acknowledged)> {
    let (body, checksum) = bytes.split_last_chunk::<32>()?;
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (format, rest) = rest.split_first_chunk::<4>()?;
    if *magic != MAGIC || Hasher::digest(body).inner() != checksum {
        return None;
    }
    let (records, rest) = rest.split_first_chunk::<8>()?;
    let (end, _) = rest.split_first_chunk::<8>()?;
    let acknowledged = Acknowledged {
        records: u64::from_le_bytes(*records),
        bytes: u64::from_le_bytes(*end),
    };
    Some((u32::from_le_bytes(*format), acknowledged))
}
