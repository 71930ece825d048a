//! One-dimensional Reed-Solomon code (encoding spec 2.4).

use reed_solomon_simd::{
    ReedSolomonDecoder, ReedSolomonEncoder,
    engine::{DefaultEngine, Engine},
    rate::{DefaultRateEncoder, RateEncoder},
};

use crate::{
    interleaving::{Interleaving, Planes},
    parameters::EncodingConfig,
    sliver_type::SliverType,
};

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
    /// The code of a sliver type: `np` originals for primary, which expands columns, `ns` for secondary, which
    /// expands rows; codewords have `n_shards` symbols of `symbol_size` bytes.
    ///
    /// # Errors
    /// [`CodecError::Code`] if `symbol_size` is 0 or odd.
    pub fn of_type(
        config: &EncodingConfig,
        sliver_type: SliverType,
        symbol_size: u16,
    ) -> Result<Self, CodecError> {
        let originals = usize::from(config.source_symbols(sliver_type));
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
        let expected = self.originals * self.symbol_size;
        if originals.len() != expected {
            return Err(CodecError::WrongLength {
                length: originals.len(),
                expected,
            });
        }
        let mut encoder = TileEncoder::new(self.originals, self.recoveries, 1, self.symbol_size)?;
        for symbol in originals.chunks_exact(self.symbol_size) {
            encoder.add(symbol)?;
        }
        encoder.encode(|_, rows| {
            rows.iter().for_each(|row| out.extend_from_slice(row));
            Ok::<_, CodecError>(())
        })?;
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
        let mut planes = Planes::default();
        let mut decoder =
            ReedSolomonDecoder::new(self.originals, self.recoveries, interleaving.packed_len())?;
        for (index, data) in symbols.iter().take(self.originals) {
            if data.len() != plain.len() {
                return Err(CodecError::WrongLength {
                    length: data.len(),
                    expected: plain.len(),
                });
            }
            interleaving.pack(data, &mut packed, &mut planes);
            match index.checked_sub(self.originals) {
                None => decoder.add_original_shard(*index, &packed)?,
                Some(recovery) => decoder.add_recovery_shard(recovery, &packed)?,
            }
        }
        for (index, shard) in decoder.decode()?.restored_original_iter() {
            interleaving.unpack(shard, &mut plain, &mut planes);
            restored(index, &plain);
        }
        Ok(())
    }
}

/// Encodes many codewords at once, or strips of them; its work area is used again and again.
///
/// A tile is `count` codewords of symbols of `width` bytes, each a whole symbol or, as the code handles every
/// block of 64 bytes by itself, a strip of one: a multiple of 64 bytes, or its end.
pub(crate) struct TileEncoder<E: Engine = DefaultEngine> {
    inner: DefaultRateEncoder<E>,
    originals: usize,
    recoveries: usize,
    interleaving: Interleaving,
    tile_length: usize,
    packed: Vec<u8>,
    planes: Planes,
    plain: Vec<u8>,
}

impl TileEncoder {
    /// Recovery rows that [`Self::encode`] hands out together.
    pub(crate) const GROUP: usize = 8;

    /// For tiles of `count` codewords of `width` bytes, which [`Self::reshape`] changes.
    pub(crate) fn new(
        originals: usize,
        recoveries: usize,
        count: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        Self::with_engine(DefaultEngine::new(), originals, recoveries, count, width)
    }
}

impl<E: Engine> TileEncoder<E> {
    /// As [`TileEncoder::new`], with instructions of choice.
    pub(crate) fn with_engine(
        engine: E,
        originals: usize,
        recoveries: usize,
        count: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        let interleaving = Interleaving::new(width, count);
        let length = interleaving.packed_len();
        let inner = DefaultRateEncoder::new(originals, recoveries, length, engine, None)?;
        Ok(Self {
            inner,
            originals,
            recoveries,
            interleaving,
            tile_length: count * width,
            packed: Vec::new(),
            planes: Planes::default(),
            plain: Vec::new(),
        })
    }

    /// Whether this is the code: so many source and so many recovery symbols.
    pub(crate) fn is_for(&self, originals: usize, recoveries: usize) -> bool {
        (self.originals, self.recoveries) == (originals, recoveries)
    }

    /// Changes the shape of the tiles to come.
    pub(crate) fn reshape(&mut self, count: usize, width: usize) -> Result<(), CodecError> {
        let interleaving = Interleaving::new(width, count);
        if interleaving != self.interleaving {
            self.interleaving = interleaving;
            self.tile_length = count * width;
            self.inner
                .reset(self.originals, self.recoveries, interleaving.packed_len())?;
        }
        Ok(())
    }

    /// Adds the next original: that symbol of each codeword, one after the other.
    pub(crate) fn add(&mut self, symbols: &[u8]) -> Result<(), CodecError> {
        if symbols.len() != self.tile_length {
            return Err(CodecError::WrongLength {
                length: symbols.len(),
                expected: self.tile_length,
            });
        }
        if self.interleaving.is_identity() {
            self.inner.add_original_shard(symbols)?;
        } else {
            let planes = &mut self.planes;
            self.interleaving.pack(symbols, &mut self.packed, planes);
            self.inner.add_original_shard(&self.packed)?;
        }
        Ok(())
    }

    /// Encodes what was added; calls back with the recovery symbols, up to eight positions at a time: the
    /// first position, from 0, and for each position that symbol of each codeword.
    pub(crate) fn encode<F: From<CodecError>>(
        &mut self,
        mut take: impl FnMut(usize, &[&[u8]]) -> Result<(), F>,
    ) -> Result<(), F> {
        let (interleaving, planes) = (self.interleaving, &mut self.planes);
        let result = self.inner.encode().map_err(CodecError::from)?;
        self.plain.resize(TileEncoder::GROUP * self.tile_length, 0);
        for first in (0..self.recoveries).step_by(TileEncoder::GROUP) {
            let count = TileEncoder::GROUP.min(self.recoveries - first);
            let mut rows: [&[u8]; TileEncoder::GROUP] = [&[]; TileEncoder::GROUP];
            let shards = (first..first + count).filter_map(|index| result.recovery(index));
            if interleaving.is_identity() {
                for (row, shard) in rows.iter_mut().zip(shards) {
                    *row = shard;
                }
            } else {
                let places = self.plain.chunks_exact_mut(self.tile_length);
                for ((row, place), shard) in rows.iter_mut().zip(places).zip(shards) {
                    interleaving.unpack(shard, place, planes);
                    *row = place;
                }
            }
            take(first, &rows[..count])?;
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
