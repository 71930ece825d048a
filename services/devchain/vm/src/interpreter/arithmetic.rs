//! Arithmetic, comparison and casts (devchain spec 3.2).

use ethnum::U256;

use super::Interpreter;
use crate::{
    error::{VmError, VmResult},
    loader::{Binary, Width},
    value::Value,
};

fn overflow() -> VmError {
    VmError::primitive("arithmetic error")
}

fn mismatch() -> VmError {
    VmError::invariant("operands of different or wrong types")
}

macro_rules! checked {
    ($operation:expr, $left:expr, $right:expr) => {
        match $operation {
            Binary::Add => $left.checked_add($right).ok_or_else(overflow)?,
            Binary::Sub => $left.checked_sub($right).ok_or_else(overflow)?,
            Binary::Mul => $left.checked_mul($right).ok_or_else(overflow)?,
            Binary::Mod => $left.checked_rem($right).ok_or_else(overflow)?,
            Binary::Div => $left.checked_div($right).ok_or_else(overflow)?,
            Binary::BitOr => $left | $right,
            Binary::BitAnd => $left & $right,
            Binary::Xor => $left ^ $right,
            _ => return Err(mismatch()),
        }
    };
}

macro_rules! ordered {
    ($operation:expr, $left:expr, $right:expr) => {
        match $operation {
            Binary::Lt => $left < $right,
            Binary::Gt => $left > $right,
            Binary::Le => $left <= $right,
            _ => $left >= $right,
        }
    };
}

macro_rules! shifted {
    ($operation:expr, $left:expr, $bits:expr) => {
        if $operation == Binary::Shl {
            $left.checked_shl($bits)
        } else {
            $left.checked_shr($bits)
        }
        .ok_or_else(overflow)?
    };
}

fn compute(operation: Binary, left: Value, right: Value) -> VmResult<Value> {
    Ok(match (left, right) {
        (Value::U8(left), Value::U8(right)) => Value::U8(checked!(operation, left, right)),
        (Value::U16(left), Value::U16(right)) => Value::U16(checked!(operation, left, right)),
        (Value::U32(left), Value::U32(right)) => Value::U32(checked!(operation, left, right)),
        (Value::U64(left), Value::U64(right)) => Value::U64(checked!(operation, left, right)),
        (Value::U128(left), Value::U128(right)) => Value::U128(checked!(operation, left, right)),
        (Value::U256(left), Value::U256(right)) => Value::U256(checked!(operation, left, right)),
        _ => return Err(mismatch()),
    })
}

fn compare(operation: Binary, left: &Value, right: &Value) -> VmResult<bool> {
    Ok(match (left, right) {
        (Value::U8(left), Value::U8(right)) => ordered!(operation, left, right),
        (Value::U16(left), Value::U16(right)) => ordered!(operation, left, right),
        (Value::U32(left), Value::U32(right)) => ordered!(operation, left, right),
        (Value::U64(left), Value::U64(right)) => ordered!(operation, left, right),
        (Value::U128(left), Value::U128(right)) => ordered!(operation, left, right),
        (Value::U256(left), Value::U256(right)) => ordered!(operation, left, right),
        _ => return Err(mismatch()),
    })
}

fn shift(operation: Binary, left: Value, right: Value) -> VmResult<Value> {
    let Value::U8(bits) = right else {
        return Err(mismatch());
    };
    let bits = u32::from(bits);
    Ok(match left {
        Value::U8(left) => Value::U8(shifted!(operation, left, bits)),
        Value::U16(left) => Value::U16(shifted!(operation, left, bits)),
        Value::U32(left) => Value::U32(shifted!(operation, left, bits)),
        Value::U64(left) => Value::U64(shifted!(operation, left, bits)),
        Value::U128(left) => Value::U128(shifted!(operation, left, bits)),
        Value::U256(left) => Value::U256(shifted!(operation, left, bits)),
        _ => return Err(mismatch()),
    })
}

fn widen(value: &Value) -> VmResult<U256> {
    Ok(match value {
        Value::U8(value) => U256::from(*value),
        Value::U16(value) => U256::from(*value),
        Value::U32(value) => U256::from(*value),
        Value::U64(value) => U256::from(*value),
        Value::U128(value) => U256::from(*value),
        Value::U256(value) => *value,
        _ => return Err(mismatch()),
    })
}

impl Interpreter<'_, '_> {
    pub(super) fn binary(&mut self, operation: Binary) -> VmResult<()> {
        let right = self.pop()?;
        let left = self.pop()?;
        let result = match operation {
            Binary::Eq | Binary::Neq => {
                let bytes = left.target_size()?.saturating_add(right.target_size()?);
                self.charge(1, bytes.saturating_add(1))?;
                Value::Bool(left.equals(&right)? == (operation == Binary::Eq))
            }
            Binary::Or | Binary::And => {
                self.charge(1, 1)?;
                let (Value::Bool(left), Value::Bool(right)) = (left, right) else {
                    return Err(mismatch());
                };
                Value::Bool(if operation == Binary::Or {
                    left | right
                } else {
                    left & right
                })
            }
            Binary::Lt | Binary::Gt | Binary::Le | Binary::Ge => {
                self.charge(1, 1)?;
                Value::Bool(compare(operation, &left, &right)?)
            }
            Binary::Shl | Binary::Shr => {
                self.charge(1, 32)?;
                shift(operation, left, right)?
            }
            _ => {
                self.charge(1, 32)?;
                compute(operation, left, right)?
            }
        };
        self.push(result)
    }

    pub(super) fn cast(&mut self, width: Width) -> VmResult<()> {
        let value = widen(&self.pop()?)?;
        let result = match width {
            Width::U8 => Value::U8(value.try_into().map_err(|_| overflow())?),
            Width::U16 => Value::U16(value.try_into().map_err(|_| overflow())?),
            Width::U32 => Value::U32(value.try_into().map_err(|_| overflow())?),
            Width::U64 => Value::U64(value.try_into().map_err(|_| overflow())?),
            Width::U128 => Value::U128(value.try_into().map_err(|_| overflow())?),
            Width::U256 => Value::U256(value),
        };
        self.charge(1, result.size())?;
        self.push(result)
    }
}
