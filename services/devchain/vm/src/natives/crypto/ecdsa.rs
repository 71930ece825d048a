//! `0x2::ecdsa_k1`, `ecdsa_r1` and `ed25519` (devchain spec 4.3).

use sha2::{Digest, Sha256};
use sha3::Keccak256;

use crate::{
    host::State,
    natives::{NativeError, NativeFunction, NativeResult, arguments, work},
    types::Type,
    value::Value,
};

const FAIL_TO_RECOVER: u64 = 0;
const INVALID_SIGNATURE: u64 = 1;
const INVALID_PUBLIC_KEY: u64 = 2;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    Some(match (module, name) {
        ("ecdsa_k1", "secp256k1_verify") => k1_verify,
        ("ecdsa_k1", "secp256k1_ecrecover") => k1_recover,
        ("ecdsa_k1", "decompress_pubkey") => k1_decompress,
        ("ecdsa_r1", "secp256r1_verify") => r1_verify,
        ("ecdsa_r1", "secp256r1_ecrecover") => r1_recover,
        ("ed25519", "ed25519_verify") => ed25519_verify,
        _ => return None,
    })
}

/// Hash ids: 0 Keccak-256, 1 SHA-256.
fn prehash(message: &[u8], hash: u8) -> Option<[u8; 32]> {
    match hash {
        0 => Some(Keccak256::digest(message).into()),
        1 => Some(Sha256::digest(message).into()),
        _ => None,
    }
}

macro_rules! curve {
    ($curve:ident, $verify:ident: $verify_cost:expr, $verify_work:expr; $recover:ident: $recover_cost:expr, $recover_work:expr) => {
        fn $verify(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
            use $curve::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier};
            let hash = arguments::u8(args)?;
            let (message, key, signature) = (
                arguments::bytes(args)?,
                arguments::bytes(args)?,
                arguments::bytes(args)?,
            );
            state.gas.native($verify_cost + 2 * message.len() as u64)?;
            state
                .gas
                .work($verify_work + work::hashing(message.len()))?;
            let check = || {
                let digest = prehash(&message, hash)?;
                let signature = Signature::from_slice(&signature)
                    .ok()
                    .filter(|it| it.normalize_s().is_none())?;
                let key = (key.len() == 33).then(|| VerifyingKey::from_sec1_bytes(&key).ok())??;
                key.verify_prehash(&digest, &signature).ok()
            };
            Ok(vec![Value::Bool(check().is_some())])
        }

        fn $recover(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
            use k256::ecdsa::RecoveryId;
            use $curve::ecdsa::{Signature, VerifyingKey};
            let hash = arguments::u8(args)?;
            let (message, signature) = (arguments::bytes(args)?, arguments::bytes(args)?);
            state.gas.native($recover_cost + 2 * message.len() as u64)?;
            state
                .gas
                .work($recover_work + work::hashing(message.len()))?;
            let digest = prehash(&message, hash).ok_or(NativeError::Abort(FAIL_TO_RECOVER))?;
            let malformed = || NativeError::Abort(INVALID_SIGNATURE);
            let Some(([recovery], body)) = signature
                .split_last_chunk::<1>()
                .map(|(body, last)| (*last, body))
            else {
                return Err(malformed());
            };
            let recovery = RecoveryId::from_byte(recovery).ok_or_else(malformed)?;
            let signature = Signature::from_slice(body).map_err(|_| malformed())?;
            let key = VerifyingKey::recover_from_prehash(&digest, &signature, recovery)
                .map_err(|_| NativeError::Abort(FAIL_TO_RECOVER))?;
            Ok(vec![Value::Bytes(
                key.to_encoded_point(true).as_bytes().to_vec(),
            )])
        }
    };
}

curve!(k256, k1_verify: 1_470, work::K1_VERIFY; k1_recover: 500, work::K1_RECOVER);
curve!(p256, r1_verify: 4_225, work::R1_VERIFY; r1_recover: 1_173, work::R1_RECOVER);

fn k1_decompress(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let key = arguments::bytes(args)?;
    state.gas.native(52)?;
    state.gas.work(work::K1_DECOMPRESS)?;
    let malformed = NativeError::Abort(INVALID_PUBLIC_KEY);
    if key.len() != 33 {
        return Err(malformed);
    }
    match k256::ecdsa::VerifyingKey::from_sec1_bytes(&key) {
        Ok(key) => Ok(vec![Value::Bytes(
            key.to_encoded_point(false).as_bytes().to_vec(),
        )]),
        Err(_) => Err(malformed),
    }
}

fn ed25519_verify(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};
    let (message, key, signature) = (
        arguments::bytes(args)?,
        arguments::bytes(args)?,
        arguments::bytes(args)?,
    );
    state.gas.native(1_802 + 2 * message.len() as u64)?;
    state
        .gas
        .work(work::ED25519_VERIFY + work::hashing(message.len()))?;
    let check = || {
        let key = VerifyingKey::from_bytes(&key.try_into().ok()?).ok()?;
        key.verify(&message, &Signature::from_slice(&signature).ok()?)
            .ok()
    };
    Ok(vec![Value::Bool(check().is_some())])
}
