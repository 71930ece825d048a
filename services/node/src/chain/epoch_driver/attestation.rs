//! Attestation: the node's report that it has all its shards of the epoch.

use std::time::Duration;

use walrus_core::Epoch;
use walrus_sui::transactions::TransactionError;

use super::{DriverError, EpochDriver};
use crate::limits::DRIVER_POLL_MAX;

impl EpochDriver {
    /// Reports if there is something to report; returns when to look again.
    pub(super) async fn attest_step(
        &self,
        attested: &mut Option<Epoch>,
    ) -> Result<Duration, DriverError> {
        let view = self.committees.get();
        if let Some(epoch) = self.shards.epoch_to_attest(&view)?
            && *attested != Some(epoch)
        {
            self.attest(epoch).await?;
            *attested = Some(epoch);
        }
        Ok(DRIVER_POLL_MAX)
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
