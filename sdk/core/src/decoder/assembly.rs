//! Blob assembly: from slivers, a block of symbols of all slivers at a time.

use std::ops::Range;

use crate::{
    codec::LinearCode,
    decoder::{
        error::DecodeError,
        sink::BlobSink,
        source::SliverSource,
        tile::{DecodeTiling, TileDecoder},
    },
    index::SliverIndex,
    metadata::VerifiedBlobMetadataWithId,
    parameters::{EncodingConfig, ParameterError},
    sliver::SliverId,
    sliver_type::SliverType,
    work::Running,
};

/// Bytes of a sliver that a block covers if reading and writing small pieces is slow.
const LARGE_PIECE: usize = 1 << 16;

/// The matrix to be put together, and the slivers to do it from.
#[derive(Debug)]
pub(crate) struct Assembly {
    sliver_type: SliverType,
    pub(super) code: LinearCode,
    blob_length: u64,
    /// Symbols of a sliver: codewords.
    pub(super) positions: usize,
    /// Source columns.
    columns: usize,
    /// Exactly as many as are needed, in order.
    pub(super) chosen: Vec<SliverIndex>,
}

/// What a worker needs, block after block.
struct Worker {
    decoder: Option<TileDecoder>,
    /// Symbols of the slivers that are not in memory.
    loaded: Vec<u8>,
    /// Primary slivers: missing rows of the block; secondary: whole rows.
    out: Vec<u8>,
}

impl Assembly {
    /// `chosen` are as many slivers as decode the blob.
    pub(crate) fn new(
        config: &EncodingConfig,
        sliver_type: SliverType,
        blob_length: u64,
        chosen: Vec<SliverIndex>,
    ) -> Result<Self, DecodeError> {
        let symbol_size = config.symbol_size(blob_length)?;
        let code = LinearCode::of_type(config, sliver_type, symbol_size)?;
        if chosen.len() != code.originals() {
            return Err(DecodeError::NotEnoughSlivers {
                have: chosen.len(),
                need: code.originals(),
                sliver_type,
            });
        }
        Ok(Self {
            sliver_type,
            code,
            blob_length,
            positions: usize::from(config.symbols_per_sliver(sliver_type)),
            columns: usize::from(config.secondary_source_symbols()),
            chosen,
        })
    }

    pub(crate) fn of(
        metadata: &VerifiedBlobMetadataWithId,
        sliver_type: SliverType,
        chosen: Vec<SliverIndex>,
    ) -> Result<Self, DecodeError> {
        Self::new(
            metadata.config(),
            sliver_type,
            metadata.unencoded_length(),
            chosen,
        )
    }

    /// Length of the blob in memory.
    pub(crate) fn blob_length(&self) -> Result<usize, ParameterError> {
        usize::try_from(self.blob_length).map_err(|_| ParameterError::DataTooLarge {
            length: self.blob_length,
            max: usize::MAX as u64,
            n_shards: u16::try_from(self.code.originals() + self.code.recoveries())
                .unwrap_or(u16::MAX),
        })
    }

    /// Bytes of a row of the matrix.
    pub(crate) fn row_length(&self) -> usize {
        self.columns * self.code.symbol_size()
    }

    /// Whether nothing is missing.
    pub(super) fn is_systematic(&self) -> bool {
        let last = self.chosen.last();
        last.is_none_or(|last| last.as_usize() < self.code.originals())
    }

    /// Writes the blob to `sink`, with about `memory` bytes of buffers.
    pub(crate) fn run(
        &self,
        run: &Running<'_>,
        source: &dyn SliverSource,
        sink: &dyn BlobSink,
        memory: usize,
    ) -> Result<(), DecodeError> {
        let slices: Vec<_> = self
            .chosen
            .iter()
            .map(|index| source.as_slice(SliverId::new(self.sliver_type, *index)))
            .collect();
        let in_memory = slices.iter().all(Option::is_some);
        let threads = run.threads().count();
        let mut tiling = DecodeTiling::new(&self.code, self.positions.div_ceil(threads));
        let small_pieces = in_memory && sink.takes_small_pieces();
        let block = self.block(tiling, small_pieces, threads, memory);
        tiling.count = tiling.count.min(block);
        let state = || {
            let decoder = (!self.is_systematic())
                .then(|| TileDecoder::new(&self.code, tiling.count, tiling.width));
            Ok::<_, DecodeError>(Worker {
                decoder: decoder.transpose()?,
                loaded: Vec::new(),
                out: Vec::new(),
            })
        };
        let blocks = self.positions.div_ceil(block);
        let work = |worker: &mut Worker, index: usize| {
            let positions = index * block..((index + 1) * block).min(self.positions);
            let mut loaded = std::mem::take(&mut worker.loaded);
            let symbols = self.symbols(run, source, &slices, positions.clone(), &mut loaded)?;
            let block = Block {
                assembly: self,
                run,
                sink,
                tiling,
                positions: positions.clone(),
                symbols,
            };
            match self.sliver_type {
                SliverType::Primary => block.rows(worker)?,
                SliverType::Secondary => block.columns(worker)?,
            }
            worker.loaded = loaded;
            let bytes = positions.len() * self.code.originals() * self.code.symbol_size();
            run.advance(bytes as u64);
            Ok(())
        };
        run.threads().for_each(blocks, state, work, drop)
    }

    /// Symbols of a sliver in a block.
    fn block(
        &self,
        tiling: DecodeTiling,
        small_pieces: bool,
        threads: usize,
        memory: usize,
    ) -> usize {
        let symbol = self.code.symbol_size();
        if small_pieces && !self.is_systematic() {
            return tiling.count;
        }
        // Symbols are read, and with restored ones written.
        let fitting = memory / threads / (2 * self.code.originals() * symbol);
        let fair = self.positions.div_ceil(4 * threads);
        let wanted = (LARGE_PIECE / symbol).min(fitting).min(fair).max(1);
        (wanted / tiling.count).max(1) * tiling.count
    }

    /// The symbols of all chosen slivers in a block.
    fn symbols<'a>(
        &self,
        run: &Running<'_>,
        source: &dyn SliverSource,
        slices: &[Option<&'a [u8]>],
        positions: Range<usize>,
        loaded: &'a mut Vec<u8>,
    ) -> Result<Vec<&'a [u8]>, DecodeError> {
        let symbol = self.code.symbol_size();
        let (start, length) = (positions.start * symbol, positions.len() * symbol);
        let absent = slices.iter().filter(|slice| slice.is_none()).count();
        loaded.resize(absent * length, 0);
        let mut places = loaded.chunks_exact_mut(length);
        let mut symbols = Vec::with_capacity(slices.len());
        for (index, slice) in self.chosen.iter().zip(slices) {
            let sliver = SliverId::new(self.sliver_type, *index);
            let fail = |error: std::io::Error| {
                let error = error.into();
                DecodeError::Read { sliver, error }
            };
            let part = match slice {
                Some(slice) => slice
                    .get(start..start + length)
                    .ok_or_else(|| fail(std::io::ErrorKind::UnexpectedEof.into()))?,
                None => {
                    run.check()?;
                    let place = places.next().unwrap_or_default();
                    source.read_at(sliver, start, place).map_err(fail)?;
                    place
                }
            };
            symbols.push(part);
        }
        Ok(symbols)
    }
}

/// Some codewords: consecutive symbols of all chosen slivers.
struct Block<'a> {
    assembly: &'a Assembly,
    run: &'a Running<'a>,
    sink: &'a dyn BlobSink,
    tiling: DecodeTiling,
    positions: Range<usize>,
    symbols: Vec<&'a [u8]>,
}

impl Block<'_> {
    /// The slivers are rows: a piece of each row is written.
    fn rows(&self, worker: &mut Worker) -> Result<(), DecodeError> {
        let code = &self.assembly.code;
        let piece = self.positions.len() * code.symbol_size();
        let mut is_present = vec![false; code.originals()];
        for (index, symbols) in self.assembly.chosen.iter().zip(&self.symbols) {
            if let Some(present) = is_present.get_mut(index.as_usize()) {
                *present = true;
                self.write(index.as_usize(), symbols)?;
            }
        }
        // The place of each missing row in the buffer.
        let mut missing = Vec::new();
        let mut places = vec![0; code.originals()];
        for (row, _) in is_present.iter().enumerate().filter(|(_, there)| !**there) {
            places[row] = missing.len() * piece;
            missing.push(row);
        }
        let Worker { decoder, out, .. } = worker;
        out.resize(missing.len() * piece, 0);
        self.restore(decoder.as_mut(), |row, offset, symbols| {
            let at = places[row] + offset;
            out[at..at + symbols.len()].copy_from_slice(symbols);
        })?;
        for (row, data) in missing.iter().zip(out.chunks_exact(piece)) {
            self.write(*row, data)?;
        }
        Ok(())
    }

    /// The slivers are columns: whole rows are written.
    fn columns(&self, worker: &mut Worker) -> Result<(), DecodeError> {
        let (code, row_length) = (&self.assembly.code, self.assembly.row_length());
        let symbol = code.symbol_size();
        let Worker { decoder, out, .. } = worker;
        out.resize(self.positions.len() * row_length, 0);
        for (index, symbols) in self.assembly.chosen.iter().zip(&self.symbols) {
            if index.as_usize() < code.originals() {
                let places = out.chunks_exact_mut(row_length);
                for (row, data) in places.zip(symbols.chunks_exact(symbol)) {
                    let at = index.as_usize() * symbol;
                    row[at..at + symbol].copy_from_slice(data);
                }
            }
        }
        self.restore(decoder.as_mut(), |column, offset, symbols| {
            // Whole symbols, or a strip of one.
            for (i, data) in symbols.chunks(symbol).enumerate() {
                let row = offset / symbol + i;
                let at = row * row_length + column * symbol + offset % symbol;
                out[at..at + data.len()].copy_from_slice(data);
            }
        })?;
        self.write(self.positions.start * self.assembly.columns, out)
    }

    /// Restores missing slivers: calls back with the index, where in its part of the block, and symbols.
    fn restore(
        &self,
        decoder: Option<&mut TileDecoder>,
        mut place: impl FnMut(usize, usize, &[u8]),
    ) -> Result<(), DecodeError> {
        let Some(decoder) = decoder else {
            return Ok(());
        };
        let symbol = self.assembly.code.symbol_size();
        for first in (0..self.positions.len()).step_by(self.tiling.count) {
            let count = self.tiling.count.min(self.positions.len() - first);
            for (strip, width) in self.tiling.strips(symbol) {
                self.run.check()?;
                decoder.reshape(count, width)?;
                let start = first * symbol + strip;
                for (index, symbols) in self.assembly.chosen.iter().zip(&self.symbols) {
                    decoder.add(index.as_usize(), &symbols[start..start + count * width])?;
                }
                decoder.decode(|missing, symbols| place(missing, start, symbols))?;
            }
        }
        Ok(())
    }

    /// Writes symbols: primary, those of row `at` in this block; secondary, whole rows from symbol `at` on.
    fn write(&self, at: usize, data: &[u8]) -> Result<(), DecodeError> {
        let (assembly, symbol) = (self.assembly, self.assembly.code.symbol_size());
        let start = match assembly.sliver_type {
            SliverType::Primary => at * assembly.columns + self.positions.start,
            SliverType::Secondary => at,
        };
        let start = start as u64 * symbol as u64;
        let length = assembly.blob_length.saturating_sub(start);
        let length = usize::try_from(length).map_or(data.len(), |length| length.min(data.len()));
        if length == 0 {
            return Ok(());
        }
        self.sink
            .write_at(start, &data[..length])
            .map_err(|error| DecodeError::Write {
                error: error.into(),
            })
    }
}
