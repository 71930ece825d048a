//! Cryptographic natives of package 0x2 (devchain spec 4.3).
//!
//! Not here: groth16, poseidon, ecvrf, vdf, zklogin and nitro attestation (marked "could" in the spec); calling one
//! of them is an invariant violation.

mod bls;
mod ecdsa;
mod group_ops;
mod groups;

use super::NativeFunction;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    match module {
        "bls12381" => bls::find(name),
        "group_ops" => group_ops::find(name),
        "ecdsa_k1" | "ecdsa_r1" | "ed25519" => ecdsa::find(module, name),
        _ => None,
    }
}
