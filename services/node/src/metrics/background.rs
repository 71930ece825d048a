//! Background work: recovery, shards, deletion, and what is compared between nodes.

use std::time::Duration;

use prometheus::{GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};
use walrus_service::metrics::Registry;

use super::{durations, level, user::label as sliver_label};
use crate::snapshots::Written;

/// Recovery of blobs.
#[derive(Debug)]
pub struct RecoveryMetrics {
    backlog: IntGaugeVec,
    durations: HistogramVec,
    active_durations: HistogramVec,
    parts: HistogramVec,
    backoff_total: IntCounter,
    backoffs: IntGauge,
    /// Requests to other nodes that failed.
    pub failed_requests: IntCounter,
    pub(super) deferrals_active: IntGauge,
    pub(super) deferral_waiters: IntGauge,
    deferral_outcomes: IntCounterVec,
    pub(super) node_recovery_syncs: IntGauge,
    pub(super) node_recovery_missing_shards: IntGauge,
}

impl RecoveryMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            backlog: registry.gauges(
                "walrus_recover_blob_backlog",
                "Blobs of which slivers are missing",
                &["state"],
            ),
            durations: registry.histograms(
                "walrus_recover_blob_duration_seconds",
                "How long a try to complete a blob lasted, in seconds",
                durations(),
                &["status"],
            ),
            active_durations: registry.histograms(
                "walrus_recover_blob_active_duration_seconds",
                "The same: a try begins only when there is room for it",
                durations(),
                &["status"],
            ),
            parts: registry.histograms(
                "walrus_recover_blob_part_duration_seconds",
                "How long the metadata or the slivers of a blob took, in seconds",
                durations(),
                &["part", "status"],
            ),
            backoff_total: registry.counter(
                "walrus_recovery_future_backoff_total",
                "Pauses of recoveries that failed",
            ),
            backoffs: registry.gauge(
                "walrus_recovery_future_backoffs",
                "Blobs whose recovery pauses after a failure",
            ),
            failed_requests: registry.counter(
                "walrus_recovery_future_failed_requests",
                "Requests of recovery to other nodes that failed",
            ),
            deferrals_active: registry.gauge(
                "walrus_recovery_deferrals_active",
                "Blobs whose recovery waits for an upload that may still run",
            ),
            deferral_waiters: registry.gauge(
                "walrus_recovery_deferral_waiters",
                "Blobs in the queue of recovery that wait for such an upload",
            ),
            deferral_outcomes: registry.counters(
                "walrus_live_upload_deferral_outcome_total",
                "Deferred recoveries by what came of the upload: completed, or recovered",
                &["outcome"],
            ),
            node_recovery_syncs: registry.gauge(
                "walrus_node_recovery_ongoing_blob_syncs",
                "Blobs that are being completed, while the node has shards that are not complete",
            ),
            node_recovery_missing_shards: registry.gauge(
                "walrus_node_recovery_missing_owned_shards",
                "Shards assigned to the node for which it has no storage yet",
            ),
        }
    }

    pub(super) fn in_progress(&self) -> i64 {
        self.backlog.with_label_values(&["in-progress"]).get()
    }

    /// A try to complete a blob begins.
    pub(crate) fn begun(&self) {
        self.backlog.with_label_values(&["in-progress"]).inc();
    }

    /// It ended after `took`.
    pub(crate) fn ended(&self, status: &str, took: Duration) {
        self.backlog.with_label_values(&["in-progress"]).dec();
        for histogram in [&self.durations, &self.active_durations] {
            let series = histogram.with_label_values(&[status]);
            series.observe(took.as_secs_f64());
        }
    }

    /// A part of a try took so long.
    pub(crate) fn part(&self, part: &str, status: &str, took: Duration) {
        let series = self.parts.with_label_values(&[part, status]);
        series.observe(took.as_secs_f64());
    }

    /// A recovery that failed pauses, as one of `count`.
    pub(crate) fn paused(&self, count: usize) {
        self.backoff_total.inc();
        self.set_backoffs(count);
    }

    /// So many recoveries pause.
    pub(crate) fn set_backoffs(&self, count: usize) {
        self.backoffs.set(level(count));
    }

    /// A blob that was deferred turned out to be complete without recovery, or not.
    pub(crate) fn deferral_ended(&self, completed: bool) {
        let outcome = if completed { "completed" } else { "recovered" };
        self.deferral_outcomes.with_label_values(&[outcome]).inc();
    }

    pub(super) fn queued(&self, count: u64) {
        self.backlog
            .with_label_values(&["queued"])
            .set(level(count));
    }
}

/// Shards that are filled.
#[derive(Debug)]
pub struct ShardMetrics {
    synced_slivers: IntCounterVec,
    progress: IntGaugeVec,
    verification_errors: IntCounterVec,
    inflight: IntGaugeVec,
    tries: IntCounterVec,
    successes: IntCounterVec,
    errors: IntCounterVec,
}

impl ShardMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let sliver = &["shard", "sliver_type"];
        Self {
            synced_slivers: registry.counters(
                "walrus_sync_shard_sync_sliver_total",
                "Slivers that came with the transfer of a shard",
                sliver,
            ),
            progress: registry.gauges(
                "walrus_sync_shard_sync_sliver_progress",
                "How far the transfer of a shard came: the first two bytes of the last blob ID",
                sliver,
            ),
            verification_errors: registry.counters(
                "walrus_sync_shard_sliver_verification_error_total",
                "Slivers of transfers that were not what they should be",
                sliver,
            ),
            inflight: registry.gauges(
                "walrus_sync_shard_recover_sliver_inflight",
                "Slivers of a shard that are being recovered",
                &["shard"],
            ),
            tries: registry.counters(
                "walrus_sync_shard_recover_sliver_total",
                "Tries to recover a sliver",
                sliver,
            ),
            successes: registry.counters(
                "walrus_sync_shard_recover_sliver_success_total",
                "Slivers that were recovered",
                sliver,
            ),
            errors: registry.counters(
                "walrus_sync_shard_recover_sliver_error_total",
                "Tries to recover a sliver that failed",
                sliver,
            ),
        }
    }
}

/// A sliver that is being recovered, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Recovering<'a> {
    metrics: &'a ShardMetrics,
    shard: String,
    sliver_type: &'static str,
}

impl ShardMetrics {
    /// A sliver came with the transfer of a shard, in the order of blob IDs.
    pub(crate) fn synced(&self, shard: ShardIndex, sliver_type: SliverType, blob_id: &BlobId) {
        let labels = [&*shard.get().to_string(), sliver_label(sliver_type)];
        self.synced_slivers.with_label_values(&labels).inc();
        let [first, second, ..] = blob_id.0;
        let progress = self.progress.with_label_values(&labels);
        progress.set(i64::from(u16::from_be_bytes([first, second])));
    }

    /// A sliver of a transfer was not what it should be.
    pub(crate) fn unverified(&self, shard: ShardIndex, sliver_type: SliverType) {
        let labels = [&*shard.get().to_string(), sliver_label(sliver_type)];
        self.verification_errors.with_label_values(&labels).inc();
    }

    /// A try to recover a sliver begins.
    pub(crate) fn recovering(&self, shard: ShardIndex, sliver_type: SliverType) -> Recovering<'_> {
        let recovering = Recovering {
            metrics: self,
            shard: shard.get().to_string(),
            sliver_type: sliver_label(sliver_type),
        };
        let shard = [&*recovering.shard];
        self.inflight.with_label_values(&shard).inc();
        self.tries.with_label_values(&recovering.labels()).inc();
        recovering
    }
}

impl Recovering<'_> {
    fn labels(&self) -> [&str; 2] {
        [&self.shard, self.sliver_type]
    }

    /// It came to an end.
    pub(crate) fn ended(self, succeeded: bool) {
        let counters = if succeeded {
            &self.metrics.successes
        } else {
            &self.metrics.errors
        };
        counters.with_label_values(&self.labels()).inc();
    }
}

impl Drop for Recovering<'_> {
    fn drop(&mut self) {
        let shard = [&*self.shard];
        self.metrics.inflight.with_label_values(&shard).dec();
    }
}

/// Deletion of what has ended.
#[derive(Debug)]
pub struct CollectionMetrics {
    last_epoch: IntGaugeVec,
    start: IntGauge,
    objects: IntCounter,
    attempts: IntCounterVec,
    cleanup: HistogramVec,
    deletion: HistogramVec,
}

impl CollectionMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            last_epoch: registry.gauges(
                "walrus_garbage_collection_last_epoch",
                "The last epoch whose deletions came so far",
                &["status"],
            ),
            start: registry.gauge(
                "walrus_garbage_collection_task_start_time",
                "When the last deletions began, in seconds since 1970",
            ),
            objects: registry.counter(
                "walrus_garbage_collection_expired_blob_objects_deleted_total",
                "Objects of blobs whose records went because they have ended",
            ),
            attempts: registry.counters(
                "walrus_garbage_collection_blob_data_deletion_attempts_total",
                "Deletions of what has ended in an epoch, by how they ended",
                &["status"],
            ),
            cleanup: registry.histograms(
                "walrus_garbage_collection_blob_info_cleanup_duration_seconds",
                "How long the records of what has ended took, in seconds",
                durations(),
                &[],
            ),
            deletion: registry.histograms(
                "walrus_garbage_collection_data_deletion_duration_seconds",
                "How long the data of what has ended took, in seconds",
                durations(),
                &[],
            ),
        }
    }

    /// The deletions of an epoch begin, at a time of day.
    pub(crate) fn started(&self, epoch: Epoch, unix_seconds: u64) {
        self.start.set(level(unix_seconds));
        self.reached("started", epoch);
    }

    /// The records of `objects` objects are gone after `took`.
    pub(crate) fn cleaned(&self, epoch: Epoch, objects: u64, took: Duration) {
        self.objects.inc_by(objects);
        let series = self.cleanup.with_label_values::<&str>(&[]);
        series.observe(took.as_secs_f64());
        self.reached("blob_info_cleanup_completed", epoch);
    }

    /// The data of blobs begins to go.
    pub(crate) fn deleting(&self, epoch: Epoch) {
        self.reached("data_deletion_started", epoch);
    }

    /// It is gone after `took`, or could not be deleted.
    pub(crate) fn deleted(&self, epoch: Epoch, succeeded: bool, took: Duration) {
        let status = if succeeded { "success" } else { "failure" };
        self.attempts.with_label_values(&[status]).inc();
        if succeeded {
            let series = self.deletion.with_label_values::<&str>(&[]);
            series.observe(took.as_secs_f64());
            self.reached("completed", epoch);
        }
    }

    fn reached(&self, status: &str, epoch: Epoch) {
        self.last_epoch
            .with_label_values(&[status])
            .set(level(epoch));
    }
}

/// What is compared between nodes. Node spec 5.8.
#[derive(Debug)]
pub struct CheckMetrics {
    /// Digest of the certified blobs, by epoch modulo 10.
    pub blobs: IntGaugeVec,
    /// Digest of their objects with lifetimes of their own.
    pub objects: IntGaugeVec,
    /// Digest of their objects in storage pools.
    pub pooled_objects: IntGaugeVec,
    /// Blobs that went into the digest.
    pub scanned: IntGaugeVec,
    errors: IntCounterVec,
    /// The part of the certified blobs of which every sliver is there, by epoch modulo 10.
    pub stored_ratio: GaugeVec,
    snapshot_digest: IntGaugeVec,
    snapshot_bytes: IntGauge,
    snapshot_errors: IntCounterVec,
    periodic: IntGaugeVec,
}

/// Elements between two that are published for comparison.
const PERIOD: u64 = 20_000;

impl CheckMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let epoch = &["epoch"];
        Self {
            blobs: registry.gauges(
                "walrus_blob_info_consistency_check",
                "Digest of the certified blobs at the beginning of an epoch, which is the same on all nodes",
                epoch,
            ),
            objects: registry.gauges(
                "walrus_per_object_blob_info_consistency_check",
                "Digest of the certified blob objects at the beginning of an epoch, which is the same on all nodes",
                epoch,
            ),
            pooled_objects: registry.gauges(
                "walrus_per_object_pooled_blob_info_consistency_check",
                "Digest of the certified blob objects in storage pools at the beginning of an epoch, which is the same on all nodes",
                epoch,
            ),
            scanned: registry.gauges(
                "walrus_blob_info_consistency_check_certified_scanned",
                "Certified blobs that went into the digest",
                epoch,
            ),
            errors: registry.counters(
                "walrus_blob_info_consistency_check_error",
                "Consistency checks that failed",
                epoch,
            ),
            stored_ratio: registry.fractions(
                "walrus_node_blob_data_fully_stored_ratio",
                "The part of the certified blobs of which every sliver is there",
                epoch,
            ),
            snapshot_digest: registry.gauges(
                "walrus_per_object_blob_info_snapshot_digest",
                "Digest of the snapshot of what is registered at the beginning of an epoch, which is the same on all nodes",
                epoch,
            ),
            snapshot_bytes: registry.gauge(
                "walrus_blob_info_snapshot_bytes",
                "Bytes of the newest snapshot of what is registered",
            ),
            snapshot_errors: registry.counters(
                "walrus_blob_info_snapshot_error",
                "Snapshots of what is registered that could not be written",
                epoch,
            ),
            periodic: registry.gauges(
                "walrus_periodic_event_source_for_deterministic_events",
                "Checkpoint times 100 plus number of every 20000th event element, which is the same on all nodes",
                &["bucket"],
            ),
        }
    }

    /// The check of an epoch failed.
    pub(crate) fn failed(&self, epoch: Epoch) {
        let label = (epoch % 10).to_string();
        self.errors.with_label_values(&[&label]).inc();
    }

    /// A snapshot of an epoch was written.
    pub(crate) fn snapshot(&self, epoch: Epoch, written: &Written) {
        // All 64 bits count; what is compared may as well be negative.
        let digest = i64::from_ne_bytes(written.xxh64.to_ne_bytes());
        let epoch = [&*(epoch % 10).to_string()];
        self.snapshot_digest.with_label_values(&epoch).set(digest);
        self.snapshot_bytes.set(level(written.bytes));
    }

    /// The snapshot of an epoch could not be written.
    pub(crate) fn snapshot_failed(&self, epoch: Epoch) {
        let epoch = [&*(epoch % 10).to_string()];
        self.snapshot_errors.with_label_values(&epoch).inc();
    }

    /// Publishes where the element `index` stands, if it is one of those: `counter` is its number in `checkpoint`.
    pub(crate) fn element(&self, index: u64, checkpoint: u64, counter: u64) {
        let Some((bucket, place)) = periodic(index, checkpoint, counter) else {
            return;
        };
        let bucket = [&*bucket.to_string()];
        self.periodic.with_label_values(&bucket).set(level(place));
    }
}

fn periodic(index: u64, checkpoint: u64, counter: u64) -> Option<(u64, u64)> {
    let bucket = (index / PERIOD) % 10;
    let place = checkpoint.saturating_mul(100).saturating_add(counter);
    index.is_multiple_of(PERIOD).then_some((bucket, place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_twenty_thousandth_element_is_published() {
        assert_eq!(periodic(0, 7, 3), Some((0, 703)));
        assert_eq!(periodic(19_999, 7, 3), None);
        assert_eq!(periodic(220_000, 5, 0), Some((1, 500)));
    }
}
