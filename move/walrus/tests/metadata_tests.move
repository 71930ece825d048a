/// Attributes of blobs.
#[test_only]
module walrus::metadata_tests;

use std::string::String;
use std::unit_test::assert_eq;
use sui::vec_map;
use walrus::blob::{Self, Blob};
use walrus::metadata::{Self, Metadata};
use walrus::test_system;

fun pair(key: vector<u8>, value: vector<u8>): Metadata {
    let mut metadata = metadata::new();
    metadata.insert_or_update(key.to_string(), value.to_string());
    metadata
}

fun key(): String { b"k".to_string() }

fun missing(): String { b"missing".to_string() }

fun blob(): Blob {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let blob = test_system::register(&mut system, true, ctx);
    std::unit_test::destroy(system);
    blob
}

#[test]
fun updated_keys_move_to_the_end() {
    let mut metadata = pair(b"k", b"1");
    metadata.insert_or_update(b"l".to_string(), b"2".to_string());
    metadata.insert_or_update(key(), b"3".to_string());
    assert_eq!(metadata.keys(), vector[b"l".to_string(), key()]);
    assert_eq!(metadata.get(&key()), option::some(b"3".to_string()));
}

#[test]
fun keys_are_removed_if_they_exist() {
    let mut metadata = pair(b"k", b"1");
    assert_eq!(metadata.remove_if_exists(&missing()), option::none());
    assert_eq!(metadata.remove_if_exists(&key()), option::some(b"1".to_string()));
    assert_eq!(metadata.keys(), vector[]);
}

#[test, expected_failure(abort_code = vec_map::EKeyDoesNotExist, location = sui::vec_map)]
fun removing_a_missing_key_fails_in_the_map() {
    pair(b"k", b"1").remove(&missing());
}

#[test]
fun blob_attributes_are_added_replaced_and_taken() {
    let mut blob = blob();
    blob.add_metadata(pair(b"k", b"1"));
    let previous = blob.add_or_replace_metadata(pair(b"l", b"2"));
    assert_eq!(previous.destroy_some().keys(), vector[key()]);
    assert_eq!(blob.take_metadata().keys(), vector[b"l".to_string()]);
    assert!(blob.add_or_replace_metadata(metadata::new()).is_none());
    blob.burn();
}

#[test]
fun blob_pairs_are_set_and_removed() {
    let mut blob = blob();
    assert_eq!(blob.remove_metadata_pair_if_exists(&key()), option::none());
    blob.insert_or_update_metadata_pair(key(), b"1".to_string());
    blob.insert_or_update_metadata_pair(key(), b"2".to_string());
    assert_eq!(blob.metadata().get(&key()), option::some(b"2".to_string()));
    assert_eq!(blob.remove_metadata_pair_if_exists(&missing()), option::none());
    let (removed, value) = blob.remove_metadata_pair(&key());
    assert_eq!(removed, key());
    assert_eq!(value, b"2".to_string());
    blob.burn();
}

#[test, expected_failure(abort_code = blob::EDuplicateMetadata)]
fun attributes_cannot_be_added_twice() {
    let mut blob = blob();
    blob.add_metadata(metadata::new());
    blob.add_metadata(metadata::new());
    blob.burn();
}

#[test, expected_failure(abort_code = blob::EMissingMetadata)]
fun missing_attributes_cannot_be_taken() {
    let mut blob = blob();
    blob.take_metadata();
    blob.burn();
}

#[test, expected_failure(abort_code = blob::EMissingMetadata)]
fun pair_of_missing_attributes_cannot_be_removed() {
    let mut blob = blob();
    blob.remove_metadata_pair(&key());
    blob.burn();
}

#[test, expected_failure(abort_code = vec_map::EKeyDoesNotExist, location = sui::vec_map)]
fun missing_pair_cannot_be_removed() {
    let mut blob = blob();
    blob.add_metadata(metadata::new());
    blob.remove_metadata_pair(&key());
    blob.burn();
}
