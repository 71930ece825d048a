//! BCS framing: what stands around the symbols of a sliver (encoding spec 4.1).

use std::num::NonZeroU16;

use crate::{
    bounded_bcs,
    index::SliverIndex,
    parameters::{EncodingConfig, ParameterError},
    sliver_type::SliverType,
};

/// Bytes after the symbols: symbol size and index, two bytes each.
const TRAILER: usize = 4;

/// The framing of the slivers of one blob: `uleb(len)` ‖ symbols ‖ symbol size `u16` ‖ sliver index `u16`, little-endian.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SliverFraming {
    symbol_size: NonZeroU16,
    /// Bytes of symbols of a primary and of a secondary sliver.
    lengths: [usize; 2],
}

impl SliverFraming {
    /// The framing of the slivers of a blob of `blob_length` bytes.
    pub(crate) fn new(config: &EncodingConfig, blob_length: u64) -> Result<Self, ParameterError> {
        let symbol_size = config.symbol_size(blob_length)?;
        Ok(Self {
            symbol_size: NonZeroU16::new(symbol_size).unwrap_or(NonZeroU16::MIN),
            lengths: [
                config.sliver_length(SliverType::Primary, blob_length)?,
                config.sliver_length(SliverType::Secondary, blob_length)?,
            ],
        })
    }

    /// Bytes of a symbol.
    pub(crate) fn symbol_size(&self) -> NonZeroU16 {
        self.symbol_size
    }

    /// Bytes of symbols.
    pub(crate) fn length(&self, sliver_type: SliverType) -> usize {
        let [primary, secondary] = self.lengths;
        match sliver_type {
            SliverType::Primary => primary,
            SliverType::Secondary => secondary,
        }
    }

    /// Bytes before the symbols.
    pub(crate) fn header_length(&self, sliver_type: SliverType) -> usize {
        bounded_bcs::uleb_length(self.length(sliver_type))
    }

    /// Bytes of a sliver with its framing.
    pub(crate) fn bcs_length(&self, sliver_type: SliverType) -> usize {
        self.header_length(sliver_type) + self.length(sliver_type) + TRAILER
    }

    /// What stands before the symbols.
    pub(crate) fn header(&self, sliver_type: SliverType) -> Vec<u8> {
        bounded_bcs::uleb(self.length(sliver_type))
    }

    /// What stands after the symbols.
    pub(crate) fn trailer(&self, index: SliverIndex) -> [u8; TRAILER] {
        let [s0, s1] = self.symbol_size.get().to_le_bytes();
        let [i0, i1] = index.get().to_le_bytes();
        [s0, s1, i0, i1]
    }
}
