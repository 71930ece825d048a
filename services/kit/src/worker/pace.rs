//! Pace: how fast a worker gets on, and how long what is left takes at that.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// Samples that are kept: the pace is that of the last few minutes.
const SAMPLES: usize = 16;
/// Least time between two of them.
const APART: Duration = Duration::from_secs(10);

/// How much was done when.
#[derive(Debug, Default)]
pub(super) struct Pace(VecDeque<(Instant, u64)>);

impl Pace {
    /// Notes how far a worker is; returns how long what is left takes if it goes on as it did. Nothing where that cannot be told.
    pub(super) fn note(
        &mut self,
        now: Instant,
        done: Option<u64>,
        left: Option<u64>,
    ) -> Option<Duration> {
        let done = done?;
        if self.0.back().is_some_and(|(_, before)| *before > done) {
            // It began anew.
            self.0.clear();
        }
        let newest = self.0.back().map(|(at, _)| *at);
        if newest.is_none_or(|at| now.duration_since(at) >= APART) {
            self.0.push_back((now, done));
        }
        while self.0.len() > SAMPLES {
            self.0.pop_front();
        }
        let (since, before) = self.0.front()?;
        let (took, progress) = (now.duration_since(*since), done.saturating_sub(*before));
        let left = left.filter(|left| *left > 0)?;
        let millis = took.as_millis().saturating_mul(u128::from(left));
        let millis = millis.checked_div(u128::from(progress))?;
        Some(Duration::from_millis(
            u64::try_from(millis).unwrap_or(u64::MAX),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_takes_as_long_as_it_did_lately() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.note(at(0), Some(0), Some(100)), None);
        let eta = pace.note(at(20), Some(10), Some(90));
        assert_eq!(eta, Some(Duration::from_secs(180)));
        assert_eq!(
            pace.note(at(30), Some(15), Some(0)),
            None,
            "nothing is left"
        );
        // Slow for so long that the quick beginning is forgotten.
        for step in 0..=20 {
            pace.note(at(100 + step * 10), Some(100 + step), Some(50));
        }
        let eta = pace.note(at(310), Some(121), Some(50));
        assert_eq!(eta, Some(Duration::from_secs(500)));
    }

    #[test]
    fn no_time_is_told_without_progress_or_after_a_new_beginning() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(pace.note(at(0), None, Some(9)), None);
        assert_eq!(pace.note(at(1), Some(5), Some(9)), None);
        assert_eq!(pace.note(at(60), Some(5), Some(9)), None, "it stands");
        assert_eq!(pace.note(at(61), Some(0), Some(9)), None, "it began anew");
    }
}
