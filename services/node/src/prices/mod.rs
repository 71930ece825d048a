//! Prices: what a WAL costs, for nodes that vote for prices in US dollars. Node spec 5.10.
//!
//! Nobody is asked unless the operator names somebody: a number of his own, a program, or a URL that answers with JSON. The price is the
//! median of what the feeds say. Without a fresh one the node's votes stay as they are.

mod feed;
mod monitor;

use serde::{Deserialize, Serialize};

pub use self::feed::{FeedError, PriceFeed};
pub use self::monitor::NoPrice;
pub(crate) use self::monitor::{PriceMonitor, Prices};
use crate::config::NodeConfig;

/// The least that a WAL may cost, in US dollars; what a feed says below it is left out.
const LEAST_USD: f64 = 1e-9;
/// The most.
const MOST_USD: f64 = 1e9;
/// Nano-dollars in a dollar, and FROST in a WAL: of prices the two cancel out.
const MOST_FROST: f64 = 9e18;

/// The price of a WAL, in US dollars.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Usd(f64);

// It is a number.
impl Eq for Usd {}

/// A price that nobody can mean.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("a WAL does not cost {0} US dollars; between {LEAST_USD} and {MOST_USD} is possible")]
pub struct ImpossiblePrice(f64);

impl TryFrom<f64> for Usd {
    type Error = ImpossiblePrice;

    fn try_from(usd: f64) -> Result<Self, ImpossiblePrice> {
        match (LEAST_USD..=MOST_USD).contains(&usd) {
            true => Ok(Self(usd)),
            false => Err(ImpossiblePrice(usd)),
        }
    }
}

impl From<Usd> for f64 {
    fn from(Usd(usd): Usd) -> Self {
        usd
    }
}

impl std::fmt::Display for Usd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} USD", self.0)
    }
}

impl Usd {
    /// An amount of nano-dollars in FROST, rounded up; `None` if it is more than there can be.
    // A float that is in range, and whole.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss
    )]
    pub fn frost(self, nano_usd: u64) -> Option<u64> {
        let frost = (nano_usd as f64 / self.0).ceil();
        (frost < MOST_FROST).then_some(frost as u64)
    }

    /// The one in the middle, or between the two that are; `None` if there is none.
    pub(crate) fn median(mut prices: Vec<Self>) -> Option<Self> {
        prices.sort_by(|one, other| one.0.total_cmp(&other.0));
        let upper = *prices.get(prices.len() / 2)?;
        let lower = *prices.get(prices.len().saturating_sub(1) / 2)?;
        Some(Self(f64::midpoint(lower.0, upper.0)))
    }
}

/// Who is asked what a WAL costs, and how often. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalPriceConfig {
    /// Whether they are asked though the node votes in FROST: for the metrics alone.
    pub force_enable_wal_price_monitor: bool,
    /// Seconds between two times.
    pub check_interval_secs: u64,
    /// Seconds that one of them has for an answer.
    pub request_timeout_secs: u64,
    /// Who is asked.
    pub feeds: Vec<PriceFeed>,
}

impl Default for WalPriceConfig {
    fn default() -> Self {
        Self {
            force_enable_wal_price_monitor: false,
            check_interval_secs: 600,
            request_timeout_secs: 60,
            feeds: Vec::new(),
        }
    }
}

/// What a WAL costs now, if a node with this configuration votes in dollars.
///
/// # Errors
/// [`NoPrice`].
pub async fn price_to_vote_with(config: &NodeConfig) -> Result<Option<Usd>, NoPrice> {
    if !config.voting_params.is_in_dollars() {
        return Ok(None);
    }
    let addresses = config.sui.peer_addresses(config.allow_private_addresses);
    let price = monitor::ask_once(&config.wal_price_monitor, addresses).await?;
    Ok(Some(price))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(usd: f64) -> Usd {
        Usd::try_from(usd).unwrap()
    }

    #[test]
    fn nano_dollars_become_frost_and_nothing_is_given_away() {
        // A WAL of half a dollar: a nano-dollar is two FROST.
        assert_eq!(usd(0.5).frost(100_000), Some(200_000));
        assert_eq!(usd(3.0).frost(10), Some(4));
        assert_eq!(usd(3.0).frost(0), Some(0));
        assert_eq!(usd(1e-9).frost(u64::MAX), None);
    }

    #[test]
    fn the_price_is_the_one_in_the_middle() {
        assert_eq!(Usd::median(vec![]), None);
        assert_eq!(Usd::median(vec![usd(7.0)]), Some(usd(7.0)));
        let wrong = vec![usd(0.5), usd(1e6), usd(0.4)];
        assert_eq!(Usd::median(wrong), Some(usd(0.5)));
        assert_eq!(Usd::median(vec![usd(1.0), usd(2.0)]), Some(usd(1.5)));
    }

    #[test]
    fn what_nobody_can_mean_is_no_price() {
        for wrong in [0.0, -1.0, 1e-10, 1e10, f64::NAN, f64::INFINITY] {
            assert!(Usd::try_from(wrong).is_err(), "{wrong}");
        }
    }
}
