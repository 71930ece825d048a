//! Tuning of the client's communication (client spec 5.3). Durations carry their unit in their name.

use serde::{Deserialize, Serialize};

/// What happens to uploads that are still running when a quorum is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TailHandling {
    /// Wait for them within the extra time.
    #[default]
    Blocking,
    /// Let them go on in the background.
    Detached,
}

/// Preset of upload concurrency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadMode {
    /// Little load.
    Conservative,
    /// The default.
    #[default]
    Balanced,
    /// Most throughput.
    Aggressive,
}

/// Communication with nodes and chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CommunicationConfig {
    /// Concurrent writes; `None` is the number of nodes or the preset.
    pub max_concurrent_writes: Option<usize>,
    /// Concurrent sliver reads; `None` is n - 2f.
    pub max_concurrent_sliver_reads: Option<usize>,
    /// Concurrent metadata reads.
    pub max_concurrent_metadata_reads: usize,
    /// Concurrent status reads; `None` is the number of nodes.
    pub max_concurrent_status_reads: Option<usize>,
    /// Bytes in flight; `None` is the default.
    pub max_data_in_flight: Option<usize>,
    /// HTTP connections.
    pub reqwest_config: HttpConfig,
    /// Connections and repetitions per node.
    pub request_rate_config: RequestRateConfig,
    /// Ignore the proxy of the environment.
    pub disable_proxy: bool,
    /// Ignore the certificates of the system.
    pub disable_native_certs: bool,
    /// Time for further slivers after a quorum.
    pub sliver_write_extra_time: ExtraTime,
    /// Slivers from this size on are checked before they are sent, in bytes.
    pub sliver_status_check_threshold: u64,
    /// Uploads that are still running at the quorum.
    pub tail_handling: TailHandling,
    /// Adapting the bytes in flight.
    pub data_in_flight_auto_tune: AutoTuneConfig,
    /// Preset of concurrency.
    pub upload_mode: Option<UploadMode>,
    /// Send slivers before the registration is final.
    pub pending_uploads_enabled: bool,
    /// Wait before pending uploads.
    pub pending_upload_grace_millis: u64,
    /// How long a node may hold a confirmation request.
    pub confirmation_long_poll_millis: u64,
    /// Largest blob uploaded before its registration is final.
    pub optimistic_upload_max_blob_bytes: u64,
    /// Wait for nodes to see a registration.
    pub registration_delay_millis: u64,
    /// Most bytes of one store of several blobs.
    pub max_total_blob_size: u64,
    /// Repetition after a committee change.
    pub committee_change_backoff: BackoffConfig,
    /// Deadline of chain requests.
    pub sui_client_request_timeout_millis: Option<u64>,
    /// Deadline of waiting for a checkpoint.
    pub checkpoint_wait_timeout_millis: u64,
}

impl Default for CommunicationConfig {
    fn default() -> Self {
        Self {
            max_concurrent_writes: None,
            max_concurrent_sliver_reads: None,
            max_concurrent_metadata_reads: 3,
            max_concurrent_status_reads: None,
            max_data_in_flight: Some(12_500_000),
            reqwest_config: HttpConfig::default(),
            request_rate_config: RequestRateConfig::default(),
            disable_proxy: false,
            disable_native_certs: false,
            sliver_write_extra_time: ExtraTime::default(),
            sliver_status_check_threshold: 5560,
            tail_handling: TailHandling::Blocking,
            data_in_flight_auto_tune: AutoTuneConfig::default(),
            upload_mode: Some(UploadMode::Balanced),
            pending_uploads_enabled: false,
            pending_upload_grace_millis: 0,
            confirmation_long_poll_millis: 0,
            optimistic_upload_max_blob_bytes: 4_194_304,
            registration_delay_millis: 200,
            max_total_blob_size: 1_073_741_824,
            committee_change_backoff: BackoffConfig {
                min_backoff_millis: 1000,
                max_backoff_millis: 5000,
                max_retries: Some(5),
            },
            sui_client_request_timeout_millis: None,
            checkpoint_wait_timeout_millis: 30_000,
        }
    }
}
/// HTTP connections to nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpConfig {
    /// Deadline of a request.
    pub total_timeout_millis: u64,
    /// When idle connections are closed.
    pub pool_idle_timeout_millis: Option<u64>,
    /// Wait for a ping answer.
    pub http2_keep_alive_timeout_millis: u64,
    /// Time between pings.
    pub http2_keep_alive_interval_millis: Option<u64>,
    /// Ping idle connections.
    pub http2_keep_alive_while_idle: bool,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            total_timeout_millis: 300_000,
            pool_idle_timeout_millis: None,
            http2_keep_alive_timeout_millis: 5000,
            http2_keep_alive_interval_millis: Some(30_000),
            http2_keep_alive_while_idle: true,
        }
    }
}
/// Requests per node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RequestRateConfig {
    /// Concurrent requests to a node.
    pub max_node_connections: usize,
    /// Repetition of failed requests.
    pub backoff_config: BackoffConfig,
}

impl Default for RequestRateConfig {
    fn default() -> Self {
        Self {
            max_node_connections: 10,
            backoff_config: BackoffConfig::default(),
        }
    }
}
/// Exponential back-off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackoffConfig {
    /// First pause.
    pub min_backoff_millis: u64,
    /// Longest pause.
    pub max_backoff_millis: u64,
    /// Repetitions; `None` is no limit.
    pub max_retries: Option<u32>,
}

impl Default for BackoffConfig {
    fn default() -> Self {
        Self {
            min_backoff_millis: 1000,
            max_backoff_millis: 30_000,
            max_retries: Some(5),
        }
    }
}
/// Time after a quorum: factor x time so far + base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtraTime {
    /// Factor.
    pub factor: f64,
    /// Base.
    pub base_millis: u64,
}

impl Default for ExtraTime {
    fn default() -> Self {
        Self {
            factor: 0.5,
            base_millis: 500,
        }
    }
}
/// Adapting the bytes in flight.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AutoTuneConfig {
    /// Whether it is on.
    pub enabled: bool,
    /// Samples per window.
    pub window_sample_target: usize,
    /// Longest window.
    pub window_timeout_millis: u64,
    /// Growth while it helps.
    pub increase_factor: f64,
    /// Growth that settles it.
    pub lock_factor: f64,
    /// Least permits.
    pub min_permits: usize,
    /// Most permits.
    pub max_permits: usize,
    /// Weight of secondary slivers.
    pub secondary_weight: f64,
    /// Smallest blob it is used for.
    pub min_blob_size_bytes: u64,
}

impl Default for AutoTuneConfig {
    fn default() -> Self {
        Self {
            enabled: false,
            window_sample_target: 20,
            window_timeout_millis: 10_000,
            increase_factor: 2.0,
            lock_factor: 1.5,
            min_permits: 50,
            max_permits: 2000,
            secondary_weight: 0.5,
            min_blob_size_bytes: 52_428_800,
        }
    }
}
/// Refreshing the committee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefreshConfig {
    /// Least time between forced refreshes.
    pub refresh_grace_period_secs: u64,
    /// Longest time between refreshes.
    pub max_auto_refresh_interval_secs: u64,
    /// Shortest time between refreshes.
    pub min_auto_refresh_interval_secs: u64,
    /// Near the epoch change refreshes are frequent.
    pub epoch_change_distance_threshold_secs: u64,
    /// Requests that wait.
    pub refresher_channel_size: usize,
}

impl Default for RefreshConfig {
    fn default() -> Self {
        Self {
            refresh_grace_period_secs: 10,
            max_auto_refresh_interval_secs: 30,
            min_auto_refresh_interval_secs: 5,
            epoch_change_distance_threshold_secs: 300,
            refresher_channel_size: 100,
        }
    }
}
/// Reads of single slivers, for quilts and byte ranges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SliverReadConfig {
    /// Tries.
    pub max_retrieve_slivers_attempts: usize,
    /// Deadline.
    pub timeout_secs: u64,
    /// Slivers recovered from others at most.
    pub max_unavailable_slivers_to_recover: usize,
}

impl Default for SliverReadConfig {
    fn default() -> Self {
        Self {
            max_retrieve_slivers_attempts: 2,
            timeout_secs: 10,
            max_unavailable_slivers_to_recover: 100,
        }
    }
}
/// Streaming reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StreamingConfig {
    /// Tries per sliver.
    pub max_sliver_retry_attempts: usize,
    /// Deadline per sliver.
    pub sliver_timeout_secs: u64,
    /// Slivers fetched ahead.
    pub prefetch_count: usize,
    /// Slivers recovered from others at most.
    pub max_unavailable_slivers_to_recover: usize,
}

impl Default for StreamingConfig {
    fn default() -> Self {
        Self {
            max_sliver_retry_attempts: 5,
            sliver_timeout_secs: 30,
            prefetch_count: 4,
            max_unavailable_slivers_to_recover: 100,
        }
    }
}
