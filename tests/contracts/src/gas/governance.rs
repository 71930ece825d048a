//! Upgrades, by votes and in an emergency.

use sui_sdk_types::Address;

use super::Meter;
use crate::{COMPILED_VERSION, NewPackage};

impl Meter {
    pub(crate) fn upgrades(&mut self) {
        let admin = self.network.admin.clone();
        // A proposal that comes to nothing, cleaned up an epoch later.
        let vote = ("walrus", "upgrade", "vote_for_upgrade");
        let stale = vec![1u8; 32];
        let voted = self.network.vote_for_upgrade(0, &stale).expect_success();
        self.record(vote, &voted);
        self.network.next_epoch();
        let entry = ("walrus", "upgrade", "cleanup_upgrade_proposals");
        self.call(&admin, entry, |n, p| {
            vec![
                p.object(n.contracts.upgrade_manager),
                p.read(n.contracts.staking),
                p.pure(&vec![stale]),
            ]
        });

        let new = self.network.package_of_version(COMPILED_VERSION + 1);
        for position in self.network.quorum() {
            let voted = self.network.vote_for_upgrade(position, &new.digest());
            self.record(vote, &voted.expect_success());
        }
        let digest = new.digest();
        let upgraded = self.network.upgrade(&admin, &new, &digest).expect_success();
        self.record(("walrus", "upgrade", "authorize_upgrade"), &upgraded);
        self.record(("walrus", "upgrade", "commit_upgrade"), &upgraded);
        let package = upgraded.package();
        let set = self.network.set_migration_epoch(&admin, package);
        let entry = ("walrus", "staking", "set_migration_epoch");
        self.record(entry, &set.expect_success());
        let migrated = self.network.migrate(&admin, package).expect_success();
        self.record(("walrus", "init", "migrate_v2"), &migrated);
        self.network.package = package;

        let newer = self.network.package_of_version(COMPILED_VERSION + 2);
        let upgraded = self.network.emergency_upgrade(&admin, &newer);
        let entry = ("walrus", "upgrade", "authorize_emergency_upgrade");
        let upgraded = upgraded.expect_success();
        self.record(entry, &upgraded);
        self.discarded_upgrades(upgraded.package(), &newer);
        let entry = ("walrus", "upgrade", "burn_emergency_upgrade_cap");
        self.call(&admin, entry, |n, p| {
            vec![p.object(n.contracts.emergency_upgrade_cap)]
        });
    }

    /// The upgrade to `package` is discarded in an emergency, and another one by votes.
    fn discarded_upgrades(&mut self, package: Address, new: &NewPackage) {
        let admin = self.network.admin.clone();
        let entry = ("walrus", "upgrade", "discard_upgrade_in_emergency");
        self.call(&admin, entry, |n, p| {
            vec![
                p.object(n.contracts.upgrade_manager),
                p.object(n.contracts.emergency_upgrade_cap),
                p.object(n.contracts.staking),
                p.object(n.contracts.system),
            ]
        });
        // Upgrades follow each other; everything else goes on with the package that the objects belong to.
        let current = std::mem::replace(&mut self.network.package, package);
        let upgraded = self.network.emergency_upgrade(&admin, new);
        let announced = upgraded.expect_success().package().into_inner();
        self.network.package = current;
        for position in self.network.quorum() {
            let voted = self.network.vote_for_upgrade(position, &announced);
            let _ = voted.expect_success();
        }
        let entry = ("walrus", "upgrade", "discard_upgrade");
        self.call(&admin, entry, |n, p| {
            vec![
                p.object(n.contracts.upgrade_manager),
                p.object(n.contracts.staking),
                p.object(n.contracts.system),
            ]
        });
    }
}
