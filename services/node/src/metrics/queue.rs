//! The queue of recoveries: how much, why, how old, and for how long still.

use prometheus::{IntGauge, IntGaugeVec};
use walrus_service::{clock::Clock, metrics::Registry};

use super::level;
use crate::healing::RepairQueue;

/// What is to be recovered.
#[derive(Debug)]
pub struct QueueMetrics {
    entries: IntGaugeVec,
    oldest: IntGaugeVec,
    eta: IntGauge,
}

impl QueueMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            entries: registry.gauges(
                "walrus_node_repair_queue_entries",
                "What is queued for recovery, by reason: slivers, and blobs of which nobody has looked yet what is missing",
                &["reason"],
            ),
            oldest: registry.gauges(
                "walrus_node_repair_queue_oldest_seconds",
                "Age of the oldest entry in the queue of recoveries, by reason",
                &["reason"],
            ),
            eta: registry.gauge(
                "walrus_node_repair_queue_eta_seconds",
                "Time until nothing is queued but what nobody has, at the pace of the last minutes; -1 if that cannot be told",
            ),
        }
    }

    /// Tells the queue as it is; reasons that it does not have any more have nothing.
    pub(super) fn set(&self, queue: &RepairQueue) {
        self.entries.reset();
        self.oldest.reset();
        let now = Clock::system().unix_ms();
        for queued in &queue.by_reason {
            let reason = &[queued.reason.as_str()];
            let age = now.saturating_sub(queued.oldest_ms) / 1000;
            self.entries
                .with_label_values(reason)
                .set(level(queued.entries));
            self.oldest.with_label_values(reason).set(level(age));
        }
        self.eta.set(queue.eta_secs.map_or(-1, level));
    }
}
