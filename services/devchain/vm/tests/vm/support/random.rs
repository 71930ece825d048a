//! Reproducible random numbers and random values of Move types.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use sui_devchain_vm::{
    Argument, Slot, Type, Value,
    types::{DatatypeBody, Field},
};
use sui_sdk_types::Address;

/// xorshift.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Often a corner, otherwise anything.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => 1,
            2 => u64::MAX,
            3 => self.next() % 300,
            _ => self.next(),
        }
    }

    /// An argument for a (closed) parameter type.
    pub fn argument(&mut self, ty: &Type) -> Argument {
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
    pub fn value(&mut self, ty: &Type, arguments: &[Type]) -> Value {
        match ty {
            Type::Bool => Value::Bool(self.below(2) == 1),
            Type::U8 => Value::U8(self.number() as u8),
            Type::U16 => Value::U16(self.number() as u16),
            Type::U32 => Value::U32(self.number() as u32),
            Type::U64 => Value::U64(self.number()),
            Type::U128 => Value::U128(u128::from(self.number()) << self.below(65)),
            Type::U256 => Value::U256(ethnum::U256::from(self.number()) << self.below(193)),
            Type::Address => Value::Address(Address::new([self.number() as u8; 32])),
            Type::Vector(inner) => {
                let count = [0, 1, 2, 5, 33][self.below(5)];
                let closed = inner.substitute(arguments).unwrap();
                if closed == Type::U8 {
                    return Value::Bytes((0..count).map(|_| self.next() as u8).collect());
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
                        let tag = self.below(variants.len());
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
