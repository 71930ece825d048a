//! Publish and Upgrade (devchain spec 2.5).

mod linkage;
mod publish;
mod upgrade;

use std::collections::BTreeMap;
use std::sync::Arc;

use sui_devchain_vm::package::{Module, type_origins};
use sui_devchain_vm::store::{Package, TypeOrigin as VmTypeOrigin};
use sui_devchain_vm::{Type, Value};
use sui_sdk_types::{
    Address, ExecutionError, Identifier, MovePackage, PackageUpgradeError, StructTag, TypeOrigin,
    UpgradeInfo, Version,
};

use crate::failure::Failure;
use crate::gas::{PUBLISH_INTERNAL_PER_BYTE, package_bytes};
use crate::limits::MAX_PACKAGE_BYTES;
use crate::ptb::Ptb;

/// Original id of a dependency to its linked version.
pub(crate) type LinkageTable = BTreeMap<Address, UpgradeInfo>;

/// A package version being made.
pub(crate) struct NewPackage {
    pub(crate) object: MovePackage,
    pub(crate) decoded: Arc<Package>,
}

/// Identity of a package version being made.
struct Identity<'p> {
    storage_id: Address,
    original_id: Address,
    version: Version,
    previous_origins: &'p [VmTypeOrigin],
}

impl Ptb<'_> {
    /// Charges for the bytes and parses every module.
    fn parse_modules(&mut self, modules: &[Vec<u8>]) -> Result<Vec<Module>, Failure> {
        let bytes: usize = modules.iter().map(Vec::len).sum();
        self.session
            .charge((bytes as u64).saturating_mul(PUBLISH_INTERNAL_PER_BYTE))?;
        modules
            .iter()
            .map(|bytes| Module::parse(bytes).map_err(Failure::from))
            .collect()
    }

    /// Builds, sizes and verifies a package version, and makes it known to the session.
    fn make_package(
        &mut self,
        identity: &Identity<'_>,
        modules: &[Module],
        linkage: &LinkageTable,
    ) -> Result<NewPackage, Failure> {
        let package = sized_package(identity, modules, linkage)?;
        self.verify(&package)?;
        Ok(package)
    }

    /// Verifies a package version and makes it known to the session.
    fn verify(&mut self, package: &NewPackage) -> Result<(), Failure> {
        self.session.verify_package(&package.decoded)?;
        self.session.add_package(Arc::clone(&package.decoded));
        Ok(())
    }

    /// Keeps a new package version as a write of the transaction.
    fn keep_package(&mut self, package: NewPackage) {
        self.packages.push(package.object);
        self.new_packages.push(package.decoded);
    }

    /// A type of `0x2::package`.
    fn package_type(&mut self, name: &str) -> Result<Type, Failure> {
        let name = Identifier::new(name).map_err(|_| Failure::invariant("type name"))?;
        let module = Identifier::from_static("package");
        let tag = StructTag::new(Address::TWO, module, name, Vec::new());
        Ok(self.session.load_type(&tag.into())?)
    }
}

/// Builds a package version, which must not be too large.
fn sized_package(
    identity: &Identity<'_>,
    modules: &[Module],
    linkage: &LinkageTable,
) -> Result<NewPackage, Failure> {
    let object = package_object(identity, modules, linkage)?;
    check_size(&object)?;
    let mut decoded = crate::bridge::decode(&object)?;
    decoded.original_id = identity.original_id;
    let decoded = Arc::new(decoded);
    Ok(NewPackage { object, decoded })
}

fn check_size(object: &MovePackage) -> Result<(), Failure> {
    let size = package_bytes(object);
    if size <= MAX_PACKAGE_BYTES {
        return Ok(());
    }
    Err(Failure::new(
        ExecutionError::PackageTooBig {
            object_size: size,
            max_object_size: MAX_PACKAGE_BYTES,
        },
        format!("the package has {size} bytes"),
    ))
}

/// Every self address must be zero before the package has an id.
fn check_self_addresses(modules: &[Module]) -> Result<(), Failure> {
    match modules
        .iter()
        .find(|module| module.self_address() != Address::ZERO)
    {
        None => Ok(()),
        Some(module) => Err(Failure::new(
            ExecutionError::PublishErrorNonZeroAddress,
            format!("module {} is not at address 0x0", module.name()),
        )),
    }
}

fn package_object(
    identity: &Identity<'_>,
    modules: &[Module],
    linkage: &LinkageTable,
) -> Result<MovePackage, Failure> {
    let mut named = BTreeMap::new();
    for module in modules {
        let name = identifier(module.name())?;
        if named.insert(name, module.to_bytes()).is_some() {
            return Err(Failure::new(
                ExecutionError::VmVerificationOrDeserializationError,
                format!("module {} is given twice", module.name()),
            ));
        }
    }
    let origins = type_origins(modules, identity.storage_id, identity.previous_origins).map_err(
        |(module, datatype)| {
            Failure::new(
                ExecutionError::PackageUpgradeError {
                    kind: PackageUpgradeError::IncompatibleUpgrade,
                },
                format!("datatype {module}::{datatype} disappeared"),
            )
        },
    )?;
    Ok(MovePackage {
        id: identity.storage_id,
        version: identity.version,
        modules: named,
        type_origin_table: origins
            .into_iter()
            .map(type_origin)
            .collect::<Result<_, _>>()?,
        linkage_table: linkage.clone(),
    })
}

fn type_origin(origin: VmTypeOrigin) -> Result<TypeOrigin, Failure> {
    Ok(TypeOrigin {
        module_name: identifier(&origin.module)?,
        struct_name: identifier(&origin.datatype)?,
        package: origin.package,
    })
}

fn identifier(name: &str) -> Result<Identifier, Failure> {
    Identifier::new(name).map_err(|_| {
        Failure::new(
            ExecutionError::VmVerificationOrDeserializationError,
            format!("{name} is no identifier"),
        )
    })
}

/// `0x2::object::ID{bytes}`.
fn id_value(id: Address) -> Value {
    Value::Struct(vec![Value::Address(id)])
}

/// The address inside an `0x2::object::ID`.
fn id_of(value: &Value) -> Option<Address> {
    match value {
        Value::Struct(fields) => match fields.first() {
            Some(Value::Address(id)) => Some(*id),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_so_large() {
        let package = |bytes: usize| MovePackage {
            id: Address::TWO,
            version: 1,
            modules: BTreeMap::from([(Identifier::from_static("m"), vec![0; bytes])]),
            type_origin_table: vec![],
            linkage_table: BTreeMap::new(),
        };
        let around = package_bytes(&package(0));
        let most = (MAX_PACKAGE_BYTES - around) as usize;
        assert_eq!(check_size(&package(most)), Ok(()));
        let refused = check_size(&package(most + 1)).unwrap_err();
        assert_eq!(
            *refused.error,
            ExecutionError::PackageTooBig {
                object_size: MAX_PACKAGE_BYTES + 1,
                max_object_size: MAX_PACKAGE_BYTES,
            }
        );
    }
}
