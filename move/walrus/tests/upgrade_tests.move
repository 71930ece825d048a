/// Votes on upgrades, and emergency upgrades.
#[test_only]
module walrus::upgrade_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use sui::package;
use walrus::auth;
use walrus::events::{ContractUpgradeProposed, ContractUpgradeQuorumReached};
use walrus::init;
use walrus::staked_wal::StakedWal;
use walrus::staking;
use walrus::staking_inner;
use walrus::staking_world::{Self, World};
use walrus::upgrade::{Self, EmergencyUpgradeCap, UpgradeManager};

/// The package before the upgrade.
const PACKAGE: address = @0x1234;

fun digest(): vector<u8> { vector::tabulate!(32, |i| i as u8) }

/// Ten shards: nodes with 4, 3 and 3, of which any two but the last are a quorum; a fourth node has none.
fun setup(): (World, vector<StakedWal>, UpgradeManager, EmergencyUpgradeCap) {
    let (mut world, staked) = staking_world::running(10, vector[400, 300, 300]);
    world.register(0);
    let cap = package::test_publish(PACKAGE.to_id(), world.ctx());
    let (manager, emergency_cap) = upgrade::new_for_testing(cap, world.ctx());
    (world, staked, manager, emergency_cap)
}

fun end(
    world: World,
    staked: vector<StakedWal>,
    manager: UpgradeManager,
    emergency_cap: EmergencyUpgradeCap,
) {
    world.destroy();
    destroy(staked);
    destroy(manager);
    emergency_cap.burn_emergency_upgrade_cap();
}

/// Votes with the authority of the operator of all nodes.
fun vote(world: &mut World, manager: &mut UpgradeManager, node: u64, digest: vector<u8>) {
    let node_id = world.node_id(node);
    let auth = auth::authenticate_sender(world.ctx());
    manager.vote_for_upgrade(world.staking(), auth, node_id, digest);
}

/// Authorizes, publishes and commits, as one transaction does.
fun run(world: &mut World, manager: &mut UpgradeManager) {
    let ticket = manager.authorize_upgrade(world.staking(), digest());
    assert_eq!(ticket.package(), PACKAGE.to_id());
    assert_eq!(*ticket.digest(), digest());
    let receipt = ticket.test_upgrade();
    let (staking, system, _, _, _) = world.parts();
    manager.commit_upgrade(staking, system, receipt);
}

#[test]
fun quorum_upgrades() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    assert_eq!(event::events_by_type<ContractUpgradeProposed>().length(), 1);
    assert_eq!(event::events_by_type<ContractUpgradeQuorumReached>().length(), 0);
    vote(&mut world, &mut manager, 1, digest());
    vote(&mut world, &mut manager, 2, digest());
    // The proposal and the quorum are announced once.
    assert_eq!(event::events_by_type<ContractUpgradeProposed>().length(), 1);
    assert_eq!(event::events_by_type<ContractUpgradeQuorumReached>().length(), 1);
    run(&mut world, &mut manager);
    assert_eq!(manager.package_version(), 2);
    assert!(!manager.has_proposal(digest()));
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes)]
fun six_of_ten_shards_do_not_upgrade() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 1, digest());
    vote(&mut world, &mut manager, 2, digest());
    run(&mut world, &mut manager);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EDuplicateVote)]
fun nodes_vote_once() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    vote(&mut world, &mut manager, 0, digest());
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENotAuthorized)]
fun strangers_do_not_vote() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    let node_id = world.node_id(0);
    let auth = auth::authenticate_with_object(&manager);
    manager.vote_for_upgrade(world.staking(), auth, node_id, digest());
    world.wait(0);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun nodes_without_shards_do_not_vote() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 3, digest());
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EInvalidPackageDigest)]
fun digests_have_32_bytes() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, vector::tabulate!(31, |_| 0));
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENoProposalForDigest)]
fun unknown_digests_are_not_authorized() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    run(&mut world, &mut manager);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EWrongEpoch)]
fun votes_hold_for_one_epoch() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    vote(&mut world, &mut manager, 1, digest());
    world.next_epoch();
    run(&mut world, &mut manager);
    end(world, staked, manager, emergency_cap);
}

#[test]
fun proposals_start_afresh_in_another_epoch() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    world.next_epoch();
    vote(&mut world, &mut manager, 0, digest());
    vote(&mut world, &mut manager, 1, digest());
    run(&mut world, &mut manager);
    assert_eq!(manager.package_version(), 2);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EWrongVersion)]
fun votes_hold_for_one_version() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    vote(&mut world, &mut manager, 1, digest());
    let other = vector::tabulate!(32, |_| 9);
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, other);
    let receipt = ticket.test_upgrade();
    let (staking, system, _, _, _) = world.parts();
    manager.commit_upgrade(staking, system, receipt);
    run(&mut world, &mut manager);
    end(world, staked, manager, emergency_cap);
}

#[test]
fun emergency_upgrades_need_no_votes_and_remove_the_proposal() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 1, digest());
    let ticket = manager.authorize_emergency_upgrade(&emergency_cap, digest());
    assert!(!manager.has_proposal(digest()));
    let receipt = ticket.test_upgrade();
    let (staking, system, _, _, _) = world.parts();
    manager.commit_upgrade(staking, system, receipt);
    assert_eq!(manager.package_version(), 2);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::EMigrationPending, location = walrus::upgrade)]
fun an_upgrade_waits_for_the_migration_to_the_one_before() {
    let (mut world, _staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, vector::tabulate!(32, |_| 9));
    abort 99
}

#[test]
fun a_migration_makes_room_for_the_next_upgrade() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    migrate(&mut world, 1);
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, vector::tabulate!(32, |_| 9));
    assert_eq!(manager.package_version(), 3);
    end(world, staked, manager, emergency_cap);
}

#[test]
fun a_quorum_discards_an_upgrade_without_migration() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let announced = world.staking().new_package_id().destroy_some().to_bytes();
    vote(&mut world, &mut manager, 0, announced);
    vote(&mut world, &mut manager, 1, announced);
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade(staking, system);
    assert!(staking.new_package_id().is_none());
    assert!(system.new_package_id().is_none());
    assert!(!manager.has_proposal(announced));
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    assert_eq!(manager.package_version(), 3);
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENotEnoughVotes, location = walrus::upgrade)]
fun less_than_a_quorum_discards_nothing() {
    let (mut world, _staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let announced = world.staking().new_package_id().destroy_some().to_bytes();
    vote(&mut world, &mut manager, 0, announced);
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade(staking, system);
    abort 99
}

#[test, expected_failure(abort_code = upgrade::ENoMigrationPending, location = walrus::upgrade)]
fun there_must_be_something_to_discard() {
    let (mut world, _staked, mut manager, _emergency_cap) = setup();
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade(staking, system);
    abort 99
}

#[test]
fun the_emergency_capability_discards_without_votes() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade_in_emergency(&emergency_cap, staking, system);
    assert!(staking.new_package_id().is_none());
    assert!(system.new_package_id().is_none());
    end(world, staked, manager, emergency_cap);
}

#[test, expected_failure(abort_code = upgrade::ENoMigrationPending, location = walrus::upgrade)]
fun in_an_emergency_there_must_be_something_to_discard() {
    let (mut world, _staked, manager, emergency_cap) = setup();
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade_in_emergency(&emergency_cap, staking, system);
    abort 99
}

#[test, expected_failure(abort_code = upgrade::EInvalidUpgradeManager, location = walrus::upgrade)]
fun the_emergency_capability_of_another_manager_discards_nothing() {
    let (mut world, _staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let cap = package::test_publish(@0x5678.to_id(), world.ctx());
    let (_other_manager, other_cap) = upgrade::new_for_testing(cap, world.ctx());
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade_in_emergency(&other_cap, staking, system);
    abort 99
}

#[test, expected_failure(abort_code = staking::EInvalidMigration, location = walrus::staking)]
fun a_discarded_package_does_not_adopt_the_next_one() {
    let (mut world, _staked, mut manager, emergency_cap) = setup();
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let (staking, system, _, _, _) = world.parts();
    manager.discard_upgrade_in_emergency(&emergency_cap, staking, system);
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, vector::tabulate!(32, |_| 9));
    // The migration of the package that was discarded.
    migrate(&mut world, 1);
    abort 99
}

#[test]
fun the_package_after_a_discarded_one_has_the_number_after_it() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    2u64.do!(|_| {
        emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
        let (staking, system, _, _, _) = world.parts();
        manager.discard_upgrade_in_emergency(&emergency_cap, staking, system);
    });
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    let announced = world.staking().new_package_id().destroy_some();
    migrate(&mut world, 3);
    assert_eq!(world.staking().package_id(), announced);
    // The numbers count from the last migration.
    emergency_upgrade(&mut world, &mut manager, &emergency_cap, digest());
    migrate(&mut world, 1);
    end(world, staked, manager, emergency_cap);
}

/// Upgrades and commits with the emergency capability.
fun emergency_upgrade(
    world: &mut World,
    manager: &mut UpgradeManager,
    emergency_cap: &EmergencyUpgradeCap,
    digest: vector<u8>,
) {
    let receipt = manager.authorize_emergency_upgrade(emergency_cap, digest).test_upgrade();
    let (staking, system, _, _, _) = world.parts();
    manager.commit_upgrade(staking, system, receipt);
}

/// Pretends that the objects are of an older version, by so many numbers, and migrates them.
fun migrate(world: &mut World, behind: u64) {
    let (staking, system, _, _, ctx) = world.parts();
    let version = staking.version();
    staking.set_version_for_testing(version - behind);
    system.set_version_for_testing(version - behind);
    init::migrate_v2_for_testing(staking, system, ctx);
}

#[test, expected_failure(abort_code = upgrade::EInvalidUpgradeManager)]
fun emergency_capabilities_are_for_their_manager() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    let cap = package::test_publish(@0x5678.to_id(), world.ctx());
    let (other_manager, other_cap) = upgrade::new_for_testing(cap, world.ctx());
    destroy(manager.authorize_emergency_upgrade(&other_cap, digest()));
    destroy(other_manager);
    destroy(other_cap);
    end(world, staked, manager, emergency_cap);
}

#[test]
fun old_proposals_are_cleaned_up() {
    let (mut world, staked, mut manager, emergency_cap) = setup();
    vote(&mut world, &mut manager, 0, digest());
    manager.cleanup_upgrade_proposals(world.staking(), vector[digest(), b"unknown"]);
    assert!(manager.has_proposal(digest()));
    world.next_epoch();
    manager.cleanup_upgrade_proposals(world.staking(), vector[digest()]);
    assert!(!manager.has_proposal(digest()));
    end(world, staked, manager, emergency_cap);
}
