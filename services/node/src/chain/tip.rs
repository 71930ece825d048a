//! Chain tip: the newest checkpoint that was seen, of events or without any, and when.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// The sequence number of the newest checkpoint.
#[derive(Debug, Default)]
pub struct ChainTip {
    newest: AtomicU64,
    heard: Mutex<Option<Instant>>,
}

impl ChainTip {
    /// The newest checkpoint, if any was seen.
    pub fn get(&self) -> Option<u64> {
        Some(self.newest.load(Ordering::Relaxed)).filter(|newest| *newest > 0)
    }

    /// How long ago a checkpoint was seen, if any was.
    pub fn silent_for(&self) -> Option<Duration> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|heard| heard.elapsed())
    }

    /// A checkpoint was seen.
    pub(crate) fn raise(&self, checkpoint: u64) {
        self.newest.fetch_max(checkpoint, Ordering::Relaxed);
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }
}
