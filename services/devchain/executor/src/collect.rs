//! Collection of changes: from what the session recorded to final objects (devchain spec 2.6).

use std::collections::{BTreeMap, BTreeSet};

use sui_devchain_vm::object_runtime::{
    AccumulatorEvent, AccumulatorOperation, NewOwner, ObjectChanges,
};
use sui_sdk_types::{
    Address, Event, ExecutionError, MovePackage, Object, ObjectData, Owner, TypeTag, Version,
};

use crate::ObjectStore;
use crate::changes::{AddressBalances, Changes, move_object};
use crate::failure::Failure;
use crate::inputs::{Inputs, Shortage};
use crate::payment::Refund;
use crate::stamp::Stamp;

/// What is left when the last command ran.
pub(crate) struct Finished {
    pub(crate) objects: ObjectChanges,
    /// Mutable inputs that the transaction still held: id and contents.
    pub(crate) held: Vec<(Address, Vec<u8>)>,
    pub(crate) packages: Vec<MovePackage>,
    pub(crate) events: Vec<Event>,
    /// What the coin of a reserved payment still held, in MIST.
    pub(crate) gas_left: u64,
    /// Where a command took the gas coin, if one did.
    pub(crate) refund: Option<Refund>,
}

/// Turns the end state of a run into changes; finds violations that only show at the end.
pub(crate) fn collect(
    store: &dyn ObjectStore,
    inputs: &Inputs,
    stamp: Stamp,
    finished: Finished,
) -> Result<Changes, Failure> {
    let Finished {
        objects,
        held,
        packages,
        events,
        gas_left,
        refund,
    } = finished;
    let mut changes = Changes {
        created: objects.new_ids.clone(),
        deleted: objects.deleted_ids.clone(),
        balances: net_balances(store, &objects.accumulator_events)?,
        events,
        gas_left,
        refund,
        ..Changes::default()
    };
    load_previous(store, &objects, &mut changes);
    write_objects(inputs, stamp, &objects, &mut changes)?;
    write_held(inputs, stamp, held, &mut changes)?;
    for package in packages {
        let id = package.id;
        let data = ObjectData::Package(package);
        changes
            .written
            .insert(id, Object::new(data, Owner::Immutable, stamp.digest, 0));
        changes.created.insert(id);
    }
    check_cycles(&changes.written)?;
    Ok(changes)
}

/// Stored versions of changed children and of received objects.
fn load_previous(store: &dyn ObjectStore, objects: &ObjectChanges, changes: &mut Changes) {
    let children = objects
        .loaded_children
        .iter()
        .filter(|(id, child)| {
            child.removed
                || objects.children.contains_key(id)
                || objects.written.contains_key(id)
                || objects.deleted_ids.contains(id)
        })
        .map(|(id, _)| id);
    for id in children.chain(objects.received.keys()) {
        if let Some(object) = store.latest(id) {
            changes.loaded.insert(*id, object);
        }
    }
}

fn write_objects(
    inputs: &Inputs,
    stamp: Stamp,
    objects: &ObjectChanges,
    changes: &mut Changes,
) -> Result<(), Failure> {
    for (id, object) in &objects.written {
        let before = inputs.objects.get(id).map(|input| *input.object.owner());
        let owner = final_owner(object.owner, before, stamp.version);
        let written = move_object(
            object.object_type.clone(),
            object.has_public_transfer,
            object.contents.clone(),
            owner,
            stamp,
        )?;
        changes.written.insert(*id, written);
    }
    for (id, child) in &objects.children {
        let written = move_object(
            child.object_type.clone(),
            child.has_public_transfer,
            child.contents.clone(),
            Owner::Object(child.parent),
            stamp,
        )?;
        changes.written.insert(*id, written);
    }
    Ok(())
}

/// Mutable inputs that nobody took go back to their owner with a new version.
fn write_held(
    inputs: &Inputs,
    stamp: Stamp,
    held: Vec<(Address, Vec<u8>)>,
    changes: &mut Changes,
) -> Result<(), Failure> {
    for (id, contents) in held {
        let object = inputs
            .objects
            .get(&id)
            .map(|input| &input.object)
            .ok_or_else(|| Failure::invariant(format!("{id} is no input")))?;
        let value = object
            .as_struct()
            .ok_or_else(|| Failure::invariant(format!("{id} is a package")))?;
        let written = move_object(
            value.object_type().clone(),
            value.has_public_transfer(),
            contents,
            *object.owner(),
            stamp,
        )?;
        changes.written.insert(id, written);
    }
    Ok(())
}

/// Shared objects keep their initial version; a consensus owner keeps its start version only if it
/// stays the same.
fn final_owner(new: NewOwner, before: Option<Owner>, version: Version) -> Owner {
    match new {
        NewOwner::Address(address) => Owner::Address(address),
        NewOwner::Immutable => Owner::Immutable,
        NewOwner::Shared => match before {
            Some(Owner::Shared(initial)) => Owner::Shared(initial),
            _ => Owner::Shared(version),
        },
        NewOwner::ConsensusAddress(owner) => match before {
            Some(Owner::ConsensusAddress {
                start_version,
                owner: old,
            }) if old == owner => Owner::ConsensusAddress {
                start_version,
                owner,
            },
            _ => Owner::ConsensusAddress {
                start_version: version,
                owner,
            },
        },
    }
}

/// Net deposits per (owner, coin type); a withdrawal may not exceed what is there.
fn net_balances(
    store: &dyn ObjectStore,
    events: &[AccumulatorEvent],
) -> Result<AddressBalances, Failure> {
    let mut merges: BTreeMap<(Address, TypeTag), u128> = BTreeMap::new();
    let mut splits: BTreeMap<(Address, TypeTag), u128> = BTreeMap::new();
    for event in events {
        let coin_type = coin_type(&event.balance_type)
            .ok_or_else(|| Failure::invariant("a deposit is not of a Balance"))?;
        let totals = match event.operation {
            AccumulatorOperation::Merge => &mut merges,
            AccumulatorOperation::Split => &mut splits,
        };
        let total = totals.entry((event.owner, coin_type)).or_default();
        *total = total.saturating_add(u128::from(event.amount));
        if *total > u128::from(u64::MAX) {
            return Err(Failure::new(
                ExecutionError::MovePrimitiveRuntimeError { location: None },
                "the deposits or withdrawals of one address exceed u64",
            ));
        }
    }
    let mut net = AddressBalances::new();
    for (key, amount) in merges {
        *net.entry(key).or_default() += i128::try_from(amount).unwrap_or(i128::MAX);
    }
    for (key, amount) in splits {
        *net.entry(key).or_default() -= i128::try_from(amount).unwrap_or(i128::MAX);
    }
    for ((owner, coin_type), amount) in &net {
        let shortage = Shortage {
            owner: *owner,
            coin_type: coin_type.clone(),
            needed: amount.min(&0).unsigned_abs(),
            available: store.address_balance(owner, coin_type),
        };
        if shortage.available < shortage.needed {
            return Err(Failure::from(&shortage));
        }
    }
    Ok(net)
}

/// The `T` of `0x2::balance::Balance<T>`.
fn coin_type(balance_type: &TypeTag) -> Option<TypeTag> {
    let TypeTag::Struct(tag) = balance_type else {
        return None;
    };
    let is_balance = *tag.address() == Address::TWO
        && tag.module().as_str() == "balance"
        && tag.name().as_str() == "Balance";
    tag.type_params().first().filter(|_| is_balance).cloned()
}

/// No written object may own itself, directly or through other written objects.
fn check_cycles(written: &BTreeMap<Address, Object>) -> Result<(), Failure> {
    for id in written.keys() {
        let mut seen = BTreeSet::from([*id]);
        let mut current = id;
        while let Some(Owner::Object(parent)) = written.get(current).map(Object::owner) {
            if !seen.insert(*parent) {
                return Err(Failure::new(
                    ExecutionError::CircularObjectOwnership { object: *parent },
                    format!("object {parent} owns itself"),
                ));
            }
            current = parent;
        }
    }
    Ok(())
}
