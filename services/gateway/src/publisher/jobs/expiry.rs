//! Upkeep of jobs: those that another process left go on, and those that nobody asks for any more are forgotten.

use walrus_service::{
    tables::TableError,
    worker::{Failure, Step, Worker},
};

use super::{JobId, Jobs, State, run::durably};
use crate::{limits, publisher::Publisher};

/// The worker.
pub(crate) struct Upkeep {
    publisher: Publisher,
    resumed: bool,
}

impl Upkeep {
    pub(crate) fn new(publisher: Publisher) -> Self {
        Self {
            publisher,
            resumed: false,
        }
    }
}

impl Upkeep {
    /// Uploads whose last byte is there, and which the process before this one could not begin to store.
    fn complete_uploads(&self) {
        for live in self.publisher.jobs.index().full() {
            let publisher = self.publisher.clone();
            tokio::spawn(async move {
                let Ok((live, record)) = publisher.jobs.find(live.id) else {
                    return;
                };
                let Ok(_writer) = publisher.jobs.writer(&live) else {
                    return;
                };
                let is_full = matches!(record.state, State::Receiving { .. });
                let caller = publisher.caller_of(record.account);
                if is_full && let Err(error) = publisher.jobs.complete(&live, record, caller).await
                {
                    let error = error.code();
                    tracing::warn!(id = %live.id, %error, "an upload that is complete cannot be stored now");
                }
            });
        }
    }
}

impl Worker for Upkeep {
    fn name(&self) -> &'static str {
        "uploads"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        if !std::mem::replace(&mut self.resumed, true) {
            self.publisher.jobs.resume();
            self.complete_uploads();
        }
        match self.publisher.jobs.forget_expired().await {
            Ok(()) => Ok(Step::WaitAtMost(limits::EXPIRY_INTERVAL)),
            Err(error) => Ok(Step::Retry(error.into())),
        }
    }
}

impl Jobs {
    /// Forgets jobs that have expired, unless they are being stored or written to.
    pub(crate) async fn forget_expired(&self) -> Result<(), String> {
        let expired = self.index().expired(self.now_ms());
        for id in expired {
            self.forget(id).await?;
        }
        Ok(())
    }

    /// Forgets a job, unless it is being stored or written to; whether it is gone.
    ///
    /// # Errors
    /// That the tables failed.
    pub(crate) async fn forget(&self, id: JobId) -> Result<bool, String> {
        let live = self.index().live(id);
        let _writer = match &live {
            None => None,
            Some(live) if live.is_receiving() => match live.writer.clone().try_lock_owned() {
                Ok(writer) => Some(writer),
                Err(_) => return Ok(false),
            },
            Some(_) => return Ok(false),
        };
        // It may have become a store before the lock was had.
        if live.as_ref().is_some_and(|live| !live.is_receiving()) {
            return Ok(false);
        }
        let tables = self.0.tables.clone();
        let record = durably(move || {
            let record = tables.jobs.get(&id.bytes())?;
            let mut batch = tables.database.batch();
            batch.remove(&tables.jobs, &id.bytes());
            batch.remove(&tables.bodies, &id.bytes());
            batch.commit()?;
            Ok::<_, TableError>(record)
        });
        if let Some(record) = record.await? {
            self.index().end(id, &record, None);
        }
        self.0.bodies.remove(id);
        self.0.uploader.forget(id.task());
        if let Some(live) = live {
            live.free_room();
            live.settle(false);
            live.end(Err(crate::publisher::refusal::no_upload()));
        }
        Ok(true)
    }
}
