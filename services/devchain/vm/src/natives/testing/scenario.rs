//! `0x2::test_scenario`: the objects that the transactions of one unit test leave to each other.
//!
//! Objects live here between transactions; taking one copies it out and marks it taken. Children stay in the object
//! runtime, which outlives the transactions of a test.

use std::collections::{BTreeMap, BTreeSet};

use sui_sdk_types::Address;

use super::super::{NativeError, NativeFunction, NativeResult, arguments};
use crate::{
    error::{VmError, VmResult},
    host::State,
    object_runtime::{InputOwner, NewOwner, runtime::TestTransaction},
    types::{DatatypeBody, Type},
    value::Value,
};

/// Shared or immutable objects not handed back as they were.
const INVALID_SHARED_OR_IMMUTABLE_USAGE: u64 = 1;
/// No such object in the inventory, or it is taken.
const OBJECT_NOT_FOUND: u64 = 4;
/// A second ticket for an object.
const TICKET_ALREADY_ALLOCATED: u64 = 6;
/// Handing back a ticket that does not exist.
const UNABLE_TO_DEALLOCATE_TICKET: u64 = 7;
/// `receive`: the object has another type.
const RECEIVED_OTHER_TYPE: u64 = 2;
/// `receive`: there is no such object.
const RECEIVED_MISSING: u64 = 3;
/// Version of every receiving ticket.
const TICKET_VERSION: u64 = 0;

/// An object between transactions.
#[derive(Clone)]
struct Held {
    ty: Type,
    owner: NewOwner,
    value: Value,
    /// When it came into its inventory.
    since: u64,
}

/// The object pool of a unit test.
#[derive(Default)]
pub(crate) struct Scenario {
    held: BTreeMap<Address, Held>,
    taken: BTreeMap<Address, NewOwner>,
    /// Objects with a receiving ticket.
    tickets: BTreeMap<Address, Held>,
    /// Objects received in this transaction.
    received: BTreeSet<Address>,
    transfers: u64,
    /// Random seeds given so far.
    pub(super) seeds: u64,
}

impl Scenario {
    fn ids(&self, owner: NewOwner, ty: &Type) -> Vec<Address> {
        let held = self.held.iter().chain(&self.tickets);
        let mut found: Vec<_> = held
            .filter(|(_, held)| held.ty == *ty && same_inventory(held.owner, owner))
            .map(|(id, held)| (held.since, *id))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }

    fn most_recent(&self, owner: NewOwner, ty: &Type) -> Option<Address> {
        let ids = self.ids(owner, ty);
        ids.into_iter()
            .rev()
            .find(|id| !self.taken.contains_key(id))
    }
}

/// Objects owned through consensus lie in their owner's inventory like all others.
fn same_inventory(a: NewOwner, b: NewOwner) -> bool {
    let plain = |owner| match owner {
        NewOwner::ConsensusAddress(owner) => NewOwner::Address(owner),
        owner => owner,
    };
    plain(a) == plain(b)
}

pub(super) fn find(name: &str) -> Option<NativeFunction> {
    Some(match name {
        "end_transaction" => end_transaction,
        "take_from_address_by_id" => |state, types, args| {
            let id = arguments::id(args)?;
            let owner = NewOwner::Address(arguments::address(args)?);
            take(state, types, owner, id)
        },
        "take_shared_by_id" => |state, types, args| {
            let id = arguments::id(args)?;
            take(state, types, NewOwner::Shared, id)
        },
        "take_immutable_by_id" => |state, types, args| {
            let id = arguments::id(args)?;
            take(state, types, NewOwner::Immutable, id)
        },
        "ids_for_address" => |state, types, args| {
            let owner = NewOwner::Address(arguments::address(args)?);
            let ty = arguments::type_argument(types, 0)?;
            let ids = scenario(state)?.ids(owner, ty);
            Ok(vec![Value::Vector(ids.into_iter().map(id_value).collect())])
        },
        "most_recent_id_for_address" => |state, types, args| {
            let owner = NewOwner::Address(arguments::address(args)?);
            most_recent(state, types, owner)
        },
        "most_recent_id_shared" => |state, types, _| most_recent(state, types, NewOwner::Shared),
        "most_recent_immutable_id" => {
            |state, types, _| most_recent(state, types, NewOwner::Immutable)
        }
        "was_taken_from_address" => |state, _, args| {
            let id = arguments::id(args)?;
            let owner = NewOwner::Address(arguments::address(args)?);
            was_taken(state, owner, id)
        },
        "was_taken_shared" => {
            |state, _, args| was_taken(state, NewOwner::Shared, arguments::id(args)?)
        }
        "was_taken_immutable" => {
            |state, _, args| was_taken(state, NewOwner::Immutable, arguments::id(args)?)
        }
        "allocate_receiving_ticket_for_object" => allocate_ticket,
        "deallocate_receiving_ticket_for_object" => deallocate_ticket,
        _ => return None,
    })
}

/// What the transactions of this session left so far.
fn scenario<'s>(state: &'s mut State<'_>) -> VmResult<&'s mut Scenario> {
    state.extension.get()
}

fn id_value(id: Address) -> Value {
    Value::Struct(vec![Value::Address(id)])
}

fn take(state: &mut State<'_>, types: &[Type], owner: NewOwner, id: Address) -> NativeResult {
    let ty = arguments::type_argument(types, 0)?;
    let missing = NativeError::Abort(OBJECT_NOT_FOUND);
    let scenario = scenario(state)?;
    if scenario.taken.contains_key(&id) {
        return Err(missing);
    }
    let held = scenario.held.get(&id);
    let Some(held) = held.filter(|held| held.ty == *ty && same_inventory(held.owner, owner)) else {
        return Err(missing);
    };
    let value = held.value.clone();
    scenario.taken.insert(id, owner);
    state.objects.declare_input(id, input_owner(owner));
    Ok(vec![value])
}

fn input_owner(owner: NewOwner) -> InputOwner {
    match owner {
        NewOwner::Address(_) => InputOwner::Address,
        NewOwner::Shared => InputOwner::Shared,
        NewOwner::Immutable => InputOwner::Immutable,
        NewOwner::ConsensusAddress(_) => InputOwner::ConsensusAddress,
    }
}

fn most_recent(state: &mut State<'_>, types: &[Type], owner: NewOwner) -> NativeResult {
    let ty = arguments::type_argument(types, 0)?;
    let id = scenario(state)?.most_recent(owner, ty);
    let vector = Value::Vector(id.into_iter().map(id_value).collect());
    Ok(vec![Value::Struct(vec![vector])])
}

fn was_taken(state: &mut State<'_>, owner: NewOwner, id: Address) -> NativeResult {
    let taken = scenario(state)?.taken.get(&id) == Some(&owner);
    Ok(vec![Value::Bool(taken)])
}

fn allocate_ticket(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let id = arguments::id(args)?;
    let scenario = scenario(state)?;
    if scenario.tickets.contains_key(&id) {
        return Err(NativeError::Abort(TICKET_ALREADY_ALLOCATED));
    }
    match scenario.held.get(&id).map(|held| held.owner) {
        // The official machine gives no abort code for that either.
        None => return Err(VmError::invariant("receiving ticket for no object").into()),
        Some(NewOwner::Shared | NewOwner::Immutable) => {
            return Err(NativeError::Abort(OBJECT_NOT_FOUND));
        }
        Some(NewOwner::Address(_) | NewOwner::ConsensusAddress(_)) => {}
    }
    if let Some(held) = scenario.held.remove(&id) {
        scenario.tickets.insert(id, held);
    }
    Ok(vec![Value::U64(TICKET_VERSION)])
}

fn deallocate_ticket(state: &mut State<'_>, _: &[Type], args: &mut Vec<Value>) -> NativeResult {
    let id = arguments::id(args)?;
    let scenario = scenario(state)?;
    match scenario.tickets.remove(&id) {
        None => Err(NativeError::Abort(UNABLE_TO_DEALLOCATE_TICKET)),
        Some(held) => {
            scenario.held.insert(id, held);
            Ok(Vec::new())
        }
    }
}

/// `transfer::receive_impl`: of an object with a ticket, else as always.
pub(super) fn receive(
    state: &mut State<'_>,
    types: &[Type],
    args: &mut Vec<Value>,
) -> NativeResult {
    let version = arguments::u64(args)?;
    let id = arguments::id(args)?;
    let parent = arguments::address(args)?;
    let ty = arguments::type_argument(types, 0)?;
    let missing = NativeError::Abort(RECEIVED_MISSING);
    let Some(held) = scenario(state)?.tickets.get(&id).cloned() else {
        args.extend([Value::Address(parent), id_value(id), Value::U64(version)]);
        return super::super::object::receive_impl(state, types, args);
    };
    if held.owner != NewOwner::Address(parent) {
        return Err(missing);
    }
    if held.ty != *ty {
        return Err(NativeError::Abort(RECEIVED_OTHER_TYPE));
    }
    if version != TICKET_VERSION || !state.objects.record_received(parent, id, version) {
        return Err(missing);
    }
    scenario(state)?.received.insert(id);
    Ok(vec![held.value])
}

fn end_transaction(state: &mut State<'_>, _: &[Type], _: &mut Vec<Value>) -> NativeResult {
    close_tickets(scenario(state)?);
    let children: BTreeSet<Address> = state
        .objects
        .present_children()
        .map(|(id, ..)| id)
        .collect();
    let wrapped = find_wrapped(state)?;
    let transaction = state.objects.next_test_transaction();
    let scenario = state.extension.get::<Scenario>()?;
    let taken: BTreeMap<_, _> = scenario
        .taken
        .iter()
        .filter(|(_, owner)| matches!(owner, NewOwner::Shared | NewOwner::Immutable))
        .map(|(id, owner)| (*id, *owner))
        .collect();
    if misused(scenario, &transaction, &taken, &wrapped, &children) {
        return Err(NativeError::Abort(INVALID_SHARED_OR_IMMUTABLE_USAGE));
    }
    let written = transaction.transfers.iter().map(|(id, ..)| id);
    for id in transaction
        .deleted_ids
        .iter()
        .chain(written)
        .chain(&children)
    {
        scenario.held.remove(id);
        scenario.taken.remove(id);
    }
    for id in &wrapped {
        scenario.held.remove(id);
    }
    let effects = fold(scenario, transaction, &wrapped);
    for (id, owner) in &scenario.taken {
        state.objects.declare_input(*id, input_owner(*owner));
    }
    Ok(vec![effects])
}

/// Tickets end with the transaction: what was not received goes back to its inventory.
fn close_tickets(scenario: &mut Scenario) {
    let received = std::mem::take(&mut scenario.received);
    for (id, held) in std::mem::take(&mut scenario.tickets) {
        if !received.contains(&id) {
            scenario.held.insert(id, held);
        }
    }
}

/// Whether a shared or immutable object that was taken is not what it was.
fn misused(
    scenario: &Scenario,
    transaction: &TestTransaction,
    taken: &BTreeMap<Address, NewOwner>,
    wrapped: &BTreeSet<Address>,
    children: &BTreeSet<Address>,
) -> bool {
    let moved = transaction.transfers.iter().any(|(id, owner, _, value)| {
        taken.get(id).is_some_and(|before| {
            let changed = || {
                let old = scenario.held.get(id);
                let encoded = |value: &Value| crate::value::bcs::encode(value).ok();
                old.and_then(|held| encoded(&held.value)) != encoded(value)
            };
            before != owner || (*before == NewOwner::Immutable && changed())
        })
    });
    let gone = transaction
        .deleted_ids
        .iter()
        .any(|id| taken.get(id) == Some(&NewOwner::Immutable));
    let inside = taken
        .keys()
        .any(|id| wrapped.contains(id) || children.contains(id));
    moved || gone || inside
}

/// Puts the written objects into their inventories; gives the `TransactionEffects`.
fn fold(
    scenario: &mut Scenario,
    transaction: TestTransaction,
    wrapped: &BTreeSet<Address>,
) -> Value {
    let ids = |ids: Vec<Address>| Value::Vector(ids.into_iter().map(id_value).collect());
    let (mut created, mut written) = (Vec::new(), Vec::new());
    let mut to_account = Vec::new();
    let (mut shared, mut frozen) = (Vec::new(), Vec::new());
    for (id, owner, ty, value) in transaction.transfers {
        match transaction.new_ids.contains(&id) {
            true => created.push(id),
            false => written.push(id),
        }
        match owner {
            NewOwner::Address(owner) | NewOwner::ConsensusAddress(owner) => {
                to_account.push(Value::Struct(vec![id_value(id), Value::Address(owner)]));
            }
            NewOwner::Shared => shared.push(id),
            NewOwner::Immutable => frozen.push(id),
        }
        scenario.transfers = scenario.transfers.saturating_add(1);
        let since = scenario.transfers;
        let held = Held {
            ty,
            owner,
            value,
            since,
        };
        scenario.held.insert(id, held);
    }
    let deleted = transaction.deleted_ids.iter().chain(wrapped).copied();
    let map = |entries: Vec<Value>| Value::Struct(vec![Value::Vector(entries)]);
    Value::Struct(vec![
        ids(created),
        ids(written),
        ids(deleted.collect()),
        map(to_account),
        // A transfer names an address, also where that is an object's.
        map(Vec::new()),
        ids(shared),
        ids(frozen),
        Value::U64(transaction.events as u64),
    ])
}

/// Ids of all objects inside objects written now and inside children.
fn find_wrapped(state: &State<'_>) -> VmResult<BTreeSet<Address>> {
    let mut found = BTreeSet::new();
    for (_, ty, value) in state.objects.test_transfers() {
        collect_inner(value, ty, true, &mut found)?;
    }
    for (_, ty, cell) in state.objects.present_children() {
        if let Ok(value) = cell.try_borrow() {
            collect_inner(&value, ty, true, &mut found)?;
        }
    }
    Ok(found)
}

/// Collects the ids of `UID`s in `value`, without the object's own when it is the outermost.
fn collect_inner(
    value: &Value,
    ty: &Type,
    outermost: bool,
    found: &mut BTreeSet<Address>,
) -> VmResult<()> {
    match (ty, value) {
        (Type::Vector(inner), Value::Vector(items)) => {
            if matches!(**inner, Type::Vector(_) | Type::Datatype(..)) {
                for item in items {
                    collect_inner(item, inner, false, found)?;
                }
            }
        }
        (Type::Datatype(datatype, arguments), Value::Struct(items)) => {
            let DatatypeBody::Struct(fields) = &datatype.body else {
                return Ok(());
            };
            for (index, (field, item)) in fields.iter().zip(items).enumerate() {
                if !matches!(
                    item,
                    Value::Struct(_) | Value::Vector(_) | Value::Variant(..)
                ) {
                    continue;
                }
                let ty = field.ty.substitute(arguments)?;
                if !is_uid(&ty) {
                    collect_inner(item, &ty, false, found)?;
                } else if !(outermost && index == 0) {
                    found.extend(uid_address(item));
                }
            }
        }
        (Type::Datatype(datatype, arguments), Value::Variant(tag, items)) => {
            let DatatypeBody::Enum(variants) = &datatype.body else {
                return Ok(());
            };
            let fields = variants
                .get(usize::from(*tag))
                .map(|variant| &variant.fields);
            for (field, item) in fields.into_iter().flatten().zip(items) {
                collect_inner(item, &field.ty.substitute(arguments)?, false, found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_uid(ty: &Type) -> bool {
    ty.is_datatype(&crate::types::standard_id(2), "object", "UID")
}

fn uid_address(value: &Value) -> Option<Address> {
    let Value::Struct(uid) = value else {
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
