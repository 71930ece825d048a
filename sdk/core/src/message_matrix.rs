//! The message matrix: a blob cut into symbols, row by row, padded with zeros (encoding spec 1.4, 2.1).

use std::borrow::Cow;

/// A view of a blob as rows of equal length; only rows that reach past its end are copied.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MessageMatrix<'a> {
    blob: &'a [u8],
    row_length: usize,
}

impl<'a> MessageMatrix<'a> {
    pub(crate) fn new(blob: &'a [u8], row_length: usize) -> Self {
        Self { blob, row_length }
    }

    /// Row `index`, zero-padded.
    pub(crate) fn row(&self, index: usize) -> Cow<'a, [u8]> {
        let start = (index * self.row_length).min(self.blob.len());
        let end = (start + self.row_length).min(self.blob.len());
        let present = self.blob.get(start..end).unwrap_or_default();
        if present.len() == self.row_length {
            return Cow::Borrowed(present);
        }
        let mut row = present.to_vec();
        row.resize(self.row_length, 0);
        Cow::Owned(row)
    }
}
