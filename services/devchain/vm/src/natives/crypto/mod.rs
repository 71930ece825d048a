//! Cryptographic natives of package 0x2 (devchain spec 4.3).

mod bls;

use super::NativeFunction;

pub(super) fn find(module: &str, name: &str) -> Option<NativeFunction> {
    match module {
        "bls12381" => bls::find(name),
        _ => None,
    }
}
