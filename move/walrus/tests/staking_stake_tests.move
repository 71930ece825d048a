/// Staking, withdrawing and the active set: the timeline of the specification (contracts, section 7.11).
#[test_only]
module walrus::staking_stake_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::staked_wal::{EInvalidAmount, EMetadataMismatch, EStakeBelowThreshold, StakedWal};
use walrus::staked_wal::ENotWithdrawing as EStakedWalNotWithdrawing;
use walrus::staking_inner::EPoolNotFound;
use walrus::staking_pool::{
    ENotStaked,
    ENotWithdrawing,
    EWithdrawDirectly,
    EWithdrawEpochNotReached,
    EZeroStake
};
use walrus::staking_world::{Self, World};

const FROST: u64 = 1_000_000_000;
const ONE_MIB: u64 = 1_048_576;

// === When stake becomes active ===

#[test]
fun stake_before_the_selection_counts_in_the_next_epoch() {
    let (mut world, stakes) = running();
    let stake = world.stake(0, 5);
    assert_eq!(stake.activation_epoch(), 2);
    assert!(stake.is_staked());
    assert_eq!(stake.value(), 5 * FROST);
    assert_eq!(stake.node_id(), world.node_id(0));
    finish(world, stakes);
    destroy(stake);
}

#[test]
fun stake_after_the_selection_counts_one_epoch_later() {
    let (mut world, stakes) = running();
    world.reach_selection();
    let stake = world.stake(0, 5);
    assert_eq!(stake.activation_epoch(), 3);
    finish(world, stakes);
    destroy(stake);
}

// === Cancelling stake that is not active yet ===

#[test]
fun before_the_selection_new_stake_is_withdrawn_directly() {
    let (mut world, stakes) = running();
    let stake = world.stake(0, 5);
    assert!(world.staking().can_withdraw_staked_wal_early(&stake));
    assert_eq!(world.withdraw(stake), 5 * FROST);
    assert_eq!(world.inner().active_set().total_stake(), 200 * FROST);
    finish(world, stakes);
}

#[test]
fun after_the_selection_stake_with_a_node_left_out_is_withdrawn_directly() {
    let (mut world, stakes) = running();
    let outsider = world.register(0);
    // One of ten shards is out of reach with so little stake.
    let stake = world.stake(outsider, 1);
    world.reach_selection();
    assert!(world.staking().can_withdraw_staked_wal_early(&stake));
    assert_eq!(world.withdraw(stake), FROST);
    finish(world, stakes);
}

#[test]
fun after_the_selection_stake_with_a_selected_node_leaves_after_one_active_epoch() {
    let (mut world, stakes) = running();
    let mut stake = world.stake(0, 100);
    world.reach_selection();
    assert!(!world.staking().can_withdraw_staked_wal_early(&stake));
    world.request_withdraw(&mut stake);
    assert_eq!(stake.withdraw_epoch(), 3);
    world.finish_epoch();
    // The stake is active in epoch 2: it earns half of what node 0 earns, and node 0 has twice the stake of node 1.
    world.fill(ONE_MIB);
    world.pay(3_000);
    let weight = world.weight(0) as u64;
    world.next_epoch();
    let earned = world.withdraw(stake) - 100 * FROST;
    let expected = 2_910 * weight / 10 / 2;
    assert!(earned == expected || earned + 1 == expected);
    // What is left belongs to the others.
    assert_eq!(world.inner().pool(world.node_id(0)).wal_balance_at_epoch(3) / FROST, 100);
    finish(world, stakes);
}

#[test]
fun stake_made_after_the_selection_is_withdrawn_directly() {
    let (mut world, stakes) = running();
    world.reach_selection();
    let stake = world.stake(0, 5);
    assert!(world.staking().can_withdraw_staked_wal_early(&stake));
    assert_eq!(world.withdraw(stake), 5 * FROST);
    finish(world, stakes);
}

// === Withdrawing active stake ===

#[test]
fun before_the_selection_active_stake_leaves_in_the_next_epoch() {
    let (mut world, mut stakes) = running();
    let mut stake = stakes.pop_back();
    world.request_withdraw(&mut stake);
    assert!(stake.is_withdrawing());
    assert_eq!(stake.withdraw_epoch(), 2);
    world.next_epoch();
    assert_eq!(world.withdraw(stake), 100 * FROST);
    finish(world, stakes);
}

#[test]
fun after_the_selection_active_stake_with_a_selected_node_leaves_one_epoch_later() {
    let (mut world, mut stakes) = running();
    let mut stake = stakes.pop_back();
    world.reach_selection();
    world.request_withdraw(&mut stake);
    assert_eq!(stake.withdraw_epoch(), 3);
    world.finish_epoch();
    assert!(world.in_committee(1));
    world.next_epoch();
    assert!(!world.in_committee(1));
    assert_eq!(world.withdraw(stake), 100 * FROST);
    finish(world, stakes);
}

#[test]
fun after_the_selection_active_stake_with_a_leaving_node_leaves_in_the_next_epoch() {
    let (mut world, mut stakes) = running();
    let mut first = stakes.pop_back();
    let mut second = first.split(1 * FROST, world.ctx());
    world.request_withdraw(&mut first);
    world.reach_selection();
    // One of ten shards is out of reach with what is left.
    world.request_withdraw(&mut second);
    assert_eq!(second.withdraw_epoch(), 2);
    world.finish_epoch();
    assert!(!world.in_committee(1));
    assert_eq!(world.withdraw(first) + world.withdraw(second), 100 * FROST);
    finish(world, stakes);
}

#[test]
fun active_stake_with_a_node_outside_is_withdrawn_directly_with_its_rewards() {
    let (mut world, mut stakes) = running();
    let mut first = stakes.pop_back();
    let second = first.split(1 * FROST, world.ctx());
    world.fill(ONE_MIB);
    world.pay(1_000_000);
    world.request_withdraw(&mut first);
    world.next_epoch();
    assert!(!world.in_committee(1));
    let earned_by_first = world.withdraw(first) - 99 * FROST;
    world.next_epoch();
    let earned_by_second = world.withdraw(second) - 1 * FROST;
    assert!(earned_by_first + earned_by_second <= 485_000);
    assert!(earned_by_first + earned_by_second >= 484_998);
    assert_eq!(earned_by_second, 4_850);
    finish(world, stakes);
}

#[test, expected_failure(abort_code = EWithdrawDirectly, location = walrus::staking_pool)]
fun what_can_be_withdrawn_directly_needs_no_request() {
    let (mut world, _stakes) = running();
    let mut stake = world.stake(0, 5);
    world.request_withdraw(&mut stake);
    abort 99
}

#[test, expected_failure(abort_code = EWithdrawDirectly, location = walrus::staking_pool)]
fun stake_with_a_node_outside_needs_no_request() {
    let (mut world, _stakes) = running();
    let outsider = world.register(0);
    let mut stake = world.stake(outsider, 1);
    world.next_epoch();
    world.request_withdraw(&mut stake);
    abort 99
}

#[test, expected_failure(abort_code = ENotStaked, location = walrus::staking_pool)]
fun a_withdrawal_is_requested_once() {
    let (mut world, mut stakes) = running();
    world.request_withdraw(&mut stakes[0]);
    world.request_withdraw(&mut stakes[0]);
    abort 99
}

#[test, expected_failure(abort_code = ENotWithdrawing, location = walrus::staking_pool)]
fun active_stake_needs_a_request() {
    let (mut world, mut stakes) = running();
    world.withdraw(stakes.pop_back());
    abort 99
}

#[test, expected_failure(abort_code = EWithdrawEpochNotReached, location = walrus::staking_pool)]
fun a_requested_withdrawal_waits_for_its_epoch() {
    let (mut world, mut stakes) = running();
    let mut stake = stakes.pop_back();
    world.request_withdraw(&mut stake);
    world.withdraw(stake);
    abort 99
}

#[test, expected_failure(abort_code = EZeroStake, location = walrus::staking_pool)]
fun nothing_is_no_stake() {
    let (mut world, _stakes) = running();
    let _stake = world.stake(0, 0);
    abort 99
}

#[test, expected_failure(abort_code = EStakeBelowThreshold, location = walrus::staked_wal)]
fun less_than_one_wal_is_no_stake() {
    let (mut world, _stakes) = running();
    let coin = world.mint(FROST - 1);
    let node_id = world.node_id(0);
    let (staking, _, _, _, ctx) = world.parts();
    let _stake = staking.stake_with_pool(coin, node_id, ctx);
    abort 99
}

#[test, expected_failure(abort_code = EPoolNotFound, location = walrus::staking_inner)]
fun an_unknown_node_has_no_rewards() {
    let (world, _stakes) = running();
    world.staking().calculate_rewards(@0xDEAD.to_id(), FROST, 1, 2);
    abort 99
}

// === Conservation ===

#[test]
fun stakers_never_get_more_than_was_paid_in() {
    let mut world = staking_world::new(100);
    let node = world.register(500);
    let mut principal = 0;
    let mut stakes = vector[];
    vector[7, 31, 100, 1].do!(|wal| {
        stakes.push_back(world.stake(node, wal));
        principal = principal + wal * FROST;
        world.next_epoch();
        world.fill(ONE_MIB);
        world.pay(1_234_567 * wal);
    });
    world.next_epoch();
    stakes.do_mut!(|stake| world.request_withdraw(stake));
    let other = world.register(0);
    let rest = world.stake(other, 1);
    world.next_epoch();
    assert!(!world.in_committee(node));
    let mut payout = 0;
    stakes.do!(|stake| payout = payout + world.withdraw(stake));
    world.reach_selection();
    let commission = world.collect_commission(node);
    let paid_in = 1_234_567 * (7 + 31 + 100 + 1);
    let burned_at_most = paid_in * 3 / 100;
    assert!(payout + commission <= principal + paid_in);
    // Only the burned part and some FROST of rounding are missing; the pool keeps the latter.
    assert!(payout + commission + burned_at_most + 20 >= principal + paid_in);
    destroy(rest);
    world.destroy();
}

// === Splitting and joining ===

#[test]
fun splitting_and_joining_conserve_the_principal() {
    let (mut world, mut stakes) = running();
    let mut stake = stakes.pop_back();
    let part = stake.split(30 * FROST, world.ctx());
    assert_eq!(part.value(), 30 * FROST);
    assert_eq!(stake.value(), 70 * FROST);
    assert_eq!(part.activation_epoch(), stake.activation_epoch());
    assert_eq!(part.node_id(), stake.node_id());
    stake.join(part);
    assert_eq!(stake.value(), 100 * FROST);
    world.request_withdraw(&mut stake);
    let part = stake.split(30 * FROST, world.ctx());
    assert_eq!(part.withdraw_epoch(), 2);
    stake.join(part);
    destroy(stake);
    finish(world, stakes);
}

#[test, expected_failure(abort_code = EInvalidAmount, location = walrus::staked_wal)]
fun a_part_is_smaller_than_the_whole() {
    let (mut world, mut stakes) = running();
    let _part = stakes[0].split(100 * FROST, world.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EStakeBelowThreshold, location = walrus::staked_wal)]
fun a_part_is_at_least_one_wal() {
    let (mut world, mut stakes) = running();
    let _part = stakes[0].split(FROST - 1, world.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EStakeBelowThreshold, location = walrus::staked_wal)]
fun the_rest_is_at_least_one_wal() {
    let (mut world, mut stakes) = running();
    let _part = stakes[0].split(99 * FROST + 1, world.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EMetadataMismatch, location = walrus::staked_wal)]
fun stake_with_different_nodes_does_not_join() {
    let (_world, mut stakes) = running();
    let other = stakes.pop_back();
    stakes[0].join(other);
    abort 99
}

#[test, expected_failure(abort_code = EMetadataMismatch, location = walrus::staked_wal)]
fun stake_of_different_epochs_does_not_join() {
    let (mut world, mut stakes) = running();
    let other = world.stake(0, 1);
    stakes[0].join(other);
    abort 99
}

#[test, expected_failure(abort_code = EMetadataMismatch, location = walrus::staked_wal)]
fun stake_in_different_states_does_not_join() {
    let (mut world, mut stakes) = running();
    let part = stakes[0].split(FROST, world.ctx());
    world.request_withdraw(&mut stakes[0]);
    stakes[0].join(part);
    abort 99
}

#[test, expected_failure(abort_code = EStakedWalNotWithdrawing, location = walrus::staked_wal)]
fun active_stake_has_no_withdraw_epoch() {
    let (_world, stakes) = running();
    stakes[0].withdraw_epoch();
    abort 99
}

// === Active set ===

#[test]
fun the_active_set_follows_the_stake() {
    let (mut world, stakes) = running();
    let outsider = world.register(0);
    assert_eq!(world.inner().active_set().size(), 2);
    let stake = world.stake(outsider, 3);
    assert_eq!(world.inner().active_set().size(), 3);
    assert_eq!(world.inner().active_set().total_stake(), 203 * FROST);
    world.withdraw(stake);
    assert_eq!(world.inner().active_set().size(), 2);
    let (staking, cap, _) = world.with_cap(outsider);
    staking.try_join_active_set(cap);
    assert_eq!(world.inner().active_set().size(), 2);
    finish(world, stakes);
}

/// Two nodes with 100 WAL each and ten shards, in epoch 1.
fun running(): (World, vector<StakedWal>) {
    staking_world::running(10, vector[100, 100])
}

fun finish(world: World, stakes: vector<StakedWal>) {
    destroy(stakes);
    world.destroy();
}
