/// Deployment and migration.
#[test_only]
module walrus::init_tests;

use std::unit_test::{assert_eq, destroy};
use sui::clock::{Self, Clock};
use sui::event;
use sui::package;
use sui::test_scenario::{Self, Scenario};
use walrus::committee;
use walrus::display::ObjectDisplay;
use walrus::events::ContractUpgraded;
use walrus::init::{
    Self,
    EDeprecatedFunction,
    EInvalidDeploymentParameter,
    EInvalidMigration,
    EInvalidUpgradeCap
};
use walrus::slashing::SlashingManager;
use walrus::staking::{Staking, EWrongVersion};
use walrus::staking::EInvalidMigration as EStakingInvalidMigration;
use walrus::system::System;
use walrus::upgrade::UpgradeManager;

const PUBLISHER: address = @0xA;
/// The longest epoch in ms.
const MAX_EPOCH: u64 = 2_251_799_813_685_248;
/// All WAL there is, in FROST.
const SUPPLY: u64 = 5_000_000_000_000_000_000;

#[test]
fun a_deployment_has_all_shared_objects() {
    let (mut scenario, clock) = begin();
    initialize(@walrus, 1000, 10, &clock, &mut scenario);
    scenario.next_tx(PUBLISHER);
    let system: System = scenario.take_shared();
    let staking: Staking = scenario.take_shared();
    assert!(test_scenario::has_most_recent_shared<UpgradeManager>());
    assert!(test_scenario::has_most_recent_shared<SlashingManager>());
    assert!(test_scenario::has_most_recent_shared<ObjectDisplay>());
    assert_eq!(system.package_id(), @walrus.to_id());
    assert_eq!(staking.package_id(), @walrus.to_id());
    assert_eq!(system.version(), staking.version());
    assert_eq!(staking.epoch(), 0);
    assert_eq!(staking.inner_for_testing().n_shards(), 10);
    assert_eq!(staking.committee().size(), 0);
    destroy(system);
    destroy(staking);
    end(scenario, clock);
}

#[test]
fun a_migration_moves_both_objects() {
    let (mut scenario, clock) = begin();
    let (mut staking, mut system) = before_migration(&clock, &mut scenario);
    staking.set_migration_epoch_for_testing();
    staking.set_migration_epoch_for_testing();
    staking.set_new_package_id(@0x2222.to_id());
    system.set_new_package_id(@0x2222.to_id());
    init::migrate_v2_for_testing(&mut staking, &mut system, scenario.ctx());
    assert_eq!(staking.package_id(), @0x2222.to_id());
    assert_eq!(system.package_id(), @0x2222.to_id());
    assert_eq!(system.version(), staking.version());
    assert_eq!(staking.epoch(), 0);
    assert_eq!(system.epoch(), 0);
    assert_eq!(event::events_by_type<ContractUpgraded>().length(), 1);
    destroy(system);
    destroy(staking);
    end(scenario, clock);
}

#[test, expected_failure(abort_code = EStakingInvalidMigration, location = walrus::staking)]
fun a_migration_needs_an_announced_package() {
    let (mut scenario, clock) = begin();
    let (mut staking, mut system) = before_migration(&clock, &mut scenario);
    init::migrate_v2_for_testing(&mut staking, &mut system, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EInvalidMigration, location = walrus::init)]
fun a_migration_needs_one_package() {
    let (mut scenario, clock) = begin();
    let (mut staking, mut system) = before_migration(&clock, &mut scenario);
    staking.set_new_package_id(@0x2222.to_id());
    system.set_new_package_id(@0x3333.to_id());
    init::migrate_v2_for_testing(&mut staking, &mut system, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EStakingInvalidMigration, location = walrus::staking)]
fun an_object_that_is_up_to_date_does_not_migrate() {
    let (mut scenario, clock) = begin();
    initialize(@walrus, 1000, 10, &clock, &mut scenario);
    scenario.next_tx(PUBLISHER);
    let mut staking: Staking = scenario.take_shared();
    staking.set_new_package_id(@0x2222.to_id());
    staking.migrate();
    abort 99
}

#[test, expected_failure(abort_code = EStakingInvalidMigration, location = walrus::staking)]
fun an_object_that_is_up_to_date_announces_nothing() {
    let (mut scenario, clock) = begin();
    initialize(@walrus, 1000, 10, &clock, &mut scenario);
    scenario.next_tx(PUBLISHER);
    let mut staking: Staking = scenario.take_shared();
    staking.set_migration_epoch_for_testing();
    abort 99
}

#[test, expected_failure(abort_code = EWrongVersion, location = walrus::staking)]
fun an_object_of_another_version_does_not_work() {
    let (mut scenario, clock) = begin();
    let (staking, _system) = before_migration(&clock, &mut scenario);
    staking.epoch();
    abort 99
}

#[test, expected_failure(abort_code = EDeprecatedFunction, location = walrus::init)]
fun the_old_migration_is_gone() {
    let (mut scenario, clock) = begin();
    let (mut staking, mut system) = before_migration(&clock, &mut scenario);
    init::migrate(&mut staking, &mut system);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidUpgradeCap, location = walrus::init)]
fun a_deployment_needs_its_own_upgrade_cap() {
    let (mut scenario, clock) = begin();
    initialize(@0x1234, 1000, 10, &clock, &mut scenario);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun a_deployment_needs_shards() {
    let (mut scenario, clock) = begin();
    initialize(@walrus, 1000, 0, &clock, &mut scenario);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun a_deployment_needs_an_epoch_duration() {
    let (mut scenario, clock) = begin();
    initialize(@walrus, 0, 10, &clock, &mut scenario);
    abort 99
}

#[test]
fun the_largest_deployment() {
    let (mut scenario, clock) = begin();
    initialize_v2(MAX_EPOCH, MAX_EPOCH, 2_000, SUPPLY, &clock, &mut scenario);
    scenario.next_tx(PUBLISHER);
    let staking: Staking = scenario.take_shared();
    assert_eq!(staking.inner_for_testing().n_shards(), 2_000);
    assert_eq!(staking.active_set_threshold(), SUPPLY);
    destroy(staking);
    end(scenario, clock);
}

/// What the shards of three committees of 150 nodes take in the state of the staking side.
#[test]
fun the_state_with_the_most_shards_fits_into_an_object() {
    let nodes = 150u64;
    let mut shards = sui::vec_map::empty<ID, vector<u16>>();
    nodes.do!(|n| {
        let node_id = sui::address::from_u256(n as u256).to_id();
        // Each has less than 2^14, whose length takes two bytes at most.
        shards.insert(node_id, vector::tabulate!(if (n == 0) 2_000 - 149 else 1, |_| 0));
    });
    let committee = sui::bcs::to_bytes(&committee::new_for_testing(shards)).length();
    // Everything else is less than 300 bytes: numbers, and IDs of the tables.
    assert!(3 * committee + 300 <= 256_000);
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun too_many_shards_are_refused() {
    let (mut scenario, clock) = begin();
    initialize_v2(0, 1000, 2_001, 0, &clock, &mut scenario);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun too_long_epochs_are_refused() {
    let (mut scenario, clock) = begin();
    initialize_v2(0, MAX_EPOCH + 1, 10, 0, &clock, &mut scenario);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun a_too_long_first_epoch_is_refused() {
    let (mut scenario, clock) = begin();
    initialize_v2(18_446_744_073_709_551_615, 1000, 10, 0, &clock, &mut scenario);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidDeploymentParameter, location = walrus::init)]
fun a_threshold_above_the_supply_is_refused() {
    let (mut scenario, clock) = begin();
    initialize_v2(0, 1000, 10, SUPPLY + 1, &clock, &mut scenario);
    abort 99
}

fun initialize_v2(
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    threshold_stake: u64,
    clock: &Clock,
    scenario: &mut Scenario,
) {
    let init_cap = init::init_cap_for_testing(scenario.ctx());
    let upgrade_cap = package::test_publish(@walrus.to_id(), scenario.ctx());
    let emergency_cap = init::initialize_walrus_v2(
        init_cap,
        upgrade_cap,
        epoch_zero_duration,
        epoch_duration,
        n_shards,
        53,
        threshold_stake,
        clock,
        scenario.ctx(),
    );
    transfer::public_transfer(emergency_cap, PUBLISHER);
}

fun begin(): (Scenario, Clock) {
    let mut scenario = test_scenario::begin(PUBLISHER);
    let clock = clock::create_for_testing(scenario.ctx());
    (scenario, clock)
}

fun initialize(
    package: address,
    epoch_duration: u64,
    n_shards: u16,
    clock: &Clock,
    scenario: &mut Scenario,
) {
    let init_cap = init::init_cap_for_testing(scenario.ctx());
    let upgrade_cap = package::test_publish(package.to_id(), scenario.ctx());
    let emergency_cap = init::initialize_walrus(
        init_cap,
        upgrade_cap,
        0,
        epoch_duration,
        n_shards,
        53,
        clock,
        scenario.ctx(),
    );
    transfer::public_transfer(emergency_cap, PUBLISHER);
}

/// A deployment whose objects are of version 3.
fun before_migration(clock: &Clock, scenario: &mut Scenario): (Staking, System) {
    initialize(@walrus, 1000, 10, clock, scenario);
    scenario.next_tx(PUBLISHER);
    let mut staking: Staking = scenario.take_shared();
    let mut system: System = scenario.take_shared();
    staking.set_version_for_testing(3);
    system.set_version_for_testing(3);
    (staking, system)
}

fun end(scenario: Scenario, clock: Clock) {
    clock.destroy_for_testing();
    scenario.end();
}
