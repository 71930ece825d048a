//! Transactions that keep epochs going: this node's report that it has synced, and the calls that any node may make. Node spec 5.4.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use walrus_core::Epoch;
use walrus_sui::{
    Address,
    objects::{EpochState, StakingInnerV1},
    transactions::{ContractWriter, TransactionError},
};

use crate::{
    limits::{CHAIN_RETRY_MAX, CHAIN_RETRY_MIN, DRIVER_POLL_MAX, MAX_JITTER},
    state::NodeState,
    storage::records::ShardState,
};

/// Sends a node's epoch transactions.
pub(crate) struct EpochDriver {
    pub(crate) state: Arc<NodeState>,
    pub(crate) writer: ContractWriter,
    pub(crate) cap: Address,
    /// Whether to make the calls that any node may make.
    pub(crate) drives: bool,
}

/// A call that any node may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    VotingEnd,
    InitiateEpochChange,
}

impl EpochDriver {
    /// Runs for ever.
    pub(crate) async fn run(self) {
        let mut pause = CHAIN_RETRY_MIN;
        let mut attested: Option<Epoch> = None;
        loop {
            let woken = self.state.epoch_wake.notified();
            let result = self.step(&mut attested).await;
            let next = match result {
                Ok(next) => {
                    pause = CHAIN_RETRY_MIN;
                    next
                }
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

    /// Does what is due; returns when to look again.
    async fn step(&self, attested: &mut Option<Epoch>) -> Result<Duration, TransactionError> {
        if let Some(epoch) = self.epoch_to_attest()?
            && *attested != Some(epoch)
        {
            self.attest(epoch).await?;
            *attested = Some(epoch);
        }
        if !self.drives {
            return Ok(DRIVER_POLL_MAX);
        }
        let staking = self.writer.reader().staking_state().await?;
        let Some((call, due)) = due_call(&staking) else {
            return Ok(DRIVER_POLL_MAX);
        };
        let wait = due.saturating_sub(now_ms());
        if wait > 0 {
            // Near the moment, wait for exactly it.
            return Ok(Duration::from_millis(wait).min(DRIVER_POLL_MAX));
        }
        tokio::time::sleep(jitter(&staking)).await;
        let staking = self.writer.reader().staking_state().await?;
        if due_call(&staking).is_some_and(|(still, _)| still == call) {
            match call {
                Call::VotingEnd => self.writer.voting_end().await?,
                Call::InitiateEpochChange => self.writer.initiate_epoch_change().await?,
            };
            tracing::info!(?call, epoch = staking.epoch, "moved the epoch along");
        }
        Ok(CHAIN_RETRY_MIN)
    }

    /// The epoch whose shards this node holds completely, if there is one to report.
    fn epoch_to_attest(&self) -> Result<Option<Epoch>, TransactionError> {
        let view = self.state.committees.get();
        let event_epoch =
            self.state
                .storage
                .tables
                .event_epoch()
                .map_err(|error| TransactionError::Build {
                    reason: error.to_string(),
                })?;
        let states = self.state.storage.shards.states();
        let complete = view
            .own_shards
            .iter()
            .all(|shard| states.get(shard) == Some(&ShardState::Active));
        let ready = view.is_member() && view.epoch() > 0 && event_epoch == view.epoch() && complete;
        Ok(ready.then(|| view.epoch()))
    }

    async fn attest(&self, epoch: Epoch) -> Result<(), TransactionError> {
        let cap = self.writer.reader().node_cap(self.cap).await?;
        if cap.last_epoch_sync_done >= epoch || self.writer.reader().epoch().await? != epoch {
            return Ok(());
        }
        match self.writer.epoch_sync_done(self.cap, epoch).await {
            Ok(_) => tracing::info!(epoch, "reported that all shards are complete"),
            Err(error) => {
                tracing::warn!(epoch, %error, "cannot report that all shards are complete");
                return Err(error);
            }
        }
        Ok(())
    }
}

/// The next call and when it is due, in milliseconds since 1970.
fn due_call(staking: &StakingInnerV1) -> Option<(Call, u64)> {
    let first = (staking.epoch == 0).then_some(staking.first_epoch_start);
    let duration = staking.epoch_duration;
    match staking.epoch_state {
        EpochState::EpochChangeSync(_) => None,
        EpochState::EpochChangeDone(start) => {
            let due = first.unwrap_or_else(|| start.saturating_add(duration / 2));
            Some((Call::VotingEnd, due))
        }
        EpochState::NextParamsSelected(start) => {
            let due = first.unwrap_or_else(|| start.saturating_add(duration));
            Some((Call::InitiateEpochChange, due))
        }
    }
}

fn jitter(staking: &StakingInnerV1) -> Duration {
    let longest = Duration::from_millis(staking.epoch_duration / 10).min(MAX_JITTER);
    longest.mul_f64(rand::random::<f64>())
}

fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| u64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}
