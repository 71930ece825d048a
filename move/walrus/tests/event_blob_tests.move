/// Votes for event blobs.
#[test_only]
module walrus::event_blob_tests;

use std::unit_test::assert_eq;
use sui::event;
use walrus::blob;
use walrus::event_blob;
use walrus::events::{BlobCertified, BlobRegistered};
use walrus::storage_node::StorageNodeCap;
use walrus::system::System;
use walrus::system_state_inner;
use walrus::test_committee;
use walrus::test_system;

/// A system and the capabilities of its nodes; a last one is of a node outside the committee.
fun setup(): (System, vector<StorageNodeCap>, TxContext) {
    let mut ctx = tx_context::dummy();
    let system = test_system::new(&mut ctx);
    let caps = vector::tabulate!(6, |i| test_committee::cap(i, &mut ctx));
    (system, caps, ctx)
}

fun end(system: System, caps: vector<StorageNodeCap>) {
    std::unit_test::destroy(system);
    caps.destroy!(|cap| cap.destroy_cap_for_testing());
}

/// Votes for the event blob with the given root hash that ends at `checkpoint`.
fun vote(
    system: &mut System,
    cap: &mut StorageNodeCap,
    root_hash: u256,
    checkpoint: u64,
    ctx: &mut TxContext,
) {
    let epoch = system.epoch();
    let blob_id = blob::derive_blob_id(root_hash, 1, 1);
    system.certify_event_blob(cap, blob_id, root_hash, 1, 1, checkpoint, epoch, ctx);
}

#[test]
fun quorum_certifies_without_payment_and_beyond_the_capacity() {
    let (mut system, mut caps, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system.reserve_space(test_system::capacity(), 1, &mut coin, &mut ctx).destroy();
    coin.burn_for_testing();
    vector[0, 2].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    assert_eq!(event::events_by_type<BlobRegistered>().length(), 0);
    assert_eq!(system.inner().event_blob_state().latest_certified_checkpoint(), option::none());

    vote(&mut system, &mut caps[3], 1, 100, &mut ctx);
    assert_eq!(event::events_by_type<BlobRegistered>().length(), 1);
    assert_eq!(event::events_by_type<BlobCertified>().length(), 1);
    let state = system.inner().event_blob_state();
    assert_eq!(state.latest_certified_checkpoint(), option::some(100));
    assert_eq!(state.latest_certified_blob_id(), option::some(blob::derive_blob_id(1, 1, 1)));
    assert_eq!(state.candidates(), 0);
    let size = test_system::encoded_size();
    assert_eq!(system.used_capacity_size(), test_system::capacity() + size);
    assert_eq!(system.future_accounting()[52].used_capacity(), size);
    end(system, caps);
}

#[test]
fun late_votes_are_accepted_and_not_counted() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 2, 3].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    vote(&mut system, &mut caps[4], 1, 100, &mut ctx);
    assert_eq!(system.inner().event_blob_state().candidates(), 0);
    assert!(caps[4].last_event_blob_attestation().is_some());
    end(system, caps);
}

#[test]
fun different_blobs_are_counted_apart() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 1].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    vector[2, 3].do!(|i| vote(&mut system, &mut caps[i], 2, 100, &mut ctx));
    assert_eq!(system.inner().event_blob_state().candidates(), 2);
    assert_eq!(system.inner().event_blob_state().latest_certified_checkpoint(), option::none());
    end(system, caps);
}

#[test]
fun candidates_without_a_chance_are_dropped() {
    let mut state = event_blob::create_with_empty_state();
    // A hundred nodes with one shard each and an own opinion: after 34 of them no earlier candidate reaches 67 any more.
    34u64.do!(|node| { state.add_vote(node as u256, 100, 1, 100); });
    assert_eq!(state.candidates(), 34);
    state.add_vote(34, 100, 1, 100);
    assert_eq!(state.candidates(), 35);
    state.add_vote(35, 100, 1, 100);
    assert_eq!(state.candidates(), 1);
    64u64.do!(|node| { state.add_vote((36 + node) as u256, 100, 1, 100); });
    assert!(state.candidates() <= 35);
    std::unit_test::destroy(state);
}

#[test]
fun a_candidate_with_a_chance_is_kept() {
    let mut state = event_blob::create_with_empty_state();
    assert_eq!(state.add_vote(1, 100, 40, 100), 40);
    // 27 open shards are exactly what the first candidate still needs.
    33u64.do!(|node| { state.add_vote((2 + node) as u256, 100, 1, 100); });
    assert_eq!(state.add_vote(1, 100, 27, 100), 67);
    std::unit_test::destroy(state);
}

#[test]
fun nodes_go_on_after_certification() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 2, 3].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    vector[0, 2, 3].do!(|i| vote(&mut system, &mut caps[i], 2, 200, &mut ctx));
    assert_eq!(
        system.inner().event_blob_state().latest_certified_checkpoint(),
        option::some(200),
    );
    end(system, caps);
}

#[test]
fun epoch_change_drops_votes_and_lets_nodes_vote_again() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 2].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    test_system::skip_epochs(&mut system, 1);
    assert_eq!(system.inner().event_blob_state().candidates(), 0);
    vector[0, 2].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    assert_eq!(system.inner().event_blob_state().latest_certified_checkpoint(), option::none());
    vote(&mut system, &mut caps[3], 1, 100, &mut ctx);
    assert_eq!(
        system.inner().event_blob_state().latest_certified_checkpoint(),
        option::some(100),
    );
    end(system, caps);
}

#[test, expected_failure(abort_code = system_state_inner::ERepeatedAttestation)]
fun same_checkpoint_cannot_be_attested_twice() {
    let (mut system, mut caps, mut ctx) = setup();
    vote(&mut system, &mut caps[0], 1, 100, &mut ctx);
    vote(&mut system, &mut caps[0], 1, 100, &mut ctx);
    end(system, caps);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectAttestation)]
fun next_attestation_waits_for_the_first_certification() {
    let (mut system, mut caps, mut ctx) = setup();
    vote(&mut system, &mut caps[0], 1, 100, &mut ctx);
    vote(&mut system, &mut caps[0], 2, 200, &mut ctx);
    end(system, caps);
}

#[test, expected_failure(abort_code = system_state_inner::EIncorrectAttestation)]
fun next_attestation_waits_for_later_certifications() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 2, 3].do!(|i| vote(&mut system, &mut caps[i], 1, 100, &mut ctx));
    vote(&mut system, &mut caps[0], 2, 200, &mut ctx);
    vote(&mut system, &mut caps[0], 3, 300, &mut ctx);
    end(system, caps);
}

#[test, expected_failure(abort_code = system_state_inner::ENotCommitteeMember)]
fun strangers_do_not_vote() {
    let (mut system, mut caps, mut ctx) = setup();
    vote(&mut system, &mut caps[5], 1, 100, &mut ctx);
    end(system, caps);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidIdEpoch)]
fun votes_are_for_the_current_epoch() {
    let (mut system, mut caps, mut ctx) = setup();
    let blob_id = blob::derive_blob_id(1, 1, 1);
    system.certify_event_blob(&mut caps[0], blob_id, 1, 1, 1, 100, 20, &mut ctx);
    end(system, caps);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun certified_event_blobs_have_a_derived_id() {
    let (mut system, mut caps, mut ctx) = setup();
    vector[0, 2, 3].do!(
        |i| system.certify_event_blob(&mut caps[i], 5, 1, 1, 1, 100, 21, &mut ctx),
    );
    end(system, caps);
}

#[test, expected_failure(abort_code = event_blob::EInvalidSequenceNumber)]
fun certified_checkpoints_increase() {
    let mut state = event_blob::create_with_empty_state();
    state.update_latest_certified_event_blob(100, 1);
    state.update_latest_certified_event_blob(100, 2);
    std::unit_test::destroy(state);
}
