//! Native functions (devchain spec section 4).

mod accumulator;
mod arguments;
mod codec;
mod crypto;
mod dynamic_field;
mod object;
mod standard;
mod testing;
mod tx_context;
mod work;

use sui_sdk_types::Address;

use crate::{
    host::{NativeError, NativeFunction, NativeResult, NativeTable},
    types::standard_id,
};

impl NativeTable {
    /// The natives of Sui.
    pub const fn sui() -> Self {
        Self::new(&[find])
    }

    /// The natives of Sui and those that only unit tests may call (devchain spec 4.5).
    pub const fn unit_tests() -> Self {
        Self::new(&[testing::find, find])
    }
}

/// The native `package::module::name`, `None` if Sui has none or it is not implemented.
fn find(package: &Address, module: &str, name: &str) -> Option<NativeFunction> {
    if *package == standard_id(1) {
        return standard::find(module, name);
    }
    if *package != standard_id(2) {
        return None;
    }
    match module {
        "object" | "transfer" | "event" | "types" => object::find(module, name),
        "tx_context" => tx_context::find(name),
        "dynamic_field" | "config" => dynamic_field::find(module, name),
        "address" | "hash" | "hmac" | "protocol_config" => codec::find(module, name),
        "funds_accumulator" | "accumulator" | "accumulator_settlement" => {
            accumulator::find(module, name)
        }
        _ => crypto::find(module, name),
    }
}
