//! Leaf hashes of a block of columns, tile by tile: each symbol is hashed once, for both of its trees.

use std::ops::Range;

use crate::{
    codec::TileEncoder,
    encoder::plan::{Plan, Strip},
    hashing::{self, Digest, LANES, Lanes, LeafGroup},
    threads::Threads,
};

/// Number of symbols of two bytes.
const SHORT_SYMBOLS: usize = 1 << 16;

/// The hashes of all symbols of two bytes, which are fewer than those of a large matrix: made once, then
/// looked up. `None` where that does not pay.
pub(crate) fn short_leaves(threads: &Threads, lanes: Lanes, plan: &Plan) -> Option<Vec<Digest>> {
    if plan.symbol != 2 || plan.n * plan.n < 4 * SHORT_SYMBOLS {
        return None;
    }
    let parts = threads.map_ranges(SHORT_SYMBOLS, |range| {
        let symbols: Vec<u8> = range
            .clone()
            .flat_map(|symbol| {
                let [low, high, ..] = symbol.to_le_bytes();
                [low, high]
            })
            .collect();
        let mut digests = vec![[0; 32]; range.len()];
        hashing::leaves_into(lanes, &symbols, 2, &mut digests);
        digests
    });
    Some(parts.concat())
}

/// The states of the leaf hashes of a block between two strips of its symbols.
pub(crate) type LeafStates = Vec<LeafGroup>;

/// The hashes of a block, being computed.
pub(crate) struct LeafHashes {
    lanes: Lanes,
    n: usize,
    rows: usize,
    symbol: usize,
    /// Row by row, as many a row as the block has columns.
    digests: Vec<Digest>,
    width: usize,
    /// The states of the leaves whose strips have not all been seen, column by column.
    states: LeafStates,
    columns: Range<usize>,
    strip: Strip,
}

impl LeafHashes {
    /// Memory of a leaf of which a part was hashed, in bytes.
    pub(crate) const STATE_BYTES: usize = size_of::<LeafGroup>().div_ceil(LANES);

    /// For blobs of a plan, with the room that other ones have used.
    pub(crate) fn new(lanes: Lanes, plan: &Plan, used: Option<Self>) -> Self {
        let (digests, states) = used
            .map(|used| (used.digests, used.states))
            .unwrap_or_default();
        Self {
            lanes,
            n: plan.n,
            rows: plan.rows,
            symbol: plan.symbol,
            digests,
            width: 0,
            states,
            columns: 0..0,
            strip: plan.whole(),
        }
    }

    /// Begins a block of so many columns.
    pub(crate) fn start(&mut self, width: usize) {
        self.width = width;
        self.digests.resize(self.n * width, [0; 32]);
    }

    /// Begins a tile: these columns of the block, this strip of their symbols.
    pub(crate) fn tile(&mut self, columns: Range<usize>, strip: Strip) {
        self.columns = columns;
        self.strip = strip;
        if strip.width < self.symbol {
            let groups = self.width * self.groups_of_column();
            self.states.resize(groups, LeafGroup::START);
        }
    }

    /// Goes on with a block of which earlier strips were seen.
    pub(crate) fn resume(&mut self, states: LeafStates) {
        self.states = states;
    }

    /// Leaves a block of which more strips are to come.
    pub(crate) fn suspend(&mut self) -> LeafStates {
        std::mem::take(&mut self.states)
    }

    /// The hashes of the block, row by row.
    pub(crate) fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Hashes up to eight consecutive rows of the tile; `first` is the first of them, a multiple of eight
    /// from the first source or the first recovery row. `short` are what [`short_leaves`] has given.
    pub(crate) fn absorb(&mut self, short: Option<&[Digest]>, first: usize, rows: &[&[u8]]) {
        if let Some(short) = short {
            return self.look_up(short, first, rows);
        }
        let (count, offset, strip) = (self.columns.len(), self.strip.offset, self.strip.width);
        let leaf = |index: usize| {
            let (row, column) = (index / count, index % count);
            &rows[row][column * strip..(column + 1) * strip]
        };
        let leaves = rows.len() * count;
        let is_end = offset + strip == self.symbol;
        let first_group = self.first_group(first);
        for (group, start) in (0..leaves).step_by(LANES).enumerate() {
            let used = LANES.min(leaves - start);
            let strips = std::array::from_fn(|lane| leaf(start + lane.min(used - 1)));
            let mut state = match offset {
                0 => LeafGroup::START,
                _ => self.states[first_group + group],
            };
            let before = offset as u64;
            if !is_end {
                state.update(self.lanes, &strips, before);
                self.states[first_group + group] = state;
                continue;
            }
            let digests = state.finish(self.lanes, &strips, before);
            for (lane, digest) in digests.iter().take(used).enumerate() {
                let (row, column) = ((start + lane) / count, (start + lane) % count);
                self.digests[(first + row) * self.width + self.columns.start + column] = *digest;
            }
        }
    }

    /// Groups of eight leaves of a column: source and recovery rows are grouped separately.
    fn groups_of_column(&self) -> usize {
        self.rows.div_ceil(TileEncoder::GROUP) + (self.n - self.rows).div_ceil(TileEncoder::GROUP)
    }

    /// Where the states of the tile's leaves in the rows from `first` on are: as many groups as the tile has
    /// columns, since rows come in groups of eight too.
    fn first_group(&self, first: usize) -> usize {
        const { assert!(TileEncoder::GROUP == LANES) };
        let group = match first.checked_sub(self.rows) {
            None => first / TileEncoder::GROUP,
            Some(recovery) => {
                self.rows.div_ceil(TileEncoder::GROUP) + recovery / TileEncoder::GROUP
            }
        };
        self.columns.start * self.groups_of_column() + group * self.columns.len()
    }

    fn look_up(&mut self, short: &[Digest], first: usize, rows: &[&[u8]]) {
        for (i, row) in rows.iter().enumerate() {
            let at = (first + i) * self.width + self.columns.start;
            let places = &mut self.digests[at..at + self.columns.len()];
            for (symbol, place) in row.as_chunks::<2>().0.iter().zip(places) {
                *place = short[usize::from(u16::from_le_bytes(*symbol))];
            }
        }
    }
}
