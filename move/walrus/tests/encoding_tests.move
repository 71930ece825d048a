/// Encoded sizes and blob IDs against the vectors of the specification (contracts, section 15).
#[test_only]
module walrus::encoding_tests;

use std::unit_test::assert_eq;
use sui::bcs;
use walrus::blob;
use walrus::encoding;

fun check(unencoded: u64, n_shards: u16, encoded: u64) {
    assert_eq!(encoding::encoded_blob_length(unencoded, 1, n_shards), encoded);
}

#[test]
fun encoded_sizes_match_the_vectors() {
    check(0, 10, 6_940);
    check(1, 10, 6_940);
    check(2_800, 10, 17_720);
    check(1, 7, 3_472);
    check(1, 1000, 66_034_000);
    check(1_048_576, 1000, 70_038_000);
    check(5_000_000, 1000, 88_056_000);
    check(22_277_800, 1000, 164_132_000);
    check(1_073_741_824, 1000, 4_888_852_000);
}

#[test]
fun one_more_byte_than_the_symbols_hold_needs_larger_symbols() {
    // 28 source symbols of 100 bytes.
    check(2_801, 10, 10 * (11 * 102 + 672));
}

#[test]
fun the_largest_blob_has_symbols_of_65534_bytes() {
    check(65_534 * 334 * 667, 1000, 1000 * (1001 * 65_534 + 64_032));
}

#[test, expected_failure(arithmetic_error, location = walrus::encoding)]
fun a_blob_above_the_largest_size_has_no_encoding() {
    encoding::encoded_blob_length(65_534 * 334 * 667 + 1, 1, 1000);
}

#[test, expected_failure(arithmetic_error, location = walrus::encoding)]
fun without_shards_there_is_no_encoding() {
    encoding::encoded_blob_length(1, 1, 0);
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun encoding_type_zero_is_rejected() {
    encoding::encoded_blob_length(1, 0, 10);
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun encoding_type_two_is_rejected() {
    encoding::encoded_blob_length(1, 2, 10);
}

#[test]
fun blob_ids_match_the_vectors() {
    let blob_id = blob::derive_blob_id(0xABC, 1, 5_000_000);
    assert_eq!(blob_id, 0x1b705c77ea8c2d23610040fdc0f8920d499be9f5ea18f8284396ce380e3769ae);
    assert_eq!(
        bcs::to_bytes(&blob_id),
        x"ae69370e38ce964328f818eaf5e99b490d92f8c0fd400061232d8cea775c701b",
    );
    assert_eq!(
        blob::derive_blob_id(0, 1, 0),
        0x657955fff5aadff20c84a7100df26173f908a0b5c9e2565b7bbd95db07f16b66,
    );
}
