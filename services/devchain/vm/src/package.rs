//! Pure functions over compiled modules for publishing and upgrading (devchain spec 2.5, 3.6).
//!
//! The order of the executor for publish: [`Module::parse`] each, check [`Module::self_address`] is zero,
//! [`Module::set_self_address`], [`Module::dependencies`] against the linkage, [`type_origins`], build the
//! [`crate::Package`] from [`Module::to_bytes`], `Session::verify_package`, `Session::add_package`, then run `init`
//! of modules with [`Module::init`].

use std::collections::BTreeSet;

use sui_sdk_types::Address;

use crate::{
    error::{VmError, VmResult},
    store::TypeOrigin,
};

/// Policy of an upgrade (devchain spec 2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpgradePolicy {
    /// 0
    Compatible,
    /// 128
    Additive,
    /// 192
    DependencyOnly,
}

impl UpgradePolicy {
    /// From the ticket's byte; `None` if unknown.
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Compatible),
            128 => Some(Self::Additive),
            192 => Some(Self::DependencyOnly),
            _ => None,
        }
    }
}

/// How `init` of a module is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitShape {
    /// `init(&mut TxContext)`
    Context,
    /// `init(OTW, &mut TxContext)`: the witness value is [`crate::Value::witness`].
    Witness,
}

/// A parsed compiled module.
#[derive(Clone, Debug)]
pub struct Module {}

impl Module {
    /// Parses and bounds-checks a module (format 6..7, no metadata, no trailing bytes, table limits).
    ///
    /// # Errors
    /// `VmError::Verification`.
    pub fn parse(bytes: &[u8]) -> VmResult<Self> {
        let _ = bytes;
        Err(VmError::Verification(String::new()))
    }

    /// Module name.
    pub fn name(&self) -> &str {
        ""
    }

    /// Address of the self handle.
    pub fn self_address(&self) -> Address {
        Address::ZERO
    }

    /// Overwrites the address-pool entry of the self handle (which also retargets sibling references).
    pub fn set_self_address(&mut self, address: Address) {
        let _ = address;
    }

    /// Original ids of the packages of all module handles other than self.
    pub fn dependencies(&self) -> BTreeSet<Address> {
        BTreeSet::new()
    }

    /// Serialises at the same format version.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Datatype names in type-origin order: structs, then enums.
    pub fn datatypes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the module has a function named `init`, and with which shape.
    pub fn init(&self) -> Option<InitShape> {
        None
    }
}

/// Type origins of a new package version: known datatypes keep their origin, new ones get `storage_id`
/// (devchain spec 2.2, 2.5). `previous` is empty for a first publish.
///
/// # Errors
/// The (module, datatype) that disappeared.
pub fn type_origins(
    modules: &[Module],
    storage_id: Address,
    previous: &[TypeOrigin],
) -> Result<Vec<TypeOrigin>, (String, String)> {
    let _ = (modules, storage_id, previous);
    Ok(Vec::new())
}

/// The package digest of upgrade tickets over the supplied module bytes and dependency storage ids (devchain spec 2.2).
pub fn digest(modules: &[Vec<u8>], dependencies: &[Address]) -> [u8; 32] {
    let _ = (modules, dependencies);
    [0; 32]
}

/// Checks an upgrade of all modules (devchain spec 2.5, per-module rules).
///
/// # Errors
/// What is incompatible, in words.
pub fn check_upgrade(policy: UpgradePolicy, old: &[Module], new: &[Module]) -> Result<(), String> {
    let _ = (policy, old, new);
    Ok(())
}
