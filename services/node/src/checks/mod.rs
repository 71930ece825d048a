//! Consistency check: what nodes compare with each other after each epoch change. Node spec 5.8.
//!
//! * [`Digests`] are made while the epoch changes, before the next event is applied: so all nodes look at the same records.
//! * [`Existence`] is a worker that looks, after the change, which of the blobs are whole on this node.

mod digests;
mod existence;

use serde::{Deserialize, Serialize};

pub use self::{
    digests::{Digests, digests},
    existence::Existence,
};

/// What is checked after an epoch change. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsistencyCheckConfig {
    /// Whether anything is.
    pub enable_consistency_check: bool,
    /// Whether it is looked which blobs are whole on this node.
    pub enable_sliver_data_existence_check: bool,
    /// How many of a hundred blobs are looked at.
    pub sliver_data_existence_check_sample_rate_percentage: u8,
}

impl Default for ConsistencyCheckConfig {
    fn default() -> Self {
        Self {
            enable_consistency_check: true,
            enable_sliver_data_existence_check: true,
            sliver_data_existence_check_sample_rate_percentage: 100,
        }
    }
}

/// The label of an epoch: few, so that old ones are written over.
fn label(epoch: walrus_core::Epoch) -> String {
    (epoch % 10).to_string()
}
