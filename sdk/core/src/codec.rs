//! The one-dimensional Reed-Solomon code (encoding spec 2.4).

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};

use crate::{axis::SliverType, interleaving::Interleaving, parameters::EncodingConfig};

/// A systematic code: `originals` source symbols determine `recoveries` more.
///
/// Symbol `i < originals` of a codeword is original `i`; symbol `originals + i` is recovery symbol `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinearCode {
    originals: usize,
    recoveries: usize,
    symbol_size: usize,
}

impl LinearCode {
    /// The code of an axis: `np` originals for primary, which expands columns, `ns` for secondary, which
    /// expands rows; codewords have `n_shards` symbols of `symbol_size` bytes.
    ///
    /// # Errors
    /// [`CodecError::Code`] if `symbol_size` is 0 or odd.
    pub fn of_axis(
        config: &EncodingConfig,
        axis: SliverType,
        symbol_size: u16,
    ) -> Result<Self, CodecError> {
        let originals = usize::from(config.source_symbols(axis));
        Self::new(
            originals,
            usize::from(config.n_shards()) - originals,
            symbol_size,
        )
    }

    /// Any code.
    ///
    /// # Errors
    /// [`CodecError::Code`] if the counts are not supported or `symbol_size` is 0 or odd.
    pub fn new(originals: usize, recoveries: usize, symbol_size: u16) -> Result<Self, CodecError> {
        if !ReedSolomonEncoder::supports(originals, recoveries) {
            return Err(CodecError::Code(
                reed_solomon_simd::Error::UnsupportedShardCount {
                    original_count: originals,
                    recovery_count: recoveries,
                },
            ));
        }
        let symbol_size = usize::from(symbol_size);
        if symbol_size == 0 || !symbol_size.is_multiple_of(2) {
            return Err(CodecError::Code(
                reed_solomon_simd::Error::InvalidShardSize {
                    shard_bytes: symbol_size,
                },
            ));
        }
        Ok(Self {
            originals,
            recoveries,
            symbol_size,
        })
    }

    /// Number of source symbols.
    pub fn originals(&self) -> usize {
        self.originals
    }

    /// Number of recovery symbols.
    pub fn recoveries(&self) -> usize {
        self.recoveries
    }

    /// Symbol size in bytes.
    pub fn symbol_size(&self) -> usize {
        self.symbol_size
    }

    /// The recovery symbols, concatenated, of the concatenated originals.
    ///
    /// # Errors
    /// [`CodecError::WrongLength`] unless there are `originals * symbol_size` bytes.
    pub fn encode(&self, originals: &[u8]) -> Result<Vec<u8>, CodecError> {
        let mut out = Vec::with_capacity(self.recoveries * self.symbol_size);
        CodewordEncoder::new(self)?.encode(originals, &mut out)?;
        Ok(out)
    }

    /// The originals, concatenated, from `(position in the codeword, symbol)`.
    ///
    /// The first `originals` symbols are used, surplus is ignored.
    ///
    /// # Errors
    /// [`CodecError::NotEnoughSymbols`], [`CodecError::WrongLength`], and [`CodecError::Code`] for positions
    /// that repeat or are outside the codeword.
    pub fn decode<'a, I>(&self, symbols: I) -> Result<Vec<u8>, CodecError>
    where
        I: IntoIterator<Item = (usize, &'a [u8])>,
    {
        let symbols: Vec<_> = symbols.into_iter().take(self.originals).collect();
        let mut out = vec![0; self.originals * self.symbol_size];
        for (index, symbol) in &symbols {
            if symbol.len() != self.symbol_size {
                return Err(CodecError::WrongLength {
                    length: symbol.len(),
                    expected: self.symbol_size,
                });
            }
            if let Some(place) = out.chunks_exact_mut(self.symbol_size).nth(*index) {
                place.copy_from_slice(symbol);
            }
        }
        self.restore(&symbols, 1, |index, symbol| {
            if let Some(place) = out.chunks_exact_mut(self.symbol_size).nth(index) {
                place.copy_from_slice(symbol);
            }
        })?;
        Ok(out)
    }

    /// Decodes `count` codewords at once, each given `(position, count consecutive symbols)`; the symbols
    /// come from one position of each codeword. Calls back with each missing original position and its
    /// `count` symbols. Exactly the first `originals` entries are used.
    pub(crate) fn restore(
        &self,
        symbols: &[(usize, &[u8])],
        count: usize,
        mut restored: impl FnMut(usize, &[u8]),
    ) -> Result<(), CodecError> {
        if symbols.len() < self.originals {
            return Err(CodecError::NotEnoughSymbols {
                have: symbols.len(),
                need: self.originals,
            });
        }
        let interleaving = Interleaving::new(self.symbol_size, count);
        let (mut packed, mut plain) = (Vec::new(), vec![0; self.symbol_size * count]);
        let mut decoder =
            ReedSolomonDecoder::new(self.originals, self.recoveries, interleaving.packed_len())?;
        for (index, data) in symbols.iter().take(self.originals) {
            if data.len() != plain.len() {
                return Err(CodecError::WrongLength {
                    length: data.len(),
                    expected: plain.len(),
                });
            }
            interleaving.pack(data, &mut packed);
            match index.checked_sub(self.originals) {
                None => decoder.add_original_shard(*index, &packed)?,
                Some(recovery) => decoder.add_recovery_shard(recovery, &packed)?,
            }
        }
        for (index, shard) in decoder.decode()?.restored_original_iter() {
            interleaving.unpack(shard, &mut plain);
            restored(index, &plain);
        }
        Ok(())
    }
}

/// An encoder that is reused from codeword to codeword.
pub(crate) struct CodewordEncoder {
    inner: ReedSolomonEncoder,
    originals: usize,
    symbol_size: usize,
}

impl CodewordEncoder {
    pub(crate) fn new(code: &LinearCode) -> Result<Self, CodecError> {
        let inner = ReedSolomonEncoder::new(code.originals, code.recoveries, code.symbol_size)?;
        Ok(Self {
            inner,
            originals: code.originals,
            symbol_size: code.symbol_size,
        })
    }

    /// Appends the recovery symbols of the concatenated originals to `out`.
    pub(crate) fn encode(&mut self, originals: &[u8], out: &mut Vec<u8>) -> Result<(), CodecError> {
        let expected = self.originals * self.symbol_size;
        if originals.len() != expected {
            return Err(CodecError::WrongLength {
                length: originals.len(),
                expected,
            });
        }
        for symbol in originals.chunks_exact(self.symbol_size) {
            self.inner.add_original_shard(symbol)?;
        }
        for symbol in self.inner.encode()?.recovery_iter() {
            out.extend_from_slice(symbol);
        }
        Ok(())
    }
}

/// An encoder of many codewords at once.
pub(crate) struct BatchEncoder {
    inner: ReedSolomonEncoder,
    interleaving: Interleaving,
    packed: Vec<u8>,
    plain: Vec<u8>,
}

impl BatchEncoder {
    /// For `count` codewords.
    pub(crate) fn new(code: &LinearCode, count: usize) -> Result<Self, CodecError> {
        let interleaving = Interleaving::new(code.symbol_size, count);
        let inner =
            ReedSolomonEncoder::new(code.originals, code.recoveries, interleaving.packed_len())?;
        let plain = vec![0; count * code.symbol_size];
        Ok(Self {
            inner,
            interleaving,
            packed: Vec::new(),
            plain,
        })
    }

    /// `originals` yields, per original position, that symbol of every codeword; calls back with each
    /// recovery position (from 0) and that symbol of every codeword.
    pub(crate) fn encode<'a>(
        &mut self,
        originals: impl Iterator<Item = &'a [u8]>,
        mut recovery: impl FnMut(usize, &[u8]),
    ) -> Result<(), CodecError> {
        for symbols in originals {
            if symbols.len() != self.plain.len() {
                return Err(CodecError::WrongLength {
                    length: symbols.len(),
                    expected: self.plain.len(),
                });
            }
            self.interleaving.pack(symbols, &mut self.packed);
            self.inner.add_original_shard(&self.packed)?;
        }
        for (index, shard) in self.inner.encode()?.recovery_iter().enumerate() {
            self.interleaving.unpack(shard, &mut self.plain);
            recovery(index, &self.plain);
        }
        Ok(())
    }
}

/// Symbols that the code cannot take.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// Fewer symbols than source symbols.
    #[error("{have} symbols, but {need} are needed to decode")]
    NotEnoughSymbols {
        /// Symbols given.
        have: usize,
        /// Symbols needed.
        need: usize,
    },
    /// Data of another length than the code works on.
    #[error("{length} bytes of symbols, expected {expected}")]
    WrongLength {
        /// Bytes given.
        length: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// Unsupported parameters, repeated or out-of-range positions.
    #[error("Reed-Solomon code: {0}")]
    Code(#[from] reed_solomon_simd::Error),
}
