//! Limit tests of loading, at the edges.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use sui_sdk_types::{Address, Identifier, StructTag, TypeTag};

use super::{Caches, Loader};
use crate::error::{VmError, VmResult};
use crate::format::{CompiledModule, DatatypeHandle, FieldDef, StructDef, Token};
use crate::handmade::{PACKAGE, bytes, last, load_type, name, skeleton};
use crate::host::NativeTable;
use crate::limits;
use crate::linkage::Linkage;
use crate::package::Module;
use crate::store::{Package, PackageStore};
use crate::types::{AbilitySet, Datatype, DatatypeBody, Type};

/// `struct S0 { f: u8 }`, `struct S1 { f: S0 }`, … when `nested`; all of the first form otherwise.
fn structs(count: u16, nested: bool) -> CompiledModule {
    let mut module = skeleton();
    let field = name(&mut module, "f".into());
    for number in 0..count {
        let name = name(&mut module, format!("S{number}"));
        module.datatype_handles.push(DatatypeHandle {
            module: 0,
            name,
            abilities: AbilitySet::EMPTY,
            parameters: vec![],
        });
        let inner = number.checked_sub(1).filter(|_| nested);
        let token = inner.map_or(Token::U8, |inner| Token::Datatype(inner, vec![]));
        module.struct_defs.push(StructDef {
            handle: last(&module.datatype_handles),
            fields: Some(vec![FieldDef { name: field, token }]),
        });
    }
    module
}

fn tag(package: Address, number: usize) -> TypeTag {
    let name = Identifier::new(format!("S{number}")).unwrap();
    StructTag::new(package, Identifier::from_static("m"), name, vec![]).into()
}

#[test]
fn a_type_that_is_named_nests_so_deep() {
    let load = |depth: usize| {
        let vectors = |inner, _| TypeTag::Vector(Box::new(inner));
        let tag = (0..depth).fold(TypeTag::U8, vectors);
        load_type(&skeleton(), &tag)
    };
    assert!(load(limits::TYPE_DEPTH).is_ok());
    assert_eq!(
        load(limits::TYPE_DEPTH + 1),
        Err(VmError::primitive("type is nested too deeply"))
    );
}

#[test]
fn a_type_has_so_many_nodes() {
    let datatype = Arc::new(Datatype {
        defining_id: Address::TWO,
        original_id: Address::TWO,
        module: "m".into(),
        name: "Wide".into(),
        abilities: AbilitySet::EMPTY,
        parameters: vec![],
        depth: 1,
        body: DatatypeBody::Struct(vec![]),
    });
    // The datatype is a node, too.
    let size = |nodes: usize| {
        let arguments: Vec<Type> = vec![Type::U8; nodes - 1];
        Type::Datatype(datatype.clone(), arguments.into()).check_size()
    };
    assert_eq!(size(limits::TYPE_NODES), Ok(()));
    let refused = Err(VmError::primitive("type is too large or nested too deeply"));
    assert_eq!(size(limits::TYPE_NODES + 1), refused);
}

#[test]
fn datatypes_nest_so_deep() {
    // The innermost has a field of depth 1.
    let deepest = limits::DATATYPE_DEPTH - 2;
    let module = structs(limits::DATATYPE_DEPTH as u16, true);
    assert!(load_type(&module, &tag(PACKAGE, deepest)).is_ok());
    let Err(VmError::Verification(message)) = load_type(&module, &tag(PACKAGE, deepest + 1)) else {
        panic!("a datatype that is nested too deeply was loaded");
    };
    assert_eq!(message, "m::S127 is nested too deeply");
}

/// Has the same module in every package.
struct Everywhere(Module);

impl PackageStore for Everywhere {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        let package = Package::first_version(storage_id, std::slice::from_ref(&self.0), []);
        Ok(Some(Arc::new(package)))
    }
}

fn id(number: usize) -> Address {
    let mut bytes = [0; 32];
    bytes
        .split_at_mut(24)
        .1
        .copy_from_slice(&(number as u64).to_be_bytes());
    Address::new(bytes)
}

/// Fills a cache to its limit, and asks how many entries it has then, and after one more.
fn edge(limit: usize, fill: impl Fn(usize), entries: impl Fn() -> usize) {
    (0..limit).for_each(&fill);
    assert_eq!(entries(), limit);
    fill(limit);
    assert_eq!(entries(), 1);
}

#[test]
fn caches_start_anew_above_their_limits() {
    let count = limits::DATATYPE_DEFINITIONS;
    let module = Module::parse(&bytes(&structs(count as u16, false))).unwrap();
    let store = Everywhere(module);
    let caches = Caches::default();
    let loader = Loader::new(NativeTable::sui(), &caches, &store);
    edge(
        limits::CACHED_PACKAGES,
        |number| drop(loader.package(id(number)).unwrap()),
        || caches.packages.read().unwrap().len(),
    );
    edge(
        limits::CACHED_LINKAGES,
        |number| drop(loader.context(&Linkage(BTreeMap::from([(id(number), id(number))])))),
        || caches.contexts.read().unwrap().len(),
    );
    edge(
        limits::CACHED_DATATYPES,
        |number| {
            drop(
                loader
                    .load_tag(&tag(id(number / count), number % count))
                    .unwrap(),
            )
        },
        || caches.datatypes.read().unwrap().len(),
    );
}
