//! Cost of reading the inputs.

use sui_sdk_types::Address;

use super::{READ_INTERNAL_PER_BYTE, stored_bytes};
use crate::inputs::Inputs;

/// System packages whose reading is free.
const FREE_PACKAGES: [Address; 5] = [
    Address::from_static("0x1"),
    Address::from_static("0x2"),
    Address::from_static("0x3"),
    Address::from_static("0xb"),
    Address::from_static("0xdee9"),
];

/// Internal gas units of reading the inputs.
pub(crate) fn read_cost(inputs: &Inputs) -> u64 {
    let objects = inputs.objects.values().map(|input| &input.object);
    let packages = inputs
        .packages
        .iter()
        .filter(|(id, _)| !FREE_PACKAGES.contains(id))
        .map(|(_, object)| object);
    objects
        .chain(packages)
        .map(|object| stored_bytes(object).saturating_mul(READ_INTERNAL_PER_BYTE))
        .fold(0, u64::saturating_add)
}
