//! Work plan: how an encoding is cut into pieces that stay in the cache.

use std::ops::Range;

use crate::{
    encoder::leaf_hashes::LeafHashes,
    hashing::LANES,
    merkle,
    parameters::{EncodingConfig, ParameterError},
    sliver_type::SliverType,
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
const MANY_SHARDS: usize = 64;
/// Below so many shards every block is as wide as another, so that all threads have as much to do; above, blocks
/// are whole subtrees, so that little of each row's tree is kept.
const FEW_SHARDS: usize = 64;
/// Bytes through the code and the hash, about 0.2 ms, for which starting a thread does not pay.
const LITTLE_WORK: u64 = 600_000;
/// Strips are multiples of this many bytes: whole blocks of the code (64) and of the hash (128).
const STRIP_UNIT: usize = 128;

/// Part of every symbol: the whole, or a multiple of 128 bytes, or what is left at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Strip {
    /// Where it begins in the symbol.
    pub(crate) offset: usize,
    /// Its length in bytes.
    pub(crate) width: usize,
}

impl Strip {
    /// Cuts the strip into strips of `width` bytes and a shorter last one.
    fn cut(self, width: usize) -> impl Iterator<Item = Self> {
        let end = self.offset + self.width;
        let cut = move |offset| Self {
            offset,
            width: width.min(end - offset),
        };
        (self.offset..end).step_by(width).map(cut)
    }
}

/// The length of strips of a symbol, all of about the same and none of more than `most` bytes, which is at least 128.
fn strip_width(symbol: usize, most: usize) -> usize {
    let units = most / STRIP_UNIT;
    let strips = symbol.div_ceil(units * STRIP_UNIT);
    symbol.div_ceil(strips).next_multiple_of(STRIP_UNIT)
}

/// How codewords are encoded together: `count` at a time, `width` bytes of each symbol at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tiling {
    /// Codewords.
    pub(crate) count: usize,
    /// The whole symbol or strip, or a multiple of 128 bytes.
    pub(crate) width: usize,
}

impl Tiling {
    /// For strips of `width` bytes of the symbols of up to `max_count` codewords: as many as fit in a work area, at
    /// least `few`, of which then parts of the strip are encoded at a time.
    fn new(n: usize, width: usize, few: usize, max_count: usize) -> Self {
        let tile = (WORK_BYTES / n.next_power_of_two()).clamp(MIN_TILE_BYTES, MAX_TILE_BYTES);
        let most = tile + tile / 4;
        let few = few.min(max_count);
        if few * width > most {
            let strip = strip_width(width, (tile / few).max(STRIP_UNIT));
            let width = strip.min(width);
            return Self { count: few, width };
        }
        let mut count = few;
        while 2 * count <= max_count && 2 * count * width <= most {
            count *= 2;
        }
        Self { count, width }
    }

    /// The parts of a strip that are encoded at a time.
    pub(crate) fn strips(self, strip: Strip) -> impl Iterator<Item = Strip> {
        strip.cut(self.width)
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
    /// Bytes of a symbol for which rows are expanded at a time: the whole, or a multiple of 128.
    strip: usize,
    /// Most codewords of rows that are encoded together.
    max_rows: usize,
}

/// What a plan may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Means {
    /// Number of workers.
    pub(crate) threads: usize,
    /// Bytes of memory of all workers together, about.
    pub(crate) memory: usize,
    /// Whether the blob is in memory, besides.
    pub(crate) blob_in_memory: bool,
    /// Whether recovery rows of a block are collected before they are handed on.
    pub(crate) collects_rows: bool,
}

impl Means {
    /// Workers that find something to do among `n` shards.
    fn workers(&self, n: usize) -> usize {
        self.threads.clamp(1, n)
    }
}

impl Plan {
    /// A plan for a blob of so many bytes.
    pub(crate) fn new(
        config: &EncodingConfig,
        blob_length: u64,
        means: &Means,
    ) -> Result<Self, ParameterError> {
        let n = usize::from(config.n_shards());
        let symbol = usize::from(config.symbol_size(blob_length)?);
        let rows = usize::from(config.source_symbols(SliverType::Primary));
        let columns = usize::from(config.source_symbols(SliverType::Secondary));
        let mut plan = Self {
            n,
            rows,
            columns,
            symbol,
            blob_length,
            block: Self::block(n, rows, symbol, means),
            strip: symbol,
            max_rows: 1 << rows.div_ceil(2 * means.workers(n)).min(MAX_BLOCK).ilog2(),
        };
        // Of a stream these numbers may exceed 32 bits.
        let memory = means.memory as u64;
        if plan.kept_length(symbol) as u64 * rows as u64 > memory / 2 {
            let leaves = plan.n as u64 * (plan.n - plan.kept_from()) as u64;
            let states = leaves * LeafHashes::STATE_BYTES as u64;
            let room = memory.saturating_sub(memory / 16 + states);
            let fitting = room / (plan.kept_length(1) as u64 * rows as u64);
            let most = usize::try_from(fitting).map_or(symbol, |fitting| fitting.min(symbol));
            plan.strip = strip_width(symbol, most.max(STRIP_UNIT)).min(symbol);
        }
        Ok(plan)
    }

    /// Columns of a block: as many as half of the memory holds what is needed of, and as pay.
    fn block(n: usize, rows: usize, symbol: usize, means: &Means) -> usize {
        let threads = means.workers(n);
        let loaded = if means.blob_in_memory { 0 } else { rows };
        let collected = if means.collects_rows { n - rows } else { 0 };
        let column_bytes = (1 + loaded + collected) * symbol;
        let fitting = (means.memory / 2 / threads / column_bytes).max(1);
        let fair = match n {
            0..FEW_SHARDS => n.div_ceil(threads),
            _ => (n / (2 * threads)).max(1),
        };
        let tile = Tiling::new(n, symbol, Self::few_columns(n), MAX_BLOCK);
        let most = tile.count.max(WIDE_BLOCK).min(fitting).min(fair);
        match n {
            0..FEW_SHARDS => n.div_ceil(n.div_ceil(most).next_multiple_of(threads)),
            _ => 1 << most.ilog2(),
        }
    }

    /// Fewest columns encoded together: symbols of so many fill the lanes of the hash.
    fn few_columns(n: usize) -> usize {
        if n >= MANY_SHARDS { 1 } else { LANES }
    }

    /// Whether rows are expanded as a whole.
    pub(crate) fn has_whole_rows(&self) -> bool {
        self.strip == self.symbol
    }

    /// The strips for which rows are expanded, one after the other.
    pub(crate) fn strips(&self) -> impl Iterator<Item = Strip> + use<> {
        self.whole().cut(self.strip)
    }

    /// All of a symbol.
    pub(crate) fn whole(&self) -> Strip {
        Strip {
            offset: 0,
            width: self.symbol,
        }
    }

    /// Whether a strip ends with the symbol.
    pub(crate) fn is_end(&self, strip: Strip) -> bool {
        strip.offset + strip.width == self.symbol
    }

    /// How strips of rows are encoded.
    pub(crate) fn row_tiling(&self) -> Tiling {
        Tiling::new(self.n, self.strip, 1, self.max_rows)
    }

    /// How a strip of a block of columns is encoded: the last one, which may be shorter, as those before it, since
    /// it goes on with the hashes of tiles of as many columns.
    pub(crate) fn column_tiling(&self, strip: Strip) -> Tiling {
        let width = strip.width.max(self.strip);
        Tiling::new(self.n, width, Self::few_columns(self.n), self.block)
    }

    /// Number of blocks.
    pub(crate) fn blocks(&self) -> usize {
        self.n.div_ceil(self.block)
    }

    /// First block whose columns are kept when rows are expanded: that of the first recovery symbols of rows.
    pub(crate) fn first_kept_block(&self) -> usize {
        self.columns / self.block
    }

    /// First column of that block.
    pub(crate) fn kept_from(&self) -> usize {
        self.first_kept_block() * self.block
    }

    /// Bytes kept of a row, of strips of this width.
    pub(crate) fn kept_length(&self, width: usize) -> usize {
        (self.n - self.kept_from()) * width
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

    /// Bytes that go through the code when strips of so many codewords are encoded.
    pub(crate) fn codeword_bytes(&self, codewords: usize, strip: Strip) -> u64 {
        (codewords * self.n) as u64 * strip.width as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_and_any_memory_give_a_plan() {
        for n in [4, 63, 64, 1000] {
            let config = EncodingConfig::new(n).unwrap();
            for length in [0, 100_000, config.max_blob_size()] {
                for threads in [0, 1, usize::MAX / 2, usize::MAX / 2 + 1, usize::MAX] {
                    for memory in [0, usize::MAX] {
                        let means = Means {
                            threads,
                            memory,
                            blob_in_memory: false,
                            collects_rows: true,
                        };
                        let plan = Plan::new(&config, length, &means).unwrap();
                        assert!((1..=plan.n).contains(&plan.block));
                        assert!((1..=plan.symbol).contains(&plan.strip));
                    }
                }
            }
        }
    }
}
