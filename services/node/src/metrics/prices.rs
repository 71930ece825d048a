//! Prices: what feeds say that a WAL costs.

use prometheus::{GaugeVec, IntCounterVec};
use walrus_service::metrics::Registry;

use crate::prices::Usd;

/// The label of the price that the node goes by.
const MEDIAN: &str = "median";

/// Prices of a WAL.
#[derive(Debug)]
pub struct PriceMetrics {
    price: GaugeVec,
    found: IntCounterVec,
    failed: IntCounterVec,
}

impl PriceMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            price: registry.fractions(
                "walrus_current_monitored_wal_price",
                "The price of a WAL in US dollars, by feed, and the one in the middle",
                &["price_source"],
            ),
            found: registry.counters(
                "walrus_wal_price_fetch_success_total",
                "Times that a feed said what a WAL costs",
                &["price_source"],
            ),
            failed: registry.counters(
                "walrus_wal_price_fetch_failure_total",
                "Times that a feed did not say what a WAL costs",
                &["price_source"],
            ),
        }
    }

    /// Those of nobody.
    pub(crate) fn untold() -> Self {
        Self::new(&Registry::new())
    }

    /// A feed was asked.
    pub(crate) fn asked(&self, feed: &str, price: Option<Usd>) {
        match price {
            Some(price) => {
                self.price.with_label_values(&[feed]).set(price.into());
                self.found.with_label_values(&[feed]).inc();
            }
            None => self.failed.with_label_values(&[feed]).inc(),
        }
    }

    /// The node goes by this price.
    pub(crate) fn median(&self, price: Usd) {
        self.price.with_label_values(&[MEDIAN]).set(price.into());
    }
}
