//! Event blobs: how far they are made and certified.

use prometheus::{IntCounterVec, IntGauge};
use walrus_service::metrics::Registry;

use super::level;

/// Event blobs.
#[derive(Debug)]
pub struct EventBlobMetrics {
    certified: IntGauge,
    processed: IntGauge,
    in_progress: IntGauge,
    attested: IntGauge,
    uncertified: IntGauge,
    fetched: IntCounterVec,
}

impl EventBlobMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            certified: registry.gauge(
                "event_blob_writer_latest_certified_event_index",
                "The last event element of the newest certified event blob",
            ),
            processed: registry.gauge(
                "event_blob_writer_latest_processed_event_index",
                "The last event element of the newest event blob that is complete",
            ),
            in_progress: registry.gauge(
                "event_blob_writer_latest_in_progress_event_index",
                "The last event element that is recorded",
            ),
            attested: registry.gauge(
                "event_blob_writer_latest_attested_checkpoint_sequence_number",
                "The last checkpoint of the event blob that the node voted for last",
            ),
            uncertified: registry.gauge(
                "walrus_node_uncertified_event_blobs",
                "Event blobs that are complete and not certified",
            ),
            fetched: registry.counters(
                "walrus_event_catchup_manager_event_blob_fetched",
                "Event blobs that were read to catch up",
                &["blob_source"],
            ),
        }
    }

    /// The newest certified event blob ends with this element.
    pub(crate) fn certified(&self, index: u64) {
        self.certified.set(level(index));
    }

    /// The newest complete event blob ends with this element; so many are not certified.
    pub(crate) fn cut(&self, index: u64, uncertified: usize) {
        self.processed.set(level(index));
        self.uncertified.set(level(uncertified));
    }

    /// Elements are recorded up to this one.
    pub(crate) fn in_progress(&self, index: u64) {
        self.in_progress.set(level(index));
    }

    /// The node voted for the event blob that ends with this checkpoint.
    pub(crate) fn attested(&self, checkpoint: u64) {
        self.attested.set(level(checkpoint));
    }

    /// An event blob was read from the network.
    pub(crate) fn fetched(&self) {
        self.fetched.with_label_values(&["network"]).inc();
    }
}
