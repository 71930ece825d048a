//! Kernels: butterflies and products of rows, for a set of CPU features each.
//!
//! A block's 32 low bytes are one register, its 32 high bytes another; four matrices of 8 by 8 bits and sums multiply both.
//!
//! Kernels go through rows by pointers: who calls them vouches for the rows, and that the CPU has the features.
#![allow(unsafe_code)]

use super::super::{BLOCK, field::Matrix};

/// Most rows of a pass.
pub(super) const MOST_ROWS: usize = 8;

/// Groups of rows that a pass goes over: where they are, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Pass {
    /// First row of what is read.
    pub(super) source: *const u8,
    /// First row of what is written.
    pub(super) target: *mut u8,
    /// From one row of a group to the next.
    pub(super) stride: usize,
    /// From one group to the next.
    pub(super) step: usize,
    /// Number of groups.
    pub(super) groups: usize,
    /// Blocks of a row.
    pub(super) blocks: usize,
    /// A bit for each row of a group: of values that are not all zeros, or that are wanted.
    pub(super) used: u32,
    /// Whether what comes out is added to what is there.
    pub(super) adds: bool,
}

/// What is read of a group's rows: all of them.
pub(super) const ALL: u8 = 0;
/// Those that are used, for zeros in place of the others.
pub(super) const USED: u8 = 1;
/// The same, multiplied.
pub(super) const SCALED: u8 = 2;

/// Factors by the row of a group.
pub(super) type Factors = [Matrix; MOST_ROWS];

/// The kernels, for a set of CPU features with a sum of three.
macro_rules! kernels {
    ($name:ident, $features:literal, $sum:expr) => {
        pub(super) mod $name {
            use std::arch::x86_64::*;

            use super::{ALL, BLOCK, Factors, Matrix, Pass, SCALED};

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

            #[target_feature(enable = $features)]
            #[inline]
            fn zero() -> Elements {
                Elements {
                    low: _mm256_setzero_si256(),
                    high: _mm256_setzero_si256(),
                }
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
            fn widen_all<const ROWS: usize>(factors: &Factors) -> [Wide; ROWS] {
                let mut wide = [widen(&Matrix::default()); ROWS];
                for (wide, factor) in wide.iter_mut().zip(factors) {
                    *wide = widen(factor);
                }
                wide
            }

            /// # Safety
            /// The blocks of all groups of `ROWS` rows from the pass's pointers on are in memory.
            #[target_feature(enable = $features)]
            pub(in crate::reed_solomon::gfni) unsafe fn forward<const ROWS: usize>(
                pass: &Pass,
                factors: &Factors,
            ) {
                let factors = widen_all::<ROWS>(factors);
                for group in 0..pass.groups {
                    let start = group * pass.step;
                    for at in (start..start + pass.blocks * BLOCK).step_by(BLOCK) {
                        // SAFETY: the caller vouches for the rows.
                        unsafe {
                            let mut rows = [zero(); ROWS];
                            for row in 0..ROWS {
                                rows[row] = load(pass.source.add(row * pass.stride + at));
                            }
                            forward_layer::<ROWS, 4>(&mut rows, &factors);
                            forward_layer::<ROWS, 2>(&mut rows, &factors);
                            forward_layer::<ROWS, 1>(&mut rows, &factors);
                            for row in 0..ROWS {
                                if pass.used & (1 << row) != 0 {
                                    store(pass.target.add(row * pass.stride + at), rows[row]);
                                }
                            }
                        }
                    }
                }
            }

            /// # Safety
            /// As [`forward`].
            #[target_feature(enable = $features)]
            pub(in crate::reed_solomon::gfni) unsafe fn inverse<
                const ROWS: usize,
                const READ: u8,
            >(
                pass: &Pass,
                factors: &Factors,
                scales: &Factors,
            ) {
                let factors = widen_all::<ROWS>(factors);
                for group in 0..pass.groups {
                    let start = group * pass.step;
                    for at in (start..start + pass.blocks * BLOCK).step_by(BLOCK) {
                        // SAFETY: the caller vouches for the rows.
                        unsafe {
                            let mut rows = [zero(); ROWS];
                            for row in 0..ROWS {
                                if READ == ALL || pass.used & (1 << row) != 0 {
                                    let values = load(pass.source.add(row * pass.stride + at));
                                    rows[row] = match READ {
                                        SCALED => add_product(zero(), values, &widen(&scales[row])),
                                        _ => values,
                                    };
                                }
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
            }

            /// # Safety
            /// So many blocks from the target and from each row on are in memory.
            #[target_feature(enable = $features)]
            pub(in crate::reed_solomon::gfni) unsafe fn combine(
                base: *const u8,
                rows: &[usize],
                scaled: &[(usize, Matrix)],
                target: *mut u8,
                blocks: usize,
            ) {
                for at in (0..blocks * BLOCK).step_by(BLOCK) {
                    // SAFETY: the caller vouches for the rows.
                    unsafe {
                        let mut sum = zero();
                        for row in rows {
                            sum = add(sum, load(base.add(row + at)));
                        }
                        for (row, factor) in scaled {
                            sum = add_product(sum, load(base.add(row + at)), &widen(factor));
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
