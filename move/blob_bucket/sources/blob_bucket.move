/// A storage pool that everybody can see and that the holder of a capability writes to.
///
/// Life cycle: `new` buys a pool, shares the bucket around it and gives the capability to the caller. The capability registers
/// and deletes blobs and extends or enlarges the pool; certification is open to everybody who brings the certificate. Once the
/// pool has ended the bucket does nothing any more.
///
/// Invariants
/// 1. There is one `BlobBucketCap` per bucket.
/// 2. The state lies in the dynamic field `(u64, version)`.
///
/// Every function that uses the state aborts `EWrongVersion` (1) if the bucket is of another version of the package, and
/// `system::EWrongVersion` (1) if the system is; this is not repeated below.
///
/// Specification: contracts, section 11.2.
module blob_bucket::blob_bucket;

use blob_bucket::blob_bucket_inner_v1::{Self, BlobBucketInnerV1};
use sui::coin::Coin;
use sui::dynamic_field;
use wal::wal::WAL;
use walrus::system::System;

// === Errors ===

/// The capability belongs to another bucket.
const EInvalidBlobBucketCap: u64 = 0;
/// The bucket belongs to another version of the package.
const EWrongVersion: u64 = 1;

// === Constants ===

/// Version of the buckets this package works on.
const VERSION: u64 = 1;

// === Structs ===

/// A bucket, shared.
public struct BlobBucket has key {
    id: UID,
    version: u64,
}

/// The right to write to one bucket.
public struct BlobBucketCap has key, store {
    id: UID,
    bucket_id: ID,
}

// === Constructors ===

/// Buys a storage pool and shares a bucket around it.
///
/// #### Parameters
/// - `system`: the Walrus system.
/// - `reserved_encoded_capacity_bytes`: encoded bytes.
/// - `epochs_ahead`: number of epochs, the current one included.
/// - `payment`: coin from which exactly `storage price * started MiB * epochs` is taken.
/// - `ctx`: source of object IDs.
///
/// #### Returns
/// The capability of the bucket.
///
/// #### Aborts
/// - As `walrus::system::create_storage_pool`.
#[allow(lint(share_owned))]
public fun new(
    system: &mut System,
    reserved_encoded_capacity_bytes: u64,
    epochs_ahead: u32,
    payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
): BlobBucketCap {
    let storage_pool =
        system.create_storage_pool(reserved_encoded_capacity_bytes, epochs_ahead, payment, ctx);
    let mut bucket = BlobBucket { id: object::new(ctx), version: VERSION };
    dynamic_field::add(&mut bucket.id, VERSION, blob_bucket_inner_v1::new(storage_pool));
    let cap = BlobBucketCap { id: object::new(ctx), bucket_id: object::id(&bucket) };
    transfer::share_object(bucket);
    cap
}

// === Public Functions ===

/// Returns the ID of the bucket of a capability. Never aborts.
public fun bucket_id(self: &BlobBucketCap): ID {
    self.bucket_id
}

/// Registers a blob.
///
/// #### Parameters
/// - `self`: the bucket.
/// - `cap`: its capability.
/// - `system`: the Walrus system.
/// - `blob_id`, `root_hash`, `unencoded_size`, `encoding_type`: the blob ID and what it is derived from.
/// - `deletable`: whether the blob can be deleted before the pool's end.
/// - `write_payment`: coin from which exactly `write price * started MiB of the encoded size` is taken.
/// - `ctx`: source of the object ID.
///
/// #### Aborts
/// - `EInvalidBlobBucketCap` (0): the capability belongs to another bucket.
/// - `blob_bucket_inner_v1::EBlobBucketStorageExpired` (0): the pool has ended.
/// - As `walrus::system::register_pooled_blob`.
public fun register_blob(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    self.assert_cap(cap);
    self
        .inner_mut()
        .register_blob(
            system,
            blob_id,
            root_hash,
            unencoded_size,
            encoding_type,
            deletable,
            write_payment,
            ctx,
        )
}

/// Certifies a blob. Anybody may who has the certificate.
///
/// #### Parameters
/// - `self`: the bucket.
/// - `system`: the Walrus system.
/// - `blob_id`: the blob ID.
/// - `signature`, `signers_bitmap`, `message`: the certificate, as for `walrus::system::certify_blob`.
///
/// #### Aborts
/// - `blob_bucket_inner_v1::EBlobBucketStorageExpired` (0): the pool has ended.
/// - As `walrus::system::certify_pooled_blob`.
public fun certify_blob(
    self: &mut BlobBucket,
    system: &System,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.inner_mut().certify_blob(system, blob_id, signature, signers_bitmap, message)
}

/// Deletes a deletable blob.
///
/// #### Parameters
/// - `self`: the bucket.
/// - `cap`: its capability.
/// - `system`: the Walrus system.
/// - `blob_id`: the blob ID.
///
/// #### Aborts
/// - `EInvalidBlobBucketCap` (0): the capability belongs to another bucket.
/// - `blob_bucket_inner_v1::EBlobBucketStorageExpired` (0): the pool has ended.
/// - As `walrus::system::delete_pooled_blob`.
public fun delete_blob(self: &mut BlobBucket, cap: &BlobBucketCap, system: &System, blob_id: u256) {
    self.assert_cap(cap);
    self.inner_mut().delete_blob(system, blob_id)
}

/// Extends the pool.
///
/// #### Parameters
/// - `self`: the bucket.
/// - `cap`: its capability.
/// - `system`: the Walrus system.
/// - `extended_epochs`: number of epochs to add.
/// - `payment`: coin from which exactly `storage price * started MiB * epochs` is taken.
///
/// #### Aborts
/// - `EInvalidBlobBucketCap` (0): the capability belongs to another bucket.
/// - `blob_bucket_inner_v1::EBlobBucketStorageExpired` (0): the pool has ended.
/// - As `walrus::system::extend_storage_pool`.
public fun extend_storage_pool(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.assert_cap(cap);
    self.inner_mut().extend_storage_pool(system, extended_epochs, payment)
}

/// Returns the object ID of the pool. Aborts `EWrongVersion` (1) if the bucket is of another version.
public fun storage_pool_id(self: &BlobBucket): ID {
    self.inner().storage_pool().object_id()
}

/// Buys more capacity for the rest of the pool's life.
///
/// #### Parameters
/// - `self`: the bucket.
/// - `cap`: its capability.
/// - `system`: the Walrus system.
/// - `additional_encoded_capacity_bytes`: encoded bytes to add.
/// - `payment`: coin from which exactly `storage price * started MiB added * remaining epochs` is taken.
///
/// #### Aborts
/// - `EInvalidBlobBucketCap` (0): the capability belongs to another bucket.
/// - `blob_bucket_inner_v1::EBlobBucketStorageExpired` (0): the pool has ended.
/// - As `walrus::system::increase_storage_pool_capacity`.
public fun increase_storage_pool_capacity(
    self: &mut BlobBucket,
    cap: &BlobBucketCap,
    system: &mut System,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    self.assert_cap(cap);
    self
        .inner_mut()
        .increase_storage_pool_capacity(system, additional_encoded_capacity_bytes, payment)
}

// === Package Functions ===

/// Whether a blob is in the bucket.
public(package) fun has_blob(self: &BlobBucket, blob_id: u256): bool {
    self.inner().storage_pool().contains_blob(blob_id)
}

/// The object ID of a blob. Aborts in `0x2::dynamic_field` (1) if it is not in the bucket.
public(package) fun get_blob_object_id(self: &BlobBucket, blob_id: u256): ID {
    self.inner().storage_pool().blob_object_id(blob_id)
}

/// The end of the pool, exclusive.
public(package) fun end_epoch(self: &BlobBucket): u32 {
    self.inner().storage_pool().end_epoch()
}

/// Encoded bytes reserved.
public(package) fun reserved_encoded_capacity_bytes(self: &BlobBucket): u64 {
    self.inner().storage_pool().reserved_encoded_capacity_bytes()
}

/// Encoded bytes in use.
public(package) fun used_encoded_bytes(self: &BlobBucket): u64 {
    self.inner().storage_pool().used_encoded_bytes()
}

/// Encoded bytes that are free.
public(package) fun available_encoded_bytes(self: &BlobBucket): u64 {
    self.inner().storage_pool().available_encoded_bytes()
}

/// The number of blobs.
public(package) fun blob_count(self: &BlobBucket): u64 {
    self.inner().storage_pool().blob_count()
}

// === Private Functions ===

/// Aborts `EInvalidBlobBucketCap` (0) unless the capability is that of the bucket.
fun assert_cap(self: &BlobBucket, cap: &BlobBucketCap) {
    assert!(cap.bucket_id == object::id(self), EInvalidBlobBucketCap);
}

/// The state. Aborts `EWrongVersion` (1).
fun inner(self: &BlobBucket): &BlobBucketInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow(&self.id, VERSION)
}

/// The state, mutably. Aborts `EWrongVersion` (1).
fun inner_mut(self: &mut BlobBucket): &mut BlobBucketInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow_mut(&mut self.id, VERSION)
}

// === Test-Only Functions ===

/// Pretends that the bucket belongs to another version of the package.
#[test_only]
public fun set_version_for_testing(self: &mut BlobBucket, version: u64) {
    self.version = version;
}
