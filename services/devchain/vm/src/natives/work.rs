//! Work of natives: the time they take in nanoseconds, as [`crate::gas::Gas::work`] counts it: rounded measurements on one
//! machine, for every machine.

/// `bls12381_min_pk_verify` and `bls12381_min_sig_verify`.
pub(super) const MIN_PK_VERIFY: u64 = 1_450_000;
pub(super) const MIN_SIG_VERIFY: u64 = 1_300_000;
/// `0x2::group_ops` on scalars.
pub(super) const SCALAR: u64 = 3_000;
/// Decoding two points and adding them.
pub(super) const G1_ADD: u64 = 60_000;
pub(super) const G2_ADD: u64 = 185_000;
pub(super) const GT_ADD: u64 = 10_000;
/// Decoding a point and multiplying it.
pub(super) const G1_MUL: u64 = 220_000;
pub(super) const G2_MUL: u64 = 650_000;
pub(super) const GT_MUL: u64 = 1_150_000;
/// A pairing.
pub(super) const PAIRING: u64 = 1_350_000;
/// Hashing a short text to a point.
pub(super) const G1_HASH: u64 = 200_000;
pub(super) const G2_HASH: u64 = 450_000;
/// Decoding a point and looking whether it lies in the subgroup.
pub(super) const G1_VALIDATE: u64 = 80_000;
pub(super) const G2_VALIDATE: u64 = 190_000;
/// From the compressed to the uncompressed form and back.
pub(super) const G1_DECOMPRESS: u64 = 20_000;
pub(super) const G1_COMPRESS: u64 = 5_000;
/// One term of a sum of uncompressed points.
pub(super) const SUM_TERM: u64 = 2_500;
/// Signatures on other curves.
pub(super) const ED25519_VERIFY: u64 = 55_000;
pub(super) const K1_VERIFY: u64 = 120_000;
pub(super) const K1_RECOVER: u64 = 220_000;
pub(super) const K1_DECOMPRESS: u64 = 12_000;
pub(super) const R1_VERIFY: u64 = 450_000;
pub(super) const R1_RECOVER: u64 = 800_000;
/// Hashing with the slower ones of the hash functions (SHA-2, SHA-3, Keccak).
pub(super) fn hashing(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(3).saturating_add(400)
}

/// Proofs.
#[cfg(feature = "proof-natives")]
pub(super) mod proof {
    /// Preparing a key for groth16 (one pairing), without the points of its inputs.
    pub(in super::super) const PREPARE_BLS: u64 = 3_000_000;
    pub(in super::super) const PREPARE_BN: u64 = 2_500_000;
    /// Verifying a proof (three pairings), without its inputs.
    pub(in super::super) const VERIFY_BLS: u64 = 4_700_000;
    pub(in super::super) const VERIFY_BN: u64 = 3_400_000;
    /// Decoding a point of BN254, and decoding and multiplying it.
    pub(in super::super) const BN_G1_VALIDATE: u64 = 12_000;
    pub(in super::super) const BN_G1_MUL: u64 = 120_000;
    pub(in super::super) const ECVRF_VERIFY: u64 = 120_000;
    /// Four Poseidon hashes of at most five inputs.
    pub(in super::super) const ZKLOGIN_ID: u64 = 350_000;

    /// Poseidon: its rounds multiply with a square matrix.
    pub(in super::super) fn poseidon(inputs: u64) -> u64 {
        let width = inputs.saturating_add(1);
        let area = width.saturating_mul(width);
        area.saturating_mul(2_300).saturating_add(25_000)
    }
}
