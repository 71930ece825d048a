//! Epoch driver: transactions that keep epochs going. They are this node's own reports, and the calls that any node may make. Node
//! spec 5.4.
//!
//! Each duty is a worker of its own.

mod attestation;
mod calls;
mod duty;
mod membership;
mod subsidies;

use std::{sync::Arc, time::Duration};

use walrus_service::clock::Clock;
use walrus_sui::{
    Address,
    objects::StakingInnerV1,
    transactions::{ContractWriter, TransactionError},
};

use crate::{
    committee::CommitteeHolder,
    limits::{DRIVER_POLL_MAX, MAX_JITTER},
    shards::ShardLife,
    signal::Signal,
    storage::StorageError,
};

/// Sends a node's epoch transactions.
pub(crate) struct EpochDriver {
    pub(crate) shards: Arc<ShardLife>,
    pub(crate) committees: Arc<CommitteeHolder>,
    /// The node's ID on chain.
    pub(crate) node_id: Address,
    /// Tells that the chain may wait for something.
    pub(crate) epoch_moved: Arc<Signal>,
    pub(crate) writer: ContractWriter,
    pub(crate) cap: Address,
    /// Whether to make the calls that any node may make.
    pub(crate) drives: bool,
    /// The subsidies to process.
    pub(crate) subsidies: Option<Address>,
    pub(crate) clock: Clock,
}

/// Why a duty is not done yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriverError {
    /// The storage does not tell what is to be done.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The chain cannot be read, or a transaction failed; another node may have been first.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

impl EpochDriver {
    /// How long to wait for `due_ms` before looking at the chain again; `None` if it is over.
    fn wait_for(&self, due_ms: u64) -> Option<Duration> {
        let wait = due_ms.saturating_sub(self.clock.unix_ms());
        // Near the moment, wait for exactly it.
        (wait > 0).then(|| Duration::from_millis(wait).min(DRIVER_POLL_MAX))
    }
}

/// Keeps the nodes from making the same call at the same time.
async fn wait_at_random(staking: &StakingInnerV1) {
    let longest = Duration::from_millis(staking.epoch_duration / 10).min(MAX_JITTER);
    tokio::time::sleep(longest.mul_f64(rand::random::<f64>())).await;
}

#[cfg(test)]
pub(super) mod tests {
    use walrus_sui::objects::{CommitteeShards, EpochState, ExtendedField, TableRef};

    use super::*;

    /// A network in this state, with epochs of `epoch_duration` ms.
    pub(crate) fn staking(
        epoch: u32,
        epoch_state: EpochState,
        epoch_duration: u64,
    ) -> StakingInnerV1 {
        let field = ExtendedField { id: Address::ZERO };
        let pools = TableRef {
            id: Address::ZERO,
            size: 0,
        };
        StakingInnerV1 {
            n_shards: 10,
            epoch_duration,
            first_epoch_start: 77,
            pools,
            epoch,
            active_set: field,
            next_committee: None,
            committee: CommitteeShards::default(),
            previous_committee: CommitteeShards::default(),
            next_epoch_params: None,
            epoch_state,
            next_epoch_public_keys: field,
        }
    }
}
