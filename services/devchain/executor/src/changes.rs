//! Changes that a transaction made to objects, between the end of its last command and its effects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_sdk_types::{Address, Event, MoveStruct, Object, ObjectData, Owner, StructTag, TypeTag};

use crate::failure::Failure;
use crate::inputs::Inputs;
use crate::payment::Refund;
use crate::stamp::Stamp;

/// Net deposits per (owner, coin type).
pub(crate) type AddressBalances = BTreeMap<(Address, TypeTag), i128>;

/// The writes of a transaction. Storage rebates are filled in when gas is settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Objects in their final form.
    pub(crate) written: BTreeMap<Address, Object>,
    /// Ids made by this transaction and not deleted again.
    pub(crate) created: BTreeSet<Address>,
    /// Ids deleted by this transaction that it did not make.
    pub(crate) deleted: BTreeSet<Address>,
    /// Changed children and received objects as they were loaded.
    pub(crate) loaded: BTreeMap<Address, Arc<Object>>,
    /// Deposits and withdrawals.
    pub(crate) balances: AddressBalances,
    /// Configurations that were read as they were at the start of the epoch.
    pub(crate) config_reads: BTreeSet<Address>,
    /// What the coin of a reserved payment still held, in MIST.
    pub(crate) gas_left: u64,
    /// Where a command took the gas coin, if one did.
    pub(crate) refund: Option<Refund>,
    /// Events in emission order.
    pub(crate) events: Vec<Event>,
}

impl Changes {
    /// The changes of a failed transaction: every mutable input gets the new version, its contents
    /// stay.
    pub(crate) fn only_inputs(inputs: &Inputs, stamp: Stamp) -> Self {
        let mut changes = Self::default();
        for (id, object) in inputs.mutable() {
            if let Some(bumped) = restamp(object, stamp) {
                changes.written.insert(*id, bumped);
            }
        }
        changes
    }

    /// The stored version that this transaction replaces or removes.
    pub(crate) fn before<'a>(
        &'a self,
        inputs: &'a Inputs,
        id: &Address,
    ) -> Option<&'a Arc<Object>> {
        inputs
            .objects
            .get(id)
            .map(|input| &input.object)
            .or_else(|| self.loaded.get(id))
    }

    /// Ids that existed and do not any more: deleted, or wrapped into another object.
    pub(crate) fn removed(&self, inputs: &Inputs) -> BTreeSet<Address> {
        inputs
            .mutable()
            .map(|(id, _)| *id)
            .chain(self.loaded.keys().copied())
            .chain(self.deleted.iter().copied())
            .filter(|id| !self.written.contains_key(id))
            .collect()
    }
}

/// A Move object with a new version and previous transaction; contents, owner and storage rebate
/// stay.
fn restamp(object: &Object, stamp: Stamp) -> Option<Object> {
    let value = object.as_struct()?;
    let bumped = MoveStruct::new(
        value.object_type().clone(),
        value.has_public_transfer(),
        stamp.version,
        value.contents().to_vec(),
    )?;
    Some(Object::new(
        ObjectData::Struct(bumped),
        *object.owner(),
        stamp.digest,
        object.storage_rebate(),
    ))
}

/// A written Move object, without storage rebate yet.
pub(crate) fn move_object(
    type_: StructTag,
    has_public_transfer: bool,
    contents: Vec<u8>,
    owner: Owner,
    stamp: Stamp,
) -> Result<Object, Failure> {
    let value = MoveStruct::new(type_, has_public_transfer, stamp.version, contents)
        .ok_or_else(|| Failure::invariant("an object is shorter than its id"))?;
    Ok(Object::new(
        ObjectData::Struct(value),
        owner,
        stamp.digest,
        0,
    ))
}

/// The same object with another storage rebate.
pub(crate) fn with_rebate(object: &Object, rebate: u64) -> Object {
    Object::new(
        object.data().clone(),
        *object.owner(),
        object.previous_transaction(),
        rebate,
    )
}
