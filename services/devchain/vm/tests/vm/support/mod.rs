//! A chain in memory that holds the framework, for tests.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod random;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use sui_devchain_vm::{
    Argument, ChildStore, Linkage, LinkageEntry, Package, PackageStore, Session, SessionConfig,
    StoredObject, TxContext, Value, Vm, VmError, error::VmResult, package::Module,
};
use sui_sdk_types::{Address, Digest, TypeTag};

pub fn id(number: u64) -> Address {
    let mut bytes = [0; 32];
    bytes[24..].copy_from_slice(&number.to_be_bytes());
    Address::new(bytes)
}

pub fn tag(text: &str) -> TypeTag {
    text.parse().unwrap()
}

/// The one number that a function returned.
pub fn u64_of(values: &[Value]) -> u64 {
    match values {
        [Value::U64(value)] => *value,
        other => panic!("u64 expected, got {other:?}"),
    }
}

#[derive(Default)]
pub struct World {
    pub packages: BTreeMap<Address, Arc<Package>>,
    pub objects: Mutex<BTreeMap<Address, (Address, StoredObject)>>,
}

impl PackageStore for World {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        Ok(self.packages.get(&storage_id).cloned())
    }
}

impl ChildStore for World {
    fn child(&self, parent: Address, id: Address) -> VmResult<Option<StoredObject>> {
        let objects = self.objects.lock().unwrap();
        Ok(objects
            .get(&id)
            .filter(|(owner, _)| *owner == parent)
            .map(|(_, object)| object.clone()))
    }

    fn receivable(
        &self,
        parent: Address,
        id: Address,
        version: u64,
    ) -> VmResult<Option<StoredObject>> {
        Ok(self
            .child(parent, id)?
            .filter(|object| object.version == version))
    }
}

/// All modules of the framework: (package address, module name, bytes).
pub fn framework_modules() -> Vec<(Address, String, Vec<u8>)> {
    modules(walrus_artifacts::framework().unwrap())
}

/// All modules of a file of compiled packages.
pub fn artifact_modules(text: &str) -> Vec<(Address, String, Vec<u8>)> {
    modules(walrus_artifacts::parse(text).unwrap())
}

/// All modules of compiled packages.
pub fn modules(packages: Vec<walrus_artifacts::Package>) -> Vec<(Address, String, Vec<u8>)> {
    let with_address = |package: walrus_artifacts::Package| {
        let address = package.address;
        let modules = package.modules.into_iter();
        modules.map(move |(name, bytes)| (address, name.to_string(), bytes))
    };
    packages.into_iter().flat_map(with_address).collect()
}

/// Puts a package that is compiled for publication at `at`.
pub fn publish(
    world: &mut World,
    artifact: &walrus_artifacts::Package,
    at: Address,
) -> Arc<Package> {
    let modules: Vec<Module> = artifact
        .modules
        .iter()
        .map(|(_, bytes)| {
            let mut module = Module::parse(bytes).unwrap();
            assert_eq!(module.self_address(), Address::ZERO);
            module.set_self_address(at);
            module
        })
        .collect();
    let dependencies = artifact.dependencies.iter().copied();
    let package = Arc::new(Package::first_version(at, &modules, dependencies));
    world.packages.insert(at, package.clone());
    package
}

pub fn package(
    storage_id: Address,
    modules: &[Vec<u8>],
    linkage: BTreeMap<Address, LinkageEntry>,
) -> Package {
    let parsed: Vec<Module> = modules
        .iter()
        .map(|bytes| Module::parse(bytes).unwrap())
        .collect();
    Package {
        linkage,
        ..Package::first_version(storage_id, &parsed, [])
    }
}

pub fn framework() -> World {
    let mut world = World::default();
    let modules = framework_modules();
    for number in [1, 2] {
        let bytes: Vec<_> = modules
            .iter()
            .filter(|(address, ..)| *address == id(number))
            .map(|(_, _, bytes)| bytes.clone())
            .collect();
        let mut linkage = BTreeMap::new();
        if number == 2 {
            linkage.insert(
                id(1),
                LinkageEntry {
                    storage_id: id(1),
                    version: 1,
                },
            );
        }
        world
            .packages
            .insert(id(number), Arc::new(package(id(number), &bytes, linkage)));
    }
    world
}

pub fn linkage(world: &World) -> Linkage {
    Linkage(
        world
            .packages
            .values()
            .map(|package| (package.original_id, package.storage_id))
            .collect(),
    )
}

pub fn session<'a>(vm: &'a Vm, world: &'a World, gas_limit: Option<u64>) -> Session<'a> {
    let context = TxContext {
        sender: id(0xabc),
        digest: Digest::new([0; 32]),
        epoch: 7,
        epoch_timestamp_ms: 1_000,
        reference_gas_price: 1000,
        gas_price: 1000,
        gas_budget: 1_000_000,
        sponsor: None,
    };
    let features: BTreeSet<String> = ["enable_accumulators".to_owned()].into();
    Session::new(
        vm,
        world,
        world,
        context,
        SessionConfig {
            gas_limit,
            system: false,
            features,
        },
    )
}

/// Runs one function of a fresh session with plain values.
pub fn run(
    target: (u64, &str, &str),
    types: &[TypeTag],
    arguments: Vec<Value>,
) -> Result<Vec<Value>, VmError> {
    let (vm, world) = (Vm::default(), framework());
    let mut session = session(&vm, &world, Some(5_000_000_000));
    let arguments = arguments.into_iter().map(Argument::Value).collect();
    session.call(
        &linkage(&world),
        id(target.0),
        target.1,
        target.2,
        types,
        arguments,
    )
}
