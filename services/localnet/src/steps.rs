//! Start-up steps: what a network tells while it comes up.

use walrus_sui::{Address, Digest};

/// Something that happened while a network came up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// The chain answers.
    ChainStarted {
        /// Address of its gRPC service.
        rpc_url: String,
        /// Its identity.
        chain_id: String,
    },
    /// A Move package was published.
    Published {
        /// The package's name.
        name: String,
        /// Its ID.
        package: Address,
        /// The transaction.
        digest: Digest,
    },
    /// The shared objects were created.
    Initialized {
        /// The system object.
        system: Address,
        /// The staking object.
        staking: Address,
        /// The transaction.
        digest: Digest,
    },
    /// Operators have registered their nodes.
    Registered {
        /// How many.
        done: u16,
        /// Of how many.
        total: u16,
    },
    /// Stake was put on every node.
    Staked {
        /// FROST on each node.
        frost_per_node: u64,
    },
    /// The first committee was selected.
    CommitteeSelected {
        /// Its epoch.
        epoch: u32,
    },
    /// Node services are up.
    NodesStarted {
        /// How many.
        done: u16,
        /// Of how many.
        total: u16,
    },
    /// A quorum of nodes is ready, the network takes blobs.
    Ready,
}

/// Receives [`Step`]s.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on_step(&self, step: Step);
}

/// Ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn on_step(&self, _step: Step) {}
}
