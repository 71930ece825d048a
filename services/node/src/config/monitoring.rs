//! Monitoring: metrics that are sent away, and the balance that is called low.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where metrics are sent to. Node spec 8.3.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsPushConfig {
    /// How often.
    #[serde(default = "default_push_interval")]
    pub push_interval_secs: u64,
    /// The collector. The URL may hold a secret, and is not in the `Debug` form.
    pub push_url: String,
    /// Further labels of all metrics.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
}

impl fmt::Debug for MetricsPushConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsPushConfig")
            .field("push_interval_secs", &self.push_interval_secs)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

fn default_push_interval() -> u64 {
    60
}

/// When the wallet that pays for gas is called low. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BalanceCheckConfig {
    /// Below so many MIST.
    pub warning_threshold_mist: u64,
}

impl Default for BalanceCheckConfig {
    fn default() -> Self {
        Self {
            warning_threshold_mist: 5_000_000_000,
        }
    }
}
