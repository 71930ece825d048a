/// Storage pools.
#[test_only]
module walrus::storage_pool_tests;

use std::unit_test::assert_eq;
use sui::balance;
use sui::coin;
use sui::dynamic_field;
use sui::event;
use walrus::blob;
use walrus::events::{
    PooledBlobCertified,
    PooledBlobDeleted,
    PooledBlobRegistered,
    StoragePoolCreated,
    StoragePoolExtended
};
use walrus::messages;
use walrus::metadata;
use walrus::storage_pool::{Self, StoragePool};
use walrus::storage_resource::{Self, Storage};
use walrus::system::{Self, System};
use walrus::system_state_inner;
use walrus::test_committee;
use walrus::test_system;

/// Blobs the pool has room for.
const ROOM: u64 = 3;

fun size(): u64 { test_system::encoded_size() }

/// A pool for `ROOM` blobs and three epochs.
fun setup(): (System, StoragePool, TxContext) {
    let mut ctx = tx_context::dummy();
    let mut system = test_system::new(&mut ctx);
    let mut coin = test_system::wal(&mut ctx);
    let pool = system.create_storage_pool(ROOM * size(), 3, &mut coin, &mut ctx);
    coin.burn_for_testing();
    (system, pool, ctx)
}

/// A pool with one blob, the ID of which is also returned.
fun with_blob(deletable: bool): (System, StoragePool, u256, TxContext) {
    let (mut system, mut pool, mut ctx) = setup();
    let blob_id = register(&mut system, &mut pool, 1, deletable, &mut ctx);
    (system, pool, blob_id, ctx)
}

fun end(system: System, pool: StoragePool) {
    std::unit_test::destroy(pool);
    std::unit_test::destroy(system);
}

fun end_with(system: System, pool: StoragePool, storage: Storage) {
    storage.destroy();
    end(system, pool);
}

/// Registers the one-byte blob with the given root hash.
fun register(
    system: &mut System,
    pool: &mut StoragePool,
    root_hash: u256,
    deletable: bool,
    ctx: &mut TxContext,
): u256 {
    let blob_id = blob::derive_blob_id(root_hash, 1, 1);
    let mut coin = coin::mint_for_testing(2, ctx);
    system.register_pooled_blob(pool, blob_id, root_hash, 1, 1, deletable, &mut coin, ctx);
    coin.destroy_zero();
    blob_id
}

/// Certifies a blob of the pool with a certificate for the given ID and object.
fun certify(
    system: &System,
    pool: &mut StoragePool,
    blob_id: u256,
    certified_id: u256,
    object_id: Option<ID>,
) {
    let message = messages::blob_certificate_for_testing(system.epoch(), certified_id, object_id);
    let (signature, bitmap) = test_committee::sign_by_quorum(&message);
    system.certify_pooled_blob(pool, blob_id, signature, bitmap, message);
}

// === Creation ===

#[test]
fun pools_are_bought_like_storage() {
    let mut ctx = tx_context::dummy();
    let mut system = test_system::new(&mut ctx);
    let mut coin = coin::mint_for_testing(15, &mut ctx);
    let pool = system.create_storage_pool(ROOM * size(), 3, &mut coin, &mut ctx);
    coin.destroy_zero();
    assert_eq!(pool.start_epoch(), 21);
    assert_eq!(pool.end_epoch(), 24);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), ROOM * size());
    assert_eq!(pool.storage().size(), ROOM * size());
    assert_eq!(pool.used_encoded_bytes(), 0);
    assert_eq!(pool.available_encoded_bytes(), ROOM * size());
    assert_eq!(pool.blob_count(), 0);
    assert_eq!(event::events_by_type<StoragePoolCreated>().length(), 1);
    assert_eq!(pool.object_id(), object::id(&pool));
    end(system, pool);
}

fun create_with(size: u64, start: u32, end_epoch: u32) {
    let mut ctx = tx_context::dummy();
    let system = test_system::new(&mut ctx);
    let storage = storage_resource::create_storage(start, end_epoch, size, &mut ctx);
    let pool = system.create_storage_pool_with_storage(storage, &mut ctx);
    pool.destroy().destroy();
    std::unit_test::destroy(system);
}

#[test]
fun pools_are_created_from_storage_and_give_it_back() {
    create_with(1, 20, 22);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun empty_storage_makes_no_pool() {
    create_with(0, 20, 22);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun storage_that_has_not_started_makes_no_pool() {
    create_with(1, 22, 23);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun storage_that_has_ended_makes_no_pool() {
    create_with(1, 20, 21);
}

// === Registration ===

#[test]
fun registration_uses_capacity_and_charges_the_write_fee() {
    let (system, pool, blob_id, _) = with_blob(true);
    assert!(pool.contains_blob(blob_id));
    assert!(!pool.contains_blob(blob_id + 1));
    assert_eq!(pool.blob_count(), 1);
    assert_eq!(pool.used_encoded_bytes(), size());
    assert_eq!(system.future_accounting()[0].rewards(), 7);
    assert_eq!(event::events_by_type<PooledBlobRegistered>().length(), 1);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInsufficientCapacity)]
fun full_pools_take_no_blob() {
    let (mut system, mut pool, mut ctx) = setup();
    4u64.do!(|i| { register(&mut system, &mut pool, i as u256, true, &mut ctx); });
    end(system, pool);
}

#[test, expected_failure(abort_code = dynamic_field::EFieldAlreadyExists, location = sui::dynamic_field)]
fun a_pool_holds_a_blob_once() {
    let (mut system, mut pool, _, mut ctx) = with_blob(true);
    register(&mut system, &mut pool, 1, true, &mut ctx);
    end(system, pool);
}

#[test]
fun two_pools_hold_the_same_blob() {
    let (mut system, mut pool, blob_id, mut ctx) = with_blob(true);
    let mut coin = test_system::wal(&mut ctx);
    let mut other = system.create_storage_pool(size(), 3, &mut coin, &mut ctx);
    coin.burn_for_testing();
    register(&mut system, &mut other, 1, true, &mut ctx);
    assert!(other.contains_blob(blob_id));
    assert!(pool.blob_object_id(blob_id) != other.blob_object_id(blob_id));
    system.delete_pooled_blob(&mut pool, blob_id);
    assert!(other.contains_blob(blob_id));
    std::unit_test::destroy(other);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobId)]
fun wrong_blob_ids_are_rejected() {
    let (mut system, mut pool, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system.register_pooled_blob(&mut pool, 1, 1, 1, 1, true, &mut coin, &mut ctx);
    coin.burn_for_testing();
    end(system, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun pools_that_have_ended_take_no_blob() {
    let (mut system, mut pool, mut ctx) = setup();
    test_system::skip_epochs(&mut system, 3);
    register(&mut system, &mut pool, 1, true, &mut ctx);
    end(system, pool);
}

// === Certification ===

#[test]
fun pooled_blobs_are_certified() {
    let (mut system, mut pool, blob_id, mut ctx) = with_blob(true);
    let object_id = pool.blob_object_id(blob_id);
    certify(&system, &mut pool, blob_id, blob_id, option::some(object_id));
    let permanent = register(&mut system, &mut pool, 2, false, &mut ctx);
    certify(&system, &mut pool, permanent, permanent, option::none());
    assert_eq!(event::events_by_type<PooledBlobCertified>().length(), 2);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EAlreadyCertified)]
fun certification_happens_once() {
    let (system, mut pool, blob_id, _) = with_blob(false);
    certify(&system, &mut pool, blob_id, blob_id, option::none());
    certify(&system, &mut pool, blob_id, blob_id, option::none());
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobId)]
fun certificate_of_another_blob_is_rejected() {
    let (system, mut pool, blob_id, _) = with_blob(false);
    certify(&system, &mut pool, blob_id, 5, option::none());
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobPersistenceType)]
fun certificate_of_the_other_persistence_is_rejected() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    certify(&system, &mut pool, blob_id, blob_id, option::none());
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobObject)]
fun certificate_of_another_object_is_rejected() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    certify(&system, &mut pool, blob_id, blob_id, option::some(@0x5.to_id()));
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EResourceBounds)]
fun blobs_of_ended_pools_are_not_certified() {
    let (mut system, mut pool, blob_id, _) = with_blob(false);
    test_system::skip_epochs(&mut system, 3);
    certify(&system, &mut pool, blob_id, blob_id, option::none());
    end(system, pool);
}

// === Removal ===

#[test]
fun deletion_releases_the_capacity_for_reuse() {
    let (mut system, mut pool, blob_id, mut ctx) = with_blob(true);
    pool.add_blob_metadata(blob_id, metadata::new());
    system.delete_pooled_blob(&mut pool, blob_id);
    assert_eq!(pool.blob_count(), 0);
    assert_eq!(pool.used_encoded_bytes(), 0);
    assert_eq!(event::events_by_type<PooledBlobDeleted>().length(), 1);
    3u64.do!(|i| { register(&mut system, &mut pool, i as u256, true, &mut ctx); });
    assert_eq!(pool.available_encoded_bytes(), 0);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EBlobNotDeletable)]
fun permanent_blobs_cannot_be_deleted() {
    let (system, mut pool, blob_id, _) = with_blob(false);
    system.delete_pooled_blob(&mut pool, blob_id);
    end(system, pool);
}

#[test, expected_failure(abort_code = dynamic_field::EFieldDoesNotExist, location = sui::dynamic_field)]
fun missing_blobs_cannot_be_deleted() {
    let (system, mut pool, blob_id, _) = with_blob(false);
    system.delete_pooled_blob(&mut pool, blob_id + 1);
    end(system, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun blobs_of_ended_pools_cannot_be_deleted() {
    let (mut system, mut pool, blob_id, _) = with_blob(true);
    test_system::skip_epochs(&mut system, 3);
    system.delete_pooled_blob(&mut pool, blob_id);
    end(system, pool);
}

#[test]
fun ended_pools_are_emptied_and_destroyed() {
    let (mut system, mut pool, blob_id, _) = with_blob(false);
    test_system::skip_epochs(&mut system, 3);
    system.burn_expired_pooled_blob(&mut pool, blob_id);
    assert_eq!(event::events_by_type<PooledBlobDeleted>().length(), 0);
    let storage = pool.destroy();
    assert_eq!(storage.size(), ROOM * size());
    storage.destroy();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun blobs_of_living_pools_are_not_burned() {
    let (mut system, mut pool, blob_id, _) = with_blob(false);
    test_system::skip_epochs(&mut system, 2);
    system.burn_expired_pooled_blob(&mut pool, blob_id);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EPoolNotEmpty)]
fun pools_with_blobs_are_not_destroyed() {
    let (system, pool, _, _) = with_blob(true);
    pool.destroy().destroy();
    std::unit_test::destroy(system);
}

// === Growing and shrinking ===

#[test]
fun extension_is_paid_for_the_whole_capacity() {
    let (mut system, mut pool, mut ctx) = setup();
    let mut coin = coin::mint_for_testing(10, &mut ctx);
    system.extend_storage_pool(&mut pool, 2, &mut coin);
    coin.destroy_zero();
    assert_eq!(pool.end_epoch(), 26);
    assert_eq!(system.future_accounting()[4].used_capacity(), ROOM * size());
    assert_eq!(event::events_by_type<StoragePoolExtended>().length(), 1);
    end(system, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun ended_pools_are_not_extended() {
    let (mut system, mut pool, mut ctx) = setup();
    test_system::skip_epochs(&mut system, 3);
    let mut coin = test_system::wal(&mut ctx);
    system.extend_storage_pool(&mut pool, 2, &mut coin);
    coin.burn_for_testing();
    end(system, pool);
}

#[test]
fun added_capacity_is_paid_for_the_remaining_epochs() {
    let (mut system, mut pool, mut ctx) = setup();
    test_system::skip_epochs(&mut system, 1);
    let mut coin = coin::mint_for_testing(10, &mut ctx);
    system.increase_storage_pool_capacity(&mut pool, size(), &mut coin);
    coin.destroy_zero();
    assert_eq!(pool.available_encoded_bytes(), (ROOM + 1) * size());
    assert_eq!(system.used_capacity_size(), (ROOM + 1) * size());
    assert_eq!(system.future_accounting()[2].used_capacity(), 0);
    end(system, pool);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = sui::balance)]
fun added_capacity_must_be_paid() {
    let (mut system, mut pool, mut ctx) = setup();
    let mut coin = coin::mint_for_testing(14, &mut ctx);
    system.increase_storage_pool_capacity(&mut pool, size(), &mut coin);
    coin.burn_for_testing();
    end(system, pool);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun no_capacity_cannot_be_added() {
    let (mut system, mut pool, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system.increase_storage_pool_capacity(&mut pool, 0, &mut coin);
    coin.burn_for_testing();
    end(system, pool);
}

fun absorb(start: u32, end_epoch: u32) {
    let (system, mut pool, mut ctx) = setup();
    let storage = storage_resource::create_storage(start, end_epoch, 5, &mut ctx);
    system.increase_storage_pool_capacity_with_storage(&mut pool, storage);
    assert_eq!(pool.reserved_encoded_capacity_bytes(), ROOM * size() + 5);
    end(system, pool);
}

#[test]
fun pools_absorb_storage_that_ends_with_them() {
    absorb(20, 24);
}

#[test, expected_failure(abort_code = storage_pool::EIncompatibleEndEpoch)]
fun storage_with_another_end_is_not_absorbed() {
    absorb(20, 25);
}

#[test, expected_failure(abort_code = storage_pool::EResourceBounds)]
fun storage_that_has_not_started_is_not_absorbed() {
    absorb(22, 24);
}

#[test]
fun unused_capacity_is_split_off() {
    let (system, mut pool, _, mut ctx) = with_blob(true);
    let storage = system.decrease_storage_pool_capacity_by_size(&mut pool, 2 * size(), &mut ctx);
    assert_eq!(storage.size(), 2 * size());
    assert_eq!(storage.start_epoch(), 21);
    assert_eq!(storage.end_epoch(), 24);
    assert_eq!(pool.available_encoded_bytes(), 0);
    end_with(system, pool, storage);
}

#[test, expected_failure(abort_code = storage_pool::EInsufficientCapacity)]
fun used_capacity_is_not_split_off() {
    let (system, mut pool, _, mut ctx) = with_blob(true);
    let storage =
        system.decrease_storage_pool_capacity_by_size(&mut pool, 2 * size() + 1, &mut ctx);
    end_with(system, pool, storage);
}

#[test, expected_failure(abort_code = system::EZeroExtractSize)]
fun nothing_is_not_split_off() {
    let (system, mut pool, mut ctx) = setup();
    let storage = system.decrease_storage_pool_capacity_by_size(&mut pool, 0, &mut ctx);
    end_with(system, pool, storage);
}

fun shrink(percent: u8): u64 {
    let (system, mut pool, _, mut ctx) = with_blob(true);
    let storage =
        system.decrease_storage_pool_unused_capacity_by_percent(&mut pool, percent, &mut ctx);
    let split_off = storage.size();
    end_with(system, pool, storage);
    split_off
}

#[test]
fun a_percentage_of_the_unused_capacity_is_split_off() {
    assert_eq!(shrink(33), 4_580);
}

#[test, expected_failure(abort_code = storage_pool::EInvalidPercent)]
fun more_than_everything_is_not_split_off() {
    shrink(101);
}

#[test, expected_failure(abort_code = system::EZeroExtractSize)]
fun zero_per_cent_are_not_split_off() {
    shrink(0);
}

// === Attributes ===

#[test]
fun attributes_of_pooled_blobs_are_managed_by_blob_id() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    let key = b"k".to_string();
    assert_eq!(pool.remove_blob_metadata_pair_if_exists(blob_id, &key), option::none());
    pool.insert_or_update_blob_metadata_pair(blob_id, key, b"1".to_string());
    pool.insert_or_update_blob_metadata_pair(blob_id, key, b"2".to_string());
    let (_, value) = pool.remove_blob_metadata_pair(blob_id, &key);
    assert_eq!(value, b"2".to_string());
    assert!(pool.add_or_replace_blob_metadata(blob_id, metadata::new()).is_some());
    assert_eq!(pool.take_blob_metadata(blob_id).keys(), vector[]);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EDuplicateMetadata)]
fun attributes_cannot_be_added_twice() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    pool.add_blob_metadata(blob_id, metadata::new());
    pool.add_blob_metadata(blob_id, metadata::new());
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EMissingMetadata)]
fun missing_attributes_cannot_be_taken() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    pool.take_blob_metadata(blob_id);
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EMissingMetadata)]
fun pair_of_missing_attributes_cannot_be_removed() {
    let (system, mut pool, blob_id, _) = with_blob(true);
    pool.remove_blob_metadata_pair(blob_id, &b"k".to_string());
    end(system, pool);
}

#[test, expected_failure(abort_code = storage_pool::EWrongVersion)]
fun a_pool_of_another_version_is_not_used() {
    let (mut system, mut pool, mut ctx) = setup();
    pool.set_version_for_testing(2);
    register(&mut system, &mut pool, 1, true, &mut ctx);
    abort 99
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobCount)]
fun more_blobs_than_are_counted_are_never_removed() {
    let (_system, mut pool, blob_id, _ctx) = with_blob(true);
    pool.reset_blob_count_for_testing();
    pool.delete_blob(blob_id, test_system::epoch(), 10);
    abort 99
}

#[test, expected_failure(abort_code = storage_pool::EInvalidBlobSize)]
fun more_bytes_than_are_used_are_never_freed() {
    let (_system, mut pool, blob_id, _ctx) = with_blob(true);
    // The encoded size with a thousand shards is larger than the pool.
    pool.delete_blob(blob_id, test_system::epoch(), 1_000);
    abort 99
}
