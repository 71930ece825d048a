//! Row expansion: source rows are expanded, strip by strip if all of it does not fit in memory (encoding spec 2.2 step 1).

use std::sync::{Mutex, PoisonError};

use crate::{
    codec::TileEncoder,
    encoder::{
        error::EncodeError,
        matrix::{KeptColumns, PaddedBlob},
        plan::{Plan, Strip},
        run::Run,
    },
    index::SliverIndex,
    sliver::SliverId,
    workspaces::Workspaces,
};

/// Most bytes that an idle worker keeps in a buffer.
const MAX_IDLE_BUFFER: usize = 1 << 20;

/// Idle workers: for small blobs fresh memory would take longer than the work.
static IDLE: Workspaces<Worker> = Workspaces::new();

/// What a worker needs, batch after batch.
struct Worker {
    encoder: TileEncoder,
    rows: Vec<u8>,
    gathered: Vec<u8>,
}

/// Expands a strip of all source rows. Whole rows are handed on as primary slivers.
pub(crate) fn expand_rows(
    run: &Run<'_>,
    blob: &PaddedBlob<'_>,
    plan: &Plan,
    strip: Strip,
    kept: &mut KeptColumns,
) -> Result<(), EncodeError> {
    let batch = plan.row_tiling().count;
    let places: Vec<_> = kept
        .of_strip(plan, strip)
        .chunks_mut(batch * plan.kept_length(strip.width))
        .map(Mutex::new)
        .collect();
    let work = |worker: &mut Worker, index: usize| {
        let Some(place) = places.get(index) else {
            return Ok(());
        };
        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
        let first = index * batch;
        let rows = SourceRows {
            plan,
            first,
            count: batch.min(plan.rows - first),
            strip,
        };
        worker.expand(run, blob, &rows, &mut place)?;
        run.advance(plan.codeword_bytes(rows.count, strip));
        Ok::<_, EncodeError>(())
    };
    run.threads
        .for_each(places.len(), || Worker::new(plan), work, Worker::rest)
}

/// A strip of some consecutive source rows.
struct SourceRows<'a> {
    plan: &'a Plan,
    first: usize,
    count: usize,
    strip: Strip,
}

/// Their symbols in memory, or the strips of them alone.
struct Symbols<'a> {
    bytes: &'a [u8],
    /// From one row to the next.
    row_length: usize,
    /// From one symbol to the next.
    stride: usize,
    /// Of the strip in what there is of a symbol.
    offset: usize,
}

impl Symbols<'_> {
    /// Part of the strip of a symbol.
    fn get(&self, row: usize, column: usize, part: Strip) -> &[u8] {
        let start = row * self.row_length + column * self.stride + self.offset + part.offset;
        &self.bytes[start..start + part.width]
    }
}

impl SourceRows<'_> {
    /// Where the first row is in the blob.
    fn start(&self) -> u64 {
        self.first as u64 * self.plan.row_length() as u64
    }

    /// Their symbols; what is not in memory is read into `buffer`.
    fn load<'b>(
        &self,
        blob: &'b PaddedBlob<'_>,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Symbols<'b>, EncodeError> {
        let (length, symbol) = (self.plan.row_length(), self.plan.symbol);
        let (start, bytes) = (self.start(), (self.count * length) as u64);
        if let Some(bytes) = blob.borrowed(start..start + bytes) {
            return Ok(Symbols {
                bytes,
                row_length: length,
                stride: symbol,
                offset: self.strip.offset,
            });
        }
        let Strip { offset, width } = self.strip;
        buffer.resize(self.count * self.plan.columns * width, 0);
        if width == symbol {
            blob.read(start, buffer)?;
        } else {
            let starts = (start + offset as u64..).step_by(symbol);
            for (place, start) in buffer.chunks_exact_mut(width).zip(starts) {
                blob.read(start, place)?;
            }
        }
        Ok(Symbols {
            bytes: buffer,
            row_length: self.plan.columns * width,
            stride: width,
            offset: 0,
        })
    }
}

impl Worker {
    /// An idle worker, or a new one.
    fn new(plan: &Plan) -> Result<Self, EncodeError> {
        let (originals, recoveries) = (plan.columns, plan.n - plan.columns);
        if let Some(idle) = IDLE.take(|idle| idle.encoder.is_for(originals, recoveries)) {
            return Ok(idle);
        }
        let tiling = plan.row_tiling();
        let count = tiling.count.min(plan.rows);
        Ok(Self {
            encoder: TileEncoder::new(originals, recoveries, count, tiling.width)?,
            rows: Vec::new(),
            gathered: Vec::new(),
        })
    }

    /// Waits for the next blob.
    fn rest(mut self) {
        if self.rows.capacity() > MAX_IDLE_BUFFER {
            self.rows = Vec::new();
        }
        IDLE.give(self);
    }

    /// Expands rows; `kept` gets what is kept of them.
    fn expand(
        &mut self,
        run: &Run<'_>,
        blob: &PaddedBlob<'_>,
        rows: &SourceRows<'_>,
        kept: &mut [u8],
    ) -> Result<(), EncodeError> {
        run.check()?;
        let plan = rows.plan;
        let whole = plan.has_whole_rows();
        let is_padding = rows.start() >= plan.blob_length;
        if is_padding && (run.sink.is_none() || !whole) {
            kept.fill(0);
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.rows);
        let symbols = rows.load(blob, &mut buffer)?;
        if whole {
            for (row, data) in symbols.bytes.chunks_exact(symbols.row_length).enumerate() {
                let sliver = SliverId::Primary(SliverIndex::at(rows.first + row));
                run.emit(sliver, 0, data)?;
                run.complete(sliver)?;
            }
        }
        if is_padding {
            kept.fill(0);
        } else {
            self.encode(run, rows, &symbols, kept)?;
        }
        self.rows = buffer;
        Ok(())
    }

    fn encode(
        &mut self,
        run: &Run<'_>,
        rows: &SourceRows<'_>,
        symbols: &Symbols<'_>,
        kept: &mut [u8],
    ) -> Result<(), EncodeError> {
        let (plan, strip, count) = (rows.plan, rows.strip, rows.count);
        let kept_length = plan.kept_length(strip.width);
        let source_kept = plan.columns - plan.kept_from();
        let of_strip = Strip { offset: 0, ..strip };
        for part in plan.row_tiling().strips(of_strip) {
            run.check()?;
            self.encoder.reshape(count, part.width)?;
            self.gathered.resize(count * part.width, 0);
            for column in 0..plan.columns {
                if count == 1 {
                    self.encoder.add(symbols.get(0, column, part))?;
                    continue;
                }
                let places = self.gathered.chunks_exact_mut(part.width);
                for (row, place) in places.enumerate() {
                    place.copy_from_slice(symbols.get(row, column, part));
                }
                self.encoder.add(&self.gathered)?;
            }
            self.encoder.encode(|position, symbols| {
                for (i, symbols) in symbols.iter().enumerate() {
                    let at = (source_kept + position + i) * strip.width + part.offset;
                    let rows = kept.chunks_exact_mut(kept_length);
                    for (row, symbol) in rows.zip(symbols.chunks_exact(part.width)) {
                        row[at..at + part.width].copy_from_slice(symbol);
                    }
                }
                Ok::<_, EncodeError>(())
            })?;
        }
        for (row, kept) in kept.chunks_exact_mut(kept_length).enumerate() {
            for (i, place) in kept
                .chunks_exact_mut(strip.width)
                .take(source_kept)
                .enumerate()
            {
                place.copy_from_slice(symbols.get(row, plan.kept_from() + i, of_strip));
            }
        }
        Ok(())
    }
}
