//! Genesis: the first objects of a chain and the transaction that writes them (devchain spec 6.2).

mod creation;

use sui_devchain_vm::package::{Module, type_origins};
use sui_sdk_types::{
    Address, Digest, GenesisObject, GenesisTransaction, Identifier, MovePackage, Object,
    ObjectData, Owner, Transaction, TransactionKind, TypeOrigin, UpgradeInfo,
};
use thiserror::Error;
use walrus_artifacts::Package;

use crate::run::with_version;
use crate::{ChainParams, Executor, MemoryStore, Mode, Outcome, system};
pub use creation::SUPPLY;
use creation::creation;

/// SUI handed to one address at genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Who receives the coins.
    pub address: Address,
    /// How many coin objects.
    pub coins: u32,
    /// MIST in each coin.
    pub amount_per_coin: u64,
}

/// What a chain starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisOptions {
    /// Milliseconds since 1970; becomes the epoch start and the timestamp of checkpoint 0.
    pub chain_start_ms: u64,
    /// Coins to create; what is left of the supply of 10^10 SUI goes in one coin to the first
    /// allocation's address (or to 0x0 without allocations).
    pub allocations: Vec<Allocation>,
    /// Every id of genesis derives from this digest.
    pub seed: Digest,
}

/// A booted chain, ready to become checkpoint 0.
#[derive(Clone, Debug)]
pub struct Genesis {
    /// The raw objects in the genesis transaction: packages with version 1, Move objects with version 0.
    pub objects: Vec<GenesisObject>,
    /// The genesis transaction (kind tag 2).
    pub transaction: Transaction,
    /// Its outcome: every object created with version 1.
    pub outcome: Outcome,
}

/// Why genesis could not be built.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// The allocations exceed the supply.
    #[error("allocations of {requested} MIST exceed the supply of {supply} MIST")]
    Supply {
        /// Sum of the allocations.
        requested: u128,
        /// Total supply.
        supply: u64,
    },
    /// A framework function failed or is missing.
    #[error("{step} failed: {reason}")]
    Framework {
        /// What was being done.
        step: String,
        /// Why it failed.
        reason: String,
    },
}

/// Builds genesis from framework packages by running the framework's own creation functions with
/// sender 0x0 and visibility checks off. A chain has the object 0x5 if the package 0x3 is among them.
///
/// # Errors
/// When the framework bytecode does not load or a creation function aborts.
pub fn build(packages: &[Package], options: &GenesisOptions) -> Result<Genesis, GenesisError> {
    let mut store = MemoryStore::new();
    let mut objects = Vec::new();
    for package in packages {
        let data = ObjectData::Package(package_object(package)?);
        store.insert(Object::new(data.clone(), Owner::Immutable, Digest::ZERO, 0));
        objects.push(GenesisObject::new(data, Owner::Immutable));
    }
    let params = params(options);
    let scratch = creation(packages, options, &params)?;
    let created = Executor::new()
        .execute(&store, &params, &scratch, Mode::System)
        .map_err(|error| failed("creating the system objects", error))?;
    if let Some(message) = created.error_message {
        return Err(failed("creating the system objects", message));
    }
    for object in created.written.values() {
        objects.push(raw(object)?);
    }
    let body = GenesisTransaction {
        objects: objects.clone(),
    };
    let transaction = system::transaction(TransactionKind::Genesis(body));
    let outcome = Executor::new()
        .execute(&MemoryStore::new(), &params, &transaction, Mode::System)
        .map_err(|error| failed("the genesis transaction", error))?;
    Ok(Genesis {
        objects,
        transaction,
        outcome,
    })
}

fn params(options: &GenesisOptions) -> ChainParams {
    ChainParams {
        chain_id: Digest::ZERO,
        epoch: 0,
        epoch_start_ms: options.chain_start_ms,
        reference_gas_price: 1000,
    }
}

/// Version 1 of a framework package.
fn package_object(package: &Package) -> Result<MovePackage, GenesisError> {
    let step = "loading the framework";
    let modules = package
        .modules
        .iter()
        .map(|(_, bytes)| Module::parse(bytes).map_err(|error| failed(step, error)))
        .collect::<Result<Vec<_>, _>>()?;
    let origins = type_origins(&modules, package.address, &[])
        .map_err(|(module, name)| failed(step, format!("type {module}::{name}")))?;
    let identifier =
        |name: &str| Identifier::new(name).map_err(|error| failed(step, format!("{error:?}")));
    Ok(MovePackage {
        id: package.address,
        version: 1,
        modules: package.modules.iter().cloned().collect(),
        type_origin_table: origins
            .into_iter()
            .map(|origin| {
                Ok(TypeOrigin {
                    module_name: identifier(&origin.module)?,
                    struct_name: identifier(&origin.datatype)?,
                    package: origin.package,
                })
            })
            .collect::<Result<_, GenesisError>>()?,
        linkage_table: package
            .dependencies
            .iter()
            .map(|id| {
                let info = UpgradeInfo {
                    upgraded_id: *id,
                    upgraded_version: 1,
                };
                (*id, info)
            })
            .collect(),
    })
}

/// The object as the genesis transaction carries it: version 0, shared at version 0.
fn raw(object: &Object) -> Result<GenesisObject, GenesisError> {
    let value = object
        .as_struct()
        .and_then(|value| with_version(value, 0))
        .ok_or_else(|| failed("the genesis transaction", "a created object is no object"))?;
    let owner = match object.owner() {
        Owner::Shared(_) => Owner::Shared(0),
        owner => *owner,
    };
    Ok(GenesisObject::new(ObjectData::Struct(value), owner))
}

pub(super) fn failed(step: &str, reason: impl ToString) -> GenesisError {
    GenesisError::Framework {
        step: step.to_owned(),
        reason: reason.to_string(),
    }
}
