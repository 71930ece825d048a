//! Reading the records of a segment file, also behind damage.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    SegmentError,
    record::{HEADER_BYTES, Header, MAGIC, Salt, Seal, VERSION},
};

/// Bytes that are searched at once for the next record.
const WINDOW_BYTES: usize = 1 << 20;

/// One segment file, opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentFile<'a> {
    pub(crate) file: &'a File,
    pub(crate) path: &'a Path,
    pub(crate) salt: Option<Salt>,
}

/// What is found at a place of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// An intact header, with room in the file for the whole record.
    Record(Header),
    /// Bytes that are no record, up to the next intact header or to the end.
    Damage {
        /// Where they end.
        until: u64,
    },
    /// Nothing.
    End,
}

impl SegmentFile<'_> {
    /// The length of the file, in bytes.
    pub(crate) fn bytes(&self) -> Result<u64, SegmentError> {
        Ok(self
            .file
            .metadata()
            .map_err(|error| self.error(error))?
            .len())
    }

    /// The header at `offset`; `None` at `end`, or where what follows is no whole record before it.
    ///
    /// # Errors
    /// If the file cannot be read; [`SegmentError::Newer`] for a record of a newer format.
    pub(crate) fn header_at(&self, offset: u64, end: u64) -> Result<Option<Header>, SegmentError> {
        if offset.saturating_add(HEADER_BYTES as u64) > end {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|error| self.error(error))?;
        let header = Header::decode(&bytes, self.seal(offset));
        let header = header.map_err(|newer| SegmentError::Newer {
            path: self.path.to_owned(),
            offset,
            found: newer.0,
            known: VERSION,
        })?;
        Ok(header.filter(|header| offset.saturating_add(header.record_bytes()) <= end))
    }

    /// What is at `offset`, before `end`.
    ///
    /// # Errors
    /// See [`SegmentFile::header_at`].
    pub(crate) fn piece_at(&self, offset: u64, end: u64) -> Result<Piece, SegmentError> {
        if offset >= end {
            return Ok(Piece::End);
        }
        if let Some(header) = self.header_at(offset, end)? {
            return Ok(Piece::Record(header));
        }
        let until = self.next_record(offset.saturating_add(1), end)?;
        Ok(Piece::Damage { until })
    }

    /// Where the next intact record begins at or behind `from`, or `end`.
    fn next_record(&self, mut from: u64, end: u64) -> Result<u64, SegmentError> {
        let mut window = vec![0; WINDOW_BYTES];
        while from < end {
            let length = usize::try_from(end.saturating_sub(from)).unwrap_or(usize::MAX);
            let length = length.min(WINDOW_BYTES);
            let read = window.get_mut(..length).unwrap_or_default();
            self.file
                .read_exact_at(read, from)
                .map_err(|error| self.error(error))?;
            for (at, candidate) in (0_u64..).zip(read.windows(MAGIC.len())) {
                let offset = from.saturating_add(at);
                if candidate == MAGIC && self.is_record(offset, end)? {
                    return Ok(offset);
                }
            }
            if length < WINDOW_BYTES {
                break;
            }
            // The last bytes may begin a record of the next window.
            let step = WINDOW_BYTES.saturating_sub(MAGIC.len().saturating_sub(1));
            from = from.saturating_add(step as u64);
        }
        Ok(end)
    }

    /// Whether a record begins at a place that is only looked at. One of a newer format is none here: payloads may look like it.
    fn is_record(&self, offset: u64, end: u64) -> Result<bool, SegmentError> {
        match self.header_at(offset, end) {
            Ok(header) => Ok(header.is_some()),
            Err(SegmentError::Newer { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The payload of the record at `offset`, checked against its header.
    ///
    /// # Errors
    /// [`SegmentError::Corrupt`] if it is not what was written.
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

    /// Writes at `offset`, without making it durable.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), SegmentError> {
        self.file
            .write_all_at(bytes, offset)
            .map_err(|error| self.error(error))
    }

    /// Makes everything written durable.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn sync(&self) -> Result<(), SegmentError> {
        self.file.sync_data().map_err(|error| self.error(error))
    }

    /// Cuts the file off.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn truncate(&self, length: u64) -> Result<(), SegmentError> {
        self.file
            .set_len(length)
            .map_err(|error| self.error(error))?;
        self.file.sync_all().map_err(|error| self.error(error))
    }

    pub(crate) fn seal(&self, offset: u64) -> Seal {
        Seal {
            salt: self.salt,
            offset,
        }
    }

    pub(crate) fn corrupt(&self, offset: u64) -> SegmentError {
        SegmentError::Corrupt {
            path: self.path.to_owned(),
            offset,
        }
    }

    /// A read that finds the file shorter than it was is damage as any other, and so is a disk that cannot give the bytes back.
    fn error(&self, error: io::Error) -> SegmentError {
        SegmentError::io(self.path, error)
    }
}
