//! `0x2::bls12381` signatures.

use blst::{BLST_ERROR, min_pk, min_sig};

use crate::{
    host::State,
    natives::{NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const MIN_PK_SUITE: &[u8] = b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_";
const MIN_SIG_SUITE: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "bls12381_min_pk_verify" => min_pk_verify,
        "bls12381_min_sig_verify" => min_sig_verify,
        _ => return None,
    })
}

macro_rules! verify {
    ($state:expr, $scheme:ident, $suite:expr, $signature:expr, $key:expr, $message:expr) => {{
        let check: [&[u8]; 4] = [$suite, $key, $message, $signature];
        $state.signatures.check(check, || {
            let key = $scheme::PublicKey::key_validate($key);
            let signature = $scheme::Signature::sig_validate($signature, true);
            match (key, signature) {
                (Ok(key), Ok(signature)) => {
                    signature.verify(false, $message, $suite, &[], &key, false)
                        == BLST_ERROR::BLST_SUCCESS
                }
                _ => false,
            }
        })
    }};
}

fn min_pk_verify(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (message, key, signature) = (
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
    );
    state.gas.native(49_282 + 2 * message.len() as u64)?;
    state
        .gas
        .work(work::MIN_PK_VERIFY + work::hashing(message.len()))?;
    let valid = key.len() == 48
        && signature.len() == 96
        && verify!(state, min_pk, MIN_PK_SUITE, &signature, &key, &message);
    Ok(vec![Value::Bool(valid)])
}

fn min_sig_verify(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let (message, key, signature) = (
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
    );
    state.gas.native(44_064 + 2 * message.len() as u64)?;
    state
        .gas
        .work(work::MIN_SIG_VERIFY + work::hashing(message.len()))?;
    let valid = key.len() == 96
        && signature.len() == 48
        && verify!(state, min_sig, MIN_SIG_SUITE, &signature, &key, &message);
    Ok(vec![Value::Bool(valid)])
}
