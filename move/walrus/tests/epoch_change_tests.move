/// The storage side of an epoch change: rotation, capacity and rewards.
#[test_only]
module walrus::epoch_change_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance::Balance;
use sui::coin;
use sui::vec_map::VecMap;
use wal::wal::WAL;
use walrus::epoch_parameters;
use walrus::messages;
use walrus::system::{Self, System};
use walrus::system_state_inner;
use walrus::test_committee;
use walrus::test_system;

/// A system with a committee of weights 500, 300 and 200.
fun thousand_shards(ctx: &mut TxContext): System {
    let committee = test_committee::committee_with_weights(21, vector[500, 300, 200]);
    let inner =
        system_state_inner::new_for_testing(committee, 1_000_000_000_000, 5, 2, 53, ctx);
    system::new_for_testing(inner, ctx)
}

/// Changes the epoch; returns what each node earned.
fun advance(system: &mut System): vector<u64> {
    values(test_system::next_epoch(system))
}

fun values(rewards: VecMap<ID, Balance<WAL>>): vector<u64> {
    let (_, balances) = rewards.into_keys_values();
    balances.map!(|balance| balance.destroy_for_testing())
}

#[test]
fun rewards_match_the_vector() {
    let ctx = &mut tx_context::dummy();
    let mut system = thousand_shards(ctx);
    let mut coin = test_system::wal(ctx);
    system.reserve_space(1, 1, &mut coin, ctx).destroy();
    coin.burn_for_testing();
    // The reservation has paid five FROST.
    system.add_subsidy(coin::mint_for_testing(999_998, ctx), 1);
    assert_eq!(system.extract_burn_balance().destroy_for_testing(), 30_000);
    assert_eq!(advance(&mut system), vector[485_001, 291_000, 194_000]);
    assert_eq!(system.epoch(), 22);
    assert_eq!(system.future_accounting()[0].rewards(), 2);
    destroy(system);
}

#[test]
fun everything_is_carried_over_when_nothing_is_stored() {
    let ctx = &mut tx_context::dummy();
    let mut system = thousand_shards(ctx);
    system.add_subsidy(coin::mint_for_testing(1000, ctx), 1);
    assert_eq!(advance(&mut system), vector[0, 0, 0]);
    assert_eq!(system.future_accounting()[0].rewards(), 1000);
    destroy(system);
}

#[test]
fun huge_capacities_and_rewards_do_not_overflow() {
    let ctx = &mut tx_context::dummy();
    let committee = test_committee::committee_with_weights(21, vector[40_000, 20_000]);
    let max = std::u64::max_value!();
    let inner = system_state_inner::new_for_testing(committee, max, 0, 0, 2, ctx);
    let mut system = system::new_for_testing(inner, ctx);
    let mut coin = coin::mint_for_testing(6_000_000_000_000_000_000, ctx);
    system.reserve_space(max, 1, &mut coin, ctx).destroy();
    system.add_subsidy(coin, 1);
    assert_eq!(
        advance(&mut system),
        vector[4_000_000_000_000_000_000, 2_000_000_000_000_000_000],
    );
    destroy(system);
}

#[test]
fun deny_lists_reduce_the_rewards() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let mut coin = test_system::wal(ctx);
    system.reserve_space(100, 1, &mut coin, ctx).destroy();
    coin.burn_for_testing();
    // Node 0 denies half of what is stored, node 2 more than everything.
    vector[0, 2].zip_do!(vector[50, 1000], |i, size| {
        let mut cap = test_committee::cap(i, ctx);
        let node = test_committee::node_id(i);
        let message = messages::deny_list_update_for_testing(21, node, 1, size, 9);
        let (signature, bitmap) = test_committee::sign_by_quorum(&message);
        system.update_deny_list(&mut cap, signature, bitmap, message);
        cap.destroy_cap_for_testing();
    });
    // Shares 150, 100, 0, 100, 200 of 550.
    system.add_subsidy(coin::mint_for_testing(5495, ctx), 1);
    assert_eq!(advance(&mut system), vector[1500, 1000, 0, 1000, 2000]);
    destroy(system);
}

#[test]
fun deny_lists_of_nodes_that_left_are_forgotten() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    vector[0, 2].do!(|i| {
        let mut cap = test_committee::cap(i, ctx);
        let node = test_committee::node_id(i);
        let message = messages::deny_list_update_for_testing(21, node, 1, 50, 9);
        let (signature, bitmap) = test_committee::sign_by_quorum(&message);
        system.update_deny_list(&mut cap, signature, bitmap, message);
        cap.destroy_cap_for_testing();
    });
    let params = epoch_parameters::new(1000, 0, 0);
    // Node 2 leaves; the rewards of its last epoch have just been reduced, so the list goes with the next change.
    let alone = test_committee::committee_with_weights(22, vector[10]);
    destroy(system.advance_epoch(alone, &params));
    assert_eq!(system.inner().deny_list_size(test_committee::node_id(2)), option::some(50));
    let alone = test_committee::committee_with_weights(23, vector[10]);
    destroy(system.advance_epoch(alone, &params));
    assert_eq!(system.inner().deny_list_size(test_committee::node_id(2)), option::none());
    assert_eq!(system.inner().deny_list_size(test_committee::node_id(0)), option::some(50));
    destroy(system);
}

#[test]
fun capacity_never_falls_below_what_is_sold() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let mut coin = test_system::wal(ctx);
    system.reserve_space(100, 3, &mut coin, ctx).destroy();
    system.reserve_space_for_epochs(200, 23, 24, &mut coin, ctx).destroy();
    coin.burn_for_testing();

    let committee = test_committee::committee(22);
    destroy(system.advance_epoch(committee, &epoch_parameters::new(50, 0, 0)));
    assert_eq!(system.used_capacity_size(), 100);
    // The slot of epoch 23 holds 300 bytes.
    assert_eq!(system.total_capacity_size(), 300);
    let committee = test_committee::committee(23);
    destroy(system.advance_epoch(committee, &epoch_parameters::new(5000, 0, 0)));
    assert_eq!(system.used_capacity_size(), 300);
    assert_eq!(system.total_capacity_size(), 5000);
    destroy(system);
}

#[test]
fun first_epoch_change_starts_from_the_empty_committee() {
    let ctx = &mut tx_context::dummy();
    let inner = system_state_inner::create_empty(5, ctx);
    let mut system = system::new_for_testing(inner, ctx);
    assert_eq!(system.n_shards(), 0);
    system.add_subsidy(coin::mint_for_testing(10, ctx), 1);
    assert_eq!(advance(&mut system), vector[]);
    assert_eq!(system.epoch(), 1);
    assert_eq!(system.n_shards(), 10);
    assert_eq!(system.future_accounting()[0].rewards(), 10);
    assert_eq!(system.future_accounting()[4].epoch(), 5);
    system.set_prices(7, 8);
    let (storage_price, write_price) = system.inner().prices();
    assert_eq!(storage_price, 7);
    assert_eq!(write_price, 8);
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectCommittee)]
fun epochs_are_not_skipped() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let params = epoch_parameters::new(50, 0, 0);
    destroy(system.advance_epoch(test_committee::committee(23), &params));
    destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidAccountingEpoch)]
fun an_epoch_is_not_settled_with_the_accounts_of_another() {
    let mut system = test_system::new(&mut tx_context::dummy());
    destroy(system.inner_mut_for_testing().accounting_mut_for_testing().ring_pop_expand());
    advance(&mut system);
    abort 99
}
