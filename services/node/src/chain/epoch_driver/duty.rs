//! Duties: what a node does for the epochs, a worker each, so that one which fails or waits holds up no other.

use std::sync::Arc;

use tokio::sync::watch;
use walrus_core::Epoch;
use walrus_service::{
    backoff::Backoff,
    worker::{Failure, Step, Worker},
};
use walrus_sui::Address;

use super::{DriverError, EpochDriver, membership::Offer};
use crate::limits::{CHAIN_RETRY_MAX, CHAIN_RETRY_MIN};

/// What there is to do.
#[derive(Debug)]
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

/// Does one duty: when it is due, when the epoch moves, and, after failures, with pauses that grow.
pub(crate) struct DutyWorker {
    driver: Arc<EpochDriver>,
    duty: Duty,
    epoch_moved: watch::Receiver<u64>,
}

impl EpochDriver {
    /// A worker for each duty.
    pub(crate) fn into_workers(self) -> impl Iterator<Item = DutyWorker> {
        let driver = Arc::new(self);
        let mut duties = vec![Duty::Attest(None), Duty::Join(None)];
        if driver.drives {
            duties.push(Duty::Call);
            duties.extend(driver.subsidies.map(Duty::Subsidize));
        }
        duties.into_iter().map(move |duty| DutyWorker {
            epoch_moved: driver.epoch_moved.subscribe(),
            driver: Arc::clone(&driver),
            duty,
        })
    }
}

impl Worker for DutyWorker {
    fn name(&self) -> &'static str {
        match self.duty {
            Duty::Attest(_) => "attestation",
            Duty::Join(_) => "membership",
            Duty::Call => "epoch-calls",
            Duty::Subsidize(_) => "subsidies",
        }
    }

    fn backoff(&self) -> Backoff {
        Backoff::new(CHAIN_RETRY_MIN, CHAIN_RETRY_MAX)
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.epoch_moved.mark_unchanged();
        let driver = &self.driver;
        let next = match &mut self.duty {
            Duty::Attest(attested) => driver.attest_step(attested).await,
            Duty::Join(offered) => driver.join_step(offered).await.map_err(DriverError::from),
            Duty::Call => driver.call_step().await.map_err(DriverError::from),
            Duty::Subsidize(subsidies) => driver
                .subsidies_step(*subsidies)
                .await
                .map_err(DriverError::from),
        };
        match next {
            Ok(next) => Ok(Step::WaitAtMost(next)),
            Err(error @ DriverError::Storage(_)) => Err(error.into()),
            // Another node may have been first.
            Err(error) => Ok(Step::RetryOrWait(error.into())),
        }
    }

    async fn wait(&mut self) {
        // The driver, which this worker holds, keeps the other end.
        let _ = self.epoch_moved.changed().await;
    }
}
