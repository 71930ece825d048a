//! Decoder: missing source symbols from others.
//!
//! Multiplied by the error locator's values the symbols that are there are those of a polynomial that is zero where one is missing,
//! and a missing symbol is its derivative there, over the locator's. Only what is wanted is computed: with the polynomial as a sum
//! over chunks, each chunk's coefficients are found by themselves. In another chunk a chunk's part is that polynomial over a
//! constant, the difference of the numbers of the two chunks; in its own it is the derivative.

use std::ops::Range;

use reed_solomon_simd::Error;

use super::{
    BLOCK,
    area::Area,
    encoder::check_symbol,
    engine::{Engine, FastestEngine, Transform},
    field::Factor,
    locator,
    rate::Layout,
};

/// Decodes codewords of a code, one after the other in the same memory; where symbols are missing is looked at once as long as it
/// stays the same.
pub(crate) struct Decoder<E = FastestEngine> {
    engine: E,
    layout: Layout,
    /// Bytes of a symbol.
    symbol: usize,
    area: Area,
    /// For each position whether its symbol is there.
    is_there: Vec<bool>,
    located: Located,
}

/// Symbols that were there, and what follows from it.
#[derive(Debug, Default)]
struct Located {
    is_there: Vec<bool>,
    /// For each position what its symbol is multiplied with, if it is there.
    scales: Vec<Option<Factor>>,
    /// For each source symbol what the result is multiplied with, if it is missing.
    results: Vec<Option<Factor>>,
}

impl<E: Engine> Decoder<E> {
    /// For symbols of so many bytes.
    pub(crate) fn new(engine: E, layout: Layout, symbol: usize) -> Result<Self, Error> {
        let mut decoder = Self {
            engine,
            layout,
            symbol: 0,
            area: Area::default(),
            is_there: vec![false; layout.end()],
            located: Located::default(),
        };
        decoder.reset(symbol)?;
        Ok(decoder)
    }

    /// Begins with symbols of another size.
    pub(crate) fn reset(&mut self, symbol: usize) -> Result<(), Error> {
        check_symbol(symbol)?;
        // All chunks, and one for what is wanted of one of them.
        let rows = self.chunks() * self.layout.chunk + self.layout.chunk;
        let length = symbol.div_ceil(BLOCK);
        self.area.shape(rows, length, self.engine.pitch(length));
        self.symbol = symbol;
        self.is_there.fill(false);
        Ok(())
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    fn chunks(&self) -> usize {
        self.layout.end().div_ceil(self.layout.chunk)
    }

    /// Takes a symbol of the codeword: source symbols first, then recovery symbols.
    pub(crate) fn add(&mut self, index: usize, symbol: &[u8]) -> Result<(), Error> {
        if symbol.len() != self.symbol {
            return Err(Error::DifferentShardSize {
                shard_bytes: self.symbol,
                got: symbol.len(),
            });
        }
        let row = self.next_row(index)?;
        self.area.write(row, symbol);
        Ok(())
    }

    /// The place of a symbol, which consists of whole blocks, for the caller to fill.
    pub(crate) fn add_in_place(&mut self, index: usize) -> Result<&mut [u8], Error> {
        debug_assert!(self.symbol.is_multiple_of(BLOCK));
        let row = self.next_row(index)?;
        Ok(self.area.place(row))
    }

    /// The row of a symbol of the codeword, which counts as added.
    fn next_row(&mut self, index: usize) -> Result<usize, Error> {
        let Layout {
            originals,
            recoveries,
            ..
        } = self.layout;
        let position = match index.checked_sub(originals) {
            None => self.layout.original_positions().start + index,
            Some(recovery) if recovery < recoveries => {
                self.layout.recovery_positions().start + recovery
            }
            Some(recovery) => {
                return Err(Error::InvalidRecoveryShardIndex {
                    recovery_count: recoveries,
                    index: recovery,
                });
            }
        };
        if std::mem::replace(&mut self.is_there[position], true) {
            return Err(match index.checked_sub(originals) {
                None => Error::DuplicateOriginalShardIndex { index },
                Some(index) => Error::DuplicateRecoveryShardIndex { index },
            });
        }
        Ok(position)
    }

    /// Decodes the symbols that were added: calls back with each missing source symbol. The next one begins a new codeword.
    pub(crate) fn decode(&mut self, mut restored: impl FnMut(usize, &[u8])) -> Result<(), Error> {
        let result = self.decode_added(&mut restored);
        self.is_there.fill(false);
        result
    }

    fn decode_added(&mut self, restored: &mut impl FnMut(usize, &[u8])) -> Result<(), Error> {
        let layout = self.layout;
        let count =
            |range: Range<usize>| self.is_there[range].iter().filter(|there| **there).count();
        let original_received_count = count(layout.original_positions());
        let recovery_received_count = count(layout.recovery_positions());
        if original_received_count == layout.originals {
            return Ok(());
        }
        if original_received_count + recovery_received_count < layout.originals {
            return Err(Error::NotEnoughShards {
                original_count: layout.originals,
                original_received_count,
                recovery_received_count,
            });
        }
        if self.located.is_there != self.is_there {
            self.located = Located::new(&layout, &self.is_there);
        }
        let used = self.interpolate();
        for chunk in 0..self.chunks() {
            self.restore(chunk, &used, restored);
        }
        Ok(())
    }

    /// The coefficients of each chunk, in its place; for each whether there is any.
    fn interpolate(&mut self) -> Vec<bool> {
        let size = self.layout.chunk;
        let positions = self.located.scales.chunks(size).enumerate();
        let interpolate = |(chunk, scales): (usize, &[Option<Factor>])| {
            let used = scales.iter().any(Option::is_some);
            if used {
                self.engine
                    .interpolate(&mut self.area, chunk * size, size, scales);
            }
            used
        };
        positions.map(interpolate).collect()
    }

    /// The missing source symbols of a chunk.
    fn restore(&mut self, chunk: usize, used: &[bool], restored: &mut impl FnMut(usize, &[u8])) {
        let (size, originals) = (self.layout.chunk, self.layout.original_positions());
        let first = chunk * size;
        let missing = |position: &usize| !self.is_there[*position];
        let here = originals.start.max(first)..originals.end.min(first + size);
        let missing: Vec<_> = here.filter(missing).collect();
        let Some(last) = missing.last() else {
            return;
        };
        // Behind all chunks.
        let target = used.len() * size;
        let area = &mut self.area;
        let is_used = |other: &usize| used.get(*other) == Some(&true);
        let own = Some(first).filter(|_| is_used(&chunk));
        let others = (0..used.len()).filter(|other| *other != chunk && is_used(other));
        let others = others.map(|other| (other * size, Factor::inverse_of(other ^ chunk)));
        let others: Vec<_> = others.collect();
        self.engine.combine(area, own, &others, target, size);
        let transform = Transform {
            source: target,
            target,
            size,
            used: last + 1 - first,
            position: first,
        };
        self.engine.forward(area, transform);
        for position in missing {
            let row = target + position - first;
            if let Some(factor) = &self.located.results[position - originals.start] {
                self.engine.scale(&mut self.area, row, factor);
            }
            self.area.join_tail(row, self.symbol);
            restored(position - originals.start, self.area.read(row, self.symbol));
        }
    }
}

impl Located {
    fn new(layout: &Layout, is_there: &[bool]) -> Self {
        let width = layout.end().next_power_of_two();
        // In the high rate the rest of the first chunk is not known and what comes behind the codeword is zero; in the low rate it
        // is the other way round.
        let distances = match layout.is_high_rate {
            true => {
                let mut is_missing: Vec<_> = is_there.iter().map(|there| !there).collect();
                is_missing.resize(width, false);
                locator::distances(&is_missing)
            }
            false => {
                let mut is_known = is_there.to_vec();
                is_known[layout.originals..layout.chunk].fill(true);
                is_known.resize(width, false);
                locator::distances_to_rest(&is_known)
            }
        };
        let positions = is_there.iter().zip(&distances);
        let scales = positions.map(|(there, log)| there.then(|| Factor::new(*log)));
        let results = layout.original_positions().map(|position| {
            let factor = || Factor::new(locator::negative(distances[position]));
            (!is_there[position]).then(factor)
        });
        Self {
            is_there: is_there.to_vec(),
            scales: scales.collect(),
            results: results.collect(),
        }
    }
}
