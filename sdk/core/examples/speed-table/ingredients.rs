//! What encoding and decoding are made of, measured by itself.

use std::hint::black_box;

use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use walrus_core::{
    EncodingConfig, Threads,
    hashing::{self, HashKernel},
};

use crate::{
    MIB,
    measure::{best, best_on_all},
};

/// Bytes of a work area in the code's own measurement: the best that it can do.
const WORK: usize = 1 << 20;

/// What the machine does with all threads, in bytes or calls a second.
pub(crate) struct Ingredients {
    pub(crate) config: EncodingConfig,
    /// Codewords of rows.
    rows: f64,
    /// Codewords of columns.
    columns: f64,
    /// Leaf hashing, in blocks of 128 bytes.
    blocks: f64,
    nodes: f64,
    fresh: f64,
}

impl Ingredients {
    pub(crate) fn measure(config: EncodingConfig, threads: &Threads) -> Self {
        let n = usize::from(config.n_shards());
        let count = threads.count() as f64;
        let code = |originals: u16| {
            let originals = usize::from(originals);
            let tile = (WORK / n.next_power_of_two()).clamp(1024, 1 << 16);
            let repeat = (64 * MIB / (n * tile)).max(1);
            let seconds = best_on_all(threads, 7, || {
                let mut encoder = ReedSolomonEncoder::new(originals, n - originals, tile).unwrap();
                let symbol = vec![7; tile];
                for _ in 0..repeat {
                    for _ in 0..originals {
                        encoder.add_original_shard(&symbol).unwrap();
                    }
                    black_box(encoder.encode().unwrap().recovery(0));
                }
            });
            (repeat * n * tile) as f64 * count / seconds
        };
        let kernel = HashKernel::detect();
        // 15 whole blocks and one of 127 bytes with the prefix.
        let symbols = vec![9; 64 * 2047];
        let leaves = best_on_all(threads, 9, || {
            let mut digests = vec![[0; 32]; 64];
            for _ in 0..128 {
                hashing::leaf_hashes(kernel, black_box(&symbols), 2047, &mut digests);
            }
        });
        let pairs = vec![[3; 32]; 2048];
        let nodes = best_on_all(threads, 9, || {
            let mut digests = vec![[0; 32]; 1024];
            for _ in 0..128 {
                hashing::node_hashes(kernel, black_box(&pairs), &mut digests);
            }
        });
        let fresh = best_on_all(threads, 5, || {
            let mut memory = Vec::<u8>::with_capacity(64 * MIB);
            memory.resize(64 * MIB, 1);
            black_box(&memory);
        });
        Self {
            config,
            rows: code(config.secondary_source_symbols()),
            columns: code(config.primary_source_symbols()),
            blocks: 128.0 * 64.0 * 16.0 * count / leaves,
            nodes: 128.0 * 1024.0 * count / nodes,
            fresh: (64 * MIB) as f64 * count / fresh,
        }
    }

    pub(crate) fn print_head() {
        println!(
            "| shards | code, rows | code, columns | leaf hashing | nodes | fresh memory |\n\
             |---|---|---|---|---|---|"
        );
    }

    pub(crate) fn print(&self) {
        println!(
            "| {} | {:.1} GB/s | {:.1} GB/s | {:.1} GB/s | {:.0} M/s | {:.1} GB/s |",
            self.config.n_shards(),
            self.rows / 1e9,
            self.columns / 1e9,
            self.blocks * 128.0 / 1e9,
            self.nodes / 1e6,
            self.fresh / 1e9,
        );
    }

    /// Seconds that a blob needs at least: `np·n + n·n` symbols through the code, `n·n` leaves, `2·n·n` nodes.
    pub(crate) fn blob_id(&self, length: usize) -> f64 {
        let n = f64::from(self.config.n_shards());
        let np = f64::from(self.config.primary_source_symbols());
        let symbol = f64::from(self.config.symbol_size(length as u64).unwrap());
        let code = np * n * symbol / self.rows + n * n * symbol / self.columns;
        let blocks = ((symbol + 1.0) / 128.0).ceil();
        code + n * n * blocks / self.blocks + 2.0 * n * n / self.nodes
    }

    /// As [`Self::blob_id`], with fresh memory for the slivers.
    pub(crate) fn encoding(&self, length: usize) -> f64 {
        self.blob_id(length) + self.fresh(self.slivers(length))
    }

    /// Bytes of all slivers.
    pub(crate) fn slivers(&self, length: usize) -> usize {
        let symbols = self.config.primary_source_symbols() + self.config.secondary_source_symbols();
        let symbol = self.config.symbol_size(length as u64).unwrap();
        usize::from(self.config.n_shards()) * usize::from(symbols) * usize::from(symbol)
    }

    /// Seconds for so much fresh memory.
    pub(crate) fn fresh(&self, bytes: usize) -> f64 {
        bytes as f64 / self.fresh
    }
}

/// Seconds of one thread for one codeword.
pub(crate) fn encode_seconds(originals: usize, recoveries: usize, symbol: usize) -> f64 {
    let mut encoder = ReedSolomonEncoder::new(originals, recoveries, symbol).unwrap();
    let data = vec![5; symbol];
    best(50, || {
        for _ in 0..originals {
            encoder.add_original_shard(&data).unwrap();
        }
        black_box(encoder.encode().unwrap().recovery(0));
    })
}

/// Seconds of one thread for one codeword with symbols at these positions.
pub(crate) fn decode_seconds(
    originals: usize,
    recoveries: usize,
    symbol: usize,
    positions: &[usize],
) -> f64 {
    let mut decoder = ReedSolomonDecoder::new(originals, recoveries, symbol).unwrap();
    let data = vec![5; symbol];
    best(50, || {
        for position in positions {
            match position.checked_sub(originals) {
                None => decoder.add_original_shard(*position, &data).unwrap(),
                Some(recovery) => decoder.add_recovery_shard(recovery, &data).unwrap(),
            }
        }
        black_box(decoder.decode().unwrap().restored_original(0));
    })
}

/// Seconds of one thread for hashing `count` symbols and the tree over them.
pub(crate) fn tree_seconds(count: usize, symbol: usize) -> f64 {
    let kernel = HashKernel::detect();
    let symbols = vec![3; count * symbol];
    let mut digests = vec![[0; 32]; count];
    let mut nodes = vec![[0; 32]; count / 2];
    best(50, || {
        hashing::leaf_hashes(kernel, black_box(&symbols), symbol, &mut digests);
        let mut left = count;
        while left > 1 {
            left /= 2;
            hashing::node_hashes(kernel, black_box(&digests[..2 * left]), &mut nodes[..left]);
        }
    })
}
