//! Plan of a simulation: how large, how long, how much happens. Everything else follows from the seed.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};

/// How large a simulation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What everything random follows from.
    pub seed: u64,
    /// Nodes of the first committee.
    pub nodes: u16,
    /// Epochs that begin while blobs are stored and faults happen.
    pub epochs: u32,
    /// Blobs that are stored.
    pub stores: u32,
    /// Faults that happen, joins and leaves included.
    pub faults: u32,
}

impl Plan {
    /// Twenty nodes, three epochs, a hundred stores, sixteen faults.
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            nodes: 20,
            epochs: 3,
            stores: 100,
            faults: 16,
        }
    }

    /// A plan that a test may run beside others.
    pub fn small(seed: u64) -> Self {
        Self {
            nodes: 5,
            epochs: 1,
            stores: 6,
            faults: 2,
            ..Self::of_seed(seed)
        }
    }

    /// Shards of the network: two a node, and as many as an encoding needs.
    pub(crate) fn shards(&self) -> u16 {
        self.nodes.saturating_mul(2).max(10)
    }

    /// Nodes that are registered and may join.
    pub(crate) fn spares(&self) -> u16 {
        self.nodes / 5
    }

    /// How long blobs are stored and faults happen.
    pub(crate) fn span(&self) -> Duration {
        EPOCH.saturating_mul(self.epochs)
    }

    /// Random decisions for one purpose.
    pub(crate) fn draw(&self, purpose: &str) -> StdRng {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        StdRng::from_seed(*hasher.finalize().as_bytes())
    }
}

/// How long an epoch is.
pub(crate) const EPOCH: Duration = Duration::from_secs(240);
