//! Geometry of a range: rows and symbols that cover it (proof spec 2).

use std::ops::Range;

use super::{ProofError, siblings};
use crate::{parameters::EncodingConfig, sliver_type::SliverType};

/// Where a range lies in the matrix. It is not empty and within the blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) config: EncodingConfig,
    pub(super) length: u64,
    pub(super) range: Range<u64>,
    symbol: u64,
    /// Bytes of a row.
    row: u64,
}

impl Geometry {
    pub(super) fn new(
        config: EncodingConfig,
        length: u64,
        range: Range<u64>,
    ) -> Result<Self, ProofError> {
        if range.start >= range.end || range.end > length {
            let Range { start, end } = range;
            return Err(ProofError::NoSuchRange { start, end, length });
        }
        let symbol = u64::from(config.symbol_size(length)?);
        let columns = u64::from(config.symbols_per_sliver(SliverType::Primary));
        Ok(Self {
            config,
            length,
            range,
            symbol,
            row: symbol * columns,
        })
    }

    /// Rows that cover the range; the first and the last of them are indexes of source slivers.
    pub(super) fn rows(&self) -> Range<usize> {
        let index = |row: u64| usize::try_from(row).unwrap_or(usize::MAX);
        index(self.range.start / self.row)..index(self.range.end.div_ceil(self.row))
    }

    /// Bytes of a symbol.
    pub(super) fn symbol_size(&self) -> u64 {
        self.symbol
    }

    /// Bytes of a row.
    pub(super) fn row_size(&self) -> u64 {
        self.row
    }

    /// Symbols of a row that cover the part of the range in it.
    pub(super) fn symbols(&self, row: usize) -> Range<usize> {
        let begin = (row as u64).saturating_mul(self.row);
        let place = |position: u64| position.saturating_sub(begin).min(self.row);
        let index = |symbol: u64| usize::try_from(symbol).unwrap_or(usize::MAX);
        let (first, last) = (place(self.range.start), place(self.range.end));
        index(first / self.symbol)..index(last.div_ceil(self.symbol))
    }

    /// Bytes of the first symbol before the range.
    pub(super) fn head(&self) -> u64 {
        // Rows begin with symbols.
        self.range.start % self.symbol
    }

    /// Bytes of the last symbol behind the range, as far as they are of the blob.
    pub(super) fn tail(&self) -> u64 {
        let end = self.range.end.next_multiple_of(self.symbol);
        end.min(self.length) - self.range.end
    }

    pub(super) fn n_shards(&self) -> usize {
        usize::from(self.config.n_shards())
    }

    /// Siblings of the symbols of a row.
    pub(super) fn row_siblings(&self, row: usize) -> usize {
        siblings::count(&self.symbols(row), self.n_shards())
    }

    /// Siblings of the pairs whose primary slivers are the rows.
    pub(super) fn pair_siblings(&self) -> usize {
        siblings::count(&self.rows(), self.n_shards())
    }
}
