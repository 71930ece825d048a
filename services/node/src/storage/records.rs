//! Records of the tables. Node spec 3.3 and 3.7; the bytes are this implementation's own (BCS).
//!
//! They are part of the format of the tables: another field is another format, with a migration.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch};
pub use walrus_service::follow::Cursor;
use walrus_sui::Address;

use super::event_name::EventName;

/// An object with a lifetime of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord {
    /// Its blob.
    pub blob_id: BlobId,
    /// When it was registered.
    pub registered_epoch: Epoch,
    /// When it was certified.
    pub certified_epoch: Option<Epoch>,
    /// First epoch in which it is not stored.
    pub end_epoch: Epoch,
    /// Whether its owner may delete it.
    pub deletable: bool,
    /// The last event about it.
    pub event: EventName,
}

/// An object in a storage pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PooledObjectRecord {
    /// Its blob.
    pub blob_id: BlobId,
    /// When it was registered.
    pub registered_epoch: Epoch,
    /// When it was certified.
    pub certified_epoch: Option<Epoch>,
    /// Its pool.
    pub pool_id: Address,
    /// The last event about it.
    pub event: EventName,
}

/// A storage pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRecord {
    /// First epoch.
    pub start_epoch: Epoch,
    /// First epoch after its lifetime.
    pub end_epoch: Epoch,
}

/// The status of a shard on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShardState {
    /// Complete.
    Active,
    /// Being filled by recovering slivers.
    Recovering,
    /// Belongs to another node now; still read from.
    Locked,
}

/// Why a blob waits for its missing slivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SyncReason {
    /// It was certified.
    Certified,
    /// A shard that the node gained is to be filled.
    FillShards,
}

/// The status of a node. Node spec 3.8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeStatus {
    /// Up to date, not in the committee.
    #[default]
    Standby,
    /// Up to date, in the committee.
    Active,
    /// Newly joined: filling its shards.
    RecoverMetadata,
    /// Behind the chain: replaying events.
    RecoveryCatchUp,
    /// Caught up: recovering what was certified before this epoch.
    RecoveryInProgress(Epoch),
}

impl std::fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standby => f.write_str("Standby"),
            Self::Active => f.write_str("Active"),
            Self::RecoverMetadata => f.write_str("RecoverMetadata"),
            Self::RecoveryCatchUp => f.write_str("RecoveryCatchUp"),
            Self::RecoveryInProgress(epoch) => write!(f, "RecoveryInProgress ({epoch})"),
        }
    }
}
