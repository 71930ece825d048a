//! Chain events: how far they are processed, and how long that takes.

use std::time::Duration;

use prometheus::{HistogramVec, IntCounter, IntGauge, IntGaugeVec};
use walrus_service::{follow::Cursor, metrics::Registry};
use walrus_sui::events::ContractEvent;

use super::{durations, level};

/// Chain events.
#[derive(Debug)]
pub struct EventMetrics {
    latest_downloaded: IntGauge,
    downloaded: IntCounter,
    lag: IntGauge,
    cursor: IntGaugeVec,
    background_index: IntGauge,
    durations: HistogramVec,
    position_checkpoint: IntGaugeVec,
    position_index: IntGaugeVec,
    in_queue: IntGaugeVec,
    in_background: IntGauge,
}

/// The label of the only queue: events are processed one after the other.
const QUEUE: &str = "0";

impl EventMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let this = Self {
            latest_downloaded: registry.gauge(
                "walrus_event_processor_latest_downloaded_checkpoint",
                "The newest checkpoint whose events are processed",
            ),
            downloaded: registry.counter(
                "walrus_event_processor_total_downloaded_checkpoints",
                "Checkpoints whose events were processed since the node started",
            ),
            lag: registry.gauge(
                "walrus_runtime_lag_current",
                "Checkpoints of the chain that are not processed",
            ),
            cursor: registry.gauges(
                "walrus_event_cursor_progress",
                "Event elements: those below are complete (persisted), being worked on (pending), the highest that is complete",
                &["state"],
            ),
            background_index: registry.gauge(
                "walrus_event_highest_background_processed_index",
                "The highest event element whose work is done since the node started; -1 before the first",
            ),
            durations: registry.histograms(
                "walrus_event_process_duration_seconds",
                "How long an event is worked on, in seconds",
                durations(),
                &["event_type"],
            ),
            position_checkpoint: registry.gauges(
                "walrus_event_position_sui_checkpoint",
                "The checkpoint of the event that is worked on, or was last",
                &["state"],
            ),
            position_index: registry.gauges(
                "walrus_event_position_index",
                "The event element that is worked on, or was last",
                &["state"],
            ),
            in_queue: registry.gauges(
                "walrus_pending_processing_blob_event_in_queue",
                "Events of blobs that are received and not processed",
                &["worker_index"],
            ),
            in_background: registry.gauge(
                "walrus_pending_processing_blob_events_in_background_processors",
                "Events of blobs that are worked on",
            ),
        };
        this.background_index.set(-1);
        this.in_queue.with_label_values(&[QUEUE]).set(0);
        this
    }

    /// An event at `checkpoint` is begun with; it is element `index`.
    pub(crate) fn begun(&self, checkpoint: u64, index: u64) {
        self.in_queue.with_label_values(&[QUEUE]).set(1);
        self.in_background.set(1);
        let state = &["in-progress"];
        self.position_checkpoint
            .with_label_values(state)
            .set(level(checkpoint));
        self.position_index
            .with_label_values(state)
            .set(level(index));
    }

    /// The event is done with, after `took`.
    pub(crate) fn done(&self, event_type: &str, took: Duration) {
        self.in_queue.with_label_values(&[QUEUE]).set(0);
        self.in_background.set(0);
        self.durations
            .with_label_values(&[event_type])
            .observe(took.as_secs_f64());
    }

    /// Elements are processed up to `cursor`.
    pub(crate) fn moved(&self, cursor: &Cursor) {
        let finished = level(cursor.next_index).saturating_sub(1);
        self.cursor
            .with_label_values(&["persisted"])
            .set(level(cursor.next_index));
        self.cursor
            .with_label_values(&["highest_finished"])
            .set(finished);
        self.background_index.set(finished);
        let state = &["completed"];
        self.position_index.with_label_values(state).set(finished);
        let checkpoint = level(cursor.next.checkpoint);
        self.position_checkpoint
            .with_label_values(state)
            .set(checkpoint);
    }

    /// The end of a checkpoint is reached, while the chain is at `latest`.
    pub(crate) fn checkpoint(&self, checkpoint: u64, latest: u64) {
        self.downloaded.inc();
        self.latest_downloaded.set(level(checkpoint));
        self.lag.set(level(latest.saturating_sub(checkpoint)));
    }

    /// Events wait for `count` blobs to be completed.
    pub(super) fn pending(&self, count: u64) {
        self.cursor
            .with_label_values(&["pending"])
            .set(level(count));
    }
}

/// The label of an event.
pub(crate) fn event_type(event: &ContractEvent) -> &'static str {
    use ContractEvent as E;
    match event {
        E::BlobRegistered(_) => "registered",
        E::BlobCertified(event) if event.is_extension => "extended",
        E::BlobCertified(_) => "certified",
        E::BlobDeleted(_) => "deleted",
        E::InvalidBlobId(_) => "invalid-blob",
        E::DenyListBlobDeleted(_) => "deny-list-blob-deleted",
        E::PooledBlobRegistered(_) => "pooled-blob-registered",
        E::PooledBlobCertified(_) => "pooled-blob-certified",
        E::PooledBlobDeleted(_) => "pooled-blob-deleted",
        E::EpochParametersSelected(_) => "epoch-parameters-selected",
        E::EpochChangeStart(_) => "epoch-change-start",
        E::EpochChangeDone(_) => "epoch-change-done",
        E::ShardsReceived(_) => "shards-received",
        E::ShardRecoveryStart(_) => "shard-recovery-start",
        E::ContractUpgraded(_) => "contract-upgraded",
        E::ContractUpgradeProposed(_) => "contract-upgrade-proposed",
        E::ContractUpgradeQuorumReached(_) => "contract-upgrade-quorum-reached",
        E::PricesUpdated(_) => "prices-updated",
        E::StoragePoolCreated(_) => "storage-pool-created",
        E::StoragePoolExtended(_) => "storage-pool-extended",
        E::RegisterDenyListUpdate(_) => "deny-list-register-update",
        E::DenyListUpdate(_) => "deny-list-update",
        E::ProtocolVersionUpdated(_) => "protocol-version-updated",
        E::Unknown(_) => "unknown",
    }
}
