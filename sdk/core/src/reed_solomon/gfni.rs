//! GFNI engine: products as bit matrices, several layers of butterflies at a time in registers.
//!
//! A block's 32 low bytes are one register, its 32 high bytes another; four matrices of 8 by 8 bits and sums multiply both. A pass
//! over the rows takes eight of them (four where there are 16 registers), does all butterflies among them and puts them back, so
//! that rows come from the level-2 cache once for three layers.
//!
//! Besides the hash kernels the only module with `unsafe`: kernels go through rows by pointers, with all bounds checked once before,
//! and need CPU features, whose presence making the engine has checked.
#![allow(unsafe_code)]

use super::{
    BLOCK,
    area::Area,
    engine::{CodeEngine, Engine, Transform},
    field::{self, Factor, Matrix},
};

/// Most rows of a pass.
const MOST_ROWS: usize = 8;

/// The engine: made only where the CPU has its features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gfni {
    kind: CodeEngine,
    /// The factors of butterflies, by position.
    butterflies: &'static [Matrix],
}

/// Rows that a pass goes over: where they are, in bytes.
#[derive(Clone, Copy)]
struct Pass {
    /// First row of what is read.
    source: *const u8,
    /// First row of what is written.
    target: *mut u8,
    /// From one row of a group to the next.
    stride: usize,
    /// Blocks of a row.
    blocks: usize,
    /// Whether what comes out is added to what is there.
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

    /// Rows of a pass over groups of `left` rows.
    fn rows(&self, left: usize) -> usize {
        match self.kind {
            CodeEngine::GfniAvx512 => left.min(MOST_ROWS),
            _ => left.min(MOST_ROWS / 2),
        }
    }

    /// The factors of the butterflies of rows whose first one is at `position`, `distance` apart: that between row `a` and
    /// `a + half` of them, `a` being the first of `2 * half` rows, is factor `a + half`.
    fn factors(&self, position: usize, distance: usize, rows: usize) -> [Matrix; MOST_ROWS] {
        let mut factors = [Matrix::default(); MOST_ROWS];
        for (index, factor) in factors.iter_mut().enumerate().take(rows).skip(1) {
            *factor = self.butterflies[position + index * distance - 1];
        }
        factors
    }

    /// Butterflies of coefficients to values among `rows` rows.
    ///
    /// # Safety
    /// All rows of the pass are in memory of one area; source and target rows are the same or apart.
    unsafe fn forward_rows(self, pass: Pass, rows: usize, factors: &[Matrix; MOST_ROWS]) {
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            match (self.kind, rows) {
                (CodeEngine::GfniAvx512, 8) => avx512::forward::<8>(pass, factors),
                (CodeEngine::GfniAvx512, 4) => avx512::forward::<4>(pass, factors),
                (CodeEngine::GfniAvx512, _) => avx512::forward::<2>(pass, factors),
                (_, 4) => avx2::forward::<4>(pass, factors),
                (_, _) => avx2::forward::<2>(pass, factors),
            }
        }
    }

    /// Butterflies of values to coefficients among `rows` rows.
    ///
    /// # Safety
    /// As [`Self::forward_rows`].
    unsafe fn inverse_rows(self, pass: Pass, rows: usize, factors: &[Matrix; MOST_ROWS]) {
        // SAFETY: making the engine checked the features; the caller vouches for the rows.
        unsafe {
            match (self.kind, rows) {
                (CodeEngine::GfniAvx512, 8) => avx512::inverse::<8>(pass, factors),
                (CodeEngine::GfniAvx512, 4) => avx512::inverse::<4>(pass, factors),
                (CodeEngine::GfniAvx512, _) => avx512::inverse::<2>(pass, factors),
                (_, 4) => avx2::inverse::<4>(pass, factors),
                (_, _) => avx2::inverse::<2>(pass, factors),
            }
        }
    }

    /// `target += factor * source`, or `target = factor * source`.
    ///
    /// # Safety
    /// So many blocks from both pointers on are in memory; they are the same or apart.
    unsafe fn multiply(
        self,
        source: *const u8,
        target: *mut u8,
        blocks: usize,
        factor: &Factor,
        adds: bool,
    ) {
        // SAFETY: making the engine checked the features; the caller vouches for the blocks.
        unsafe {
            match self.kind {
                CodeEngine::GfniAvx512 => {
                    avx512::multiply(source, target, blocks, &factor.matrix, adds);
                }
                _ => avx2::multiply(source, target, blocks, &factor.matrix, adds),
            }
        }
    }
}

/// The area as kernels see it, with all rows of the ranges in it.
///
/// # Panics
/// If a range of `size` rows from one of `starts` on is not in the area.
fn base(area: &mut Area, starts: &[usize], size: usize) -> *mut u8 {
    let rows = area.rows();
    assert!(starts.iter().all(|start| start + size <= rows));
    area.blocks_mut().as_mut_ptr().cast()
}

/// Whether ranges of `size` rows are the same or have no row in common.
fn are_apart(source: usize, target: usize, size: usize) -> bool {
    source == target || source.abs_diff(target) >= size
}

impl Engine for Gfni {
    fn forward(&self, area: &mut Area, transform: Transform) {
        let Transform {
            source,
            target,
            size,
            used,
            position,
        } = transform;
        assert!(are_apart(source, target, size) && used <= size);
        let (pitch, blocks) = (area.pitch() * BLOCK, area.length());
        let base = base(area, &[source, target], size);
        let at = |row: usize| row * pitch;
        if size == 1 && source != target {
            // SAFETY: both rows are in the area, and apart.
            unsafe {
                base.add(at(source))
                    .copy_to(base.add(at(target)), blocks * BLOCK)
            };
        }
        let (mut from, mut distance) = (source, size);
        while distance > 1 {
            // What is left over of passes of equal size comes first.
            let layers = distance.ilog2();
            let most = self.rows(distance).ilog2();
            let rows = 1
                << if layers.is_multiple_of(most) {
                    most
                } else {
                    layers % most
                };
            let apart = distance / rows;
            for group in (0..used).step_by(distance) {
                let factors = self.factors(position + group, apart, rows);
                for row in group..group + apart {
                    // SAFETY: rows up to `size` of both ranges are in the area.
                    unsafe {
                        let pass = Pass {
                            source: base.add(at(from + row)),
                            target: base.add(at(target + row)),
                            stride: at(apart),
                            blocks,
                            adds: false,
                        };
                        self.forward_rows(pass, rows, &factors);
                    }
                }
            }
            (from, distance) = (target, apart);
        }
    }

    fn inverse(&self, area: &mut Area, transform: Transform) {
        let Transform {
            source,
            target,
            size,
            used,
            position,
        } = transform;
        assert!(are_apart(source, target, size) && used <= size);
        let (pitch, blocks) = (area.pitch() * BLOCK, area.length());
        let base = base(area, &[source, target], size);
        let at = |row: usize| row * pitch;
        if size == 1 && source != target {
            let one = Factor::new(0);
            // SAFETY: both rows are in the area, and apart.
            unsafe {
                self.multiply(
                    base.add(at(source)),
                    base.add(at(target)),
                    blocks,
                    &one,
                    true,
                );
            }
        }
        let mut distance = 1;
        while distance < size {
            let rows = self.rows(size / distance);
            let is_last = distance * rows == size;
            let to = if is_last { target } else { source };
            for group in (0..used).step_by(distance * rows) {
                let factors = self.factors(position + group, distance, rows);
                for row in group..group + distance {
                    // SAFETY: rows up to `size` of both ranges are in the area.
                    unsafe {
                        let pass = Pass {
                            source: base.add(at(source + row)),
                            target: base.add(at(to + row)),
                            stride: at(distance),
                            blocks,
                            adds: to != source,
                        };
                        self.inverse_rows(pass, rows, &factors);
                    }
                }
            }
            distance *= rows;
        }
    }

    fn scale(&self, area: &mut Area, row: usize, factor: &Factor) {
        let blocks = area.length();
        let row: *mut u8 = area.row_mut(row).as_mut_ptr().cast();
        // SAFETY: they are the blocks of a row.
        unsafe { self.multiply(row, row, blocks, factor, false) }
    }

    fn add_scaled(
        &self,
        area: &mut Area,
        source: usize,
        target: usize,
        rows: usize,
        factor: &Factor,
    ) {
        assert!(are_apart(source, target, rows));
        let pitch = area.pitch();
        let base = base(area, &[source, target], rows);
        let at = |row: usize| row * pitch * BLOCK;
        // SAFETY: the rows of both ranges are in the area.
        unsafe {
            let (source, target) = (base.add(at(source)), base.add(at(target)));
            self.multiply(source, target, rows * pitch, factor, true);
        }
    }

    fn with_derivative(&self, area: &mut Area, source: usize, target: usize, size: usize) {
        assert!(source != target && are_apart(source, target, size));
        let (pitch, blocks) = (area.pitch() * BLOCK, area.length());
        let base = base(area, &[source, target], size);
        let mut offsets = [0; 17];
        for row in 0..size {
            // The coefficient of a product of subspace polynomials, and those of the products with one factor more.
            let more = (0..16).map(|bit| row | 1 << bit);
            let more = more.filter(|&other| other != row && other < size);
            let mut count = 0;
            for (offset, other) in offsets.iter_mut().zip([row].into_iter().chain(more)) {
                *offset = (source + other) * pitch;
                count += 1;
            }
            // SAFETY: the rows of both ranges are in the area.
            unsafe {
                let target = base.add((target + row) * pitch);
                match self.kind {
                    CodeEngine::GfniAvx512 => avx512::sum(base, &offsets[..count], target, blocks),
                    _ => avx2::sum(base, &offsets[..count], target, blocks),
                }
            }
        }
    }
}

/// The kernels, for a set of CPU features with a sum of three.
macro_rules! kernels {
    ($name:ident, $features:literal, $sum:expr) => {
        mod $name {
            use std::arch::x86_64::*;

            use super::{BLOCK, MOST_ROWS, Matrix, Pass};

            /// The low and the high bytes of 32 elements.
            #[derive(Clone, Copy)]
            struct Elements {
                low: __m256i,
                high: __m256i,
            }

            /// A factor, in every lane.
            #[derive(Clone, Copy)]
            struct Wide {
                low_low: __m256i,
                high_low: __m256i,
                low_high: __m256i,
                high_high: __m256i,
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn widen(matrix: &Matrix) -> Wide {
                Wide {
                    low_low: _mm256_set1_epi64x(matrix.low_low.cast_signed()),
                    high_low: _mm256_set1_epi64x(matrix.high_low.cast_signed()),
                    low_high: _mm256_set1_epi64x(matrix.low_high.cast_signed()),
                    high_high: _mm256_set1_epi64x(matrix.high_high.cast_signed()),
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn xor(a: __m256i, b: __m256i) -> __m256i {
                _mm256_xor_si256(a, b)
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn xor3(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
                $sum(a, b, c)
            }

            /// # Safety
            /// A block at the pointer is readable.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn load(block: *const u8) -> Elements {
                // SAFETY: both halves are in the block; the loads need no alignment.
                unsafe {
                    Elements {
                        low: _mm256_loadu_si256(block.cast()),
                        high: _mm256_loadu_si256(block.add(BLOCK / 2).cast()),
                    }
                }
            }

            /// # Safety
            /// A block at the pointer is writable.
            #[target_feature(enable = $features)]
            #[inline]
            unsafe fn store(block: *mut u8, elements: Elements) {
                // SAFETY: both halves are in the block; the stores need no alignment.
                unsafe {
                    _mm256_storeu_si256(block.cast(), elements.low);
                    _mm256_storeu_si256(block.add(BLOCK / 2).cast(), elements.high);
                }
            }

            #[target_feature(enable = $features)]
            #[inline]
            fn add(a: Elements, b: Elements) -> Elements {
                Elements {
                    low: xor(a.low, b.low),
                    high: xor(a.high, b.high),
                }
            }

            /// `a + factor * b`
            #[target_feature(enable = $features)]
            #[inline]
            fn add_product(a: Elements, b: Elements, factor: &Wide) -> Elements {
                let low_low = _mm256_gf2p8affine_epi64_epi8::<0>(b.low, factor.low_low);
                let high_low = _mm256_gf2p8affine_epi64_epi8::<0>(b.high, factor.high_low);
                let low_high = _mm256_gf2p8affine_epi64_epi8::<0>(b.low, factor.low_high);
                let high_high = _mm256_gf2p8affine_epi64_epi8::<0>(b.high, factor.high_high);
                Elements {
                    low: xor3(a.low, low_low, high_low),
                    high: xor3(a.high, low_high, high_high),
                }
            }

            /// The butterflies of coefficients to values between rows `HALF` apart.
            #[target_feature(enable = $features)]
            #[inline]
            fn forward_layer<const ROWS: usize, const HALF: usize>(
                rows: &mut [Elements; ROWS],
                factors: &[Wide; ROWS],
            ) {
                for a in 0..ROWS {
                    if a & HALF == 0 && a + HALF < ROWS {
                        let factor = &factors[(a & !(2 * HALF - 1)) + HALF];
                        rows[a] = add_product(rows[a], rows[a + HALF], factor);
                        rows[a + HALF] = add(rows[a + HALF], rows[a]);
                    }
                }
            }

            /// The butterflies of values to coefficients between rows `HALF` apart.
            #[target_feature(enable = $features)]
            #[inline]
            fn inverse_layer<const ROWS: usize, const HALF: usize>(
                rows: &mut [Elements; ROWS],
                factors: &[Wide; ROWS],
            ) {
                for a in 0..ROWS {
                    if a & HALF == 0 && a + HALF < ROWS {
                        let factor = &factors[(a & !(2 * HALF - 1)) + HALF];
                        rows[a + HALF] = add(rows[a + HALF], rows[a]);
                        rows[a] = add_product(rows[a], rows[a + HALF], factor);
                    }
                }
            }

            /// The first `ROWS` factors in every lane.
            #[target_feature(enable = $features)]
            #[inline]
            fn widen_all<const ROWS: usize>(factors: &[Matrix; MOST_ROWS]) -> [Wide; ROWS] {
                let mut wide = [widen(&Matrix::default()); ROWS];
                for (wide, factor) in wide.iter_mut().zip(factors) {
                    *wide = widen(factor);
                }
                wide
            }

            /// # Safety
            /// So many blocks of `ROWS` rows from the pass's pointers on are in memory.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn forward<const ROWS: usize>(
                pass: Pass,
                factors: &[Matrix; MOST_ROWS],
            ) {
                let factors = widen_all::<ROWS>(factors);
                for at in (0..pass.blocks * BLOCK).step_by(BLOCK) {
                    // SAFETY: the caller vouches for the rows.
                    unsafe {
                        let mut rows = [load(pass.source.add(at)); ROWS];
                        for row in 1..ROWS {
                            rows[row] = load(pass.source.add(row * pass.stride + at));
                        }
                        forward_layer::<ROWS, 4>(&mut rows, &factors);
                        forward_layer::<ROWS, 2>(&mut rows, &factors);
                        forward_layer::<ROWS, 1>(&mut rows, &factors);
                        for row in 0..ROWS {
                            store(pass.target.add(row * pass.stride + at), rows[row]);
                        }
                    }
                }
            }

            /// # Safety
            /// As [`forward`].
            #[target_feature(enable = $features)]
            pub(super) unsafe fn inverse<const ROWS: usize>(
                pass: Pass,
                factors: &[Matrix; MOST_ROWS],
            ) {
                let factors = widen_all::<ROWS>(factors);
                for at in (0..pass.blocks * BLOCK).step_by(BLOCK) {
                    // SAFETY: the caller vouches for the rows.
                    unsafe {
                        let mut rows = [load(pass.source.add(at)); ROWS];
                        for row in 1..ROWS {
                            rows[row] = load(pass.source.add(row * pass.stride + at));
                        }
                        inverse_layer::<ROWS, 1>(&mut rows, &factors);
                        inverse_layer::<ROWS, 2>(&mut rows, &factors);
                        inverse_layer::<ROWS, 4>(&mut rows, &factors);
                        for row in 0..ROWS {
                            let target = pass.target.add(row * pass.stride + at);
                            let sum = match pass.adds {
                                true => add(rows[row], load(target)),
                                false => rows[row],
                            };
                            store(target, sum);
                        }
                    }
                }
            }

            /// # Safety
            /// So many blocks from both pointers on are in memory.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn multiply(
                source: *const u8,
                target: *mut u8,
                blocks: usize,
                factor: &Matrix,
                adds: bool,
            ) {
                let factor = widen(factor);
                let zero = _mm256_setzero_si256();
                let zero = Elements {
                    low: zero,
                    high: zero,
                };
                for at in (0..blocks * BLOCK).step_by(BLOCK) {
                    // SAFETY: the caller vouches for the blocks.
                    unsafe {
                        let target = target.add(at);
                        let summand = if adds { load(target) } else { zero };
                        store(target, add_product(summand, load(source.add(at)), &factor));
                    }
                }
            }

            /// The sum of rows that are so many bytes behind `base`.
            ///
            /// # Safety
            /// So many blocks from the target and from each row on are in memory.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn sum(
                base: *const u8,
                rows: &[usize],
                target: *mut u8,
                blocks: usize,
            ) {
                let Some((first, rest)) = rows.split_first() else {
                    return;
                };
                for at in (0..blocks * BLOCK).step_by(BLOCK) {
                    // SAFETY: the caller vouches for the rows.
                    unsafe {
                        let mut sum = load(base.add(first + at));
                        for row in rest {
                            sum = add(sum, load(base.add(row + at)));
                        }
                        store(target.add(at), sum);
                    }
                }
            }
        }
    };
}

kernels!(
    avx512,
    "gfni,avx512f,avx512vl",
    _mm256_ternarylogic_epi64::<0x96>
);
kernels!(avx2, "gfni,avx2", |a, b, c| xor(xor(a, b), c));
