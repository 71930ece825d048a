//! Signatures: who has to sign, and whether they did (devchain spec 2.3 row 2).

use std::collections::BTreeSet;

use sui_crypto::SuiVerifier;
use sui_crypto::multisig::UserSignatureVerifier;
use sui_sdk_types::{Address, SignedTransaction, SimpleSignature, UserSignature};

use crate::AdmissionError;

/// Exactly one valid signature of the sender, and of the gas owner if that is somebody else.
pub(crate) fn verify(signed: &SignedTransaction) -> Result<(), AdmissionError> {
    let transaction = &signed.transaction;
    let mut required = BTreeSet::from([transaction.sender]);
    required.insert(transaction.gas_payment.owner);
    if signed.signatures.len() != required.len() {
        return Err(AdmissionError::Signature(format!(
            "{} signatures given, {} required",
            signed.signatures.len(),
            required.len()
        )));
    }
    let verifier = UserSignatureVerifier::new();
    for signature in &signed.signatures {
        let signers = signer_addresses(signature)?;
        let Some(signer) = signers.into_iter().find(|signer| required.remove(signer)) else {
            return Err(AdmissionError::Signature(
                "a signature is by neither the sender nor the gas owner".into(),
            ));
        };
        verifier
            .verify_transaction(transaction, signature)
            .map_err(|error| AdmissionError::Signature(format!("of {signer}: {error}")))?;
    }
    Ok(())
}

/// The addresses that a signature can stand for.
fn signer_addresses(signature: &UserSignature) -> Result<Vec<Address>, AdmissionError> {
    Ok(match signature {
        UserSignature::Simple(SimpleSignature::Ed25519 { public_key, .. }) => {
            vec![public_key.derive_address()]
        }
        UserSignature::Simple(SimpleSignature::Secp256k1 { public_key, .. }) => {
            vec![public_key.derive_address()]
        }
        UserSignature::Simple(SimpleSignature::Secp256r1 { public_key, .. }) => {
            vec![public_key.derive_address()]
        }
        UserSignature::Multisig(multisig) => vec![multisig.committee().derive_address()],
        UserSignature::Passkey(passkey) => vec![passkey.public_key().derive_address()],
        // Their proofs are checked against keys of identity providers, which this chain does not know.
        _ => return Err(AdmissionError::Unsupported("zkLogin signatures".into())),
    })
}
