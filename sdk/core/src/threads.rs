//! How many threads a computation may use, and how work is split among them.

use std::{num::NonZeroUsize, ops::Range};

/// Number of threads a computation may use; there is no hidden pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threads(NonZeroUsize);

impl Threads {
    /// The calling thread alone.
    pub const ONE: Self = Self(NonZeroUsize::MIN);

    /// A number of threads.
    pub const fn new(count: NonZeroUsize) -> Self {
        Self(count)
    }

    /// As many as the machine has cores, or one if that is unknown.
    pub fn available() -> Self {
        Self(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// Splits `0..count` into at most this many ranges of nearly equal length and maps each on a thread of
    /// its own; the results are in order. With one range the calling thread does it.
    pub(crate) fn map_ranges<T: Send>(
        self,
        count: usize,
        map: impl Fn(Range<usize>) -> T + Sync,
    ) -> Vec<T> {
        let chunk = count.div_ceil(self.0.get()).max(1);
        let ranges: Vec<_> = (0..count)
            .step_by(chunk)
            .map(|start| start..(start + chunk).min(count))
            .collect();
        if ranges.len() <= 1 {
            return ranges.into_iter().map(map).collect();
        }
        std::thread::scope(|scope| {
            let map = &map;
            let handles: Vec<_> = ranges
                .into_iter()
                .map(|range| scope.spawn(move || map(range)))
                .collect();
            handles
                .into_iter()
                .map(|handle| {
                    handle
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect()
        })
    }
}
