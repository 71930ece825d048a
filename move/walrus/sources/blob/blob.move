/// Blobs: stored data as the chain knows it.
///
/// Life cycle: registered by `system::register_blob` (which consumes a storage reservation), certified once by a quorum of
/// storage nodes, possibly extended, and in the end deleted (deletable blobs before their end, which gives the reservation
/// back), burned by its owner, or shared forever through `shared_blob`.
///
/// Invariants
/// 1. `blob_id` is the hash of encoding type, size and root hash.
/// 2. When registered, the reservation covers the current epoch and at least the encoded size.
/// 3. `certified_epoch` is set at most once; extensions need it to be set and the blob not to have ended.
///
/// A blob's attributes hang below it as the dynamic field `b"metadata"` of type `metadata::Metadata`.
///
/// Specification: contracts, sections 7.3, 7.4 and 8.2.
module walrus::blob;

use std::string::String;
use sui::bcs;
use sui::hash;
use walrus::encoding;
use walrus::events;
use walrus::messages::CertifiedBlobMessage;
use walrus::metadata::{Self, Metadata};
use walrus::storage_resource::Storage;

/// Puts a blob into a shared object; see `shared_blob::new`.
public use fun walrus::shared_blob::new as Blob.share;

// === Errors ===

/// An uncertified blob cannot be extended.
const ENotCertified: u64 = 0;
/// A permanent blob cannot be deleted.
const EBlobNotDeletable: u64 = 1;
/// The epoch lies outside the reserved period, or an extension does not end later than the blob.
const EResourceBounds: u64 = 2;
/// The encoded blob is larger than the reservation.
const EResourceSize: u64 = 3;
// Code 4 stays free.
/// The blob is certified already.
const EAlreadyCertified: u64 = 5;
/// The blob ID is not that of the given content, or the certificate is for another blob.
const EInvalidBlobId: u64 = 6;
/// The blob has attributes already.
const EDuplicateMetadata: u64 = 7;
/// The blob has no attributes.
const EMissingMetadata: u64 = 8;
/// The certificate is for the other kind of persistence.
const EInvalidBlobPersistenceType: u64 = 9;
/// The certificate of a deletable blob is for another object.
const EInvalidBlobObject: u64 = 10;

// === Structs ===

/// A registered blob with the storage it occupies.
public struct Blob has key, store {
    id: UID,
    registered_epoch: u32,
    blob_id: u256,
    /// Unencoded length in bytes.
    size: u64,
    encoding_type: u8,
    /// Epoch of the first certification.
    certified_epoch: Option<u32>,
    storage: Storage,
    deletable: bool,
}

/// Preimage of the blob ID; the BCS bytes of this struct are hashed.
public struct BlobIdDerivation has drop {
    encoding_type: u8,
    size: u64,
    root_hash: u256,
}

// === Public Functions: accessors ===

/// The object ID.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The ID of the blob object (not the blob ID).
///
/// #### Aborts
/// Never.
public fun object_id(self: &Blob): ID {
    self.id.to_inner()
}

/// The epoch of the registration.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The epoch.
///
/// #### Aborts
/// Never.
public fun registered_epoch(self: &Blob): u32 {
    self.registered_epoch
}

/// The blob ID.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The hash as a little-endian integer.
///
/// #### Aborts
/// Never.
public fun blob_id(self: &Blob): u256 {
    self.blob_id
}

/// The unencoded length.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The length in bytes.
///
/// #### Aborts
/// Never.
public fun size(self: &Blob): u64 {
    self.size
}

/// The encoding type.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The encoding type, always 1.
///
/// #### Aborts
/// Never.
public fun encoding_type(self: &Blob): u8 {
    self.encoding_type
}

/// The epoch of the first certification.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The epoch, none if the blob is not certified.
///
/// #### Aborts
/// Never.
public fun certified_epoch(self: &Blob): &Option<u32> {
    &self.certified_epoch
}

/// The storage the blob occupies.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The reservation.
///
/// #### Aborts
/// Never.
public fun storage(self: &Blob): &Storage {
    &self.storage
}

/// Whether the blob can be deleted before its end.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// `true` for deletable, `false` for permanent blobs.
///
/// #### Aborts
/// Never.
public fun is_deletable(self: &Blob): bool {
    self.deletable
}

/// The encoded length.
///
/// #### Parameters
/// - `self`: the blob.
/// - `n_shards`: number of shards of the committee.
///
/// #### Returns
/// The encoded length in bytes, metadata included.
///
/// #### Aborts
/// - Arithmetic error if `n_shards` is zero or too small for the size.
public fun encoded_size(self: &Blob, n_shards: u16): u64 {
    encoding::encoded_blob_length(self.size, self.encoding_type, n_shards)
}

/// The epoch at which the blob ends.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The end epoch, exclusive.
///
/// #### Aborts
/// Never.
public fun end_epoch(self: &Blob): u32 {
    self.storage.end_epoch()
}

/// Derives a blob ID.
///
/// #### Parameters
/// - `root_hash`: Merkle root over the sliver pairs.
/// - `encoding_type`: encoding type; not checked here.
/// - `size`: unencoded length in bytes.
///
/// #### Returns
/// The Blake2b-256 hash of the BCS bytes of the three values, read as a little-endian integer.
///
/// #### Aborts
/// Never.
public fun derive_blob_id(root_hash: u256, encoding_type: u8, size: u64): u256 {
    let preimage = bcs::to_bytes(&BlobIdDerivation { encoding_type, size, root_hash });
    bcs::new(hash::blake2b256(&preimage)).peel_u256()
}

// === Public Functions: end of life ===

/// Destroys a blob and its storage, whatever its state. Emits nothing and refunds nothing; the nodes keep the data until
/// the end epoch.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Aborts
/// Never.
public fun burn(self: Blob) {
    let Blob { mut id, storage, .. } = self;
    metadata::detach(&mut id);
    id.delete();
    storage.destroy();
}

// === Public Functions: attributes ===

/// Attaches attributes to a blob that has none.
///
/// #### Parameters
/// - `self`: the blob.
/// - `metadata`: the attributes.
///
/// #### Aborts
/// - `EDuplicateMetadata` (7) if the blob has attributes.
public fun add_metadata(self: &mut Blob, metadata: Metadata) {
    assert!(!metadata::is_attached(&self.id), EDuplicateMetadata);
    metadata::attach(&mut self.id, metadata)
}

/// Attaches attributes and removes those that were there.
///
/// #### Parameters
/// - `self`: the blob.
/// - `metadata`: the attributes.
///
/// #### Returns
/// The previous attributes, if there were some.
///
/// #### Aborts
/// Never.
public fun add_or_replace_metadata(self: &mut Blob, metadata: Metadata): Option<Metadata> {
    metadata::replace(&mut self.id, metadata)
}

/// Removes all attributes.
///
/// #### Parameters
/// - `self`: the blob.
///
/// #### Returns
/// The attributes.
///
/// #### Aborts
/// - `EMissingMetadata` (8) if the blob has none.
public fun take_metadata(self: &mut Blob): Metadata {
    assert!(metadata::is_attached(&self.id), EMissingMetadata);
    metadata::detach(&mut self.id).destroy_some()
}

/// Sets one attribute. A key that was present moves to the end.
///
/// #### Parameters
/// - `self`: the blob.
/// - `key`, `value`: the attribute.
///
/// #### Aborts
/// Never.
public fun insert_or_update_metadata_pair(self: &mut Blob, key: String, value: String) {
    metadata::insert_or_update_attached(&mut self.id, key, value)
}

/// Removes one attribute that must exist.
///
/// #### Parameters
/// - `self`: the blob.
/// - `key`: the key.
///
/// #### Returns
/// The removed key and value.
///
/// #### Aborts
/// - `EMissingMetadata` (8) if the blob has no attributes.
/// - Framework abort 1 in `0x2::vec_map` (`get_idx`) if the key is missing.
public fun remove_metadata_pair(self: &mut Blob, key: &String): (String, String) {
    assert!(metadata::is_attached(&self.id), EMissingMetadata);
    metadata::borrow_attached_mut(&mut self.id).remove(key)
}

/// Removes one attribute if it exists.
///
/// #### Parameters
/// - `self`: the blob.
/// - `key`: the key.
///
/// #### Returns
/// The removed value; none if the key or all attributes are missing.
///
/// #### Aborts
/// Never.
public fun remove_metadata_pair_if_exists(self: &mut Blob, key: &String): Option<String> {
    metadata::remove_attached_if_exists(&mut self.id, key)
}

// === Package Functions ===

/// Registers a blob in `epoch` and emits `BlobRegistered`. The write fee is the caller's business.
///
/// Aborts `EResourceBounds` (2) unless the reservation covers `epoch`, `encoding::EInvalidEncodingType` (0),
/// `EResourceSize` (3) if it is too small for the encoded blob, `EInvalidBlobId` (6) unless `blob_id` derives from the other
/// values.
public(package) fun new(
    storage: Storage,
    blob_id: u256,
    root_hash: u256,
    size: u64,
    encoding_type: u8,
    deletable: bool,
    epoch: u32,
    n_shards: u16,
    ctx: &mut TxContext,
): Blob {
    assert!(storage.start_epoch() <= epoch && epoch < storage.end_epoch(), EResourceBounds);
    let encoded_size = encoding::encoded_blob_length(size, encoding_type, n_shards);
    assert!(encoded_size <= storage.size(), EResourceSize);
    assert!(derive_blob_id(root_hash, encoding_type, size) == blob_id, EInvalidBlobId);

    let id = object::new(ctx);
    events::emit_blob_registered(
        epoch,
        blob_id,
        size,
        encoding_type,
        storage.end_epoch(),
        deletable,
        id.to_inner(),
    );
    Blob {
        id,
        registered_epoch: epoch,
        blob_id,
        size,
        encoding_type,
        certified_epoch: option::none(),
        storage,
        deletable,
    }
}

/// Certifies a blob in `epoch` with a verified certificate.
///
/// Aborts `EInvalidBlobId` (6), `EAlreadyCertified` (5), `EResourceBounds` (2) if the blob has ended,
/// `EInvalidBlobPersistenceType` (9), `EInvalidBlobObject` (10).
public(package) fun certify(self: &mut Blob, epoch: u32, certificate: CertifiedBlobMessage) {
    assert!(certificate.certified_blob_id() == self.blob_id, EInvalidBlobId);
    assert!(self.certified_epoch.is_none(), EAlreadyCertified);
    assert!(epoch < self.end_epoch(), EResourceBounds);
    let persistence = certificate.blob_persistence_type();
    assert!(persistence.is_deletable() == self.deletable, EInvalidBlobPersistenceType);
    if (self.deletable) {
        assert!(persistence.object_id() == self.object_id(), EInvalidBlobObject);
    };
    self.certified_epoch.fill(epoch);
    self.emit_certified(false);
}

/// Certifies a new event blob, which votes on chain have confirmed.
public(package) fun certify_event_blob(self: &mut Blob, epoch: u32) {
    self.certified_epoch.fill(epoch);
    self.emit_certified(false);
}

/// Deletes a blob in `epoch`, emits `BlobDeleted` and returns its storage.
///
/// Aborts `EBlobNotDeletable` (1), `EResourceBounds` (2) if the blob has ended.
public(package) fun delete(self: Blob, epoch: u32): Storage {
    let Blob { mut id, blob_id, certified_epoch, storage, deletable, .. } = self;
    metadata::detach(&mut id);
    assert!(deletable, EBlobNotDeletable);
    assert!(storage.end_epoch() > epoch, EResourceBounds);
    let object_id = id.to_inner();
    id.delete();
    events::emit_blob_deleted(
        epoch,
        blob_id,
        storage.end_epoch(),
        object_id,
        certified_epoch.is_some(),
    );
    storage
}

/// Aborts `ENotCertified` (0) or, if the blob has ended by `epoch`, `EResourceBounds` (2).
public(package) fun assert_certified_not_expired(self: &Blob, epoch: u32) {
    assert!(self.certified_epoch.is_some(), ENotCertified);
    assert!(epoch < self.end_epoch(), EResourceBounds);
}

/// Extends a blob with a reservation that follows on its own, and emits `BlobCertified`.
///
/// Aborts `ENotCertified` (0), `EResourceBounds` (2) if the blob has ended or the extension does not end later, then as
/// `storage_resource::fuse_periods`.
public(package) fun extend_with_resource(self: &mut Blob, extension: Storage, epoch: u32) {
    self.assert_certified_not_expired(epoch);
    assert!(extension.end_epoch() > self.end_epoch(), EResourceBounds);
    self.storage.fuse_periods(extension);
    self.emit_certified(true);
}

/// Extends a blob by a number of epochs that have been paid and accounted for, and emits `BlobCertified`. The caller has
/// made sure that it is certified.
public(package) fun extend(self: &mut Blob, extended_epochs: u32) {
    self.storage.extend_end_epoch(extended_epochs);
    self.emit_certified(true);
}

// === Private Functions ===

/// Emits `BlobCertified` for a certified blob.
fun emit_certified(self: &Blob, is_extension: bool) {
    events::emit_blob_certified(
        *self.certified_epoch.borrow(),
        self.blob_id,
        self.end_epoch(),
        self.deletable,
        self.object_id(),
        is_extension,
    )
}

// === Test-Only Functions ===

/// The attributes, which must exist.
#[test_only]
public fun metadata(self: &mut Blob): &Metadata {
    metadata::borrow_attached_mut(&mut self.id)
}
