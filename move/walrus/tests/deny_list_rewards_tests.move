/// What deny lists cost the nodes that honour them, and nobody else decides.
#[test_only]
module walrus::deny_list_rewards_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bls12381;
use sui::coin;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::deny_lists;
use walrus::extended_field::{Self, ExtendedField};
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
fun rewards_of_later_epochs_do_not_move_when_storage_is_released() {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1]);
    let mut storage = buy(&mut world);
    world.update_deny_list(0, 1, USED / 10);
    let rest = storage.split_by_size(USED / 10, world.ctx());
    world.system_mut().release_storage(rest);
    world.next_epoch();
    let before = vector[earned(&world, 0), earned(&world, 1)];
    // The epoch that was bought in full, and of which nine tenths were given back: sold as in the epoch before.
    assert_eq!(world.system().used_capacity_size(), USED / 10);
    world.pay(1_000_000);
    world.next_epoch();
    assert_eq!(earned(&world, 0) - before[0], 459_473);
    assert_eq!(earned(&world, 1) - before[1], 510_526);
    destroy(storage);
    destroy(stakes);
    world.destroy();
}

#[test]
fun what_is_given_back_and_sold_again_counts_once() {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1]);
    let storage = buy(&mut world);
    world.update_deny_list(0, 1, USED / 10);
    world.system_mut().release_storage(storage);
    let storage = buy(&mut world);
    assert_eq!(world.system().future_accounting()[1].used_capacity(), USED);
    world.next_epoch();
    let before = vector[earned(&world, 0), earned(&world, 1)];
    world.pay(1_000_000);
    world.next_epoch();
    assert_eq!(earned(&world, 0) - before[0], 459_473);
    assert_eq!(earned(&world, 1) - before[1], 510_526);
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
    let mut sizes = sizes();
    let (members, others) = (test_committee::committee(1), committee_of(vector[5, 6]));
    // The nodes 0 to 4 are members. Nodes come in any order, and a list of nothing is none.
    add!(&mut sizes, vector[9, 3, 7, 8, 5, 11], |node| if (node == 8) 0 else 10 + node);
    deny_lists::exchange(&mut sizes, &members, &others);
    assert_absent!(&sizes, vector[9, 7, 11], |node| 10 + node);
    assert_eq!(sizes.borrow().keys(), vector[3, 5].map!(|node| test_committee::node_id(node)));
    // Node 5 leaves, and its list stays as long as there are not more lists than members.
    deny_lists::exchange(&mut sizes, &members, &members);
    assert_absent!(&sizes, vector[9, 7, 11], |node| 10 + node);
    // Node 9 comes back.
    deny_lists::exchange(&mut sizes, &committee_of(vector[5, 9]), &members);
    assert_absent!(&sizes, vector[7, 11], |node| 10 + node);
    assert_eq!(sizes.borrow()[&test_committee::node_id(9)], 19);
    destroy(sizes);
}

#[test]
fun the_smallest_of_too_many_absent_lists_go() {
    let mut sizes = sizes();
    let nobody = committee_of(vector[]);
    6u64.do!(|turn| {
        let shed = vector::tabulate!(17, |i| 101 - 17 * turn - i);
        add!(&mut sizes, shed, |node| if (node == 1 || node == 50) 1 else 2);
        deny_lists::exchange(&mut sizes, &nobody, &nobody);
    });
    // The two smallest are gone.
    let (absent, _) = deny_lists::absent(&sizes);
    assert_eq!(absent.length(), 100);
    assert!(!absent.contains(&test_committee::node_id(1)));
    assert!(!absent.contains(&test_committee::node_id(50)));
    destroy(sizes);
}

#[test]
fun one_epoch_change_keeps_so_many_lists() {
    let mut sizes = sizes();
    let nobody = committee_of(vector[]);
    add!(&mut sizes, vector::tabulate!(25, |i| i), |_| 5);
    deny_lists::exchange(&mut sizes, &nobody, &nobody);
    assert_absent!(&sizes, vector::tabulate!(20, |i| i), |_| 5);
    assert!(sizes.borrow().is_empty());
    // Nobody is away any more.
    deny_lists::exchange(&mut sizes, &committee_of(vector::tabulate!(20, |i| i)), &nobody);
    assert_absent!(&sizes, vector[], |_| 0);
    destroy(sizes);
}

/// No sizes.
fun sizes(): ExtendedField<VecMap<ID, u64>> {
    extended_field::new(vec_map::empty(), &mut tx_context::dummy())
}

/// A committee of some nodes, one shard each.
fun committee_of(nodes: vector<u64>): BlsCommittee {
    let members = nodes.map!(|node| {
        bls_aggregate::new_bls_committee_member(bls12381::g1_to_uncompressed_g1(&bls12381::g1_generator()), 1, test_committee::node_id(node))
    });
    bls_aggregate::new_bls_committee(1, members)
}

/// Records the size of the list of each node.
macro fun add($sizes: &mut ExtendedField<VecMap<ID, u64>>, $nodes: vector<u64>, $size: |u64| -> u64) {
    let sizes = $sizes;
    let nodes = $nodes;
    nodes.do!(|node| deny_lists::set_size(sizes.borrow_mut(), test_committee::node_id(node), $size(node)))
}

/// The lists of these nodes are away, in order.
macro fun assert_absent($sizes: &ExtendedField<VecMap<ID, u64>>, $nodes: vector<u64>, $size: |u64| -> u64) {
    let nodes = $nodes;
    let (absent, sizes) = deny_lists::absent($sizes);
    assert_eq!(absent, nodes.map!(|node| test_committee::node_id(node)));
    assert_eq!(sizes, nodes.map!(|node| $size(node)));
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
