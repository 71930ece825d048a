//! Work area: rows of whole blocks, each on a cache line.

use std::ops::Range;

use super::{BLOCK, Block};

/// Rows of equal length; those of blocks that begin on cache lines, as vector loads want it.
///
/// A symbol's last bytes, if they are no whole block, are spread over one as its low and high bytes.
#[derive(Debug, Default)]
pub(crate) struct Area {
    bytes: Vec<u8>,
    rows: usize,
    /// Blocks that symbols take.
    length: usize,
    /// Blocks from one row to the next.
    pitch: usize,
}

impl Area {
    /// Makes room. What is in the area is any earlier content.
    pub(crate) fn shape(&mut self, rows: usize, length: usize, pitch: usize) {
        (self.rows, self.length, self.pitch) = (rows, length, pitch);
        let bytes = (rows * pitch + 1) * BLOCK;
        if self.bytes.len() < bytes {
            // Not grown: what was there is not copied.
            self.bytes = vec![0; bytes];
        }
    }

    /// Blocks of a symbol.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Blocks from one row to the next.
    pub(crate) fn pitch(&self) -> usize {
        self.pitch
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// All blocks, row by row, as many a row as [`Self::pitch`] says.
    pub(crate) fn blocks_mut(&mut self) -> &mut [Block] {
        let start = aligned(&self.bytes);
        let blocks = self.rows * self.pitch;
        &mut self.bytes[start..].as_chunks_mut::<BLOCK>().0[..blocks]
    }

    fn blocks(&self) -> &[Block] {
        let start = aligned(&self.bytes);
        &self.bytes[start..].as_chunks::<BLOCK>().0[..self.rows * self.pitch]
    }

    /// The blocks of a row.
    pub(crate) fn row(&self, row: usize) -> &[Block] {
        &self.blocks()[row * self.pitch..][..self.length]
    }

    /// The blocks of a row.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [Block] {
        let (pitch, length) = (self.pitch, self.length);
        &mut self.blocks_mut()[row * pitch..][..length]
    }

    /// Fills rows with zeros.
    pub(crate) fn clear(&mut self, rows: Range<usize>) {
        let pitch = self.pitch;
        self.blocks_mut()[rows.start * pitch..rows.end * pitch].fill([0; BLOCK]);
    }

    /// Puts a symbol, of at most the length of a row, into a row.
    pub(crate) fn write(&mut self, row: usize, symbol: &[u8]) {
        let (whole, tail) = symbol.as_chunks::<BLOCK>();
        let target = self.row_mut(row);
        target[..whole.len()].copy_from_slice(whole);
        if !tail.is_empty() {
            let (low, high) = tail.split_at(tail.len() / 2);
            let block = &mut target[whole.len()];
            block[..low.len()].copy_from_slice(low);
            block[BLOCK / 2..BLOCK / 2 + high.len()].copy_from_slice(high);
        }
    }

    /// The bytes of a row, for a symbol of whole blocks.
    pub(crate) fn place(&mut self, row: usize) -> &mut [u8] {
        self.row_mut(row).as_flattened_mut()
    }

    /// Puts the tail of a symbol of so many bytes together again. Once for each symbol, before [`Self::read`].
    pub(crate) fn join_tail(&mut self, row: usize, symbol: usize) {
        let tail = symbol % BLOCK;
        if tail > 0 {
            let block = &mut self.row_mut(row)[symbol / BLOCK];
            block.copy_within(BLOCK / 2..BLOCK / 2 + tail / 2, tail / 2);
        }
    }

    /// The symbol of so many bytes in a row.
    pub(crate) fn read(&self, row: usize, symbol: usize) -> &[u8] {
        &self.row(row).as_flattened()[..symbol]
    }
}

/// Where the first cache line begins; at most a block from the start.
fn aligned(bytes: &[u8]) -> usize {
    bytes.as_ptr().align_offset(BLOCK) % BLOCK
}
