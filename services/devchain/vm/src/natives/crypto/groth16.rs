//! `0x2::groth16` over BLS12-381 and BN254 (devchain spec 4.3). Elements are encoded as arkworks does, compressed.

use ark_bls12_381::Bls12_381;
use ark_bn254::Bn254;
use ark_ec::{AffineRepr, CurveGroup, pairing::Pairing};
use ark_ff::PrimeField;
use ark_serialize::{CanonicalDeserialize, CanonicalSerialize, Compress};

use crate::{
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const INVALID_VERIFYING_KEY: u64 = 0;
const INVALID_CURVE: u64 = 1;
const TOO_MANY_PUBLIC_INPUTS: u64 = 2;

/// Curves as Move code numbers them.
const BLS12381: u8 = 0;
const BN254: u8 = 1;
/// What a call with a wrong curve costs.
const INVALID_ARGUMENTS: u64 = 100;
/// Bytes of a scalar of either curve.
const SCALAR: usize = 32;
const MAX_PUBLIC_INPUTS: usize = 8;

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "prepare_verifying_key_internal" => prepare_verifying_key,
        "verify_groth16_proof_internal" => verify_proof,
        _ => return None,
    })
}

/// A curve with the rules of its encodings.
trait Curve: Pairing {
    /// Whether bytes behind the last element, and encodings other than the canonical one, are refused. The public network
    /// reads the two curves by different libraries, of which one ignores what follows.
    const EXACT: bool;
}

impl Curve for Bls12_381 {
    const EXACT: bool = true;
}

impl Curve for Bn254 {
    const EXACT: bool = false;
}

/// Reads elements one after the other; points are checked to lie in their subgroup.
struct Reader<'a> {
    rest: &'a [u8],
    exact: bool,
}

impl<'a> Reader<'a> {
    fn new<C: Curve>(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            exact: C::EXACT,
        }
    }

    fn element<T: CanonicalDeserialize + CanonicalSerialize>(&mut self) -> Option<T> {
        let before = self.rest;
        let element = T::deserialize_compressed(&mut self.rest).ok()?;
        if self.exact {
            let (read, _) = before.split_at_checked(before.len().checked_sub(self.rest.len())?)?;
            if encode(&element) != read {
                return None;
            }
        }
        Some(element)
    }

    /// As many elements as the rest has room for, which has to be a whole number.
    fn elements<T: CanonicalDeserialize + CanonicalSerialize + Default>(
        &mut self,
    ) -> Option<Vec<T>> {
        let size = T::default().serialized_size(Compress::Yes);
        if !self.rest.len().is_multiple_of(size) {
            return None;
        }
        (0..self.rest.len() / size)
            .map(|_| self.element())
            .collect()
    }

    fn end(self) -> Option<()> {
        (!self.exact || self.rest.is_empty()).then_some(())
    }
}

fn encode(element: &impl CanonicalSerialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a vector does not fail.
    let _ = element.serialize_compressed(&mut bytes);
    bytes
}

/// Reads exactly one element.
fn only<C: Curve, T: CanonicalDeserialize + CanonicalSerialize>(bytes: &[u8]) -> Option<T> {
    let mut reader = Reader::new::<C>(bytes);
    let element = reader.element()?;
    reader.end()?;
    Some(element)
}

/// A verifying key, prepared: the points of the public inputs, e(alpha, beta), -gamma and -delta, each encoded.
type Prepared<B> = [B; 4];

/// Prepares a verifying key: alpha, beta, gamma, delta, number of points as u64, points.
fn prepare<C: Curve>(bytes: &[u8]) -> Option<Prepared<Vec<u8>>> {
    let mut reader = Reader::new::<C>(bytes);
    let alpha: C::G1Affine = reader.element()?;
    let beta: C::G2Affine = reader.element()?;
    let gamma: C::G2Affine = reader.element()?;
    let delta: C::G2Affine = reader.element()?;
    let count = usize::try_from(reader.element::<u64>()?).ok()?;
    let size = C::G1Affine::default().serialized_size(Compress::Yes);
    let room = reader.rest.len() / size;
    if count > room || (C::EXACT && count == 0) {
        return None;
    }
    let mut points = Vec::with_capacity(count.saturating_mul(size));
    for _ in 0..count {
        points.extend(encode(&reader.element::<C::G1Affine>()?));
    }
    reader.end()?;
    let minus = |point: C::G2Affine| encode(&(-point.into_group()).into_affine());
    Some([
        points,
        encode(&C::pairing(alpha, beta).0),
        minus(gamma),
        minus(delta),
    ])
}

/// Whether a proof holds; `None` if something is malformed, which is as good as not.
fn verify<C: Curve>(key: &Prepared<&[u8]>, inputs: &[u8], proof: &[u8]) -> Option<bool> {
    let [points, alpha_beta, minus_gamma, minus_delta] = key;
    // One point more than inputs; looked at before any point is decoded, so that a long key costs nothing.
    let size = C::G1Affine::default().serialized_size(Compress::Yes);
    if !inputs.len().is_multiple_of(SCALAR) || points.len() != (inputs.len() / SCALAR + 1) * size {
        return None;
    }
    let inputs: Vec<C::ScalarField> = Reader::new::<C>(inputs).elements()?;
    let points: Vec<C::G1Affine> = Reader::new::<C>(points).elements()?;
    let alpha_beta: C::TargetField = only::<C, _>(alpha_beta)?;
    let minus_gamma: C::G2Affine = only::<C, _>(minus_gamma)?;
    let minus_delta: C::G2Affine = only::<C, _>(minus_delta)?;
    let mut reader = Reader::new::<C>(proof);
    let a: C::G1Affine = reader.element()?;
    let b: C::G2Affine = reader.element()?;
    let c: C::G1Affine = reader.element()?;
    reader.end()?;

    let (constant, points) = points.split_first()?;
    let terms = points.iter().zip(&inputs);
    let statement = terms.fold(constant.into_group(), |sum, (point, input)| {
        sum + point.mul_bigint(input.into_bigint())
    });
    let product = C::multi_miller_loop(
        [a, statement.into_affine(), c],
        [b, minus_gamma, minus_delta],
    );
    Some(C::final_exponentiation(product)?.0 == alpha_beta)
}

fn prepare_verifying_key(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let key = arguments::bytes(args)?;
    let curve = arguments::u8(args)?;
    let (cost, rating, point, prepare): (_, _, _, fn(&[u8]) -> _) = match curve {
        BLS12381 => (
            53_838,
            work::proof::PREPARE_BLS,
            work::G1_VALIDATE / 48,
            prepare::<Bls12_381>,
        ),
        BN254 => (
            82_010,
            work::proof::PREPARE_BN,
            work::proof::BN_G1_VALIDATE / 32,
            prepare::<Bn254>,
        ),
        _ => return invalid_curve(state),
    };
    state.gas.native(cost)?;
    let points = point.saturating_mul(key.len() as u64);
    state.gas.work(rating.saturating_add(points))?;
    let prepared = prepare(&key).ok_or(NativeError::Abort(INVALID_VERIFYING_KEY))?;
    Ok(vec![Value::Struct(
        prepared.into_iter().map(Value::Bytes).collect(),
    )])
}

fn verify_proof(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (proof, inputs) = (arguments::bytes(args)?, arguments::bytes(args)?);
    let (delta, gamma, alpha_beta, points) = (
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
    );
    let curve = arguments::u8(args)?;
    type Verify = fn(&Prepared<&[u8]>, &[u8], &[u8]) -> Option<bool>;
    let (cost, per_input, rating, per_input_rating, verify): (_, _, _, _, Verify) = match curve {
        BLS12381 => (
            72_090,
            8_213,
            work::proof::VERIFY_BLS,
            work::G1_MUL + work::G1_VALIDATE,
            verify::<Bls12_381>,
        ),
        BN254 => (
            115_502,
            9_484,
            work::proof::VERIFY_BN,
            work::proof::BN_G1_MUL,
            verify::<Bn254>,
        ),
        _ => return invalid_curve(state),
    };
    let count = inputs.len().div_ceil(SCALAR) as u64;
    state.gas.native(cost)?;
    state
        .gas
        .charge(per_input * count + 2 * inputs.len() as u64)?;
    if inputs.len() > SCALAR * MAX_PUBLIC_INPUTS {
        return Err(NativeError::Abort(TOO_MANY_PUBLIC_INPUTS));
    }
    state.gas.work(rating + per_input_rating * count)?;
    let key = [&points[..], &alpha_beta, &gamma, &delta];
    let valid = verify(&key, &inputs, &proof).unwrap_or(false);
    Ok(vec![Value::Bool(valid)])
}

fn invalid_curve(state: &mut State<'_>) -> NativeResult {
    state.gas.native(INVALID_ARGUMENTS)?;
    Err(NativeError::Abort(INVALID_CURVE))
}
