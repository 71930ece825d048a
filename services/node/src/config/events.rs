//! How the node catches up with the chain.

use serde::{Deserialize, Serialize};

/// How the node catches up with the chain. Node spec 2.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventProcessorConfig {
    /// A node that starts so many checkpoints behind the chain reads event blobs, though the chain has the events as well.
    pub event_stream_catchup_min_checkpoint_lag: u64,
}

impl Default for EventProcessorConfig {
    fn default() -> Self {
        Self {
            event_stream_catchup_min_checkpoint_lag: 20_000,
        }
    }
}
