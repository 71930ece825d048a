//! Reading the records of a segment file, also behind damage.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    SegmentError,
    record::{HEADER_BYTES, Header, MAGIC, Salt, Seal, VERSION},
};

/// Bytes that are searched at once for the next record.
const WINDOW_BYTES: usize = 1 << 20;
/// Where they cannot be read, so many are skipped at once: a disk fails by sectors.
const BLOCK_BYTES: u64 = 4096;

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

    /// What is at `offset`, before `end`. What the disk cannot read is damage as well.
    ///
    /// # Errors
    /// See [`SegmentFile::header_at`]; none that is a loss.
    pub(crate) fn piece_at(&self, offset: u64, end: u64) -> Result<Piece, SegmentError> {
        if offset >= end {
            return Ok(Piece::End);
        }
        match self.header_at(offset, end) {
            Ok(Some(header)) => return Ok(Piece::Record(header)),
            Ok(None) => {}
            Err(error) if error.is_loss() => {
                tracing::warn!(%error, offset, "the head of a record cannot be read");
            }
            Err(error) => return Err(error),
        }
        let until = self.next_record(offset.saturating_add(1), end)?;
        Ok(Piece::Damage { until })
    }

    /// Where the next intact record begins at or behind `from`, or `end`.
    fn next_record(&self, mut from: u64, end: u64) -> Result<u64, SegmentError> {
        const OVERLAP: u64 = MAGIC.len() as u64 - 1;
        let mut window = vec![0; WINDOW_BYTES];
        // Up to here blocks are read one by one, as one of them cannot be read.
        let mut blocks_until = from;
        while from < end {
            let by_blocks = from < blocks_until;
            let length = if by_blocks {
                let block_end = from.saturating_add(OVERLAP.saturating_add(1));
                let block_end = block_end.checked_next_multiple_of(BLOCK_BYTES);
                block_end.unwrap_or(end).min(end).saturating_sub(from)
            } else {
                end.saturating_sub(from).min(WINDOW_BYTES as u64)
            };
            let until = from.saturating_add(length);
            let length = usize::try_from(length).unwrap_or(WINDOW_BYTES);
            let read = window.get_mut(..length).unwrap_or_default();
            match self.file.read_exact_at(read, from) {
                Ok(()) => {}
                Err(error) => {
                    let error = self.error(error);
                    if !error.is_loss() {
                        return Err(error);
                    }
                    if by_blocks {
                        let block = from.checked_div(BLOCK_BYTES).unwrap_or_default();
                        from = block.saturating_add(1).saturating_mul(BLOCK_BYTES);
                    } else {
                        blocks_until = until;
                    }
                    continue;
                }
            }
            for (at, candidate) in (0_u64..).zip(read.windows(MAGIC.len())) {
                let offset = from.saturating_add(at);
                if candidate == MAGIC && self.is_record(offset, end)? {
                    return Ok(offset);
                }
            }
            if until >= end {
                break;
            }
            // The last bytes may begin a record of the next window.
            from = until.saturating_sub(OVERLAP);
        }
        Ok(end)
    }

    /// Whether a record begins at a place that is only looked at. One of a newer format is none here: payloads may look like it.
    fn is_record(&self, offset: u64, end: u64) -> Result<bool, SegmentError> {
        match self.header_at(offset, end) {
            Ok(header) => Ok(header.is_some()),
            Err(SegmentError::Newer { .. }) => Ok(false),
            Err(error) if error.is_loss() => Ok(false),
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

    /// Writes two pieces, one behind the other, at `offset`, from where they lie; without making them durable.
    ///
    /// # Errors
    /// If the file system refuses.
    pub(crate) fn write_both(
        &self,
        first: &[u8],
        second: &[u8],
        offset: u64,
    ) -> Result<(), SegmentError> {
        let pieces = [first, second].map(io::IoSlice::new);
        let written = rustix::io::pwritev(self.file, &pieces, offset);
        let written = written.map_err(|error| self.error(error.into()))?;
        // What a disk did not take at once it is given again.
        let (rest, done) = match first.get(written..) {
            Some(rest) => (rest, written),
            None => (&[][..], first.len()),
        };
        let at = |bytes: usize| offset.saturating_add(bytes as u64);
        self.write(rest, at(done))?;
        let done = written.saturating_sub(first.len());
        let rest = second.get(done..).unwrap_or_default();
        self.write(rest, at(first.len().saturating_add(done)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_damage() {
        // Shorter than the books say.
        let short = tempfile::tempfile().unwrap();
        short.set_len(5000).unwrap();
        // Nothing is mapped at the first pages of a process, and reading them is the error of a bad sector (EIO).
        let unreadable = File::open("/proc/self/mem").unwrap();
        for file in [&short, &unreadable] {
            let segment = SegmentFile {
                file,
                path: Path::new("a segment"),
                salt: None,
            };
            let error = segment.header_at(0, 20_000).err();
            assert!(error.is_none_or(|error| error.is_loss()));
            for offset in [0, 4090, 8192] {
                let piece = segment.piece_at(offset, 20_000).unwrap();
                assert_eq!(piece, Piece::Damage { until: 20_000 });
            }
        }
    }
}
