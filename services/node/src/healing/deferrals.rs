//! Deferral of recoveries: they wait while a client may still be uploading: for a time after the certification, and as long as slivers arrive. Node
//! spec 4.6.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use walrus_core::BlobId;

use crate::config::LiveUploadDeferralConfig;

/// How long it is known of a blob that it was deferred.
const REMEMBERED: Duration = Duration::from_secs(600);

/// Until when the recovery of which blobs waits.
#[derive(Debug)]
pub(crate) struct Deferrals {
    config: LiveUploadDeferralConfig,
    until: Mutex<HashMap<BlobId, Instant>>,
}

impl Deferrals {
    /// Nothing waits yet.
    pub(crate) fn new(config: LiveUploadDeferralConfig) -> Self {
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
        until.retain(|_, deadline| now.saturating_duration_since(*deadline) < REMEMBERED);
        let entry = until.entry(blob_id).or_insert(deadline);
        *entry = deadline.max(*entry);
    }

    /// Blobs whose recovery waits.
    pub(crate) fn active(&self) -> Vec<BlobId> {
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let waits = until.iter().filter(|(_, deadline)| **deadline > now);
        waits.map(|(blob_id, _)| *blob_id).collect()
    }

    /// Forgets that a blob was deferred; whether it was, until not long ago.
    pub(crate) fn end(&self, blob_id: &BlobId) -> bool {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.remove(blob_id).is_some()
    }

    /// Whether recovery waits; `goes_on` tells that slivers of the blob are arriving.
    pub(crate) fn is_deferred(&self, blob_id: &BlobId, goes_on: bool) -> bool {
        if self.config.enabled && goes_on {
            return true;
        }
        let until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until
            .get(blob_id)
            .is_some_and(|deadline| *deadline > Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deferrals(enabled: bool) -> Deferrals {
        Deferrals::new(LiveUploadDeferralConfig {
            enabled,
            ..LiveUploadDeferralConfig::default()
        })
    }

    #[test]
    fn recovery_waits_while_slivers_arrive() {
        let blob = BlobId([1; 32]);
        assert!(deferrals(true).is_deferred(&blob, true));
        assert!(!deferrals(true).is_deferred(&blob, false));
        assert!(!deferrals(false).is_deferred(&blob, true));
    }

    #[test]
    fn recovery_waits_after_a_certification_of_a_moment_ago() {
        let blob = BlobId([1; 32]);
        let deferrals = deferrals(true);
        deferrals.defer(blob, Some(1), 0);
        assert!(deferrals.is_deferred(&blob, false));
        assert_eq!(deferrals.active(), [blob]);
        assert!(deferrals.end(&blob) && !deferrals.end(&blob));
        let old = BlobId([2; 32]);
        deferrals.defer(old, Some(1), u64::MAX);
        assert!(!deferrals.is_deferred(&old, false));
    }
}
