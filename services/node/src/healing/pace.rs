//! Pace of repair: what was done in the last minutes, of which a rate and a time to go follow.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

/// How far back is looked.
const WINDOW: Duration = Duration::from_secs(300);
/// What falls into one slot is counted together.
const SLOT: Duration = Duration::from_secs(10);

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Done {
    /// Blobs that left the queue.
    pub(crate) blobs: u64,
    /// Slivers that were recovered.
    pub(crate) slivers: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

impl Done {
    fn add(&mut self, more: Self) {
        self.blobs = self.blobs.saturating_add(more.blobs);
        self.slivers = self.slivers.saturating_add(more.slivers);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// So much in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) blobs: f64,
    pub(crate) slivers: f64,
    pub(crate) bytes: u64,
}

/// What was done in the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    slots: VecDeque<(Instant, Done)>,
}

impl Pace {
    /// Something was done now.
    pub(crate) fn note(&mut self, done: Done, now: Instant) {
        self.forget(now);
        match self.slots.back_mut() {
            Some((since, sum)) if now.saturating_duration_since(*since) < SLOT => sum.add(done),
            _ => self.slots.push_back((now, done)),
        }
    }

    /// The rates over the window, or since the first thing that was done if that is less; at least over one slot.
    pub(crate) fn rates(&mut self, now: Instant) -> Rates {
        self.forget(now);
        let mut sum = Done::default();
        self.slots.iter().for_each(|(_, done)| sum.add(*done));
        let since = self.slots.front().map_or(now, |(since, _)| *since);
        let time = now.saturating_duration_since(since).max(SLOT);
        let seconds = time.as_secs_f64();
        let rate = |count: u64| {
            let count = u32::try_from(count.min(u64::from(u32::MAX))).unwrap_or(u32::MAX);
            f64::from(count) / seconds
        };
        Rates {
            blobs: rate(sum.blobs),
            slivers: rate(sum.slivers),
            bytes: sum.bytes.checked_div(time.as_secs()).unwrap_or_default(),
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |since: Instant| now.saturating_duration_since(since) > WINDOW;
        while self.slots.front().is_some_and(|(since, _)| is_old(*since)) {
            self.slots.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slivers(slivers: u64, kib: u64) -> Done {
        Done {
            blobs: 0,
            slivers,
            bytes: kib << 10,
        }
    }

    #[test]
    fn rates_are_those_of_the_window() {
        let (begun, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = Pace::default();
        assert_eq!(pace.rates(begun), Rates::default());
        for number in 0..600 {
            pace.note(slivers(2, 4), begun + second * number);
        }
        let rates = pace.rates(begun + second * 599);
        assert!((1.9..2.1).contains(&rates.slivers), "{rates:?}");
        assert!((3900..4300).contains(&rates.bytes), "{rates:?}");
        assert!(pace.slots.len() <= 32);
        let later = pace.rates(begun + second * 2000);
        assert_eq!(later, Rates::default());
    }

    #[test]
    fn what_has_just_begun_promises_no_more_than_a_slot_shows() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        pace.note(slivers(10, 1), begun);
        let rates = pace.rates(begun);
        assert!((0.9..1.1).contains(&rates.slivers), "{rates:?}");
    }
}
