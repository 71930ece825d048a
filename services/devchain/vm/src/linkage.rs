//! Linkage of one command: which version of each package is used (devchain spec 3.5).

use std::{collections::BTreeMap, sync::Arc};

use sui_sdk_types::Address;

use crate::{
    error::{VmError, VmResult},
    store::{Package, PackageStore},
};

/// Original package id → storage id, fixed for the whole call tree of one command.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Linkage(pub BTreeMap<Address, Address>);

/// Collects version constraints and unifies them (devchain spec 3.5).
#[derive(Clone, Debug, Default)]
pub struct LinkageBuilder {
    chosen: BTreeMap<Address, Constraint>,
}

#[derive(Clone, Debug)]
struct Constraint {
    storage_id: Address,
    version: u64,
    exact: bool,
}

impl LinkageBuilder {
    /// No constraints yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requires exactly this package version.
    ///
    /// # Errors
    /// `VmError::Linkage` if it conflicts with what was asked for before.
    pub fn exact(&mut self, original: Address, storage_id: Address, version: u64) -> VmResult<()> {
        self.add(
            original,
            Constraint {
                storage_id,
                version,
                exact: true,
            },
        )
    }

    /// Adds a package and its linkage table: the package itself exactly if `exact_self`, its dependencies exactly
    /// if `exact_dependencies`, otherwise at least.
    ///
    /// # Errors
    /// As [`LinkageBuilder::exact`].
    pub fn package(
        &mut self,
        package: &Package,
        exact_self: bool,
        exact_dependencies: bool,
    ) -> VmResult<()> {
        let own = Constraint {
            storage_id: package.storage_id,
            version: package.version,
            exact: exact_self,
        };
        self.add(package.original_id, own)?;
        for (original, entry) in &package.linkage {
            let constraint = Constraint {
                storage_id: entry.storage_id,
                version: entry.version,
                exact: exact_dependencies,
            };
            self.add(*original, constraint)?;
        }
        Ok(())
    }

    /// Adds the system packages 0x1, 0x2 and 0x3 (those that the store has) at their latest version.
    ///
    /// # Errors
    /// Errors of the store, and as [`LinkageBuilder::exact`].
    pub fn system(&mut self, store: &dyn PackageStore) -> VmResult<()> {
        for id in [1u8, 2, 3] {
            let mut bytes = [0u8; 32];
            bytes[31] = id;
            let id = Address::new(bytes);
            if let Some(package) = store.package(id)? {
                self.chosen.insert(
                    package.original_id,
                    Constraint {
                        storage_id: id,
                        version: package.version,
                        exact: false,
                    },
                );
            }
        }
        Ok(())
    }

    /// The unified linkage.
    pub fn build(self) -> Linkage {
        Linkage(
            self.chosen
                .into_iter()
                .map(|(original, constraint)| (original, constraint.storage_id))
                .collect(),
        )
    }

    fn add(&mut self, original: Address, new: Constraint) -> VmResult<()> {
        let Some(old) = self.chosen.get_mut(&original) else {
            self.chosen.insert(original, new);
            return Ok(());
        };
        let conflict = || VmError::Linkage(format!("conflicting versions of package {original}"));
        match (old.exact, new.exact) {
            (false, false) => {
                if new.version > old.version {
                    *old = new;
                }
            }
            (true, true) => {
                if old.storage_id != new.storage_id {
                    return Err(conflict());
                }
            }
            (true, false) => {
                if old.version < new.version {
                    return Err(conflict());
                }
            }
            (false, true) => {
                if new.version < old.version {
                    return Err(conflict());
                }
                *old = new;
            }
        }
        Ok(())
    }
}

/// The linkage under which `package` runs by itself: its linkage table plus itself.
pub fn own_linkage(package: &Arc<Package>) -> Linkage {
    let mut map: BTreeMap<_, _> = package
        .linkage
        .iter()
        .map(|(original, entry)| (*original, entry.storage_id))
        .collect();
    map.insert(package.original_id, package.storage_id);
    Linkage(map)
}
