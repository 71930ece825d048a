//! Selective encoder: slivers of choice in BCS, for whoever knows the metadata already and keeps no slivers (encoding spec 2, 4.1).
//!
//! What a recovery symbol is depends on all source symbols of its codeword, so all of the blob is read for one sliver as for many,
//! but only those of choice are computed and are in memory. The code works on polynomials (`reed_solomon/cosets.rs`): the source symbols of an
//! aligned group of positions become a short polynomial each, and a weighted sum of these is the polynomial of any other group.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{
    blob_source::BlobSource,
    codec::CodecError,
    encoder::{error::EncodeError, matrix::PaddedBlob},
    parameters::{EncodingConfig, ParameterError},
    reed_solomon::{CosetEncoder, Cosets, Layout},
    sliver::{SliverFraming, SliverId},
    sliver_type::SliverType,
    work::{Running, Work},
};

/// Bytes of each symbol, or of the symbols of several codewords together, that are worked on at a time: with two groups they
/// stay in a level-2 cache.
const TILE: usize = 8 << 10;

/// Encodes slivers of choice, one call after the other.
pub struct SelectiveEncoder<'a> {
    blob: PaddedBlob<'a>,
    source: &'a dyn BlobSource,
    shape: Shape,
    work: Work<'a>,
}

/// Sizes of the matrix.
#[derive(Clone, Copy)]
struct Shape {
    n: usize,
    rows: usize,
    columns: usize,
    symbol: usize,
    framing: SliverFraming,
}

/// Some consecutive codewords, and which bytes of their symbols.
#[derive(Clone, Copy)]
struct Tile {
    first: usize,
    count: usize,
    offset: usize,
    width: usize,
}

/// A sliver that is being made, and its place among all that were asked for.
struct Making<'a> {
    index: usize,
    place: usize,
    bytes: &'a Mutex<Vec<u8>>,
}

impl<'a> SelectiveEncoder<'a> {
    /// Prepares to encode slivers of `source` on the calling thread.
    ///
    /// # Errors
    /// [`ParameterError::DataTooLarge`] if the blob does not fit.
    pub fn new(config: EncodingConfig, source: &'a dyn BlobSource) -> Result<Self, ParameterError> {
        let framing = SliverFraming::new(&config, source.length())?;
        Ok(Self {
            blob: PaddedBlob::new(source, source.as_slice()),
            source,
            shape: Shape {
                n: usize::from(config.n_shards()),
                rows: usize::from(config.source_symbols(SliverType::Primary)),
                columns: usize::from(config.source_symbols(SliverType::Secondary)),
                symbol: usize::from(framing.symbol_size().get()),
                framing,
            },
            work: Work::new(),
        })
    }

    /// On which threads, and who may end it; there is no progress to watch.
    pub fn with_work(mut self, work: Work<'a>) -> Self {
        self.work = work;
        self
    }

    /// Whether a sliver consists of bytes of the blob alone, so that [`Self::read`] gives it.
    pub fn is_source(config: &EncodingConfig, sliver: SliverId) -> bool {
        sliver.index().get() < config.source_symbols(sliver.sliver_type())
    }

    /// The BCS of slivers as storage nodes take it, in the order of `slivers`. Besides the slivers it takes some megabytes of
    /// memory for each thread.
    ///
    /// # Errors
    /// [`EncodeError`]: there is no such sliver, the source failed or is another one now, or somebody cancelled.
    pub fn encode(&self, slivers: &[SliverId]) -> Result<Vec<Vec<u8>>, EncodeError> {
        self.encode_in(slivers, &mut Vec::new())
    }

    /// The same, in memory that was used before: what is in `spare` is taken as long as there is any, whatever it holds. For whoever has
    /// many made one after the other: large pieces of memory that come and go leave an allocator with holes.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn encode_in(
        &self,
        slivers: &[SliverId],
        spare: &mut Vec<Vec<u8>>,
    ) -> Result<Vec<Vec<u8>>, EncodeError> {
        let running = self.work.begin(0);
        let mut places = Vec::with_capacity(slivers.len());
        for sliver in slivers {
            self.check(*sliver)?;
            let length = self.shape.framing.bcs_length(sliver.sliver_type());
            // Every byte of it is written.
            let mut bytes = spare.pop().unwrap_or_default();
            bytes.resize(length, 0);
            places.push(Mutex::new(bytes));
        }
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            let source_symbols = self.shape.source_symbols(sliver_type);
            let mut making = Vec::new();
            for ((place, sliver), bytes) in slivers.iter().enumerate().zip(&places) {
                let index = sliver.index().as_usize();
                if sliver.sliver_type() != sliver_type {
                    continue;
                }
                match index.checked_sub(source_symbols) {
                    None => self.read(*sliver, 0, &mut lock(bytes))?,
                    Some(index) => making.push(Making {
                        index,
                        place,
                        bytes,
                    }),
                }
            }
            self.recover(&running, sliver_type, &making)?;
            for Making { place, bytes, .. } in making {
                if let Some(sliver) = slivers.get(place) {
                    self.frame(*sliver, &mut lock(bytes));
                }
            }
        }
        let changed = |error: std::io::Error| EncodeError::Changed {
            error: error.into(),
        };
        self.source.check_unchanged().map_err(changed)?;
        let bytes =
            |place: Mutex<Vec<u8>>| place.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(places.into_iter().map(bytes).collect())
    }

    /// Fills `buffer` with the bytes from `offset` on of the BCS of a sliver of the blob's own bytes.
    ///
    /// # Errors
    /// [`EncodeError`]: it is none of those, it is shorter, or the source failed.
    pub fn read(
        &self,
        sliver: SliverId,
        offset: usize,
        buffer: &mut [u8],
    ) -> Result<(), EncodeError> {
        let Shape {
            symbol, framing, ..
        } = self.shape;
        let sliver_type = sliver.sliver_type();
        let end = offset.checked_add(buffer.len());
        let index = sliver.index().as_usize();
        if index >= self.shape.source_symbols(sliver_type)
            || end.is_none_or(|end| end > framing.bcs_length(sliver_type))
        {
            return Err(EncodeError::NoSuchSliver { sliver });
        }
        let (header, trailer) = (framing.header(sliver_type), framing.trailer(sliver.index()));
        let symbols = header.len()..header.len() + framing.length(sliver_type);
        copy_overlap(&header, 0, buffer, offset);
        copy_overlap(&trailer, symbols.end, buffer, offset);
        let Some((range, at)) = overlap(&symbols, offset, buffer.len()) else {
            return Ok(());
        };
        let mut buffer = &mut buffer[at..at + range.len()];
        if sliver_type == SliverType::Primary {
            return self
                .blob
                .read(self.shape.position(index, 0) + range.start as u64, buffer);
        }
        let mut start = range.start;
        while !buffer.is_empty() {
            let (row, within) = (start / symbol, start % symbol);
            let (part, rest) = buffer.split_at_mut((symbol - within).min(buffer.len()));
            let position = self.shape.position(row, index) + within as u64;
            self.blob.read(position, part)?;
            start += part.len();
            buffer = rest;
        }
        Ok(())
    }

    fn check(&self, sliver: SliverId) -> Result<(), EncodeError> {
        match sliver.index().as_usize() < self.shape.n {
            true => Ok(()),
            false => Err(EncodeError::NoSuchSliver { sliver }),
        }
    }

    /// What stands around the symbols.
    fn frame(&self, sliver: SliverId, bytes: &mut [u8]) {
        let framing = self.shape.framing;
        let header = framing.header(sliver.sliver_type());
        let end = header.len() + framing.length(sliver.sliver_type());
        copy_overlap(&header, 0, bytes, 0);
        copy_overlap(&framing.trailer(sliver.index()), end, bytes, 0);
    }

    /// Computes recovery slivers of one type.
    fn recover(
        &self,
        running: &Running<'_>,
        sliver_type: SliverType,
        making: &[Making<'_>],
    ) -> Result<(), EncodeError> {
        if making.is_empty() {
            return Ok(());
        }
        let originals = self.shape.source_symbols(sliver_type);
        let layout = Layout::new(originals, self.shape.n - originals).map_err(CodecError::from)?;
        let cosets = Cosets::new(layout, making.iter().map(|sliver| sliver.index));
        let mut by_index: BTreeMap<usize, Vec<&Making<'_>>> = BTreeMap::new();
        for sliver in making {
            by_index.entry(sliver.index).or_default().push(sliver);
        }
        let tiles = self.shape.tiles(sliver_type);
        let state = || Ok::<_, EncodeError>(Worker::new(&cosets));
        let work = |worker: &mut Worker<'_>, index: usize| {
            running.check()?;
            match tiles.get(index) {
                Some(tile) => worker.recover(self, sliver_type, *tile, &by_index),
                None => Ok(()),
            }
        };
        running.threads().for_each(tiles.len(), state, work, drop)
    }

    /// The source symbols of some positions of the codewords of a tile: position by position, codeword by codeword.
    fn load(
        &self,
        sliver_type: SliverType,
        positions: Range<usize>,
        tile: Tile,
        (symbols, row_part): (&mut [u8], &mut Vec<u8>),
    ) -> Result<(), EncodeError> {
        let Shape { symbol, .. } = self.shape;
        let Tile {
            first,
            count,
            offset,
            width,
        } = tile;
        let length = count * width;
        if sliver_type == SliverType::Primary {
            // A codeword is a column; those of a row lie side by side.
            for (row, place) in positions.zip(symbols.chunks_exact_mut(length)) {
                let position = self.shape.position(row, first) + offset as u64;
                self.blob.read(position, place)?;
            }
            return Ok(());
        }
        // A codeword is a row: its symbols lie side by side.
        row_part.resize(positions.len() * symbol, 0);
        for codeword in 0..count {
            let position = self.shape.position(first + codeword, positions.start);
            if width == symbol {
                self.blob.read(position, row_part)?;
            }
            for (i, place) in symbols.chunks_exact_mut(length).enumerate() {
                let place = &mut place[codeword * width..(codeword + 1) * width];
                let start = i * symbol + offset;
                match width == symbol {
                    true => place.copy_from_slice(&row_part[start..start + width]),
                    false => self.blob.read(position + start as u64, place)?,
                }
            }
        }
        Ok(())
    }
}

impl Shape {
    fn source_symbols(&self, sliver_type: SliverType) -> usize {
        match sliver_type {
            SliverType::Primary => self.rows,
            SliverType::Secondary => self.columns,
        }
    }

    /// Where a source symbol is in the blob.
    fn position(&self, row: usize, column: usize) -> u64 {
        (row as u64 * self.columns as u64 + column as u64) * self.symbol as u64
    }

    /// All source codewords that slivers of a type are made of: of primary ones the source columns.
    fn tiles(&self, sliver_type: SliverType) -> Vec<Tile> {
        let codewords = match sliver_type {
            SliverType::Primary => self.columns,
            SliverType::Secondary => self.rows,
        };
        let count = (TILE / self.symbol).clamp(1, codewords);
        let strips = self.symbol.div_ceil(TILE);
        let width = self.symbol.div_ceil(strips).next_multiple_of(64);
        let mut tiles = Vec::new();
        for first in (0..codewords).step_by(count) {
            for offset in (0..self.symbol).step_by(width) {
                tiles.push(Tile {
                    first,
                    count: count.min(codewords - first),
                    offset,
                    width: width.min(self.symbol - offset),
                });
            }
        }
        tiles
    }
}

/// What a thread works with.
struct Worker<'a> {
    cosets: CosetEncoder<'a>,
    symbols: Vec<u8>,
    row_part: Vec<u8>,
}

impl<'a> Worker<'a> {
    fn new(cosets: &'a Cosets) -> Self {
        Self {
            cosets: CosetEncoder::new(cosets),
            symbols: Vec::new(),
            row_part: Vec::new(),
        }
    }

    /// Computes what slivers have of a tile.
    fn recover(
        &mut self,
        encoder: &SelectiveEncoder<'_>,
        sliver_type: SliverType,
        tile: Tile,
        slivers: &BTreeMap<usize, Vec<&Making<'_>>>,
    ) -> Result<(), EncodeError> {
        let Self {
            cosets,
            symbols,
            row_part,
        } = self;
        cosets.begin(tile.width, tile.count);
        while let Some(positions) = cosets.next_originals() {
            symbols.resize(positions.len() * tile.width * tile.count, 0);
            encoder.load(sliver_type, positions, tile, (symbols, row_part))?;
            cosets.add(symbols);
        }
        let (symbol, framing) = (encoder.shape.symbol, encoder.shape.framing);
        let header = framing.header_length(sliver_type);
        cosets.finish(|index, symbols| {
            for sliver in slivers.get(&index).into_iter().flatten() {
                let mut bytes = lock(sliver.bytes);
                let start = header + tile.first * symbol + tile.offset;
                // A column's symbols lie a symbol apart; a row has those of a tile side by side, or one of them.
                let parts = symbols.chunks_exact(tile.width).enumerate();
                for (codeword, part) in parts {
                    let start = start + codeword * symbol;
                    bytes[start..start + tile.width].copy_from_slice(part);
                }
            }
        });
        Ok(())
    }
}

fn lock(bytes: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of `range` is among the `length` bytes from `offset` on: counted from the start of the range, and where it begins there.
fn overlap(range: &Range<usize>, offset: usize, length: usize) -> Option<(Range<usize>, usize)> {
    let start = range.start.max(offset);
    let end = range.end.min(offset.saturating_add(length));
    (start < end).then(|| (start - range.start..end - range.start, start - offset))
}

/// Copies what of `bytes`, which begin at `start`, is in `buffer`, which begins at `offset`.
fn copy_overlap(bytes: &[u8], start: usize, buffer: &mut [u8], offset: usize) {
    if let Some((range, at)) = overlap(&(start..start + bytes.len()), offset, buffer.len()) {
        let length = range.len();
        buffer[at..at + length].copy_from_slice(&bytes[range]);
    }
}
