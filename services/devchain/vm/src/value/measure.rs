//! Sizes and equality of values (devchain spec 2.10, 3.3).

use super::Value;
use crate::{
    error::{VmError, VmResult},
    limits,
};

impl Value {
    /// Size in bytes as the gas meter counts it; a reference counts 8.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Value::Invalid => 0,
            Value::Bool(_) | Value::U8(_) => 1,
            Value::U16(_) => 2,
            Value::U32(_) => 4,
            Value::U64(_) | Value::Reference(_) => 8,
            Value::U128(_) => 16,
            Value::U256(_) | Value::Address(_) => 32,
            Value::Bytes(bytes) => 8 + bytes.len() as u64,
            Value::Vector(items) => 8 + items.iter().map(Value::size).sum::<u64>(),
            Value::Struct(items) | Value::Variant(_, items) => {
                2 + items.iter().map(Value::size).sum::<u64>()
            }
        }
    }

    /// Number of values that this one consists of, itself included; a byte array is one.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Value::Vector(items) | Value::Struct(items) | Value::Variant(_, items) => {
                1 + items.iter().map(Value::count).sum::<u64>()
            }
            _ => 1,
        }
    }

    /// Size with references followed.
    pub(crate) fn target_size(&self) -> VmResult<u64> {
        match self {
            Value::Reference(reference) => reference.look(|value| Ok(value.size())),
            value => Ok(value.size()),
        }
    }

    /// Structural equality; references compare by target.
    pub(crate) fn equals(&self, other: &Value) -> VmResult<bool> {
        equals(self, other, 0)
    }
}

fn equals(left: &Value, right: &Value, depth: usize) -> VmResult<bool> {
    if depth >= limits::VALUE_DEPTH {
        return Err(VmError::primitive("value is nested too deeply"));
    }
    let all = |left: &[Value], right: &[Value]| -> VmResult<bool> {
        if left.len() != right.len() {
            return Ok(false);
        }
        for (left, right) in left.iter().zip(right) {
            if !equals(left, right, depth + 1)? {
                return Ok(false);
            }
        }
        Ok(true)
    };
    Ok(match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left == right,
        (Value::U8(left), Value::U8(right)) => left == right,
        (Value::U16(left), Value::U16(right)) => left == right,
        (Value::U32(left), Value::U32(right)) => left == right,
        (Value::U64(left), Value::U64(right)) => left == right,
        (Value::U128(left), Value::U128(right)) => left == right,
        (Value::U256(left), Value::U256(right)) => left == right,
        (Value::Address(left), Value::Address(right)) => left == right,
        (Value::Bytes(left), Value::Bytes(right)) => left == right,
        (Value::Vector(left), Value::Vector(right))
        | (Value::Struct(left), Value::Struct(right)) => all(left, right)?,
        (Value::Variant(left_tag, left), Value::Variant(right_tag, right)) => {
            left_tag == right_tag && all(left, right)?
        }
        (Value::Reference(left), Value::Reference(right)) => {
            left.look(|left| right.look(|right| equals(left, right, depth + 1)))?
        }
        _ => return Err(VmError::invariant("comparison of different types")),
    })
}
