/// Deny lists and protocol versions.
#[test_only]
module walrus::deny_list_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus::bls_aggregate;
use walrus::events::{
    DenyListBlobDeleted,
    DenyListUpdate,
    ProtocolVersionUpdated,
    RegisterDenyListUpdate
};
use walrus::messages;
use walrus::storage_node::StorageNodeCap;
use walrus::system::System;
use walrus::system_state_inner;
use walrus::test_committee;
use walrus::test_system;

fun setup(node: u64): (System, StorageNodeCap) {
    let mut ctx = tx_context::dummy();
    let system = test_system::new(&mut ctx);
    (system, test_committee::cap(node, &mut ctx))
}

fun end(system: System, cap: StorageNodeCap) {
    std::unit_test::destroy(system);
    cap.destroy_cap_for_testing();
}

/// Certifies the deny list of `node` through `cap`.
fun update(system: &mut System, cap: &mut StorageNodeCap, node: u64, sequence: u64, size: u64) {
    let epoch = system.epoch();
    let node_id = test_committee::node_id(node);
    let message = messages::deny_list_update_for_testing(epoch, node_id, sequence, size, 9);
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.update_deny_list(cap, signature, bitmap, message);
}

fun update_protocol(system: &mut System, cap: &StorageNodeCap, start_epoch: u32) {
    let message = messages::protocol_version_for_testing(system.epoch(), start_epoch, 2);
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.update_protocol_version(cap, signature, bitmap, message);
}

#[test]
fun certified_deny_list_is_recorded() {
    let (mut system, mut cap) = setup(1);
    update(&mut system, &mut cap, 1, 3, 77);
    assert_eq!(cap.deny_list_root(), 9);
    assert_eq!(cap.deny_list_sequence(), 3);
    assert_eq!(system.inner().deny_list_size(cap.node_id()), option::some(77));
    update(&mut system, &mut cap, 1, 4, 78);
    assert_eq!(system.inner().deny_list_size(cap.node_id()), option::some(78));
    assert_eq!(event::events_by_type<DenyListUpdate>().length(), 2);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListSequence)]
fun sequence_numbers_increase() {
    let (mut system, mut cap) = setup(1);
    update(&mut system, &mut cap, 1, 3, 77);
    update(&mut system, &mut cap, 1, 3, 78);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListNode)]
fun deny_list_of_another_node_is_rejected() {
    let (mut system, mut cap) = setup(1);
    update(&mut system, &mut cap, 2, 3, 77);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun strangers_have_no_deny_list() {
    let (mut system, mut cap) = setup(5);
    update(&mut system, &mut cap, 5, 3, 77);
    end(system, cap);
}

#[test]
fun new_deny_lists_are_announced() {
    let (mut system, cap) = setup(1);
    system.register_deny_list_update(&cap, 9, 1);
    assert_eq!(event::events_by_type<RegisterDenyListUpdate>().length(), 1);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectDenyListSequence)]
fun announced_sequence_numbers_increase() {
    let (mut system, cap) = setup(1);
    system.register_deny_list_update(&cap, 9, 0);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun strangers_announce_no_deny_list() {
    let (mut system, cap) = setup(5);
    system.register_deny_list_update(&cap, 9, 1);
    end(system, cap);
}

#[test]
fun one_correct_node_confirms_a_deletion() {
    let (system, cap) = setup(1);
    let message = messages::deny_list_blob_deleted_for_testing(21, 5);
    let (signature, bitmap) = test_committee::sign(&message, vector[0, 3]);
    system.delete_deny_listed_blob(signature, bitmap, message);
    assert_eq!(event::events_by_type<DenyListBlobDeleted>().length(), 1);
    end(system, cap);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun possibly_faulty_nodes_confirm_no_deletion() {
    let (system, cap) = setup(1);
    let message = messages::deny_list_blob_deleted_for_testing(21, 5);
    let (signature, bitmap) = test_committee::sign(&message, vector[3, 4]);
    system.delete_deny_listed_blob(signature, bitmap, message);
    end(system, cap);
}

#[test]
fun protocol_versions_are_announced() {
    let (mut system, cap) = setup(1);
    update_protocol(&mut system, &cap, 21);
    assert_eq!(event::events_by_type<ProtocolVersionUpdated>().length(), 1);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidStartEpoch)]
fun protocol_versions_do_not_start_in_the_past() {
    let (mut system, cap) = setup(1);
    update_protocol(&mut system, &cap, 20);
    end(system, cap);
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun strangers_announce_no_protocol_version() {
    let (mut system, cap) = setup(5);
    update_protocol(&mut system, &cap, 21);
    end(system, cap);
}
