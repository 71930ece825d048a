/// Bytes of signed messages and the parsing of certificates (contracts, sections 8.6 and 15).
#[test_only]
module walrus::messages_tests;

use std::unit_test::assert_eq;
use sui::address;
use sui::bls12381;
use walrus::messages;

const BLOB_ID: u256 = 0x1b705c77ea8c2d23610040fdc0f8920d499be9f5ea18f8284396ce380e3769ae;
/// The first blob ID of the specification's vectors, as bytes.
const BLOB_ID_BYTES: vector<u8> =
    x"ae69370e38ce964328f818eaf5e99b490d92f8c0fd400061232d8cea775c701b";

fun concat(mut head: vector<u8>, tail: vector<u8>): vector<u8> {
    head.append(tail);
    head
}

#[test]
fun proof_of_possession_bytes_match_the_vector() {
    let sender =
        address::from_bytes(x"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    let key =
        x"95a83335186d51692d86e08bd8234e319a4c609d0abd166ff536429359f9355ed0bc9187b6a33614bc87b8db1509e7d7";
    let message = messages::new_proof_of_possession_msg(21, sender, key);
    assert_eq!(
        message.to_bytes(),
        x"00000315000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f95a83335186d51692d86e08bd8234e319a4c609d0abd166ff536429359f9355ed0bc9187b6a33614bc87b8db1509e7d7",
    );
    assert!(
        message.verify_proof_of_possession(
            x"887a905b8f2bd28578577e19080c8c70fe003941e17979e8dd0b7676018bcc4ca6490da82adf3c5b24d496dae55411730d87e7a4744379e02045e588f320588a2f47619843a2a2156fcca51b5698c8e342a5ceca3759b14f480113f70e7c9ff9",
        ),
    );
}

#[test, expected_failure(abort_code = messages::EInvalidKeyLength)]
fun proof_of_possession_needs_a_compressed_key() {
    let key = bls12381::g1_generator();
    let mut bytes = *key.bytes();
    bytes.push_back(0);
    messages::new_proof_of_possession_msg(1, @0x1, bytes);
}

#[test]
fun permanent_certificate_is_parsed() {
    let bytes = concat(concat(x"0100032a000000", BLOB_ID_BYTES), x"00");
    assert_eq!(messages::blob_certificate_for_testing(42, BLOB_ID, option::none()), bytes);
    let certificate = messages::new_certified_message(bytes, 42, 7).certify_blob_message();
    assert_eq!(certificate.certified_blob_id(), BLOB_ID);
    assert!(!certificate.blob_persistence_type().is_deletable());
}

#[test]
fun deletable_certificate_is_parsed() {
    let object = @0x2a.to_id();
    let bytes = concat(
        concat(concat(x"0100032a000000", BLOB_ID_BYTES), x"01"),
        x"000000000000000000000000000000000000000000000000000000000000002a",
    );
    assert_eq!(messages::blob_certificate_for_testing(42, BLOB_ID, option::some(object)), bytes);
    let certificate = messages::new_certified_message(bytes, 42, 7).certify_blob_message();
    assert_eq!(certificate.blob_persistence_type().object_id(), object);
}

#[test]
fun invalid_blob_id_certificate_is_parsed() {
    let bytes = concat(x"0200032a000000", BLOB_ID_BYTES);
    assert_eq!(messages::invalid_blob_id_for_testing(42, BLOB_ID), bytes);
    let certificate = messages::new_certified_message(bytes, 42, 7).invalid_blob_id_message();
    assert_eq!(certificate.invalid_blob_id(), BLOB_ID);
}

#[test]
fun protocol_version_certificate_is_parsed() {
    let bytes = x"0600032a0000002b0000000700000000000000";
    assert_eq!(messages::protocol_version_for_testing(42, 43, 7), bytes);
    let certificate = messages::new_certified_message(bytes, 42, 7).protocol_version_message();
    assert_eq!(certificate.start_epoch(), 43);
    assert_eq!(certificate.protocol_version(), 7);
}

#[test]
fun deny_list_certificates_are_parsed() {
    let bytes =
        x"040003150000002a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a03000000000000004d0000000000000081af77c82e4346e5dc1c7263a726cd3b578ecfc0df776f2abd9fab317619ff03";
    let update = messages::new_certified_message(bytes, 21, 7).deny_list_update_message();
    assert_eq!(
        update.storage_node_id().to_bytes(),
        x"2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a2a",
    );
    assert_eq!(update.deny_list_sequence_number(), 3);
    assert_eq!(update.deny_list_size(), 77);
    assert_eq!(
        update.deny_list_root(),
        0x03ff197631ab9fbd2a6f77dfc0cf8e573bcd26a763721cdce546432ec877af81,
    );

    let bytes =
        x"0500031500000081af77c82e4346e5dc1c7263a726cd3b578ecfc0df776f2abd9fab317619ff03";
    let deleted = messages::new_certified_message(bytes, 21, 7).deny_list_blob_deleted_message();
    assert_eq!(
        deleted.deleted_blob_id(),
        0x03ff197631ab9fbd2a6f77dfc0cf8e573bcd26a763721cdce546432ec877af81,
    );
}

#[test]
fun trailing_bytes_are_ignored() {
    let bytes = concat(messages::blob_certificate_for_testing(42, BLOB_ID, option::none()), x"0102");
    let certificate = messages::new_certified_message(bytes, 42, 7).certify_blob_message();
    assert_eq!(certificate.certified_blob_id(), BLOB_ID);
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun header_of_another_epoch_is_rejected() {
    let bytes = messages::invalid_blob_id_for_testing(41, BLOB_ID);
    messages::new_certified_message(bytes, 42, 7);
}

#[test, expected_failure(abort_code = messages::EIncorrectAppId)]
fun header_of_another_app_is_rejected() {
    messages::new_certified_message(concat(x"0200042a000000", BLOB_ID_BYTES), 42, 7);
}

#[test, expected_failure(abort_code = messages::EIncorrectIntentVersion)]
fun header_of_another_version_is_rejected() {
    messages::new_certified_message(concat(x"0201032a000000", BLOB_ID_BYTES), 42, 7);
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun certificate_of_another_type_is_rejected() {
    let bytes = messages::invalid_blob_id_for_testing(42, BLOB_ID);
    messages::new_certified_message(bytes, 42, 7).certify_blob_message();
}

#[test, expected_failure(abort_code = messages::EInvalidBlobPersistenceType)]
fun unknown_persistence_tag_is_rejected() {
    let bytes = concat(concat(x"0100032a000000", BLOB_ID_BYTES), x"02");
    messages::new_certified_message(bytes, 42, 7).certify_blob_message();
}

#[test, expected_failure(abort_code = messages::ENotDeletable)]
fun permanent_certificate_has_no_object() {
    let bytes = messages::blob_certificate_for_testing(42, BLOB_ID, option::none());
    let certificate = messages::new_certified_message(bytes, 42, 7).certify_blob_message();
    certificate.blob_persistence_type().object_id();
}

#[test, expected_failure(abort_code = 0, location = sui::bcs)]
fun truncated_header_is_rejected() {
    messages::new_certified_message(x"0100032a00", 42, 7);
}
