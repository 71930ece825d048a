/// Storage pools: one reservation that many blobs share.
///
/// Life cycle: created by `system::create_storage_pool*`, filled with pooled blobs, extended, grown or shrunk, and destroyed
/// once it holds no blob, which gives the reservation back. The pool is an owned object and can be wrapped by other packages.
///
/// Invariants
/// 1. `used_encoded_bytes` is the sum of the encoded sizes of the pool's blobs and never exceeds the size of `storage`.
///    Removal recomputes a blob's encoded size, which is sound because the number of shards never changes.
/// 2. `blob_count` is the number of entries of `blobs`; the key of an entry is its blob ID.
///
/// The inner state hangs below the pool as the dynamic field `(u64, version)`; attributes of a pooled blob hang below it as
/// the dynamic field `b"metadata"`.
///
/// Specification: contracts, section 7.8.
module walrus::storage_pool;

use std::string::String;
use sui::dynamic_field;
use sui::object_table::{Self, ObjectTable};
use walrus::blob;
use walrus::encoding;
use walrus::events;
use walrus::messages::CertifiedBlobMessage;
use walrus::metadata::{Self, Metadata};
use walrus::storage_resource::Storage;

// === Errors ===

/// A permanent blob cannot be deleted.
const EBlobNotDeletable: u64 = 0;
/// The pool has ended, or the storage to absorb has not started.
const EResourceBounds: u64 = 1;
/// The blob is certified already.
const EAlreadyCertified: u64 = 2;
/// The blob ID is not that of the given content, or the certificate is for another blob.
const EInvalidBlobId: u64 = 3;
/// The certificate is for the other kind of persistence.
const EInvalidBlobPersistenceType: u64 = 4;
/// The certificate of a deletable blob is for another object.
const EInvalidBlobObject: u64 = 5;
/// The pool has not enough free capacity.
const EInsufficientCapacity: u64 = 6;
/// A pool with blobs cannot be destroyed.
const EPoolNotEmpty: u64 = 7;
/// The accounting of used bytes is broken.
const EInvalidBlobSize: u64 = 8;
/// The accounting of blobs is broken.
const EInvalidBlobCount: u64 = 9;
/// The pool is of another version.
const EWrongVersion: u64 = 10;
/// The storage to absorb ends at another epoch.
const EIncompatibleEndEpoch: u64 = 11;
/// The blob has attributes already.
const EDuplicateMetadata: u64 = 12;
/// The blob has no attributes.
const EMissingMetadata: u64 = 13;
/// More than 100 per cent.
const EInvalidPercent: u64 = 14;

// === Constants ===

/// Version of the outer object.
const VERSION: u64 = 1;

// === Structs ===

/// A storage pool.
public struct StoragePool has key, store {
    id: UID,
    version: u64,
}

/// The state of a pool.
public struct StoragePoolInnerV1 has store {
    storage: Storage,
    used_encoded_bytes: u64,
    blob_count: u64,
    blobs: ObjectTable<u256, PooledBlob>,
}

/// A blob in a pool.
public struct PooledBlob has key, store {
    id: UID,
    registered_epoch: u32,
    blob_id: u256,
    unencoded_size: u64,
    encoding_type: u8,
    certified_epoch: Option<u32>,
    storage_pool_id: ID,
    deletable: bool,
}

// === Public Functions: accessors ===

/// The first epoch of the pool.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// The first epoch, inclusive.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun start_epoch(self: &StoragePool): u32 {
    self.inner().storage.start_epoch()
}

/// The epoch at which the pool ends.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// The end epoch, exclusive.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun end_epoch(self: &StoragePool): u32 {
    self.inner().storage.end_epoch()
}

/// The capacity of the pool.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// Encoded bytes.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun reserved_encoded_capacity_bytes(self: &StoragePool): u64 {
    self.inner().storage.size()
}

/// The capacity in use.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// Encoded bytes.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun used_encoded_bytes(self: &StoragePool): u64 {
    self.inner().used_encoded_bytes
}

/// The free capacity.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// Encoded bytes.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun available_encoded_bytes(self: &StoragePool): u64 {
    let inner = self.inner();
    inner.storage.size() - inner.used_encoded_bytes
}

/// The reservation of the pool.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// A reference to the reservation.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun storage(self: &StoragePool): &Storage {
    &self.inner().storage
}

/// The number of blobs in the pool.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// The number of blobs.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun blob_count(self: &StoragePool): u64 {
    self.inner().blob_count
}

/// Whether a blob is in the pool.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
///
/// #### Returns
/// `true` if it is.
///
/// #### Aborts
/// - `EWrongVersion` (10).
public fun contains_blob(self: &StoragePool, blob_id: u256): bool {
    self.inner().blobs.contains(blob_id)
}

/// The object ID of a pooled blob.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
///
/// #### Returns
/// The ID of the `PooledBlob`.
///
/// #### Aborts
/// - `EWrongVersion` (10).
/// - Framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
public fun blob_object_id(self: &StoragePool, blob_id: u256): ID {
    self.inner().blobs[blob_id].id.to_inner()
}

/// The object ID of the pool.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// The ID.
///
/// #### Aborts
/// Never.
public fun object_id(self: &StoragePool): ID {
    self.id.to_inner()
}

// === Public Functions: end of life ===

/// Destroys an empty pool, expired or not.
///
/// #### Parameters
/// - `self`: the pool.
///
/// #### Returns
/// The reservation of the pool.
///
/// #### Aborts
/// - `EWrongVersion` (10).
/// - `EPoolNotEmpty` (7) if the pool holds blobs.
public fun destroy(self: StoragePool): Storage {
    assert!(self.inner().blob_count == 0, EPoolNotEmpty);
    let StoragePool { mut id, version } = self;
    let StoragePoolInnerV1 { storage, blobs, .. } = dynamic_field::remove(&mut id, version);
    blobs.destroy_empty();
    id.delete();
    storage
}

// === Public Functions: attributes ===

/// Attaches attributes to a pooled blob that has none.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
/// - `metadata`: the attributes.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
/// - `EDuplicateMetadata` (12) if the blob has attributes.
public fun add_blob_metadata(self: &mut StoragePool, blob_id: u256, metadata: Metadata) {
    let id = self.blob_uid_mut(blob_id);
    assert!(!metadata::is_attached(id), EDuplicateMetadata);
    metadata::attach(id, metadata)
}

/// Attaches attributes to a pooled blob and removes those that were there.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
/// - `metadata`: the attributes.
///
/// #### Returns
/// The previous attributes, if there were some.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
public fun add_or_replace_blob_metadata(
    self: &mut StoragePool,
    blob_id: u256,
    metadata: Metadata,
): Option<Metadata> {
    metadata::replace(self.blob_uid_mut(blob_id), metadata)
}

/// Removes all attributes of a pooled blob.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
///
/// #### Returns
/// The attributes.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
/// - `EMissingMetadata` (13) if the blob has no attributes.
public fun take_blob_metadata(self: &mut StoragePool, blob_id: u256): Metadata {
    let id = self.blob_uid_mut(blob_id);
    assert!(metadata::is_attached(id), EMissingMetadata);
    metadata::detach(id).destroy_some()
}

/// Sets one attribute of a pooled blob. A key that was present moves to the end.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
/// - `key`, `value`: the attribute.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
public fun insert_or_update_blob_metadata_pair(
    self: &mut StoragePool,
    blob_id: u256,
    key: String,
    value: String,
) {
    metadata::insert_or_update_attached(self.blob_uid_mut(blob_id), key, value)
}

/// Removes one attribute of a pooled blob that must exist.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
/// - `key`: the key.
///
/// #### Returns
/// The removed key and value.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
/// - `EMissingMetadata` (13) if the blob has no attributes.
/// - Framework abort 1 in `0x2::vec_map` if the key is missing.
public fun remove_blob_metadata_pair(
    self: &mut StoragePool,
    blob_id: u256,
    key: &String,
): (String, String) {
    let id = self.blob_uid_mut(blob_id);
    assert!(metadata::is_attached(id), EMissingMetadata);
    metadata::borrow_attached_mut(id).remove(key)
}

/// Removes one attribute of a pooled blob if it exists.
///
/// #### Parameters
/// - `self`: the pool.
/// - `blob_id`: the blob ID.
/// - `key`: the key.
///
/// #### Returns
/// The removed value; none if the key or all attributes are missing.
///
/// #### Aborts
/// - `EWrongVersion` (10); framework abort 1 in `0x2::dynamic_field` if the blob is not in the pool.
public fun remove_blob_metadata_pair_if_exists(
    self: &mut StoragePool,
    blob_id: u256,
    key: &String,
): Option<String> {
    metadata::remove_attached_if_exists(self.blob_uid_mut(blob_id), key)
}

// === Package Functions: the pool ===

/// Creates a pool in `epoch` from a reservation that covers it, and emits `StoragePoolCreated`.
public(package) fun new(storage: Storage, epoch: u32, ctx: &mut TxContext): StoragePool {
    let mut id = object::new(ctx);
    events::emit_storage_pool_created(
        epoch,
        id.to_inner(),
        storage.size(),
        storage.start_epoch(),
        storage.end_epoch(),
    );
    let inner = StoragePoolInnerV1 {
        storage,
        used_encoded_bytes: 0,
        blob_count: 0,
        blobs: object_table::new(ctx),
    };
    dynamic_field::add(&mut id, VERSION, inner);
    StoragePool { id, version: VERSION }
}

/// Extends the pool by epochs that have been paid and accounted for, and emits `StoragePoolExtended`.
public(package) fun extend(self: &mut StoragePool, extended_epochs: u32, epoch: u32) {
    self.inner_mut().storage.extend_end_epoch(extended_epochs);
    events::emit_storage_pool_extended(epoch, self.object_id(), self.end_epoch());
}

/// Adds capacity that has been paid and accounted for.
public(package) fun increase_capacity(self: &mut StoragePool, additional_bytes: u64) {
    self.inner_mut().storage.increase_size(additional_bytes);
}

/// Absorbs a reservation. Aborts `EResourceBounds` (1) if it has not started by `epoch`, `EIncompatibleEndEpoch` (11) if
/// it does not end with the pool.
public(package) fun absorb(self: &mut StoragePool, storage: Storage, epoch: u32) {
    assert!(storage.start_epoch() <= epoch, EResourceBounds);
    assert!(storage.end_epoch() == self.end_epoch(), EIncompatibleEndEpoch);
    self.inner_mut().storage.increase_size(storage.size());
    storage.destroy();
}

/// Splits `size` free bytes off the pool. Aborts `EInsufficientCapacity` (6) if fewer are free.
public(package) fun extract(self: &mut StoragePool, size: u64, ctx: &mut TxContext): Storage {
    assert!(self.available_encoded_bytes() >= size, EInsufficientCapacity);
    let storage = &mut self.inner_mut().storage;
    let remaining = storage.size() - size;
    storage.split_by_size(remaining, ctx)
}

/// `percent` per cent of the free bytes, rounded down. Aborts `EInvalidPercent` (14) above 100.
public(package) fun percent_of_available(self: &StoragePool, percent: u8): u64 {
    assert!(percent <= 100, EInvalidPercent);
    ((self.available_encoded_bytes() as u128) * (percent as u128) / 100) as u64
}

// === Package Functions: blobs ===

/// Registers a blob in `epoch`, emits `PooledBlobRegistered` and returns the encoded size. The caller has made sure that the
/// pool covers `epoch`.
///
/// Aborts `EInvalidBlobId` (3), `encoding::EInvalidEncodingType` (0), `EInsufficientCapacity` (6), 0 in
/// `0x2::dynamic_field` if the pool has the blob already.
public(package) fun register(
    self: &mut StoragePool,
    blob_id: u256,
    root_hash: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    epoch: u32,
    n_shards: u16,
    ctx: &mut TxContext,
): u64 {
    assert!(blob::derive_blob_id(root_hash, encoding_type, unencoded_size) == blob_id, EInvalidBlobId);
    let encoded_size = encoding::encoded_blob_length(unencoded_size, encoding_type, n_shards);
    let storage_pool_id = self.object_id();
    let id = object::new(ctx);
    events::emit_pooled_blob_registered(
        epoch,
        blob_id,
        unencoded_size,
        encoding_type,
        deletable,
        id.to_inner(),
        storage_pool_id,
    );
    let inner = self.inner_mut();
    inner.used_encoded_bytes = inner.used_encoded_bytes + encoded_size;
    assert!(inner.used_encoded_bytes <= inner.storage.size(), EInsufficientCapacity);
    inner.blob_count = inner.blob_count + 1;
    let blob = PooledBlob {
        id,
        registered_epoch: epoch,
        blob_id,
        unencoded_size,
        encoding_type,
        certified_epoch: option::none(),
        storage_pool_id,
        deletable,
    };
    inner.blobs.add(blob_id, blob);
    encoded_size
}

/// Certifies a blob in `epoch` with a verified certificate and emits `PooledBlobCertified`.
///
/// Aborts 1 in `0x2::dynamic_field` if the blob is not in the pool, `EInvalidBlobId` (3), `EResourceBounds` (1) if the pool
/// has ended, `EAlreadyCertified` (2), `EInvalidBlobPersistenceType` (4), `EInvalidBlobObject` (5).
public(package) fun certify(
    self: &mut StoragePool,
    blob_id: u256,
    epoch: u32,
    certificate: CertifiedBlobMessage,
) {
    let end_epoch = self.end_epoch();
    let blob = &mut self.inner_mut().blobs[blob_id];
    assert!(certificate.certified_blob_id() == blob.blob_id, EInvalidBlobId);
    assert!(epoch < end_epoch, EResourceBounds);
    assert!(blob.certified_epoch.is_none(), EAlreadyCertified);
    let persistence = certificate.blob_persistence_type();
    assert!(persistence.is_deletable() == blob.deletable, EInvalidBlobPersistenceType);
    let object_id = blob.id.to_inner();
    assert!(!blob.deletable || persistence.object_id() == object_id, EInvalidBlobObject);
    blob.certified_epoch.fill(epoch);
    events::emit_pooled_blob_certified(
        epoch,
        blob_id,
        blob.deletable,
        object_id,
        blob.storage_pool_id,
    );
}

/// Deletes a deletable blob and emits `PooledBlobDeleted`. The caller has made sure that the pool has not ended.
///
/// Aborts as `remove`, then `EBlobNotDeletable` (0).
public(package) fun delete_blob(self: &mut StoragePool, blob_id: u256, epoch: u32, n_shards: u16) {
    let blob = self.remove(blob_id, n_shards);
    assert!(blob.deletable, EBlobNotDeletable);
    events::emit_pooled_blob_deleted(
        epoch,
        blob_id,
        blob.id.to_inner(),
        blob.certified_epoch.is_some(),
        blob.storage_pool_id,
    );
    blob.destroy_blob();
}

/// Removes a blob, deletable or not, without an event. The caller has made sure that the pool has ended.
///
/// Aborts as `remove`.
public(package) fun burn_blob(self: &mut StoragePool, blob_id: u256, n_shards: u16) {
    self.remove(blob_id, n_shards).destroy_blob();
}

// === Private Functions ===

/// The state. Aborts `EWrongVersion` (10) for a pool of another version.
fun inner(self: &StoragePool): &StoragePoolInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow(&self.id, VERSION)
}

/// The state, mutably. Aborts `EWrongVersion` (10) for a pool of another version.
fun inner_mut(self: &mut StoragePool): &mut StoragePoolInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow_mut(&mut self.id, VERSION)
}

/// The UID of a pooled blob, below which its attributes hang.
fun blob_uid_mut(self: &mut StoragePool, blob_id: u256): &mut UID {
    &mut self.inner_mut().blobs[blob_id].id
}

/// Takes a blob out of the pool and releases its capacity. Aborts 1 in `0x2::dynamic_field` if the blob is not in the
/// pool, `EInvalidBlobSize` (8) or `EInvalidBlobCount` (9) if the accounting is broken.
fun remove(self: &mut StoragePool, blob_id: u256, n_shards: u16): PooledBlob {
    let inner = self.inner_mut();
    let blob = inner.blobs.remove(blob_id);
    let encoded_size =
        encoding::encoded_blob_length(blob.unencoded_size, blob.encoding_type, n_shards);
    assert!(inner.used_encoded_bytes >= encoded_size, EInvalidBlobSize);
    inner.used_encoded_bytes = inner.used_encoded_bytes - encoded_size;
    assert!(inner.blob_count > 0, EInvalidBlobCount);
    inner.blob_count = inner.blob_count - 1;
    blob
}

/// Deletes a blob that was taken out, with its attributes.
fun destroy_blob(self: PooledBlob) {
    let PooledBlob { mut id, .. } = self;
    metadata::detach(&mut id);
    id.delete();
}

// === Test-Only Functions ===

/// Makes the pool look like one of another version.
#[test_only]
public fun set_version_for_testing(self: &mut StoragePool, version: u64) {
    self.version = version;
}

/// Makes the pool forget its blobs in the count of them.
#[test_only]
public fun reset_blob_count_for_testing(self: &mut StoragePool) {
    self.inner_mut().blob_count = 0;
}
