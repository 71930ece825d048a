//! Counters and gauges of one node, in a registry of its own. Node spec 6.4.

use prometheus::{Encoder as _, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

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
        // The names below are distinct and valid, so neither creation nor registration can fail; a metric that did would
        // only be missing from the output.
        let registry = Registry::new();
        let counters = |name: &str, help: &str, label: &str| {
            let vec = IntCounterVec::new(Opts::new(name, help), &[label]);
            #[allow(clippy::expect_used)]
            let vec = vec.expect("valid metric name");
            let _ = registry.register(Box::new(vec.clone()));
            vec
        };
        let counter = |name: &str, help: &str| {
            #[allow(clippy::expect_used)]
            let counter = IntCounter::new(name, help).expect("valid metric name");
            let _ = registry.register(Box::new(counter.clone()));
            counter
        };
        let gauge = |name: &str, help: &str| {
            #[allow(clippy::expect_used)]
            let gauge = IntGauge::new(name, help).expect("valid metric name");
            let _ = registry.register(Box::new(gauge.clone()));
            gauge
        };
        Self {
            uploads: counters(
                "walrus_node_uploads_total",
                "Uploads that were stored",
                "kind",
            ),
            confirmations: counter("walrus_node_confirmations_total", "Signed confirmations"),
            recovered_slivers: counter(
                "walrus_node_recovered_slivers_total",
                "Slivers recovered from peers",
            ),
            symbol_tree_hits: counter(
                "walrus_node_symbol_tree_hits_total",
                "Slivers whose symbols were served from a tree that was kept",
            ),
            symbol_tree_misses: counter(
                "walrus_node_symbol_tree_misses_total",
                "Slivers that were expanded and hashed to serve symbols",
            ),
            symbol_tree_bytes: gauge(
                "walrus_node_symbol_tree_bytes",
                "Memory of the symbol trees that are kept",
            ),
            answers: counters("walrus_node_answers_total", "Answers by status", "status"),
            epoch: gauge("walrus_node_epoch", "The committee epoch"),
            next_event_index: gauge("walrus_node_next_event_index", "Next event element"),
            registry,
        }
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be encoded");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}
