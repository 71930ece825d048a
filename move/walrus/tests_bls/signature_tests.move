/// Signatures that are refused, by name of the error. Only a machine that verifies signatures can run these tests.
#[test_only]
module walrus::signature_tests;

use walrus::bls_aggregate::ESigVerification;
use walrus::messages;
use walrus::staking_pool::EInvalidProofOfPossession;
use walrus::staking_world;
use walrus::test_committee;
use walrus::test_keys;
use walrus::test_system;

#[test]
fun this_machine_verifies() {
    assert!(test_keys::computes());
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun a_certificate_of_other_bytes_is_refused() {
    let message = message();
    let (signature, bitmap) = test_committee::sign_by_quorum(&b"other bytes");
    verify(signature, bitmap, message);
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun a_certificate_with_a_signer_too_few_is_refused() {
    let message = message();
    // The bitmap claims nodes 0, 2 and 3.
    let (_, bitmap) = test_committee::sign_by_quorum(&message);
    let (signature, _) = test_committee::sign(&message, vector[0, 2]);
    verify(signature, bitmap, message);
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun a_certificate_with_a_signer_too_many_is_refused() {
    let message = message();
    let (_, bitmap) = test_committee::sign_by_quorum(&message);
    let (signature, _) = test_committee::sign(&message, vector[0, 1, 2, 3]);
    verify(signature, bitmap, message);
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun a_signature_that_is_no_point_is_refused() {
    let message = message();
    let (_, bitmap) = test_committee::sign_by_quorum(&message);
    verify(vector::tabulate!(96, |_| 0xff), bitmap, message);
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun an_empty_signature_is_refused() {
    let message = message();
    let (_, bitmap) = test_committee::sign_by_quorum(&message);
    verify(vector[], bitmap, message);
}

#[test, expected_failure(abort_code = ESigVerification, location = walrus::bls_aggregate)]
fun a_blob_is_not_certified_by_the_signature_of_another() {
    let mut ctx = tx_context::dummy();
    let mut system = test_system::new(&mut ctx);
    let mut blob = test_system::register(&mut system, false, &mut ctx);
    let other = messages::blob_certificate_for_testing(system.epoch(), 7, option::none());
    let (signature, bitmap) = test_committee::sign_by_quorum(&other);
    let message =
        messages::blob_certificate_for_testing(system.epoch(), blob.blob_id(), option::none());
    system.certify_blob(&mut blob, signature, bitmap, message);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidProofOfPossession, location = walrus::staking_pool)]
fun a_registration_needs_the_proof_of_its_key() {
    let mut world = staking_world::new(10);
    world.register_stranger(1, test_keys::proof_of_possession(2, 0, staking_world::operator()));
    abort 99
}

#[test, expected_failure(abort_code = EInvalidProofOfPossession, location = walrus::staking_pool)]
fun a_proof_is_not_for_another_sender() {
    let mut world = staking_world::new(10);
    world.register_stranger(1, test_keys::proof_of_possession(1, 0, @0xB));
    abort 99
}

#[test, expected_failure(abort_code = EInvalidProofOfPossession, location = walrus::staking_pool)]
fun a_proof_does_not_outlive_two_epochs() {
    let (mut world, _stakes) = staking_world::running(10, vector[1]);
    world.next_epoch();
    world.register_stranger(5, test_keys::proof_of_possession(5, 0, staking_world::operator()));
    abort 99
}

#[test, expected_failure(abort_code = EInvalidProofOfPossession, location = walrus::staking_pool)]
fun a_new_key_needs_its_proof() {
    let mut world = staking_world::new(10);
    world.register(0);
    let proof = test_keys::proof_of_possession(8, 0, staking_world::operator());
    let (staking, cap, ctx) = world.with_cap(0);
    staking.set_next_public_key(cap, test_keys::public_key(7), proof, ctx);
    abort 99
}

/// What a node signs about a permanent blob in epoch 21.
fun message(): vector<u8> {
    messages::blob_certificate_for_testing(test_system::epoch(), 7, option::none())
}

fun verify(signature: vector<u8>, bitmap: vector<u8>, message: vector<u8>) {
    test_committee::committee(test_system::epoch())
        .verify_quorum_for_testing(signature, bitmap, message);
}
