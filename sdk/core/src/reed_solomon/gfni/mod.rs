//! GFNI engine: products as bit matrices, several layers of butterflies at a time in registers.
//!
//! A pass over the rows takes eight of them (four where there are 16 registers), does all butterflies among them and puts them back.
//! The layers within 64 rows are done one after the other before the next 64 rows are looked at.
//!
//! Besides the hash kernels the only module with `unsafe`: kernels go through rows by pointers, with all bounds checked once before,
//! and need CPU features, whose presence making the engine has checked.
#![allow(unsafe_code)]

mod kernels;

use self::kernels::{ALL, Factors, MOST_ROWS, Pass, SCALED, USED, avx2, avx512};
use super::{
    BLOCK,
    area::Area,
    engine::{CodeEngine, Engine, Transform},
    field::{self, Factor, Matrix},
};

/// Rows whose layers are done together.
const INNER_ROWS: usize = 64;

/// The engine: made only where the CPU has its features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gfni {
    kind: CodeEngine,
    /// The factors of butterflies, by position.
    butterflies: &'static [Matrix],
}

/// Rows that a transform works on: where they are, and how far apart.
#[derive(Clone, Copy)]
struct Rows {
    /// The first row.
    first: *mut u8,
    /// Bytes from one to the next.
    pitch: usize,
}

impl Rows {
    /// Some rows further.
    ///
    /// # Safety
    /// It must be in the same area.
    unsafe fn at(self, row: usize) -> *mut u8 {
        // SAFETY: as the caller has to see to.
        unsafe { self.first.add(row * self.pitch) }
    }
}

/// Layers of a transform: of a group of `rows` parts of `apart` rows each.
#[derive(Clone, Copy)]
struct Layers {
    apart: usize,
    rows: usize,
}

/// A transform of an area, of some blocks of its rows.
#[derive(Clone, Copy)]
struct Job {
    source: Rows,
    target: Rows,
    /// Rows that count.
    used: usize,
    /// Of the first row.
    position: usize,
    /// Blocks of a row.
    blocks: usize,
    adds: bool,
}

impl Gfni {
    /// The engine of this kind for codewords of so many positions; `None` if it is none of these, or not for this CPU.
    pub(crate) fn new(kind: CodeEngine, positions: usize) -> Option<Self> {
        let is_one = kind != CodeEngine::Library && kind.is_available();
        is_one.then(|| Self {
            kind,
            butterflies: field::butterflies(positions),
        })
    }

    /// Which one it is.
    pub(crate) fn kind(&self) -> CodeEngine {
        self.kind
    }

    /// Most layers of a pass.
    fn most_layers(&self) -> u32 {
        match self.kind {
            CodeEngine::GfniAvx512 => MOST_ROWS.ilog2(),
            _ => MOST_ROWS.ilog2() - 1,
        }
    }

    /// The passes of a transform that goes from groups of `least` rows to one of `size`, or back: those of fewer layers are those of the
    /// largest groups.
    fn passes(&self, least: usize, size: usize) -> impl DoubleEndedIterator<Item = Layers> + use<> {
        let (most, layers) = (self.most_layers(), (size / least).ilog2());
        (0..layers).step_by(most as usize).map(move |done| Layers {
            apart: least << done,
            rows: 1 << most.min(layers - done),
        })
    }

    /// The factors of the butterflies of rows whose first one is at `position`, `distance` apart: that between row `a` and
    /// `a + half` of them, `a` being the first of `2 * half` rows, is factor `a + half`.
    fn factors(&self, position: usize, layers: Layers) -> Factors {
        let mut factors = [Matrix::default(); MOST_ROWS];
        for (index, factor) in factors.iter_mut().enumerate().take(layers.rows).skip(1) {
            *factor = self.butterflies[position + index * layers.apart - 1];
        }
        factors
    }

    /// One pass over the group from row `group` on.
    ///
    /// # Safety
    /// All rows of the job are in memory of one area; source and target rows are the same or apart.
    unsafe fn forward_pass(self, job: Job, group: usize, layers: Layers) {
        let factors = self.factors(job.position + group, layers);
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            let pass = job.pass(group, layers);
            match (self.kind, layers.rows) {
                (CodeEngine::GfniAvx512, 8) => avx512::forward::<8>(&pass, &factors),
                (CodeEngine::GfniAvx512, 4) => avx512::forward::<4>(&pass, &factors),
                (CodeEngine::GfniAvx512, _) => avx512::forward::<2>(&pass, &factors),
                (_, 4) => avx2::forward::<4>(&pass, &factors),
                (_, _) => avx2::forward::<2>(&pass, &factors),
            }
        }
    }

    /// One pass over the group from row `group` on; rows are multiplied first if there are `scales`.
    ///
    /// # Safety
    /// As [`Self::forward_pass`].
    unsafe fn inverse_pass(
        self,
        job: Job,
        group: usize,
        layers: Layers,
        scales: Option<&(u32, Factors)>,
    ) {
        let factors = self.factors(job.position + group, layers);
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            let mut pass = job.pass(group, layers);
            match scales {
                Some((used, scales)) => {
                    pass.used = *used;
                    self.inverse_rows::<SCALED>(&pass, layers.rows, &factors, scales);
                }
                None if pass.used.count_ones() as usize == layers.rows => {
                    self.inverse_rows::<ALL>(&pass, layers.rows, &factors, &factors);
                }
                None => self.inverse_rows::<USED>(&pass, layers.rows, &factors, &factors),
            }
        }
    }

    /// # Safety
    /// As [`Self::forward_pass`].
    unsafe fn inverse_rows<const READ: u8>(
        self,
        pass: &Pass,
        rows: usize,
        factors: &Factors,
        scales: &Factors,
    ) {
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            match (self.kind, rows) {
                (CodeEngine::GfniAvx512, 8) => avx512::inverse::<8, READ>(pass, factors, scales),
                (CodeEngine::GfniAvx512, 4) => avx512::inverse::<4, READ>(pass, factors, scales),
                (CodeEngine::GfniAvx512, _) => avx512::inverse::<2, READ>(pass, factors, scales),
                (_, 4) => avx2::inverse::<4, READ>(pass, factors, scales),
                (_, _) => avx2::inverse::<2, READ>(pass, factors, scales),
            }
        }
    }

    /// A row becomes the sum of rows and of multiples of others, all so many bytes behind `base`.
    ///
    /// # Safety
    /// So many blocks from the target and from each row on are in memory.
    unsafe fn combine_row(
        self,
        base: *const u8,
        sum: &[usize],
        scaled: &[(usize, Matrix)],
        target: *mut u8,
        blocks: usize,
    ) {
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            match self.kind {
                CodeEngine::GfniAvx512 => avx512::combine(base, sum, scaled, target, blocks),
                _ => avx2::combine(base, sum, scaled, target, blocks),
            }
        }
    }

    /// Coefficients from values, in the source until the last pass; values are multiplied first if there are `scales`.
    ///
    /// # Safety
    /// As [`Self::forward_pass`].
    unsafe fn inverse_job(self, job: Job, size: usize, scales: Option<&[Option<Factor>]>) {
        let inner = size.min(INNER_ROWS);
        for first in (0..job.used).step_by(inner) {
            let end = job.used.min(first + inner);
            for layers in self.passes(1, inner) {
                let job = job.in_pass(layers, size);
                let scales = scales.filter(|_| layers.apart == 1);
                for group in (first..end).step_by(layers.end()) {
                    let scales = scales.map(|scales| scales_of(scales, group, layers.rows));
                    // SAFETY: as the caller has to see to.
                    unsafe { self.inverse_pass(job, group, layers, scales.as_ref()) };
                }
            }
        }
        for layers in self.passes(inner, size) {
            let job = job.in_pass(layers, size);
            for group in (0..job.used).step_by(layers.end()) {
                // SAFETY: as the caller has to see to.
                unsafe { self.inverse_pass(job, group, layers, None) };
            }
        }
    }
}

impl Layers {
    /// Rows of the group.
    fn end(self) -> usize {
        self.apart * self.rows
    }
}

impl Job {
    fn pass(&self, group: usize, layers: Layers) -> Pass {
        let Layers { apart, rows } = layers;
        // SAFETY: rows of a group are in the area.
        let (source, target) = unsafe { (self.source.at(group), self.target.at(group)) };
        let wanted = self.used.saturating_sub(group).div_ceil(apart).min(rows);
        Pass {
            source,
            target,
            stride: apart * self.source.pitch,
            step: self.source.pitch,
            groups: apart,
            blocks: self.blocks,
            used: (1 << wanted) - 1,
            adds: self.adds,
        }
    }

    /// The job of a pass of an inverse transform of `size` rows: only the last one writes to the target.
    fn in_pass(self, layers: Layers, size: usize) -> Self {
        if layers.end() == size {
            return self;
        }
        Self {
            target: self.source,
            adds: false,
            ..self
        }
    }
}

/// The factors of rows from `first` on, with a bit for each that has one.
fn scales_of(scales: &[Option<Factor>], first: usize, rows: usize) -> (u32, Factors) {
    let (mut used, mut factors) = (0, [Matrix::default(); MOST_ROWS]);
    let here = scales.iter().skip(first).take(rows);
    for ((bit, scale), factor) in here.enumerate().zip(&mut factors) {
        if let Some(scale) = scale {
            used |= 1 << bit;
            *factor = scale.matrix;
        }
    }
    (used, factors)
}

/// The area as kernels see it, with all rows of the ranges in it.
///
/// # Panics
/// If a range of `size` rows from one of `starts` on is not in the area.
fn base(area: &mut Area, starts: &[usize], size: usize) -> Rows {
    let rows = area.rows();
    assert!(starts.iter().all(|start| start + size <= rows));
    let pitch = area.pitch() * BLOCK;
    let first = area.blocks_mut().as_mut_ptr().cast();
    Rows { first, pitch }
}

/// The transform as a job, with all its rows in the area.
///
/// # Panics
/// If they are not, or if source and target overlap.
fn job(area: &mut Area, transform: Transform) -> Job {
    let Transform {
        source,
        target,
        size,
        used,
        position,
    } = transform;
    assert!(source == target || source.abs_diff(target) >= size);
    assert!(used <= size && size.is_power_of_two());
    let blocks = area.length();
    let base = base(area, &[source, target], size);
    // SAFETY: both are in the area.
    let at = |row| Rows {
        first: unsafe { base.at(row) },
        pitch: base.pitch,
    };
    Job {
        source: at(source),
        target: at(target),
        used,
        position,
        blocks,
        adds: false,
    }
}

impl Engine for Gfni {
    fn pitch(&self, length: usize) -> usize {
        // An odd number of cache lines, so that rows a power of two apart do not compete for a place in the cache.
        length | 1
    }

    fn forward(&self, area: &mut Area, transform: Transform) {
        let (job, size) = (job(area, transform), transform.size);
        // SAFETY: the job's rows are in the area.
        unsafe {
            if size == 1 && transform.source != transform.target {
                let bytes = job.blocks * BLOCK;
                job.source.at(0).copy_to(job.target.at(0), bytes);
            }
            let inner = size.min(INNER_ROWS);
            let mut outer = job;
            for layers in self.passes(inner, size).rev() {
                for group in (0..job.used).step_by(layers.end()) {
                    self.forward_pass(outer, group, layers);
                }
                outer.source = job.target;
            }
            for first in (0..job.used).step_by(inner) {
                let (mut part, end) = (outer, job.used.min(first + inner));
                for layers in self.passes(1, inner).rev() {
                    for group in (first..end).step_by(layers.end()) {
                        self.forward_pass(part, group, layers);
                    }
                    part.source = job.target;
                }
            }
        }
    }

    fn inverse(&self, area: &mut Area, transform: Transform) {
        let (mut job, size) = (job(area, transform), transform.size);
        job.adds = transform.source != transform.target;
        // SAFETY: the job's rows are in the area.
        unsafe {
            if size == 1 && job.adds {
                let rows = [transform.source, transform.target].map(|row| row * job.source.pitch);
                let base = base(area, &[], 0).at(0);
                return self.combine_row(base, &rows, &[], job.target.at(0), job.blocks);
            }
            self.inverse_job(job, size, None);
        }
    }

    fn interpolate(&self, area: &mut Area, first: usize, size: usize, scales: &[Option<Factor>]) {
        let Some(last) = scales.iter().rposition(Option::is_some) else {
            return area.clear(first..first + size);
        };
        if let (1, Some(Some(factor))) = (size, scales.first()) {
            return self.scale(area, first, factor);
        }
        let transform = Transform {
            source: first,
            target: first,
            size,
            used: last + 1,
            position: first,
        };
        let job = job(area, transform);
        // SAFETY: the job's rows are in the area.
        unsafe { self.inverse_job(job, size, Some(scales)) }
    }

    fn scale(&self, area: &mut Area, row: usize, factor: &Factor) {
        let blocks = area.length();
        let row: *mut u8 = area.row_mut(row).as_mut_ptr().cast();
        // SAFETY: they are the blocks of a row.
        unsafe { self.combine_row(row, &[], &[(0, factor.matrix)], row, blocks) }
    }

    fn add_multiple(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        size: usize,
        factor: &Factor,
    ) {
        assert!(source.abs_diff(target) >= size);
        let rows = base(area, &[source, target], size);
        let (source, target) = (source * rows.pitch, target * rows.pitch);
        let scaled = [(source, factor.matrix)];
        // SAFETY: both ranges of rows, with what is between the rows, are in the area.
        unsafe {
            let (base, blocks) = (rows.at(0), size * rows.pitch / BLOCK);
            self.combine_row(base, &[target], &scaled, base.add(target), blocks);
        }
    }

    fn combine(
        &self,
        area: &mut Area,
        own: Option<usize>,
        others: &[(usize, Factor)],
        target: usize,
        size: usize,
    ) {
        let sources: Vec<_> = others.iter().map(|(first, _)| *first).chain(own).collect();
        assert!(sources.iter().all(|first| first.abs_diff(target) >= size));
        let blocks = area.length();
        let rows = base(area, &[&[target], &sources[..]].concat(), size);
        let is_one = |factor: &Factor| factor.log == 0;
        let offset = |first: usize| first * rows.pitch;
        let plain = others.iter().filter(|(_, factor)| is_one(factor));
        let plain: Vec<_> = plain.map(|(first, _)| offset(*first)).collect();
        let scaled = others.iter().filter(|(_, factor)| !is_one(factor));
        let scaled = scaled.map(|(first, factor)| (offset(*first), factor.matrix));
        let scaled: Vec<_> = scaled.collect();
        let mut sum = Vec::new();
        for row in 0..size {
            sum.clone_from(&plain);
            if let Some(own) = own {
                // The coefficient of a product of subspace polynomials, and those of the products with one factor more.
                sum.push(offset(own));
                let more = (0..size.ilog2()).map(|bit| 1 << bit);
                sum.extend(
                    more.filter(|bit| row & bit == 0)
                        .map(|bit| offset(own + bit)),
                );
            }
            // SAFETY: `row` rows behind those of the sources and the target are rows of the area.
            unsafe {
                let (base, target) = (rows.at(row), rows.at(target + row));
                self.combine_row(base, &sum, &scaled, target, blocks);
            }
        }
    }
}
