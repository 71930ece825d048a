//! Recovery waits while a client may still be uploading. Node spec 4.6.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use walrus_core::BlobId;

use crate::config::LiveUploadDeferralConfig;

/// Until when the recovery of which blobs waits.
#[derive(Debug)]
pub struct Deferrals {
    config: LiveUploadDeferralConfig,
    until: Mutex<HashMap<BlobId, Instant>>,
}

impl Deferrals {
    /// Nothing waits yet.
    pub fn new(config: LiveUploadDeferralConfig) -> Self {
        Self {
            config,
            until: Mutex::default(),
        }
    }

    /// Defers a blob of `size` bytes (if known) whose event is `lag` checkpoints old.
    pub(crate) fn defer(&self, blob_id: BlobId, size: Option<u64>, lag: u64) {
        let config = &self.config;
        if !config.enabled || lag > config.max_checkpoint_lag {
            return;
        }
        let bucket = size.and_then(|size| {
            config
                .buckets
                .iter()
                .find(|bucket| bucket.max_unencoded_bytes >= size)
        });
        let secs = bucket
            .map_or(config.max_total_defer_secs, |bucket| bucket.defer_secs)
            .min(config.max_total_defer_secs);
        let Some(deadline) = Instant::now().checked_add(Duration::from_secs(secs)) else {
            return;
        };
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        until.retain(|_, deadline| *deadline > now);
        let entry = until.entry(blob_id).or_insert(deadline);
        *entry = deadline.max(*entry);
    }

    pub(crate) fn is_deferred(&self, blob_id: &BlobId) -> bool {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until
            .get(blob_id)
            .is_some_and(|deadline| *deadline > Instant::now())
    }
}
