/// One pool, without the epoch state machine around it.
#[test_only]
module walrus::staking_pool_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::vec_map;
use walrus::node_metadata;
use walrus::pool_exchange_rate;
use walrus::staked_wal::{Self, EAlreadyWithdrawing};
use walrus::staking_pool::{
    Self,
    EActivationEpochNotReached,
    ECalculationError,
    EIncorrectEpochAdvance,
    EIncorrectPoolId,
    EPoolAlreadyUpdated,
    EPoolAlreadyWithdrawing,
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
    // Gaps are filled with the rate before, however far the pool lags behind.
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
    let stake = pool.stake(balance::create_for_testing(FROST), &context(0, false, vector[]), ctx);
    let mut rates = vector[pool_exchange_rate::flat()];
    let epochs = vector[1, 2, 1_000_000, 1_000_001, 2_000_000_000, 2_000_000_002];
    epochs.do!(|epoch| {
        let rewards = if (epoch == 1) 0 else 10;
        pool.advance_epoch(balance::create_for_testing(rewards), &context(epoch, false, vector[]));
        rates.push_back(pool.exchange_rate_at_epoch(epoch));
    });
    assert_eq!(rates[3], pool_exchange_rate::new(FROST + 20, FROST));
    let gaps = vector[2, 2, 4, 4, 5, 5];
    let inside = vector[3, 999_999, 1_000_002, 1_999_999_999, 2_000_000_001, 2_000_000_001];
    inside.zip_do!(gaps, |epoch, i| assert_eq!(pool.exchange_rate_at_epoch(epoch), rates[i]));
    epochs.length().do!(|i| assert_eq!(pool.exchange_rate_at_epoch(epochs[i]), rates[i + 1]));
    assert_eq!(pool.exchange_rate_at_epoch(4_000_000_000), rates[6]);
    assert_eq!(pool.exchange_rate_at_epoch(0), rates[0]);
    destroy(stake);
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

#[test, expected_failure(abort_code = EPoolAlreadyWithdrawing, location = walrus::staking_pool)]
fun a_pool_withdraws_once() {
    let ctx = &mut tx_context::dummy();
    let wctx = context(0, false, vector[]);
    let mut pool = new_pool(0, &wctx, ctx);
    pool.set_withdrawing(&wctx);
    pool.set_withdrawing(&wctx);
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
