//! `0x2::group_ops` over BLS12-381 (devchain spec 4.3).

use ark_bls12_381::{Bls12_381, Fq12, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{
    AffineRepr, CurveGroup,
    hashing::{HashToCurve, curve_maps::wb::WBMap, map_to_curve_hasher::MapToCurveBasedHasher},
    pairing::Pairing,
};
use ark_ff::{Field, PrimeField, Zero, field_hashers::DefaultFieldHasher};
use sha2::Sha256;

use super::groups::{self, Element, Uncompressed};
use crate::{
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const SCALAR: u8 = 0;
const G1: u8 = 1;
const G2: u8 = 2;
const GT: u8 = 3;
const UNCOMPRESSED_G1: u8 = 4;

const INVALID_INPUT: u64 = 1;
const INPUT_TOO_LONG: u64 = 2;
/// Terms of a multi scalar multiplication.
const MAX_TERMS: usize = 32;
/// Terms of a sum of uncompressed points.
const MAX_SUM: usize = 1200;

const G1_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
const G2_SUITE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "internal_validate" => validate,
        "internal_add" => |state, _, args| add_or_sub(state, args, false),
        "internal_sub" => |state, _, args| add_or_sub(state, args, true),
        "internal_mul" => |state, _, args| mul_or_div(state, args, false),
        "internal_div" => |state, _, args| mul_or_div(state, args, true),
        "internal_hash_to" => hash_to,
        "internal_multi_scalar_mul" => multi_scalar_mul,
        "internal_pairing" => pairing,
        "internal_convert" => convert,
        "internal_sum" => sum,
        _ => return None,
    })
}

fn invalid() -> NativeError {
    NativeError::Abort(INVALID_INPUT)
}

fn decode<E: Element>(bytes: &[u8]) -> NativeResult<E> {
    E::decode(bytes).ok_or_else(invalid)
}

fn result(bytes: Vec<u8>) -> NativeResult {
    Ok(vec![Value::Bytes(bytes)])
}

fn validate(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state.gas.native(677)?;
    state.gas.work(match kind {
        SCALAR => work::SCALAR,
        G1 => work::G1_VALIDATE,
        _ => work::G2_VALIDATE,
    })?;
    let valid = match kind {
        SCALAR => groups::valid_scalar(&bytes),
        G1 => groups::valid_g1(&bytes),
        G2 => groups::valid_g2(&bytes),
        _ => false,
    };
    Ok(vec![Value::Bool(valid)])
}

fn add_or_sub(state: &mut State<'_>, args: &mut Vec<Value>, sub: bool) -> NativeResult {
    let right = arguments::bytes(args)?;
    let left = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state.gas.native(if kind == G2 { 3_048 } else { 1_556 })?;
    state.gas.work(match kind {
        SCALAR => work::SCALAR,
        G1 => work::G1_ADD,
        GT => work::GT_ADD,
        _ => work::G2_ADD,
    })?;
    result(match kind {
        SCALAR => {
            let (left, right) = (decode::<Fr>(&left)?, decode::<Fr>(&right)?);
            if sub { left - right } else { left + right }.encode()
        }
        G1 => {
            let (left, right) = (
                decode::<G1Affine>(&left)?.into_group(),
                decode::<G1Affine>(&right)?,
            );
            if sub { left - right } else { left + right }
                .into_affine()
                .encode()
        }
        G2 => {
            let (left, right) = (
                decode::<G2Affine>(&left)?.into_group(),
                decode::<G2Affine>(&right)?,
            );
            if sub { left - right } else { left + right }
                .into_affine()
                .encode()
        }
        GT => {
            let (left, right) = (decode::<Fq12>(&left)?, decode::<Fq12>(&right)?);
            let right = if sub {
                right.inverse().ok_or_else(invalid)?
            } else {
                right
            };
            (left * right).encode()
        }
        _ => return Err(invalid()),
    })
}

fn mul_or_div(state: &mut State<'_>, args: &mut Vec<Value>, div: bool) -> NativeResult {
    let element = arguments::bytes(args)?;
    let scalar = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state.gas.native(if kind == G2 || kind == GT {
        9_108
    } else {
        4_842
    })?;
    state.gas.work(match kind {
        SCALAR => work::SCALAR,
        G1 => work::G1_MUL,
        G2 => work::G2_MUL,
        _ => work::GT_MUL,
    })?;
    let scalar = decode::<Fr>(&scalar)?;
    let scalar = if div {
        scalar.inverse().ok_or_else(invalid)?
    } else {
        scalar
    };
    result(match kind {
        SCALAR => (decode::<Fr>(&element)? * scalar).encode(),
        G1 => (decode::<G1Affine>(&element)? * scalar)
            .into_affine()
            .encode(),
        G2 => (decode::<G2Affine>(&element)? * scalar)
            .into_affine()
            .encode(),
        GT => {
            let element = decode::<Fq12>(&element)?;
            if groups::is_zero(&element) {
                return Err(invalid());
            }
            element.pow(scalar.into_bigint()).encode()
        }
        _ => return Err(invalid()),
    })
}

fn hash_to(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let message = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state
        .gas
        .native(if kind == G2 { 8_688 } else { 2_962 } + 2 * message.len() as u64)?;
    let hash = if kind == G2 {
        work::G2_HASH
    } else {
        work::G1_HASH
    };
    state.gas.work(hash + work::hashing(message.len()))?;
    if message.is_empty() {
        return Err(invalid());
    }
    type Hasher<P, C> = MapToCurveBasedHasher<P, DefaultFieldHasher<Sha256, 128>, WBMap<C>>;
    let bytes = match kind {
        G1 => {
            let hasher = Hasher::<G1Projective, ark_bls12_381::g1::Config>::new(G1_SUITE)
                .map_err(|_| invalid())?;
            hasher.hash(&message).map_err(|_| invalid())?.encode()
        }
        G2 => {
            let hasher = Hasher::<G2Projective, ark_bls12_381::g2::Config>::new(G2_SUITE)
                .map_err(|_| invalid())?;
            hasher.hash(&message).map_err(|_| invalid())?.encode()
        }
        _ => return Err(invalid()),
    };
    result(bytes)
}

fn combine<P: CurveGroup>(scalars: &[u8], points: &[u8]) -> NativeResult
where
    P::Affine: Element + AffineRepr<Group = P, ScalarField = Fr>,
{
    let length = <P::Affine as Element>::LENGTH;
    let exact = scalars.len().is_multiple_of(Fr::LENGTH) && points.len().is_multiple_of(length);
    let count = scalars.len() / Fr::LENGTH;
    if count == 0 || !exact || points.len() / length != count {
        return Err(invalid());
    }
    if count > MAX_TERMS {
        return Err(NativeError::Abort(INPUT_TOO_LONG));
    }
    let mut total = P::zero();
    for (scalar, point) in scalars
        .chunks_exact(Fr::LENGTH)
        .zip(points.chunks_exact(length))
    {
        let (scalar, point) = (decode::<Fr>(scalar)?, decode::<P::Affine>(point)?);
        total += point.mul_bigint(scalar.into_bigint());
    }
    result(total.into_affine().encode())
}

fn multi_scalar_mul(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let points = arguments::bytes(args)?;
    let scalars = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state
        .gas
        .native(if kind == G2 { 131_192 } else { 62_648 })?;
    let terms = (scalars.len() / Fr::LENGTH).min(MAX_TERMS) as u64;
    state.gas.work(
        terms
            * if kind == G2 {
                work::G2_MUL
            } else {
                work::G1_MUL
            },
    )?;
    match kind {
        G1 => combine::<G1Projective>(&scalars, &points),
        G2 => combine::<G2Projective>(&scalars, &points),
        _ => Err(invalid()),
    }
}

fn pairing(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let right = arguments::bytes(args)?;
    let left = arguments::bytes(args)?;
    let kind = arguments::u8(args)?;
    state.gas.native(26_897)?;
    state.gas.work(work::PAIRING)?;
    if kind != G1 {
        return Err(invalid());
    }
    let (left, right) = (decode::<G1Affine>(&left)?, decode::<G2Affine>(&right)?);
    result(Bls12_381::pairing(left, right).0.encode())
}

fn convert(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    let to = arguments::u8(args)?;
    let from = arguments::u8(args)?;
    let (units, nanoseconds) = if from == UNCOMPRESSED_G1 {
        (677, work::G1_COMPRESS)
    } else {
        (2_099, work::G1_DECOMPRESS)
    };
    state.gas.native(units)?;
    state.gas.work(nanoseconds)?;
    match (from, to) {
        (UNCOMPRESSED_G1, G1) => result(decode::<Uncompressed>(&bytes)?.0.encode()),
        (G1, UNCOMPRESSED_G1) => result(Uncompressed(decode::<G1Affine>(&bytes)?).encode()),
        _ => Err(invalid()),
    }
}

fn sum(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let terms = match arguments::value(args)? {
        Value::Reference(reference) => reference.read()?,
        value => value,
    };
    let Value::Vector(terms) = terms else {
        return Err(invalid());
    };
    let kind = arguments::u8(args)?;
    state.gas.native(77 + 26 * terms.len() as u64)?;
    state
        .gas
        .work(work::SUM_TERM * terms.len().min(MAX_SUM) as u64)?;
    if kind != UNCOMPRESSED_G1 {
        return Err(invalid());
    }
    if terms.len() > MAX_SUM {
        return Err(NativeError::Abort(INPUT_TOO_LONG));
    }
    let mut total = G1Projective::zero();
    for term in &terms {
        let Value::Bytes(bytes) = term else {
            return Err(invalid());
        };
        total += decode::<Uncompressed>(bytes)?.0;
    }
    result(Uncompressed(total.into_affine()).encode())
}
