/// State of a bucket, version 1: the storage pool and what may be done with it while it has not ended.
///
/// Invariant: the pool is never taken out of the bucket.
///
/// Life cycle: created with its bucket and as long-lived as that; once the pool has ended, nothing can be done with it any more.
///
/// Specification: contracts, section 11.2.
module blob_bucket::blob_bucket_inner_v1;

use sui::coin::Coin;
use wal::wal::WAL;
use walrus::storage_pool::StoragePool;
use walrus::system::System;

// === Errors ===

/// The pool of the bucket has ended.
const EBlobBucketStorageExpired: u64 = 0;

// === Structs ===

/// The state, a dynamic field of `blob_bucket::BlobBucket`.
public struct BlobBucketInnerV1 has store {
    storage_pool: StoragePool,
}

// === Constructors ===

/// Wraps a pool.
public(package) fun new(storage_pool: StoragePool): BlobBucketInnerV1 {
    BlobBucketInnerV1 { storage_pool }
}

// === Package Functions ===

/// Registers a blob. Aborts `EBlobBucketStorageExpired` (0), then as `system::register_pooled_blob`.
public(package) fun register_blob(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    write_payment: &mut Coin<WAL>,
    ctx: &mut TxContext,
) {
    self.assert_not_ended(system);
    system.register_pooled_blob(
        &mut self.storage_pool,
        blob_id,
        root_hash,
        unencoded_size,
        encoding_type,
        deletable,
        write_payment,
        ctx,
    )
}

/// Certifies a blob. Aborts `EBlobBucketStorageExpired` (0), then as `system::certify_pooled_blob`.
public(package) fun certify_blob(
    self: &mut BlobBucketInnerV1,
    system: &System,
    blob_id: u256,
    signature: vector<u8>,
    signers_bitmap: vector<u8>,
    message: vector<u8>,
) {
    self.assert_not_ended(system);
    system.certify_pooled_blob(&mut self.storage_pool, blob_id, signature, signers_bitmap, message)
}

/// Deletes a blob. Aborts `EBlobBucketStorageExpired` (0), then as `system::delete_pooled_blob`.
public(package) fun delete_blob(self: &mut BlobBucketInnerV1, system: &System, blob_id: u256) {
    self.assert_not_ended(system);
    system.delete_pooled_blob(&mut self.storage_pool, blob_id)
}

/// Extends the pool. Aborts `EBlobBucketStorageExpired` (0), then as `system::extend_storage_pool`.
public(package) fun extend_storage_pool(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    extended_epochs: u32,
    payment: &mut Coin<WAL>,
) {
    self.assert_not_ended(system);
    system.extend_storage_pool(&mut self.storage_pool, extended_epochs, payment)
}

/// Buys more capacity. Aborts `EBlobBucketStorageExpired` (0), then as `system::increase_storage_pool_capacity`.
public(package) fun increase_storage_pool_capacity(
    self: &mut BlobBucketInnerV1,
    system: &mut System,
    additional_encoded_capacity_bytes: u64,
    payment: &mut Coin<WAL>,
) {
    self.assert_not_ended(system);
    system.increase_storage_pool_capacity(
        &mut self.storage_pool,
        additional_encoded_capacity_bytes,
        payment,
    )
}

/// The pool.
public(package) fun storage_pool(self: &BlobBucketInnerV1): &StoragePool {
    &self.storage_pool
}

// === Private Functions ===

/// Aborts `EBlobBucketStorageExpired` (0) if the pool has ended.
fun assert_not_ended(self: &BlobBucketInnerV1, system: &System) {
    assert!(self.storage_pool.end_epoch() > system.epoch(), EBlobBucketStorageExpired);
}
