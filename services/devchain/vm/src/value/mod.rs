//! Values and checked references (devchain spec 3.3).

pub(crate) mod bcs;
mod conform;
mod measure;
mod reference;

use std::{cell::RefCell, rc::Rc};

use ethnum::U256;
use sui_sdk_types::Address;

/// A Move value. Values own their contents; references name a root cell and a path into it.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// Nothing: a moved-out slot.
    #[default]
    Invalid,
    /// `bool`
    Bool(bool),
    /// `u8`
    U8(u8),
    /// `u16`
    U16(u16),
    /// `u32`
    U32(u32),
    /// `u64`
    U64(u64),
    /// `u128`
    U128(u128),
    /// `u256`
    U256(U256),
    /// `address`
    Address(Address),
    /// `vector<u8>`
    Bytes(Vec<u8>),
    /// Any other vector.
    Vector(Vec<Value>),
    /// A struct: fields in order.
    Struct(Vec<Value>),
    /// An enum value: tag and fields.
    Variant(u16, Vec<Value>),
    /// A reference.
    Reference(Reference),
}

pub(crate) use reference::{Target, TargetMut};

impl Value {
    /// The one-time witness (a struct with one `true`).
    pub fn witness() -> Self {
        Value::Struct(vec![Value::Bool(true)])
    }

    /// The object id if this is an object (first field is a UID).
    pub fn object_id(&self) -> Option<Address> {
        let Value::Struct(fields) = self else {
            return None;
        };
        let Some(Value::Struct(uid)) = fields.first() else {
            return None;
        };
        let Some(Value::Struct(id)) = uid.first() else {
            return None;
        };
        match id.first() {
            Some(Value::Address(id)) => Some(*id),
            _ => None,
        }
    }
}

/// A reference: root cell and path of indices into it.
#[derive(Clone, Debug)]
pub struct Reference {
    pub(crate) root: Rc<RefCell<Value>>,
    pub(crate) path: Path,
}

/// Path of field and element indices; short ones are stored inline.
#[derive(Clone, Debug)]
pub(crate) enum Path {
    /// Up to seven indices.
    Inline(u8, [u32; 7]),
    /// More.
    Long(Rc<[u32]>),
}

/// A place owned by the caller that Move code can borrow.
#[derive(Clone, Debug)]
pub struct Slot(pub(crate) Rc<RefCell<Value>>);

impl Slot {
    /// A slot that holds `value`.
    pub fn new(value: Value) -> Self {
        Self(Rc::new(RefCell::new(value)))
    }

    /// Takes the value out, leaving [`Value::Invalid`].
    pub fn take(&self) -> Value {
        self.0
            .try_borrow_mut()
            .map(|mut value| std::mem::take(&mut *value))
            .unwrap_or_default()
    }

    /// A deep copy of the value ([`Value::Invalid`] if it was taken).
    pub fn get(&self) -> Value {
        self.0
            .try_borrow()
            .map(|value| value.clone())
            .unwrap_or_default()
    }

    /// Puts a value in.
    pub fn set(&self, value: Value) {
        if let Ok(mut place) = self.0.try_borrow_mut() {
            *place = value;
        }
    }
}
