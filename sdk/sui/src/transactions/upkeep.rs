//! Calls that keep a network going. Anybody may make them, but for [`ContractWriter::try_join_active_set`].

use sui_sdk_types::Address;

use super::{ContractWriter, ExecutedTransaction, TransactionError};
use crate::objects::EpochState;

/// An epoch change was not closed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CloseEpochChangeError {
    /// There is nothing to close.
    #[error("the change to epoch {epoch} is done; there is nothing to close")]
    NotSyncing {
        /// The current epoch.
        epoch: u32,
    },
    /// The contract does not remember when the epoch change began.
    #[error(
        "the contract does not know when the change to epoch {epoch} began; only reports of a quorum of nodes end it"
    )]
    NoStart {
        /// The current epoch.
        epoch: u32,
    },
    /// It is too early.
    #[error(
        "the change to epoch {epoch} is overdue in {} seconds, at {due_ms} ms since 1970; until then only reports of a quorum of \
         nodes end it",
        .due_ms.saturating_sub(*.now_ms).div_ceil(1000)
    )]
    NotOverdue {
        /// The current epoch.
        epoch: u32,
        /// From when on it may be closed (milliseconds since 1970).
        due_ms: u64,
        /// The time on chain, likewise.
        now_ms: u64,
    },
    /// The transaction failed, or a read that was needed for it.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

impl ContractWriter {
    /// Closes an epoch change that no quorum of nodes has reported as done two epoch durations after it began, as if the quorum
    /// had been reached now. Anybody may. The vote of the epoch can be ended half an epoch later.
    ///
    /// # Errors
    /// [`CloseEpochChangeError`], without a transaction unless the epoch change is overdue.
    pub async fn close_epoch_change(&self) -> Result<ExecutedTransaction, CloseEpochChangeError> {
        let reader = self.reader();
        let staking = reader
            .staking_state()
            .await
            .map_err(TransactionError::from)?;
        let epoch = staking.epoch;
        if !matches!(staking.epoch_state, EpochState::EpochChangeSync(_)) {
            return Err(CloseEpochChangeError::NotSyncing { epoch });
        }
        let due_ms = reader
            .epoch_change_overdue_at(&staking)
            .await
            .map_err(TransactionError::from)?
            .ok_or(CloseEpochChangeError::NoStart { epoch })?;
        let now_ms = reader.time_ms().await.map_err(TransactionError::from)?;
        if now_ms < due_ms {
            return Err(CloseEpochChangeError::NotOverdue {
                epoch,
                due_ms,
                now_ms,
            });
        }
        Ok(self.voting_end().await?)
    }

    /// Has subsidies pay what is due: to the committee of the epoch before, and for what users have paid since the last call.
    /// Anybody may. `subsidies` is a shared `walrus_subsidies::WalrusSubsidies`.
    ///
    /// # Errors
    /// [`TransactionError`]; [`TransactionError::Chain`] when the object is something else.
    pub async fn process_subsidies(
        &self,
        subsidies: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        let target = self.subsidies_target(subsidies).await?;
        self.run(None, |plan| {
            let arguments = [plan.staking(), plan.system(), plan.ptb.clock()];
            target.call(plan, "process_subsidies", arguments)
        })
        .await
    }

    /// Offers the node of `cap` as a candidate for the next vote. It changes something for a node that is not in the active set
    /// and has the stake for it, see [`crate::objects::ActiveSet::entry_stake`].
    ///
    /// # Errors
    /// [`TransactionError`].
    pub async fn try_join_active_set(
        &self,
        cap: Address,
    ) -> Result<ExecutedTransaction, TransactionError> {
        self.run(None, |plan| {
            let arguments = vec![plan.staking(), plan.ptb.object(cap)];
            plan.call("staking", "try_join_active_set", arguments)?;
            Ok(())
        })
        .await
    }
}
