//! Limit tests of what a transaction does to objects, at their edges.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use sui_sdk_types::Address;

use super::NewOwner;
use super::runtime::ObjectRuntime;
use crate::error::VmResult;
use crate::limits;
use crate::store::NoObjects;
use crate::types::{AbilitySet, Datatype, DatatypeBody, Field, Type};
use crate::value::Value;

fn id(number: usize) -> Address {
    let mut bytes = [0; 32];
    let number = u64::try_from(number).unwrap();
    bytes
        .split_at_mut(24)
        .1
        .copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

/// `limit` times it works, once more it does not.
fn edge<T>(limit: usize, mut act: impl FnMut(usize) -> VmResult<T>) {
    for number in 0..limit {
        act(number).unwrap();
    }
    assert!(act(limit).is_err());
}

fn datatype(field: Type) -> Type {
    let name = "E".to_owned();
    let datatype = Datatype {
        defining_id: Address::TWO,
        original_id: Address::TWO,
        module: "m".into(),
        name,
        abilities: AbilitySet::PRIMITIVE,
        parameters: vec![],
        depth: 2,
        body: DatatypeBody::Struct(vec![Field {
            name: "f".into(),
            ty: field,
        }]),
    };
    Type::Datatype(Arc::new(datatype), Arc::new([]))
}

#[test]
fn so_many_ids_are_new_deleted_or_transferred() {
    for (system, limit) in [(false, limits::IDS), (true, limits::SYSTEM_IDS)] {
        let mut objects = ObjectRuntime::new(system);
        edge(limit, |number| objects.record_new(id(number)));
        let mut objects = ObjectRuntime::new(system);
        edge(limit, |number| objects.record_deleted(id(number)));
        let mut objects = ObjectRuntime::new(system);
        edge(limit, |number| {
            let uid = Value::Struct(vec![Value::Struct(vec![Value::Address(id(number))])]);
            let object = Value::Struct(vec![uid]);
            objects.transfer(NewOwner::Immutable, datatype(Type::Bool), object)
        });
    }
}

#[test]
fn so_many_children_are_looked_up() {
    for (system, limit) in [(false, limits::CHILDREN), (true, limits::SYSTEM_CHILDREN)] {
        let mut objects = ObjectRuntime::new(system);
        let parent = id(usize::MAX);
        edge(limit, |number| {
            objects.has_child(&NoObjects, parent, id(number))
        });
        // One that is known already is no other one.
        objects.has_child(&NoObjects, parent, id(0)).unwrap();
    }
}

#[test]
fn so_many_events_are_emitted() {
    let ty = datatype(Type::Bool);
    let event = Value::Struct(vec![Value::Bool(true)]);
    let mut objects = ObjectRuntime::new(false);
    edge(limits::EVENTS, |_| objects.emit(&ty, &event));
}

/// An event of so many bytes, its type included.
fn event(bytes: usize) -> (Type, Value) {
    let ty = datatype(Type::Vector(Arc::new(Type::U8)));
    let tag = bcs::serialized_size(&ty.to_struct_tag().unwrap()).unwrap();
    // Lengths of this size take three bytes.
    let contents = vec![7; bytes - tag - 3];
    (ty, Value::Struct(vec![Value::Bytes(contents)]))
}

#[test]
fn events_are_so_large() {
    let (ty, value) = event(limits::EVENT_BYTES);
    let size = ObjectRuntime::new(false).emit(&ty, &value).unwrap();
    assert_eq!(size, limits::EVENT_BYTES);
    let (ty, value) = event(limits::EVENT_BYTES + 1);
    assert!(ObjectRuntime::new(false).emit(&ty, &value).is_err());
    let (ty, value) = event(limits::EVENT_BYTES);
    let mut objects = ObjectRuntime::new(false);
    edge(limits::EVENTS_BYTES / limits::EVENT_BYTES, |_| {
        objects.emit(&ty, &value)
    });
}
