//! Event source, the test for the contract's events: those whose types belong to any version of its package (node spec 2.3).
//!
//! A type carries the address of the version that introduced it. So each package that is met is asked for its first version, once.

use std::collections::{BTreeSet, HashSet};

use sui_sdk_types::Address;

use crate::{
    chain::{ChainClient, ChainError},
    contract::ContractPackages,
    limits,
};

/// Which types are events of the contract: those defined by one of its package versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSource {
    origin: Address,
    versions: BTreeSet<Address>,
    /// Packages that are somebody else's.
    foreign: HashSet<Address>,
}

impl EventSource {
    /// Events of all versions of the package whose first one is `origin`.
    pub fn new(origin: Address) -> Self {
        Self {
            origin,
            versions: BTreeSet::from([origin]),
            foreign: HashSet::new(),
        }
    }

    /// Whether a package is a version of the contract; `None` if it was not looked up.
    pub(super) fn is_ours(&self, package: &Address) -> Option<bool> {
        if self.versions.contains(package) {
            return Some(true);
        }
        self.foreign.contains(package).then_some(false)
    }

    /// Looks up those of `packages` that are not known yet.
    pub(super) async fn look_up(
        &mut self,
        chain: &ChainClient,
        packages: BTreeSet<Address>,
    ) -> Result<(), ChainError> {
        let unknown: Vec<Address> = packages
            .iter()
            .filter(|package| self.is_ours(package).is_none())
            .copied()
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let originals = chain.original_packages(&unknown).await?;
        if self.foreign.len().saturating_add(unknown.len()) > limits::MAX_FOREIGN_PACKAGES {
            // All but those of this checkpoint; what is met again is looked up again.
            self.foreign.retain(|package| packages.contains(package));
        }
        for (package, original) in unknown.into_iter().zip(originals) {
            if original == self.origin {
                self.versions.insert(package);
            } else {
                self.foreign.insert(package);
            }
        }
        Ok(())
    }
}

impl From<&ContractPackages> for EventSource {
    fn from(packages: &ContractPackages) -> Self {
        let mut source = Self::new(packages.origin);
        source.versions.insert(packages.current);
        source
    }
}
