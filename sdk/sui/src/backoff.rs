//! Back-off: pauses between tries that double up to a bound.

use std::time::Duration;

/// Pauses that begin with one length and double with each failure, up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Backoff {
    /// Pauses of `first`, twice `first` and so on, none above `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after the last of `failures` failures in a row; none after none.
    pub fn pause(&self, failures: u32) -> Duration {
        let Some(doublings) = failures.checked_sub(1) else {
            return Duration::ZERO;
        };
        self.first
            .saturating_mul(2_u32.saturating_pow(doublings))
            .min(self.longest)
    }

    /// A pause at random between half of [`Backoff::pause`] and all of it, for when many may fail at the same moment.
    pub fn jittered(&self, failures: u32) -> Duration {
        self.pause(failures)
            .mul_f64(rand::random_range(0.5..=1.0_f64))
    }

    /// A pause at random between nothing and all of [`Backoff::pause`], so that many who collided come back one by one.
    pub fn scattered(&self, failures: u32) -> Duration {
        self.pause(failures)
            .mul_f64(rand::random_range(0.0..=1.0_f64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff::new(SECOND, Duration::from_secs(60));
        let pauses: Vec<_> = (0..9).map(|count| backoff.pause(count).as_secs()).collect();
        assert_eq!(pauses, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.pause(u32::MAX).as_secs(), 60);
    }

    #[test]
    fn the_longest_bounds_the_first_as_well() {
        assert_eq!(Backoff::new(SECOND * 5, SECOND).pause(1), SECOND);
        assert_eq!(
            Backoff::new(Duration::MAX, Duration::MAX).pause(9),
            Duration::MAX
        );
    }

    #[test]
    fn jitter_takes_away_at_most_half() {
        let backoff = Backoff::new(SECOND, SECOND * 8);
        for _ in 0..1000 {
            let pause = backoff.jittered(3);
            assert!((SECOND * 2..=SECOND * 4).contains(&pause), "{pause:?}");
        }
    }
}
