//! Rate of the code: where in the field the symbols of a codeword are.

use std::ops::Range;

use reed_solomon_simd::{Error, ReedSolomonEncoder};

/// The layout of a codeword: positions are elements of the field, in chunks of a power of two.
///
/// The first chunk belongs to the kind of symbols that needs the smaller one, the rest to the other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) originals: usize,
    pub(crate) recoveries: usize,
    /// Whether recovery symbols come first: few for many originals.
    pub(crate) is_high_rate: bool,
    /// Positions of a chunk.
    pub(crate) chunk: usize,
}

impl Layout {
    /// The layout of a code, if there is such a code.
    pub(crate) fn new(originals: usize, recoveries: usize) -> Result<Self, Error> {
        if !ReedSolomonEncoder::supports(originals, recoveries) {
            return Err(Error::UnsupportedShardCount {
                original_count: originals,
                recovery_count: recoveries,
            });
        }
        let (source, recovery) = (
            originals.next_power_of_two(),
            recoveries.next_power_of_two(),
        );
        // Of equal powers the larger count comes first: a rule of the code, not a choice.
        let is_high_rate = source > recovery || source == recovery && originals <= recoveries;
        Ok(Self {
            originals,
            recoveries,
            is_high_rate,
            chunk: if is_high_rate { recovery } else { source },
        })
    }

    /// Symbols that come after the first chunk.
    pub(crate) fn behind(&self) -> usize {
        match self.is_high_rate {
            true => self.originals,
            false => self.recoveries,
        }
    }

    /// Where the originals are.
    pub(crate) fn original_positions(&self) -> Range<usize> {
        let start = if self.is_high_rate { self.chunk } else { 0 };
        start..start + self.originals
    }

    /// Where the recovery symbols are.
    pub(crate) fn recovery_positions(&self) -> Range<usize> {
        let start = if self.is_high_rate { 0 } else { self.chunk };
        start..start + self.recoveries
    }

    /// Positions in all chunks: the table of butterflies has to have as many.
    pub(crate) fn positions(&self) -> usize {
        self.end().next_multiple_of(self.chunk)
    }

    /// The end of the codeword.
    pub(crate) fn end(&self) -> usize {
        self.chunk + self.behind()
    }
}
