//! Package upgrades of `walrus` on a living network (contracts spec 4.1, 7.14): governance, emergency, refusals, and
//! what old objects are worth afterwards.

use sui_sdk_types::{Address, ExecutionError, ExecutionStatus, PackageUpgradeError};
use walrus_contract_tests::{
    Account, BlobSpec, COMPILED_VERSION, Executed, Network, NetworkOptions, NewPackage, Ptb, WAL,
};
use walrus_sui::events::ContractEvent;
use walrus_sui::objects::{Blob, StakedWal, StorageNodeCap, UpgradeManager, versioned_field_id};

const NEXT: u64 = COMPILED_VERSION + 1;

/// A network with a user who has a certified blob, a deletable one, and stake.
struct World {
    network: Network,
    user: Account,
    permanent: Blob,
    deletable: Blob,
    stake: StakedWal,
}

impl World {
    fn new() -> Self {
        let mut network = Network::started(&NetworkOptions::default());
        let user = network.chain.account("user");
        network.give_wal(user.address, 10_000 * WAL);
        let node = network.nodes[0].id;
        let staked = network.stake(&user, node, 100 * WAL).expect_success();
        let permanent = network.store_blob(&user, &BlobSpec::numbered(1, 1000), 20);
        let spec = BlobSpec::numbered(2, 1000).deletable();
        let deletable = network.store_blob(&user, &spec, 20);
        network.next_epoch();
        Self {
            stake: staked.created_value("staked_wal", "StakedWal"),
            network,
            user,
            permanent,
            deletable,
        }
    }

    /// A quorum votes; the last vote is the one that reaches it.
    fn vote(&mut self, digest: &[u8]) -> Vec<Executed> {
        let quorum = self.network.quorum();
        let votes = quorum.into_iter();
        votes
            .map(|node| self.network.vote_for_upgrade(node, digest).expect_success())
            .collect()
    }

    /// Votes, upgrades and commits; the new package.
    fn upgrade(&mut self, new: &NewPackage) -> Address {
        let user = self.user.clone();
        self.vote(&new.digest());
        let upgraded = self.network.upgrade(&user, new, &new.digest());
        upgraded.expect_success().package()
    }

    fn extend(&mut self, package: Address) -> Executed {
        let user = self.user.clone();
        let mut ptb = Ptb::new();
        let purse = self.network.wal_purse(&mut ptb, user.address, WAL);
        let arguments = vec![
            ptb.object(self.network.contracts.system),
            ptb.object(self.permanent.id),
            ptb.pure(&1u32),
            purse,
        ];
        ptb.call(package, "system", "extend_blob", arguments);
        self.network.chain.run(&user, &ptb)
    }
}

fn refusal(executed: &Executed) -> PackageUpgradeError {
    match executed.status() {
        ExecutionStatus::Failure {
            error: ExecutionError::PackageUpgradeError { kind },
            command: Some(1),
        } => kind.clone(),
        other => panic!("{other:?}: {:?}", executed.outcome.error_message),
    }
}

#[test]
fn a_quorum_upgrades_and_anybody_migrates() {
    let mut world = World::new();
    let user = world.user.clone();
    let old = world.network.package;
    let new = world.network.package_of_version(NEXT);

    let votes = world.vote(&new.digest());
    let events = |executed: &Executed| executed.contract_events();
    assert!(matches!(
        events(&votes[0])[..],
        [ContractEvent::ContractUpgradeProposed(_)]
    ));
    assert!(matches!(
        events(votes.last().unwrap())[..],
        [ContractEvent::ContractUpgradeQuorumReached(_)]
    ));

    let upgraded = world
        .network
        .upgrade(&user, &new, &new.digest())
        .expect_success();
    let package = upgraded.package();
    assert_ne!(package, old);
    let manager: UpgradeManager = world
        .network
        .chain
        .read(world.network.contracts.upgrade_manager);
    assert_eq!((manager.cap.package, manager.cap.version), (package, 2));
    assert_eq!(manager.upgrade_proposals.size, 0);
    for (id, new_id) in [
        (
            world.network.system().package_id,
            world.network.system().new_package_id,
        ),
        (
            world.network.staking_object().package_id,
            world.network.staking_object().new_package_id,
        ),
    ] {
        assert_eq!((id, new_id), (old, Some(package)));
    }

    // Between upgrade and migration the old package works and the new one does not.
    let _ = world.extend(old).expect_success();
    world.extend(package).assert_abort("system", 1);

    let _ = world
        .network
        .set_migration_epoch(&user, package)
        .expect_success();
    let migrated = world.network.migrate(&user, package).expect_success();
    let [ContractEvent::ContractUpgraded(event)] = &migrated.contract_events()[..] else {
        panic!("{:?}", migrated.contract_events());
    };
    assert_eq!(
        (event.epoch, event.package_id, event.version),
        (world.network.epoch(), package, NEXT)
    );
    for (id, version, package_id, new) in [
        {
            let system = world.network.system();
            (
                system.id,
                system.version,
                system.package_id,
                system.new_package_id,
            )
        },
        {
            let staking = world.network.staking_object();
            (
                staking.id,
                staking.version,
                staking.package_id,
                staking.new_package_id,
            )
        },
    ] {
        assert_eq!((version, package_id, new), (NEXT, package, None));
        let stale = versioned_field_id(id, COMPILED_VERSION);
        assert!(world.network.chain.object(stale).is_none());
    }
    // Twice is once too often.
    world
        .network
        .migrate(&user, package)
        .assert_abort("staking", 0);
}

#[test]
fn old_objects_live_on_in_the_new_package_and_the_old_one_is_closed() {
    let mut world = World::new();
    let user = world.user.clone();
    let old = world.network.package;
    let state = (world.network.system_state(), world.network.staking());
    let new = world.network.package_of_version(NEXT);
    let package = world.upgrade(&new);
    let _ = world.network.migrate(&user, package).expect_success();
    assert_eq!(
        state,
        (world.network.system_state(), world.network.staking())
    );

    // Every way into the two shared objects is closed for calls of the old package.
    world.extend(old).assert_abort("system", 1);
    world
        .network
        .request_withdraw(&user, world.stake.id)
        .assert_abort("staking", 1);
    world.network.voting_end().assert_abort("staking", 1);
    world
        .network
        .epoch_sync_done(0, 2)
        .assert_abort("staking", 1);
    let spec = BlobSpec::numbered(3, 1000);
    world
        .network
        .register_blob(&user, &spec, 2)
        .assert_abort("system", 1);

    world.network.package = package;
    let _ = world.extend(package).expect_success();
    let extended: Blob = world.network.chain.read(world.permanent.id);
    assert_eq!(
        extended.storage.end_epoch,
        world.permanent.storage.end_epoch + 1
    );
    let mut ptb = Ptb::new();
    let arguments = vec![
        ptb.read(world.network.contracts.system),
        ptb.object(world.deletable.id),
    ];
    let storage = world
        .network
        .call(&mut ptb, "system", "delete_blob", arguments);
    ptb.transfer(vec![storage], user.address);
    let _ = world.network.chain.run(&user, &ptb).expect_success();
    let fresh = world.network.store_blob(&user, &spec, 2);
    assert_eq!(fresh.certified_epoch, Some(2));

    // A cap of a node from before: a price vote and the reports of the epoch change.
    let node = world.network.nodes[0].clone();
    let mut ptb = Ptb::new();
    let arguments = vec![
        ptb.object(world.network.contracts.staking),
        ptb.object(node.cap),
        ptb.pure(&123_456u64),
    ];
    world
        .network
        .call(&mut ptb, "staking", "set_storage_price_vote", arguments);
    let _ = world
        .network
        .chain
        .run(&node.account, &ptb)
        .expect_success();
    assert_eq!(
        world.network.pool(node.id).voting_params.storage_price,
        123_456
    );

    // Stake from before leaves with its rewards.
    let _ = world
        .network
        .request_withdraw(&user, world.stake.id)
        .expect_success();
    world.network.next_epoch();
    let cap: StorageNodeCap = world.network.chain.read(node.cap);
    assert_eq!(cap.last_epoch_sync_done, world.network.epoch());
    let held = world.network.wal_balance(user.address);
    let _ = world
        .network
        .withdraw(&user, world.stake.id)
        .expect_success();
    assert!(world.network.wal_balance(user.address) > held + world.stake.principal);
}

#[test]
fn types_keep_their_first_package_and_new_objects_have_it_too() {
    let mut world = World::new();
    let user = world.user.clone();
    let origin = world.network.contracts.walrus;
    let new = world.network.package_of_version(NEXT);
    let package = world.upgrade(&new);
    let _ = world.network.migrate(&user, package).expect_success();
    world.network.package = package;
    let fresh = world
        .network
        .store_blob(&user, &BlobSpec::numbered(9, 1000), 2);
    let object = world.network.chain.object(fresh.id).unwrap();
    assert_eq!(*object.as_struct().unwrap().object_type().address(), origin);
}

#[test]
fn an_emergency_cap_upgrades_without_votes_until_it_is_burned() {
    let mut world = World::new();
    let admin = world.network.admin.clone();
    let new = world.network.package_of_version(NEXT);
    // One vote is far from a quorum; its proposal goes with the upgrade.
    let _ = world
        .network
        .vote_for_upgrade(0, &new.digest())
        .expect_success();
    let upgraded = world
        .network
        .emergency_upgrade(&admin, &new)
        .expect_success();
    let package = upgraded.package();
    let _ = world.network.migrate(&admin, package).expect_success();
    world.network.package = package;
    let manager: UpgradeManager = world
        .network
        .chain
        .read(world.network.contracts.upgrade_manager);
    assert_eq!(manager.upgrade_proposals.size, 0);
    let _ = world.extend(package).expect_success();

    let mut ptb = Ptb::new();
    let arguments = vec![ptb.object(world.network.contracts.emergency_upgrade_cap)];
    world
        .network
        .call(&mut ptb, "upgrade", "burn_emergency_upgrade_cap", arguments);
    let _ = world.network.chain.run(&admin, &ptb).expect_success();
    let cap = world.network.contracts.emergency_upgrade_cap;
    assert!(world.network.chain.object(cap).is_none());

    // Votes still do, and with the version after that.
    let newer = world.network.package_of_version(NEXT + 1);
    let newest = world.upgrade(&newer);
    let _ = world.network.migrate(&admin, newest).expect_success();
    assert_eq!(world.network.system().version, NEXT + 1);
}

#[test]
fn an_upgrade_waits_for_the_migration_to_the_one_before() {
    let mut world = World::new();
    let admin = world.network.admin.clone();
    let new = world.network.package_of_version(NEXT);
    let newer = world.network.package_of_version(NEXT + 1);
    let package = world.upgrade(&new);
    // The migration of the first would send everybody to the second, which refuses what the first left behind.
    world.network.package = package;
    world
        .network
        .emergency_upgrade(&admin, &newer)
        .assert_abort("upgrade", 8);
    let _ = world.network.migrate(&admin, package).expect_success();
    let upgraded = world.network.emergency_upgrade(&admin, &newer);
    let newest = upgraded.expect_success().package();
    let _ = world.network.migrate(&admin, newest).expect_success();
    assert_eq!(world.network.system().package_id, newest);
}

#[test]
fn a_discarded_package_does_not_adopt_the_next_one() {
    let mut world = World::new();
    let admin = world.network.admin.clone();
    let old = world.network.package;
    let faulty = world.network.package_of_version(NEXT);
    let upgraded = world.network.emergency_upgrade(&admin, &faulty);
    let discarded = upgraded.expect_success().package();
    let mut ptb = Ptb::new();
    let arguments = vec![
        ptb.object(world.network.contracts.upgrade_manager),
        ptb.object(world.network.contracts.emergency_upgrade_cap),
        ptb.object(world.network.contracts.staking),
        ptb.object(world.network.contracts.system),
    ];
    let function = "discard_upgrade_in_emergency";
    world.network.call(&mut ptb, "upgrade", function, arguments);
    let _ = world.network.chain.run(&admin, &ptb).expect_success();

    // The one after it. Upgrades follow each other; everything else goes on with the package that the objects belong to.
    let mended = world.network.package_of_version(NEXT + 1);
    world.network.package = discarded;
    let upgraded = world.network.emergency_upgrade(&admin, &mended);
    let package = upgraded.expect_success().package();
    world.network.package = old;
    world
        .network
        .migrate(&admin, discarded)
        .assert_abort("staking", 0);
    let _ = world.extend(old).expect_success();
    let _ = world.network.migrate(&admin, package).expect_success();
    let system = world.network.system();
    assert_eq!((system.package_id, system.version), (package, NEXT + 1));
    let _ = world.extend(package).expect_success();
}

#[test]
fn what_has_no_quorum_is_not_authorized() {
    let mut world = World::new();
    let user = world.user.clone();
    let new = world.network.package_of_version(NEXT);
    let digest = new.digest();
    world
        .network
        .upgrade(&user, &new, &digest)
        .assert_abort("upgrade", 4);
    let _ = world.network.vote_for_upgrade(0, &digest).expect_success();
    world
        .network
        .vote_for_upgrade(0, &digest)
        .assert_abort("upgrade", 2);
    world
        .network
        .vote_for_upgrade(1, &digest[1..])
        .assert_abort("upgrade", 3);
    world
        .network
        .upgrade(&user, &new, &digest)
        .assert_abort("upgrade", 6);
    // Votes count in their epoch only.
    world.vote_rest(&digest);
    world.network.next_epoch();
    world
        .network
        .upgrade(&user, &new, &digest)
        .assert_abort("upgrade", 5);
    // The abort undid the removal of the proposal; new votes replace it.
    let package = world.upgrade(&new);
    let _ = world.network.migrate(&user, package).expect_success();
}

impl World {
    fn vote_rest(&mut self, digest: &[u8]) {
        for node in self.network.quorum().into_iter().skip(1) {
            let _ = self.network.vote_for_upgrade(node, digest).expect_success();
        }
    }
}

#[test]
fn the_chain_refuses_what_was_not_authorized_or_is_incompatible() {
    let mut world = World::new();
    let user = world.user.clone();
    let new = world.network.package_of_version(NEXT);
    world.vote(&new.digest());
    let other = world.network.package_of_version(NEXT + 1);
    let refused = world.network.upgrade(&user, &other, &new.digest());
    assert!(matches!(
        refusal(&refused),
        PackageUpgradeError::DigestDoesNotMatch { .. }
    ));

    // A public module is gone.
    let mut smaller = new.clone();
    let shared_blob = smaller.position("shared_blob");
    smaller.modules.remove(shared_blob);
    world.vote(&smaller.digest());
    let refused = world.network.upgrade(&user, &smaller, &smaller.digest());
    assert_eq!(refusal(&refused), PackageUpgradeError::IncompatibleUpgrade);

    // Nothing of that changed anything, and what was authorized first still goes through.
    let package = world
        .network
        .upgrade(&user, &new, &new.digest())
        .expect_success()
        .package();
    let _ = world.network.migrate(&user, package).expect_success();
}

#[test]
fn only_the_governance_entity_of_a_member_votes() {
    let mut world = World::new();
    let digest = vec![3; 32];
    let node = world.network.nodes[0].clone();
    let vote = |world: &mut World, sender: &Account| {
        let mut ptb = Ptb::new();
        let auth = world
            .network
            .call(&mut ptb, "auth", "authenticate_sender", vec![]);
        let arguments = vec![
            ptb.object(world.network.contracts.upgrade_manager),
            ptb.read(world.network.contracts.staking),
            auth,
            ptb.pure(&node.id),
            ptb.pure(&digest),
        ];
        world
            .network
            .call(&mut ptb, "upgrade", "vote_for_upgrade", arguments);
        world.network.chain.run(sender, &ptb)
    };
    let user = world.user.clone();
    vote(&mut world, &user).assert_abort("upgrade", 1);
    let _ = vote(&mut world, &node.account).expect_success();
    let late = world.network.register("late", &Default::default());
    world
        .network
        .vote_for_upgrade(late, &digest)
        .assert_abort("staking_inner", 4);
}
