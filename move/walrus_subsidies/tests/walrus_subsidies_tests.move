/// Fixed and usage subsidies, shortage of funds, rates and rights.
#[test_only]
module walrus_subsidies::walrus_subsidies_tests;

use std::unit_test::{assert_eq, destroy};
use sui::address;
use sui::balance;
use sui::random;
use sui::vec_map;
use walrus::committee;
use walrus::sort::sort_vec_map_by_node_id;
use walrus_subsidies::subsidized_world;
use walrus_subsidies::walrus_subsidies::{
    Self,
    EInvalidMigration,
    EUnauthorizedAdminCap,
    EWrongVersion
};
use walrus_subsidies::walrus_subsidies_inner::{Self, EInvalidSubsidyRate};

const MAX: u64 = 18_446_744_073_709_551_615;

// === Fixed part ===

#[test]
fun the_previous_committee_is_paid_once_per_epoch() {
    let mut test = subsidized_world::new(0, 1_000, 10);
    test.fund(10_000);
    // Nothing is due for the epochs before the subsidies existed.
    test.world().reach_selection();
    test.process();
    assert_eq!(test.collect(), vector[0, 0, 0]);
    test.world().finish_epoch();
    test.world().reach_selection();
    2u8.do!(|_| test.process());
    assert_eq!(test.collect(), vector[1_050, 1_030, 1_020]);
    assert_eq!(test.funds(), 10_000 - 3_100);
    assert_eq!(test.debts(), vector[0, 0, 0]);
    test.destroy();
}

#[test]
fun a_missed_epoch_is_not_paid() {
    let mut test = subsidized_world::new(0, 1_000, 10);
    test.fund(10_000);
    3u8.do!(|_| test.world().next_epoch());
    test.world().reach_selection();
    test.process();
    assert_eq!(test.collect(), vector[1_050, 1_030, 1_020]);
    test.destroy();
}

#[test]
fun short_funds_are_shared_and_the_rest_is_owed() {
    let mut test = subsidized_world::new(5_000, 1_000, 0);
    test.world().next_epoch();
    test.fund(300);
    test.world().reach_selection();
    test.process();
    assert_eq!(test.collect(), vector[100, 100, 100]);
    assert_eq!(test.debts(), vector[900, 900, 900]);
    // New funds pay the debts within the same epoch.
    test.fund(900);
    test.process();
    assert_eq!(test.collect(), vector[300, 300, 300]);
    assert_eq!(test.debts(), vector[600, 600, 600]);
    // Debts and the next epoch add up.
    test.world().finish_epoch();
    test.world().reach_selection();
    test.process();
    assert_eq!(test.debts(), vector[1_600, 1_600, 1_600]);
    test.fund(5_000);
    test.process();
    assert_eq!(test.collect(), vector[1_600, 1_600, 1_600]);
    assert_eq!(test.funds(), 200);
    assert_eq!(test.debts(), vector[0, 0, 0]);
    test.destroy();
}

#[test]
fun no_funds_do_not_stop_the_calls() {
    let mut test = subsidized_world::new(5_000, MAX - 65_535, 1);
    3u8.do!(|_| {
        test.buy(2);
        test.world().next_epoch();
        test.process();
    });
    // The debts have reached the largest number and stay there.
    assert_eq!(test.debts(), vector[MAX, MAX, MAX]);
    assert_eq!(test.collect(), vector[0, 0, 0]);
    test.destroy();
}

#[random_test]
/// One merge gives what a map from nodes to amounts gives, whoever has joined and left since, with more than 100 members.
fun dues_are_what_a_map_would_add_up(seed: vector<u8>) {
    let mut generator = random::new_generator_from_seed_for_testing(seed);
    let test = subsidized_world::new(0, 1_000, 10);
    let (mut expected, mut shards) = (vec_map::empty(), vec_map::empty());
    // Each node may be owed something, and may be a member; the order is that of the numbers.
    200u64.do!(|number| {
        let node_id = object::id_from_address(address::from_u256((number as u256) << (number as u8)));
        let owed = generator.generate_u8_in_range(0, 2) == 0;
        let is_member = generator.generate_u8_in_range(0, 9) > 2;
        if (owed) {
            let amount = if (generator.generate_bool()) generator.generate_u64() else MAX;
            expected.insert(node_id, amount);
        };
        if (is_member) {
            let count = generator.generate_u64_in_range(1, 5);
            shards.insert(node_id, vector::tabulate!(count, |shard| shard as u16));
        };
    });
    let (debtors, debts) = expected.into_keys_values();
    let members = committee::new_for_testing(shards);
    assert!(members.size() > 100);
    let (node_ids, amounts, former_ids, former_amounts) = test.add_dues(&members, debtors, debts);
    shards.length().do!(|i| {
        let (node_id, shards) = shards.get_entry_by_idx(i);
        let due = 1_000 + 10 * shards.length();
        if (expected.contains(node_id)) {
            let owed = &mut expected[node_id];
            *owed = if (*owed > MAX - due) MAX else *owed + due;
        } else {
            expected.insert(*node_id, due);
        }
    });
    node_ids.zip_do!(amounts, |node_id, amount| assert_eq!(amount, expected[&node_id]));
    former_ids.zip_do!(former_amounts, |node_id, amount| assert_eq!(amount, expected[&node_id]));
    // Each list is in the order of committees, and every node is in one of them.
    assert_eq!(node_ids, sort_vec_map_by_node_id!(shards).keys());
    assert_eq!(node_ids.length() + former_ids.length(), expected.length());
    former_ids.do!(|node_id| assert!(!shards.contains(&node_id)));
    test.destroy();
}

// === Nodes that left ===

#[test]
fun what_is_paid_late_to_a_node_that_left_can_be_collected() {
    let mut test = subsidized_world::new(0, 1_000, 0);
    test.unstake_the_last();
    test.world().next_epoch();
    // All three are owed the last epoch; then node 2 is in neither the current nor the previous committee.
    test.process();
    assert_eq!(test.debts(), vector[1_000, 1_000, 1_000]);
    2u8.do!(|_| test.world().next_epoch());
    test.fund(100_000);
    test.process();
    assert_eq!(test.debts(), vector[0, 0, 0]);
    // Nothing that the end of the vote would not unblock is blocked, whatever the state of the epoch is.
    assert_eq!(test.collect(), vector[0, 0, 1_000]);
    test.world().reach_selection();
    assert_eq!(test.collect(), vector[2_000, 2_000, 0]);
    test.destroy();
}

#[test]
fun members_come_before_those_who_left() {
    let mut test = subsidized_world::new(5_000, 1_000, 0);
    test.leave_with_debts(vector[2, 0, 1], 400);
    test.world().next_epoch();
    test.buy(1);
    test.fund(3_500);
    test.process();
    // Members first, then who waits longest; the usage part last.
    assert_eq!(test.debts(), vector[300, 400, 0]);
    assert_eq!(test.rewards(1), vector[100]);
    test.fund(1_000);
    test.process();
    assert_eq!(test.debts(), vector[0, 0, 0]);
    assert_eq!(test.rewards(1), vector[150]);
    assert_eq!(test.funds(), 250);
    test.world().reach_selection();
    assert_eq!(test.collect(), vector[1_400, 1_400, 1_400]);
    test.destroy();
}

#[test]
fun a_call_pays_a_bounded_number_of_nodes_that_left() {
    let mut test = subsidized_world::new(0, 0, 0);
    // Three batches; each of the nodes waits several times.
    vector[30u64, 40, 60].do!(|size| {
        test.leave_with_debts(vector::tabulate!(size, |i| i % 3), 10);
    });
    test.fund(10_000);
    let mut left = vector[];
    3u8.do!(|_| {
        test.process();
        left.push_back(test.debts().fold!(0, |sum, debt| sum + debt));
    });
    assert_eq!(left, vector[800, 300, 0]);
    assert_eq!(test.funds(), 10_000 - 1_300);
    test.destroy();
}

#[test]
fun those_who_left_wait_without_funds() {
    let mut test = subsidized_world::new(0, 0, 0);
    test.leave_with_debts(vector[0, 1], 10);
    test.process();
    assert_eq!(test.debts(), vector[10, 10, 0]);
    // The only batch is taken as a whole, and what is not paid becomes one again.
    test.fund(4);
    test.process();
    assert_eq!(test.debts(), vector[6, 10, 0]);
    test.fund(9);
    test.process();
    assert_eq!(test.debts(), vector[0, 7, 0]);
    test.destroy();
}

#[test]
fun a_wrong_rate_is_taken_back() {
    let mut test = subsidized_world::new(0, MAX, 0);
    test.leave_with_debts(vector[0, 1], 10);
    test.world().next_epoch();
    test.process();
    assert_eq!(test.debts(), vector[MAX, MAX, MAX]);
    let (subsidies, admin_cap) = test.parts();
    subsidies.set_base_subsidy(admin_cap, 1_000);
    subsidies.forgive_debts(admin_cap);
    assert_eq!(test.debts(), vector[0, 0, 0]);
    test.fund(10_000);
    test.process();
    assert_eq!(test.funds(), 10_000);
    // Later epochs are paid at the new rate.
    test.world().next_epoch();
    test.process();
    assert_eq!(test.funds(), 7_000);
    test.leave_with_debts(vector[2], 10);
    test.process();
    assert_eq!(test.funds(), 6_990);
    test.destroy();
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = walrus_subsidies)]
fun strangers_do_not_forgive_debts() {
    let mut test = subsidized_world::new(0, 0, 0);
    let admin_cap = &test.new_admin_cap();
    let (subsidies, _) = test.parts();
    subsidies.forgive_debts(admin_cap);
    abort 99
}

// === Usage part ===

#[test]
fun payments_are_subsidized_once() {
    let mut test = subsidized_world::new(5_000, 0, 0);
    test.fund(1_000);
    test.buy(3);
    test.process();
    assert_eq!(test.rewards(4), vector[150, 150, 150, 0]);
    assert_eq!(test.funds(), 850);
    test.process();
    assert_eq!(test.rewards(4), vector[150, 150, 150, 0]);
    test.buy(1);
    test.process();
    assert_eq!(test.rewards(4), vector[300, 150, 150, 0]);
    test.destroy();
}

#[test]
fun neither_donations_nor_leftovers_are_subsidized() {
    let mut test = subsidized_world::new(5_000, 0, 0);
    test.fund(1_000);
    let coin = test.mint(700);
    let (_, system, _, _, _) = test.world().parts();
    system.add_subsidy(coin, 2);
    system.add_per_epoch_subsidies(vector[balance::create_for_testing(50)]);
    test.process();
    assert_eq!(test.funds(), 1_000);
    // Nothing is stored, so everything moves on.
    test.world().next_epoch();
    test.process();
    assert_eq!(test.funds(), 1_000);
    assert_eq!(test.rewards(1), vector[350 + 400 - 12]);
    test.destroy();
}

#[test]
fun what_was_paid_before_is_not_subsidized() {
    let mut test = subsidized_world::new(0, 0, 0);
    test.buy(2);
    let (staking, system, _, _, ctx) = test.world().parts();
    let cap = walrus_subsidies::new(system, staking, 5_000, 0, 0, ctx);
    test.world().next_tx();
    let mut late = test.world().take_shared<walrus_subsidies::WalrusSubsidies>();
    late.add_balance(balance::create_for_testing(1_000));
    test.buy(1);
    let (staking, system, _, clock, _) = test.world().parts();
    late.process_subsidies(staking, system, clock);
    assert_eq!(late.inner_for_testing().funds(), 950);
    assert_eq!(late.inner_for_testing().last_subsidized_ts(), clock.timestamp_ms());
    destroy(late);
    destroy(cap);
    test.destroy();
}

#[test]
fun short_funds_go_to_the_earliest_epochs_and_the_rest_follows() {
    let mut test = subsidized_world::new(5_000, 0, 0);
    test.buy(3);
    test.fund(70);
    test.process();
    assert_eq!(test.rewards(3), vector[150, 120, 100]);
    test.fund(1_000);
    test.process();
    assert_eq!(test.rewards(3), vector[150, 150, 150]);
    assert_eq!(test.funds(), 920);
    test.destroy();
}

// === Conservation ===

#[random_test]
/// Whatever happens, the funds, the commissions and the accounting hold together what came in.
fun processing_conserves_wal(seed: vector<u8>) {
    let mut generator = random::new_generator_from_seed_for_testing(seed);
    let mut test = subsidized_world::new(
        generator.generate_u32_in_range(0, 20_000),
        generator.generate_u64_in_range(0, 100),
        generator.generate_u64_in_range(0, 10),
    );
    let mut inflow = 0;
    let mut collected = 0;
    2u8.do!(|_| {
        let funds = generator.generate_u64_in_range(0, 500);
        test.fund(funds);
        let epochs = generator.generate_u32_in_range(1, 5);
        test.buy(epochs);
        inflow = inflow + funds + 100 * (epochs as u64);
        test.process();
        test.world().reach_selection();
        test.process();
        let payments = test.collect();
        collected = collected + payments.fold!(0, |sum, payment| sum + payment);
        let held = test.rewards(10).fold!(0, |sum, slot| sum + slot);
        let paid_out = paid_out(&mut test);
        assert_eq!(test.funds() + held + collected + paid_out, inflow);
        test.world().finish_epoch();
    });
    test.destroy();
}

/// FROST that left the accounting: the rewards pools of the nodes and what was burned.
fun paid_out(test: &mut subsidized_world::Subsidized): u64 {
    let (_, _, treasury, _, _) = test.world().parts();
    let burned = 5_000_000_000_000_000_000 - treasury.total_supply();
    let mut sum = burned;
    3u64.do!(|node| {
        let node_id = test.world().node_id(node);
        sum = sum + test.world().inner().pool_rewards_for_testing(node_id);
    });
    sum
}

// === Rates and rights ===

#[test]
fun the_administrator_changes_the_rates() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, admin_cap) = test.parts();
    subsidies.set_system_subsidy_rate(admin_cap, 1_000_000);
    subsidies.set_base_subsidy(admin_cap, 65_535);
    subsidies.set_per_shard_subsidy(admin_cap, (MAX - 65_535) / 65_535);
    subsidies.set_per_shard_subsidy(admin_cap, 1);
    test.fund(1_000_000);
    test.buy(1);
    test.process();
    assert_eq!(test.rewards(1), vector[10_100]);
    test.world().next_epoch();
    test.world().reach_selection();
    test.process();
    assert_eq!(test.collect(), vector[65_540, 65_538, 65_537]);
    test.destroy();
}

#[test, expected_failure(abort_code = EInvalidSubsidyRate, location = walrus_subsidies_inner)]
fun the_usage_rate_is_limited() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, admin_cap) = test.parts();
    subsidies.set_system_subsidy_rate(admin_cap, 1_000_001);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidSubsidyRate, location = walrus_subsidies_inner)]
fun the_first_usage_rate_is_limited() {
    let _test = subsidized_world::new(1_000_001, 0, 0);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidSubsidyRate, location = walrus_subsidies_inner)]
fun the_first_fixed_rates_are_limited() {
    let _test = subsidized_world::new(0, MAX, 1);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidSubsidyRate, location = walrus_subsidies_inner)]
fun the_base_is_limited() {
    let mut test = subsidized_world::new(0, 0, 1);
    let (subsidies, admin_cap) = test.parts();
    subsidies.set_base_subsidy(admin_cap, MAX - 65_534);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidSubsidyRate, location = walrus_subsidies_inner)]
fun the_amount_per_shard_is_limited() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, admin_cap) = test.parts();
    subsidies.set_per_shard_subsidy(admin_cap, MAX / 65_535 + 1);
    abort 99
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = walrus_subsidies)]
fun strangers_do_not_set_the_usage_rate() {
    let mut test = subsidized_world::new(0, 0, 0);
    let admin_cap = &test.new_admin_cap();
    let (subsidies, _) = test.parts();
    subsidies.set_system_subsidy_rate(admin_cap, 1);
    abort 99
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = walrus_subsidies)]
fun strangers_do_not_set_the_base() {
    let mut test = subsidized_world::new(0, 0, 0);
    let admin_cap = &test.new_admin_cap();
    let (subsidies, _) = test.parts();
    subsidies.set_base_subsidy(admin_cap, 1);
    abort 99
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = walrus_subsidies)]
fun strangers_do_not_set_the_amount_per_shard() {
    let mut test = subsidized_world::new(0, 0, 0);
    let admin_cap = &test.new_admin_cap();
    let (subsidies, _) = test.parts();
    subsidies.set_per_shard_subsidy(admin_cap, 1);
    abort 99
}

// === Versions ===

#[test, expected_failure(abort_code = EWrongVersion, location = walrus_subsidies)]
fun another_version_is_not_used() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, _) = test.parts();
    subsidies.set_version_for_testing(2);
    test.process();
    abort 99
}

#[test, expected_failure(abort_code = EWrongVersion, location = walrus_subsidies)]
fun another_version_is_not_funded() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, _) = test.parts();
    subsidies.set_version_for_testing(2);
    test.fund(1);
    abort 99
}

#[test]
fun an_older_version_is_migrated() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, _) = test.parts();
    let (version, package) = subsidies.version_and_package();
    subsidies.set_version_for_testing(2);
    subsidies.migrate();
    let (migrated_version, migrated_package) = subsidies.version_and_package();
    assert_eq!(migrated_version, version);
    assert_eq!(migrated_package, package);
    test.process();
    test.destroy();
}

#[test, expected_failure(abort_code = EInvalidMigration, location = walrus_subsidies)]
fun the_current_version_is_not_migrated() {
    let mut test = subsidized_world::new(0, 0, 0);
    let (subsidies, _) = test.parts();
    subsidies.migrate();
    abort 99
}
