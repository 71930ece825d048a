//! Stores that the machine reads: packages and stored objects.

use std::{collections::BTreeMap, sync::Arc};

use sui_sdk_types::{Address, StructTag};

use crate::error::VmResult;

/// Which package version introduced a datatype (devchain spec 2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeOrigin {
    /// Module name.
    pub module: String,
    /// Datatype name.
    pub datatype: String,
    /// Storage id of the version that introduced it (the defining id).
    pub package: Address,
}

/// One entry of a package's linkage table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkageEntry {
    /// Storage id of the linked version.
    pub storage_id: Address,
    /// Its version.
    pub version: u64,
}

/// One version of a package as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Object id of this version.
    pub storage_id: Address,
    /// Object id of version 1; the address inside the bytecode.
    pub original_id: Address,
    /// Version, from 1.
    pub version: u64,
    /// Compiled modules by name.
    pub modules: BTreeMap<String, Vec<u8>>,
    /// Origins of all datatypes, in the order of the package object.
    pub type_origins: Vec<TypeOrigin>,
    /// Linkage table: original id of a dependency to the linked version.
    pub linkage: BTreeMap<Address, LinkageEntry>,
}

/// Gives packages by storage id.
pub trait PackageStore {
    /// The package stored under `storage_id`, or `None`. Errors are reported as `VmError::Storage`.
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>>;
}

/// A stored Move object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Type with defining ids.
    pub object_type: StructTag,
    /// Version.
    pub version: u64,
    /// BCS contents (first 32 bytes are the id).
    pub contents: Vec<u8>,
}

/// Gives children (owner `Object(parent)`) and receivable objects (owner `Address(parent)`).
pub trait ChildStore {
    /// The latest version of object `id` if its owner is `Object(parent)`, else `None`.
    fn child(&self, parent: Address, id: Address) -> VmResult<Option<StoredObject>>;

    /// The object `id` if it is stored at exactly `version` (its latest) with owner `Address(parent)`, else `None`.
    fn receivable(
        &self,
        parent: Address,
        id: Address,
        version: u64,
    ) -> VmResult<Option<StoredObject>>;
}

/// A store without any objects: for code that makes all it works on itself.
#[derive(Clone, Copy, Debug)]
pub struct NoObjects;

impl ChildStore for NoObjects {
    fn child(&self, _: Address, _: Address) -> VmResult<Option<StoredObject>> {
        Ok(None)
    }

    fn receivable(&self, _: Address, _: Address, _: u64) -> VmResult<Option<StoredObject>> {
        Ok(None)
    }
}
