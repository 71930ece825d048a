//! Module interfaces: what compiled modules declare, and from the addresses in bytecode to storage ids (devchain spec
//! 1.4, 1.8).

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::Declarations;
use sui_devchain_vm::package::Module;
use sui_sdk_types::{Address, Identifier, MovePackage, Object, ObjectData, Version};

use crate::limits::DECLARATIONS_CACHE_BYTES;

/// The declarations of a compiled module; `None` only for bytes that no publication accepts.
pub(crate) fn declarations(bytes: &[u8]) -> Option<Declarations> {
    Module::parse(bytes)
        .ok()
        .map(|module| module.declarations())
}

/// A module of one version of a package. That never changes.
type ModuleKey = (Address, Version, Identifier);

/// Declarations of the modules that were asked for lately: every value that is shown in JSON needs those of its type.
#[derive(Debug)]
pub(crate) struct Declared(Cache<ModuleKey, Parsed, Bytes>);

/// Declarations, and the bytes of the module that they are in.
#[derive(Clone, Debug)]
struct Parsed {
    declarations: Arc<Declarations>,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<ModuleKey, Parsed> for Bytes {
    fn weight(&self, _: &ModuleKey, parsed: &Parsed) -> u64 {
        parsed.bytes as u64
    }
}

impl Default for Declared {
    fn default() -> Self {
        // Modules of a few kilobytes.
        let modules = usize::try_from(DECLARATIONS_CACHE_BYTES / 4096).unwrap_or_default();
        Self(Cache::with_weighter(
            modules,
            DECLARATIONS_CACHE_BYTES,
            Bytes,
        ))
    }
}

impl Declared {
    /// The declarations of a module of a package of the chain; `None` if it has no such module.
    pub(crate) fn of(
        &self,
        package: &MovePackage,
        module: &Identifier,
    ) -> Option<Arc<Declarations>> {
        let key = (package.id, package.version, module.clone());
        if let Some(known) = self.0.get(&key) {
            return Some(known.declarations);
        }
        let bytes = package.modules.get(module)?;
        let parsed = Parsed {
            declarations: Arc::new(declarations(bytes)?),
            bytes: bytes.len(),
        };
        let declarations = Arc::clone(&parsed.declarations);
        self.0.insert(key, parsed);
        Some(declarations)
    }
}

/// The id of version 1 of a package: the address in its own bytecode.
pub(crate) fn original_id(package: &MovePackage) -> Address {
    if package.version <= 1 {
        return package.id;
    }
    package
        .modules
        .values()
        .next()
        .and_then(|bytes| Module::parse(bytes).ok())
        .map_or(package.id, |module| module.self_address())
}

/// The storage id of the package version that introduced `original::module::name`, as `package`
/// sees it through its linkage.
pub(crate) fn defining_id(
    store: &dyn ObjectStore,
    package: &MovePackage,
    original: Address,
    module: &str,
    name: &str,
) -> Option<Address> {
    let origin = |package: &MovePackage| {
        package
            .type_origin_table
            .iter()
            .find(|origin| {
                origin.module_name.as_str() == module && origin.struct_name.as_str() == name
            })
            .map(|origin| origin.package)
    };
    if original == original_id(package) {
        return origin(package);
    }
    let linked = package
        .linkage_table
        .get(&original)
        .map_or(original, |link| link.upgraded_id);
    let object = store.latest(&linked)?;
    as_package(&object).and_then(origin)
}

fn as_package(object: &Object) -> Option<&MovePackage> {
    match object.data() {
        ObjectData::Package(package) => Some(package),
        _ => None,
    }
}
