//! Records of the tables. Node spec 3.3 and 3.7; the bytes are this implementation's own (BCS).
//!
//! They are part of the format of the tables: another field is another format, with a migration.

use serde::{Deserialize, Serialize};
use walrus_core::{BlobId, Epoch};
pub use walrus_service::follow::Cursor;
use walrus_sui::Address;

use super::{
    disks::identity::Identity, event_name::EventName, segments::record::record_bytes,
    tables::DiskNumber,
};

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

/// The transfer of a gained shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferRecord {
    /// From when on the shard is the node's.
    pub epoch: Epoch,
    /// When the transfer was begun, in milliseconds since 1970.
    pub begun_ms: u64,
}

/// Where a sliver lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The number of the segment.
    pub(super) segment: u32,
    /// Where the record begins, in bytes.
    pub(super) offset: u64,
    /// Bytes of the sliver.
    pub(super) length: u32,
}

impl Place {
    /// Where the record ends, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(record_bytes(self.length))
    }
}

/// Where a sliver lay in the first format of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FirstPlace {
    /// The number of the segment.
    pub(super) segment: u32,
    /// Where the record begins, in bytes.
    pub(super) offset: u64,
}

/// What may be done with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum SegmentState {
    /// It may be appended to.
    Open,
    /// It is full.
    Sealed,
    /// Damage was found in it; what is intact moves to others.
    Quarantined,
    /// It was found without being known, and is being read from the front.
    Found,
}

/// A segment file. Its counters are written with what they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SegmentRecord {
    /// The disk on which it is.
    pub(super) disk: DiskNumber,
    /// Its expiry class.
    pub(super) class: Epoch,
    /// The secret in its headers; `None` in the first format of segments.
    pub(super) salt: Option<[u8; 8]>,
    /// Bytes that were written.
    pub(super) end: u64,
    /// Bytes of the records that count.
    pub(super) live_bytes: u64,
    /// Records that count.
    pub(super) live_records: u64,
    /// What may be done with it.
    pub(super) state: SegmentState,
}

/// A disk of the storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DiskRecord {
    /// What the disk itself says.
    pub(super) identity: Identity,
    /// The directory in which it was last.
    pub(super) path: String,
    /// Whether what is on it moves to the other disks.
    pub(super) draining: bool,
}

/// Why something of a blob is to be recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SyncReason {
    /// The blob was certified.
    Certified,
    /// A shard that the node gained is to be filled.
    FillShards,
    /// It was here, and was found to be damaged or gone.
    Lost,
    /// The operator had the node look for it.
    Ordered,
    /// Nobody has enough of the blob: it is tried again, and holds up no shard.
    Unrecoverable,
}

impl SyncReason {
    /// The word for people, metrics and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::FillShards => "fill-shards",
            Self::Lost => "lost",
            Self::Ordered => "ordered",
            Self::Unrecoverable => "unrecoverable",
        }
    }
}

/// How far the elements of events are recorded for event blobs. Node spec 5.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecording {
    /// The blob that is being recorded.
    pub blob: OpenEventBlob,
    /// Element index of the next element.
    pub next_index: u64,
    /// Elements so far of the checkpoint; `None` where the recording begins with the next checkpoint.
    pub counter: Option<u64>,
    /// The epoch of the events.
    pub epoch: Epoch,
    /// Whether the blob begins where the one of other nodes does. Otherwise it begins with whatever this node saw first, and is
    /// never finished.
    pub aligned: bool,
}

/// An event blob that is being recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenEventBlob {
    /// Index of its first element.
    pub first_index: u64,
    /// Its first checkpoint.
    pub first_checkpoint: u64,
    /// The epoch of the events when it was begun.
    pub epoch: Epoch,
    /// Bytes so far, with the header.
    pub bytes: u64,
}

/// An event blob that is complete, and not certified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventBlobCut {
    /// Index of its first element.
    pub first_index: u64,
    /// Index of the first element behind it.
    pub end_index: u64,
    /// Its first checkpoint.
    pub first_checkpoint: u64,
    /// Its last checkpoint.
    pub last_checkpoint: u64,
    /// The epoch of the events when it was begun.
    pub epoch: Epoch,
}

/// A certified event blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertifiedEventBlob {
    /// The blob.
    pub blob_id: BlobId,
    /// Its last checkpoint.
    pub last_checkpoint: u64,
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
    /// Behind the chain, and without the beginning of its events.
    RecoveryCatchUpWithIncompleteHistory {
        /// From the beginning of this epoch on, every event is known that says something about a blob that is still stored.
        first_complete_epoch: Epoch,
        /// The epoch of the network when the node began.
        epoch_at_start: Epoch,
    },
}

impl NodeStatus {
    /// Whether the node is behind the chain, so that events change tables and nothing else.
    pub fn is_catching_up(&self) -> bool {
        matches!(
            self,
            Self::RecoveryCatchUp | Self::RecoveryCatchUpWithIncompleteHistory { .. }
        )
    }
}

impl std::fmt::Display for NodeStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Standby => f.write_str("Standby"),
            Self::Active => f.write_str("Active"),
            Self::RecoverMetadata => f.write_str("RecoverMetadata"),
            Self::RecoveryCatchUp => f.write_str("RecoveryCatchUp"),
            Self::RecoveryInProgress(epoch) => write!(f, "RecoveryInProgress ({epoch})"),
            Self::RecoveryCatchUpWithIncompleteHistory { .. } => {
                f.write_str("RecoveryCatchUpWithIncompleteHistory")
            }
        }
    }
}
