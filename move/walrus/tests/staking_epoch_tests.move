/// The epoch state machine, end to end.
#[test_only]
module walrus::staking_epoch_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus::events::{
    EpochChangeDone,
    EpochChangeStart,
    EpochParametersSelected,
    PricesUpdated,
    ShardsReceived
};
use walrus::staking::EDeprecatedFunction;
use walrus::staking_inner::{
    EDuplicateSyncDone,
    EInvalidSyncEpoch,
    ENextCommitteeIsEmpty,
    ENoStake,
    ENotInCommittee,
    EWrongEpochState
};
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};
use walrus::test_keys;

/// FROST.
const ONE_WAL: u64 = 1_000_000_000;
const ONE_MIB: u64 = 1_048_576;

#[test]
fun from_epoch_zero_to_three() {
    let mut world = staking_world::new(100);
    let nodes = vector::tabulate!(4, |_| world.register(0));
    let stakes = nodes.map!(|node| world.stake(node, 1_000));
    assert!(world.inner().is_epoch_change_done());
    assert_eq!(world.staking().compute_next_committee().size(), 4);

    world.reach_selection();
    assert!(world.inner().is_next_selected());
    assert_eq!(world.committee().size(), 0);
    assert_eq!(event::events_by_type<EpochParametersSelected>().length(), 1);

    world.initiate_epoch_change();
    assert_eq!(world.epoch(), 1);
    assert!(world.inner().is_syncing());
    assert_eq!(world.system().epoch(), 1);
    assert_eq!(world.system().n_shards(), 100);
    assert_eq!(world.system().total_capacity_size(), 4_000_000_000_000);
    nodes.do!(|node| assert_eq!(world.weight(node), 25));
    assert_eq!(event::events_by_type<EpochChangeStart>().length(), 1);
    assert_eq!(event::events_by_type<PricesUpdated>().length(), 1);

    // 67 of 100 shards are a quorum: the third node completes it, the fourth is late.
    world.sync_done(0, 1);
    world.sync_done(1, 1);
    assert!(world.inner().is_syncing());
    world.sync_done(2, 1);
    assert!(world.inner().is_epoch_change_done());
    world.sync_done(3, 1);
    assert_eq!(event::events_by_type<EpochChangeDone>().length(), 1);
    assert_eq!(event::events_by_type<ShardsReceived>().length(), 4);

    let first = *world.committee();
    world.next_epoch();
    assert_eq!(world.epoch(), 2);
    assert_eq!(*world.committee(), first);
    assert_eq!(*world.staking().previous_committee(), first);

    // A fifth node joins with the stake of two: nobody but those that shrink loses shards.
    let fifth = world.register(0);
    let more = world.stake(fifth, 2_000);
    world.next_epoch();
    assert_eq!(world.epoch(), 3);
    assert!(world.weight(fifth) >= 33);
    let committee = *world.committee();
    first.inner().keys().do!(|node_id| {
        assert!(committee[&node_id].all!(|shard| first[&node_id].contains(shard)));
    });
    destroy(stakes);
    destroy(more);
    world.destroy();
}

#[test]
fun the_signing_committee_is_in_the_order_of_the_shard_assignment() {
    let (world, stakes) = staking_world::running(30, vector[5, 1, 4, 2, 3]);
    let members = *world.system().inner().committee().members();
    let committee = world.committee();
    assert_eq!(members.map_ref!(|member| member.node_id()), committee.inner().keys());
    members.do!(|member| assert_eq!(member.weight(), committee.weight(&member.node_id())));
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_node_without_stake_leaves_the_committee() {
    let (mut world, mut stakes) = staking_world::running(10, vector[1, 1, 1]);
    let mut leaving = stakes.pop_back();
    world.request_withdraw(&mut leaving);
    world.next_epoch();
    assert!(!world.in_committee(2));
    assert_eq!(world.weight(0) + world.weight(1), 10);
    assert_eq!(world.withdraw(leaving), 1_000_000_000);
    world.next_epoch();
    assert!(!world.in_committee(2));
    destroy(stakes);
    world.destroy();
}

#[test]
fun more_nodes_than_shards_do_not_stop_the_epochs() {
    let (mut world, stakes) = staking_world::running(9, vector::tabulate!(20, |_| 1));
    assert_eq!(world.committee().size(), 9);
    world.next_epoch();
    assert_eq!(world.epoch(), 2);
    assert_eq!(world.committee().size(), 9);
    destroy(stakes);
    world.destroy();
}

#[test]
fun small_nodes_take_shards_from_large_ones() {
    // 4 nodes of a million and 16 of one WAL.
    let mut world = staking_world::new(100);
    let mut stakes = join(&mut world, 4, 1_000_000);
    stakes.append(join(&mut world, 16, 1));
    world.next_epoch();
    assert_eq!(world.weight(0) + world.weight(1) + world.weight(2) + world.weight(3), 40);
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_threshold_keeps_small_nodes_from_taking_shards() {
    let mut world = staking_world::with_threshold(100, 1000 * ONE_WAL);
    let mut stakes = join(&mut world, 4, 1_000_000);
    stakes.append(join(&mut world, 16, 1));
    stakes.append(join(&mut world, 1, 1000));
    assert!(!world.staking().is_in_active_set(world.node_id(19)));
    assert!(world.staking().is_in_active_set(world.node_id(20)));
    assert_eq!(world.staking().active_set_threshold(), 1000 * ONE_WAL);
    world.next_epoch();
    assert_eq!(world.committee().size(), 4);
    assert_eq!(world.weight(0) + world.weight(1) + world.weight(2) + world.weight(3), 100);
    destroy(stakes);
    world.destroy();
}

/// Registers nodes with as many WAL each.
fun join(world: &mut World, nodes: u64, wal: u64): vector<StakedWal> {
    vector::tabulate!(nodes, |_| {
        let node = world.register(0);
        world.stake(node, wal)
    })
}

#[test]
fun a_new_key_waits_for_the_next_epoch() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    let proof = test_keys::proof_of_possession(7, world.epoch(), staking_world::operator());
    let (staking, cap, ctx) = world.with_cap(0);
    staking.set_next_public_key(cap, test_keys::public_key(7), proof, ctx);
    assert!(world.inner().pool(world.node_id(0)).node_info().is_key_waiting());
    world.next_epoch();
    assert!(!world.inner().pool(world.node_id(0)).node_info().is_key_waiting());
    destroy(stakes);
    world.destroy();
}

#[test]
fun prices_and_capacity_follow_the_votes() {
    let (mut world, stakes) = staking_world::running(100, vector[1, 1, 1, 1]);
    4u64.do!(|node| {
        let (staking, cap, _) = world.with_cap(node);
        staking.set_storage_price_vote(cap, 100 + node);
        staking.set_write_price_vote(cap, 200 - node);
        staking.set_node_capacity_vote(cap, (node + 1) * ONE_MIB);
    });
    let (staking, system, _, _, _) = world.parts();
    staking.update_prices(system);
    // Three of four equal nodes are the smallest quorum.
    let (storage_price, write_price) = world.system().inner().prices();
    assert_eq!(storage_price, 102);
    assert_eq!(write_price, 199);
    world.next_epoch();
    assert_eq!(world.system().total_capacity_size(), 2 * ONE_MIB * 4);
    destroy(stakes);
    world.destroy();
}

#[test]
fun nobody_can_pay_before_there_is_a_committee() {
    let mut world = staking_world::new(10);
    let (staking, system, _, _, _) = world.parts();
    staking.update_prices(system);
    let (storage_price, write_price) = world.system().inner().prices();
    assert_eq!(storage_price, std::u64::max_value!());
    assert_eq!(write_price, std::u64::max_value!());
    world.destroy();
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun epoch_zero_does_not_end_early() {
    let mut world = staking_world::new(10);
    world.wait(99);
    world.voting_end();
    abort 99
}

#[test, expected_failure(abort_code = ENoStake, location = walrus::staking_inner)]
fun a_committee_needs_stake() {
    let mut world = staking_world::new(10);
    world.register(0);
    world.reach_selection();
    abort 99
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun the_vote_does_not_end_before_the_middle() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.wait(499);
    world.voting_end();
    abort 99
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun the_vote_ends_once() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.reach_selection();
    world.voting_end();
    abort 99
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun the_vote_does_not_end_while_shards_move() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.reach_selection();
    world.wait_half();
    world.initiate_epoch_change();
    world.wait_half();
    world.voting_end();
    abort 99
}

#[test, expected_failure(abort_code = ENextCommitteeIsEmpty, location = walrus::staking_inner)]
fun the_epoch_does_not_change_without_a_vote() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.wait(1_000_000);
    world.initiate_epoch_change();
    abort 99
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun the_epoch_does_not_change_early() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.reach_selection();
    world.wait(499);
    world.initiate_epoch_change();
    abort 99
}

#[test, expected_failure(abort_code = EDeprecatedFunction, location = walrus::staking)]
fun the_old_epoch_change_is_gone() {
    let mut world = staking_world::new(10);
    let (staking, system, _, clock, _) = world.parts();
    staking.initiate_epoch_change(system, clock);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidSyncEpoch, location = walrus::staking_inner)]
fun a_report_is_about_the_current_epoch() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.sync_done(0, 2);
    abort 99
}

#[test, expected_failure(abort_code = EDuplicateSyncDone, location = walrus::staking_inner)]
fun a_node_reports_once() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.sync_done(0, 1);
    abort 99
}

#[test, expected_failure(abort_code = ENotInCommittee, location = walrus::staking_inner)]
fun only_members_report() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    let outsider = world.register(0);
    world.sync_done(outsider, 1);
    abort 99
}

/// As many nodes as the active set holds, and as many shards as the public networks have.
#[test]
fun a_full_committee_changes_epochs() {
    let mut world = staking_world::new(1000);
    let mut stakes = vector::tabulate!(150, |i| {
        let node = world.register(0);
        world.stake(node, 1_000 + i)
    });
    // The set is full: the first of the smallest leaves.
    let node = world.register(0);
    stakes.push_back(world.stake(node, 2_000));
    world.next_epoch();
    assert_eq!(world.committee().size(), 150);
    assert!(!world.in_committee(0));
    assert!(world.weight(node) > 0);
    world.fill(ONE_MIB);
    world.pay(1_000_000_000);
    world.next_epoch();
    assert!(world.system().future_accounting().ring_lookup(0).rewards() < 150);
    destroy(stakes);
    world.destroy();
}

#[test]
fun the_odd_shard_goes_to_the_smallest_node_id() {
    let (world, stakes) = staking_world::running(10, vector[1, 1, 1]);
    let nodes = world.committee().inner().keys();
    let weights = nodes.map!(|node_id| world.committee().weight(&node_id));
    assert_eq!(weights, vector[4, 3, 3]);
    destroy(stakes);
    world.destroy();
}
