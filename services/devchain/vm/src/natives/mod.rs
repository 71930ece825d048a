//! Native functions (devchain spec section 4).

mod accumulator;
mod arguments;
mod codec;
mod crypto;
mod dynamic_field;
mod object;
mod standard;
#[cfg(feature = "test-natives")]
pub(crate) mod testing;
mod tx_context;
mod work;

use sui_sdk_types::Address;

use crate::{error::VmError, session::State, types::Type, value::Value};

/// How a native fails.
#[derive(Debug)]
pub(crate) enum NativeError {
    /// An abort with a code, reported at the native's own module.
    Abort(u64),
    Vm(VmError),
}

impl From<VmError> for NativeError {
    fn from(error: VmError) -> Self {
        NativeError::Vm(error)
    }
}

pub(crate) type NativeResult<T = Vec<Value>> = Result<T, NativeError>;

/// A native: type arguments and arguments (last on top) in, results out.
pub(crate) type NativeFunction =
    for<'s, 'a, 't, 'v> fn(&'s mut State<'a>, &'t [Type], &'v mut Vec<Value>) -> NativeResult;

/// The native `package::module::name`, `None` if this machine has none.
pub(crate) fn find(package: &Address, module: &str, name: &str) -> Option<NativeFunction> {
    #[cfg(feature = "test-natives")]
    if let Some(native) = testing::find(package, module, name) {
        return Some(native);
    }
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

/// The address 0x1, 0x2, ….
pub(crate) fn standard_id(number: u8) -> Address {
    let mut bytes = [0; 32];
    bytes[31] = number;
    Address::new(bytes)
}
