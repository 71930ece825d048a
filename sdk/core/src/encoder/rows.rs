//! The first pass: source rows are expanded, and handed on as primary slivers (encoding spec 2.2 step 1).

use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::{
    codec::TileEncoder,
    encoder::{
        error::EncodeError,
        matrix::{PaddedBlob, RowRecoveries, spill_error},
        plan::Plan,
        run::Run,
        source::PositionalFile,
    },
    index::SliverIndex,
    sliver::SliverId,
    workspaces::Workspaces,
};

/// Where the recovery symbols of a batch of rows go.
enum Output<'a> {
    Memory(Vec<Mutex<&'a mut [u8]>>),
    File(&'a PositionalFile),
}

/// Most bytes that an idle worker keeps in a buffer.
const MAX_IDLE_BUFFER: usize = 1 << 20;

/// Idle workers: for small blobs fresh memory would take longer than the work.
static IDLE: Workspaces<Worker> = Workspaces::new();

/// What a worker needs, batch after batch.
struct Worker {
    encoder: TileEncoder,
    rows: Vec<u8>,
    gathered: Vec<u8>,
    recovered: Vec<u8>,
}

/// Expands all source rows; the recovery symbols stay in memory or go to a file in `spill`.
pub(crate) fn expand_rows(
    run: &Run<'_>,
    blob: &PaddedBlob<'_>,
    plan: &Plan,
    spill: Option<&Path>,
) -> Result<RowRecoveries, EncodeError> {
    let batch = plan.row_tiling.count;
    let batches = plan.rows.div_ceil(batch);
    let state = || Worker::new(plan);
    let batch_length = batch * plan.recovery_length();
    let run_all = |output: &Output<'_>| {
        let work = |worker: &mut Worker, index: usize| {
            let first = index * batch;
            let count = batch.min(plan.rows - first);
            match output {
                Output::Memory(places) => {
                    if let Some(place) = places.get(index) {
                        let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                        worker.expand(run, blob, plan, first, count, &mut place)?;
                    }
                }
                Output::File(file) => {
                    let mut recovered = std::mem::take(&mut worker.recovered);
                    recovered.resize(count * plan.recovery_length(), 0);
                    worker.expand(run, blob, plan, first, count, &mut recovered)?;
                    file.write_all_at((first * plan.recovery_length()) as u64, &recovered)
                        .map_err(spill_error)?;
                    worker.recovered = recovered;
                }
            }
            run.advance(plan.codeword_bytes(count));
            Ok::<_, EncodeError>(())
        };
        run.threads.for_each(batches, state, work, Worker::rest)
    };
    match spill {
        Some(directory) => {
            let file = RowRecoveries::temporary_file(directory)?;
            run_all(&Output::File(&file))?;
            Ok(RowRecoveries::File(file))
        }
        None => {
            let mut bytes = RowRecoveries::memory(plan.rows * plan.recovery_length());
            let places = bytes.chunks_mut(batch_length).map(Mutex::new).collect();
            run_all(&Output::Memory(places))?;
            Ok(RowRecoveries::Memory(bytes))
        }
    }
}

impl Worker {
    /// An idle worker, or a new one.
    fn new(plan: &Plan) -> Result<Self, EncodeError> {
        let (originals, recoveries) = (plan.columns, plan.n - plan.columns);
        if let Some(idle) = IDLE.take(|idle| idle.encoder.is_for(originals, recoveries)) {
            return Ok(idle);
        }
        let count = plan.row_tiling.count.min(plan.rows);
        Ok(Self {
            encoder: TileEncoder::new(originals, recoveries, count, plan.row_tiling.width)?,
            rows: Vec::new(),
            gathered: Vec::new(),
            recovered: Vec::new(),
        })
    }

    /// Waits for the next blob.
    fn rest(mut self) {
        for buffer in [&mut self.rows, &mut self.recovered] {
            if buffer.capacity() > MAX_IDLE_BUFFER {
                *buffer = Vec::new();
            }
        }
        IDLE.give(self);
    }

    /// Expands rows `first..first + count`; `out` gets their recovery symbols.
    fn expand(
        &mut self,
        run: &Run<'_>,
        blob: &PaddedBlob<'_>,
        plan: &Plan,
        first: usize,
        count: usize,
        out: &mut [u8],
    ) -> Result<(), EncodeError> {
        let length = plan.row_length();
        let start = (first * length) as u64;
        let rows = match blob.borrowed(start..start + (count * length) as u64) {
            Some(rows) => rows,
            None => {
                self.rows.resize(count * length, 0);
                blob.read(start, &mut self.rows)?;
                &self.rows
            }
        };
        for (row, data) in rows.chunks_exact(length).enumerate() {
            let sliver = SliverId::Primary(SliverIndex((first + row) as u16));
            run.emit(sliver, 0, data)?;
            run.complete(sliver)?;
        }
        if start >= plan.blob_length {
            out.fill(0);
            return Ok(());
        }
        let (symbol, recovery_length) = (plan.symbol, plan.recovery_length());
        for (offset, width) in plan.row_tiling.strips(symbol) {
            run.check()?;
            self.encoder.reshape(count, width)?;
            self.gathered.resize(count * width, 0);
            for column in 0..plan.columns {
                let at = column * symbol + offset;
                if count == 1 {
                    self.encoder.add(&rows[at..at + width])?;
                    continue;
                }
                let places = self.gathered.chunks_exact_mut(width);
                for (row, place) in rows.chunks_exact(length).zip(places) {
                    place.copy_from_slice(&row[at..at + width]);
                }
                self.encoder.add(&self.gathered)?;
            }
            self.encoder.encode(|position, symbols| {
                for (i, symbols) in symbols.iter().enumerate() {
                    let at = (position + i) * symbol + offset;
                    let rows = out.chunks_exact_mut(recovery_length);
                    for (row, symbol) in rows.zip(symbols.chunks_exact(width)) {
                        row[at..at + width].copy_from_slice(symbol);
                    }
                }
                Ok::<_, EncodeError>(())
            })?;
        }
        Ok(())
    }
}
