//! Contract runner: the compiled contracts on the chain's own virtual machine, called function by function, whatever their visibility.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "every test uses a part")]

pub(crate) mod values;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use sui_devchain_vm::{
    Argument, Linkage, NoObjects, Package, PackageStore, Session, SessionConfig, TxContext, Value,
    Vm, VmError, error::VmResult, package::Module,
};
use sui_sdk_types::{Address, Digest, Identifier, StructTag, TypeTag};
use walrus_artifacts::{WAL_PLACEHOLDER as WAL, WALRUS_PLACEHOLDER as WALRUS};
use walrus_economy::Abort;

/// Why a call failed; comparable with the model's [`Abort`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Code of a module.
    Code(String, u64),
    /// Overflow, lossy cast, division by zero, and other errors of the machine.
    Arithmetic,
}

impl From<Abort> for Failure {
    fn from(abort: Abort) -> Self {
        match abort {
            Abort::Code { module, code } => Self::Code(module.to_owned(), code),
            Abort::Arithmetic => Self::Arithmetic,
        }
    }
}

/// A type of package `walrus`.
pub(crate) fn walrus_type(module: &str, name: &str) -> TypeTag {
    let identifier = |text| Identifier::new(text).unwrap();
    StructTag::new(WALRUS, identifier(module), identifier(name), vec![]).into()
}

/// The packages and the machine.
pub(crate) struct Machine {
    vm: Vm,
    packages: Packages,
    linkage: Linkage,
}

struct Packages(BTreeMap<Address, Arc<Package>>);

impl PackageStore for Packages {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        Ok(self.0.get(&storage_id).cloned())
    }
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut packages = Packages(BTreeMap::new());
        for package in walrus_artifacts::framework().unwrap() {
            let modules = package.modules.into_iter().map(|(_, bytecode)| bytecode);
            packages.add(package.address, &package.dependencies, modules.collect());
        }
        for (id, package) in [
            (WAL, walrus_artifacts::Package::wal()),
            (WALRUS, walrus_artifacts::Package::walrus()),
        ] {
            let package = package.unwrap();
            packages.add(id, &package.dependencies, package.bytecode());
        }
        Self {
            vm: Vm::default(),
            linkage: Linkage(packages.0.keys().map(|id| (*id, *id)).collect()),
            packages,
        }
    }

    /// A session: what calls create lives as long as it.
    pub(crate) fn session(&self) -> Contracts<'_> {
        let context = TxContext {
            sender: Address::ZERO,
            digest: Digest::new([7; 32]),
            epoch: 0,
            epoch_timestamp_ms: 0,
            reference_gas_price: 0,
            gas_price: 0,
            gas_budget: 0,
            sponsor: None,
        };
        let config = SessionConfig {
            gas_limit: None,
            system: true,
            features: BTreeSet::new(),
        };
        Contracts {
            session: Session::new(&self.vm, &self.packages, &NoObjects, context, config),
            linkage: &self.linkage,
        }
    }
}

/// The contracts in one session.
pub(crate) struct Contracts<'a> {
    session: Session<'a>,
    linkage: &'a Linkage,
}

impl Contracts<'_> {
    /// Calls `walrus::module::function`.
    pub(crate) fn call(
        &mut self,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Result<Vec<Value>, Failure> {
        self.call_generic(module, function, &[], arguments)
    }

    /// Calls `walrus::module::function` with type arguments.
    pub(crate) fn call_generic(
        &mut self,
        module: &str,
        function: &str,
        types: &[TypeTag],
        arguments: Vec<Argument>,
    ) -> Result<Vec<Value>, Failure> {
        let result = self
            .session
            .call(self.linkage, WALRUS, module, function, types, arguments);
        result.map_err(|error| match error {
            VmError::Abort { location, code } => Failure::Code(location.module, code),
            VmError::Primitive { .. } => Failure::Arithmetic,
            other => panic!("{module}::{function}: {other}"),
        })
    }

    /// Calls `walrus::module::function`, which returns one value.
    pub(crate) fn get(
        &mut self,
        module: &str,
        function: &str,
        arguments: Vec<Argument>,
    ) -> Result<Value, Failure> {
        let mut results = self.call(module, function, arguments)?;
        assert_eq!(results.len(), 1, "{module}::{function}");
        Ok(results.remove(0))
    }
}

impl Packages {
    fn add(&mut self, id: Address, dependencies: &[Address], bytecode: Vec<Vec<u8>>) {
        let modules = bytecode.iter().map(|bytes| {
            let mut module = Module::parse(bytes).unwrap();
            module.set_self_address(id);
            module
        });
        let modules: Vec<Module> = modules.collect();
        let package = Package::first_version(id, &modules, dependencies.iter().copied());
        self.0.insert(id, Arc::new(package));
    }
}
