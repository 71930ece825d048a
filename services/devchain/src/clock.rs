//! Clock: where the timestamps of checkpoints come from (devchain spec 6.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How time passes on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ClockMode {
    /// With the wall clock, plus whatever the clock was advanced by.
    #[default]
    Wall,
    /// Only when it is advanced by hand.
    Manual,
    /// With the clock of tokio's runtime, from where the chain stood: what passes there passes here, also when a simulation lets
    /// hours pass in no time. For a chain that works [in its caller's thread](crate::DevchainBuilder::in_callers_thread).
    Runtime,
}

/// The chain's clock: never goes backwards, also not across restarts.
#[derive(Debug)]
pub(crate) struct ChainClock {
    mode: ClockMode,
    /// Milliseconds ahead of the wall clock.
    offset_ms: u64,
    last_ms: u64,
    /// When the chain stood at `resumed_ms`.
    resumed: tokio::time::Instant,
    resumed_ms: u64,
}

impl ChainClock {
    /// A clock that continues after `last_ms`.
    pub(crate) fn new(mode: ClockMode, last_ms: u64) -> Self {
        Self {
            mode,
            offset_ms: match mode {
                ClockMode::Wall => last_ms.saturating_sub(wall_ms()),
                ClockMode::Manual | ClockMode::Runtime => 0,
            },
            last_ms,
            resumed: tokio::time::Instant::now(),
            resumed_ms: last_ms,
        }
    }

    /// The time a checkpoint made now would carry, in milliseconds since 1970.
    pub(crate) fn peek(&self) -> u64 {
        match self.mode {
            ClockMode::Wall => wall_ms().saturating_add(self.offset_ms).max(self.last_ms),
            ClockMode::Manual => self.last_ms,
            ClockMode::Runtime => self
                .resumed_ms
                .saturating_add(millis(self.resumed.elapsed()))
                .saturating_add(self.offset_ms)
                .max(self.last_ms),
        }
    }

    /// Takes the time for a checkpoint.
    pub(crate) fn tick(&mut self) -> u64 {
        self.last_ms = self.peek();
        self.last_ms
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&mut self, by: Duration) {
        let by = millis(by);
        match self.mode {
            ClockMode::Wall | ClockMode::Runtime => {
                self.offset_ms = self.offset_ms.saturating_add(by)
            }
            ClockMode::Manual => self.last_ms = self.last_ms.saturating_add(by),
        }
    }
}

fn wall_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, millis)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
