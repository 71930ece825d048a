//! One-dimensional Reed-Solomon code (encoding spec 2.4).

use crate::{
    interleaving::{Interleaving, Planes},
    parameters::EncodingConfig,
    reed_solomon::{CodeEngine, Decoder, Encoder, Engine, FastestEngine, Layout},
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
        Layout::new(originals, recoveries)?;
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
        if symbols.len() < self.originals {
            return Err(CodecError::NotEnoughSymbols {
                have: symbols.len(),
                need: self.originals,
            });
        }
        let layout = Layout::new(self.originals, self.recoveries)?;
        let engine = FastestEngine::new(layout.positions());
        let mut decoder = Decoder::new(engine, layout, self.symbol_size)?;
        for (index, symbol) in &symbols {
            decoder.add(*index, symbol)?;
        }
        decoder.decode(|index, symbol| {
            if let Some(place) = out.chunks_exact_mut(self.symbol_size).nth(index) {
                place.copy_from_slice(symbol);
            }
        })?;
        Ok(out)
    }
}

/// Encodes many codewords at once, or strips of them; its work area is used again and again.
///
/// A tile is `count` codewords of symbols of `width` bytes, each a whole symbol or, as the code handles every
/// block of 64 bytes by itself, a strip of one: a multiple of 64 bytes, or its end.
pub(crate) struct TileEncoder<E: Engine = FastestEngine> {
    inner: Encoder<E>,
    interleaving: Interleaving,
    tile_length: usize,
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
        let layout = Layout::new(originals, recoveries).map_err(CodecError::from)?;
        let engine = FastestEngine::new(layout.positions());
        Self::with_engine(engine, layout, count, width)
    }

    /// Whether this is the code, of so many source and so many recovery symbols, and the engine is that in use.
    pub(crate) fn is_for(&self, originals: usize, recoveries: usize) -> bool {
        let layout = self.inner.layout();
        (layout.originals, layout.recoveries) == (originals, recoveries)
            && self.inner.engine().kind() == CodeEngine::in_use()
    }
}

impl<E: Engine> TileEncoder<E> {
    /// As [`TileEncoder::new`], with instructions of choice.
    pub(crate) fn with_engine(
        engine: E,
        layout: Layout,
        count: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        let interleaving = Interleaving::new(width, count);
        Ok(Self {
            inner: Encoder::new(engine, layout, interleaving.packed_len())?,
            interleaving,
            tile_length: count * width,
            planes: Planes::default(),
            plain: Vec::new(),
        })
    }

    /// Changes the shape of the tiles to come.
    pub(crate) fn reshape(&mut self, count: usize, width: usize) -> Result<(), CodecError> {
        let interleaving = Interleaving::new(width, count);
        if interleaving != self.interleaving {
            self.interleaving = interleaving;
            self.tile_length = count * width;
            self.inner.reset(interleaving.packed_len())?;
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
            self.inner.add(symbols)?;
        } else {
            let row = self.inner.add_in_place()?;
            self.interleaving.pack(symbols, row, &mut self.planes);
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
        self.inner.encode().map_err(CodecError::from)?;
        let (inner, recoveries) = (&self.inner, self.inner.layout().recoveries);
        self.plain.resize(TileEncoder::GROUP * self.tile_length, 0);
        for first in (0..recoveries).step_by(TileEncoder::GROUP) {
            let count = TileEncoder::GROUP.min(recoveries - first);
            let mut rows: [&[u8]; TileEncoder::GROUP] = [&[]; TileEncoder::GROUP];
            let shards = (first..first + count).filter_map(|index| inner.recovery(index));
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
