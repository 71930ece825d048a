//! Deferral of recoveries: they wait while a client may still be uploading: for a time after the certification, and as long as slivers arrive. Node
//! spec 4.6.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use walrus_core::BlobId;

use crate::config::LiveUploadDeferralConfig;

/// How long it is known of a blob that it was deferred.
const REMEMBERED: Duration = Duration::from_secs(600);

/// How often those are forgotten that were remembered for longer.
const SWEEP: Duration = Duration::from_secs(60);

/// Until when the recovery of which blobs waits.
#[derive(Debug)]
pub(crate) struct Deferrals {
    config: LiveUploadDeferralConfig,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    until: HashMap<BlobId, Instant>,
    /// When those of long ago were forgotten last: to look through all of them with each that is added would take ever longer.
    swept: Instant,
}

impl Deferrals {
    /// Nothing waits yet.
    pub(crate) fn new(config: LiveUploadDeferralConfig) -> Self {
        Self {
            config,
            waiting: Mutex::new(Waiting {
                until: HashMap::new(),
                swept: Instant::now(),
            }),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (mut waiting, now) = (self.waiting(), Instant::now());
        if now.saturating_duration_since(waiting.swept) >= SWEEP {
            waiting.swept = now;
            let is_remembered =
                |deadline: &Instant| now.saturating_duration_since(*deadline) < REMEMBERED;
            waiting.until.retain(|_, deadline| is_remembered(deadline));
        }
        let entry = waiting.until.entry(blob_id).or_insert(deadline);
        *entry = deadline.max(*entry);
    }

    /// Blobs whose recovery waits.
    pub(crate) fn active(&self) -> Vec<BlobId> {
        let (waiting, now) = (self.waiting(), Instant::now());
        let waits = waiting
            .until
            .iter()
            .filter(|(_, deadline)| **deadline > now);
        waits.map(|(blob_id, _)| *blob_id).collect()
    }

    /// Forgets that a blob was deferred; whether it was, until not long ago.
    pub(crate) fn end(&self, blob_id: &BlobId) -> bool {
        self.waiting().until.remove(blob_id).is_some()
    }

    /// Whether recovery waits; `goes_on` tells that slivers of the blob are arriving.
    pub(crate) fn is_deferred(&self, blob_id: &BlobId, goes_on: bool) -> bool {
        if self.config.enabled && goes_on {
            return true;
        }
        let waiting = self.waiting();
        let deadline = waiting.until.get(blob_id);
        deadline.is_some_and(|deadline| *deadline > Instant::now())
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
