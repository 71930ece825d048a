//! Object runtime: what Move code did to objects (devchain spec 2.6 to 2.8).

#[cfg(test)]
mod limit_tests;
pub(crate) mod runtime;

use std::collections::{BTreeMap, BTreeSet};

use sui_sdk_types::{Address, StructTag, TypeTag};

/// Owner given by a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewOwner {
    /// `transfer`: owned by an address (which may be an object id).
    Address(Address),
    /// `share_object`
    Shared,
    /// `freeze_object`
    Immutable,
    /// `party_transfer` to a single owner.
    ConsensusAddress(Address),
}

/// How an input object is owned; decides whether it may be shared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputOwner {
    /// Owned by an address.
    Address,
    /// Shared.
    Shared,
    /// Immutable.
    Immutable,
    /// Owned by an address through consensus.
    ConsensusAddress,
}

/// An object written at top level by a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenObject {
    /// Its new owner.
    pub owner: NewOwner,
    /// Type with defining ids.
    pub object_type: StructTag,
    /// BCS contents.
    pub contents: Vec<u8>,
    /// Whether the type has `store`.
    pub has_public_transfer: bool,
}

/// A child (dynamic field or object field) whose parent, type or value differs from what was loaded, or is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenChild {
    /// Id of the parent: owner is `Object(parent)`.
    pub parent: Address,
    /// Type with defining ids.
    pub object_type: StructTag,
    /// BCS contents.
    pub contents: Vec<u8>,
    /// Whether the type has `store`.
    pub has_public_transfer: bool,
}

/// A stored child that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadedChild {
    /// Parent at load time.
    pub parent: Address,
    /// Stored version.
    pub version: u64,
    /// Whether it was removed from that parent and is no child now (it may be written, deleted or wrapped).
    pub removed: bool,
}

/// An event (devchain spec 2.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Type with defining ids.
    pub event_type: StructTag,
    /// BCS contents.
    pub contents: Vec<u8>,
}

/// Direction of an address balance change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccumulatorOperation {
    /// Deposit.
    Merge,
    /// Withdrawal.
    Split,
}

/// A deposit to or withdrawal from an address balance (devchain spec 2.6, 4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccumulatorEvent {
    /// Id of the accumulator object given by Move code.
    pub accumulator: Address,
    /// Whose balance.
    pub owner: Address,
    /// `0x2::balance::Balance<T>`
    pub balance_type: TypeTag,
    /// Direction.
    pub operation: AccumulatorOperation,
    /// Amount.
    pub amount: u64,
}

/// Everything a session did to objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectChanges {
    /// New ids (not deleted again).
    pub new_ids: BTreeSet<Address>,
    /// Deleted ids (not created in this session).
    pub deleted_ids: BTreeSet<Address>,
    /// Objects written at top level, by id; the last transfer wins.
    pub written: BTreeMap<Address, WrittenObject>,
    /// New and changed children by id.
    pub children: BTreeMap<Address, WrittenChild>,
    /// Stored children that were materialised, changed or not.
    pub loaded_children: BTreeMap<Address, LoadedChild>,
    /// Successfully received objects and their versions.
    pub received: BTreeMap<Address, u64>,
    /// Deposits and withdrawals in order.
    pub accumulator_events: Vec<AccumulatorEvent>,
    /// Fresh ids taken from the counter.
    pub ids_created: u64,
}

/// Fresh object id: `H(0xf1 ‖ digest ‖ u64le(counter))` (devchain spec 2.2).
pub fn fresh_object_id(digest: &[u8; 32], counter: u64) -> Address {
    let mut hasher = blake2b_simd::Params::new().hash_length(32).to_state();
    hasher
        .update(&[0xf1])
        .update(digest)
        .update(&counter.to_le_bytes());
    let mut id = [0; 32];
    id.copy_from_slice(hasher.finalize().as_bytes());
    Address::new(id)
}
