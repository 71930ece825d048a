//! Publishing: pure functions over compiled modules (devchain spec 2.5, 3.6).
//!
//! The order of the executor for publish: [`Module::parse`] each, check [`Module::self_address`] is zero,
//! [`Module::set_self_address`], [`Module::dependencies`] against the linkage, [`type_origins`], build the
//! [`crate::Package`] from [`Module::to_bytes`], `Session::verify_package`, `Session::add_package`, then run `init`
//! of modules with [`Module::init`].

use std::collections::{BTreeMap, BTreeSet};

use sui_sdk_types::Address;

use crate::{
    error::{VmError, VmResult},
    format::CompiledModule,
    store::{LinkageEntry, Package, TypeOrigin},
};

/// How `init` of a module is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InitShape {
    /// `init(&mut TxContext)`
    Context,
    /// `init(OTW, &mut TxContext)`: the witness value is [`crate::Value::witness`].
    Witness,
}

/// A parsed compiled module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module(pub(crate) CompiledModule);

impl Module {
    /// Parses and bounds-checks a module (format 6..7, no metadata, no trailing bytes, table limits).
    ///
    /// # Errors
    /// `VmError::Verification`.
    pub fn parse(bytes: &[u8]) -> VmResult<Self> {
        CompiledModule::parse(bytes)
            .map(Self)
            .map_err(VmError::Verification)
    }

    /// Module name.
    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// Address of the self handle.
    pub fn self_address(&self) -> Address {
        self.0.self_address()
    }

    /// Overwrites the address-pool entry of the self handle (which also retargets sibling references).
    pub fn set_self_address(&mut self, address: Address) {
        let handle = self.0.module_handles.get(usize::from(self.0.self_handle));
        let index = handle.map(|handle| usize::from(handle.address));
        if let Some(place) = index.and_then(|index| self.0.addresses.get_mut(index)) {
            *place = address;
        }
    }

    /// Original ids of the packages of all module handles other than self.
    pub fn dependencies(&self) -> BTreeSet<Address> {
        let own = self.self_address();
        let handles = self.0.module_handles.iter();
        handles
            .map(|handle| self.0.address(handle.address))
            .filter(|address| *address != own)
            .collect()
    }

    /// Serialises at the same format version.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// Datatype names in type-origin order: structs, then enums.
    pub fn datatypes(&self) -> Vec<String> {
        let structs = self.0.struct_defs.iter().map(|def| def.handle);
        let enums = self.0.enum_defs.iter().map(|def| def.handle);
        structs
            .chain(enums)
            .map(|handle| self.0.datatype_name(handle).to_owned())
            .collect()
    }

    /// Names of the functions that it declares as native.
    pub(crate) fn natives(&self) -> impl Iterator<Item = &str> {
        let natives = self.0.function_defs.iter().filter(|def| def.code.is_none());
        natives.map(|def| self.0.function_name(def))
    }

    /// Whether the module has a function named `init`, and with which shape.
    pub fn init(&self) -> Option<InitShape> {
        let def = self
            .0
            .function_defs
            .iter()
            .find(|def| self.0.function_name(def) == "init")?;
        let handle = self.0.function_handles.get(usize::from(def.handle))?;
        Some(if self.0.signature(handle.parameters).len() >= 2 {
            InitShape::Witness
        } else {
            InitShape::Context
        })
    }
}

impl Package {
    /// The first version of a package, each of whose dependencies links to its first version.
    pub fn first_version(
        storage_id: Address,
        modules: &[Module],
        dependencies: impl IntoIterator<Item = Address>,
    ) -> Self {
        let linked = |storage_id| {
            let version = 1;
            let entry = LinkageEntry {
                storage_id,
                version,
            };
            (storage_id, entry)
        };
        Self {
            storage_id,
            original_id: storage_id,
            version: 1,
            modules: modules
                .iter()
                .map(|module| (module.name().to_owned(), module.to_bytes()))
                .collect(),
            // Without an earlier version no datatype can be missing, which is all that could fail.
            type_origins: type_origins(modules, storage_id, &[]).unwrap_or_default(),
            linkage: dependencies.into_iter().map(linked).collect(),
        }
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
    let mut known: BTreeMap<(String, String), Address> = previous
        .iter()
        .map(|origin| {
            (
                (origin.module.clone(), origin.datatype.clone()),
                origin.package,
            )
        })
        .collect();
    let mut origins = Vec::new();
    for module in modules {
        for datatype in module.datatypes() {
            let key = (module.name().to_owned(), datatype);
            let package = known.remove(&key).unwrap_or(storage_id);
            origins.push(TypeOrigin {
                module: key.0,
                datatype: key.1,
                package,
            });
        }
    }
    match known.into_keys().next() {
        Some(gone) => Err(gone),
        None => Ok(origins),
    }
}

/// The package digest of upgrade tickets over the supplied module bytes and dependency storage ids (devchain spec 2.2).
pub fn digest(modules: &[Vec<u8>], dependencies: &[Address]) -> [u8; 32] {
    let hash = |bytes: &[u8]| -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(
            blake2b_simd::Params::new()
                .hash_length(32)
                .hash(bytes)
                .as_bytes(),
        );
        out
    };
    let mut parts: Vec<[u8; 32]> = modules.iter().map(|bytes| hash(bytes)).collect();
    parts.extend(dependencies.iter().map(|id| id.into_inner()));
    parts.sort_unstable();
    hash(&parts.concat())
}
