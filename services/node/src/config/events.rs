//! How the node catches up with the chain.

use serde::{Deserialize, Serialize};

/// How the node catches up with the chain. Node spec 2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventProcessorConfig {
    /// A node that starts so many checkpoints behind the chain reads event blobs, though the chain has the events as well.
    pub event_stream_catchup_min_checkpoint_lag: u64,
    /// Whether a node that falls so far behind while it runs does, too.
    pub enable_runtime_catchup: bool,
    /// So far: checkpoints behind the chain.
    pub runtime_catchup_lag_threshold: u64,
    /// Seconds between two looks at how far behind it is.
    pub runtime_lag_check_interval_secs: u64,
}

impl Default for EventProcessorConfig {
    fn default() -> Self {
        Self {
            event_stream_catchup_min_checkpoint_lag: 20_000,
            enable_runtime_catchup: true,
            runtime_catchup_lag_threshold: 20_000,
            runtime_lag_check_interval_secs: 300,
        }
    }
}
