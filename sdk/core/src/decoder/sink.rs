//! Blob sinks: where the decoded blob goes.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

/// Takes the blob piece by piece, in any order, from several threads at once.
///
/// Pieces do not overlap and together are the blob. After an error what was written is worth nothing.
pub(crate) trait BlobSink: Sync {
    /// Takes the bytes of the blob from `offset` on.
    ///
    /// # Errors
    /// Any error ends the decoding.
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()>;

    /// Whether pieces of about 1 KiB are as good as large ones. By default not.
    fn takes_small_pieces(&self) -> bool {
        false
    }
}

/// A blob in memory, row by row of the matrix, each behind a lock of its own.
pub(crate) struct MemoryBlob<'a> {
    row_length: usize,
    rows: Vec<Mutex<&'a mut [u8]>>,
}

impl<'a> MemoryBlob<'a> {
    /// `blob` has the length of the blob.
    pub(crate) fn new(blob: &'a mut [u8], row_length: usize) -> Self {
        let rows = blob.chunks_mut(row_length.max(1)).map(Mutex::new).collect();
        Self { row_length, rows }
    }
}

impl BlobSink for MemoryBlob<'_> {
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let out_of_range = || io::Error::from(io::ErrorKind::InvalidInput);
        let mut offset = usize::try_from(offset).map_err(|_| out_of_range())?;
        let mut data = data;
        while !data.is_empty() {
            let (row, start) = (offset / self.row_length, offset % self.row_length);
            let (piece, rest) = data.split_at(data.len().min(self.row_length - start));
            let row = self.rows.get(row).ok_or_else(out_of_range)?;
            let mut row = row.lock().unwrap_or_else(PoisonError::into_inner);
            row.get_mut(start..start + piece.len())
                .ok_or_else(out_of_range)?
                .copy_from_slice(piece);
            offset += piece.len();
            data = rest;
        }
        Ok(())
    }

    fn takes_small_pieces(&self) -> bool {
        true
    }
}
