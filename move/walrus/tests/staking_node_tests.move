/// Registration of nodes and their parameters.
#[test_only]
module walrus::staking_node_tests;

use std::string::String;
use std::unit_test::{assert_eq, destroy};
use sui::vec_map;
use walrus::messages::EInvalidKeyLength;
use walrus::node_metadata;
use walrus::staking_pool::{
    EIncorrectCommissionRate,
    EInvalidNameLength,
    EInvalidNetworkAddressLength,
};
use walrus::staking_world;
use walrus::storage_node::EInvalidNetworkPublicKey;

#[test]
fun a_new_node_has_a_fresh_capability() {
    let mut world = staking_world::new(10);
    world.register_with(text(100), text(259), 10_000, 33);
    let (staking, cap, _) = world.with_cap(0);
    assert_eq!(cap.last_epoch_sync_done(), 0);
    assert_eq!(cap.deny_list_root(), 0);
    assert_eq!(cap.deny_list_sequence(), 0);
    assert_eq!(cap.deny_list_size(), 0);
    let pool = staking.inner_for_testing().pool(cap.node_id());
    assert_eq!(pool.node_id(), cap.node_id());
    assert_eq!(pool.node_info().id(), cap.node_id());
    assert_eq!(pool.node_info().name(), text(100));
    assert_eq!(pool.wal_balance_at_epoch(1), 0);
    world.destroy();
}

#[test]
fun parameters_change() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_name(cap, b"new".to_string());
    staking.set_network_address(cap, b"new:1".to_string());
    staking.set_network_public_key(cap, vector::tabulate!(33, |_| 3));
    let info = staking.inner_for_testing().pool(cap.node_id()).node_info();
    assert_eq!(info.name(), b"new".to_string());
    assert_eq!(info.network_address(), b"new:1".to_string());
    world.destroy();
}

#[test]
fun metadata_is_replaced() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, _) = world.with_cap(0);
    let mut metadata = staking.node_metadata(cap.node_id());
    assert_eq!(metadata.image_url(), b"image".to_string());
    assert_eq!(metadata.project_url(), b"project".to_string());
    assert_eq!(metadata.description(), b"text".to_string());
    assert!(metadata.extra_fields().is_empty());
    metadata.set_image_url(b"1".to_string());
    metadata.set_project_url(b"2".to_string());
    metadata.set_description(b"3".to_string());
    metadata.set_extra_fields(
        vec_map::from_keys_values(vector[b"k".to_string()], vector[b"v".to_string()]),
    );
    staking.set_node_metadata(cap, metadata);
    assert_eq!(staking.node_metadata(cap.node_id()), metadata);
    assert!(metadata != node_metadata::new(b"1".to_string(), b"2".to_string(), b"3".to_string()));
    world.destroy();
}

#[test]
fun a_node_registered_after_the_selection_starts_in_the_next_epoch() {
    let (mut world, stakes) = staking_world::running(10, vector[1]);
    world.reach_selection();
    let node = world.register(0);
    let stake = world.stake(node, 1);
    world.finish_epoch();
    assert!(!world.in_committee(node));
    world.next_epoch();
    assert!(world.in_committee(node));
    destroy(stakes);
    destroy(stake);
    world.destroy();
}

#[test, expected_failure(abort_code = EInvalidNameLength, location = walrus::staking_pool)]
fun a_name_is_short() {
    let mut world = staking_world::new(10);
    world.register_with(text(101), text(1), 0, 33);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNameLength, location = walrus::staking_pool)]
fun a_new_name_is_short() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_name(cap, text(101));
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNetworkAddressLength, location = walrus::staking_pool)]
fun a_network_address_is_short() {
    let mut world = staking_world::new(10);
    world.register_with(text(1), text(260), 0, 33);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNetworkAddressLength, location = walrus::staking_pool)]
fun a_new_network_address_is_short() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_network_address(cap, text(260));
    abort 99
}

#[test, expected_failure(abort_code = EIncorrectCommissionRate, location = walrus::staking_pool)]
fun a_commission_is_at_most_everything() {
    let mut world = staking_world::new(10);
    world.register(10_001);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNetworkPublicKey, location = walrus::storage_node)]
fun a_network_key_has_33_bytes() {
    let mut world = staking_world::new(10);
    world.register_with(text(1), text(1), 0, 32);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNetworkPublicKey, location = walrus::storage_node)]
fun a_new_network_key_has_33_bytes() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, _) = world.with_cap(0);
    staking.set_network_public_key(cap, b"short");
    abort 99
}

#[test, expected_failure(abort_code = EInvalidKeyLength, location = walrus::messages)]
fun a_signing_key_has_48_bytes() {
    let mut world = staking_world::new(10);
    world.register(0);
    let (staking, cap, ctx) = world.with_cap(0);
    staking.set_next_public_key(cap, b"short", b"", ctx);
    abort 99
}

fun text(length: u64): String {
    vector::tabulate!(length, |_| 97).to_string()
}
