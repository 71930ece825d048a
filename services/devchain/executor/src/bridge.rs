//! Adapter between object store and machine: packages by storage id, children by parent,
//! receivable objects by version.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use sui_devchain_vm::error::{VmError, VmResult};
use sui_devchain_vm::package::Module;
use sui_devchain_vm::store::{
    ChildStore, LinkageEntry, Package, PackageStore, StoredObject, TypeOrigin,
};
use sui_sdk_types::{Address, MovePackage, Object, ObjectData, Owner, Version};

use crate::ObjectStore;

/// Most packages kept in decoded form; beyond it the cache starts over.
const PACKAGE_CACHE_ENTRIES: usize = 1024;

/// Decoded packages by id and version.
#[derive(Debug, Default)]
pub(crate) struct PackageCache(RwLock<BTreeMap<(Address, Version), Arc<Package>>>);

impl PackageCache {
    fn get(&self, key: (Address, Version)) -> Option<Arc<Package>> {
        let cache = self.0.read().unwrap_or_else(PoisonError::into_inner);
        cache.get(&key).cloned()
    }

    fn insert(&self, key: (Address, Version), package: Arc<Package>) {
        let mut cache = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if cache.len() >= PACKAGE_CACHE_ENTRIES {
            cache.clear();
        }
        cache.insert(key, package);
    }
}

/// Borrows a store for the duration of one transaction.
pub(crate) struct Bridge<'a> {
    store: &'a dyn ObjectStore,
    cache: &'a PackageCache,
}

impl<'a> Bridge<'a> {
    pub(crate) fn new(store: &'a dyn ObjectStore, cache: &'a PackageCache) -> Self {
        Self { store, cache }
    }
}

impl PackageStore for Bridge<'_> {
    fn package(&self, storage_id: Address) -> VmResult<Option<Arc<Package>>> {
        let Some(object) = self.store.latest(&storage_id) else {
            return Ok(None);
        };
        let ObjectData::Package(stored) = object.data() else {
            return Ok(None);
        };
        let key = (storage_id, stored.version);
        if let Some(package) = self.cache.get(key) {
            return Ok(Some(package));
        }
        let package = Arc::new(decode(stored)?);
        self.cache.insert(key, Arc::clone(&package));
        Ok(Some(package))
    }
}

impl ChildStore for Bridge<'_> {
    fn child(&self, parent: Address, id: Address) -> VmResult<Option<StoredObject>> {
        Ok(self
            .store
            .latest(&id)
            .filter(|object| *object.owner() == Owner::Object(parent))
            .and_then(|object| stored(&object)))
    }

    fn receivable(
        &self,
        parent: Address,
        id: Address,
        version: u64,
    ) -> VmResult<Option<StoredObject>> {
        Ok(self
            .store
            .latest(&id)
            .filter(|object| {
                object.version() == version && *object.owner() == Owner::Address(parent)
            })
            .and_then(|object| stored(&object)))
    }
}

fn stored(object: &Object) -> Option<StoredObject> {
    let value = object.as_struct()?;
    Some(StoredObject {
        object_type: value.object_type().clone(),
        version: value.version(),
        contents: value.contents().to_vec(),
    })
}

/// A package object as the machine's package.
pub(crate) fn decode(package: &MovePackage) -> VmResult<Package> {
    Ok(Package {
        storage_id: package.id,
        original_id: original_id(package)?,
        version: package.version,
        modules: package
            .modules
            .iter()
            .map(|(name, bytes)| (name.as_str().to_owned(), bytes.clone()))
            .collect(),
        type_origins: package
            .type_origin_table
            .iter()
            .map(|origin| TypeOrigin {
                module: origin.module_name.as_str().to_owned(),
                datatype: origin.struct_name.as_str().to_owned(),
                package: origin.package,
            })
            .collect(),
        linkage: package
            .linkage_table
            .iter()
            .map(|(original, info)| {
                let entry = LinkageEntry {
                    storage_id: info.upgraded_id,
                    version: info.upgraded_version,
                };
                (*original, entry)
            })
            .collect(),
    })
}

/// The id of version 1, which later versions carry only inside their bytecode.
pub(crate) fn original_id(package: &MovePackage) -> VmResult<Address> {
    if package.version == 1 {
        return Ok(package.id);
    }
    let bytes = package
        .modules
        .values()
        .next()
        .ok_or_else(|| VmError::Invariant(format!("package {} has no modules", package.id)))?;
    Ok(Module::parse(bytes)?.self_address())
}
