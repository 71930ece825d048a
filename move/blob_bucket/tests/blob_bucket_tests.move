/// Buckets in a running system of three nodes: rights, life of blobs, growth and expiry.
#[test_only]
module blob_bucket::blob_bucket_tests;

use blob_bucket::blob_bucket::{
    Self,
    BlobBucket,
    BlobBucketCap,
    EInvalidBlobBucketCap,
    EWrongVersion
};
use blob_bucket::blob_bucket_inner_v1::{Self, EBlobBucketStorageExpired};
use std::unit_test::{assert_eq, destroy};
use sui::bcs;
use walrus::blob;
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};
use walrus::storage_pool::EInsufficientCapacity;

/// Encoded bytes of a one-byte blob with ten shards.
const ENCODED_SIZE: u64 = 6_940;
/// Capacity of the bucket: two one-byte blobs and a bit.
const CAPACITY: u64 = 15_000;

/// A running system, a bucket for two epochs, its capability, and the stakes that carry the system.
fun setup(): (World, BlobBucket, BlobBucketCap, vector<StakedWal>) {
    let (mut world, stakes) = staking_world::running(10, vector[1, 1, 1]);
    let cap = new_bucket(&mut world);
    world.next_tx();
    let bucket = world.take_shared<BlobBucket>();
    assert_eq!(object::id(&bucket), cap.bucket_id());
    (world, bucket, cap, stakes)
}

fun new_bucket(world: &mut World): BlobBucketCap {
    let mut payment = world.mint(0);
    let (_, system, _, _, ctx) = world.parts();
    let cap = blob_bucket::new(system, CAPACITY, 2, &mut payment, ctx);
    payment.destroy_zero();
    cap
}

fun end(world: World, bucket: BlobBucket, cap: BlobBucketCap, stakes: vector<StakedWal>) {
    destroy(bucket);
    destroy(cap);
    destroy(stakes);
    world.destroy();
}

fun blob_id(root_hash: u256): u256 {
    blob::derive_blob_id(root_hash, 1, 1)
}

fun register(world: &mut World, bucket: &mut BlobBucket, cap: &BlobBucketCap, root_hash: u256) {
    let mut payment = world.mint(0);
    let (_, system, _, _, ctx) = world.parts();
    bucket.register_blob(cap, system, blob_id(root_hash), root_hash, 1, 1, true, &mut payment, ctx);
    payment.destroy_zero();
}

/// Certifies a deletable blob of the bucket with the signatures of all nodes.
fun certify(world: &World, bucket: &mut BlobBucket, root_hash: u256) {
    let blob_id = blob_id(root_hash);
    let mut message = vector[1, 0, 3];
    message.append(bcs::to_bytes(&world.epoch()));
    message.append(bcs::to_bytes(&blob_id));
    message.push_back(1);
    message.append(bcs::to_bytes(&bucket.get_blob_object_id(blob_id)));
    let (signature, bitmap) = world.sign_by_all(&message);
    bucket.certify_blob(world.system(), blob_id, signature, bitmap, message);
}

#[test]
fun blobs_are_registered_certified_and_deleted() {
    let (mut world, mut bucket, cap, stakes) = setup();
    register(&mut world, &mut bucket, &cap, 7);
    register(&mut world, &mut bucket, &cap, 8);
    assert!(bucket.has_blob(blob_id(7)) && !bucket.has_blob(blob_id(9)));
    assert_eq!(bucket.blob_count(), 2);
    assert_eq!(bucket.used_encoded_bytes(), 2 * ENCODED_SIZE);
    assert_eq!(bucket.available_encoded_bytes(), CAPACITY - 2 * ENCODED_SIZE);
    certify(&world, &mut bucket, 7);
    bucket.delete_blob(&cap, world.system(), blob_id(7));
    bucket.delete_blob(&cap, world.system(), blob_id(8));
    assert_eq!(bucket.blob_count(), 0);
    assert_eq!(bucket.used_encoded_bytes(), 0);
    end(world, bucket, cap, stakes);
}

#[test]
fun a_bucket_grows_in_time_and_size() {
    let (mut world, mut bucket, cap, stakes) = setup();
    let end_epoch = bucket.end_epoch();
    assert_eq!(end_epoch, world.epoch() + 2);
    let pool_id = bucket.storage_pool_id();
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    bucket.extend_storage_pool(&cap, system, 3, &mut payment);
    bucket.increase_storage_pool_capacity(&cap, system, 1_000, &mut payment);
    payment.destroy_zero();
    assert_eq!(bucket.end_epoch(), end_epoch + 3);
    assert_eq!(bucket.reserved_encoded_capacity_bytes(), CAPACITY + 1_000);
    assert_eq!(bucket.storage_pool_id(), pool_id);
    world.next_epoch();
    world.next_epoch();
    register(&mut world, &mut bucket, &cap, 7);
    end(world, bucket, cap, stakes);
}

#[test, expected_failure(abort_code = EInsufficientCapacity, location = walrus::storage_pool)]
fun a_bucket_has_no_more_than_its_capacity() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    3u8.do!(|i| register(&mut world, &mut bucket, &cap, i as u256));
    abort 99
}

#[test, expected_failure(abort_code = EBlobBucketStorageExpired, location = blob_bucket_inner_v1)]
fun nothing_is_registered_after_the_end() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    2u8.do!(|_| world.next_epoch());
    register(&mut world, &mut bucket, &cap, 7);
    abort 99
}

#[test, expected_failure(abort_code = EBlobBucketStorageExpired, location = blob_bucket_inner_v1)]
fun nothing_is_certified_after_the_end() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    register(&mut world, &mut bucket, &cap, 7);
    2u8.do!(|_| world.next_epoch());
    certify(&world, &mut bucket, 7);
    abort 99
}

#[test, expected_failure(abort_code = EBlobBucketStorageExpired, location = blob_bucket_inner_v1)]
fun nothing_is_deleted_after_the_end() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    register(&mut world, &mut bucket, &cap, 7);
    2u8.do!(|_| world.next_epoch());
    bucket.delete_blob(&cap, world.system(), blob_id(7));
    abort 99
}

#[test, expected_failure(abort_code = EBlobBucketStorageExpired, location = blob_bucket_inner_v1)]
fun an_ended_bucket_is_not_extended() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    2u8.do!(|_| world.next_epoch());
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    bucket.extend_storage_pool(&cap, system, 3, &mut payment);
    abort 99
}

#[test, expected_failure(abort_code = EBlobBucketStorageExpired, location = blob_bucket_inner_v1)]
fun an_ended_bucket_does_not_grow() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    2u8.do!(|_| world.next_epoch());
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    bucket.increase_storage_pool_capacity(&cap, system, 3, &mut payment);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidBlobBucketCap, location = blob_bucket)]
fun another_capability_does_not_register() {
    let (mut world, mut bucket, _cap, _stakes) = setup();
    let other = new_bucket(&mut world);
    register(&mut world, &mut bucket, &other, 7);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidBlobBucketCap, location = blob_bucket)]
fun another_capability_does_not_delete() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    register(&mut world, &mut bucket, &cap, 7);
    let other = new_bucket(&mut world);
    bucket.delete_blob(&other, world.system(), blob_id(7));
    abort 99
}

#[test, expected_failure(abort_code = EInvalidBlobBucketCap, location = blob_bucket)]
fun another_capability_does_not_extend() {
    let (mut world, mut bucket, _cap, _stakes) = setup();
    let other = new_bucket(&mut world);
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    bucket.extend_storage_pool(&other, system, 1, &mut payment);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidBlobBucketCap, location = blob_bucket)]
fun another_capability_does_not_enlarge() {
    let (mut world, mut bucket, _cap, _stakes) = setup();
    let other = new_bucket(&mut world);
    let mut payment = world.mint(0);
    let (_, system, _, _, _) = world.parts();
    bucket.increase_storage_pool_capacity(&other, system, 1, &mut payment);
    abort 99
}

#[test, expected_failure(abort_code = EWrongVersion, location = blob_bucket)]
fun a_bucket_of_another_version_is_not_used() {
    let (mut world, mut bucket, cap, _stakes) = setup();
    bucket.set_version_for_testing(2);
    register(&mut world, &mut bucket, &cap, 7);
    abort 99
}

#[test, expected_failure(abort_code = EWrongVersion, location = blob_bucket)]
fun a_bucket_of_another_version_is_not_read() {
    let (_world, mut bucket, _cap, _stakes) = setup();
    bucket.set_version_for_testing(2);
    bucket.storage_pool_id();
    abort 99
}
