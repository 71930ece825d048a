//! Cryptographic natives of package 0x2 (devchain spec 4.3).
//!
//! Those of proofs (groth16, poseidon, ecvrf, zkLogin) come with the feature `proof-natives`. There is none for vdf and
//! Nitro attestation.

mod bls;
mod ecdsa;
#[cfg(feature = "proof-natives")]
mod ecvrf;
#[cfg(feature = "proof-natives")]
mod groth16;
mod group_ops;
mod groups;
#[cfg(feature = "proof-natives")]
mod poseidon;
#[cfg(feature = "proof-natives")]
mod zklogin;

use super::NativeFunction;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    match module {
        "bls12381" => bls::find(name),
        "group_ops" => group_ops::find(name),
        "ecdsa_k1" | "ecdsa_r1" | "ed25519" => ecdsa::find(module, name),
        #[cfg(feature = "proof-natives")]
        "ecvrf" => ecvrf::find(name),
        #[cfg(feature = "proof-natives")]
        "groth16" => groth16::find(name),
        #[cfg(feature = "proof-natives")]
        "poseidon" => poseidon::find(name),
        #[cfg(feature = "proof-natives")]
        "zklogin_verified_id" | "zklogin_verified_issuer" => zklogin::find(name),
        _ => None,
    }
}
