//! Clock: the time of day and of the machine, which tests may set.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Tells the time. Copies tell the same.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Set(Hands),
    Runtime {
        start: tokio::time::Instant,
        start_ms: u64,
    },
}

/// Sets the [`Clock`] that it came with.
#[derive(Debug, Clone)]
pub struct Hands {
    start: Instant,
    start_ms: u64,
    passed_ms: Arc<AtomicU64>,
}

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `unix_ms`, milliseconds since 1970, until its hands are moved.
    pub fn standing_at(unix_ms: u64) -> (Self, Hands) {
        let hands = Hands {
            start: Instant::now(),
            start_ms: unix_ms,
            passed_ms: Arc::default(),
        };
        let clock = Self {
            source: Source::Set(hands.clone()),
        };
        (clock, hands)
    }

    /// A clock that is at `unix_ms` now and goes as that of tokio's runtime does: where a simulation lets hours pass in no time,
    /// they pass here.
    pub fn of_runtime(unix_ms: u64) -> Self {
        Self {
            source: Source::Runtime {
                start: tokio::time::Instant::now(),
                start_ms: unix_ms,
            },
        }
    }

    /// The time of day, in milliseconds since 1970; 0 if the machine thinks it is earlier.
    pub fn unix_ms(&self) -> u64 {
        match &self.source {
            Source::Set(hands) => hands.start_ms.saturating_add(hands.passed_ms()),
            Source::Runtime { start, start_ms } => {
                let passed = u64::try_from(start.elapsed().as_millis());
                start_ms.saturating_add(passed.unwrap_or(u64::MAX))
            }
            Source::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .ok()
                .and_then(|since| u64::try_from(since.as_millis()).ok())
                .unwrap_or_default(),
        }
    }

    /// A moment to measure durations from; never runs backwards.
    pub fn now(&self) -> Instant {
        match &self.source {
            Source::Set(hands) => hands
                .start
                .checked_add(Duration::from_millis(hands.passed_ms()))
                .unwrap_or(hands.start),
            Source::Runtime { .. } => tokio::time::Instant::now().into_std(),
            Source::System => Instant::now(),
        }
    }
}

impl Hands {
    /// Lets time pass, in whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        let _ = self
            .passed_ms
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |passed| {
                Some(passed.saturating_add(by))
            });
    }

    fn passed_ms(&self) -> u64 {
        self.passed_ms.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_moves_only_by_its_hands() {
        let (clock, hands) = Clock::standing_at(1_000);
        let copy = clock.clone();
        let before = clock.now();
        assert_eq!((clock.unix_ms(), copy.unix_ms()), (1_000, 1_000));
        hands.advance(Duration::from_secs(3));
        assert_eq!((clock.unix_ms(), copy.unix_ms()), (4_000, 4_000));
        assert_eq!(copy.now().duration_since(before), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_of_the_runtime_goes_as_that_does() {
        let clock = Clock::of_runtime(1_000);
        let before = clock.now();
        assert_eq!(clock.unix_ms(), 1_000);
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.unix_ms(), 3_601_000);
        assert_eq!(clock.now().duration_since(before).as_secs(), 3600);
    }

    #[test]
    fn the_clock_of_the_machine_is_after_this_was_written() {
        assert!(Clock::system().unix_ms() > 1_700_000_000_000);
    }
}
