//! The node's report that it has all its shards of the epoch.

use std::time::Duration;

use walrus_core::Epoch;
use walrus_sui::transactions::TransactionError;

use super::EpochDriver;
use crate::{limits::DRIVER_POLL_MAX, storage::records::ShardState};

impl EpochDriver {
    /// Reports if there is something to report; returns when to look again.
    pub(super) async fn attest_step(
        &self,
        attested: &mut Option<Epoch>,
    ) -> Result<Duration, TransactionError> {
        if let Some(epoch) = self.epoch_to_attest()?
            && *attested != Some(epoch)
        {
            self.attest(epoch).await?;
            *attested = Some(epoch);
        }
        Ok(DRIVER_POLL_MAX)
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
