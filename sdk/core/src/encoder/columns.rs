//! Column expansion: a block of columns at a time, or a strip of it, is expanded, hashed, folded into trees and handed on
//! (encoding spec 2.2 step 2, 3.3).

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::{
    codec::TileEncoder,
    encoder::{
        error::EncodeError,
        leaf_hashes::{LeafHashes, LeafStates, short_leaves},
        matrix::SourceColumns,
        plan::{Plan, Strip, Tiling},
        run::Run,
        sink::SliverSink,
    },
    hashing::{self, Digest, Folder},
    index::SliverIndex,
    sliver::SliverId,
    workspaces::Workspaces,
};

/// Symbols of at least this many bytes are handed on one by one to sinks that like small pieces.
const DIRECT_SYMBOL: usize = 512;

/// So few nodes are folded before another thread has started.
const FEW_NODES: usize = 4096;

/// Roots of all columns, and for each block of columns what is left there of each row's tree, row by row.
struct Nodes {
    columns: Vec<Digest>,
    rows: Vec<Digest>,
}

impl Nodes {
    /// Those of a block.
    fn rows_of(&mut self, plan: &Plan, block: usize) -> &mut [Digest] {
        let start = plan.n * plan.nodes_of(plan.block) * block;
        let length = plan.n * plan.nodes_of(plan.columns_of(block).len());
        &mut self.rows[start..start + length]
    }
}

/// The hashes of all slivers.
pub(crate) struct SliverHashes {
    /// Roots of the rows.
    pub(crate) primary: Vec<Digest>,
    /// Roots of the columns.
    pub(crate) secondary: Vec<Digest>,
}

/// Most bytes that an idle worker keeps in a buffer.
const MAX_IDLE_BUFFER: usize = 1 << 20;

/// Idle workers: for small blobs fresh memory would take longer than the work.
static IDLE: Workspaces<Worker> = Workspaces::new();

/// What a worker needs, block after block.
struct Worker {
    encoder: TileEncoder,
    leaves: LeafHashes,
    folder: Folder,
    /// Source symbols of a block that are not in memory.
    loaded: Vec<u8>,
    /// Strips of several symbols of a row, one after the other.
    gathered: Vec<u8>,
    /// Recovery rows of a block, if the sink does not take them at once.
    recovered: Vec<u8>,
    /// A secondary sliver.
    column: Vec<u8>,
}

/// Expands and hashes columns, some blocks at a time and of their symbols a strip.
pub(crate) struct ColumnPass<'a> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    short_leaves: Option<Vec<Digest>>,
    nodes: Mutex<Nodes>,
    /// Hashes of blocks of which some strips were seen.
    states: Vec<Mutex<LeafStates>>,
    zeros: Vec<u8>,
}

impl<'a> ColumnPass<'a> {
    /// Nothing is expanded yet.
    pub(crate) fn new(run: &'a Run<'a>, plan: &'a Plan) -> Self {
        Self {
            run,
            plan,
            short_leaves: short_leaves(run.threads, run.lanes, plan),
            nodes: Mutex::new(Nodes {
                columns: vec![[0; 32]; plan.n],
                rows: vec![[0; 32]; plan.n * plan.nodes_of(plan.n)],
            }),
            states: (0..plan.blocks()).map(|_| Mutex::default()).collect(),
            zeros: vec![0; plan.block * plan.symbol],
        }
    }

    /// Expands a strip of the columns of some blocks. The strips of a block must come in order.
    pub(crate) fn expand(
        &self,
        source: &SourceColumns<'_>,
        blocks: Range<usize>,
        strip: Strip,
    ) -> Result<(), EncodeError> {
        let state = || Worker::new(self.run, self.plan, strip);
        let work = |worker: &mut Worker, index: usize| {
            self.run.check()?;
            let mut loaded = std::mem::take(&mut worker.loaded);
            let done = self.expand_block(worker, source, blocks.start + index, strip, &mut loaded);
            worker.loaded = loaded;
            done
        };
        self.run
            .threads
            .for_each(blocks.len(), state, work, Worker::rest)
    }

    fn expand_block(
        &self,
        worker: &mut Worker,
        source: &SourceColumns<'_>,
        index: usize,
        strip: Strip,
        loaded: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let columns = self.plan.columns_of(index);
        let symbols = source.of_block(columns.clone(), strip, loaded, &self.zeros)?;
        let block = Block {
            run: self.run,
            plan: self.plan,
            columns,
            strip,
            symbols: &symbols,
            short_leaves: self.short_leaves.as_deref(),
        };
        block.emit_columns(&mut worker.column)?;
        block.emit_source_rows()?;
        if block.is_whole() && symbols.iter().all(|row| is_zero(row)) {
            block.emit_zero_rows(&self.zeros)?;
            worker.fold_zeros(&block, index, &self.nodes);
        } else {
            let states = self.states.get(index).filter(|_| !block.is_whole());
            let mut states = states.map(|s| s.lock().unwrap_or_else(PoisonError::into_inner));
            if let Some(states) = &mut states {
                worker.leaves.resume(std::mem::take(states));
            }
            worker.expand(&block)?;
            match states {
                Some(mut states) if !self.plan.is_end(strip) => *states = worker.leaves.suspend(),
                _ => worker.fold(&block, index, &self.nodes),
            }
        }
        self.run
            .advance(self.plan.codeword_bytes(block.columns.len(), strip));
        Ok(())
    }

    /// The hashes of all slivers, of which none gets any more pieces.
    pub(crate) fn finish(self) -> Result<SliverHashes, EncodeError> {
        let Self { run, plan, .. } = self;
        let source_rows = if plan.has_whole_rows() { plan.rows } else { 0 };
        for row in source_rows..plan.n {
            run.complete(SliverId::Primary(SliverIndex::at(row)))?;
        }
        let nodes = self.nodes.into_inner();
        let nodes = nodes.unwrap_or_else(PoisonError::into_inner);
        Ok(SliverHashes {
            primary: row_roots(run, plan, &nodes.rows),
            secondary: nodes.columns,
        })
    }
}

/// The roots of the rows from their nodes, block by block.
fn row_roots(run: &Run<'_>, plan: &Plan, nodes: &[Digest]) -> Vec<Digest> {
    let roots = |rows: Range<usize>| {
        // Trees side by side: node `i` of each row, then node `i + 1`.
        let mut level = Vec::with_capacity(rows.len() * plan.nodes_of(plan.n));
        for block in nodes.chunks(plan.n * plan.nodes_of(plan.block)) {
            let width = block.len() / plan.n;
            for i in 0..width {
                level.extend(rows.clone().map(|row| block[row * width + i]));
            }
        }
        let mut folder = Folder::default();
        folder.fold_down(run.lanes, &level, rows.len()).to_vec()
    };
    match nodes.len() {
        0..FEW_NODES => roots(0..plan.n),
        _ => run.threads.map_ranges(plan.n, roots).concat(),
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<64>();
    let zero = |chunk: &[u8]| chunk.iter().fold(0, |all, byte| all | byte) == 0;
    chunks.iter().all(|chunk| zero(chunk)) && zero(rest)
}

/// A strip of the symbols of some columns, row by row.
struct Block<'a> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    columns: Range<usize>,
    strip: Strip,
    symbols: &'a [&'a [u8]],
    short_leaves: Option<&'a [Digest]>,
}

impl Block<'_> {
    fn is_whole(&self) -> bool {
        self.strip == self.plan.whole()
    }

    /// Hands on the secondary slivers.
    fn emit_columns(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let Some(sink) = self.run.sink else {
            return Ok(());
        };
        let symbol = self.plan.symbol;
        if !self.is_whole() || sink.takes_small_pieces() && symbol >= DIRECT_SYMBOL {
            return self.emit_symbols();
        }
        buffer.resize(self.plan.rows * symbol, 0);
        for (i, column) in self.columns.clone().enumerate() {
            let places = buffer.chunks_exact_mut(symbol);
            for (row, place) in self.symbols.iter().zip(places) {
                place.copy_from_slice(&row[i * symbol..(i + 1) * symbol]);
            }
            let sliver = SliverId::Secondary(SliverIndex::at(column));
            self.run.emit(sliver, 0, buffer)?;
            self.run.complete(sliver)?;
        }
        Ok(())
    }

    /// Hands on the secondary slivers symbol by symbol.
    fn emit_symbols(&self) -> Result<(), EncodeError> {
        let Strip { offset, width } = self.strip;
        for (i, column) in self.columns.clone().enumerate() {
            let sliver = SliverId::Secondary(SliverIndex::at(column));
            for (row, symbols) in self.symbols.iter().enumerate() {
                let data = &symbols[i * width..(i + 1) * width];
                self.run
                    .emit(sliver, row * self.plan.symbol + offset, data)?;
            }
            if self.plan.is_end(self.strip) {
                self.run.complete(sliver)?;
            }
        }
        Ok(())
    }

    /// Hands on the part of the source rows in the block, unless that was done when they were expanded.
    fn emit_source_rows(&self) -> Result<(), EncodeError> {
        if self.run.sink.is_none() || self.plan.has_whole_rows() {
            return Ok(());
        }
        let Strip { offset, width } = self.strip;
        for (row, symbols) in self.symbols.iter().enumerate() {
            for (first, data) in pieces(symbols, width, self.plan.symbol).enumerate() {
                self.emit_row(row, first, offset, data)?;
            }
        }
        Ok(())
    }

    /// Hands on the part of the recovery rows in a block of zeros.
    fn emit_zero_rows(&self, zeros: &[u8]) -> Result<(), EncodeError> {
        for row in self.plan.rows..self.plan.n {
            let length = self.columns.len() * self.plan.symbol;
            self.emit_row(row, 0, 0, &zeros[..length])?;
        }
        Ok(())
    }

    /// Hands on symbols, or a strip of one from `offset` on, of a row: those from column `first` of the block on,
    /// as far as they belong to the sliver.
    fn emit_row(
        &self,
        row: usize,
        first: usize,
        offset: usize,
        data: &[u8],
    ) -> Result<(), EncodeError> {
        let start = (self.columns.start + first) * self.plan.symbol + offset;
        let length = self.plan.row_length().saturating_sub(start).min(data.len());
        if self.run.sink.is_none() || length == 0 {
            return Ok(());
        }
        let sliver = SliverId::Primary(SliverIndex::at(row));
        self.run.emit(sliver, start, &data[..length])
    }

    /// Whether recovery rows are collected before they are handed on.
    fn collects_rows(&self, tiling: Tiling) -> bool {
        let wants_large = |sink: &dyn SliverSink| !sink.takes_small_pieces();
        self.is_whole()
            && self.run.sink.is_some_and(wants_large)
            && tiling.count < self.columns.len().max(2)
    }
}

impl Worker {
    /// An idle worker, or a new one.
    fn new(run: &Run<'_>, plan: &Plan, strip: Strip) -> Result<Self, EncodeError> {
        let (originals, recoveries) = (plan.rows, plan.n - plan.rows);
        if let Some(idle) = IDLE.take(|idle| idle.encoder.is_for(originals, recoveries)) {
            let leaves = LeafHashes::new(run.lanes, plan, Some(idle.leaves));
            return Ok(Self { leaves, ..idle });
        }
        let tiling = plan.column_tiling(strip);
        Ok(Self {
            encoder: TileEncoder::new(originals, recoveries, tiling.count, tiling.width)?,
            leaves: LeafHashes::new(run.lanes, plan, None),
            folder: Folder::default(),
            loaded: Vec::new(),
            gathered: Vec::new(),
            recovered: Vec::new(),
            column: Vec::new(),
        })
    }

    /// Waits for the next blob.
    fn rest(mut self) {
        for buffer in [&mut self.loaded, &mut self.recovered, &mut self.column] {
            if buffer.capacity() > MAX_IDLE_BUFFER {
                *buffer = Vec::new();
            }
        }
        IDLE.give(self);
    }

    /// Expands and hashes the block; recovery rows go to the sink.
    fn expand(&mut self, block: &Block<'_>) -> Result<(), EncodeError> {
        let (plan, width) = (block.plan, block.columns.len());
        let tiling = plan.column_tiling(block.strip);
        let collect = block.collects_rows(tiling);
        if collect {
            let length = (plan.n - plan.rows) * width * plan.symbol;
            self.recovered.resize(length.max(self.recovered.len()), 0);
        }
        self.leaves.start(width);
        for first in (0..width).step_by(tiling.count) {
            let count = tiling.count.min(width - first);
            for part in tiling.strips(block.strip) {
                block.run.check()?;
                self.expand_tile(block, first..first + count, part, collect)?;
            }
        }
        if collect {
            let row_length = width * plan.symbol;
            let rows = self.recovered.chunks_exact(row_length);
            for (row, data) in (plan.rows..plan.n).zip(rows) {
                block.emit_row(row, 0, 0, data)?;
            }
        }
        Ok(())
    }

    /// One call of the code: part of the symbols of some columns of the block.
    fn expand_tile(
        &mut self,
        block: &Block<'_>,
        columns: Range<usize>,
        part: Strip,
        collect: bool,
    ) -> Result<(), EncodeError> {
        let (plan, count, symbol) = (block.plan, columns.len(), block.plan.symbol);
        self.encoder.reshape(count, part.width)?;
        self.leaves.tile(columns.clone(), part);
        self.add_tile(block, &columns, part)?;
        let Self {
            encoder,
            leaves,
            recovered,
            ..
        } = self;
        let row_length = block.columns.len() * symbol;
        encoder.encode(|position, rows| {
            leaves.absorb(block.short_leaves, plan.rows + position, rows);
            for (i, row) in rows.iter().enumerate() {
                let index = position + i;
                for (j, data) in pieces(row, part.width, symbol).enumerate() {
                    if collect {
                        let at = index * row_length + (columns.start + j) * symbol + part.offset;
                        recovered[at..at + data.len()].copy_from_slice(data);
                    } else {
                        let first = columns.start + j;
                        block.emit_row(plan.rows + index, first, part.offset, data)?;
                    }
                }
            }
            Ok(())
        })
    }

    /// Gives the source symbols of a tile to the code and to the hash.
    fn add_tile(
        &mut self,
        block: &Block<'_>,
        columns: &Range<usize>,
        part: Strip,
    ) -> Result<(), EncodeError> {
        let (count, stride) = (columns.len(), block.strip.width);
        let tile = count * part.width;
        self.gathered.resize(TileEncoder::GROUP * tile, 0);
        for (group, rows) in block.symbols.chunks(TileEncoder::GROUP).enumerate() {
            let mut slices: [&[u8]; TileEncoder::GROUP] = [&[]; TileEncoder::GROUP];
            let places = self.gathered.chunks_exact_mut(tile);
            for ((row, slice), place) in rows.iter().zip(&mut slices).zip(places) {
                let start = columns.start * stride + part.offset - block.strip.offset;
                *slice = if count == 1 || part.width == stride {
                    &row[start..start + tile]
                } else {
                    for (i, place) in place.chunks_exact_mut(part.width).enumerate() {
                        let start = start + i * stride;
                        place.copy_from_slice(&row[start..start + part.width]);
                    }
                    place
                };
            }
            // The hash first: it computes while symbols come from memory, the code would only wait for them.
            let (first, slices) = (group * TileEncoder::GROUP, &slices[..rows.len()]);
            self.leaves.absorb(block.short_leaves, first, slices);
            for slice in slices {
                self.encoder.add(slice)?;
            }
        }
        Ok(())
    }

    fn fold(&mut self, block: &Block<'_>, index: usize, nodes: &Mutex<Nodes>) {
        let (lanes, width, levels) = (block.run.lanes, block.columns.len(), block.plan.levels());
        let leaves = self.leaves.digests();
        let columns = self.folder.fold_down(lanes, leaves, width).to_vec();
        let rows = self.folder.fold_across(lanes, leaves, width, levels);
        let mut nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.columns[block.columns.clone()].copy_from_slice(&columns);
        nodes.rows_of(block.plan, index).copy_from_slice(rows);
    }

    /// As [`Self::fold`], for columns of zeros: all leaves are the same.
    fn fold_zeros(&mut self, block: &Block<'_>, index: usize, nodes: &Mutex<Nodes>) {
        let (plan, lanes, width) = (block.plan, block.run.lanes, block.columns.len());
        let leaf = hashing::leaf(&vec![0; plan.symbol]);
        let column = self.folder.fold_down(lanes, &vec![leaf; plan.n], 1)[0];
        let leaves = vec![leaf; width];
        let row = self
            .folder
            .fold_across(lanes, &leaves, width, plan.levels());
        let mut nodes = nodes.lock().unwrap_or_else(PoisonError::into_inner);
        nodes.columns[block.columns.clone()].fill(column);
        for place in nodes.rows_of(plan, index).chunks_exact_mut(row.len()) {
            place.copy_from_slice(row);
        }
    }
}

/// A row of a tile as pieces that are consecutive in the sliver: all of it if the symbols are whole.
fn pieces(row: &[u8], strip: usize, symbol: usize) -> std::slice::Chunks<'_, u8> {
    let length = if strip == symbol { row.len() } else { strip };
    row.chunks(length.max(1))
}
