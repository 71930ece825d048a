//! Package upgrades: new versions of `walrus` and the ways to them (contracts spec 4.1, 7.14).

use sui_devchain_vm::package::{Module, digest};
use sui_sdk_types::Address;
use walrus_artifacts::{Package, WAL_PLACEHOLDER};

use crate::bytecode::replace_u64_constant;
use crate::{Account, Executed, Network, Ptb};

/// A compiled package that may replace the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPackage {
    /// Bytecode of the modules.
    pub modules: Vec<Vec<u8>>,
    /// IDs of the packages it is linked against.
    pub dependencies: Vec<Address>,
}

impl NewPackage {
    /// Where the module with this name is in `modules`; panics when there is none.
    #[must_use]
    pub fn position(&self, name: &str) -> usize {
        let mut names = self.modules.iter().map(|bytes| Module::parse(bytes));
        let found = names.position(|module| module.is_ok_and(|module| module.name() == name));
        found.expect("a module with that name")
    }

    /// Its digest, which votes are about.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        digest(&self.modules, &self.dependencies).to_vec()
    }
}

impl Network {
    /// The package `walrus` of this build with another `VERSION` in `system` and `staking`, and nothing else
    /// changed.
    #[must_use]
    pub fn package_of_version(&self, version: u64) -> NewPackage {
        let mut package = Package::walrus().expect("artifact");
        let linked = package.link(WAL_PLACEHOLDER, self.contracts.wal);
        linked.expect("uses wal");
        for (name, bytecode) in &mut package.modules {
            if name == "system" || name == "staking" {
                let replaced = replace_u64_constant(bytecode, COMPILED_VERSION, version);
                assert_eq!(replaced, 1, "VERSION of module {name}");
            }
        }
        NewPackage {
            modules: package.bytecode(),
            dependencies: package.dependencies,
        }
    }

    /// A node (position in `nodes`) votes for a package digest.
    pub fn vote_for_upgrade(&mut self, node: usize, digest: &[u8]) -> Executed {
        let node = self.nodes[node].clone();
        let mut ptb = Ptb::new();
        let auth = self.call(&mut ptb, "auth", "authenticate_sender", vec![]);
        let arguments = vec![
            ptb.object(self.contracts.upgrade_manager),
            ptb.read(self.contracts.staking),
            auth,
            ptb.pure(&node.id),
            ptb.pure(digest),
        ];
        self.call(&mut ptb, "upgrade", "vote_for_upgrade", arguments);
        self.chain.run(&node.account, &ptb)
    }

    /// Authorizes by votes, upgrades and commits in one transaction. `digest` is what is authorized, normally that of
    /// `new`.
    pub fn upgrade(&mut self, sender: &Account, new: &NewPackage, digest: &[u8]) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts.upgrade_manager),
            ptb.object(self.contracts.staking),
            ptb.pure(digest),
        ];
        let ticket = self.call(&mut ptb, "upgrade", "authorize_upgrade", arguments);
        self.replace(&mut ptb, new, ticket);
        self.chain.run(sender, &ptb)
    }

    /// As [`Network::upgrade`] with the emergency cap of `holder` in place of votes.
    pub fn emergency_upgrade(&mut self, holder: &Account, new: &NewPackage) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts.upgrade_manager),
            ptb.object(self.contracts.emergency_upgrade_cap),
            ptb.pure(&new.digest()),
        ];
        let function = "authorize_emergency_upgrade";
        let ticket = self.call(&mut ptb, "upgrade", function, arguments);
        self.replace(&mut ptb, new, ticket);
        self.chain.run(holder, &ptb)
    }

    fn replace(&self, ptb: &mut Ptb, new: &NewPackage, ticket: sui_sdk_types::Argument) {
        let (modules, dependencies) = (new.modules.clone(), new.dependencies.clone());
        let receipt = ptb.upgrade(modules, dependencies, self.package, ticket);
        let arguments = vec![
            ptb.object(self.contracts.upgrade_manager),
            ptb.object(self.contracts.staking),
            ptb.object(self.contracts.system),
            receipt,
        ];
        self.call(ptb, "upgrade", "commit_upgrade", arguments);
    }

    /// Calls `staking::set_migration_epoch` of `package`.
    pub fn set_migration_epoch(&mut self, sender: &Account, package: Address) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![ptb.object(self.contracts.staking)];
        ptb.call(package, "staking", "set_migration_epoch", arguments);
        self.chain.run(sender, &ptb)
    }

    /// Calls `init::migrate_v2` of `package`.
    pub fn migrate(&mut self, sender: &Account, package: Address) -> Executed {
        let mut ptb = Ptb::new();
        let arguments = vec![
            ptb.object(self.contracts.staking),
            ptb.object(self.contracts.system),
        ];
        ptb.call(package, "init", "migrate_v2", arguments);
        self.chain.run(sender, &ptb)
    }
}

/// `VERSION` in the sources of `system` and `staking`.
pub const COMPILED_VERSION: u64 = 4;
