//! Archive: records of the past, read back one at a time.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::frame::{PREFIX_BYTES, Prefix};
use crate::error::StoreError;
use crate::record::CheckpointRecord;

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where it begins: a byte of the file, or a number in memory.
    pub(crate) offset: u64,
    /// How long it is.
    pub(crate) bytes: u64,
}

/// Reads the records that a store has written.
#[derive(Debug)]
pub(crate) enum Archive {
    Memory(Memory),
    Log {
        path: PathBuf,
        /// Opened for this alone, so that it keeps nobody from the log when the writer has left it.
        file: File,
    },
}

impl Archive {
    pub(super) fn of_log(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(|source| StoreError::Io {
            path: path.to_owned(),
            source,
        })?;
        let path = path.to_owned();
        Ok(Self::Log { path, file })
    }

    /// Forces what was written to disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Log { path, file } => file.sync_data().map_err(|source| StoreError::Io {
                path: path.clone(),
                source,
            }),
        }
    }

    /// The record of checkpoint `number`, which begins at `offset`, and how long it is.
    ///
    /// # Errors
    /// The file cannot be read, or what is there is not what was written.
    pub(crate) fn read(
        &self,
        number: u64,
        offset: u64,
    ) -> Result<(CheckpointRecord, u64), StoreError> {
        match self {
            Self::Memory(memory) => memory.read(offset),
            Self::Log { path, file } => {
                let read = read_at(file, offset).map_err(|source| StoreError::Io {
                    path: path.clone(),
                    source,
                })?;
                let found = read.filter(|(record, _)| record.summary.sequence_number == number);
                found.ok_or_else(|| StoreError::Decayed {
                    path: path.clone(),
                    record: number,
                    offset,
                })
            }
        }
    }
}

/// The whole record at a place of a log, and its bytes there; `None` where there is none.
pub(super) fn read_at(file: &File, offset: u64) -> io::Result<Option<(CheckpointRecord, u64)>> {
    let available = file.metadata()?.len().saturating_sub(offset);
    if available < PREFIX_BYTES as u64 {
        return Ok(None);
    }
    let mut reader = Onward { file, offset };
    let mut prefix = [0; PREFIX_BYTES];
    reader.read_exact(&mut prefix)?;
    let prefix = Prefix::decode(&prefix);
    if !prefix.fits(available) {
        return Ok(None);
    }
    let record = prefix.read(&mut reader)?;
    Ok(record.map(|record| (record, prefix.total())))
}

/// Reads on from a place, wherever others are in the same file.
struct Onward<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for Onward<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset = self.offset.saturating_add(read as u64);
        Ok(read)
    }
}

/// Records that are kept in memory, as the bytes that a log would hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(Arc<RwLock<Vec<Arc<[u8]>>>>);

impl Memory {
    pub(crate) fn append(&self, record: &CheckpointRecord) -> Result<Place, StoreError> {
        let body: Arc<[u8]> = bcs::to_bytes(record)?.into();
        let mut records = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let place = Place {
            offset: records.len() as u64,
            bytes: body.len() as u64,
        };
        records.push(body);
        Ok(place)
    }

    fn read(&self, offset: u64) -> Result<(CheckpointRecord, u64), StoreError> {
        let body = {
            let records = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let body = usize::try_from(offset).ok();
            body.and_then(|offset| records.get(offset).cloned())
        };
        let body = body.unwrap_or_default();
        Ok((bcs::from_bytes(&body)?, body.len() as u64))
    }
}
