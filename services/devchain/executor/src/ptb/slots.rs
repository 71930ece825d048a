//! Slots that hold the inputs and results of a transaction.

use sui_devchain_vm::{AbilitySet, Slot, Type, Value};
use sui_sdk_types::{Address, Version};

use crate::inputs::Access;

/// One input of the transaction.
pub(super) enum InputSlot {
    /// Bytes that take the type of the parameter they are used for.
    Pure {
        bytes: Vec<u8>,
        /// Type and value after a use by `&mut`.
        fixed: Option<ResultSlot>,
    },
    /// An object.
    Object(ObjectSlot),
    /// A ticket for an object that may be received.
    Receiving { id: Address, version: Version },
    /// A value made by the engine (an address balance withdrawal).
    Value(ResultSlot),
}

impl InputSlot {
    pub(super) fn pure(bytes: Vec<u8>) -> Self {
        Self::Pure { bytes, fixed: None }
    }
}

/// An input object.
pub(super) struct ObjectSlot {
    pub(super) id: Address,
    pub(super) type_: Type,
    pub(super) slot: Slot,
    pub(super) access: Access,
    taken: bool,
}

impl ObjectSlot {
    pub(super) fn new(id: Address, type_: Type, value: Value, access: Access) -> Self {
        Self {
            id,
            type_,
            slot: Slot::new(value),
            access,
            taken: false,
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    pub(super) fn take(&mut self) -> Value {
        self.taken = true;
        self.slot.take()
    }
}

/// A result of a command, or a value with a fixed type.
pub(crate) struct ResultSlot {
    pub(super) type_: Type,
    pub(super) slot: Slot,
    taken: bool,
    copied: bool,
}

impl ResultSlot {
    pub(crate) fn new(type_: Type, value: Value) -> Self {
        Self {
            type_,
            slot: Slot::new(value),
            taken: false,
            copied: false,
        }
    }

    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    /// The value for a use by value: a copy if the type allows it, otherwise it moves out.
    pub(super) fn take(&mut self) -> Value {
        if self.type_.abilities(&[]).has(AbilitySet::COPY) {
            self.copied = true;
            return self.slot.get();
        }
        self.taken = true;
        self.slot.take()
    }

    /// Whether the value is still there and can be neither dropped nor stored.
    pub(super) fn is_hot(&self) -> bool {
        let abilities = self.type_.abilities(&[]);
        !self.taken && !abilities.has(AbilitySet::DROP) && !abilities.has(AbilitySet::STORE)
    }

    /// Whether nothing is lost when the transaction ends: moved out, droppable, or copied at least
    /// once (then the last copy counts as the move).
    pub(super) fn may_be_dropped(&self) -> bool {
        self.taken || self.copied || self.type_.abilities(&[]).has(AbilitySet::DROP)
    }
}
