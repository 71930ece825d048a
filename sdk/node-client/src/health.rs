//! Health document of a node. Node spec 1.16.

use serde::{Deserialize, Serialize};
use walrus_core::Epoch;

/// How long a node has been up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uptime {
    /// Whole seconds.
    pub secs: u64,
    /// The rest, in nanoseconds.
    pub nanos: u32,
}

impl From<std::time::Duration> for Uptime {
    fn from(duration: std::time::Duration) -> Self {
        Self {
            secs: duration.as_secs(),
            nanos: duration.subsec_nanos(),
        }
    }
}

/// The health document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HealthInfo {
    /// Since the node started.
    pub uptime: Uptime,
    /// The committee epoch known to the node.
    pub epoch: Epoch,
    /// The BLS public key, standard base64.
    pub public_key: String,
    /// The node's status, as shown to operators.
    pub node_status: String,
    /// How far event processing has come.
    pub event_progress: EventProgress,
    /// Numbers of shards.
    pub shard_summary: ShardSummary,
    /// Each shard; only when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard_detail: Option<ShardDetail>,
    /// The latest checkpoint the node has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_checkpoint_sequence_number: Option<u64>,
    /// What the node offers beyond the API that all have; only of nodes that do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<String>,
    /// The background jobs; only of nodes that tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub workers: Vec<WorkerHealth>,
    /// What the node knows to be wrong with itself, in sentences; only of nodes that tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// A background job of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerHealth {
    /// Its name.
    pub name: String,
    /// `working`, `waiting`, `retrying`, `paused`, `done`, `stopped` or `failed`; the node stops when a job has failed.
    pub state: String,
    /// Units of work that are done; which units depends on the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Units of work that are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<u64>,
    /// Failed tries since the node started.
    pub errors: u64,
    /// The last of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// How far event processing has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventProgress {
    /// Events below this index are complete.
    pub persisted: u64,
    /// Events being worked on.
    pub pending: u64,
    /// The highest index that is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub highest_finished_event_index: Option<u64>,
}

/// Numbers of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardSummary {
    /// Shards assigned to the node.
    pub owned: usize,
    /// Their status.
    pub owned_shard_status: OwnedShardStatus,
    /// Shards kept for their new owners.
    pub read_only: usize,
}

/// Owned shards by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnedShardStatus {
    /// No storage yet.
    pub unknown: usize,
    /// Complete.
    pub ready: usize,
    /// Being copied from the previous owner.
    pub in_transfer: usize,
    /// Being recovered from symbols.
    pub in_recovery: usize,
}

/// Each shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardDetail {
    /// Those assigned to the node, by index.
    pub owned: Vec<ShardHealth>,
    /// Those that are not, by index.
    pub other: Vec<ShardHealth>,
}

/// One shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardHealth {
    /// The shard index.
    pub shard: u16,
    /// Its status.
    pub status: ShardStatus,
}

/// The status of a shard on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ShardStatus {
    /// No storage.
    Unknown,
    /// Complete.
    Ready,
    /// Being copied from the previous owner.
    InTransfer,
    /// Being recovered from symbols.
    InRecovery,
    /// Kept for its new owner.
    ReadOnly,
}
