//! `0x2::address`, `hash`, `hmac` and `protocol_config` (devchain spec 4.2, 4.3).

use ethnum::U256;
use sha3::{Digest, Keccak256, Sha3_256};
use sui_sdk_types::Address;

use super::{NativeError, NativeFunction, NativeResult, arguments, work};
use crate::{host::State, types::Type, value::Value};

/// Block size of SHA3-256.
const SHA3_BLOCK: usize = 136;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("address", "to_u256") => address_to_u256,
        ("address", "from_u256") => address_from_u256,
        ("address", "from_bytes") => address_from_bytes,
        ("hash", "blake2b256") => blake2b256,
        ("hash", "keccak256") => keccak256,
        ("hmac", "hmac_sha3_256") => hmac_sha3_256,
        ("protocol_config", "is_feature_enabled") => is_feature_enabled,
        _ => return None,
    })
}

fn address_to_u256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    Ok(vec![Value::U256(U256::from_be_bytes(
        arguments::address(args)?.into_inner(),
    ))])
}

fn address_from_u256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    Ok(vec![Value::Address(Address::new(
        arguments::u256(args)?.to_be_bytes(),
    ))])
}

fn address_from_bytes(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    let bytes: [u8; 32] = arguments::bytes(args)?
        .try_into()
        .map_err(|_| NativeError::Abort(0))?;
    Ok(vec![Value::Address(Address::new(bytes))])
}

fn blake2b256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    state.gas.native(10 + 2 * bytes.len() as u64)?;
    let hash = blake2b_simd::Params::new().hash_length(32).hash(&bytes);
    Ok(vec![Value::Bytes(hash.as_bytes().to_vec())])
}

fn keccak256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let bytes = arguments::bytes(args)?;
    state.gas.native(10 + 2 * bytes.len() as u64)?;
    state.gas.work(work::hashing(bytes.len()))?;
    Ok(vec![Value::Bytes(Keccak256::digest(&bytes).to_vec())])
}

fn hmac_sha3_256(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let message = arguments::bytes(args)?;
    let key = arguments::bytes(args)?;
    state
        .gas
        .native(52 + 2 * (message.len() as u64 + key.len() as u64))?;
    state
        .gas
        .work(work::hashing(message.len().saturating_add(key.len())))?;
    let key = if key.len() > SHA3_BLOCK {
        Sha3_256::digest(&key).to_vec()
    } else {
        key
    };
    let pad = |byte: u8| -> Vec<u8> {
        (0..SHA3_BLOCK)
            .map(|index| key.get(index).copied().unwrap_or_default() ^ byte)
            .collect()
    };
    let inner = Sha3_256::new()
        .chain_update(pad(0x36))
        .chain_update(&message)
        .finalize();
    let outer = Sha3_256::new()
        .chain_update(pad(0x5c))
        .chain_update(inner)
        .finalize();
    Ok(vec![Value::Bytes(outer.to_vec())])
}

fn is_feature_enabled(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    state.gas.native(52)?;
    let name = String::from_utf8(arguments::bytes(args)?).unwrap_or_default();
    Ok(vec![Value::Bool(state.config.features.contains(&name))])
}
