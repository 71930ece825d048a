//! The source rows of the matrix, wherever they are, with their recovery symbols.

use std::{
    fs::{self, OpenOptions},
    io,
    ops::Range,
    path::Path,
};

use crate::encoder::{
    error::EncodeError,
    plan::Plan,
    source::{BlobSource, PositionalFile},
};
use crate::workspaces::Workspaces;

/// The blob, zero-padded to the matrix (encoding spec 1.4).
pub(crate) struct PaddedBlob<'a> {
    source: &'a dyn BlobSource,
    memory: Option<&'a [u8]>,
    length: u64,
}

impl<'a> PaddedBlob<'a> {
    /// A blob at its source, or in memory if it is given too.
    pub(crate) fn new(source: &'a dyn BlobSource, memory: Option<&'a [u8]>) -> Self {
        let length = source.length();
        Self {
            source,
            memory,
            length,
        }
    }

    /// The bytes of a range, if they are in memory and no padding.
    pub(crate) fn borrowed(&self, range: Range<u64>) -> Option<&'a [u8]> {
        let start = usize::try_from(range.start).ok()?;
        let end = usize::try_from(range.end).ok()?;
        self.memory?.get(start..end)
    }

    /// Fills `buffer` with the bytes from `start` on.
    pub(crate) fn read(&self, start: u64, buffer: &mut [u8]) -> Result<(), EncodeError> {
        let present = self.length.saturating_sub(start).min(buffer.len() as u64);
        let (present, padding) = buffer.split_at_mut(present as usize);
        padding.fill(0);
        if present.is_empty() {
            return Ok(());
        }
        let end = start + present.len() as u64;
        if let Some(bytes) = self.borrowed(start..end) {
            present.copy_from_slice(bytes);
            return Ok(());
        }
        let length = self.length;
        self.source
            .read_at(start, present)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => EncodeError::Truncated { end, length },
                _ => EncodeError::Read {
                    offset: start,
                    error: error.into(),
                },
            })
    }
}

/// The recovery symbols of all source rows, row after row.
pub(crate) enum RowRecoveries {
    /// In memory.
    Memory(Vec<u8>),
    /// In a temporary file.
    File(PositionalFile),
}

/// Recovery symbols of at most so many bytes leave their memory to the next blob.
const MAX_IDLE: usize = 1 << 20;

/// Memory of small blobs: fresh memory would take longer than the work.
static IDLE: Workspaces<Vec<u8>> = Workspaces::new();

impl RowRecoveries {
    /// Memory for recovery symbols, with anything in it.
    pub(crate) fn memory(length: usize) -> Vec<u8> {
        let fits = |idle: &Vec<u8>| idle.capacity() >= length && length > 0;
        match IDLE.take(fits) {
            Some(mut bytes) => {
                bytes.resize(length, 0);
                bytes
            }
            None => vec![0; length],
        }
    }

    /// They are not needed any more.
    pub(crate) fn rest(self) {
        match self {
            Self::Memory(bytes) if bytes.capacity() <= MAX_IDLE => IDLE.give(bytes),
            _ => {}
        }
    }

    /// A temporary file without a name.
    pub(crate) fn temporary_file(directory: &Path) -> Result<PositionalFile, EncodeError> {
        let create = || {
            let path = directory.join(format!(".walrus-spill-{:016x}", rand::random::<u64>()));
            let mut options = OpenOptions::new();
            let file = options
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)?;
            // Where an open file cannot be removed it stays: only its name can be lost.
            let _ = fs::remove_file(&path);
            Ok(PositionalFile::new(file))
        };
        create().map_err(spill_error)
    }

    /// The symbols of a range of bytes, if they are in memory.
    pub(crate) fn borrowed(&self, start: usize, length: usize) -> Option<&[u8]> {
        match self {
            Self::Memory(bytes) => bytes.get(start..start + length),
            Self::File(_) => None,
        }
    }

    /// Fills `buffer` with the bytes from `start` on.
    pub(crate) fn read(&self, start: usize, buffer: &mut [u8]) -> Result<(), EncodeError> {
        match self {
            Self::Memory(bytes) => {
                buffer.copy_from_slice(&bytes[start..start + buffer.len()]);
                Ok(())
            }
            Self::File(file) => file
                .read_exact_at(start as u64, buffer)
                .map_err(spill_error),
        }
    }
}

/// The temporary file failed.
pub(crate) fn spill_error(error: io::Error) -> EncodeError {
    EncodeError::Spill {
        error: error.into(),
    }
}

/// The expanded source rows.
pub(crate) struct SourceRows<'a> {
    pub(crate) blob: PaddedBlob<'a>,
    pub(crate) recoveries: RowRecoveries,
    pub(crate) plan: Plan,
}

impl SourceRows<'_> {
    /// The symbols of a range of columns of every source row: one slice a row. What is not in memory goes
    /// through `buffer`.
    pub(crate) fn columns<'b>(
        &'b self,
        columns: Range<usize>,
        buffer: &'b mut Vec<u8>,
        zeros: &'b [u8],
    ) -> Result<Vec<&'b [u8]>, EncodeError> {
        let length = columns.len() * self.plan.symbol;
        let mut found = Vec::with_capacity(self.plan.rows);
        let mut missing = Vec::new();
        for row in 0..self.plan.rows {
            let slice = self.in_memory(row, &columns, zeros);
            if slice.is_none() {
                missing.push(row);
            }
            found.push(slice);
        }
        if buffer.len() < missing.len() * length {
            buffer.resize(missing.len() * length, 0);
        }
        for (row, place) in missing.iter().zip(buffer.chunks_exact_mut(length)) {
            self.read(*row, &columns, place)?;
        }
        let mut read = buffer.chunks_exact(length);
        let pieces = found.into_iter();
        Ok(pieces
            .map(|piece| piece.or_else(|| read.next()).unwrap_or_default())
            .collect())
    }

    /// Where the symbols from `column` on are in the blob.
    fn position(&self, row: usize, column: usize) -> u64 {
        (row as u64 * self.plan.columns as u64 + column as u64) * self.plan.symbol as u64
    }

    /// Where they are among the recovery symbols.
    fn recovery_position(&self, row: usize, column: usize) -> usize {
        (row * (self.plan.n - self.plan.columns) + column - self.plan.columns) * self.plan.symbol
    }

    fn in_memory<'b>(
        &'b self,
        row: usize,
        columns: &Range<usize>,
        zeros: &'b [u8],
    ) -> Option<&'b [u8]> {
        let length = columns.len() * self.plan.symbol;
        if self.position(row, 0) >= self.plan.blob_length {
            return zeros.get(..length);
        }
        if columns.end <= self.plan.columns {
            let start = self.position(row, columns.start);
            if start >= self.plan.blob_length {
                return zeros.get(..length);
            }
            return self.blob.borrowed(start..start + length as u64);
        }
        if columns.start >= self.plan.columns {
            let start = self.recovery_position(row, columns.start);
            return self.recoveries.borrowed(start, length);
        }
        None
    }

    fn read(
        &self,
        row: usize,
        columns: &Range<usize>,
        buffer: &mut [u8],
    ) -> Result<(), EncodeError> {
        let middle = self.plan.columns.clamp(columns.start, columns.end);
        let (source, recovery) = buffer.split_at_mut((middle - columns.start) * self.plan.symbol);
        if !source.is_empty() {
            self.blob.read(self.position(row, columns.start), source)?;
        }
        if !recovery.is_empty() {
            let start = self.recovery_position(row, middle);
            self.recoveries.read(start, recovery)?;
        }
        Ok(())
    }
}
