/// What deny lists cost the nodes that honour them, and nobody else decides.
#[test_only]
module walrus::deny_list_rewards_tests;

use std::unit_test::{assert_eq, destroy};
use sui::coin;
use wal::wal::WAL;
use walrus::absent_deny_lists;
use walrus::extended_field;
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};
use walrus::storage_resource::Storage;
use walrus::test_committee;

/// Encoded bytes.
const USED: u64 = 10_000_000;

#[test]
fun rewards_of_the_running_epoch_do_not_move_when_storage_is_released() {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1]);
    let storage = buy(&mut world);
    world.update_deny_list(0, 1, USED / 10);
    world.pay(1_000_000);
    // All but what the deny list names; without it in the account, the node would earn nothing and the other one everything.
    let (mut storage, used) = (storage, world.system().used_capacity_size());
    let rest = storage.split_by_size(USED / 10, world.ctx());
    world.system_mut().release_storage(rest);
    assert_eq!(world.system().used_capacity_size(), used);
    assert_eq!(world.system().future_accounting()[1].used_capacity(), USED / 10);
    world.next_epoch();
    assert_eq!(earned(&world, 0), 459_473);
    assert_eq!(earned(&world, 1), 510_526);
    // From now on less is in use.
    assert_eq!(world.system().used_capacity_size(), USED / 10);
    destroy(storage);
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_deny_list_comes_back_with_its_node() {
    let (mut world, mut stakes) = staking_world::running(10, vector[1, 1]);
    let storage = buy(&mut world);
    world.update_deny_list(0, 1, USED / 10);
    world.update_deny_list(1, 1, USED / 5);
    leave(&mut world, stakes.pop_back());
    // One member and two lists: the one of the node that is away is shed.
    let absent = world.node_id(1);
    assert!(world.system().inner().deny_list_size(absent).is_none());
    assert!(world.system().inner().deny_list_size(world.node_id(0)).is_some());

    stakes.push_back(world.stake(1, 1));
    world.next_epoch();
    assert!(world.in_committee(1));
    assert_eq!(world.system().inner().deny_list_size(absent), option::some(USED / 5));
    world.pay(1_000_000);
    world.next_epoch();
    // 9 to 8, of 970 000.
    assert_eq!(earned(&world, 0), 513_529);
    assert_eq!(earned(&world, 1), 456_470);
    destroy(storage);
    destroy(stakes);
    world.destroy();
}

#[test]
fun absent_lists_are_kept_by_node() {
    let ctx = &mut tx_context::dummy();
    let mut sizes = extended_field::new(sui::vec_map::empty<ID, u64>(), ctx);
    let committee = test_committee::committee(1);
    assert!(absent_deny_lists::take(&mut sizes, &committee).is_empty());
    absent_deny_lists::keep(&mut sizes, vector[]);
    // The nodes 0 to 4 are members. Nodes come in any order.
    let shed = vector[9, 3, 7, 0, 5].map!(|node| list(node, 10 + node));
    absent_deny_lists::keep(&mut sizes, shed);
    absent_deny_lists::keep(&mut sizes, vector[list(3, 99)]);
    assert_eq!(absent_deny_lists::take(&mut sizes, &committee), vector[list(0, 10), list(3, 99)]);
    assert_eq!(absent_deny_lists::take(&mut sizes, &committee), vector[]);
    destroy(sizes);
}

#[test]
fun the_smallest_of_too_many_absent_lists_go() {
    let ctx = &mut tx_context::dummy();
    let mut sizes = extended_field::new(sui::vec_map::empty<ID, u64>(), ctx);
    let committee = test_committee::committee(1);
    6u64.do!(|turn| {
        let shed = vector::tabulate!(17, |i| 101 - 17 * turn - i);
        let shed = shed.map!(|node| list(node, if (node == 1 || node == 50) 1 else 2));
        absent_deny_lists::keep(&mut sizes, shed);
    });
    // Node 1 has one of the two smallest; nodes 0 to 4 are members.
    let back = absent_deny_lists::take(&mut sizes, &committee);
    assert_eq!(back, vector[0, 2, 3, 4].map!(|node| list(node, 2)));
    destroy(sizes);
}

/// What is shed later counts, equal lists make room for each other, and a list of nothing is none.
#[test]
fun absent_lists_are_merged() {
    let ctx = &mut tx_context::dummy();
    let mut sizes = extended_field::new(sui::vec_map::empty<ID, u64>(), ctx);
    let committee = test_committee::committee(1);
    absent_deny_lists::keep(&mut sizes, vector[list(4, 5), list(2, 5), list(0, 0)]);
    absent_deny_lists::keep(&mut sizes, vector[list(3, 7), list(2, 6), list(1, 0)]);
    // One more than there is room for, of which node 4 has the first of the smallest; more than 20 at once are not kept.
    5u64.do!(|turn| absent_deny_lists::keep(&mut sizes, vector::tabulate!(25, |i| list(5 + 25 * turn + i, 5))));
    let back = absent_deny_lists::take(&mut sizes, &committee);
    assert_eq!(back, vector[list(2, 6), list(3, 7)]);
    destroy(sizes);
}

fun list(node: u64, size: u64): absent_deny_lists::AbsentDenyList {
    absent_deny_lists::new(test_committee::node_id(node), size)
}

/// Buys storage, for nothing, for ten epochs.
fun buy(world: &mut World): Storage {
    let mut payment = coin::zero<WAL>(world.ctx());
    let (_, system, _, _, ctx) = world.parts();
    let storage = system.reserve_space(USED, 10, &mut payment, ctx);
    payment.destroy_zero();
    storage
}

/// Withdraws the stake of a node and stays until the node is in neither committee.
fun leave(world: &mut World, mut stake: StakedWal) {
    world.request_withdraw(&mut stake);
    world.next_epoch();
    world.withdraw(stake);
    world.next_epoch();
}

/// FROST that the stakers of a node have earned.
fun earned(world: &World, node: u64): u64 {
    world.inner().pool_rewards_for_testing(world.node_id(node))
}
