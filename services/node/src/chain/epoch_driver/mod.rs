//! Epoch driver: transactions that keep epochs going. They are this node's own reports, and the calls that any node may make. Node
//! spec 5.4.
//!
//! Each duty has a loop of its own, so that one which fails or waits holds up no other.

mod attestation;
mod calls;
mod membership;
mod subsidies;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::future::try_join_all;
use tokio::sync::Notify;
use walrus_core::Epoch;
use walrus_sui::{
    Address,
    objects::StakingInnerV1,
    transactions::{ContractWriter, TransactionError},
};

use self::membership::Offer;
use crate::{
    committee::CommitteeHolder,
    limits::{CHAIN_RETRY_MAX, CHAIN_RETRY_MIN, DRIVER_POLL_MAX, MAX_JITTER},
    shards::ShardLife,
    storage::StorageError,
};

/// Sends a node's epoch transactions.
pub(crate) struct EpochDriver {
    pub(crate) shards: Arc<ShardLife>,
    pub(crate) committees: Arc<CommitteeHolder>,
    /// The node's ID on chain.
    pub(crate) node_id: Address,
    /// Tells that the chain may wait for something.
    pub(crate) epoch_moved: Arc<Notify>,
    pub(crate) writer: ContractWriter,
    pub(crate) cap: Address,
    /// Whether to make the calls that any node may make.
    pub(crate) drives: bool,
    /// The subsidies to process.
    pub(crate) subsidies: Option<Address>,
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

/// What a node does for the epochs.
enum Duty {
    /// Reports that it has all its shards; the last epoch it did so for.
    Attest(Option<Epoch>),
    /// Keeps its place among the candidates; what it last asked for one with.
    Join(Option<Offer>),
    /// Makes the next call of the epoch.
    Call,
    /// Has these subsidies handed out.
    Subsidize(Address),
}

impl Duty {
    /// Does what is due; returns when to look again.
    async fn step(&mut self, driver: &EpochDriver) -> Result<Duration, DriverError> {
        Ok(match self {
            Self::Attest(attested) => driver.attest_step(attested).await?,
            Self::Join(offered) => driver.join_step(offered).await?,
            Self::Call => driver.call_step().await?,
            Self::Subsidize(subsidies) => driver.subsidies_step(*subsidies).await?,
        })
    }
}

impl EpochDriver {
    /// Runs until the storage fails; what fails on chain is tried again.
    ///
    /// # Errors
    /// [`DriverError::Storage`].
    pub(crate) async fn run(self) -> Result<(), DriverError> {
        let mut duties = vec![Duty::Attest(None), Duty::Join(None)];
        if self.drives {
            duties.push(Duty::Call);
            duties.extend(self.subsidies.map(Duty::Subsidize));
        }
        try_join_all(duties.into_iter().map(|duty| self.repeat(duty))).await?;
        Ok(())
    }

    /// Takes the steps of a duty: when they say, when the epoch moves, and, after failures, with pauses that grow.
    async fn repeat(&self, mut duty: Duty) -> Result<Infallible, DriverError> {
        let mut pause = CHAIN_RETRY_MIN;
        loop {
            let woken = self.epoch_moved.notified();
            let next = match duty.step(self).await {
                Ok(next) => {
                    pause = CHAIN_RETRY_MIN;
                    next
                }
                Err(error @ DriverError::Storage(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, "an epoch transaction failed; another node may have been first");
                    pause = pause.saturating_mul(2).min(CHAIN_RETRY_MAX);
                    pause
                }
            };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(next) => {}
            }
        }
    }
}

/// How long to wait for `due_ms` before looking at the chain again; `None` if it is over.
fn wait_for(due_ms: u64) -> Option<Duration> {
    let wait = due_ms.saturating_sub(now_ms());
    // Near the moment, wait for exactly it.
    (wait > 0).then(|| Duration::from_millis(wait).min(DRIVER_POLL_MAX))
}

/// Keeps the nodes from making the same call at the same time.
async fn wait_at_random(staking: &StakingInnerV1) {
    let longest = Duration::from_millis(staking.epoch_duration / 10).min(MAX_JITTER);
    tokio::time::sleep(longest.mul_f64(rand::random::<f64>())).await;
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use walrus_sui::objects::{CommitteeShards, EpochState, ExtendedField, TableRef};

    use super::*;

    /// A network in this state, with epochs of `epoch_duration` ms.
    pub(super) fn staking(
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
