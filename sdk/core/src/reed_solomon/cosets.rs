//! Coset transform: recovery symbols of some positions from all source symbols, without those of other positions.
//!
//! The code of encoding spec 2.4 takes the symbols of a codeword as values of a polynomial at positions of GF(2^16), and its fast
//! transform goes between values and coefficients. An aligned group of `g` positions is a coset of a subspace: the values on it are
//! those of one polynomial of degree below `g`, which the transform of size `g` gives. A polynomial of degree below that of the
//! whole transform has, as such polynomials, on any other coset a sum of those on the cosets of the source with scalar weights,
//! since all terms of higher degree are constant on a coset. So a group of recovery symbols takes one multiplication for each
//! source symbol, after the source symbols of each group were transformed among themselves, which all groups share.

use std::{collections::BTreeMap, ops::Range};

use reed_solomon_simd::engine::tables;

use super::{
    BLOCK,
    area::Area,
    engine::{Engine, FastestEngine, Transform},
    field::{Factor, logarithm},
    rate::Layout,
};
use crate::interleaving::{Interleaving, Planes};

/// Positions of the smallest and of the largest group.
const GROUPS: [usize; 4] = [4, 8, 16, 32];
/// Elements of a block.
const ELEMENTS: usize = BLOCK / 2;

/// Source symbols of a coset.
#[derive(Debug, Clone)]
struct Coset {
    position: usize,
    originals: Range<usize>,
}

/// Recovery symbols of a coset.
#[derive(Debug, Clone)]
struct Target {
    position: usize,
    /// Those that are wanted: which of the coset, and which recovery symbol.
    wanted: Vec<(usize, usize)>,
    /// The weights of the cosets of the source.
    weights: Vec<Factor>,
}

/// What is computed of a code.
#[derive(Debug, Clone)]
pub(crate) struct Cosets {
    layout: Layout,
    group: usize,
    sources: Vec<Coset>,
    targets: Vec<Target>,
}

impl Cosets {
    /// For these recovery symbols of a code.
    pub(crate) fn new(layout: Layout, wanted: impl Iterator<Item = usize> + Clone) -> Self {
        let group = cheapest_group(&layout, wanted.clone());
        let originals = layout.original_positions();
        let sources: Vec<_> = (0..layout.originals)
            .step_by(group)
            .map(|first| Coset {
                position: originals.start + first,
                originals: first..(first + group).min(layout.originals),
            })
            .collect();
        let mut by_group: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for index in wanted {
            let of_group = by_group.entry(index / group).or_default();
            if !of_group.contains(&(index % group, index)) {
                of_group.push((index % group, index));
            }
        }
        let first = layout.recovery_positions().start;
        let target = |(number, wanted)| Target {
            position: first + number * group,
            wanted,
            weights: Vec::new(),
        };
        let mut cosets = Self {
            layout,
            group,
            sources,
            targets: by_group.into_iter().map(target).collect(),
        };
        cosets.weigh();
        cosets
    }

    /// Computes the weights of the cosets of the source in each target: what the polynomial that is 1 on one of them and 0 on the
    /// others of its chunk is on the target. It is the same on all of a coset, and nowhere 0 but on those others.
    fn weigh(&mut self) {
        let (group, chunk) = (self.group, self.layout.chunk);
        let engine = FastestEngine::new(self.layout.positions());
        let [low, high] = tables::get_exp_log().exp[0].to_le_bytes();
        let chunk_of = |position: usize| position / chunk * chunk;
        let mut area = Area::default();
        area.shape(2 * chunk, 1, engine.pitch(1));
        // Each element of the blocks is a polynomial of its own.
        let of_chunks = |a: &Coset, b: &Coset| chunk_of(a.position) == chunk_of(b.position);
        for cosets in self
            .sources
            .chunk_by(of_chunks)
            .flat_map(|c| c.chunks(ELEMENTS))
        {
            let from = cosets.first().map_or(0, |coset| chunk_of(coset.position));
            area.clear(0..chunk);
            for (element, coset) in cosets.iter().enumerate() {
                let first = coset.position - from;
                for row in first..first + group {
                    let block = &mut area.row_mut(row)[0];
                    (block[element], block[ELEMENTS + element]) = (low, high);
                }
            }
            let whole = |source, target, position| Transform {
                source,
                target,
                size: chunk,
                used: chunk,
                position,
            };
            engine.inverse(&mut area, whole(0, 0, from));
            let mut to = None;
            for target in &mut self.targets {
                let start = chunk_of(target.position);
                if to != Some(start) {
                    to = Some(start);
                    engine.forward(&mut area, whole(0, chunk, start));
                }
                let value = area.row(chunk + target.position - start)[0];
                for element in 0..cosets.len() {
                    let weight = [value[element], value[ELEMENTS + element]];
                    let log = logarithm(usize::from(u16::from_le_bytes(weight)));
                    target.weights.push(Factor::new(log));
                }
            }
        }
    }
}

/// The size of groups that takes the fewest multiplications.
fn cheapest_group(layout: &Layout, wanted: impl Iterator<Item = usize> + Clone) -> usize {
    let cost = |group: &usize| {
        let mut targets: Vec<_> = wanted.clone().map(|index| index / group).collect();
        targets.sort_unstable();
        targets.dedup();
        let transform = group * group.ilog2() as usize / 2;
        let sources = layout.originals.div_ceil(*group);
        sources * transform + targets.len() * (sources * group + transform)
    };
    let fitting = GROUPS.into_iter().filter(|group| *group <= layout.chunk);
    fitting.min_by_key(cost).unwrap_or(layout.chunk)
}

/// Computes recovery symbols, tile after tile.
pub(crate) struct CosetEncoder<'a> {
    cosets: &'a Cosets,
    engine: FastestEngine,
    interleaving: Interleaving,
    /// Cosets of the source that were added.
    added: usize,
    /// All targets, and one coset of the source.
    area: Area,
    plain: Vec<u8>,
    planes: Planes,
}

impl<'a> CosetEncoder<'a> {
    pub(crate) fn new(cosets: &'a Cosets) -> Self {
        Self {
            cosets,
            engine: FastestEngine::new(cosets.layout.positions()),
            interleaving: Interleaving::in_blocks(2, 1),
            added: 0,
            area: Area::default(),
            plain: Vec::new(),
            planes: Planes::default(),
        }
    }

    /// Begins with the symbols, or strips of them, of `width` bytes of `count` codewords.
    pub(crate) fn begin(&mut self, width: usize, count: usize) {
        self.interleaving = Interleaving::in_blocks(width, count);
        self.added = 0;
        let length = self.interleaving.packed_len() / BLOCK;
        let targets = self.cosets.targets.len() * self.cosets.group;
        let rows = targets + self.cosets.group;
        self.area.shape(rows, length, self.engine.pitch(length));
        self.area.clear(0..targets);
        self.plain.resize(width * count, 0);
    }

    /// The source symbols that [`Self::add`] takes next.
    pub(crate) fn next_originals(&self) -> Option<Range<usize>> {
        let coset = self.cosets.sources.get(self.added)?;
        Some(coset.originals.clone())
    }

    /// Adds source symbols: of each position those of all codewords, one after the other.
    pub(crate) fn add(&mut self, symbols: &[u8]) {
        let Some(coset) = self.cosets.sources.get(self.added) else {
            return;
        };
        let (group, present) = (self.cosets.group, coset.originals.len());
        let first = self.cosets.targets.len() * group;
        for (row, symbols) in symbols.chunks_exact(self.plain.len()).enumerate() {
            let place = self.area.place(first + row);
            self.interleaving.pack(symbols, place, &mut self.planes);
        }
        let transform = Transform {
            source: first,
            target: first,
            size: group,
            used: present,
            position: coset.position,
        };
        self.engine.inverse(&mut self.area, transform);
        for (number, target) in self.cosets.targets.iter().enumerate() {
            if let Some(weight) = target.weights.get(self.added) {
                self.engine
                    .add_multiple(&mut self.area, first, number * group, group, weight);
            }
        }
        self.added += 1;
    }

    /// Hands out each recovery symbol that is wanted: which it is, and that symbol of all codewords.
    pub(crate) fn finish(&mut self, mut take: impl FnMut(usize, &[u8])) {
        let group = self.cosets.group;
        for (number, target) in self.cosets.targets.iter().enumerate() {
            let first = number * group;
            let transform = Transform {
                source: first,
                target: first,
                size: group,
                used: group,
                position: target.position,
            };
            self.engine.forward(&mut self.area, transform);
            for (within, index) in &target.wanted {
                let packed = self.area.row(first + within).as_flattened();
                self.interleaving
                    .unpack(packed, &mut self.plain, &mut self.planes);
                take(*index, &self.plain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::LinearCode;

    #[test]
    fn symbols_are_those_of_the_code() {
        // Powers of two on either side, both of the same size, and codes that are smaller than the smallest group.
        let codes = [
            (334, 666),
            (667, 333),
            (34, 66),
            (67, 33),
            (5, 8),
            (8, 5),
            (4, 6),
            (2, 1),
            (1, 2),
            (33, 31),
            (65, 1000),
        ];
        for (originals, recoveries) in codes {
            for symbol_size in [2, 66, 128] {
                let count = 3;
                let code = LinearCode::new(originals, recoveries, symbol_size).unwrap();
                let symbol = usize::from(symbol_size);
                let codewords: Vec<Vec<u8>> = (0..count)
                    .map(|codeword| {
                        (0..originals * symbol)
                            .map(|i| (((i + 1) * (2 * codeword + 7) * 2_654_435_761) >> 13) as u8)
                            .collect()
                    })
                    .collect();
                let expected: Vec<_> = codewords
                    .iter()
                    .map(|codeword| code.encode(codeword).unwrap())
                    .collect();
                let wanted: Vec<_> = (0..recoveries)
                    .filter(|i| i % 7 == 0 || (16..48).contains(i) || i + 1 == recoveries)
                    .collect();
                let layout = Layout::new(originals, recoveries).unwrap();
                let cosets = Cosets::new(layout, wanted.iter().copied());
                let mut encoder = CosetEncoder::new(&cosets);
                encoder.begin(symbol, count);
                while let Some(positions) = encoder.next_originals() {
                    let mut symbols = Vec::new();
                    for position in positions {
                        for codeword in &codewords {
                            let start = position * symbol;
                            symbols.extend_from_slice(&codeword[start..start + symbol]);
                        }
                    }
                    encoder.add(&symbols);
                }
                let mut found = Vec::new();
                encoder.finish(|index, symbols| {
                    found.push(index);
                    for (codeword, symbols) in symbols.chunks_exact(symbol).enumerate() {
                        let start = index * symbol;
                        let expected = &expected[codeword][start..start + symbol];
                        assert_eq!(symbols, expected, "{originals}, {recoveries}: {index}");
                    }
                });
                found.sort_unstable();
                assert_eq!(found, wanted);
            }
        }
    }
}
