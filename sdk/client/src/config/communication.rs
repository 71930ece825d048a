//! Tuning of the client's communication: the keys of client spec 5.3 that have an effect. Durations carry their unit in their
//! name. What is absent or null is up to the client.

use serde::{Deserialize, Serialize};

/// Preset of upload concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadMode {
    /// Little load.
    Conservative,
    /// As without a preset.
    Balanced,
    /// Most throughput.
    Aggressive,
}

/// Communication with the storage nodes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommunicationConfig {
    /// Slivers on their way to nodes at the same time.
    pub max_concurrent_writes: Option<usize>,
    /// Slivers that a read asks for at the same time.
    pub max_concurrent_sliver_reads: Option<usize>,
    /// Nodes that are asked for metadata at the same time.
    pub max_concurrent_metadata_reads: Option<usize>,
    /// Bytes of slivers on their way to nodes at the same time.
    pub max_data_in_flight: Option<usize>,
    /// What the two limits of writes are where they are not given.
    pub upload_mode: Option<UploadMode>,
    /// HTTP connections.
    pub reqwest_config: HttpConfig,
    /// Requests per node.
    pub request_rate_config: RequestRateConfig,
    /// How long uploads go on that are not needed any more.
    pub sliver_write_extra_time: ExtraTime,
    /// Slivers of so many bytes are sent to a node that has the metadata only after asking whether it has them.
    pub sliver_status_check_threshold: Option<usize>,
    /// How long a node may wait for a registration before it refuses to confirm; 0 is not at all.
    pub confirmation_long_poll_millis: Option<u64>,
    /// Whether nodes may be at addresses of private networks; by the network when absent.
    pub allow_private_addresses: Option<bool>,
}

/// HTTP connections to nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpConfig {
    /// Longest time of a request.
    pub total_timeout_millis: Option<u64>,
    /// When an idle connection is closed.
    pub pool_idle_timeout_millis: Option<u64>,
    /// How long the answer to a ping may take.
    pub http2_keep_alive_timeout_millis: Option<u64>,
    /// Time between pings; none are sent when absent.
    pub http2_keep_alive_interval_millis: Option<u64>,
    /// Whether idle connections get pings, too.
    pub http2_keep_alive_while_idle: Option<bool>,
}

/// Requests per node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestRateConfig {
    /// Slivers on their way to one node at the same time.
    pub max_node_connections: Option<usize>,
}

/// Time after a quorum: base + factor x time so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtraTime {
    /// Factor.
    pub factor: Option<f64>,
    /// Base.
    pub base_millis: Option<u64>,
}
