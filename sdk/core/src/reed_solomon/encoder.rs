//! Encoder: recovery symbols from source symbols.

use reed_solomon_simd::Error;

use super::{
    BLOCK,
    area::Area,
    engine::{Engine, FastestEngine, Transform},
    rate::Layout,
};

/// Encodes codewords of a code, one after the other in the same memory.
pub(crate) struct Encoder<E = FastestEngine> {
    engine: E,
    layout: Layout,
    /// Bytes of a symbol.
    symbol: usize,
    area: Area,
    /// Source symbols that are there.
    added: usize,
}

impl<E: Engine> Encoder<E> {
    /// For symbols of so many bytes.
    pub(crate) fn new(engine: E, layout: Layout, symbol: usize) -> Result<Self, Error> {
        let mut encoder = Self {
            engine,
            layout,
            symbol: 0,
            area: Area::default(),
            added: 0,
        };
        encoder.reset(symbol)?;
        Ok(encoder)
    }

    /// Begins with symbols of another size.
    pub(crate) fn reset(&mut self, symbol: usize) -> Result<(), Error> {
        check_symbol(symbol)?;
        let layout = self.layout;
        // What comes behind the first chunk: source symbols on their way to coefficients, or recovery symbols.
        let rows = layout.behind().next_multiple_of(layout.chunk);
        let length = symbol.div_ceil(BLOCK);
        self.area.shape(rows, length, self.engine.pitch(length));
        (self.symbol, self.added) = (symbol, 0);
        Ok(())
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    /// The code.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Takes the next source symbol.
    pub(crate) fn add(&mut self, symbol: &[u8]) -> Result<(), Error> {
        if symbol.len() != self.symbol {
            return Err(Error::DifferentShardSize {
                shard_bytes: self.symbol,
                got: symbol.len(),
            });
        }
        let row = self.next_row()?;
        self.area.write(row, symbol);
        Ok(())
    }

    /// The place of the next source symbol, which consists of whole blocks, for the caller to fill.
    pub(crate) fn add_in_place(&mut self) -> Result<&mut [u8], Error> {
        debug_assert!(self.symbol.is_multiple_of(BLOCK));
        let row = self.next_row()?;
        Ok(self.area.place(row))
    }

    /// The row of the next source symbol, which counts as added.
    fn next_row(&mut self) -> Result<usize, Error> {
        if self.added == self.layout.originals {
            return Err(Error::TooManyOriginalShards {
                original_count: self.layout.originals,
            });
        }
        self.added += 1;
        Ok(self.added - 1)
    }

    /// Encodes the symbols that were added; the next one begins a new codeword.
    pub(crate) fn encode(&mut self) -> Result<(), Error> {
        let Layout {
            originals,
            recoveries,
            is_high_rate,
            ..
        } = self.layout;
        if self.added != originals {
            return Err(Error::TooFewOriginalShards {
                original_count: originals,
                original_received_count: self.added,
            });
        }
        self.added = 0;
        match is_high_rate {
            true => self.encode_high_rate(),
            false => self.encode_low_rate(),
        }
        for row in 0..recoveries {
            self.area.join_tail(row, self.symbol);
        }
        Ok(())
    }

    /// The sum of the coefficients of all chunks of source symbols, at the positions of the first chunk.
    fn encode_high_rate(&mut self) {
        let Layout {
            originals,
            recoveries,
            chunk,
            ..
        } = self.layout;
        for first in (0..originals).step_by(chunk) {
            let transform = Transform {
                source: first,
                target: 0,
                size: chunk,
                used: chunk.min(originals - first),
                position: chunk + first,
            };
            self.engine.inverse(&mut self.area, transform);
        }
        let transform = Transform {
            source: 0,
            target: 0,
            size: chunk,
            used: recoveries,
            position: 0,
        };
        self.engine.forward(&mut self.area, transform);
    }

    /// The coefficients of the source symbols, at the positions of all other chunks.
    fn encode_low_rate(&mut self) {
        let Layout {
            originals,
            recoveries,
            chunk,
            ..
        } = self.layout;
        let transform = Transform {
            source: 0,
            target: 0,
            size: chunk,
            used: originals,
            position: 0,
        };
        self.engine.inverse(&mut self.area, transform);
        // The first chunk last: the coefficients are in its place.
        for first in (0..recoveries).step_by(chunk).rev() {
            let transform = Transform {
                source: 0,
                target: first,
                size: chunk,
                used: chunk.min(recoveries - first),
                position: chunk + first,
            };
            self.engine.forward(&mut self.area, transform);
        }
    }

    /// Recovery symbol `index` of the codeword encoded last.
    pub(crate) fn recovery(&self, index: usize) -> Option<&[u8]> {
        let is_one = index < self.layout.recoveries;
        is_one.then(|| self.area.read(index, self.symbol))
    }
}

/// Symbols consist of elements of two bytes.
pub(super) fn check_symbol(symbol: usize) -> Result<(), Error> {
    match symbol > 0 && symbol.is_multiple_of(2) {
        true => Ok(()),
        false => Err(Error::InvalidShardSize {
            shard_bytes: symbol,
        }),
    }
}
