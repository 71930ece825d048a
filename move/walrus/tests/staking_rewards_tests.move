/// Rewards, commission and where the money goes.
#[test_only]
module walrus::staking_rewards_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::staking_pool::{EAuthorizationFailure, EIncorrectCommissionRate};
use walrus::staking_world::{Self, World};

const FROST: u64 = 1_000_000_000;
const ONE_MIB: u64 = 1_048_576;

/// Specification: contracts, section 15: two stakes of 100 WAL, rewards 201.
#[test]
fun stakers_share_rewards_and_dust_stays() {
    let mut world = staking_world::new(10);
    let node = world.register(0);
    let mut first = world.stake(node, 100);
    let mut second = world.stake(node, 100);
    world.next_epoch();
    pay_rewards(&mut world, 201);
    world.next_epoch();
    world.request_withdraw(&mut first);
    world.request_withdraw(&mut second);
    world.next_epoch_with_other_node();
    assert_eq!(world.withdraw(first), 100 * FROST + 100);
    assert_eq!(world.withdraw(second), 100 * FROST + 100);
    assert_eq!(world.inner().pool_rewards_for_testing(world.node_id(node)), 1);
    world.destroy();
}

/// Specification: contracts, section 15: one stake of 100 WAL, commission 10 %, rewards 202.
#[test]
fun the_operator_takes_a_commission() {
    let mut world = staking_world::new(10);
    let node = world.register(1_000);
    let mut stake = world.stake(node, 100);
    world.next_epoch();
    pay_rewards(&mut world, 202);
    world.next_epoch();
    world.request_withdraw(&mut stake);
    world.next_epoch_with_other_node();
    assert_eq!(world.collect_commission(node), 20);
    assert_eq!(world.withdraw(stake), 100 * FROST + 182);
    world.destroy();
}

/// Specification: contracts, section 15: the epoch payout.
#[test]
fun the_slot_is_burned_paid_out_and_carried_over() {
    let mut world = staking_world::new(1000);
    let stakes = vector[500, 300, 200].map!(|wal| {
        let node = world.register(if (wal == 500) 1_000 else 0);
        world.stake(node, wal)
    });
    world.next_epoch();
    let weights = vector[0, 1, 2].map!(|node| world.weight(node));
    assert_eq!(weights, vector[500, 300, 200]);
    world.fill(ONE_MIB);
    world.pay(1_000_003);
    world.next_epoch();
    // 30 000 are burned; 485 001 + 291 000 + 194 000 are paid out; 2 are left over.
    assert_eq!(world.system().future_accounting().ring_lookup(0).rewards(), 2);
    let expected = vector[485_001 - 48_500, 291_000, 194_000];
    stakes.length().do!(|i| {
        let principal = stakes[i].value();
        let rewards = world.staking().calculate_rewards(world.node_id(i), principal, 1, 2);
        assert_eq!(rewards, expected[i]);
    });
    world.reach_selection();
    assert_eq!(world.collect_commission(0), 48_500);
    destroy(stakes);
    world.destroy();
}

#[test]
fun nothing_stored_carries_everything_over() {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1]);
    world.pay(1_000);
    world.next_epoch();
    assert_eq!(world.system().future_accounting().ring_lookup(0).rewards(), 970);
    destroy(stakes);
    world.destroy();
}

#[test]
fun late_stake_earns_later_rewards_only() {
    let mut world = staking_world::new(10);
    let node = world.register(0);
    let early = world.stake(node, 100);
    world.next_epoch();
    let late = world.stake(node, 100);
    pay_rewards(&mut world, 1_000);
    world.next_epoch();
    pay_rewards(&mut world, 1_000);
    world.next_epoch();
    let node_id = world.node_id(node);
    let rewards_of_early = world
        .staking()
        .calculate_rewards(node_id, early.value(), early.activation_epoch(), 3);
    let rewards_of_late = world
        .staking()
        .calculate_rewards(node_id, late.value(), late.activation_epoch(), 3);
    assert_eq!(late.activation_epoch(), 2);
    assert!(rewards_of_early >= 1_499 && rewards_of_early <= 1_501);
    assert!(rewards_of_late >= 498 && rewards_of_late <= 500);
    assert!(rewards_of_early + rewards_of_late <= 2_000);
    destroy(early);
    destroy(late);
    world.destroy();
}

/// Specification: contracts, section 15: the commission window.
#[test]
fun new_commission_waits_for_the_end_of_the_vote() {
    let mut world = staking_world::new(10);
    let node = world.register(10_000);
    let stake = world.stake(node, 100);
    world.next_epoch();
    pay_rewards(&mut world, 200);
    world.next_epoch();
    assert_eq!(world.collect_commission(node), 0);
    pay_rewards(&mut world, 50);
    world.next_epoch();
    assert_eq!(world.collect_commission(node), 200);
    world.reach_selection();
    assert_eq!(world.collect_commission(node), 50);
    assert_eq!(world.collect_commission(node), 0);
    destroy(stake);
    world.destroy();
}

#[test]
fun added_commission_is_blocked_until_the_end_of_the_vote() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    world.next_epoch();
    world.add_commission(0, 70);
    assert_eq!(world.collect_commission(0), 0);
    world.reach_selection();
    world.add_commission(0, 7);
    assert_eq!(world.collect_commission(0), 77);
    destroy(stakes);
    world.destroy();
}

#[test]
fun vaults_read_what_a_share_is_worth() {
    let mut world = staking_world::new(10);
    let node = world.register(0);
    let node_id = world.node_id(node);
    let stake = world.stake(node, 100);
    assert_rate(&world, node_id, 0, 1, 1);
    world.next_epoch();
    assert_rate(&world, node_id, 1, 1, 1);
    pay_rewards(&mut world, 200);
    world.next_epoch();
    assert_rate(&world, node_id, 1, 1, 1);
    assert_rate(&world, node_id, 2, 100 * FROST + 200, 100 * FROST);
    // Of an epoch to come the rate is the present one.
    assert_rate(&world, node_id, 3, 100 * FROST + 200, 100 * FROST);
    destroy(stake);
    world.destroy();
}

fun assert_rate(world: &World, node_id: ID, epoch: u32, wal: u64, shares: u64) {
    let (wal_amount, share_amount) = world.staking().pool_exchange_rate(node_id, epoch);
    assert_eq!(wal_amount, wal);
    assert_eq!(share_amount, shares);
}

#[test]
fun only_what_the_end_of_the_vote_unblocks_is_blocked() {
    let (mut world, mut stakes) = staking_world::running(10, vector[1, 1]);
    let idle = world.register(0);
    let mut leaving = stakes.pop_back();
    world.request_withdraw(&mut leaving);
    world.next_epoch();
    // It is in the previous committee: blocked.
    world.add_commission(1, 5);
    assert_blocked(&world, 1, 0, 5);
    world.next_epoch();
    assert_blocked(&world, 1, 5, 0);
    // It is in none, and was paid late; another one never was.
    world.add_commission(1, 70);
    world.add_commission(idle, 7);
    assert_blocked(&world, 1, 75, 0);
    assert_eq!(world.collect_commission(1), 75);
    assert_eq!(world.collect_commission(idle), 7);
    world.withdraw(leaving);
    destroy(stakes);
    world.destroy();
}

/// Commission in FROST that can be collected, and that cannot yet.
fun assert_blocked(world: &World, node: u64, collectable: u64, blocked: u64) {
    let (staking, node_id) = (world.staking(), world.node_id(node));
    assert_eq!(staking.collectable_commission(node_id), collectable);
    assert_eq!(staking.blocked_commission(node_id), blocked);
}

#[test]
fun a_new_commission_rate_applies_two_epochs_later() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_next_commission(cap, 5_000);
    // The rewards of the epochs 1 and 2 are credited at the old rate: it changes when epoch 3 begins, after crediting.
    vector[0, 0, 0, 50].do!(|expected| {
        world.reach_selection();
        assert_eq!(world.collect_commission(0), expected);
        pay_rewards(&mut world, 100);
        world.finish_epoch();
    });
    destroy(stakes);
    world.destroy();
}

#[test]
fun the_receiver_may_hand_over_the_commission() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    world.add_commission(0, 5);
    world.next_epoch();
    world.reach_selection();
    let node_id = world.node_id(0);
    let (staking, cap, ctx) = world.with_cap(0);
    staking.set_commission_receiver(
        node_id,
        auth::authenticate_with_object(cap),
        auth::authorized_address(ctx.sender()),
    );
    let coin = staking.collect_commission(node_id, auth::authenticate_sender(ctx), ctx);
    assert_eq!(coin.burn_for_testing(), 5);
    destroy(stakes);
    world.destroy();
}

#[test, expected_failure(abort_code = EAuthorizationFailure, location = walrus::staking_pool)]
fun the_sender_is_not_the_commission_receiver() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    let node_id = world.node_id(0);
    let (staking, _, ctx) = world.with_cap(0);
    let _coin = staking.collect_commission(node_id, auth::authenticate_sender(ctx), ctx);
    abort 99
}

#[test, expected_failure(abort_code = EAuthorizationFailure, location = walrus::staking_pool)]
fun the_capability_does_not_govern() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    let node_id = world.node_id(0);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_governance_authorized(
        node_id,
        auth::authenticate_with_object(cap),
        auth::authorized_address(@0xB),
    );
    abort 99
}

#[test]
fun the_sender_governs_and_may_hand_over() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    let node_id = world.node_id(0);
    let (staking, cap, ctx) = world.with_cap(0);
    assert!(staking.is_governance_authorized(node_id, &auth::authenticate_sender(ctx)));
    staking.set_governance_authorized(
        node_id,
        auth::authenticate_sender(ctx),
        auth::authorized_object(object::id(cap)),
    );
    assert!(!staking.is_governance_authorized(node_id, &auth::authenticate_sender(ctx)));
    assert!(staking.is_governance_authorized(node_id, &auth::authenticate_with_object(cap)));
    destroy(stakes);
    world.destroy();
}

#[test, expected_failure(abort_code = EIncorrectCommissionRate, location = walrus::staking_pool)]
fun the_commission_is_at_most_everything() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_next_commission(cap, 10_001);
    abort 99
}

/// Pays so much that `rewards` FROST remain for the nodes after burning and what the slot holds already.
fun pay_rewards(world: &mut World, rewards: u64) {
    world.fill(ONE_MIB);
    let held = world.system().future_accounting().ring_lookup(0).rewards();
    let mut total = rewards;
    while (total - total * 3 / 100 < rewards) total = total + 1;
    world.pay(total - held);
}

/// The pool of node 0 loses all its stake in this epoch; another node keeps the system going.
use fun next_epoch_with_other_node as World.next_epoch_with_other_node;

fun next_epoch_with_other_node(world: &mut World) {
    let other = world.register(0);
    let stake = world.stake(other, 1);
    world.next_epoch();
    destroy(stake);
}
