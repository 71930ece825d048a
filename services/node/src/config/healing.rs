//! Healing configuration, how what is missing comes to the node: recovery, the uploads it waits for, and shard sync.

use serde::{Deserialize, Serialize};

/// Tuning of recovery. Node spec 5.1 to 5.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlobRecoveryConfig {
    /// Blobs recovered at once.
    pub max_concurrent_blob_syncs: usize,
    /// Slivers of one blob recovered at once.
    pub max_concurrent_sliver_syncs: usize,
    /// First pause after a round without success.
    pub retry_interval_min_secs: u64,
    /// Longest such pause.
    pub retry_interval_max_secs: u64,
    /// Patience with one metadata request.
    pub metadata_request_timeout_secs: u64,
    /// Patience with one symbol request.
    pub sliver_request_timeout_secs: u64,
    /// Patience with one request to attest an inconsistency.
    pub invalidity_sync_timeout_secs: u64,
    /// Patience with connecting to a peer.
    pub node_connect_timeout_secs: u64,
    /// For how long a blob of which all nodes together have too little holds up the report that the shards of an epoch are
    /// complete. It is tried again in any case.
    pub unrecoverable_patience_secs: u64,
}

impl Default for BlobRecoveryConfig {
    fn default() -> Self {
        Self {
            max_concurrent_blob_syncs: 10,
            max_concurrent_sliver_syncs: 4,
            retry_interval_min_secs: 1,
            retry_interval_max_secs: 3600,
            metadata_request_timeout_secs: 5,
            sliver_request_timeout_secs: 45,
            invalidity_sync_timeout_secs: 300,
            node_connect_timeout_secs: 1,
            unrecoverable_patience_secs: 60,
        }
    }
}

/// Tuning of shard sync. Node spec 1.14 and 5.11.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardSyncConfig {
    /// Slivers asked for at once.
    pub sliver_count_per_sync_request: u64,
    /// Most slivers sent at once; null: as many as fit an answer.
    pub max_sliver_count_per_sync_request: Option<u64>,
    /// Shards received at once.
    pub shard_sync_concurrency: usize,
    /// Metadata fetched at once for one shard.
    pub max_concurrent_metadata_fetch: usize,
    /// First pause after a source did not answer as asked.
    pub shard_sync_retry_min_backoff_secs: u64,
    /// Longest such pause.
    pub shard_sync_retry_max_backoff_secs: u64,
    /// For how long a source may send nothing, or less than the least rate, before its shard is recovered from the other nodes.
    pub shard_sync_retry_switch_to_recovery_interval_secs: u64,
    /// The least rate: bytes a second of slivers of one shard, while it is waited for.
    pub shard_sync_min_bytes_per_sec: u64,
    /// How long the transfer of one shard may take, whatever its source sends, before the rest is recovered from the other nodes.
    pub shard_sync_deadline_secs: u64,
}

impl Default for ShardSyncConfig {
    fn default() -> Self {
        Self {
            sliver_count_per_sync_request: 1000,
            max_sliver_count_per_sync_request: Some(100_000),
            shard_sync_concurrency: 10,
            max_concurrent_metadata_fetch: 100,
            shard_sync_retry_min_backoff_secs: 1,
            shard_sync_retry_max_backoff_secs: 60,
            shard_sync_retry_switch_to_recovery_interval_secs: 120,
            shard_sync_min_bytes_per_sec: 64 << 10,
            shard_sync_deadline_secs: 12 * 3600,
        }
    }
}

/// How long recovery waits for uploads that are still running. Node spec 4.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveUploadDeferralConfig {
    /// Whether it waits at all.
    pub enabled: bool,
    /// Waiting time by blob size, ascending.
    pub buckets: Vec<DeferralBucket>,
    /// Longest waiting time; also that of blobs of unknown size.
    pub max_total_defer_secs: u64,
    /// Events further behind the chain than this are not deferred.
    pub max_checkpoint_lag: u64,
}

/// Waiting time of blobs up to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferralBucket {
    /// Largest unencoded size.
    pub max_unencoded_bytes: u64,
    /// Waiting time.
    pub defer_secs: u64,
}

impl Default for LiveUploadDeferralConfig {
    fn default() -> Self {
        let bucket = |max_unencoded_bytes, defer_secs| DeferralBucket {
            max_unencoded_bytes,
            defer_secs,
        };
        Self {
            enabled: true,
            buckets: vec![bucket(100 << 20, 15), bucket(4 << 30, 30)],
            max_total_defer_secs: 120,
            max_checkpoint_lag: 1500,
        }
    }
}
