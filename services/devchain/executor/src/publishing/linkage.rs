//! Linkage table of a new package version, from its listed dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sui_devchain_vm::package::Module;
use sui_devchain_vm::store::Package;
use sui_sdk_types::{Address, ExecutionError, UpgradeInfo};

use super::LinkageTable;
use crate::failure::Failure;
use crate::ptb::Ptb;

impl Ptb<'_> {
    /// Steps 5 and 6 of publishing: loads the dependencies and checks that they cover what the
    /// modules use. `own` is the original id of the package itself.
    pub(super) fn link(
        &self,
        own: Address,
        modules: &[Module],
        dependencies: &[Address],
    ) -> Result<LinkageTable, Failure> {
        let mut loaded: BTreeMap<Address, Arc<Package>> = BTreeMap::new();
        for id in BTreeSet::from_iter(dependencies) {
            let package = self
                .package(*id)?
                .ok_or_else(|| missing(format!("dependency {id} does not exist")))?;
            if let Some(other) = loaded.insert(package.original_id, package) {
                return Err(Failure::new(
                    ExecutionError::InvalidLinkage,
                    format!("{} and {id} are versions of one package", other.storage_id),
                ));
            }
        }
        let used: BTreeSet<Address> = modules.iter().flat_map(Module::dependencies).collect();
        for original in used.iter().filter(|id| **id != own) {
            let package = loaded.get(original).ok_or_else(|| {
                missing(format!("package {original} is used but not a dependency"))
            })?;
            check_transitive(package, &loaded)?;
        }
        Ok(loaded
            .into_iter()
            .map(|(original, package)| {
                let info = UpgradeInfo {
                    upgraded_id: package.storage_id,
                    upgraded_version: package.version,
                };
                (original, info)
            })
            .collect())
    }
}

/// What a dependency was linked against must be listed too, at no lower version.
fn check_transitive(
    package: &Package,
    listed: &BTreeMap<Address, Arc<Package>>,
) -> Result<(), Failure> {
    for (original, entry) in &package.linkage {
        let found = listed.get(original).ok_or_else(|| {
            missing(format!(
                "{original} is needed by dependency {} and not listed",
                package.storage_id
            ))
        })?;
        if found.version < entry.version {
            return Err(Failure::new(
                ExecutionError::PublishUpgradeDependencyDowngrade,
                format!(
                    "{original} is listed at version {}, {} needs {}",
                    found.version, package.storage_id, entry.version
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn missing(message: String) -> Failure {
    Failure::new(ExecutionError::PublishUpgradeMissingDependency, message)
}
