//! Tile decoder: many codewords at once, or strips of them.

use crate::{
    codec::{CodecError, LinearCode},
    interleaving::{Interleaving, Planes},
    reed_solomon::{CodeEngine, Decoder, Engine, FastestEngine, Layout},
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
pub(crate) struct TileDecoder<E: Engine = FastestEngine> {
    inner: Decoder<E>,
    count: usize,
    width: usize,
    planes: Planes,
    plain: Vec<u8>,
}

impl TileDecoder {
    /// For tiles of a shape that [`Self::reshape`] changes.
    pub(crate) fn new(code: &LinearCode, count: usize, width: usize) -> Result<Self, CodecError> {
        let layout = Layout::new(code.originals(), code.recoveries())?;
        let engine = FastestEngine::new(layout.positions());
        Self::with_engine(engine, layout, count, width)
    }

    /// Whether the engine is that in use.
    pub(crate) fn is_current(&self) -> bool {
        self.inner.engine().kind() == CodeEngine::in_use()
    }
}

impl<E: Engine> TileDecoder<E> {
    /// As [`TileDecoder::new`], with instructions of choice.
    pub(crate) fn with_engine(
        engine: E,
        layout: Layout,
        count: usize,
        width: usize,
    ) -> Result<Self, CodecError> {
        Ok(Self {
            inner: Decoder::new(engine, layout, row_length(count, width))?,
            count,
            width,
            planes: Planes::default(),
            plain: Vec::new(),
        })
    }

    /// Changes the shape of the tiles to come.
    pub(crate) fn reshape(&mut self, count: usize, width: usize) -> Result<(), CodecError> {
        if (count, width) != (self.count, self.width) {
            self.inner.reset(row_length(count, width))?;
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
        if self.count == 1 || interleaving.is_identity() {
            self.inner.add(position, symbols)?;
        } else {
            let row = self.inner.add_in_place(position)?;
            interleaving.pack(symbols, row, &mut self.planes);
        }
        Ok(())
    }

    /// Decodes what was added; calls back with each missing original position and its symbols.
    pub(crate) fn decode(
        &mut self,
        mut restored: impl FnMut(usize, &[u8]),
    ) -> Result<(), CodecError> {
        let interleaving = Interleaving::new(self.width, self.count);
        if self.count == 1 || interleaving.is_identity() {
            return Ok(self.inner.decode(restored)?);
        }
        self.plain.resize(self.count * self.width, 0);
        let Self {
            inner,
            plain,
            planes,
            ..
        } = self;
        inner.decode(|position, row| {
            interleaving.unpack(row, plain, planes);
            restored(position, plain);
        })?;
        Ok(())
    }
}

/// Bytes of a row of the work area. The code itself cuts a single symbol as the packing cuts many.
fn row_length(count: usize, width: usize) -> usize {
    match count {
        1 => width,
        _ => Interleaving::new(width, count).packed_len(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::{prelude::*, sample::subsequence};
    use rand::{RngCore, SeedableRng, rngs::SmallRng};
    use reed_solomon_simd::{
        engine::{DefaultEngine, Naive, NoSimd},
        rate::{DefaultRateEncoder, RateEncoder},
    };

    use super::*;
    use crate::{codec::TileEncoder, reed_solomon::Library};

    /// Some codewords, coded one after the other by the engine that is there to be read.
    #[derive(Debug, Clone)]
    struct Codewords {
        code: LinearCode,
        count: usize,
        /// For each position the symbols of all codewords, one after the other.
        symbols: Vec<Vec<u8>>,
    }

    impl Codewords {
        fn new(code: LinearCode, count: usize, seed: u64) -> Self {
            let (originals, recoveries) = (code.originals(), code.recoveries());
            let width = code.symbol_size();
            let mut random = SmallRng::seed_from_u64(seed);
            let mut symbols = vec![vec![0; count * width]; originals];
            for symbol in &mut symbols {
                random.fill_bytes(symbol);
            }
            symbols.resize(originals + recoveries, Vec::new());
            for codeword in 0..count {
                let engine = Naive::new();
                let mut encoder =
                    DefaultRateEncoder::new(originals, recoveries, width, engine, None).unwrap();
                for original in &symbols[..originals] {
                    let symbol = &original[codeword * width..][..width];
                    encoder.add_original_shard(symbol).unwrap();
                }
                let encoded = encoder.encode().unwrap();
                for (row, symbol) in symbols[originals..].iter_mut().zip(encoded.recovery_iter()) {
                    row.extend_from_slice(symbol);
                }
            }
            Self {
                code,
                count,
                symbols,
            }
        }

        fn layout(&self) -> Layout {
            Layout::new(self.code.originals(), self.code.recoveries()).unwrap()
        }

        fn encode_alike<E: Engine>(&self, engine: E) {
            let (originals, width) = (self.code.originals(), self.code.symbol_size());
            let mut encoder =
                TileEncoder::with_engine(engine, self.layout(), self.count, width).unwrap();
            for original in &self.symbols[..originals] {
                encoder.add(original).unwrap();
            }
            let mut recovered = Vec::new();
            let take = |_, rows: &[&[u8]]| {
                recovered.extend(rows.iter().map(|row| row.to_vec()));
                Ok::<_, CodecError>(())
            };
            encoder.encode(take).unwrap();
            assert!(recovered == self.symbols[originals..]);
        }

        /// Decodes from each of the choices, twice: the second time the locator is there.
        fn decode_alike<E: Engine>(&self, engine: E, choices: &[Vec<usize>]) {
            let width = self.code.symbol_size();
            let mut decoder =
                TileDecoder::with_engine(engine, self.layout(), self.count, width).unwrap();
            for positions in choices.iter().flat_map(|positions| [positions, positions]) {
                for position in positions {
                    decoder.add(*position, &self.symbols[*position]).unwrap();
                }
                let mut restored = BTreeMap::new();
                let take = |position, symbols: &[u8]| {
                    restored.insert(position, symbols.to_vec());
                };
                decoder.decode(take).unwrap();
                let missing = (0..self.code.originals()).filter(|i| !positions.contains(i));
                let expected: BTreeMap<_, _> =
                    missing.map(|i| (i, self.symbols[i].clone())).collect();
                assert!(restored == expected);
            }
        }

        fn code_alike<E: Engine>(&self, engine: impl Fn() -> E, choices: &[Vec<usize>]) {
            self.encode_alike(engine());
            self.decode_alike(engine(), choices);
        }

        /// With an engine of the library.
        fn code_alike_in_library<E: reed_solomon_simd::engine::Engine>(
            &self,
            engine: impl Fn() -> E,
            choices: &[Vec<usize>],
        ) {
            self.code_alike(|| Library(engine()), choices);
        }
    }

    /// Codewords, and choices of positions that decode them.
    fn codewords() -> impl Strategy<Value = (Codewords, Vec<Vec<usize>>)> {
        (1usize..40, 1usize..40, 1usize..9, 1u16..100, any::<u64>()).prop_flat_map(
            |(originals, recoveries, count, half, seed)| {
                let code = LinearCode::new(originals, recoveries, 2 * half).unwrap();
                let positions: Vec<_> = (0..originals + recoveries).collect();
                let choices = proptest::collection::vec(subsequence(positions, originals), 2);
                (Just(Codewords::new(code, count, seed)), choices)
            },
        )
    }

    proptest! {
        #[test]
        fn every_engine_of_this_cpu_codes_as_the_naive_one((codewords, choices) in codewords()) {
            for engine in CodeEngine::available() {
                let positions = codewords.layout().positions();
                codewords.code_alike(|| FastestEngine::of(engine, positions), &choices);
            }
            codewords.code_alike_in_library(DefaultEngine::new, &choices);
            codewords.code_alike_in_library(Naive::new, &choices);
            codewords.code_alike_in_library(NoSimd::new, &choices);
            #[cfg(target_arch = "x86_64")]
            {
                use reed_solomon_simd::engine::{Avx2, Ssse3};
                if is_x86_feature_detected!("ssse3") {
                    codewords.code_alike_in_library(Ssse3::new, &choices);
                }
                if is_x86_feature_detected!("avx2") {
                    codewords.code_alike_in_library(Avx2::new, &choices);
                }
            }
            #[cfg(target_arch = "aarch64")]
            if std::arch::is_aarch64_feature_detected!("neon") {
                codewords.code_alike_in_library(reed_solomon_simd::engine::Neon::new, &choices);
            }
        }
    }
}
