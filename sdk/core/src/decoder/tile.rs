//! Decodes many codewords at once, or strips of them.

use reed_solomon_simd::rate::{DefaultRateDecoder, RateDecoder};

use crate::{
    codec::{CodecError, LinearCode},
    decoder::locator::{LocatingEngine, Locator},
    interleaving::{Interleaving, Planes},
};

/// Bytes of the work area that the code is fastest with.
const WORK_BYTES: usize = 1 << 20;
/// Fewest bytes of a row of the work area.
const MIN_TILE_BYTES: usize = 1 << 9;
/// Most bytes of a row of the work area.
const MAX_TILE_BYTES: usize = 1 << 16;
/// Strips are multiples of this many bytes: whole blocks of the code.
const STRIP_UNIT: usize = 64;

/// How codewords are decoded together: `count` whole ones at a time, or strips of `width` bytes of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecodeTiling {
    /// Codewords.
    pub(crate) count: usize,
    /// The whole symbol, or a multiple of 64 bytes; then `count` is 1.
    pub(crate) width: usize,
}

impl DecodeTiling {
    pub(crate) fn new(code: &LinearCode, max_count: usize) -> Self {
        let rows = code.originals().next_power_of_two() + code.recoveries();
        let tile = WORK_BYTES / rows.next_power_of_two();
        let tile = tile.clamp(MIN_TILE_BYTES, MAX_TILE_BYTES);
        let symbol = code.symbol_size();
        if symbol > tile + tile / 4 {
            let width = tile / STRIP_UNIT * STRIP_UNIT;
            return Self { count: 1, width };
        }
        let count = (tile / symbol).clamp(1, max_count.max(1));
        let width = symbol;
        Self { count, width }
    }

    /// The strips of a symbol: start and length of each.
    pub(crate) fn strips(self, symbol: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..symbol)
            .step_by(self.width)
            .map(move |start| (start, self.width.min(symbol - start)))
    }
}

/// Decodes tiles of codewords that miss the same symbols; its work area is used again and again.
///
/// A tile is `count` codewords of symbols of `width` bytes; if `count` is 1, `width` may be that of a strip.
pub(crate) struct TileDecoder {
    inner: DefaultRateDecoder<LocatingEngine>,
    locator: Locator,
    originals: usize,
    recoveries: usize,
    count: usize,
    width: usize,
    packed: Vec<u8>,
    planes: Planes,
    plain: Vec<u8>,
}

impl TileDecoder {
    /// For tiles of a shape that [`Self::reshape`] changes.
    pub(crate) fn new(code: &LinearCode, count: usize, width: usize) -> Result<Self, CodecError> {
        let (originals, recoveries) = (code.originals(), code.recoveries());
        let length = shard_length(count, width);
        let engine = LocatingEngine::default();
        Ok(Self {
            inner: DefaultRateDecoder::new(originals, recoveries, length, engine, None)?,
            locator: Locator::default(),
            originals,
            recoveries,
            count,
            width,
            packed: Vec::new(),
            planes: Planes::default(),
            plain: Vec::new(),
        })
    }

    /// Changes the shape of the tiles to come.
    pub(crate) fn reshape(&mut self, count: usize, width: usize) -> Result<(), CodecError> {
        if (count, width) != (self.count, self.width) {
            let length = shard_length(count, width);
            self.inner.reset(self.originals, self.recoveries, length)?;
            (self.count, self.width) = (count, width);
        }
        Ok(())
    }

    /// Adds the symbols at a position of the codewords, one after the other.
    pub(crate) fn add(&mut self, position: usize, symbols: &[u8]) -> Result<(), CodecError> {
        if symbols.len() != self.count * self.width {
            return Err(CodecError::WrongLength {
                length: symbols.len(),
                expected: self.count * self.width,
            });
        }
        let interleaving = Interleaving::new(self.width, self.count);
        let shard = if self.count == 1 || interleaving.is_identity() {
            symbols
        } else {
            interleaving.pack(symbols, &mut self.packed, &mut self.planes);
            &self.packed
        };
        match position.checked_sub(self.originals) {
            None => self.inner.add_original_shard(position, shard)?,
            Some(recovery) => self.inner.add_recovery_shard(recovery, shard)?,
        }
        Ok(())
    }

    /// Decodes what was added; calls back with each missing original position and its symbols.
    pub(crate) fn decode(
        &mut self,
        mut restored: impl FnMut(usize, &[u8]),
    ) -> Result<(), CodecError> {
        let inner = &mut self.inner;
        let result = self.locator.during(|| inner.decode())?;
        let interleaving = Interleaving::new(self.width, self.count);
        if self.count == 1 || interleaving.is_identity() {
            for (position, shard) in result.restored_original_iter() {
                restored(position, shard);
            }
            return Ok(());
        }
        self.plain.resize(self.count * self.width, 0);
        for (position, shard) in result.restored_original_iter() {
            interleaving.unpack(shard, &mut self.plain, &mut self.planes);
            restored(position, &self.plain);
        }
        Ok(())
    }
}

/// Bytes of a row of the work area. The code itself cuts a single symbol as the packing cuts many.
fn shard_length(count: usize, width: usize) -> usize {
    match count {
        1 => width,
        _ => Interleaving::new(width, count).packed_len(),
    }
}
