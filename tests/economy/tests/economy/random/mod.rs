//! Random numbers that are the same in each run.

use rand::{Rng, SeedableRng, rngs::StdRng};
use walrus_economy::NodeId;

/// A generator for one test.
pub(crate) struct Random(StdRng);

impl Random {
    /// Seeded by number.
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// Between both, inclusive.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// With all magnitudes equally likely, zero and the maximum included.
    pub(crate) fn magnitude(&mut self) -> u64 {
        match self.between(0, 66) {
            0 => 0,
            65 | 66 => u64::MAX,
            bits => {
                let top = 1u64 << (bits - 1);
                top | (self.0.random::<u64>() & (top - 1))
            }
        }
    }

    /// At most `limit`, with all magnitudes likely.
    pub(crate) fn up_to(&mut self, limit: u64) -> u64 {
        let value = self.magnitude();
        if value <= limit {
            value
        } else {
            value % limit.saturating_add(1).max(1)
        }
    }

    /// True in one of `count` cases.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.between(1, count) == 1
    }

    /// One of them.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.between(0, from.len() as u64 - 1) as usize]
    }

    /// A new node.
    pub(crate) fn node(&mut self) -> NodeId {
        NodeId(self.0.random())
    }

    /// So many parts, each at least 1, that sum up to `total`.
    pub(crate) fn partition(&mut self, total: u64, parts: u64) -> Vec<u64> {
        let mut cuts = std::collections::BTreeSet::new();
        while (cuts.len() as u64) < parts - 1 {
            cuts.insert(self.between(1, total - 1));
        }
        cuts.insert(total);
        let mut last = 0;
        cuts.into_iter()
            .map(|cut| cut - std::mem::replace(&mut last, cut))
            .collect()
    }
}
