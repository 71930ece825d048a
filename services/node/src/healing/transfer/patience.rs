//! Patience with the source of a shard: how long it is waited for before the shard is recovered from the other nodes.
//!
//! Waiting for a source uses patience up, what it sends and verifies gives it back at a least rate. So one that is silent, that
//! trickles, or that sends what does not verify is given up within the patience; and whatever it sends, the shard has a deadline,
//! which is the same after a restart.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::ShardSyncConfig;

/// What an answer that brings all that it was asked for may take besides its bytes: small ones are mostly the way there and back.
const ROUND_TRIP: Duration = Duration::from_secs(1);

/// The longest deadline: a century.
const FAR_AWAY: Duration = Duration::from_secs(100 * 366 * 86_400);

/// What is asked of every source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    /// For how long a source may send nothing.
    patience: Duration,
    /// Bytes a second that give patience back.
    rate: u64,
    /// How long the transfer of a shard may take.
    deadline: Duration,
}

/// Why a source is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum GivenUp {
    /// It sends too little.
    #[error(
        "it was waited for {waited:?} and sent less than {rate} bytes a second, with {patience:?} of slack"
    )]
    TooSlow {
        waited: Duration,
        rate: u64,
        patience: Duration,
    },
    /// The shard takes too long.
    #[error("the shard is not here after {deadline:?}")]
    Deadline { deadline: Duration },
}

/// The patience with the source of one shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience {
    terms: Terms,
    /// When the transfer has to be over.
    deadline: Instant,
    /// How long the source was waited for.
    waited: Duration,
    /// How much of that was worth it; never more.
    earned: Duration,
}

/// What a request brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Slivers that were asked for.
    pub(super) asked: u64,
    /// Those that were stored.
    pub(super) slivers: u64,
    /// Their bytes.
    pub(super) bytes: u64,
}

impl Patience {
    /// With the source of a transfer that was begun so long ago.
    pub(super) fn new(config: &ShardSyncConfig, begun: Duration, now: Instant) -> Self {
        let seconds = Duration::from_secs;
        let terms = Terms {
            patience: seconds(config.shard_sync_retry_switch_to_recovery_interval_secs),
            rate: config.shard_sync_min_bytes_per_sec.max(1),
            deadline: seconds(config.shard_sync_deadline_secs),
        };
        let left = terms.deadline.saturating_sub(begun).min(FAR_AWAY);
        Self {
            terms,
            deadline: now.checked_add(left).unwrap_or(now),
            waited: Duration::ZERO,
            earned: Duration::ZERO,
        }
    }

    /// The source was waited for so long.
    pub(super) fn waited(&mut self, time: Duration) {
        self.waited = self.waited.saturating_add(time);
    }

    /// What came of it, once it is stored.
    pub(super) fn brought(&mut self, brought: Brought) {
        let trip = ROUND_TRIP
            .saturating_mul(u32::try_from(brought.slivers).unwrap_or(u32::MAX))
            .checked_div(u32::try_from(brought.asked).unwrap_or(u32::MAX));
        let earned = self
            .time_of(brought.bytes)
            .saturating_add(trip.unwrap_or_default().min(ROUND_TRIP));
        self.earned = self.earned.saturating_add(earned).min(self.waited);
    }

    /// When the transfer has to be over.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Until when a request may go on of which so many bytes have come that are not stored yet.
    pub(super) fn until(&self, came: u64, now: Instant) -> Instant {
        let patience = self.terms.patience;
        let left = self.left().saturating_add(self.time_of(came)).min(patience);
        let until = now.checked_add(left).unwrap_or(now);
        until.min(self.deadline)
    }

    /// Why the source is to be given up, if it is.
    pub(super) fn is_over(&self, now: Instant) -> Option<GivenUp> {
        let is_late = now >= self.deadline;
        (is_late || self.left().is_zero()).then(|| self.why(now))
    }

    /// Why a source is given up whose time is over.
    pub(super) fn why(&self, now: Instant) -> GivenUp {
        let Terms {
            patience,
            rate,
            deadline,
        } = self.terms;
        if now >= self.deadline {
            return GivenUp::Deadline { deadline };
        }
        GivenUp::TooSlow {
            waited: self.waited,
            rate,
            patience,
        }
    }

    fn left(&self) -> Duration {
        let patience = self.terms.patience.saturating_add(self.earned);
        patience.saturating_sub(self.waited)
    }

    fn time_of(&self, bytes: u64) -> Duration {
        let millis = bytes.saturating_mul(1000).checked_div(self.terms.rate);
        Duration::from_millis(millis.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const KIB: u64 = 1 << 10;

    /// Ten seconds of patience, a hundred until the deadline, 1 KiB a second.
    fn patience(begun: Instant) -> Patience {
        let config = ShardSyncConfig {
            shard_sync_retry_switch_to_recovery_interval_secs: 10,
            shard_sync_min_bytes_per_sec: KIB,
            shard_sync_deadline_secs: 100,
            ..ShardSyncConfig::default()
        };
        Patience::new(&config, Duration::ZERO, begun)
    }

    fn brought(asked: u64, slivers: u64, bytes: u64) -> Brought {
        Brought {
            asked,
            slivers,
            bytes,
        }
    }

    #[test]
    fn one_that_is_silent_is_given_up_when_patience_is() {
        let now = Instant::now();
        let mut patience = patience(now);
        assert_eq!(patience.until(0, now), now + SECOND * 10);
        patience.waited(SECOND * 9);
        assert_eq!(patience.is_over(now), None);
        patience.waited(SECOND);
        let why = patience.is_over(now).unwrap();
        assert!(matches!(why, GivenUp::TooSlow { .. }), "{why}");
    }

    #[test]
    fn one_that_trickles_gains_no_more_than_what_it_sends_is_worth() {
        let now = Instant::now();
        let mut patience = patience(now);
        let mut answers = 0;
        // One small sliver of a thousand every two seconds.
        while patience.is_over(now).is_none() {
            patience.waited(SECOND * 2);
            patience.brought(brought(1000, 1, KIB / 4));
            answers += 1;
        }
        assert_eq!(answers, 6);
    }

    #[test]
    fn one_that_keeps_the_rate_is_not_given_up_before_the_deadline() {
        let begun = Instant::now();
        let mut patience = patience(begun);
        for second in 0..99 {
            patience.waited(SECOND);
            patience.brought(brought(10, 3, KIB));
            assert_eq!(patience.is_over(begun + SECOND * second), None);
        }
        let end = begun + SECOND * 100;
        assert_eq!(
            patience.is_over(end),
            Some(GivenUp::Deadline {
                deadline: SECOND * 100
            })
        );
        assert_eq!(patience.until(1 << 40, end - SECOND), end);
    }

    #[test]
    fn small_answers_that_are_whole_are_not_held_against_a_source() {
        let now = Instant::now();
        let mut patience = patience(now);
        for _ in 0..100 {
            patience.waited(SECOND / 2);
            patience.brought(brought(1, 1, 7));
        }
        assert_eq!(patience.until(0, now), now + SECOND * 10);
    }

    #[test]
    fn what_came_in_a_burst_does_not_buy_more_than_the_patience() {
        let now = Instant::now();
        let mut patience = patience(now);
        patience.waited(SECOND);
        assert_eq!(patience.until(0, now), now + SECOND * 9);
        assert_eq!(patience.until(1 << 40, now), now + SECOND * 10);
        patience.brought(brought(1, 1, 1 << 40));
        assert_eq!(patience.until(0, now), now + SECOND * 10);
    }
}
