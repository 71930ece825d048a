//! Metrics: counters and gauges of one node. Node spec 6.4.

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use walrus_service::metrics::Registry;

/// What a node counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Stored uploads by kind (`metadata`, `sliver`).
    pub uploads: IntCounterVec,
    /// Signed confirmations.
    pub confirmations: IntCounter,
    /// Slivers recovered from peers.
    pub recovered_slivers: IntCounter,
    /// Bytes of symbols that other nodes sent for recovery.
    pub recovery_bytes: IntCounter,
    /// Slivers of gained shards that came from their previous owners.
    pub synced_slivers: IntCounter,
    /// Transfers of shards by what became of them.
    pub shard_syncs: IntCounterVec,
    /// Blobs that nobody can recover, as far as is known.
    pub unrecoverable_blobs: IntGauge,
    /// Slivers whose symbols were served from a tree that was kept.
    pub symbol_tree_hits: IntCounter,
    /// Slivers that were expanded and hashed to serve symbols.
    pub symbol_tree_misses: IntCounter,
    /// Memory of the trees that are kept.
    pub symbol_tree_bytes: IntGauge,
    /// Answers by HTTP status.
    pub answers: IntCounterVec,
    /// The committee epoch.
    pub epoch: IntGauge,
    /// The index of the next event element.
    pub next_event_index: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        Self {
            uploads: registry.counters(
                "walrus_node_uploads_total",
                "Uploads that were stored",
                "kind",
            ),
            confirmations: registry
                .counter("walrus_node_confirmations_total", "Signed confirmations"),
            recovered_slivers: registry.counter(
                "walrus_node_recovered_slivers_total",
                "Slivers recovered from peers",
            ),
            recovery_bytes: registry.counter(
                "walrus_node_recovery_bytes_total",
                "Bytes of symbols that other nodes sent for recovery",
            ),
            synced_slivers: registry.counter(
                "walrus_node_synced_slivers_total",
                "Slivers of gained shards that came from their previous owners",
            ),
            shard_syncs: registry.counters(
                "walrus_shard_sync_total",
                "Transfers of shards: complete, left to recovery, to be tried again",
                "status",
            ),
            unrecoverable_blobs: registry.gauge(
                "walrus_node_unrecoverable_blobs",
                "Certified blobs that nobody can recover at the moment",
            ),
            symbol_tree_hits: registry.counter(
                "walrus_node_symbol_tree_hits_total",
                "Slivers whose symbols were served from a tree that was kept",
            ),
            symbol_tree_misses: registry.counter(
                "walrus_node_symbol_tree_misses_total",
                "Slivers that were expanded and hashed to serve symbols",
            ),
            symbol_tree_bytes: registry.gauge(
                "walrus_node_symbol_tree_bytes",
                "Memory of the symbol trees that are kept",
            ),
            answers: registry.counters("walrus_node_answers_total", "Answers by status", "status"),
            epoch: registry.gauge("walrus_node_epoch", "The committee epoch"),
            next_event_index: registry.gauge("walrus_node_next_event_index", "Next event element"),
            registry,
        }
    }

    /// Where other parts register what they count.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> String {
        self.registry.text()
    }
}
