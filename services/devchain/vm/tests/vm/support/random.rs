//! Random values of Move types.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use rand::Rng;
use sui_devchain_vm::{
    Argument, Slot, Type, Value,
    types::{DatatypeBody, Field},
};
use sui_sdk_types::Address;

/// Random values of Move types.
pub trait RandomValues: Rng {
    /// Often a corner, otherwise anything.
    fn number(&mut self) -> u64 {
        match self.random_range(0..6) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => self.random_range(0..300),
            _ => self.random(),
        }
    }

    /// An argument for a (closed) parameter type.
    fn argument(&mut self, ty: &Type) -> Argument {
        match ty {
            Type::Reference(inner) | Type::MutableReference(inner) => {
                if inner.is_datatype(&super::id(2), "tx_context", "TxContext") {
                    return Argument::TxContext;
                }
                Argument::Borrow(Slot::new(self.value(inner, &[])))
            }
            _ => Argument::Value(self.value(ty, &[])),
        }
    }

    /// A value of a type, whoever may make one.
    fn value(&mut self, ty: &Type, arguments: &[Type]) -> Value {
        match ty {
            Type::Bool => Value::Bool(self.random()),
            Type::U8 => Value::U8(self.number() as u8),
            Type::U16 => Value::U16(self.number() as u16),
            Type::U32 => Value::U32(self.number() as u32),
            Type::U64 => Value::U64(self.number()),
            Type::U128 => Value::U128(u128::from(self.number()) << self.random_range(0..65)),
            Type::U256 => {
                Value::U256(ethnum::U256::from(self.number()) << self.random_range(0..193))
            }
            Type::Address => Value::Address(Address::new([self.number() as u8; 32])),
            Type::Vector(inner) => {
                let count = [0, 1, 2, 5, 33][self.random_range(0..5)];
                let closed = inner.substitute(arguments).unwrap();
                if closed == Type::U8 {
                    return Value::Bytes((0..count).map(|_| self.random()).collect());
                }
                Value::Vector((0..count).map(|_| self.value(&closed, &[])).collect())
            }
            Type::Datatype(datatype, inner) => {
                let closed: Vec<Type> = inner
                    .iter()
                    .map(|ty| ty.substitute(arguments).unwrap())
                    .collect();
                match &datatype.body {
                    DatatypeBody::Struct(fields) => Value::Struct(self.fields(fields, &closed)),
                    DatatypeBody::Enum(variants) => {
                        let tag = self.random_range(0..variants.len());
                        Value::Variant(tag as u16, self.fields(&variants[tag].fields, &closed))
                    }
                }
            }
            Type::Param(index) => {
                let ty = arguments[usize::from(*index)].clone();
                self.value(&ty, &[])
            }
            Type::Signer | Type::Reference(_) | Type::MutableReference(_) => Value::Invalid,
        }
    }

    fn fields(&mut self, fields: &[Field], arguments: &[Type]) -> Vec<Value> {
        fields
            .iter()
            .map(|field| self.value(&field.ty, arguments))
            .collect()
    }
}

impl<R: Rng + ?Sized> RandomValues for R {}
