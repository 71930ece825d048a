//! What a transaction did to objects, between the end of its last command and its effects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_sdk_types::{
    Address, Digest, Event, MoveStruct, Object, ObjectData, Owner, TypeTag, Version,
};

use crate::inputs::Inputs;

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
    /// Events in emission order.
    pub(crate) events: Vec<Event>,
}

impl Changes {
    /// The changes of a failed transaction: every mutable input gets the new version, its contents
    /// stay.
    pub(crate) fn only_inputs(inputs: &Inputs, version: Version, digest: Digest) -> Self {
        let mut changes = Self::default();
        for (id, object) in inputs.mutable() {
            if let Some(bumped) = restamp(object, version, digest) {
                changes.written.insert(*id, bumped);
            }
        }
        changes
    }

    /// The stored version that this transaction replaces or removes.
    pub(crate) fn before<'a>(&'a self, inputs: &'a Inputs, id: &Address) -> Option<&'a Arc<Object>> {
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

/// A Move object with a new version and previous transaction and no storage rebate.
pub(crate) fn restamp(object: &Object, version: Version, digest: Digest) -> Option<Object> {
    let value = object.as_struct()?;
    move_object(
        value.object_type().clone(),
        value.has_public_transfer(),
        value.contents().to_vec(),
        *object.owner(),
        version,
        digest,
    )
}

/// A Move object; `None` when the contents are too short to hold an id.
pub(crate) fn move_object(
    type_: sui_sdk_types::StructTag,
    has_public_transfer: bool,
    contents: Vec<u8>,
    owner: Owner,
    version: Version,
    digest: Digest,
) -> Option<Object> {
    let value = MoveStruct::new(type_, has_public_transfer, version, contents)?;
    Some(Object::new(ObjectData::Struct(value), owner, digest, 0))
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
