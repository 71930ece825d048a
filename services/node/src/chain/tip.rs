//! Chain tip: the newest checkpoint that was seen, of events or without any.

use std::sync::atomic::{AtomicU64, Ordering};

/// The sequence number of the newest checkpoint.
#[derive(Debug, Default)]
pub struct ChainTip(AtomicU64);

impl ChainTip {
    /// The newest checkpoint, if any was seen.
    pub fn get(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|newest| *newest > 0)
    }

    /// A checkpoint was seen.
    pub(crate) fn raise(&self, checkpoint: u64) {
        self.0.fetch_max(checkpoint, Ordering::Relaxed);
    }
}
