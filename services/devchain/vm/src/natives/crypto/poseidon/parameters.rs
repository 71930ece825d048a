//! Round constants and matrices of Poseidon, drawn from the generator that its paper prescribes (appendix E: the Grain
//! LFSR in self-shrinking mode). circomlib's tables were made so; a listing of them would be half a megabyte.

use std::{array, sync::OnceLock};

use ark_bn254::Fr;
use ark_ff::{BigInt, BigInteger, Field, PrimeField};

use super::MAX_INPUTS;

/// Rounds in which every element is substituted, half of them at the beginning and half at the end.
pub(super) const FULL_ROUNDS: usize = 8;
/// Rounds in between, in which the first element alone is, by number of inputs.
const PARTIAL_ROUNDS: [usize; MAX_INPUTS] = [
    56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68,
];
/// Bits of a field element.
const BITS: u32 = Fr::MODULUS_BIT_SIZE;

/// The parameters for one number of inputs.
#[derive(Debug)]
pub(super) struct Parameters {
    width: usize,
    constants: Vec<Fr>,
    matrix: Vec<Fr>,
}

impl Parameters {
    /// Parameters for a number of inputs, computed when first asked for; `None` for none and for too many.
    pub(super) fn of(inputs: usize) -> Option<&'static Self> {
        static ALL: [OnceLock<Parameters>; MAX_INPUTS] = [const { OnceLock::new() }; MAX_INPUTS];
        let index = inputs.checked_sub(1)?;
        let partial = *PARTIAL_ROUNDS.get(index)?;
        Some(
            ALL.get(index)?
                .get_or_init(|| Self::new(inputs + 1, partial)),
        )
    }

    fn new(width: usize, partial: usize) -> Self {
        let rounds = FULL_ROUNDS + partial;
        let mut grain = Grain::new(width, partial);
        let constants = (0..rounds * width).map(|_| grain.below_modulus()).collect();
        let rows: Vec<Fr> = (0..width).map(|_| grain.reduced()).collect();
        let columns: Vec<Fr> = (0..width).map(|_| grain.reduced()).collect();
        // A Cauchy matrix. No sum is zero for these widths (zero has no inverse, and the vectors would not agree).
        let row = |x: Fr| {
            columns
                .iter()
                .map(move |y| (x + y).inverse().unwrap_or_default())
        };
        let matrix = rows.iter().flat_map(|x| row(*x)).collect();
        Self {
            width,
            constants,
            matrix,
        }
    }

    pub(super) fn rounds(&self) -> usize {
        self.constants.len() / self.width
    }

    /// The constants, round by round.
    pub(super) fn constants(&self) -> impl Iterator<Item = &[Fr]> {
        self.constants.chunks_exact(self.width)
    }

    /// The rows of the matrix.
    pub(super) fn matrix(&self) -> impl Iterator<Item = &[Fr]> {
        self.matrix.chunks_exact(self.width)
    }
}

/// A shift register of 80 bits; the next bit to leave is the highest.
struct Grain(u128);

impl Grain {
    const LENGTH: u32 = 80;
    /// Places that are added for the next bit, counted from the bit that leaves.
    const TAPS: [u32; 6] = [62, 51, 38, 23, 13, 0];
    /// Bits thrown away at the beginning.
    const WARM_UP: usize = 160;

    fn new(width: usize, partial: usize) -> Self {
        // What is generated for: a prime field (1, 2 bits), substitution by a power (0, 4 bits), bits of an element (12),
        // width (12), rounds (10 and 10); then ones.
        let fields = [
            (1, 2),
            (0, 4),
            (u128::from(BITS), 12),
            (width as u128, 12),
            (FULL_ROUNDS as u128, 10),
            (partial as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        let state = fields
            .iter()
            .fold(0, |state, (value, bits)| (state << bits) | value);
        let mut grain = Self(state);
        for _ in 0..Self::WARM_UP {
            grain.step();
        }
        grain
    }

    /// Shifts by one and gives the bit that came in.
    fn step(&mut self) -> bool {
        let bit = Self::TAPS
            .iter()
            .fold(0, |sum, tap| sum ^ (self.0 >> (Self::LENGTH - 1 - tap)) & 1);
        self.0 = ((self.0 << 1) | bit) & ((1 << Self::LENGTH) - 1);
        bit == 1
    }

    /// The second bit of the next pair that begins with a one.
    fn bit(&mut self) -> bool {
        loop {
            let (keep, bit) = (self.step(), self.step());
            if keep {
                return bit;
            }
        }
    }

    /// A number of [`BITS`] bits, most significant first.
    fn integer(&mut self) -> BigInt<4> {
        let mut limbs: [u64; 4] = array::from_fn(|_| 0);
        for place in (0..BITS).rev() {
            if self.bit()
                && let Some(limb) = limbs.get_mut((place / u64::BITS) as usize)
            {
                *limb |= 1 << (place % u64::BITS);
            }
        }
        BigInt::new(limbs)
    }

    /// An element; numbers that are too large are drawn again.
    fn below_modulus(&mut self) -> Fr {
        loop {
            if let Some(element) = Fr::from_bigint(self.integer()) {
                return element;
            }
        }
    }

    /// An element; numbers that are too large are reduced.
    fn reduced(&mut self) -> Fr {
        Fr::from_le_bytes_mod_order(&self.integer().to_bytes_le())
    }
}
