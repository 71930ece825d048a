/// All events of the package, and the only place that emits them.
///
/// Storage nodes consume every event of this package, in the order of the chain, and treat a type they do not know as a
/// fatal error. Hence two rules:
/// 1. Names, fields and their order are part of the interface and never change.
/// 2. No other event type may be emitted by any module of this package.
///
/// Epochs are always Walrus epochs.
///
/// Specification: contracts, section 5.
module walrus::events;

use sui::event;

// === Structs ===

/// A `Blob` object was created. `epoch` is the registration epoch, `size` the unencoded length. Emitted by
/// `system::register_blob` and, for event blobs, `system::certify_event_blob`.
public struct BlobRegistered has copy, drop {
    epoch: u32,
    blob_id: u256,
    size: u64,
    encoding_type: u8,
    end_epoch: u32,
    deletable: bool,
    object_id: ID,
}

/// A blob was certified or the life of a certified blob was extended. `epoch` is that of the first certification in
/// both cases. Emitted by `system::certify_blob`, `system::certify_event_blob` and the two extension functions of
/// `system`.
public struct BlobCertified has copy, drop {
    epoch: u32,
    blob_id: u256,
    end_epoch: u32,
    deletable: bool,
    object_id: ID,
    is_extension: bool,
}

/// A deletable blob was deleted before its end (burning a blob emits nothing). Emitted by `system::delete_blob`.
public struct BlobDeleted has copy, drop {
    epoch: u32,
    blob_id: u256,
    end_epoch: u32,
    object_id: ID,
    was_certified: bool,
}

/// A quorum-backed proof says that this blob ID does not name a correctly encoded blob. Emitted by
/// `system::invalidate_blob_id`.
public struct InvalidBlobID has copy, drop {
    epoch: u32,
    blob_id: u256,
}

/// The epoch `epoch` has begun; nodes now move shards. Emitted by `staking::initiate_epoch_change_v2`.
public struct EpochChangeStart has copy, drop {
    epoch: u32,
}

/// Nodes with a quorum of shards have everything they need for `epoch`. Emitted by `staking::epoch_sync_done`.
public struct EpochChangeDone has copy, drop {
    epoch: u32,
}

/// A node reported that it holds its shards. Emitted by `staking::epoch_sync_done`.
public struct ShardsReceived has copy, drop {
    epoch: u32,
    shards: vector<u16>,
}

/// Committee and parameters of `next_epoch` are fixed. Emitted by `staking::voting_end`.
public struct EpochParametersSelected has copy, drop {
    next_epoch: u32,
}

/// Reserved: never emitted, but clients decode the type.
#[allow(unused_field)]
public struct ShardRecoveryStart has copy, drop {
    epoch: u32,
    shards: vector<u16>,
}

/// A migration to a new package version has finished. Emitted by `init::migrate_v2`.
public struct ContractUpgraded has copy, drop {
    epoch: u32,
    package_id: ID,
    version: u64,
}

/// A node announces a new deny list. Emitted by `system::register_deny_list_update`.
public struct RegisterDenyListUpdate has copy, drop {
    epoch: u32,
    root: u256,
    sequence_number: u64,
    node_id: ID,
}

/// A node's new deny list is certified. Emitted by `system::update_deny_list`.
public struct DenyListUpdate has copy, drop {
    epoch: u32,
    root: u256,
    sequence_number: u64,
    node_id: ID,
}

/// A deny-listed blob was deleted. Emitted by `system::delete_deny_listed_blob`.
public struct DenyListBlobDeleted has copy, drop {
    epoch: u32,
    blob_id: u256,
}

/// An upgrade proposal was created or refreshed. Emitted by `upgrade::vote_for_upgrade`.
public struct ContractUpgradeProposed has copy, drop {
    epoch: u32,
    package_digest: vector<u8>,
}

/// An upgrade proposal has a quorum. Emitted by `upgrade::vote_for_upgrade`.
public struct ContractUpgradeQuorumReached has copy, drop {
    epoch: u32,
    package_digest: vector<u8>,
}

/// The protocol version changes at `start_epoch`. Emitted by `system::update_protocol_version`.
public struct ProtocolVersionUpdated has copy, drop {
    epoch: u32,
    start_epoch: u32,
    protocol_version: u64,
}

/// The prices were recomputed, changed or not. FROST per MiB (and epoch, for storage). Emitted by
/// `staking::update_prices` and `staking::initiate_epoch_change_v2`.
public struct PricesUpdated has copy, drop {
    epoch: u32,
    storage_price: u64,
    write_price: u64,
}

/// A storage pool was created. Emitted by the two creation functions of `system`.
public struct StoragePoolCreated has copy, drop {
    epoch: u32,
    storage_pool_id: ID,
    reserved_encoded_capacity_bytes: u64,
    start_epoch: u32,
    end_epoch: u32,
}

/// A blob was registered in a pool. Emitted by `system::register_pooled_blob`.
public struct PooledBlobRegistered has copy, drop {
    epoch: u32,
    blob_id: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    object_id: ID,
    storage_pool_id: ID,
}

/// A blob of a pool was certified in `epoch`. Emitted by `system::certify_pooled_blob`.
public struct PooledBlobCertified has copy, drop {
    epoch: u32,
    blob_id: u256,
    deletable: bool,
    object_id: ID,
    storage_pool_id: ID,
}

/// A blob of a pool was deleted before the pool's end. Emitted by `system::delete_pooled_blob`.
public struct PooledBlobDeleted has copy, drop {
    epoch: u32,
    blob_id: u256,
    object_id: ID,
    was_certified: bool,
    storage_pool_id: ID,
}

/// The life of a pool was extended. Emitted by `system::extend_storage_pool`.
public struct StoragePoolExtended has copy, drop {
    epoch: u32,
    storage_pool_id: ID,
    new_end_epoch: u32,
}

// === Package Functions ===

/// Emits `BlobRegistered`.
public(package) fun emit_blob_registered(
    epoch: u32,
    blob_id: u256,
    size: u64,
    encoding_type: u8,
    end_epoch: u32,
    deletable: bool,
    object_id: ID,
) {
    event::emit(BlobRegistered {
        epoch,
        blob_id,
        size,
        encoding_type,
        end_epoch,
        deletable,
        object_id,
    })
}

/// Emits `BlobCertified`.
public(package) fun emit_blob_certified(
    epoch: u32,
    blob_id: u256,
    end_epoch: u32,
    deletable: bool,
    object_id: ID,
    is_extension: bool,
) {
    event::emit(BlobCertified { epoch, blob_id, end_epoch, deletable, object_id, is_extension })
}

/// Emits `BlobDeleted`.
public(package) fun emit_blob_deleted(
    epoch: u32,
    blob_id: u256,
    end_epoch: u32,
    object_id: ID,
    was_certified: bool,
) {
    event::emit(BlobDeleted { epoch, blob_id, end_epoch, object_id, was_certified })
}

/// Emits `InvalidBlobID`.
public(package) fun emit_invalid_blob_id(epoch: u32, blob_id: u256) {
    event::emit(InvalidBlobID { epoch, blob_id })
}

/// Emits `EpochChangeStart`.
public(package) fun emit_epoch_change_start(epoch: u32) {
    event::emit(EpochChangeStart { epoch })
}

/// Emits `EpochChangeDone`.
public(package) fun emit_epoch_change_done(epoch: u32) {
    event::emit(EpochChangeDone { epoch })
}

/// Emits `ShardsReceived`.
public(package) fun emit_shards_received(epoch: u32, shards: vector<u16>) {
    event::emit(ShardsReceived { epoch, shards })
}

/// Emits `EpochParametersSelected`.
public(package) fun emit_epoch_parameters_selected(next_epoch: u32) {
    event::emit(EpochParametersSelected { next_epoch })
}

/// Emits `ContractUpgraded`.
public(package) fun emit_contract_upgraded(epoch: u32, package_id: ID, version: u64) {
    event::emit(ContractUpgraded { epoch, package_id, version })
}

/// Emits `RegisterDenyListUpdate`.
public(package) fun emit_register_deny_list_update(
    epoch: u32,
    root: u256,
    sequence_number: u64,
    node_id: ID,
) {
    event::emit(RegisterDenyListUpdate { epoch, root, sequence_number, node_id })
}

/// Emits `DenyListUpdate`.
public(package) fun emit_deny_list_update(
    epoch: u32,
    root: u256,
    sequence_number: u64,
    node_id: ID,
) {
    event::emit(DenyListUpdate { epoch, root, sequence_number, node_id })
}

/// Emits `DenyListBlobDeleted`.
public(package) fun emit_deny_list_blob_deleted(epoch: u32, blob_id: u256) {
    event::emit(DenyListBlobDeleted { epoch, blob_id })
}

/// Emits `ContractUpgradeProposed`.
public(package) fun emit_contract_upgrade_proposed(epoch: u32, package_digest: vector<u8>) {
    event::emit(ContractUpgradeProposed { epoch, package_digest })
}

/// Emits `ContractUpgradeQuorumReached`.
public(package) fun emit_contract_upgrade_quorum_reached(epoch: u32, package_digest: vector<u8>) {
    event::emit(ContractUpgradeQuorumReached { epoch, package_digest })
}

/// Emits `ProtocolVersionUpdated`.
public(package) fun emit_protocol_version_updated(
    epoch: u32,
    start_epoch: u32,
    protocol_version: u64,
) {
    event::emit(ProtocolVersionUpdated { epoch, start_epoch, protocol_version })
}

/// Emits `PricesUpdated`.
public(package) fun emit_prices_updated(epoch: u32, storage_price: u64, write_price: u64) {
    event::emit(PricesUpdated { epoch, storage_price, write_price })
}

/// Emits `StoragePoolCreated`.
public(package) fun emit_storage_pool_created(
    epoch: u32,
    storage_pool_id: ID,
    reserved_encoded_capacity_bytes: u64,
    start_epoch: u32,
    end_epoch: u32,
) {
    event::emit(StoragePoolCreated {
        epoch,
        storage_pool_id,
        reserved_encoded_capacity_bytes,
        start_epoch,
        end_epoch,
    })
}

/// Emits `PooledBlobRegistered`.
public(package) fun emit_pooled_blob_registered(
    epoch: u32,
    blob_id: u256,
    unencoded_size: u64,
    encoding_type: u8,
    deletable: bool,
    object_id: ID,
    storage_pool_id: ID,
) {
    event::emit(PooledBlobRegistered {
        epoch,
        blob_id,
        unencoded_size,
        encoding_type,
        deletable,
        object_id,
        storage_pool_id,
    })
}

/// Emits `PooledBlobCertified`.
public(package) fun emit_pooled_blob_certified(
    epoch: u32,
    blob_id: u256,
    deletable: bool,
    object_id: ID,
    storage_pool_id: ID,
) {
    event::emit(PooledBlobCertified { epoch, blob_id, deletable, object_id, storage_pool_id })
}

/// Emits `PooledBlobDeleted`.
public(package) fun emit_pooled_blob_deleted(
    epoch: u32,
    blob_id: u256,
    object_id: ID,
    was_certified: bool,
    storage_pool_id: ID,
) {
    event::emit(PooledBlobDeleted { epoch, blob_id, object_id, was_certified, storage_pool_id })
}

/// Emits `StoragePoolExtended`.
public(package) fun emit_storage_pool_extended(
    epoch: u32,
    storage_pool_id: ID,
    new_end_epoch: u32,
) {
    event::emit(StoragePoolExtended { epoch, storage_pool_id, new_end_epoch })
}
