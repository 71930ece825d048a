/// Registration, certification, extension and end of blobs.
#[test_only]
module walrus::blob_lifecycle_tests;

use std::unit_test::assert_eq;
use sui::balance;
use sui::coin;
use sui::event;
use walrus::blob::{Self, Blob};
use walrus::bls_aggregate;
use walrus::encoding;
use walrus::events::{BlobCertified, BlobDeleted, BlobRegistered, InvalidBlobID};
use walrus::messages;
use walrus::storage_resource;
use walrus::system::{Self, System};
use walrus::system_state_inner;
use walrus::test_committee;
use walrus::test_system;

fun setup(): (System, TxContext) {
    let mut ctx = tx_context::dummy();
    (test_system::new(&mut ctx), ctx)
}

/// A registered blob.
fun registered(deletable: bool): (System, Blob, TxContext) {
    let (mut system, mut ctx) = setup();
    let blob = test_system::register(&mut system, deletable, &mut ctx);
    (system, blob, ctx)
}

/// A certified blob.
fun certified(deletable: bool): (System, Blob, TxContext) {
    let (system, mut blob, ctx) = registered(deletable);
    test_system::certify(&system, &mut blob);
    (system, blob, ctx)
}

fun end(system: System, blob: Blob) {
    blob.burn();
    std::unit_test::destroy(system);
}

/// Registers with the given values on storage of the given size and period.
fun register(
    storage_size: u64,
    start: u32,
    end_epoch: u32,
    blob_id: u256,
    encoding_type: u8,
    payment: u64,
) {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    let storage =
        system.reserve_space_for_epochs(storage_size, start, end_epoch, &mut coin, &mut ctx);
    coin.burn_for_testing();
    let mut coin = coin::mint_for_testing(payment, &mut ctx);
    let blob = system.register_blob(
        storage,
        blob_id,
        test_system::root_hash(),
        1,
        encoding_type,
        false,
        &mut coin,
        &mut ctx,
    );
    coin.destroy_zero();
    end(system, blob);
}

/// Certifies a blob with `message` signed by a quorum.
fun certify_with(system: &System, blob: &mut Blob, message: vector<u8>) {
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.certify_blob(blob, signature, bitmap, message)
}

// === Registration ===

#[test]
fun registration_keeps_the_storage_and_charges_the_write_fee() {
    let (mut system, mut ctx) = setup();
    let mut coin = coin::mint_for_testing(17, &mut ctx);
    let storage = system.reserve_space(test_system::encoded_size(), 3, &mut coin, &mut ctx);
    let blob = system.register_blob(
        storage,
        test_system::blob_id(),
        test_system::root_hash(),
        1,
        1,
        true,
        &mut coin,
        &mut ctx,
    );
    // Three epochs at 5 FROST and the fee of 2 FROST.
    coin.destroy_zero();
    assert_eq!(system.future_accounting()[0].rewards(), 7);
    assert_eq!(system.future_accounting()[1].rewards(), 5);
    assert_eq!(blob.registered_epoch(), 21);
    assert_eq!(blob.end_epoch(), 24);
    assert_eq!(blob.storage().size(), test_system::encoded_size());
    assert_eq!(blob.encoded_size(10), test_system::encoded_size());
    assert_eq!(blob.size(), 1);
    assert_eq!(blob.encoding_type(), 1);
    assert_eq!(*blob.certified_epoch(), option::none());
    assert!(blob.is_deletable());
    assert_eq!(event::events_by_type<BlobRegistered>().length(), 1);
    end(system, blob);
}

#[test]
fun larger_storage_than_needed_stays_with_the_blob() {
    register(test_system::encoded_size() + 1, 21, 22, test_system::blob_id(), 1, 2);
}

#[test, expected_failure(abort_code = blob::EResourceSize)]
fun storage_that_is_too_small_is_rejected() {
    register(test_system::encoded_size() - 1, 21, 22, test_system::blob_id(), 1, 2);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_that_has_not_started_is_rejected() {
    register(test_system::encoded_size(), 22, 24, test_system::blob_id(), 1, 2);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun wrong_blob_id_is_rejected() {
    register(test_system::encoded_size(), 21, 22, test_system::blob_id() + 1, 1, 2);
}

#[test, expected_failure(abort_code = encoding::EInvalidEncodingType)]
fun unknown_encoding_type_is_rejected() {
    register(test_system::encoded_size(), 21, 22, test_system::blob_id(), 0, 2);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = sui::balance)]
fun write_fee_must_be_paid() {
    register(test_system::encoded_size(), 21, 22, test_system::blob_id(), 1, 1);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_that_has_ended_is_rejected() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    let storage = system.reserve_space(test_system::encoded_size(), 1, &mut coin, &mut ctx);
    test_system::skip_epochs(&mut system, 1);
    let blob = system.register_blob(
        storage,
        test_system::blob_id(),
        test_system::root_hash(),
        1,
        1,
        false,
        &mut coin,
        &mut ctx,
    );
    coin.burn_for_testing();
    end(system, blob);
}

// === Certification ===

#[test]
fun permanent_and_deletable_blobs_are_certified() {
    let (system, blob, _) = certified(false);
    assert_eq!(*blob.certified_epoch(), option::some(21));
    assert_eq!(event::events_by_type<BlobCertified>().length(), 1);
    end(system, blob);
}

#[test]
fun deletable_blobs_are_certified_for_their_object() {
    let (system, blob, _) = certified(true);
    assert_eq!(*blob.certified_epoch(), option::some(21));
    end(system, blob);
}

#[test]
fun certificates_may_have_trailing_bytes() {
    let (system, mut blob, _) = registered(false);
    let mut message =
        messages::blob_certificate_for_testing(21, test_system::blob_id(), option::none());
    message.push_back(7);
    certify_with(&system, &mut blob, message);
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EAlreadyCertified)]
fun certification_happens_once() {
    let (system, mut blob, _) = certified(false);
    test_system::certify(&system, &mut blob);
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobId)]
fun certificate_of_another_blob_is_rejected() {
    let (system, mut blob, _) = registered(false);
    certify_with(
        &system,
        &mut blob,
        messages::blob_certificate_for_testing(21, 1, option::none()),
    );
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobPersistenceType)]
fun permanent_certificate_of_a_deletable_blob_is_rejected() {
    let (system, mut blob, _) = registered(true);
    let message = messages::blob_certificate_for_testing(21, blob.blob_id(), option::none());
    certify_with(&system, &mut blob, message);
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobPersistenceType)]
fun deletable_certificate_of_a_permanent_blob_is_rejected() {
    let (system, mut blob, _) = registered(false);
    let object_id = option::some(blob.object_id());
    let message = messages::blob_certificate_for_testing(21, blob.blob_id(), object_id);
    certify_with(&system, &mut blob, message);
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EInvalidBlobObject)]
fun certificate_of_another_object_is_rejected() {
    let (system, mut blob, _) = registered(true);
    let object_id = option::some(@0x5.to_id());
    let message = messages::blob_certificate_for_testing(21, blob.blob_id(), object_id);
    certify_with(&system, &mut blob, message);
    end(system, blob);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun blobs_that_have_ended_are_not_certified() {
    let (mut system, mut blob, _) = registered(false);
    test_system::skip_epochs(&mut system, 3);
    test_system::certify(&system, &mut blob);
    end(system, blob);
}

#[test, expected_failure(abort_code = messages::EIncorrectEpoch)]
fun certificates_hold_for_one_epoch() {
    let (mut system, mut blob, _) = registered(false);
    test_system::skip_epochs(&mut system, 1);
    let message = messages::blob_certificate_for_testing(21, blob.blob_id(), option::none());
    certify_with(&system, &mut blob, message);
    end(system, blob);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun certificates_need_a_quorum() {
    let (system, mut blob, _) = registered(false);
    let message = messages::blob_certificate_for_testing(21, blob.blob_id(), option::none());
    let (signature, bitmap) = test_committee::sign(&message, vector[0, 2]);
    system.certify_blob(&mut blob, signature, bitmap, message);
    end(system, blob);
}

// === Deletion ===

#[test]
fun deletion_gives_the_storage_back() {
    let (system, mut blob, _) = certified(true);
    blob.insert_or_update_metadata_pair(b"k".to_string(), b"v".to_string());
    let storage = system.delete_blob(blob);
    assert_eq!(storage.size(), test_system::encoded_size());
    assert_eq!(storage.end_epoch(), 24);
    assert_eq!(event::events_by_type<BlobDeleted>().length(), 1);
    storage.destroy();
    std::unit_test::destroy(system);
}

#[test]
fun uncertified_blobs_can_be_deleted() {
    let (system, blob, _) = registered(true);
    system.delete_blob(blob).destroy();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = blob::EBlobNotDeletable)]
fun permanent_blobs_cannot_be_deleted() {
    let (system, blob, _) = certified(false);
    system.delete_blob(blob).destroy();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun blobs_that_have_ended_cannot_be_deleted() {
    let (mut system, blob, _) = certified(true);
    test_system::skip_epochs(&mut system, 3);
    system.delete_blob(blob).destroy();
    std::unit_test::destroy(system);
}

// === Extension ===

#[test]
fun extension_is_paid_for_the_added_epochs() {
    let (mut system, mut blob, mut ctx) = certified(false);
    let mut coin = coin::mint_for_testing(10, &mut ctx);
    system.extend_blob(&mut blob, 2, &mut coin);
    coin.destroy_zero();
    assert_eq!(blob.end_epoch(), 26);
    assert_eq!(system.future_accounting()[3].rewards(), 5);
    assert_eq!(system.future_accounting()[4].used_capacity(), test_system::encoded_size());
    assert_eq!(system.future_accounting()[5].rewards(), 0);
    assert_eq!(event::events_by_type<BlobCertified>().length(), 2);
    end(system, blob);
}

/// Extends a blob by some epochs with plenty of money, after some epochs have passed.
fun extend(system: System, blob: Blob, mut ctx: TxContext, passed: u32, epochs: u32) {
    let mut system = system;
    let mut blob = blob;
    test_system::skip_epochs(&mut system, passed);
    let mut coin = test_system::wal(&mut ctx);
    system.extend_blob(&mut blob, epochs, &mut coin);
    coin.burn_for_testing();
    end(system, blob);
}

#[test]
fun extension_reaches_the_last_slot() {
    let (system, blob, ctx) = certified(false);
    extend(system, blob, ctx, 0, 50);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_beyond_the_last_slot_is_rejected() {
    let (system, blob, ctx) = certified(false);
    extend(system, blob, ctx, 0, 51);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_an_absurd_number_is_rejected() {
    let (system, blob, ctx) = certified(false);
    extend(system, blob, ctx, 0, 4_294_967_295);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun extension_by_nothing_is_rejected() {
    let (system, blob, ctx) = certified(false);
    extend(system, blob, ctx, 0, 0);
}

#[test, expected_failure(abort_code = blob::ENotCertified)]
fun uncertified_blobs_are_not_extended() {
    let (system, blob, ctx) = registered(false);
    extend(system, blob, ctx, 0, 1);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun blobs_that_have_ended_are_not_extended() {
    let (system, blob, ctx) = certified(false);
    extend(system, blob, ctx, 3, 1);
}

/// Extends with a reservation of the given size and period, after some epochs have passed.
fun extend_with_resource(
    system: System,
    blob: Blob,
    mut ctx: TxContext,
    size: u64,
    start: u32,
    end_epoch: u32,
    passed: u32,
) {
    let mut system = system;
    let mut blob = blob;
    let extension = storage_resource::create_storage(start, end_epoch, size, &mut ctx);
    test_system::skip_epochs(&mut system, passed);
    system.extend_blob_with_resource(&mut blob, extension);
    assert_eq!(blob.end_epoch(), end_epoch);
    end(system, blob);
}

#[test]
fun adjacent_storage_extends_a_blob() {
    let (system, blob, ctx) = certified(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size(), 24, 30, 0);
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun storage_with_a_gap_does_not_extend_a_blob() {
    let (system, blob, ctx) = certified(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size(), 25, 30, 0);
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun storage_of_another_size_does_not_extend_a_blob() {
    let (system, blob, ctx) = certified(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size() + 1, 24, 30, 0);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_that_ends_earlier_does_not_extend_a_blob() {
    let (system, blob, ctx) = certified(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size(), 20, 21, 0);
}

#[test, expected_failure(abort_code = blob::EResourceBounds)]
fun storage_does_not_extend_a_blob_that_has_ended() {
    let (system, blob, ctx) = certified(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size(), 24, 30, 3);
}

#[test, expected_failure(abort_code = blob::ENotCertified)]
fun storage_does_not_extend_an_uncertified_blob() {
    let (system, blob, ctx) = registered(false);
    extend_with_resource(system, blob, ctx, test_system::encoded_size(), 24, 30, 0);
}

// === Invalid blob IDs ===

#[test]
fun one_correct_node_invalidates_a_blob_id() {
    let (system, _) = setup();
    let message = messages::invalid_blob_id_for_testing(21, 77);
    let (signature, bitmap) = test_committee::sign(&message, vector[1, 2]);
    assert_eq!(system.invalidate_blob_id(signature, bitmap, message), 77);
    assert_eq!(event::events_by_type<InvalidBlobID>().length(), 1);
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = bls_aggregate::ENotEnoughStake)]
fun possibly_faulty_nodes_do_not_invalidate_a_blob_id() {
    let (system, _) = setup();
    let message = messages::invalid_blob_id_for_testing(21, 77);
    let (signature, bitmap) = test_committee::sign(&message, vector[2]);
    system.invalidate_blob_id(signature, bitmap, message);
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = messages::EInvalidMsgType)]
fun blob_certificate_does_not_invalidate_a_blob_id() {
    let (system, _) = setup();
    let message = messages::blob_certificate_for_testing(21, 77, option::none());
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.invalidate_blob_id(signature, bitmap, message);
    std::unit_test::destroy(system);
}

// === Versions ===

#[test, expected_failure(abort_code = system::EWrongVersion)]
fun systems_of_another_version_are_refused() {
    let (mut system, _) = setup();
    system.set_version_for_testing(3);
    system.epoch();
    std::unit_test::destroy(system);
}

#[test]
fun migration_moves_the_state_and_switches_the_package() {
    let (mut system, _) = setup();
    system.set_version_for_testing(3);
    system.set_new_package_id(@0x77.to_id());
    system.migrate();
    assert_eq!(system.version(), 4);
    assert_eq!(system.package_id(), @0x77.to_id());
    assert_eq!(system.epoch(), 21);
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system::EInvalidMigration)]
fun migration_needs_an_older_version() {
    let (mut system, _) = setup();
    system.set_new_package_id(@0x77.to_id());
    system.migrate();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system::EInvalidMigration)]
fun migration_needs_a_new_package() {
    let (mut system, _) = setup();
    system.set_version_for_testing(3);
    system.migrate();
    std::unit_test::destroy(system);
}
