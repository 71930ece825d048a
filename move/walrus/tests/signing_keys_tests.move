/// A BLS key belongs to one node; a proof of possession outlives one epoch change.
#[test_only]
module walrus::signing_keys_tests;

use std::unit_test::{assert_eq, destroy};
use sui::bls12381;
use walrus::messages;
use walrus::signing_keys::EKeyInUse;
use walrus::staking_world::{Self, World};
use walrus::test_keys;

/// Registers a node with a secret key and a proof made in `epoch`.
fun register(world: &mut World, secret: u64, epoch: u32) {
    let proof = test_keys::proof_of_possession(secret, epoch, staking_world::operator());
    world.register_stranger(secret, proof);
}

/// Sets the next key of a node of the world.
fun set_next_key(world: &mut World, node: u64, secret: u64) {
    let proof = test_keys::proof_of_possession(secret, world.epoch(), staking_world::operator());
    let (staking, cap, ctx) = world.with_cap(node);
    staking.set_next_public_key(cap, test_keys::public_key(secret), proof, ctx);
}

#[test, expected_failure(abort_code = EKeyInUse, location = walrus::signing_keys)]
fun two_nodes_do_not_register_one_key() {
    let mut world = staking_world::new(10);
    register(&mut world, 1, 0);
    register(&mut world, 1, 0);
    abort 99
}

#[test, expected_failure(abort_code = EKeyInUse, location = walrus::signing_keys)]
fun a_node_does_not_change_to_the_key_of_another() {
    let mut world = staking_world::new(10);
    world.register(0);
    world.register(0);
    set_next_key(&mut world, 0, 2);
    abort 99
}

#[test, expected_failure(abort_code = EKeyInUse, location = walrus::signing_keys)]
fun a_key_given_up_is_not_free() {
    let mut world = staking_world::new(10);
    world.register(0);
    set_next_key(&mut world, 0, 7);
    register(&mut world, 1, 0);
    abort 99
}

#[test]
fun a_node_returns_to_a_key_it_had() {
    let mut world = staking_world::new(10);
    world.register(0);
    set_next_key(&mut world, 0, 7);
    set_next_key(&mut world, 0, 8);
    set_next_key(&mut world, 0, 1);
    world.destroy();
}

#[test]
fun a_key_announced_after_the_vote_is_not_the_key_of_the_next_epoch() {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1]);
    set_next_key(&mut world, 0, 7);
    world.reach_selection();
    set_next_key(&mut world, 0, 8);
    set_next_key(&mut world, 0, 9);
    set_next_key(&mut world, 1, 10);
    world.finish_epoch();
    // What the vote collected counts in the committee and in the pool.
    assert_key(&world, 0, 7);
    assert_key(&world, 1, 2);
    // The last ones wait for the next vote.
    assert!(is_waiting(&world, 0));
    assert!(is_waiting(&world, 1));
    world.next_epoch();
    assert_key(&world, 0, 9);
    assert_key(&world, 1, 10);
    assert!(!is_waiting(&world, 0));
    assert!(!is_waiting(&world, 1));
    destroy(stakes);
    world.destroy();
}

#[test]
fun a_node_that_is_not_selected_changes_its_key_when_it_likes() {
    let (mut world, mut stakes) = staking_world::running(10, vector[1, 1]);
    let mut leaving = stakes.pop_back();
    world.request_withdraw(&mut leaving);
    world.reach_selection();
    set_next_key(&mut world, 1, 7);
    world.finish_epoch();
    world.withdraw(leaving);
    // It comes back with the key.
    stakes.push_back(world.stake(1, 1));
    world.next_epoch();
    assert_key(&world, 1, 7);
    destroy(stakes);
    world.destroy();
}

/// A member of the committee signs with a secret key, and its pool says so.
fun assert_key(world: &World, node: u64, secret: u64) {
    let node_id = world.node_id(node);
    let expected = bls12381::g1_to_uncompressed_g1(&bls12381::g1_from_bytes(&test_keys::public_key(secret)));
    assert!(world.inner().pool(node_id).node_info().public_key() == &expected);
    assert!(world.system().inner().committee().public_key_for_testing(&node_id) == expected);
}

fun is_waiting(world: &World, node: u64): bool {
    world.inner().pool(world.node_id(node)).node_info().is_key_waiting()
}

#[test]
/// Where signatures are not verified, every proof passes; nothing else is asserted there.
fun a_proof_is_for_one_sender_one_key_and_two_epochs() {
    let refused = test_keys::computes();
    let proof = test_keys::proof_of_possession(3, 5, @0xA);
    let key = test_keys::public_key(3);
    assert!(messages::is_possession_proven(5, @0xA, key, &proof));
    assert!(messages::is_possession_proven(6, @0xA, key, &proof));
    assert_eq!(messages::is_possession_proven(7, @0xA, key, &proof), !refused);
    assert_eq!(messages::is_possession_proven(4, @0xA, key, &proof), !refused);
    assert_eq!(messages::is_possession_proven(5, @0xB, key, &proof), !refused);
    let other_key = test_keys::public_key(4);
    assert_eq!(messages::is_possession_proven(5, @0xA, other_key, &proof), !refused);
    // In epoch 0 there is no epoch before.
    assert_eq!(messages::is_possession_proven(0, @0xA, key, &proof), !refused);
}

#[test]
fun a_proof_of_the_previous_epoch_is_accepted() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    register(&mut world, 5, 0);
    register(&mut world, 6, 1);
    destroy(stakes);
    world.destroy();
}
