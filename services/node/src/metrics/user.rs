//! User metrics: what clients store and read, and what waits for registrations.

use prometheus::{Histogram, IntCounter, IntCounterVec, IntGauge};
use walrus_core::SliverType;
use walrus_service::metrics::Registry;

/// What clients store and read.
#[derive(Debug)]
pub struct UserMetrics {
    /// Metadata that was uploaded and stored.
    pub metadata_stored: IntCounter,
    /// Metadata that was served.
    pub metadata_retrieved: IntCounter,
    slivers_stored: IntCounterVec,
    slivers_retrieved: IntCounterVec,
    /// Signed storage confirmations.
    pub confirmations: IntCounter,
    /// Sizes of blobs whose metadata was uploaded and stored, in bytes before encoding.
    pub uploaded_bytes: Histogram,
}

impl UserMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let sizes = (18..=34).map(|power| f64::from(power).exp2()).collect();
        Self {
            metadata_stored: registry.counter(
                "walrus_metadata_stored_total",
                "Metadata that was uploaded and stored",
            ),
            metadata_retrieved: registry.counter(
                "walrus_metadata_retrieved_total",
                "Metadata that was served",
            ),
            slivers_stored: registry.counters(
                "walrus_slivers_stored_total",
                "Slivers that were uploaded and stored",
                &["sliver_type"],
            ),
            slivers_retrieved: registry.counters(
                "walrus_slivers_retrieved_total",
                "Slivers that were served",
                &["sliver_type"],
            ),
            confirmations: registry.counter(
                "walrus_storage_confirmations_issued_total",
                "Signed storage confirmations",
            ),
            uploaded_bytes: registry.histogram(
                "walrus_uploaded_metadata_unencoded_blob_bytes",
                "Sizes of blobs whose metadata was uploaded and stored, in bytes before encoding",
                sizes,
            ),
        }
    }

    /// A sliver was uploaded and stored.
    pub fn sliver_stored(&self, sliver_type: SliverType) {
        let label = [label(sliver_type)];
        self.slivers_stored.with_label_values(&label).inc();
    }

    /// A sliver was served.
    pub fn sliver_retrieved(&self, sliver_type: SliverType) {
        let label = [label(sliver_type)];
        self.slivers_retrieved.with_label_values(&label).inc();
    }
}

/// The label of a type of slivers.
pub(crate) fn label(sliver_type: SliverType) -> &'static str {
    match sliver_type {
        SliverType::Primary => "primary",
        SliverType::Secondary => "secondary",
    }
}

/// What waits for registrations.
#[derive(Debug)]
pub struct PendingMetrics {
    pub(super) slivers: IntGauge,
    pub(super) blobs: IntGauge,
    pub(super) bytes: IntGauge,
    pub(super) metadata: IntGauge,
}

impl PendingMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            slivers: registry.gauge(
                "walrus_pending_sliver_cache_slivers",
                "Slivers that wait for the registration of their blobs",
            ),
            blobs: registry.gauge(
                "walrus_pending_sliver_cache_blobs",
                "Blobs of which slivers wait for the registration",
            ),
            bytes: registry.gauge(
                "walrus_pending_sliver_cache_bytes",
                "Bytes of slivers that wait for the registration of their blobs",
            ),
            metadata: registry.gauge(
                "walrus_pending_metadata_cache_entries",
                "Metadata that waits for the registration of its blob",
            ),
        }
    }
}
