//! Metrics: what one node counts, under the names that operators' dashboards know. Node spec 6.4.
//!
//! What happens is counted where it happens, in the groups below. What *is* (shards, queues, caches) is looked at when somebody asks
//! for the metrics ([`Scrape`]).

mod background;
mod event_blobs;
mod events;
mod http;
mod identity;
#[cfg(test)]
mod names;
mod prices;
mod queue;
mod scrape;
mod user;

use std::sync::Arc;

use prometheus::{IntCounter, IntCounterVec, IntGauge};
use walrus_service::metrics::{Family, Registry};

pub use self::{
    background::{CheckMetrics, CollectionMetrics, RecoveryMetrics, ShardMetrics},
    event_blobs::EventBlobMetrics,
    events::EventMetrics,
    http::HttpMetrics,
    identity::{ConfigMetrics, Identity},
    prices::PriceMetrics,
    queue::QueueMetrics,
    scrape::Scrape,
    user::{PendingMetrics, UserMetrics},
};
pub(crate) use self::{events::event_type, http::Answered};

/// What a node counts.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Who the node is, and since when it runs.
    pub identity: Identity,
    /// Chain events.
    pub events: EventMetrics,
    /// Event blobs.
    pub event_blobs: EventBlobMetrics,
    /// What clients store and read.
    pub user: UserMetrics,
    /// What waits for registrations.
    pub pending: PendingMetrics,
    /// Recovery of blobs.
    pub recovery: RecoveryMetrics,
    /// Shards that are filled.
    pub shards: ShardMetrics,
    /// Deletion of what has ended.
    pub collection: CollectionMetrics,
    /// What is compared between nodes.
    pub checks: CheckMetrics,
    /// Requests.
    pub http: HttpMetrics,
    /// The node against the chain.
    pub config: ConfigMetrics,
    /// What a WAL costs.
    pub prices: Arc<PriceMetrics>,
    /// The queue of recoveries.
    pub queue: QueueMetrics,
    /// Slivers recovered from peers.
    pub recovered_slivers: IntCounter,
    /// Their bytes.
    pub recovered_bytes: IntCounter,
    /// Bytes of symbols and slivers that other nodes sent for recovery.
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
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        Self {
            identity: Identity::new(&registry),
            events: EventMetrics::new(&registry),
            event_blobs: EventBlobMetrics::new(&registry),
            user: UserMetrics::new(&registry),
            pending: PendingMetrics::new(&registry),
            recovery: RecoveryMetrics::new(&registry),
            shards: ShardMetrics::new(&registry),
            collection: CollectionMetrics::new(&registry),
            checks: CheckMetrics::new(&registry),
            http: HttpMetrics::new(&registry),
            config: ConfigMetrics::new(&registry),
            prices: Arc::new(PriceMetrics::new(&registry)),
            recovered_slivers: registry.counter(
                "walrus_node_recovered_slivers_total",
                "Slivers recovered from peers",
            ),
            queue: QueueMetrics::new(&registry),
            recovered_bytes: registry.counter(
                "walrus_node_recovered_bytes_total",
                "Bytes of slivers that were recovered from peers",
            ),
            recovery_bytes: registry.counter(
                "walrus_node_recovery_bytes_total",
                "Bytes of symbols and slivers that other nodes sent for recovery",
            ),
            synced_slivers: registry.counter(
                "walrus_node_synced_slivers_total",
                "Slivers of gained shards that came from their previous owners",
            ),
            shard_syncs: registry.counters(
                "walrus_shard_sync_total",
                "Transfers of shards: complete, left to recovery, to be tried again",
                &["status"],
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
                "Memory of the symbol trees that are kept, in bytes",
            ),
            registry,
        }
    }

    /// Where other parts register what they count.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Every family of series of a node, by name.
    pub fn families(&self) -> Vec<Family> {
        self.registry.families()
    }

    /// The text format of Prometheus, as it was counted so far; [`Scrape::text`] looks at the node as well.
    pub(crate) fn text(&self) -> String {
        self.registry.text()
    }
}

/// A number in a gauge; what does not fit is told as the largest.
pub(crate) fn level(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Bounds of times of work that may last from a millisecond to an hour, in seconds.
fn durations() -> Vec<f64> {
    vec![
        0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0,
    ]
}
