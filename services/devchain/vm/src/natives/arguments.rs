//! Arguments of natives, taken from the end of the list, checked.

use ethnum::U256;
use sui_sdk_types::Address;

use super::{NativeError, NativeResult};
use crate::{
    error::VmError,
    interpreter::vector::with_bytes,
    types::Type,
    value::{Reference, Value},
};

fn wrong(what: &str) -> NativeError {
    NativeError::Vm(VmError::invariant(format!(
        "native argument: {what} expected"
    )))
}

pub(super) fn value(arguments: &mut Vec<Value>) -> NativeResult<Value> {
    arguments.pop().ok_or_else(|| wrong("value"))
}

macro_rules! plain {
    ($name:ident, $variant:ident, $ty:ty) => {
        pub(super) fn $name(arguments: &mut Vec<Value>) -> NativeResult<$ty> {
            match value(arguments)? {
                Value::$variant(value) => Ok(value),
                _ => Err(wrong(stringify!($name))),
            }
        }
    };
}

plain!(u8, U8, u8);
plain!(u64, U64, u64);
plain!(u256, U256, U256);
plain!(address, Address, Address);
plain!(vector, Vector, Vec<Value>);
plain!(reference, Reference, Reference);

/// A `vector<u8>`, by value or by reference.
pub(super) fn bytes(arguments: &mut Vec<Value>) -> NativeResult<Vec<u8>> {
    match value(arguments)? {
        Value::Bytes(bytes) => Ok(bytes),
        value => Ok(with_bytes(&value, |bytes| Ok(bytes.to_vec()))?),
    }
}

/// An id given as a struct that wraps an address (possibly nested, possibly by reference): `ID`, `UID`.
pub(super) fn id(arguments: &mut Vec<Value>) -> NativeResult<Address> {
    fn inner(value: &Value) -> Option<Address> {
        match value {
            Value::Address(id) => Some(*id),
            Value::Struct(fields) => inner(fields.first()?),
            Value::Reference(reference) => reference.look(|value| Ok(inner(value))).ok()?,
            _ => None,
        }
    }
    inner(&value(arguments)?).ok_or_else(|| wrong("id"))
}

pub(super) fn type_argument(types: &[Type], index: usize) -> NativeResult<&Type> {
    types.get(index).ok_or_else(|| wrong("type argument"))
}
