//! Source matrix: the blob, and what is kept of their expansion.

use std::{io, ops::Range};

use crate::{
    blob_source::BlobSource,
    encoder::{
        error::EncodeError,
        plan::{Plan, Strip},
    },
    workspaces::Workspaces,
};

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
        let present = usize::try_from(self.length.saturating_sub(start)).unwrap_or(usize::MAX);
        let (present, padding) = buffer.split_at_mut(present.min(buffer.len()));
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

/// Kept columns of at most so many bytes leave their memory to the next blob.
const MAX_IDLE: usize = 1 << 20;

/// Memory of small blobs: fresh memory would take longer than the work.
static IDLE: Workspaces<Vec<u8>> = Workspaces::new();

/// A strip of the symbols of all source rows from [`Plan::kept_from`] on, row after row: recovery symbols, and the
/// source symbols that share a block with the first of them.
pub(crate) struct KeptColumns {
    bytes: Vec<u8>,
}

impl KeptColumns {
    /// Room for the longest strip, with anything in it.
    pub(crate) fn new(plan: &Plan) -> Self {
        let longest = plan.strips().map(|strip| strip.width).max();
        let length = plan.rows * plan.kept_length(longest.unwrap_or(0));
        let fits = |idle: &Vec<u8>| idle.capacity() >= length && length > 0;
        let bytes = match IDLE.take(fits) {
            Some(mut bytes) => {
                bytes.resize(length, 0);
                bytes
            }
            None => vec![0; length],
        };
        Self { bytes }
    }

    /// They are not needed any more.
    pub(crate) fn rest(self) {
        if self.bytes.capacity() <= MAX_IDLE {
            IDLE.give(self.bytes);
        }
    }

    /// Those of a strip, to be written.
    pub(crate) fn of_strip(&mut self, plan: &Plan, strip: Strip) -> &mut [u8] {
        &mut self.bytes[..plan.rows * plan.kept_length(strip.width)]
    }
}

/// The symbols of some columns of every source row, or a strip of them.
pub(crate) struct SourceColumns<'a> {
    plan: &'a Plan,
    blob: &'a PaddedBlob<'a>,
    kept: Option<&'a KeptColumns>,
}

impl<'a> SourceColumns<'a> {
    /// Those of the blob, and if rows were expanded those that are kept of the strip.
    pub(crate) fn new(
        plan: &'a Plan,
        blob: &'a PaddedBlob<'a>,
        kept: Option<&'a KeptColumns>,
    ) -> Self {
        Self { plan, blob, kept }
    }

    /// The symbols of a block of columns: one slice a row. What is not in memory goes through `buffer`, and `zeros`
    /// stand for rows behind the end of the blob.
    pub(crate) fn of_block<'b>(
        &'b self,
        columns: Range<usize>,
        strip: Strip,
        buffer: &'b mut Vec<u8>,
        zeros: &'b [u8],
    ) -> Result<Vec<&'b [u8]>, EncodeError> {
        let length = columns.len() * strip.width;
        if let (Some(kept), Some(first)) =
            (self.kept, columns.start.checked_sub(self.plan.kept_from()))
        {
            let rows = kept.bytes.chunks_exact(self.plan.kept_length(strip.width));
            let start = first * strip.width;
            return Ok(rows
                .take(self.plan.rows)
                .map(|row| &row[start..start + length])
                .collect());
        }
        let found: Vec<_> = (0..self.plan.rows)
            .map(|row| self.in_memory(self.position(row, columns.start), length, zeros))
            .collect();
        let missing = found.iter().filter(|slice| slice.is_none()).count();
        if buffer.len() < missing * length {
            buffer.resize(missing * length, 0);
        }
        let mut places = buffer.chunks_exact_mut(length);
        for (row, _) in found
            .iter()
            .enumerate()
            .filter(|(_, slice)| slice.is_none())
        {
            if let Some(place) = places.next() {
                self.blob.read(self.position(row, columns.start), place)?;
            }
        }
        let mut read = buffer.chunks_exact(length);
        Ok(found
            .into_iter()
            .map(|slice| slice.or_else(|| read.next()).unwrap_or_default())
            .collect())
    }

    /// Where the symbols from `column` on are in the blob.
    fn position(&self, row: usize, column: usize) -> u64 {
        (row as u64 * self.plan.columns as u64 + column as u64) * self.plan.symbol as u64
    }

    fn in_memory<'b>(&'b self, start: u64, length: usize, zeros: &'b [u8]) -> Option<&'b [u8]> {
        if start >= self.plan.blob_length {
            return zeros.get(..length);
        }
        self.blob.borrowed(start..start + length as u64)
    }
}
