//! Event types: the contract's events, one struct each (contracts spec section 5).

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;
use walrus_core::{BlobId, ShardIndex};

/// A `u256` as its 32 little-endian bytes.
pub type U256 = [u8; 32];

/// A blob object was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRegistered {
    /// Epoch of registration.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// Unencoded bytes.
    pub size: u64,
    /// The encoding type's byte.
    pub encoding_type: u8,
    /// First epoch in which it is not stored.
    pub end_epoch: u32,
    /// Whether the owner may delete it.
    pub deletable: bool,
    /// The blob object.
    pub object_id: Address,
}

/// A blob was certified or its lifetime extended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobCertified {
    /// Epoch of the first certification.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// First epoch in which it is not stored.
    pub end_epoch: u32,
    /// Whether the owner may delete it.
    pub deletable: bool,
    /// The blob object.
    pub object_id: Address,
    /// Whether this is an extension.
    pub is_extension: bool,
}

/// A deletable blob was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobDeleted {
    /// Epoch of the deletion.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// Where its storage would have ended.
    pub end_epoch: u32,
    /// The blob object.
    pub object_id: Address,
    /// Whether it had been certified.
    pub was_certified: bool,
}

/// A blob was proven inconsistent (`InvalidBlobID` on chain).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidBlobId {
    /// Epoch of the proof.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
}

/// An epoch began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochChangeStart {
    /// The new epoch.
    pub epoch: u32,
}

/// A quorum of shards is synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochChangeDone {
    /// The epoch.
    pub epoch: u32,
}

/// A node reported its shards as synced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardsReceived {
    /// The epoch.
    pub epoch: u32,
    /// The shards.
    pub shards: Vec<ShardIndex>,
}

/// The next committee and its parameters are selected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochParametersSelected {
    /// The epoch they are for.
    pub next_epoch: u32,
}

/// Reserved, never emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardRecoveryStart {
    /// The epoch.
    pub epoch: u32,
    /// The shards.
    pub shards: Vec<ShardIndex>,
}

/// A migration to a new package finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractUpgraded {
    /// The epoch.
    pub epoch: u32,
    /// The package to call from now on.
    pub package_id: Address,
    /// The object version.
    pub version: u64,
}

/// A node announced a new deny list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDenyListUpdate {
    /// The epoch.
    pub epoch: u32,
    /// Root of the list.
    pub root: U256,
    /// Sequence number of the list.
    pub sequence_number: u64,
    /// The node.
    pub node_id: Address,
}

/// A deny list was certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListUpdate {
    /// The epoch.
    pub epoch: u32,
    /// Root of the list.
    pub root: U256,
    /// Sequence number of the list.
    pub sequence_number: u64,
    /// The node.
    pub node_id: Address,
}

/// A deny-listed blob was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DenyListBlobDeleted {
    /// The epoch.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
}

/// A package upgrade was proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractUpgradeProposed {
    /// The epoch.
    pub epoch: u32,
    /// Digest of the package.
    pub package_digest: Vec<u8>,
}

/// A proposed package has a quorum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractUpgradeQuorumReached {
    /// The epoch.
    pub epoch: u32,
    /// Digest of the package.
    pub package_digest: Vec<u8>,
}

/// Nodes switch to a protocol version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolVersionUpdated {
    /// The epoch.
    pub epoch: u32,
    /// When the version starts.
    pub start_epoch: u32,
    /// The version.
    pub protocol_version: u64,
}

/// Prices were recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricesUpdated {
    /// The epoch.
    pub epoch: u32,
    /// FROST per MiB and epoch.
    pub storage_price: u64,
    /// FROST per MiB.
    pub write_price: u64,
}

/// A storage pool was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePoolCreated {
    /// The epoch.
    pub epoch: u32,
    /// The pool.
    pub storage_pool_id: Address,
    /// Encoded bytes reserved.
    pub reserved_encoded_capacity_bytes: u64,
    /// First epoch.
    pub start_epoch: u32,
    /// First epoch after its lifetime.
    pub end_epoch: u32,
}

/// A blob was registered in a storage pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledBlobRegistered {
    /// The epoch.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// Unencoded bytes.
    pub unencoded_size: u64,
    /// The encoding type's byte.
    pub encoding_type: u8,
    /// Whether it may be deleted.
    pub deletable: bool,
    /// The pooled blob object.
    pub object_id: Address,
    /// The pool.
    pub storage_pool_id: Address,
}

/// A pooled blob was certified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledBlobCertified {
    /// The epoch.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// Whether it may be deleted.
    pub deletable: bool,
    /// The pooled blob object.
    pub object_id: Address,
    /// The pool.
    pub storage_pool_id: Address,
}

/// A pooled blob was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledBlobDeleted {
    /// The epoch.
    pub epoch: u32,
    /// The blob.
    pub blob_id: BlobId,
    /// The pooled blob object.
    pub object_id: Address,
    /// Whether it had been certified.
    pub was_certified: bool,
    /// The pool.
    pub storage_pool_id: Address,
}

/// The lifetime of a pool was extended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoragePoolExtended {
    /// The epoch.
    pub epoch: u32,
    /// The pool.
    pub storage_pool_id: Address,
    /// First epoch after its lifetime.
    pub new_end_epoch: u32,
}
