/// Nobody stays outside the active set because of stake that is gone.
#[test_only]
module walrus::active_set_reserve_tests;

use std::unit_test::{assert_eq, destroy};
use sui::vec_map::{Self, VecMap};
use walrus::active_set::{Self, ActiveSet};
use walrus::extended_field::{Self, ExtendedField};
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};

/// FROST per WAL.
const FROST: u64 = 1_000_000_000;
/// The most nodes that wait.
const MAX_RESERVE: u64 = 150;

// === In a network ===

#[test]
fun stake_that_is_gone_evicts_nobody() {
    let (mut world, stakes) = full(vector[10, 20, 30]);
    // More than the two smallest members have, then nothing, then the end of the vote: all in one transaction.
    let flash = vector[21, 22].map!(|wal| {
        let node = world.register(0);
        world.stake(node, wal)
    });
    assert!(!is_candidate(&world, 0));
    assert!(!is_candidate(&world, 1));
    flash.do!(|stake| { world.withdraw(stake); });
    world.reach_selection();
    world.finish_epoch();
    assert_members(&world, vector[true, true, true, false, false]);
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_place_held_with_less_stake_is_given_back() {
    let (mut world, stakes) = full(vector[10, 20, 30]);
    let node = world.register(0);
    let mut flash = world.stake(node, 15);
    let rest = flash.split(FROST, world.ctx());
    world.withdraw(flash);
    // One WAL is left, less than what the evicted member has.
    assert!(is_candidate(&world, 0));
    assert!(!is_candidate(&world, node));
    // It waits in turn.
    assert_eq!(world.inner().waiting_for_testing(), vector[world.node_id(node)]);
    destroy(rest);
    destroy(stakes);
    world.destroy();
}

#[test]
fun who_did_not_fit_follows_who_leaves() {
    let (mut world, mut stakes) = full(vector[10, 20, 30]);
    let node = world.register(0);
    let waiting = world.stake(node, 5);
    assert!(!is_candidate(&world, node));
    world.request_withdraw(&mut stakes[1]);
    assert!(is_candidate(&world, node));
    world.next_epoch();
    assert_members(&world, vector[true, false, true, true]);
    destroy(waiting);
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_reserve_without_room_does_not_lose_members() {
    let (mut world, stakes) = full(vector[10, 20]);
    // So many that the reserve has no room for the members that they put out.
    let flash = vector::tabulate!(MAX_RESERVE + 2, |_| {
        let node = world.register(0);
        world.stake(node, 30)
    });
    assert_eq!(world.inner().waiting_for_testing().length(), MAX_RESERVE);
    assert!(!world.inner().waiting_for_testing().contains(&world.node_id(0)));
    flash.do!(|stake| { world.withdraw(stake); });
    assert!(!is_candidate(&world, 0));
    // The answer to what the vote would select is what it does select.
    let expected = world.staking().compute_next_committee();
    world.reach_selection();
    assert!(is_candidate(&world, 0));
    assert!(is_candidate(&world, 1));
    world.finish_epoch();
    assert!(world.committee() == &expected);
    assert!(world.in_committee(0));
    assert!(world.in_committee(1));
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_node_asks_for_its_place_by_itself() {
    let (mut world, stakes) = full(vector[10, 20]);
    let node = world.register(0);
    let stake = world.stake(node, 15);
    assert_eq!(world.staking().active_set_threshold(), 15 * FROST + 1);
    // Asking changes nothing for who has less than everybody else.
    let (staking, cap, _) = world.with_cap(0);
    staking.try_join_active_set(cap);
    assert!(!is_candidate(&world, 0));
    let more = world.stake(0, 6);
    assert!(is_candidate(&world, 0));
    assert!(!is_candidate(&world, node));
    destroy(more);
    destroy(stake);
    destroy(stakes);
    world.destroy();
}

// === Set and reserve alone ===

#[test]
fun the_set_always_has_the_nodes_with_the_most_stake() {
    let ctx = &mut tx_context::dummy();
    let mut field = extended_field::new(active_set::new(5, 3), ctx);
    let mut stakes = vec_map::empty<ID, u64>();
    let mut state = 7u64;
    400u64.do!(|_| {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        let node = id(((state >> 8) % 20) as u256);
        let stake = (state >> 16) % 40;
        active_set::set_stake(&mut field, node, stake);
        if (stakes.contains(&node)) *stakes.get_mut(&node) = stake else stakes.insert(node, stake);
        assert_best(&field, &stakes);
    });
    // Larger sets take in who waits.
    active_set::resize(&mut field, 8);
    assert_best(&field, &stakes);
    destroy(field);
}

#[test]
fun the_reserve_keeps_those_with_the_most_stake() {
    let ctx = &mut tx_context::dummy();
    let mut field = extended_field::new(active_set::new(1, 0), ctx);
    (MAX_RESERVE + 11).do!(|n| active_set::set_stake(&mut field, id(n as u256), 1 + n));
    let waiting = active_set::waiting(&field);
    assert_eq!(waiting.length(), MAX_RESERVE);
    assert!(!waiting.contains(&id(9)));
    assert!(waiting.contains(&id(10)));
    destroy(field);
}

#[test]
fun equal_stake_does_not_change_places() {
    let ctx = &mut tx_context::dummy();
    let mut field = extended_field::new(active_set::new(1, 0), ctx);
    active_set::set_stake(&mut field, id(1), 10);
    active_set::set_stake(&mut field, id(2), 10);
    assert!(field.borrow().contains(id(1)));
    // As much as before, and less than before.
    active_set::set_stake(&mut field, id(1), 10);
    assert!(field.borrow().contains(id(1)));
    active_set::set_stake(&mut field, id(1), 9);
    assert!(field.borrow().contains(id(2)));
    assert_eq!(active_set::waiting(&field), vector[id(1)]);
    destroy(field);
}

#[test]
fun too_little_stake_does_not_wait() {
    let ctx = &mut tx_context::dummy();
    let mut field = extended_field::new(active_set::new(1, 5), ctx);
    active_set::set_stake(&mut field, id(1), 10);
    active_set::set_stake(&mut field, id(2), 4);
    assert_eq!(active_set::waiting(&field), vector[]);
    active_set::set_stake(&mut field, id(2), 5);
    assert_eq!(active_set::waiting(&field), vector[id(2)]);
    active_set::set_stake(&mut field, id(2), 4);
    assert_eq!(active_set::waiting(&field), vector[]);
    active_set::set_stake(&mut field, id(1), 0);
    assert_eq!(field.borrow().size(), 0);
    destroy(field);
}

/// A network in epoch 1 whose active set has room for exactly its nodes.
fun full(stakes: vector<u64>): (World, vector<StakedWal>) {
    let size = stakes.length() as u16;
    let (mut world, stakes) = staking_world::running(100, stakes);
    world.staking_mut().inner_mut_for_testing().set_active_set_size_for_testing(size);
    (world, stakes)
}

fun is_candidate(world: &World, node: u64): bool {
    world.staking().is_in_active_set(world.node_id(node))
}

fun assert_members(world: &World, expected: vector<bool>) {
    expected.length().do!(|node| assert_eq!(world.in_committee(node), expected[node]));
}

/// The set has the largest of all stakes that suffice, and the reserve has the others.
fun assert_best(field: &ExtendedField<ActiveSet>, stakes: &VecMap<ID, u64>) {
    let set = field.borrow();
    let waiting = active_set::waiting(field);
    let (members, amounts) = set.active_ids_and_stake();
    let (mut least, mut most, mut candidates) = (std::u64::max_value!(), 0u64, 0u64);
    stakes.length().do!(|i| {
        let (node, stake) = stakes.get_entry_by_idx(i);
        let (is_member, waits) = (members.contains(node), waiting.contains(node));
        assert_eq!(is_member || waits, *stake >= 3);
        assert!(!(is_member && waits));
        if (*stake >= 3) candidates = candidates + 1;
        if (is_member) least = (*stake).min(least);
        if (waits) most = (*stake).max(most);
    });
    assert!(least >= most);
    assert_eq!(set.size(), candidates.min(set.max_size() as u64));
    members.zip_do!(amounts, |node, amount| assert_eq!(amount, stakes[&node]));
}

fun id(n: u256): ID {
    sui::address::from_u256(n).to_id()
}
