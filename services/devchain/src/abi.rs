//! Module interfaces: what compiled modules declare, and from the addresses in bytecode to storage ids (devchain spec
//! 1.4, 1.8).

use sui_devchain_executor::ObjectStore;
use sui_devchain_vm::declarations::Declarations;
use sui_devchain_vm::package::Module;
use sui_sdk_types::{Address, MovePackage, Object, ObjectData};

/// The declarations of a compiled module; `None` only for bytes that no publication accepts.
pub(crate) fn declarations(bytes: &[u8]) -> Option<Declarations> {
    Module::parse(bytes)
        .ok()
        .map(|module| module.declarations())
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
