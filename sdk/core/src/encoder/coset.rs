//! Coset transform: recovery symbols of some positions from all source symbols, without those of other positions.
//!
//! The code of encoding spec 2.4 takes the symbols of a codeword as values of a polynomial at positions of GF(2^16), and its fast
//! transform goes between values and coefficients. An aligned group of `g` positions is a coset of a subspace: the values on it are
//! those of one polynomial of degree below `g`, which the transform of size `g` gives. A polynomial of degree below that of the
//! whole transform has, as such polynomials, on any other coset a sum of those on the cosets of the source with scalar weights,
//! since all terms of higher degree are constant on a coset. So a group of recovery symbols takes one multiplication for each
//! source symbol, after the source symbols of each group were transformed among themselves, which all groups share.

use std::{collections::BTreeMap, ops::Range};

use reed_solomon_simd::engine::{
    DefaultEngine, Engine, GF_MODULUS, GfElement, ShardsRefMut, tables, utils,
};

use crate::interleaving::{Interleaving, Planes};

/// Positions of the smallest and of the largest group.
const GROUPS: [usize; 4] = [4, 8, 16, 32];
/// Elements of a block of the code.
const ELEMENTS: usize = 32;

/// Where source and recovery symbols are among the positions of the code.
#[derive(Debug, Clone, Copy)]
struct Positions {
    /// Size of the transform.
    chunk: usize,
    originals: usize,
    recoveries: usize,
}

impl Positions {
    /// Those of the crate: what is fewer, rounded up to a power of two, is the size of the transform and, of the source, comes first.
    fn new(originals: usize, recoveries: usize) -> Self {
        let (original, recovery) = (
            originals.next_power_of_two(),
            recoveries.next_power_of_two(),
        );
        let is_high_rate = match original.cmp(&recovery) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => originals <= recoveries,
        };
        match is_high_rate {
            true => Self {
                chunk: recovery,
                originals: recovery,
                recoveries: 0,
            },
            false => Self {
                chunk: original,
                originals: 0,
                recoveries: original,
            },
        }
    }
}

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
    /// Logarithms: by what the sum is multiplied before each coset of the source but the first is added, and at the end.
    factors: Vec<GfElement>,
}

/// What is computed of a code.
#[derive(Debug, Clone)]
pub(crate) struct Cosets {
    group: usize,
    sources: Vec<Coset>,
    targets: Vec<Target>,
}

impl Cosets {
    /// For these recovery symbols of a code.
    pub(crate) fn new(
        originals: usize,
        recoveries: usize,
        wanted: impl Iterator<Item = usize> + Clone,
    ) -> Self {
        let positions = Positions::new(originals, recoveries);
        let group = cheapest_group(positions, originals, wanted.clone());
        let sources: Vec<_> = (0..originals)
            .step_by(group)
            .map(|first| Coset {
                position: positions.originals + first,
                originals: first..(first + group).min(originals),
            })
            .collect();
        let mut by_group: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for index in wanted {
            let of_group = by_group.entry(index / group).or_default();
            if !of_group.contains(&(index % group, index)) {
                of_group.push((index % group, index));
            }
        }
        let mut targets: Vec<_> = by_group
            .into_iter()
            .map(|(number, wanted)| Target {
                position: positions.recoveries + number * group,
                wanted,
                factors: Vec::new(),
            })
            .collect();
        weigh(positions, group, &sources, &mut targets);
        Self {
            group,
            sources,
            targets,
        }
    }
}

/// The size of groups that takes the fewest multiplications.
fn cheapest_group(
    positions: Positions,
    originals: usize,
    wanted: impl Iterator<Item = usize> + Clone,
) -> usize {
    let cost = |group: &usize| {
        let mut targets: Vec<_> = wanted.clone().map(|index| index / group).collect();
        targets.sort_unstable();
        targets.dedup();
        let transform = group * group.ilog2() as usize / 2;
        let sources = originals.div_ceil(*group);
        sources * transform + targets.len() * (sources * group + transform)
    };
    let fitting = GROUPS.into_iter().filter(|group| *group <= positions.chunk);
    fitting.min_by_key(cost).unwrap_or(positions.chunk)
}

/// Computes the weights of the cosets of the source in each target: what the polynomial that is 1 on one of them and 0 on the others
/// of its chunk is on the target. It is the same on all of a coset, and nowhere 0 but on those others.
fn weigh(positions: Positions, group: usize, sources: &[Coset], targets: &mut [Target]) {
    let engine = DefaultEngine::new();
    let (one, log) = {
        let tables = tables::get_exp_log();
        (tables.exp[0], &tables.log)
    };
    let [low, high] = one.to_le_bytes();
    let chunk = positions.chunk;
    let chunk_of = |position: usize| position / chunk * chunk;
    let mut weights = vec![Vec::with_capacity(sources.len()); targets.len()];
    let mut values = vec![[0; 2 * ELEMENTS]; chunk];
    // Each element of the blocks is a polynomial of its own.
    for of_chunk in sources.chunk_by(|a, b| chunk_of(a.position) == chunk_of(b.position)) {
        for cosets in of_chunk.chunks(ELEMENTS) {
            let from = cosets.first().map_or(0, |coset| chunk_of(coset.position));
            let mut coefficients = vec![[0; 2 * ELEMENTS]; chunk];
            for (element, coset) in cosets.iter().enumerate() {
                let first = coset.position - from;
                for value in &mut coefficients[first..first + group] {
                    value[element] = low;
                    value[ELEMENTS + element] = high;
                }
            }
            let mut shards = ShardsRefMut::new(chunk, 1, &mut coefficients);
            engine.ifft(&mut shards, 0, chunk, chunk, from);
            let mut to = None;
            for (target, weights) in targets.iter().zip(&mut weights) {
                let chunk_start = chunk_of(target.position);
                if to != Some(chunk_start) {
                    to = Some(chunk_start);
                    values.copy_from_slice(&coefficients);
                    let mut shards = ShardsRefMut::new(chunk, 1, &mut values);
                    engine.fft(&mut shards, 0, chunk, chunk, chunk_start);
                }
                let value = values[target.position - chunk_start];
                for element in 0..cosets.len() {
                    let weight = [value[element], value[ELEMENTS + element]];
                    weights.push(log[usize::from(GfElement::from_le_bytes(weight))]);
                }
            }
        }
    }
    for (target, weights) in targets.iter_mut().zip(weights) {
        let ratios = weights.windows(2).map(|pair| quotient(pair[0], pair[1]));
        target.factors = ratios.chain(weights.last().copied()).collect();
    }
}

/// Of logarithms of numbers other than 0.
fn quotient(a: GfElement, b: GfElement) -> GfElement {
    match a.checked_sub(b) {
        Some(difference) => difference,
        None => GF_MODULUS - (b - a),
    }
}

/// Computes recovery symbols, tile after tile.
pub(crate) struct CosetEncoder<'a> {
    cosets: &'a Cosets,
    engine: DefaultEngine,
    interleaving: Interleaving,
    /// Cosets of the source that were added.
    added: usize,
    block: Vec<[u8; 2 * ELEMENTS]>,
    sums: Vec<[u8; 2 * ELEMENTS]>,
    packed: Vec<u8>,
    plain: Vec<u8>,
    planes: Planes,
}

impl<'a> CosetEncoder<'a> {
    pub(crate) fn new(cosets: &'a Cosets) -> Self {
        Self {
            cosets,
            engine: DefaultEngine::new(),
            interleaving: Interleaving::in_blocks(2, 1),
            added: 0,
            block: Vec::new(),
            sums: Vec::new(),
            packed: Vec::new(),
            plain: Vec::new(),
            planes: Planes::default(),
        }
    }

    /// Blocks of a symbol of each codeword.
    fn length(&self) -> usize {
        self.interleaving.packed_len() / (2 * ELEMENTS)
    }

    /// Begins with the symbols, or strips of them, of `width` bytes of `count` codewords.
    pub(crate) fn begin(&mut self, width: usize, count: usize) {
        self.interleaving = Interleaving::in_blocks(width, count);
        self.added = 0;
        let length = self.cosets.group * self.length();
        self.block.resize(length, [0; 2 * ELEMENTS]);
        self.sums.clear();
        self.sums
            .resize(length * self.cosets.targets.len(), [0; 2 * ELEMENTS]);
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
        let (group, length) = (self.cosets.group, self.length());
        let present = coset.originals.len();
        let places = self.block.chunks_exact_mut(length);
        for (place, symbols) in places.zip(symbols.chunks_exact(self.plain.len())) {
            self.interleaving
                .pack(symbols, &mut self.packed, &mut self.planes);
            place.as_flattened_mut().copy_from_slice(&self.packed);
        }
        self.block[present * length..].fill([0; 2 * ELEMENTS]);
        let mut shards = ShardsRefMut::new(group, length, &mut self.block);
        self.engine
            .ifft(&mut shards, 0, group, present, coset.position);
        let sums = self.sums.chunks_exact_mut(group * length);
        for (sum, target) in sums.zip(&self.cosets.targets) {
            if let Some(factor) = self
                .added
                .checked_sub(1)
                .and_then(|i| target.factors.get(i))
            {
                self.engine.mul(sum, *factor);
            }
            utils::xor(sum, &self.block);
        }
        self.added += 1;
    }

    /// Hands out each recovery symbol that is wanted: which it is, and that symbol of all codewords.
    pub(crate) fn finish(&mut self, mut take: impl FnMut(usize, &[u8])) {
        let (group, length) = (self.cosets.group, self.length());
        let sums = self.sums.chunks_exact_mut(group * length);
        for (sum, target) in sums.zip(&self.cosets.targets) {
            if let Some(factor) = target.factors.last() {
                self.engine.mul(sum, *factor);
            }
            let mut shards = ShardsRefMut::new(group, length, sum);
            self.engine
                .fft(&mut shards, 0, group, group, target.position);
            for (within, index) in &target.wanted {
                let packed = &sum[within * length..(within + 1) * length];
                self.interleaving
                    .unpack(packed.as_flattened(), &mut self.plain, &mut self.planes);
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
                let cosets = Cosets::new(originals, recoveries, wanted.iter().copied());
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
