//! Price monitor: a worker that asks the feeds now and then, and what it found for those who vote.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use walrus_node_client::Addresses;
use walrus_service::worker::{Failure, Status, Step, Worker};

use super::{PriceFeed, Usd, WalPriceConfig};
use crate::metrics::PriceMetrics;

/// A price is used for so many intervals after it was found; then it is not known any more.
const FRESH_INTERVALS: u32 = 3;
/// How long it is waited for the first price.
const FIRST_PRICE: Duration = Duration::from_secs(10);

/// Nobody knows what a WAL costs.
#[derive(Debug, thiserror::Error)]
#[error("no feed of wal_price_monitor.feeds says what a WAL costs: {0}")]
pub struct NoPrice(String);

/// A price, and until when it counts.
#[derive(Debug, Clone, Copy)]
struct Found {
    price: Usd,
    until: Instant,
}

/// What the monitor found.
#[derive(Debug, Clone)]
pub(crate) struct Prices(watch::Receiver<Option<Found>>);

impl Prices {
    /// The price, if one is known that is fresh. Right after the start it is waited for a little.
    pub(crate) async fn current(&mut self) -> Option<Usd> {
        let first = timeout(FIRST_PRICE, self.0.wait_for(Option::is_some)).await;
        let found = (*first.ok()?.ok()?)?;
        (Instant::now() < found.until).then_some(found.price)
    }
}

/// Asks the feeds.
pub(crate) struct PriceMonitor {
    config: WalPriceConfig,
    addresses: Addresses,
    metrics: Arc<PriceMetrics>,
    found: watch::Sender<Option<Found>>,
    asked: u64,
}

impl PriceMonitor {
    /// A monitor, and where it tells what it finds. URLs lead to `addresses` alone.
    pub(crate) fn new(
        config: WalPriceConfig,
        addresses: Addresses,
        metrics: Arc<PriceMetrics>,
    ) -> (Self, Prices) {
        let (found, prices) = watch::channel(None);
        let monitor = Self {
            config,
            addresses,
            metrics,
            found,
            asked: 0,
        };
        (monitor, Prices(prices))
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(self.config.check_interval_secs.clamp(1, 86_400))
    }

    /// Asks all feeds once.
    async fn ask(&self) -> Result<Usd, NoPrice> {
        let patience = Duration::from_secs(self.config.request_timeout_secs.clamp(1, 3600));
        let asking = |(place, feed): (usize, &PriceFeed)| {
            let label = feed.label(place);
            let asked = feed.clone();
            let addresses = self.addresses;
            async move { (label, asked.ask(addresses, patience).await) }
        };
        let answers = join_all((1..).zip(&self.config.feeds).map(asking)).await;
        let (mut prices, mut reasons) = (Vec::new(), Vec::new());
        for (label, answer) in answers {
            self.metrics.asked(&label, answer.as_ref().ok().copied());
            match answer {
                Ok(price) => prices.push(price),
                Err(error) => {
                    tracing::warn!(feed = label, %error, "a price feed says nothing");
                    reasons.push(format!("{label}: {error}"));
                }
            }
        }
        Usd::median(prices).ok_or_else(|| {
            NoPrice(if reasons.is_empty() {
                "there is none".to_owned()
            } else {
                reasons.join("; ")
            })
        })
    }
}

/// What a WAL costs now, by the feeds of a configuration: for those who have no monitor.
///
/// # Errors
/// [`NoPrice`].
pub(super) async fn ask_once(
    config: &WalPriceConfig,
    addresses: Addresses,
) -> Result<Usd, NoPrice> {
    let metrics = Arc::new(PriceMetrics::untold());
    let (monitor, _) = PriceMonitor::new(config.clone(), addresses, metrics);
    monitor.ask().await
}

impl Worker for PriceMonitor {
    fn name(&self) -> &'static str {
        "wal-price"
    }

    fn status(&self) -> Status {
        let found = *self.found.borrow();
        Status {
            done: Some(self.asked),
            left: None,
            note: found.map(|found| found.price.to_string().into()),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.asked = self.asked.saturating_add(1);
        match self.ask().await {
            Ok(price) => {
                let now = Instant::now();
                let fresh = self.interval().saturating_mul(FRESH_INTERVALS);
                let until = now.checked_add(fresh).unwrap_or(now);
                self.metrics.median(price);
                self.found.send_replace(Some(Found { price, until }));
                Ok(Step::WaitAtMost(self.interval()))
            }
            Err(error) => Ok(Step::RetryOrWait(error.into())),
        }
    }

    /// Nobody can say that a price has changed.
    async fn wait(&mut self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(usd: f64) -> PriceFeed {
        PriceFeed {
            usd: Some(Usd::try_from(usd).unwrap()),
            ..PriceFeed::default()
        }
    }

    fn monitor(feeds: Vec<PriceFeed>) -> (PriceMonitor, Prices) {
        let config = WalPriceConfig {
            feeds,
            ..WalPriceConfig::default()
        };
        let metrics = Arc::new(PriceMetrics::untold());
        PriceMonitor::new(config, Addresses::Any, metrics)
    }

    #[tokio::test]
    async fn a_price_is_known_while_it_is_fresh() {
        let (mut monitor, mut prices) = monitor(vec![fixed(2.0), fixed(4.0), PriceFeed::default()]);
        monitor.work().await.unwrap();
        assert_eq!(prices.current().await.map(f64::from), Some(3.0));
        let found = monitor.found.borrow().unwrap();
        assert!(found.until > Instant::now() + monitor.interval() * 2);
        let until = Instant::now();
        monitor.found.send_replace(Some(Found { until, ..found }));
        assert_eq!(prices.current().await, None);
    }

    #[tokio::test]
    async fn without_an_answer_the_reasons_are_told() {
        let (mut nobody, _prices) = monitor(vec![]);
        let step = nobody.work().await.unwrap();
        assert!(matches!(step, Step::RetryOrWait(_)));
        let wrong = PriceFeed {
            name: Some("mine".to_owned()),
            ..PriceFeed::default()
        };
        let config = WalPriceConfig {
            feeds: vec![wrong],
            ..WalPriceConfig::default()
        };
        let error = ask_once(&config, Addresses::Any).await.unwrap_err();
        assert!(error.to_string().contains("mine: a feed of"), "{error}");
    }
}
