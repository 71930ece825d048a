/// Storage nodes, what the chain knows about one: its addresses and keys (`StorageNodeInfo`, inside the node's pool) and the
/// operator's capability (`StorageNodeCap`).
///
/// Life cycle: `staking::register_candidate` creates both. The info lives as long as the pool; the capability is an
/// ordinary object that its holder may transfer.
///
/// Invariants
/// 1. The node ID is the object ID of the node's staking pool, in the info and in the capability.
/// 2. `public_key` is a valid, uncompressed G1 point; a new key waits in `next_epoch_public_key` until the pool enters the
///    epoch for which it was collected.
/// 3. `network_public_key` has 33 bytes.
/// 4. There is exactly one capability per pool, so its counters are the node's counters.
///
/// Specification: contracts, sections 4.5 and 7.10.
module walrus::storage_node;

use std::string::String;
use sui::bls12381::{Self, UncompressedG1};
use sui::group_ops::Element;
use walrus::event_blob::EventBlobAttestation;
use walrus::extended_field::{Self, ExtendedField};
use walrus::node_metadata::NodeMetadata;

// === Errors ===

/// The network public key does not have 33 bytes.
const EInvalidNetworkPublicKey: u64 = 0;

// === Constants ===

/// Length of a compressed secp256r1 public key in bytes.
const NETWORK_PUBLIC_KEY_LENGTH: u64 = 33;

// === Structs ===

/// Addresses and keys of a storage node.
public struct StorageNodeInfo has store {
    name: String,
    node_id: ID,
    /// `host:port`, without a scheme.
    network_address: String,
    public_key: Element<UncompressedG1>,
    /// Key to be used from the next epoch on, if it changes.
    next_epoch_public_key: Option<Element<UncompressedG1>>,
    network_public_key: vector<u8>,
    metadata: ExtendedField<NodeMetadata>,
}

/// The operator's right to act for a node, with the node's counters.
public struct StorageNodeCap has key, store {
    id: UID,
    node_id: ID,
    last_epoch_sync_done: u32,
    last_event_blob_attestation: Option<EventBlobAttestation>,
    deny_list_root: u256,
    deny_list_sequence: u64,
    deny_list_size: u64,
}

// === Constructors ===

/// Creates the info of a node. `public_key` is a compressed G1 point of 48 bytes; aborts `EInvalidNetworkPublicKey` (0) or
/// in the framework when it is not a point.
public(package) fun new(
    name: String,
    node_id: ID,
    network_address: String,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    metadata: NodeMetadata,
    ctx: &mut TxContext,
): StorageNodeInfo {
    assert!(network_public_key.length() == NETWORK_PUBLIC_KEY_LENGTH, EInvalidNetworkPublicKey);
    StorageNodeInfo {
        name,
        node_id,
        network_address,
        public_key: uncompressed(&public_key),
        next_epoch_public_key: option::none(),
        network_public_key,
        metadata: extended_field::new(metadata, ctx),
    }
}

/// Creates the capability of a node, all counters zero.
public(package) fun new_cap(node_id: ID, ctx: &mut TxContext): StorageNodeCap {
    StorageNodeCap {
        id: object::new(ctx),
        node_id,
        last_epoch_sync_done: 0,
        last_event_blob_attestation: option::none(),
        deny_list_root: 0,
        deny_list_sequence: 0,
        deny_list_size: 0,
    }
}

// === Public Functions ===

/// Returns the node ID. Never aborts.
public fun id(cap: &StorageNodeInfo): ID {
    cap.node_id
}

/// Returns the ID of the node the capability is for. Never aborts.
public fun node_id(cap: &StorageNodeCap): ID {
    cap.node_id
}

/// Returns the last epoch whose shard sync the node reported as done. Never aborts.
public fun last_epoch_sync_done(cap: &StorageNodeCap): u32 {
    cap.last_epoch_sync_done
}

/// Returns the node's last event blob attestation, if there is one. Never aborts.
public fun last_event_blob_attestation(cap: &mut StorageNodeCap): Option<EventBlobAttestation> {
    cap.last_event_blob_attestation
}

/// Returns the root of the node's certified deny list. Never aborts.
public fun deny_list_root(cap: &StorageNodeCap): u256 {
    cap.deny_list_root
}

/// Returns the sequence number of the node's certified deny list. Never aborts.
public fun deny_list_sequence(cap: &StorageNodeCap): u64 {
    cap.deny_list_sequence
}

// === Package Functions: capability ===

/// Records that the node reported the shard sync of `epoch` as done.
public(package) fun set_last_epoch_sync_done(self: &mut StorageNodeCap, epoch: u32) {
    self.last_epoch_sync_done = epoch;
}

/// Records the node's last event blob attestation.
public(package) fun set_last_event_blob_attestation(
    self: &mut StorageNodeCap,
    attestation: EventBlobAttestation,
) {
    self.last_event_blob_attestation = option::some(attestation);
}

/// Records the node's certified deny list.
public(package) fun set_deny_list_properties(
    self: &mut StorageNodeCap,
    root: u256,
    sequence: u64,
    size: u64,
) {
    self.deny_list_root = root;
    self.deny_list_sequence = sequence;
    self.deny_list_size = size;
}

// === Package Functions: info ===

/// The key the node will sign with in the next epoch.
public(package) fun next_epoch_public_key(self: &StorageNodeInfo): &Element<UncompressedG1> {
    self.next_epoch_public_key.borrow_with_default(&self.public_key)
}

/// The node's descriptive data.
public(package) fun metadata(self: &StorageNodeInfo): NodeMetadata {
    *self.metadata.borrow()
}

/// Replaces the name.
public(package) fun set_name(self: &mut StorageNodeInfo, name: String) {
    self.name = name;
}

/// Replaces the network address, effective immediately.
public(package) fun set_network_address(self: &mut StorageNodeInfo, network_address: String) {
    self.network_address = network_address;
}

/// Replaces the network public key, effective immediately. Aborts `EInvalidNetworkPublicKey` (0).
public(package) fun set_network_public_key(
    self: &mut StorageNodeInfo,
    network_public_key: vector<u8>,
) {
    assert!(network_public_key.length() == NETWORK_PUBLIC_KEY_LENGTH, EInvalidNetworkPublicKey);
    self.network_public_key = network_public_key;
}

/// Sets the key for the next epoch from a compressed G1 point.
public(package) fun set_next_public_key(self: &mut StorageNodeInfo, public_key: vector<u8>) {
    self.next_epoch_public_key = option::some(uncompressed(&public_key));
}

/// Makes the waiting key, if there is one, the current one.
public(package) fun rotate_public_key(self: &mut StorageNodeInfo) {
    if (self.next_epoch_public_key.is_some()) {
        self.public_key = self.next_epoch_public_key.extract();
    }
}

/// Makes the key collected for this epoch the current one again; the one that has just become current was announced too late and
/// waits for the next vote.
public(package) fun restore_public_key(
    self: &mut StorageNodeInfo,
    collected: Element<UncompressedG1>,
) {
    self.next_epoch_public_key = option::some(self.public_key);
    self.public_key = collected;
}

/// Replaces the descriptive data.
public(package) fun set_node_metadata(self: &mut StorageNodeInfo, metadata: NodeMetadata) {
    self.metadata.swap(metadata);
}

// === Private Functions ===

/// Decompresses a G1 point; aborts in the framework when the bytes are not one.
fun uncompressed(public_key: &vector<u8>): Element<UncompressedG1> {
    bls12381::g1_to_uncompressed_g1(&bls12381::g1_from_bytes(public_key))
}

// === Test-Only Functions ===

/// Whether a new key waits for the next epoch.
#[test_only]
public fun is_key_waiting(self: &StorageNodeInfo): bool {
    self.next_epoch_public_key.is_some()
}

/// Deletes the capability.
#[test_only]
public fun destroy_cap_for_testing(self: StorageNodeCap) {
    let StorageNodeCap { id, .. } = self;
    id.delete();
}

/// Size in bytes of the node's certified deny list.
#[test_only]
public fun deny_list_size(self: &StorageNodeCap): u64 {
    self.deny_list_size
}

/// The key the node signs with in the current epoch.
#[test_only]
public fun public_key(self: &StorageNodeInfo): &Element<UncompressedG1> {
    &self.public_key
}

/// The node's name.
#[test_only]
public fun name(self: &StorageNodeInfo): String {
    self.name
}

/// The node's network address.
#[test_only]
public fun network_address(self: &StorageNodeInfo): String {
    self.network_address
}
