//! Segment file: records one after the other.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    SegmentError,
    record::{HEADER_BYTES, Header, VERSION},
};

/// An append-only file of records. Writes go through one owner; reads may happen at any time from any thread.
#[derive(Debug)]
pub(crate) struct Segment {
    file: File,
    path: PathBuf,
}

impl Segment {
    /// Opens the file for reading and writing, creating it if it does not exist.
    pub(crate) fn open(path: PathBuf) -> Result<Self, SegmentError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| SegmentError::io(&path, error))?;
        Ok(Self { file, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The length of the file, in bytes.
    pub(crate) fn file_bytes(&self) -> Result<u64, SegmentError> {
        Ok(self
            .file
            .metadata()
            .map_err(|error| self.error(error))?
            .len())
    }

    /// Writes at `offset`, without making it durable.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), SegmentError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|error| self.error(error))
    }

    /// Makes everything written durable.
    pub(crate) fn sync(&self) -> Result<(), SegmentError> {
        self.file.sync_data().map_err(|error| self.error(error))
    }

    /// Cuts the file off.
    pub(crate) fn truncate(&self, length: u64) -> Result<(), SegmentError> {
        self.file
            .set_len(length)
            .map_err(|error| self.error(error))?;
        self.file.sync_all().map_err(|error| self.error(error))
    }

    /// The header at `offset`; `None` at the end of the file, or where what follows is no whole record. A record of a newer
    /// format is an error.
    pub(crate) fn header_at(
        &self,
        offset: u64,
        file_bytes: u64,
    ) -> Result<Option<Header>, SegmentError> {
        if offset.saturating_add(HEADER_BYTES as u64) > file_bytes {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| self.error(error))?;
        let header = Header::decode(&bytes).map_err(|newer| SegmentError::Newer {
            path: self.path.clone(),
            offset,
            found: newer.0,
            known: VERSION,
        })?;
        Ok(header.filter(|header| offset.saturating_add(header.record_bytes()) <= file_bytes))
    }

    /// The payload of the record at `offset`, checked against its header.
    pub(crate) fn payload(&self, offset: u64, header: &Header) -> Result<Vec<u8>, SegmentError> {
        let length = usize::try_from(header.length).map_err(|_| self.corrupt(offset))?;
        let mut payload = vec![0; length];
        self.file
            .read_exact_at(&mut payload, offset.saturating_add(HEADER_BYTES as u64))
            .map_err(|error| self.error(error))?;
        if blake3::hash(&payload).as_bytes() != &header.checksum {
            return Err(self.corrupt(offset));
        }
        Ok(payload)
    }

    pub(crate) fn corrupt(&self, offset: u64) -> SegmentError {
        SegmentError::Corrupt {
            path: self.path.clone(),
            offset,
        }
    }

    fn error(&self, error: io::Error) -> SegmentError {
        SegmentError::io(&self.path, error)
    }
}
