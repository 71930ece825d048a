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
    /// For the positions of symbols that are there what they are multiplied with; for those of missing source symbols what the
    /// result is.
    factors: Vec<Option<Factor>>,
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
        if symbol.len() != self.symbol {
            return Err(Error::DifferentShardSize {
                shard_bytes: self.symbol,
                got: symbol.len(),
            });
        }
        if std::mem::replace(&mut self.is_there[position], true) {
            return Err(match index.checked_sub(originals) {
                None => Error::DuplicateOriginalShardIndex { index },
                Some(index) => Error::DuplicateRecoveryShardIndex { index },
            });
        }
        self.area.write(position, symbol);
        Ok(())
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
        let mut used = Vec::with_capacity(self.chunks());
        for first in (0..self.layout.end()).step_by(size) {
            let positions = first..(first + size).min(self.layout.end());
            let Some(last) = self.is_there[positions.clone()]
                .iter()
                .rposition(|there| *there)
            else {
                used.push(false);
                continue;
            };
            for position in positions {
                match self.located.factors[position] {
                    Some(factor) if self.is_there[position] => {
                        self.engine.scale(&mut self.area, position, &factor);
                    }
                    _ => self.area.clear(position..position + 1),
                }
            }
            self.area
                .clear(self.layout.end().clamp(first, first + size)..first + size);
            let transform = Transform {
                source: first,
                target: first,
                size,
                used: last + 1,
                position: first,
            };
            self.engine.inverse(&mut self.area, transform);
            used.push(true);
        }
        used
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
        match used.get(chunk) {
            Some(true) => self.engine.with_derivative(area, first, target, size),
            _ => area.clear(target..target + size),
        }
        for (other, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            if other != chunk {
                let factor = Factor::inverse_of(other ^ chunk);
                self.engine
                    .add_scaled(area, other * size, target, size, &factor);
            }
        }
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
            if let Some(factor) = &self.located.factors[position] {
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
        let originals = layout.original_positions();
        let positions = is_there.iter().zip(distances).enumerate();
        let factor = |(position, (there, log)): (usize, (&bool, u16))| match there {
            true => Some(Factor::new(log)),
            false if originals.contains(&position) => Some(Factor::new(locator::negative(log))),
            false => None,
        };
        Self {
            is_there: is_there.to_vec(),
            factors: positions.map(factor).collect(),
        }
    }
}
