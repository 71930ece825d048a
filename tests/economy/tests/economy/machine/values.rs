//! Move values of the shapes that the contracts use.

use sui_devchain_vm::{Argument, Slot, Value};
use sui_sdk_types::Address;
use walrus_economy::NodeId;

/// By value.
pub(crate) fn u64(value: u64) -> Argument {
    Argument::Value(Value::U64(value))
}

/// By value.
pub(crate) fn u32(value: u32) -> Argument {
    Argument::Value(Value::U32(value))
}

/// By value.
pub(crate) fn u16(value: u16) -> Argument {
    Argument::Value(Value::U16(value))
}

/// By value.
pub(crate) fn u8(value: u8) -> Argument {
    Argument::Value(Value::U8(value))
}

/// A reference to a value that nobody looks at afterwards.
pub(crate) fn reference(value: Value) -> Argument {
    Argument::Borrow(Slot::new(value))
}

/// A reference to a slot.
pub(crate) fn borrow(slot: &Slot) -> Argument {
    Argument::Borrow(slot.clone())
}

/// `0x2::object::ID`
pub(crate) fn id(node: NodeId) -> Value {
    Value::Struct(vec![Value::Address(Address::new(node.0))])
}

/// `0x2::vec_map::VecMap`
pub(crate) fn vec_map(entries: impl Iterator<Item = (Value, Value)>) -> Value {
    let entries = entries.map(|(key, value)| Value::Struct(vec![key, value]));
    Value::Struct(vec![Value::Vector(entries.collect())])
}

/// `0x2::balance::Balance`
pub(crate) fn balance(amount: u64) -> Value {
    Value::Struct(vec![Value::U64(amount)])
}

/// `0x2::coin::Coin`
pub(crate) fn coin(amount: u64) -> Value {
    let uid = Value::Struct(vec![id(NodeId([3; 32]))]);
    Value::Struct(vec![uid, balance(amount)])
}

/// `0x2::group_ops::Element` that nobody computes with.
pub(crate) fn element() -> Value {
    Value::Struct(vec![Value::Bytes(vec![])])
}

/// Vector of `u64`.
pub(crate) fn u64s(values: &[u64]) -> Value {
    Value::Vector(values.iter().map(|value| Value::U64(*value)).collect())
}

/// Any unsigned integer, also within structs of one field (a balance).
pub(crate) fn number(value: &Value) -> u64 {
    match value {
        Value::U8(value) => (*value).into(),
        Value::U16(value) => (*value).into(),
        Value::U32(value) => (*value).into(),
        Value::U64(value) => *value,
        Value::U128(value) => u64::try_from(*value).unwrap(),
        Value::Struct(fields) if fields.len() == 1 => number(&fields[0]),
        other => panic!("no number: {other:?}"),
    }
}

/// The fields of a struct.
pub(crate) fn fields(value: &Value) -> &[Value] {
    match value {
        Value::Struct(fields) => fields,
        other => panic!("no struct: {other:?}"),
    }
}

/// The elements of a vector.
pub(crate) fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Vector(elements) => elements,
        other => panic!("no vector: {other:?}"),
    }
}

/// The numbers of a vector.
pub(crate) fn numbers(value: &Value) -> Vec<u64> {
    elements(value).iter().map(number).collect()
}

/// The entries of a `VecMap`.
pub(crate) fn entries(value: &Value) -> Vec<(&Value, &Value)> {
    let entries = elements(&fields(value)[0]).iter();
    entries
        .map(|entry| (&fields(entry)[0], &fields(entry)[1]))
        .collect()
}

/// The node behind an `ID`.
pub(crate) fn node(value: &Value) -> NodeId {
    match &fields(value)[0] {
        Value::Address(address) => NodeId(address.into_inner()),
        other => panic!("no ID: {other:?}"),
    }
}
