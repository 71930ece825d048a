/// Committees, signer bitmaps and thresholds. Wrong signatures are tested where BLS is verified for real: on a chain.
#[test_only]
module walrus::bls_aggregate_tests;

use std::unit_test::assert_eq;
use sui::bls12381;
use walrus::bls_aggregate;
use walrus::messages;
use walrus::test_committee;

/// The signed bytes of the specification's aggregate vector.
const MESSAGE: vector<u8> =
    x"0100031500000081af77c82e4346e5dc1c7263a726cd3b578ecfc0df776f2abd9fab317619ff0300";

fun verify_quorum(signers: vector<u64>): u16 {
    let (signature, bitmap) = test_committee::sign(&MESSAGE, signers);
    test_committee::committee(21).verify_quorum_for_testing(signature, bitmap, MESSAGE)
}

fun verify_one_correct(signers: vector<u64>) {
    let (signature, bitmap) = test_committee::sign(&MESSAGE, signers);
    test_committee::committee(21).verify_one_correct_node_in_epoch(signature, bitmap, MESSAGE);
}

fun verify_bitmap(bitmap: vector<u8>) {
    let (signature, _) = test_committee::sign(&MESSAGE, vector[0, 1, 2, 3, 4]);
    test_committee::committee(21).verify_quorum_for_testing(signature, bitmap, MESSAGE);
}

#[test]
fun shards_are_the_sum_of_the_weights() {
    let committee = test_committee::committee(21);
    assert_eq!(committee.n_shards(), 10);
    assert_eq!(committee.n_members(), 5);
    assert_eq!(committee.epoch(), 21);
    assert_eq!(committee.member_weight(&test_committee::node_id(4)), option::some(2));
    assert_eq!(committee.member_weight(&test_committee::node_id(5)), option::none());
    assert!(committee.contains(&test_committee::node_id(0)));
    let weights = committee.to_vec_map();
    assert_eq!(weights.length(), 5);
    assert_eq!(weights[&test_committee::node_id(2)], 3);
}

#[test]
fun empty_committee_has_the_identity_as_key() {
    let committee = bls_aggregate::new_bls_committee(0, vector[]);
    assert_eq!(committee.n_shards(), 0);
    let mut identity = vector::tabulate!(48, |_| 0u8);
    *&mut identity[0] = 0xc0;
    assert_eq!(*committee.total_aggregated_key().bytes(), identity);
}

#[test, expected_failure(abort_code = bls_aggregate::EIncorrectCommittee)]
fun members_without_shards_are_rejected() {
    test_committee::committee_with_weights(1, vector[1, 0]);
}

#[test]
fun quorum_is_more_than_two_thirds() {
    assert!(bls_aggregate::is_quorum_for_n_shards(7, 10));
    assert!(!bls_aggregate::is_quorum_for_n_shards(6, 10));
    assert!(bls_aggregate::is_quorum_for_n_shards(667, 1000));
    assert!(!bls_aggregate::is_quorum_for_n_shards(666, 1000));
    assert!(bls_aggregate::is_quorum_for_n_shards(5, 7));
    assert!(!bls_aggregate::is_quorum_for_n_shards(0, 0));
}

#[test]
fun exact_quorum_is_accepted() {
    assert_eq!(verify_quorum(vector[0, 2, 3]), 7);
}

#[test]
fun all_signers_are_accepted() {
    assert_eq!(verify_quorum(vector[0, 1, 2, 3, 4]), 10);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun one_shard_less_than_a_quorum_is_rejected() {
    verify_quorum(vector[0, 2]);
}

#[test]
fun one_correct_node_needs_four_of_ten_shards() {
    verify_one_correct(vector[0, 1]);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun three_of_ten_shards_may_all_be_faulty() {
    verify_one_correct(vector[0]);
}

#[test]
fun certificate_of_the_specification_is_accepted() {
    let keys = vector[
        x"95a83335186d51692d86e08bd8234e319a4c609d0abd166ff536429359f9355ed0bc9187b6a33614bc87b8db1509e7d7",
        x"a54d105c5666c7a1d92ec68b1ef1e1693f28a5ad98af8ea431a4db21f78e8b1d2975d3b8e723db7767293ba76ec37723",
        x"b8b6ab3f2ced41dfe4b8c85eb078e57fe1a2debf4c6fbf861358f72e449321b2804cb93a6ecc868321290c7f9d4bd1bd",
        x"aced326ece102f4eef8e19d5627454932cae72b1ca000387a256e84a6be8608ef5da6c2a24e86d04121de2e80f3c5875",
        x"a8eaa2aa50644efa9ad87706e5b59ec7bbfa736d4fe32869a947ee77cb5bb0e4b312070fec641fd8c0be24947c730b0f",
    ];
    let weights = vector[3u16, 1, 3, 1, 2];
    let members = vector::tabulate!(5, |i| {
        let key = bls12381::g1_to_uncompressed_g1(&bls12381::g1_from_bytes(&keys[i]));
        bls_aggregate::new_bls_committee_member(key, weights[i], test_committee::node_id(i))
    });
    let certificate = bls_aggregate::new_bls_committee(21, members).verify_quorum_in_epoch(
        x"b97509067d6917157c07a1af0f1ad16154eccb2ca85f810df461497c4e70da628188e40e62d6ea03277278551b0b7d7e0cb9e98d56e1803f6330edb6a14aa8f920051b4871dd31fe41a858c68a31f8591d9147b58d310a790d0394caf5551154",
        x"0d",
        MESSAGE,
    );
    assert_eq!(certificate.cert_epoch(), 21);
    assert_eq!(
        certificate.certify_blob_message().certified_blob_id(),
        0x03ff197631ab9fbd2a6f77dfc0cf8e573bcd26a763721cdce546432ec877af81,
    );
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun certificate_of_another_epoch_is_rejected() {
    let (signature, bitmap) = test_committee::sign_by_quorum(&MESSAGE);
    test_committee::committee(22).verify_quorum_in_epoch(signature, bitmap, MESSAGE);
}

#[test, expected_failure(abort_code = bls_aggregate::EInvalidBitmap)]
fun bitmap_with_a_byte_too_many_is_rejected() {
    verify_bitmap(vector[0x1f, 0]);
}

#[test, expected_failure(abort_code = bls_aggregate::EInvalidBitmap)]
fun bitmap_with_a_bit_beyond_the_last_member_is_rejected() {
    verify_bitmap(vector[0x3f]);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun missing_bitmap_bytes_mean_not_signed() {
    verify_bitmap(vector[]);
}

#[test]
fun short_bitmap_of_a_larger_committee_is_accepted() {
    // Ten members, the first eight sign: one byte instead of two.
    let weights = vector::tabulate!(10, |_| 1u16);
    let (signature, bitmap) = test_committee::sign(&MESSAGE, vector[0, 1, 2, 3, 4, 5, 6, 7]);
    let committee = test_committee::committee_with_weights(21, weights);
    assert_eq!(committee.verify_quorum_for_testing(signature, bitmap, MESSAGE), 8);
}

#[test]
fun bitmap_of_eight_members_has_no_stray_bits() {
    let weights = vector::tabulate!(8, |_| 1u16);
    let (signature, bitmap) = test_committee::sign(&MESSAGE, vector[0, 1, 2, 3, 4, 5, 6, 7]);
    let committee = test_committee::committee_with_weights(21, weights);
    assert_eq!(committee.verify_quorum_for_testing(signature, bitmap, MESSAGE), 8);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun empty_committee_reaches_no_quorum() {
    bls_aggregate::new_bls_committee(0, vector[]).verify_quorum_for_testing(
        vector[],
        vector[],
        MESSAGE,
    );
}
