/// One pool, without the epoch state machine around it.
#[test_only]
module walrus::staking_pool_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::vec_map;
use walrus::node_metadata;
use walrus::pool_exchange_rate;
use walrus::staked_wal::{Self, EAlreadyWithdrawing, StakedWal};
use walrus::staking_pool::{
    Self,
    EActivationEpochNotReached,
    ECalculationError,
    EIncorrectEpochAdvance,
    EIncorrectPoolId,
    EPoolAlreadyUpdated,
    EPoolIsNotActive,
    EZeroShares,
    StakingPool
};
use walrus::test_keys;
use walrus::walrus_context::{Self, WalrusContext};

const FROST: u64 = 1_000_000_000;

#[test]
fun the_rate_of_an_epoch_is_the_price_at_its_start() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let stake = pool.stake(balance::create_for_testing(100 * FROST), &context(0, false, vector[]), ctx);
    let node_id = pool.node_id();
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    assert_eq!(pool.exchange_rate_at_epoch(1), pool_exchange_rate::flat());
    pool.advance_epoch(balance::create_for_testing(50 * FROST), &context(2, false, vector[node_id]));
    let rate = pool_exchange_rate::new(150 * FROST, 100 * FROST);
    assert_eq!(pool.exchange_rate_at_epoch(1), pool_exchange_rate::flat());
    assert_eq!(pool.exchange_rate_at_epoch(2), rate);
    // Where nobody joins or leaves, the price stands still, however far the pool lags behind.
    pool.advance_epoch(balance::zero(), &context(7, false, vector[node_id]));
    assert_eq!(pool.exchange_rate_at_epoch(6), rate);
    assert_eq!(pool.exchange_rate_at_epoch(4_000_000_000), rate);
    assert_eq!(pool.calculate_rewards(100 * FROST, 1, 2), 50 * FROST);
    assert_eq!(pool.calculate_rewards(100 * FROST, 2, 7), 0);
    destroy(stake);
    destroy(pool);
}

#[test]
fun rates_of_long_absences_are_found_in_every_gap() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let mut stakes = vector[];
    let mut rates = vector[pool_exchange_rate::flat()];
    let epochs = vector[1, 2, 1_000_000, 1_000_001, 2_000_000_000, 2_000_000_002];
    epochs.do!(|epoch| {
        // Who joins rounds the number of shares, so the price of the next epoch is another one.
        let before = context(epoch - 1, false, vector[]);
        stakes.push_back(pool.stake(balance::create_for_testing(FROST + 1), &before, ctx));
        // A pool that comes back has earned nothing.
        let rewards = if (epoch == 2 || epoch == 1_000_001) 10 else 0;
        let rate = pool.exchange_rate_at_epoch(epoch);
        pool.advance_epoch(balance::create_for_testing(rewards), &context(epoch, false, vector[]));
        if (rewards == 0) assert_eq!(pool.exchange_rate_at_epoch(epoch), rate);
        rates.push_back(pool.exchange_rate_at_epoch(epoch));
    });
    assert_eq!(rates[2], pool_exchange_rate::new(FROST + 11, FROST + 1));
    let gaps = vector[3, 3, 5, 5, 6, 6];
    let inside = vector[3, 999_999, 1_000_002, 1_999_999_999, 2_000_000_001, 2_000_000_001];
    inside.zip_do!(gaps, |epoch, i| {
        assert_eq!(pool.exchange_rate_at_epoch(epoch), rates[i]);
        assert!(rates[i] != rates[i - 1]);
    });
    epochs.length().do!(|i| assert_eq!(pool.exchange_rate_at_epoch(epochs[i]), rates[i + 1]));
    assert_eq!(pool.exchange_rate_at_epoch(0), rates[0]);
    destroy(stakes);
    destroy(pool);
}

#[test]
fun new_stake_buys_shares_at_the_current_price() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let node_id = pool.node_id();
    let first = pool.stake(balance::create_for_testing(100 * FROST), &context(0, false, vector[]), ctx);
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    let second = pool.stake(
        balance::create_for_testing(150 * FROST),
        &context(1, false, vector[node_id]),
        ctx,
    );
    assert_eq!(pool.wal_balance_at_epoch(1), 100 * FROST);
    assert_eq!(pool.wal_balance_at_epoch(2), 250 * FROST);
    pool.advance_epoch(balance::create_for_testing(50 * FROST), &context(2, false, vector[node_id]));
    assert_eq!(pool.wal_balance_at_epoch(2), 300 * FROST);
    pool.advance_epoch(balance::create_for_testing(30 * FROST), &context(3, false, vector[node_id]));
    // Half of the pool each: 15 WAL each.
    assert_eq!(pool.calculate_rewards(100 * FROST, 1, 3), 65 * FROST);
    assert_eq!(pool.calculate_rewards(150 * FROST, 2, 3), 15 * FROST);
    destroy(first);
    destroy(second);
    destroy(pool);
}

#[test]
fun the_latest_due_commission_rate_applies_even_after_a_gap() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(1_000, &context(0, false, vector[]), ctx);
    let node_id = pool.node_id();
    let stake = pool.stake(balance::create_for_testing(100 * FROST), &context(0, false, vector[]), ctx);
    pool.set_next_commission(2_000, &context(0, false, vector[]));
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    pool.set_next_commission(3_000, &context(1, false, vector[node_id]));
    // Out of the committee in the epochs 2 to 4.
    pool.advance_epoch(balance::create_for_testing(100), &context(5, false, vector[node_id]));
    assert_eq!(pool.extract_all_commission().destroy_for_testing(), 10);
    pool.advance_epoch(balance::create_for_testing(100), &context(6, false, vector[node_id]));
    assert_eq!(pool.extract_all_commission().destroy_for_testing(), 30);
    destroy(stake);
    destroy(pool);
}

#[test, expected_failure(abort_code = EPoolAlreadyUpdated, location = walrus::staking_pool)]
fun an_epoch_is_entered_once() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    pool.advance_epoch(balance::zero(), &context(1, false, vector[]));
    pool.advance_epoch(balance::zero(), &context(1, false, vector[]));
    abort 99
}

#[test, expected_failure(abort_code = EIncorrectEpochAdvance, location = walrus::staking_pool)]
fun a_pool_without_balance_earns_nothing() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    pool.advance_epoch(balance::create_for_testing(1), &context(1, false, vector[]));
    abort 99
}

#[test, expected_failure(abort_code = EPoolIsNotActive, location = walrus::staking_pool)]
fun a_withdrawing_pool_takes_no_stake() {
    let ctx = &mut tx_context::dummy();
    let wctx = context(0, false, vector[]);
    let mut pool = new_pool(0, &wctx, ctx);
    pool.set_withdrawing(&wctx);
    let _stake = pool.stake(balance::create_for_testing(FROST), &wctx, ctx);
    abort 99
}

#[test, expected_failure(abort_code = EIncorrectPoolId, location = walrus::staking_pool)]
fun stake_leaves_through_its_own_pool() {
    let ctx = &mut tx_context::dummy();
    let wctx = context(0, false, vector[]);
    let mut pool = new_pool(0, &wctx, ctx);
    let mut other = new_pool(0, &wctx, ctx);
    let stake = pool.stake(balance::create_for_testing(FROST), &wctx, ctx);
    let _payout = other.withdraw_stake(stake, false, &wctx);
    abort 99
}

#[test, expected_failure(abort_code = EZeroShares, location = walrus::staking_pool)]
fun stake_worth_no_share_cannot_be_requested() {
    let ctx = &mut tx_context::dummy();
    let wctx = context(0, false, vector[]);
    let mut pool = new_pool(0, &wctx, ctx);
    let node_id = pool.node_id();
    let _first = pool.stake(balance::create_for_testing(FROST), &wctx, ctx);
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    pool.advance_epoch(
        balance::create_for_testing(2 * FROST * FROST),
        &context(2, false, vector[node_id]),
    );
    let mut second = pool.stake(
        balance::create_for_testing(FROST),
        &context(2, false, vector[node_id]),
        ctx,
    );
    pool.advance_epoch(balance::zero(), &context(3, false, vector[node_id]));
    pool.request_withdraw_stake(&mut second, false, &context(3, false, vector[node_id]));
    abort 99
}

#[test, expected_failure(abort_code = EActivationEpochNotReached, location = walrus::staking_pool)]
fun stake_from_the_far_future_cannot_be_requested() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let late = context(5, false, vector[]);
    let mut stake = pool.stake(balance::create_for_testing(FROST), &late, ctx);
    pool.request_withdraw_stake(&mut stake, false, &context(1, false, vector[]));
    abort 99
}

#[test, expected_failure(abort_code = ECalculationError, location = walrus::staking_pool)]
fun more_than_the_pool_has_does_not_leave() {
    let ctx = &mut tx_context::dummy();
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let node_id = pool.node_id();
    let _stake = pool.stake(balance::create_for_testing(FROST), &context(0, false, vector[]), ctx);
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    // Stake that the pool never took.
    let mut forged = staked_wal::mint(node_id, balance::create_for_testing(2 * FROST), 1, ctx);
    pool.request_withdraw_stake(&mut forged, false, &context(1, false, vector[node_id]));
    pool.advance_epoch(balance::zero(), &context(2, false, vector[node_id]));
    abort 99
}

#[test, expected_failure(abort_code = EAlreadyWithdrawing, location = walrus::staked_wal)]
fun stake_is_marked_as_withdrawing_once() {
    let ctx = &mut tx_context::dummy();
    let wctx = context(0, false, vector[]);
    let mut pool = new_pool(0, &wctx, ctx);
    let mut stake = pool.stake(balance::create_for_testing(FROST), &wctx, ctx);
    stake.set_withdrawing(1);
    stake.set_withdrawing(1);
    abort 99
}

// === Pools that stakers leave ===

#[test]
fun stake_leaves_a_deserted_idle_pool() {
    let ctx = &mut tx_context::dummy();
    let mut pool = deserted_pool(ctx);
    let payout = join_and_leave_idle(&mut pool, 100 * FROST, ctx);
    assert_eq!(payout, 100 * FROST);
    // Neither the dust nor a part of the stake is left as stake of nobody.
    assert_eq!(pool.wal_balance_at_epoch(7), 0);
    destroy(pool);
}

#[test]
fun stake_that_joins_a_deserted_idle_pool_earns_everything() {
    let ctx = &mut tx_context::dummy();
    let mut pool = deserted_pool(ctx);
    let node_id = pool.node_id();
    let idle = context(5, false, vector[]);
    let mut stake = pool.stake(balance::create_for_testing(100 * FROST), &idle, ctx);
    pool.advance_epoch(balance::zero(), &context(8, false, vector[node_id]));
    let in_committee = context(9, false, vector[node_id]);
    pool.advance_epoch(balance::create_for_testing(10 * FROST), &in_committee);
    pool.request_withdraw_stake(&mut stake, false, &in_committee);
    assert_eq!(pool.wal_balance_at_epoch(10), 0);
    pool.advance_epoch(balance::zero(), &context(10, false, vector[]));
    let payout = pool.withdraw_stake(stake, false, &context(10, false, vector[]));
    assert_eq!(payout.destroy_for_testing(), 110 * FROST);
    destroy(pool);
}

#[test]
fun large_stake_leaves_an_idle_pool_with_little_stake() {
    let ctx = &mut tx_context::dummy();
    let (mut pool, mut stakes) = busy_pool(ctx);
    let rest = stakes.pop_back();
    leave_all(&mut pool, &mut stakes, vector[]);
    assert_eq!(join_and_leave_idle(&mut pool, 1_000_000 * FROST, ctx), 1_000_000 * FROST);
    assert_eq!(pool.wal_balance_at_epoch(7) / 10, FROST / 10);
    let payout = pool.withdraw_stake(rest, false, &context(6, false, vector[]));
    assert_eq!(payout.destroy_for_testing(), FROST);
    assert!(pool.wal_balance_at_epoch(7) < 10);
    destroy(stakes);
    destroy(pool);
}

#[test]
fun the_smallest_stake_is_no_dust() {
    let ctx = &mut tx_context::dummy();
    let (mut pool, mut stakes) = busy_pool(ctx);
    let node_id = pool.node_id();
    let rest = stakes.pop_back();
    leave_all(&mut pool, &mut stakes, vector[]);
    assert_eq!(pool.wal_balance_at_epoch(5) / 10, FROST / 10);
    // The stake still has its share of a later epoch.
    pool.advance_epoch(balance::zero(), &context(5, false, vector[node_id]));
    pool.advance_epoch(balance::create_for_testing(FROST), &context(6, false, vector[node_id]));
    assert!(pool.calculate_rewards(FROST, 3, 6) + 10 > FROST);
    destroy(rest);
    destroy(stakes);
    destroy(pool);
}

#[test]
fun the_price_before_a_pool_is_deserted_holds_for_those_who_leave() {
    let ctx = &mut tx_context::dummy();
    let (mut pool, mut stakes) = busy_pool(ctx);
    leave_all(&mut pool, &mut stakes, vector[]);
    // Long after the pool was left, and after it has come back.
    assert_eq!(pool.calculate_rewards(100 * FROST, 1, 4), 50 * FROST);
    pool.advance_epoch(balance::zero(), &context(9, false, vector[]));
    assert_eq!(pool.calculate_rewards(100 * FROST, 1, 4), 50 * FROST);
    assert_eq!(pool.exchange_rate_at_epoch(5), pool_exchange_rate::flat());
    let payout = withdraw_all(&mut pool, stakes, 9);
    assert_eq!(payout, 155 * FROST);
    destroy(pool);
}

/// A network in which all pools are deserted goes on with the dust; a pool without any could not be paid.
#[test]
fun what_dust_in_the_committee_earns_is_commission() {
    let ctx = &mut tx_context::dummy();
    let (mut pool, mut stakes) = busy_pool(ctx);
    let node_id = pool.node_id();
    leave_all(&mut pool, &mut stakes, vector[node_id]);
    assert_eq!(pool.wal_balance_at_epoch(5), 5);
    pool.advance_epoch(balance::create_for_testing(7 * FROST), &context(5, false, vector[]));
    assert_eq!(pool.wal_balance_at_epoch(6), 0);
    assert_eq!(pool.extract_all_commission().destroy_for_testing(), 7 * FROST);
    destroy(stakes);
    destroy(pool);
}

fun new_pool(commission_rate: u16, wctx: &WalrusContext, ctx: &mut TxContext): StakingPool {
    staking_pool::new(
        b"node".to_string(),
        b"host:1".to_string(),
        node_metadata::new(b"".to_string(), b"".to_string(), b"".to_string()),
        test_keys::public_key(1),
        vector::tabulate!(33, |_| 2),
        test_keys::proof_of_possession(1, wctx.epoch(), ctx.sender()),
        commission_rate,
        staking_pool::new_voting_params(0, 0, 0),
        wctx,
        ctx,
    )
}

/// A context in which the committee consists of `members`.
fun context(epoch: u32, committee_selected: bool, members: vector<ID>): WalrusContext {
    let mut committee = vec_map::empty();
    members.do!(|node_id| committee.insert(node_id, vector[0u16]));
    walrus_context::new(epoch, committee_selected, committee)
}

/// A pool in the committee of epoch 3 whose shares cost one and a half FROST, and all of its stakes: 100 WAL that have earned
/// 50, and 5 times 1 WAL that is worth two thirds of a share more than it got.
fun busy_pool(ctx: &mut TxContext): (StakingPool, vector<StakedWal>) {
    let mut pool = new_pool(0, &context(0, false, vector[]), ctx);
    let node_id = pool.node_id();
    let mut stakes = vector[
        pool.stake(balance::create_for_testing(100 * FROST), &context(0, false, vector[]), ctx),
    ];
    pool.advance_epoch(balance::zero(), &context(1, false, vector[node_id]));
    let in_committee = context(2, false, vector[node_id]);
    pool.advance_epoch(balance::create_for_testing(50 * FROST), &in_committee);
    5u8.do!(|_| {
        let stake = pool.stake(balance::create_for_testing(FROST), &in_committee, ctx);
        stakes.push_back(stake);
    });
    pool.advance_epoch(balance::zero(), &context(3, false, vector[node_id]));
    (pool, stakes)
}

/// Requests the withdrawal of stakes in epoch 3; the pool enters epoch 4, with its committee.
fun leave_all(pool: &mut StakingPool, stakes: &mut vector<StakedWal>, committee: vector<ID>) {
    let in_committee = context(3, false, vector[pool.node_id()]);
    stakes.do_mut!(|stake| pool.request_withdraw_stake(stake, false, &in_committee));
    pool.advance_epoch(balance::zero(), &context(4, false, committee));
}

/// Withdraws stakes that have left, in FROST.
fun withdraw_all(pool: &mut StakingPool, stakes: vector<StakedWal>, epoch: u32): u64 {
    stakes.fold!(0, |sum, stake| {
        sum + pool.withdraw_stake(stake, false, &context(epoch, false, vector[])).destroy_for_testing()
    })
}

/// A pool that everybody has left; it is epoch 4.
fun deserted_pool(ctx: &mut TxContext): StakingPool {
    let (mut pool, mut stakes) = busy_pool(ctx);
    leave_all(&mut pool, &mut stakes, vector[]);
    withdraw_all(&mut pool, stakes, 4);
    pool
}

/// Stakes with an idle pool in epoch 5, and withdraws in epoch 6 when the stake is active; returns the payout in FROST.
fun join_and_leave_idle(pool: &mut StakingPool, frost: u64, ctx: &mut TxContext): u64 {
    let stake = pool.stake(balance::create_for_testing(frost), &context(5, false, vector[]), ctx);
    pool.withdraw_stake(stake, false, &context(6, false, vector[])).destroy_for_testing()
}
