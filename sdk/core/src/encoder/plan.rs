//! How an encoding is cut into pieces that stay in the cache.

use std::ops::Range;

use crate::{
    axis::SliverType,
    hashing::LANES,
    merkle,
    parameters::{EncodingConfig, ParameterError},
};

/// Bytes of a Reed-Solomon work area: fits a level-2 cache with room for the symbols to be hashed.
const WORK_BYTES: usize = 1 << 20;
/// Fewest bytes of a row of the work area: the code is slower on shorter ones.
const MIN_TILE_BYTES: usize = 1 << 10;
/// Most bytes of a row of the work area.
const MAX_TILE_BYTES: usize = 1 << 16;
/// Most columns of a block.
const MAX_BLOCK: usize = 32;
/// Columns of a block that is wide enough for eight hashes at once.
const WIDE_BLOCK: usize = LANES;
/// From this many shards on a single column has rows enough to fill the lanes of the hash.
const MANY_SHARDS: usize = 512;
/// Below so many shards every block is as wide as another, so that all threads have as much to do; above, blocks
/// are whole subtrees, so that little of each row's tree is kept.
const FEW_SHARDS: usize = 64;
/// Bytes through the code and the hash, about 0.2 ms, for which starting a thread does not pay.
const LITTLE_WORK: u64 = 600_000;
/// Strips are multiples of this many bytes: whole blocks of the code (64) and of the hash (128).
const STRIP_UNIT: usize = 128;

/// How codewords are encoded together: `count` at a time, `width` bytes of each symbol at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Codewords.
    pub(crate) count: usize,
    /// The whole symbol, or a multiple of 128 bytes.
    pub(crate) width: usize,
}

impl Tiling {
    fn new(n: usize, symbol: usize, max_count: usize) -> Self {
        let tile = (WORK_BYTES / n.next_power_of_two()).clamp(MIN_TILE_BYTES, MAX_TILE_BYTES);
        let few = if n >= MANY_SHARDS { 1 } else { LANES };
        let few = few.min(max_count);
        if few * symbol > tile + tile / 4 {
            let width = (tile / few / STRIP_UNIT).max(1) * STRIP_UNIT;
            let width = width.min(symbol);
            return Self { count: few, width };
        }
        let mut count = few;
        while 2 * count <= max_count && 2 * count * symbol <= tile + tile / 4 {
            count *= 2;
        }
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

/// Sizes of the matrix and of the pieces it is worked on in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Rows and columns of the expanded matrix.
    pub(crate) n: usize,
    /// Source rows, `np`.
    pub(crate) rows: usize,
    /// Source columns, `ns`.
    pub(crate) columns: usize,
    /// Symbol size in bytes.
    pub(crate) symbol: usize,
    /// Length of the blob in bytes.
    pub(crate) blob_length: u64,
    /// Columns that are handled together.
    pub(crate) block: usize,
    /// How rows are expanded.
    pub(crate) row_tiling: Tiling,
    /// How columns are expanded.
    pub(crate) column_tiling: Tiling,
}

impl Plan {
    /// A plan for `threads` workers that together use about `memory` bytes, where every column of a block
    /// takes `symbols_per_column` symbols of memory.
    pub(crate) fn new(
        config: &EncodingConfig,
        blob_length: u64,
        threads: usize,
        memory: usize,
        symbols_per_column: usize,
    ) -> Result<Self, ParameterError> {
        let n = usize::from(config.n_shards());
        let symbol = usize::from(config.symbol_size(blob_length)?);
        let rows = usize::from(config.source_symbols(SliverType::Primary));
        let tile = Tiling::new(n, symbol, MAX_BLOCK);
        let column_bytes = (symbols_per_column * symbol).max(1);
        let fitting = (memory / threads.max(1) / column_bytes).max(1);
        let fair = match n {
            0..FEW_SHARDS => n.div_ceil(threads.max(1)),
            _ => (n / (2 * threads.max(1))).max(1),
        };
        let most = tile.count.max(WIDE_BLOCK).min(fitting).min(fair);
        let block = match n {
            0..FEW_SHARDS => n.div_ceil(n.div_ceil(most).next_multiple_of(threads.max(1))),
            _ => 1 << most.ilog2(),
        };
        let fair_rows = rows.div_ceil(2 * threads.max(1)).min(MAX_BLOCK);
        Ok(Self {
            n,
            rows,
            columns: usize::from(config.source_symbols(SliverType::Secondary)),
            symbol,
            blob_length,
            block,
            row_tiling: Tiling::new(n, symbol, 1 << fair_rows.ilog2()),
            column_tiling: Tiling::new(n, symbol, block),
        })
    }

    /// Whether a blob needs so little work that one thread has done it before another one has started.
    pub(crate) fn is_little_work(config: &EncodingConfig, symbol: u16) -> bool {
        let n = u64::from(config.n_shards());
        let rows = u64::from(config.source_symbols(SliverType::Primary));
        let symbol = u64::from(symbol);
        // A block of 128 bytes for each of two nodes a leaf.
        let hashed = n * n * (symbol / 128 + 3) * 128;
        (rows + n) * n * symbol + hashed < LITTLE_WORK
    }

    /// Columns of a block.
    pub(crate) fn columns_of(&self, block: usize) -> Range<usize> {
        block * self.block..((block + 1) * self.block).min(self.n)
    }

    /// Levels of a row's tree within a block.
    pub(crate) fn levels(&self) -> usize {
        (self.block.trailing_zeros() as usize).min(merkle::path_length(self.n))
    }

    /// Nodes that are left of so many consecutive leaves of a row's tree, from the start of a block on.
    pub(crate) fn nodes_of(&self, columns: usize) -> usize {
        columns.div_ceil(1 << self.levels())
    }

    /// Bytes of a source row.
    pub(crate) fn row_length(&self) -> usize {
        self.columns * self.symbol
    }

    /// Bytes of the recovery symbols of a source row.
    pub(crate) fn recovery_length(&self) -> usize {
        (self.n - self.columns) * self.symbol
    }

    /// Bytes that go through the code when `codewords` are encoded.
    pub(crate) fn codeword_bytes(&self, codewords: usize) -> u64 {
        (codewords * self.n) as u64 * self.symbol as u64
    }
}
