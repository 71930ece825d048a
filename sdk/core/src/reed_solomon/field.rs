//! Field arithmetic: GF(2^16) in the Cantor basis, with products by constants as bit matrices.
//!
//! The elements are numbered so that `0..2^k` are a subspace for each `k`, and multiplication by a constant is linear over the
//! bits: a matrix of 16 by 16 bits, four of 8 by 8 for the low and the high byte of what goes in and of what comes out.

#[cfg(target_arch = "x86_64")]
use std::sync::OnceLock;

use reed_solomon_simd::engine::tables;

use super::{FIELD, MODULUS};

/// The matrix of a product by a constant, as `vgf2p8affineqb` takes it: of each the byte for output bit `i` is byte `7 - i`, its
/// bits are the input bits that it sums up.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub(crate) struct Matrix {
    /// Low byte in, low byte out.
    pub(crate) low_low: u64,
    /// High byte in, low byte out.
    pub(crate) high_low: u64,
    /// Low byte in, high byte out.
    pub(crate) low_high: u64,
    /// High byte in, high byte out.
    pub(crate) high_high: u64,
}

#[cfg(target_arch = "x86_64")]
impl Matrix {
    /// Of the product by the element with this logarithm; [`MODULUS`] is that of zero.
    fn new(log: u16) -> Self {
        if log == MODULUS {
            return Self::default();
        }
        let tables = tables::get_exp_log();
        let mut low = [[0; 8]; 2];
        let mut high = [[0; 8]; 2];
        for bit in 0..16 {
            let product = tables::mul(1 << bit, log, &tables.exp, &tables.log);
            let [low_byte, high_byte] = product.to_le_bytes();
            low[bit / 8][bit % 8] = low_byte;
            high[bit / 8][bit % 8] = high_byte;
        }
        Self {
            low_low: transposed(low[0]),
            high_low: transposed(low[1]),
            low_high: transposed(high[0]),
            high_high: transposed(high[1]),
        }
    }
}

/// The rows of the matrix whose columns these are, the last one in the lowest byte.
#[cfg(target_arch = "x86_64")]
fn transposed(columns: [u8; 8]) -> u64 {
    let mut bits = u64::from_le_bytes(columns);
    // Exchanges single bits, blocks of two by two and blocks of four by four across the diagonal.
    for (shift, mask) in [
        (7, 0x00aa_00aa_00aa_00aa),
        (14, 0x0000_cccc_0000_cccc),
        (28, 0x0000_0000_f0f0_f0f0),
    ] {
        let exchanged = (bits ^ (bits >> shift)) & mask;
        bits ^= exchanged ^ (exchanged << shift);
    }
    bits.swap_bytes()
}

/// A constant to multiply with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Factor {
    /// Its logarithm.
    pub(crate) log: u16,
    /// Its matrix.
    #[cfg(target_arch = "x86_64")]
    pub(crate) matrix: Matrix,
}

impl Factor {
    /// The element with this logarithm, which is not zero.
    pub(crate) fn new(log: u16) -> Self {
        // As in the library, the order of the group is the same as nothing.
        let log = if log == MODULUS { 0 } else { log };
        Self {
            log,
            #[cfg(target_arch = "x86_64")]
            matrix: Matrix::new(log),
        }
    }

    /// One over the element of this number, which is not zero.
    pub(crate) fn inverse_of(element: usize) -> Self {
        Self::new(MODULUS - tables::get_exp_log().log[element % FIELD])
    }
}

/// The logarithms of the elements, 0 for zero.
pub(crate) fn logarithm(element: usize) -> u16 {
    match element {
        0 => 0,
        _ => tables::get_exp_log().log[element % FIELD],
    }
}

/// The matrices of the factors of butterflies, by position: at least `positions` of them, made once.
#[cfg(target_arch = "x86_64")]
pub(crate) fn butterflies(positions: usize) -> &'static [Matrix] {
    static OF_POWER: [OnceLock<Vec<Matrix>>; 17] = [const { OnceLock::new() }; 17];
    let power = positions.next_power_of_two().trailing_zeros() as usize;
    OF_POWER[power.min(16)].get_or_init(|| {
        let logs = tables::get_skew();
        let logs = &logs[..(1usize << power).min(logs.len())];
        logs.iter().map(|log| Matrix::new(*log)).collect()
    })
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    /// What the instruction does.
    fn affine(matrix: u64, byte: u8) -> u8 {
        let rows = matrix.to_be_bytes();
        (0..8).fold(0, |sum, bit| {
            sum | u8::from((rows[bit] & byte).count_ones() % 2 == 1) << bit
        })
    }

    #[test]
    fn matrices_multiply() {
        let tables = tables::get_exp_log();
        for log in (0..MODULUS).step_by(257).chain([0, 1, MODULUS - 1]) {
            let matrix = Matrix::new(log);
            for element in (0..=u16::MAX).step_by(509) {
                let [low, high] = element.to_le_bytes();
                let product = [
                    affine(matrix.low_low, low) ^ affine(matrix.high_low, high),
                    affine(matrix.low_high, low) ^ affine(matrix.high_high, high),
                ];
                let expected = tables::mul(element, log, &tables.exp, &tables.log);
                assert_eq!(u16::from_le_bytes(product), expected, "{log} {element}");
            }
        }
        assert_eq!(Matrix::new(MODULUS), Matrix::default());
    }
}
