//! Work of one thread that measures an ingredient.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use reed_solomon_simd::{
    ReedSolomonEncoder,
    engine::{DefaultEngine, Engine, GF_ORDER, GfElement, ShardsRefMut},
    rate::{DefaultRateDecoder, RateDecoder},
};
use walrus_core::hashing::{self, HashKernel};

use super::{
    ingredient::{Codewords, Ingredient},
    inputs::{MIB, subset},
};

/// Bytes through the code or the hash in a batch, at least: the clock takes nothing beside them.
const BATCH_BYTES: usize = 256 << 10;
/// Bytes of symbols that are hashed again and again: they stay in the cache.
const HASHED_BYTES: usize = 128 << 10;
/// Pairs of nodes that are hashed again and again.
const PAIRS: usize = 1024;
/// Address space of fresh memory: nothing so large is at hand for a new thread.
const FRESH_SPACE: usize = 64 * MIB;
/// Bytes of it that are written.
const FRESH_BYTES: usize = 8 * MIB;
/// Bytes of memory that is written again: more than the caches near a core hold.
const OLD_BYTES: usize = 16 * MIB;

/// Batches of an ingredient.
pub(crate) struct Work {
    /// Units in a batch.
    units: f64,
    /// Does a batch and gives the time of what counts.
    batch: Box<dyn FnMut() -> Duration>,
}

impl Work {
    pub(crate) fn new(ingredient: Ingredient) -> Self {
        match ingredient {
            Ingredient::Encode(codewords) => Self::encode(codewords),
            Ingredient::Decode(codewords) => Self::decode(codewords, Located(DefaultEngine::new())),
            Ingredient::LocateAndDecode(codewords) => Self::decode(codewords, DefaultEngine::new()),
            Ingredient::Leaf(symbol) => Self::leaves(symbol),
            Ingredient::Node => Self::nodes(),
            Ingredient::FreshMemory => Self::fresh_memory(),
            Ingredient::OldMemory => Self::old_memory(),
        }
    }

    pub(crate) fn batch(&mut self) -> Duration {
        (self.batch)()
    }

    /// Units a second, in so much time or a batch more.
    pub(crate) fn rate(&mut self, least: Duration) -> f64 {
        let (start, mut units, mut time) = (Instant::now(), 0.0, Duration::ZERO);
        while start.elapsed() < least || units == 0.0 {
            time += self.batch();
            units += self.units;
        }
        units / time.as_secs_f64()
    }

    /// Batches that count as a whole.
    fn whole(units: usize, mut batch: impl FnMut() + 'static) -> Self {
        Self {
            units: units as f64,
            batch: Box::new(move || {
                let start = Instant::now();
                batch();
                start.elapsed()
            }),
        }
    }

    fn encode(codewords: Codewords) -> Self {
        let recoveries = codewords.n - codewords.originals;
        let mut encoder =
            ReedSolomonEncoder::new(codewords.originals, recoveries, codewords.symbol).unwrap();
        let data = vec![7; codewords.symbol];
        let repeats = codewords.in_batch();
        Self::whole(repeats * codewords.bytes(), move || {
            for _ in 0..repeats {
                for _ in 0..codewords.originals {
                    encoder.add_original_shard(&data).unwrap();
                }
                black_box(encoder.encode().unwrap().recovery(0));
            }
        })
    }

    fn decode<E: Engine + 'static>(codewords: Codewords, engine: E) -> Self {
        let Codewords {
            originals,
            n,
            symbol,
        } = codewords;
        let mut decoder =
            DefaultRateDecoder::new(originals, n - originals, symbol, engine, None).unwrap();
        let data = vec![5; symbol];
        let positions = subset(n, originals);
        let repeats = codewords.in_batch();
        Self::whole(repeats * codewords.bytes(), move || {
            for _ in 0..repeats {
                for position in &positions {
                    match position.checked_sub(originals) {
                        None => decoder.add_original_shard(*position, &data).unwrap(),
                        Some(recovery) => decoder.add_recovery_shard(recovery, &data).unwrap(),
                    }
                }
                black_box(decoder.decode().unwrap().restored_original(0));
            }
        })
    }

    fn leaves(symbol: usize) -> Self {
        let count = (HASHED_BYTES / symbol / 8).clamp(1, 8) * 8;
        let repeats = BATCH_BYTES.div_ceil(count * symbol.max(128));
        let symbols = vec![9; count * symbol];
        let mut digests = vec![[0; 32]; count];
        let kernel = HashKernel::detect();
        Self::whole(repeats * count, move || {
            for _ in 0..repeats {
                hashing::leaf_hashes(kernel, black_box(&symbols), symbol, &mut digests);
            }
        })
    }

    fn nodes() -> Self {
        let pairs = vec![[3; 32]; 2 * PAIRS];
        let mut digests = vec![[0; 32]; PAIRS];
        let kernel = HashKernel::detect();
        let repeats = BATCH_BYTES / (128 * PAIRS);
        Self::whole(repeats * PAIRS, move || {
            for _ in 0..repeats {
                hashing::node_hashes(kernel, black_box(&pairs), &mut digests);
            }
        })
    }

    /// Giving the memory back does not count.
    fn fresh_memory() -> Self {
        let batch = || {
            let start = Instant::now();
            let mut memory = Vec::<u8>::with_capacity(FRESH_SPACE);
            memory.resize(FRESH_BYTES, 1);
            black_box(&memory);
            start.elapsed()
        };
        Self {
            units: FRESH_BYTES as f64,
            batch: Box::new(batch),
        }
    }

    fn old_memory() -> Self {
        let mut memory = vec![1u8; OLD_BYTES];
        let mut value = 1u8;
        Self::whole(OLD_BYTES, move || {
            value = value.wrapping_add(1);
            memory.fill(value);
            black_box(&memory);
        })
    }
}

impl Codewords {
    /// Bytes of one.
    fn bytes(self) -> usize {
        self.n * self.symbol
    }

    /// How many make a batch.
    fn in_batch(self) -> usize {
        BATCH_BYTES.div_ceil(self.bytes())
    }
}

/// An engine that does not compute error locators: all codewords of a blob miss the same symbols, so decoding needs one
/// locator in all. The values that stand in for it are spread over the tables as those of a real one are; what is decoded
/// with them is worth nothing.
struct Located(DefaultEngine);

/// More than the symbols of a codeword and what they are padded to.
const LOCATED: usize = 1 << 12;

impl Engine for Located {
    fn fft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated_size: usize,
        skew_delta: usize,
    ) {
        self.0.fft(data, pos, size, truncated_size, skew_delta);
    }

    fn ifft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated_size: usize,
        skew_delta: usize,
    ) {
        self.0.ifft(data, pos, size, truncated_size, skew_delta);
    }

    fn mul(&self, x: &mut [[u8; 64]], log_m: GfElement) {
        self.0.mul(x, log_m);
    }

    fn eval_poly(erasures: &mut [GfElement; GF_ORDER], _: usize) {
        let mut value: GfElement = 1;
        for place in erasures.iter_mut().take(LOCATED) {
            value = value.wrapping_mul(25_173).wrapping_add(13_849);
            *place = value;
        }
    }
}
