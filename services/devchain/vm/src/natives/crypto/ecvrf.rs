//! `0x2::ecvrf`: a verifiable random function over Ristretto255, after RFC 9381 with a suite of its own.

use curve25519_dalek::{
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
    traits::{IsIdentity, VartimeMultiscalarMul},
};
use elliptic_curve::hash2curve::{ExpandMsg, ExpandMsgXmd, Expander};
use sha2::{Digest, Sha512};

use crate::{
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const INVALID_HASH_LENGTH: u64 = 1;
const INVALID_PUBLIC_KEY: u64 = 2;
const INVALID_PROOF: u64 = 3;

/// Identifies the suite in every hash.
const SUITE: &[u8] = b"sui_vrf";
/// Domain of hashing to the curve.
const CURVE_DOMAIN: &[u8] = b"ECVRF_ristretto255_XMD:SHA-512_R255MAP_RO_sui_vrf";
/// Domain separators of RFC 9381, in front of what is hashed.
const CHALLENGE_FRONT: u8 = 2;
const OUTPUT_FRONT: u8 = 3;
/// Domain separator behind it.
const BACK: u8 = 0;
/// Bytes of a challenge.
const CHALLENGE: usize = 16;
/// Bytes that SHA-512 hashes at once, which is what a block costs.
const BLOCK: usize = 128;

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    match name {
        "ecvrf_verify" => Some(ecvrf_verify),
        _ => None,
    }
}

fn ecvrf_verify(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (proof, key, input, output) = (
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
    );
    let (bytes, blocks) = (input.len() as u64, input.len().div_ceil(BLOCK) as u64);
    state.gas.native(4_848 + 2 * bytes + 2 * blocks)?;
    state
        .gas
        .work(work::proof::ECVRF_VERIFY + work::hashing(input.len()))?;
    let output: [u8; 64] = output
        .try_into()
        .map_err(|_| NativeError::Abort(INVALID_HASH_LENGTH))?;
    let key = PublicKey::decode(&key).ok_or(NativeError::Abort(INVALID_PUBLIC_KEY))?;
    let proof = Proof::decode(&proof).ok_or(NativeError::Abort(INVALID_PROOF))?;
    let valid = proof.verify(&key, &input) && proof.output() == output;
    Ok(vec![Value::Bool(valid)])
}

fn point(bytes: &[u8]) -> Option<(CompressedRistretto, RistrettoPoint)> {
    let compressed = CompressedRistretto::from_slice(bytes).ok()?;
    Some((compressed, compressed.decompress()?))
}

struct PublicKey {
    point: RistrettoPoint,
    compressed: CompressedRistretto,
}

impl PublicKey {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (compressed, point) = point(bytes)?;
        Some(Self { point, compressed })
    }

    /// The point that stands for an input; RFC 9381 section 5.4.1.2.
    fn encode_to_curve(&self, input: &[u8]) -> Option<RistrettoPoint> {
        let mut uniform = [0; 64];
        ExpandMsgXmd::<Sha512>::expand_message(
            &[self.compressed.as_bytes(), input],
            &[CURVE_DOMAIN],
            uniform.len(),
        )
        .ok()?
        .fill_bytes(&mut uniform);
        Some(RistrettoPoint::from_uniform_bytes(&uniform))
    }
}

struct Proof {
    gamma: RistrettoPoint,
    gamma_compressed: CompressedRistretto,
    challenge: [u8; CHALLENGE],
    scalar: Scalar,
}

impl Proof {
    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 32 + CHALLENGE + 32] = bytes.try_into().ok()?;
        let (gamma, rest) = bytes.split_first_chunk::<32>()?;
        let (challenge, scalar) = rest.split_first_chunk::<CHALLENGE>()?;
        let (gamma_compressed, gamma) = point(gamma)?;
        Some(Self {
            gamma,
            gamma_compressed,
            challenge: *challenge,
            scalar: Option::from(Scalar::from_canonical_bytes(scalar.try_into().ok()?))?,
        })
    }

    /// RFC 9381 section 5.3.
    fn verify(&self, key: &PublicKey, input: &[u8]) -> bool {
        if key.point.is_identity() {
            return false;
        }
        let Some(base) = key.encode_to_curve(input) else {
            return false;
        };
        let mut challenge = [0; 32];
        let (low, _) = challenge.split_at_mut(CHALLENGE);
        low.copy_from_slice(&self.challenge);
        let minus = -Scalar::from_bytes_mod_order(challenge);
        let u =
            RistrettoPoint::vartime_double_scalar_mul_basepoint(&minus, &key.point, &self.scalar);
        let v = RistrettoPoint::vartime_multiscalar_mul([self.scalar, minus], [base, self.gamma]);
        let hash = [
            key.compressed,
            base.compress(),
            self.gamma_compressed,
            u.compress(),
            v.compress(),
        ]
        .iter()
        .fold(
            Sha512::new()
                .chain_update(SUITE)
                .chain_update([CHALLENGE_FRONT]),
            |hash, point| hash.chain_update(point.as_bytes()),
        )
        .chain_update([BACK])
        .finalize();
        hash.starts_with(&self.challenge)
    }

    /// The random bytes; RFC 9381 section 5.2.
    fn output(&self) -> [u8; 64] {
        Sha512::new()
            .chain_update(SUITE)
            .chain_update([OUTPUT_FRONT])
            .chain_update(self.gamma_compressed.as_bytes())
            .chain_update([BACK])
            .finalize()
            .into()
    }
}
