//! Vector instructions. `vector<u8>` is a byte array, every other vector a list of values.

use super::{Interpreter, frame::Frame};
use crate::{
    error::{VmError, VmResult},
    limits,
    loader::Op,
    types::Type,
    value::{Target, TargetMut, Value},
};

pub(crate) fn out_of_range() -> VmError {
    VmError::primitive("vector index out of range (sub-status 1)")
}

fn not_a_vector() -> VmError {
    VmError::invariant("vector expected")
}

/// A vector with elements of type `element`.
pub(crate) fn pack(element: &Type, items: Vec<Value>) -> VmResult<Value> {
    if *element != Type::U8 {
        return Ok(Value::Vector(items));
    }
    let bytes = items.into_iter().map(|item| match item {
        Value::U8(byte) => Ok(byte),
        _ => Err(VmError::invariant("byte expected")),
    });
    Ok(Value::Bytes(bytes.collect::<VmResult<_>>()?))
}

pub(crate) fn length(vector: &Value) -> VmResult<usize> {
    match vector {
        Value::Reference(reference) => reference.look(length),
        Value::Bytes(bytes) => Ok(bytes.len()),
        Value::Vector(items) => Ok(items.len()),
        _ => Err(not_a_vector()),
    }
}

/// A reference to an element.
pub(crate) fn borrow(vector: &Value, index: u64) -> VmResult<Value> {
    let Value::Reference(reference) = vector else {
        return Err(not_a_vector());
    };
    let length = reference.look(length)?;
    // No vector has 2³² elements.
    match (usize::try_from(index), u32::try_from(index)) {
        (Ok(place), Ok(child)) if place < length => Ok(Value::Reference(reference.child(child))),
        _ => Err(out_of_range()),
    }
}

pub(crate) fn push(vector: &Value, item: Value) -> VmResult<()> {
    let Value::Reference(reference) = vector else {
        return Err(not_a_vector());
    };
    reference.with_mut(|target| {
        let TargetMut::Value(vector) = target else {
            return Err(not_a_vector());
        };
        let length = match (vector, item) {
            (Value::Bytes(bytes), Value::U8(byte)) => {
                bytes.push(byte);
                bytes.len()
            }
            (Value::Vector(items), item) => {
                items.push(item);
                items.len()
            }
            _ => return Err(not_a_vector()),
        };
        if length > limits::VECTOR_LENGTH {
            return Err(VmError::primitive("vector too long"));
        }
        Ok(())
    })
}

pub(crate) fn pop(vector: &Value) -> VmResult<Value> {
    let Value::Reference(reference) = vector else {
        return Err(not_a_vector());
    };
    let empty = || VmError::primitive("pop from an empty vector (sub-status 2)");
    reference.with_mut(|target| match target {
        TargetMut::Value(Value::Bytes(bytes)) => bytes.pop().map(Value::U8).ok_or_else(empty),
        TargetMut::Value(Value::Vector(items)) => items.pop().ok_or_else(empty),
        _ => Err(not_a_vector()),
    })
}

pub(crate) fn swap(vector: &Value, left: u64, right: u64) -> VmResult<()> {
    let Value::Reference(reference) = vector else {
        return Err(not_a_vector());
    };
    let left = usize::try_from(left).map_err(|_| out_of_range())?;
    let right = usize::try_from(right).map_err(|_| out_of_range())?;
    reference.with_mut(|target| match target {
        TargetMut::Value(Value::Bytes(bytes)) if left.max(right) < bytes.len() => {
            bytes.swap(left, right);
            Ok(())
        }
        TargetMut::Value(Value::Vector(items)) if left.max(right) < items.len() => {
            items.swap(left, right);
            Ok(())
        }
        TargetMut::Value(Value::Bytes(_) | Value::Vector(_)) => Err(out_of_range()),
        _ => Err(not_a_vector()),
    })
}

/// The elements of a vector that must have exactly `count` of them.
pub(crate) fn unpack(vector: Value, count: u64) -> VmResult<Vec<Value>> {
    if length(&vector)? as u64 != count {
        return Err(VmError::primitive(
            "vector of another length (sub-status 3)",
        ));
    }
    match vector {
        Value::Bytes(bytes) => Ok(bytes.into_iter().map(Value::U8).collect()),
        Value::Vector(items) => Ok(items),
        _ => Err(not_a_vector()),
    }
}

/// The bytes of a `vector<u8>` given by value or by reference.
pub(crate) fn with_bytes<R>(value: &Value, look: impl FnOnce(&[u8]) -> VmResult<R>) -> VmResult<R> {
    match value {
        Value::Bytes(bytes) => look(bytes),
        Value::Reference(reference) => reference.with(|target| match target {
            Target::Value(Value::Bytes(bytes)) => look(bytes),
            _ => Err(VmError::invariant("vector<u8> expected")),
        }),
        _ => Err(VmError::invariant("vector<u8> expected")),
    }
}

impl Interpreter<'_, '_> {
    pub(super) fn vector(&mut self, frame: &Frame, op: &Op) -> VmResult<()> {
        match op {
            Op::VecPack(element, count) => {
                let count = usize::try_from(*count).map_err(|_| out_of_range())?;
                let items = self.pop_many(count)?;
                self.charge(1, 8)?;
                self.state.gas.values(count as u64)?;
                let vector = match element {
                    Type::Param(index) => {
                        let element = frame.types.get(usize::from(*index));
                        pack(
                            element
                                .ok_or_else(|| VmError::invariant("type parameter out of range"))?,
                            items,
                        )?
                    }
                    element => pack(element, items)?,
                };
                self.push(vector)
            }
            Op::VecUnpack(count) => {
                let vector = self.pop()?;
                let items = unpack(vector, *count)?;
                self.spread(items)
            }
            Op::VecLen => {
                self.charge(1, 8)?;
                let length = length(&self.pop()?)?;
                self.push(Value::U64(length as u64))
            }
            Op::VecBorrow => {
                self.charge(1, 8)?;
                let index = self.pop_u64()?;
                let element = borrow(&self.pop()?, index)?;
                self.push(element)
            }
            Op::VecPush => {
                self.charge(0, 0)?;
                self.state.gas.values(1)?;
                let item = self.pop()?;
                push(&self.pop()?, item)
            }
            Op::VecPop => {
                self.charge(1, 0)?;
                let item = pop(&self.pop()?)?;
                self.push(item)
            }
            Op::VecSwap => {
                self.charge(0, 0)?;
                let right = self.pop_u64()?;
                let left = self.pop_u64()?;
                swap(&self.pop()?, left, right)
            }
            _ => Err(VmError::invariant("instruction in the wrong place")),
        }
    }
}
