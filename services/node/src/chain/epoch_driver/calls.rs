//! Epoch calls: those that take the network from one state of the epoch to the next.

use std::time::Duration;

use walrus_sui::{
    objects::{EpochState, StakingInnerV1},
    transactions::{CloseEpochChangeError, TransactionError},
};

use super::{EpochDriver, wait_at_random};
use crate::limits::{CHAIN_RETRY_MIN, DRIVER_POLL_MAX};

/// A call that any node may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    CloseEpochChange,
    VotingEnd,
    InitiateEpochChange,
}

impl EpochDriver {
    /// Makes the call that is due; returns when to look again.
    pub(super) async fn call_step(&self) -> Result<Duration, TransactionError> {
        let (staking, next) = self.next_call().await?;
        let Some((call, due_ms)) = next else {
            return Ok(DRIVER_POLL_MAX);
        };
        if let Some(wait) = self.wait_for(due_ms) {
            return Ok(wait);
        }
        wait_at_random(&staking).await;
        let (staking, next) = self.next_call().await?;
        if next.is_some_and(|(still, _)| still == call) {
            self.make(call).await?;
            tracing::info!(?call, epoch = staking.epoch, "moved the epoch along");
        }
        Ok(CHAIN_RETRY_MIN)
    }

    /// The state of the epoch, the call that it waits for and when that is due.
    async fn next_call(&self) -> Result<(StakingInnerV1, Option<(Call, u64)>), TransactionError> {
        let reader = self.writer.reader();
        let staking = reader.staking_state().await?;
        let overdue_at = reader.epoch_change_overdue_at(&staking).await?;
        let next = due_call(&staking, overdue_at);
        Ok((staking, next))
    }

    async fn make(&self, call: Call) -> Result<(), TransactionError> {
        match call {
            Call::VotingEnd => self.writer.voting_end().await.map(drop),
            Call::InitiateEpochChange => self.writer.initiate_epoch_change().await.map(drop),
            Call::CloseEpochChange => match self.writer.close_epoch_change().await {
                Err(CloseEpochChangeError::Transaction(error)) => Err(error),
                // Nodes have reported in the meantime, or this machine's clock is ahead of the chain's.
                Ok(_) | Err(_) => Ok(()),
            },
        }
    }
}

/// The next call and when it is due, in milliseconds since 1970. `overdue_at`: from when on an epoch change that goes on may be
/// closed.
fn due_call(staking: &StakingInnerV1, overdue_at: Option<u64>) -> Option<(Call, u64)> {
    let first = (staking.epoch == 0).then_some(staking.first_epoch_start);
    let duration = staking.epoch_duration;
    match staking.epoch_state {
        EpochState::EpochChangeSync(_) => overdue_at.map(|due| (Call::CloseEpochChange, due)),
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

#[cfg(test)]
mod tests {
    use super::{super::tests::staking, *};

    #[test]
    fn every_state_of_an_epoch_waits_for_a_call() {
        let due = |epoch, state, overdue_at| due_call(&staking(epoch, state, 1000), overdue_at);
        let done = EpochState::EpochChangeDone(5000);
        assert_eq!(due(7, done, None), Some((Call::VotingEnd, 5500)));
        let selected = EpochState::NextParamsSelected(5000);
        let change = Call::InitiateEpochChange;
        assert_eq!(due(7, selected, None), Some((change, 6000)));
        // Epoch 0 ends at a fixed time.
        assert_eq!(due(0, done, None), Some((Call::VotingEnd, 77)));
        assert_eq!(due(0, selected, None), Some((change, 77)));
        // Without a quorum of reports it is up to the others, once that is overdue.
        let syncing = EpochState::EpochChangeSync(3);
        let close = Call::CloseEpochChange;
        assert_eq!(due(7, syncing, Some(8000)), Some((close, 8000)));
        assert_eq!(due(7, syncing, None), None);
    }
}
