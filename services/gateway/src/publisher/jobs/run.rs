//! Running a job: it is written down, stored, and its answer is written down before anybody hears it.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use serde_json::Value;
use walrus_sdk::{Address, BlobData, BlobStoreResult};
use walrus_service::{envelope::Refusal, tables::TableError};

use super::{
    Begun, Jobs, Live, NewBody, Record, Stage, State,
    bodies::disk_failed,
    record::BodyPlace,
    tables::{Holding, Usage, holding_key},
};
use crate::{
    limits,
    publisher::{
        AfterStore, UploadError, UploadTask,
        account::Account,
        uploader::{Unstored, Uploaded},
    },
};

impl Jobs {
    /// Goes on with the jobs that another process left.
    pub(crate) fn resume(&self) {
        let left = self.index().accepted();
        if !left.is_empty() {
            tracing::info!(
                jobs = left.len(),
                "going on with stores that were begun before"
            );
        }
        for live in left {
            let this = self.clone();
            tokio::spawn(async move {
                match this.record(&live).await {
                    Ok(record) => this.run(live, record, true).await,
                    Err(error) => tracing::error!(%error, "a job cannot be read"),
                }
            });
        }
    }

    async fn record(&self, live: &Live) -> Result<Record, String> {
        let (tables, id) = (self.0.tables.clone(), live.id);
        let read = tokio::task::spawn_blocking(move || tables.jobs.get(&id.bytes()));
        let record = read.await.map_err(|error| error.to_string())?;
        let record = record.map_err(|error| error.to_string())?;
        record.ok_or_else(|| "it is gone".to_owned())
    }

    /// Writes a job down and does it.
    pub(super) async fn accept_and_run(&self, begun: Begun) {
        let Begun { live, record, body } = begun;
        match self.write_down(&live, &record, body).await {
            Ok(()) => {
                live.tell(|news| news.stage = Stage::Accepted);
                let patient = record.keep;
                self.run(live, record, patient).await;
            }
            Err(error) => {
                self.index().end(live.id, &record, None);
                live.free_room();
                live.settle(false);
                live.end(Err(disk_failed(error)));
            }
        }
    }

    async fn write_down(
        &self,
        live: &Arc<Live>,
        record: &Record,
        body: NewBody,
    ) -> Result<(), String> {
        let (tables, key, record) = (self.0.tables.clone(), live.id.bytes(), record.clone());
        let (bytes, file) = match body {
            NewBody::Memory(bytes) => (Some(bytes), None),
            NewBody::File(file, room) => {
                live.hold(room);
                (None, Some(file))
            }
            NewBody::There => (None, None),
        };
        durably(move || {
            let mut batch = tables.database.batch();
            batch.insert(&tables.jobs, &key, &record)?;
            if let Some(bytes) = bytes {
                batch.insert(&tables.bodies, &key, &bytes.as_ref().into())?;
            }
            batch.commit_durably()?;
            if let Some(file) = file {
                file.keep();
            }
            Ok(())
        })
        .await
    }

    /// Does a job, and tells how it ended. One that is `patient` is tried again after what may pass.
    pub(super) async fn run(&self, live: Arc<Live>, record: Record, patient: bool) {
        let mut tries = 1;
        let result = loop {
            let error = match self.attempt(&live, &record).await {
                Err(failed)
                    if patient && tries < limits::JOB_TRIES && failed.error.is_transient() =>
                {
                    failed
                }
                result => break result,
            };
            tracing::warn!(id = %live.id, %error, tries, "a store is tried again");
            tokio::time::sleep(pause(tries)).await;
            tries += 1;
        };
        self.end(live, record, result).await;
    }

    async fn attempt(&self, live: &Arc<Live>, record: &Record) -> Result<Uploaded, Unstored> {
        // Never closed.
        let _place = self.0.places.acquire().await;
        let _memory = self.0.memory.take(record.length).await;
        let data = self.body(live, record).await?;
        let max_cost = match record.state {
            State::Accepted { reserved } if reserved > 0 => Some(reserved),
            _ => None,
        };
        let task = UploadTask {
            id: live.id.task(),
            options: record.options.clone(),
            attributes: record.attributes.clone(),
            max_cost,
            progress: Arc::clone(live) as _,
        };
        self.0.uploader.store(data, task).await
    }

    async fn body(&self, live: &Live, record: &Record) -> Result<BlobData, UploadError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| UploadError::Failed(error);
        let (tables, path, key) = (
            self.0.tables.clone(),
            self.0.bodies.path(live.id),
            live.id.bytes(),
        );
        let place = record.body;
        let open = tokio::task::spawn_blocking(move || match place {
            BodyPlace::File => {
                let file = std::fs::File::open(path).map_err(|error| failed(error.into()))?;
                Ok(BlobData::from(Arc::new(file)))
            }
            BodyPlace::Table => {
                let bytes = tables
                    .bodies
                    .get(&key)
                    .map_err(|error| failed(error.into()))?;
                let bytes = bytes.ok_or_else(|| failed("the body of the job is gone".into()))?;
                Ok(BlobData::from(&*bytes))
            }
            BodyPlace::Gone => Err(failed("the body of the job is gone".into())),
        });
        open.await.map_err(|error| failed(error.into()))?
    }

    /// Writes down how a job ended, counts what it cost, and tells.
    async fn end(&self, live: Arc<Live>, before: Record, result: Result<Uploaded, Unstored>) {
        if let Ok(uploaded) = &result {
            self.tell_readers(uploaded);
        }
        live.settle(result.as_ref().map_or_else(|failed| failed.paid, |_| true));
        let end = self.end_of(&live, &before, result);
        let kept = end.kept.clone();
        let (this, id, account) = (self.clone(), live.id, before.account);
        let written =
            durably(move || this.write_end(id, account, end.kept, end.used, end.holdings));
        if let Err(error) = written.await {
            // The same job is done again after a restart, at no further cost.
            live.end(Err(disk_failed(error)));
            return;
        }
        let is_over = kept
            .as_ref()
            .is_none_or(|kept| kept.body == BodyPlace::Gone);
        if is_over {
            self.0.uploader.forget(id.task());
            if before.body == BodyPlace::File {
                self.0.bodies.remove(id);
            }
            live.free_room();
        }
        self.index().end(id, &before, kept.as_ref());
        live.end(end.outcome);
    }

    fn end_of(&self, live: &Live, before: &Record, result: Result<Uploaded, Unstored>) -> End {
        let mut kept = before.clone();
        kept.expires_ms = self.expiry();
        match result {
            Ok(uploaded) => {
                let holdings = self.holdings(before, &uploaded);
                let answer = serde_json::to_value(&uploaded.result).map_err(disk_failed);
                let text = answer.as_ref().map(Value::to_string).unwrap_or_default();
                kept.state = State::Stored { answer: text };
                kept.body = BodyPlace::Gone;
                let is_asked_for = before.keep || before.idempotency.is_some();
                if !is_asked_for {
                    kept.expires_ms = self.now_ms().saturating_add(limits::UNASKED_KEPT_MS);
                }
                End {
                    kept: (is_asked_for || !live.is_awaited()).then_some(kept),
                    used: Used {
                        frost: uploaded.cost,
                        charged: before.charged,
                        bytes: (!before.counted).then_some(before.length),
                    },
                    holdings,
                    outcome: answer,
                }
            }
            Err(Unstored { error, paid }) => {
                let reserved = before.reserved();
                let refusal = Refusal::from(error);
                kept.state = State::Failed {
                    refusal: serde_json::to_string(refusal.envelope()).unwrap_or_default(),
                    paid,
                };
                if paid {
                    kept.charged = before.charged.max(reserved);
                    kept.counted = true;
                } else {
                    // A new try with the same key is a new store.
                    kept.idempotency = None;
                    kept.body = BodyPlace::Gone;
                }
                End {
                    used: Used {
                        frost: kept.charged,
                        charged: before.charged,
                        bytes: (paid && !before.counted).then_some(before.length),
                    },
                    kept: (paid || before.keep).then_some(kept),
                    holdings: Vec::new(),
                    outcome: Err(refusal),
                }
            }
        }
    }

    /// Whoever reads in this process need not wait until the nodes have heard of it.
    fn tell_readers(&self, uploaded: &Uploaded) {
        let first = match &uploaded.result {
            BlobStoreResult::NewlyCreated { blob_object, .. } => Some(blob_object),
            _ => None,
        };
        for reader in &self.0.readers {
            for object in uploaded.objects.iter().chain(first) {
                reader.certified(object.blob_id, object.storage.end_epoch);
            }
        }
    }

    /// What the account has of a store: nothing of what it did not pay for, or sent away.
    fn holdings(&self, record: &Record, uploaded: &Uploaded) -> Vec<(Address, Holding)> {
        if record.account == Account::EVERYBODY || record.options.after != AfterStore::Default {
            return Vec::new();
        }
        let stored_ms = self.now_ms();
        let objects = uploaded.objects.iter();
        objects
            .map(|object| {
                let holding = Holding {
                    blob_id: object.blob_id,
                    size: object.size,
                    deletable: object.deletable,
                    end_epoch: object.storage.end_epoch,
                    stored_ms,
                };
                (object.id, holding)
            })
            .collect()
    }

    fn write_end(
        &self,
        id: super::JobId,
        account: Account,
        kept: Option<Record>,
        used: Used,
        holdings: Vec<(Address, Holding)>,
    ) -> Result<(), TableError> {
        let tables = &self.0.tables;
        let mut batch = tables.database.batch();
        match &kept {
            Some(record) => batch.insert(&tables.jobs, &id.bytes(), record)?,
            None => batch.remove(&tables.jobs, &id.bytes()),
        }
        if kept.is_none_or(|record| record.body == BodyPlace::Gone) {
            batch.remove(&tables.bodies, &id.bytes());
        }
        for (object, holding) in holdings {
            batch.insert(&tables.holdings, &holding_key(account, object), &holding)?;
        }
        {
            let _adding_up = self.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
            let mut usage = tables.usage.get(&account.bytes())?.unwrap_or_default();
            used.add_to(&mut usage);
            batch.insert(&tables.usage, &account.bytes(), &usage)?;
            batch.commit()?;
        }
        tables.database.sync()
    }
}

impl Jobs {
    pub(super) fn now_ms(&self) -> u64 {
        self.0.clock.unix_ms()
    }
}

/// How a job ended.
struct End {
    /// What is kept of it.
    kept: Option<Record>,
    used: Used,
    holdings: Vec<(Address, Holding)>,
    outcome: super::Outcome,
}

/// What a store adds to what its account has had.
#[derive(Debug, Clone, Copy)]
struct Used {
    /// FROST in all, of which so many were counted before.
    frost: u64,
    charged: u64,
    /// Its bytes, unless they were counted before.
    bytes: Option<u64>,
}

impl Used {
    fn add_to(self, usage: &mut Usage) {
        let frost = usage.frost.saturating_add(self.frost);
        usage.frost = frost.saturating_sub(self.charged);
        if let Some(bytes) = self.bytes {
            usage.bytes = usage.bytes.saturating_add(bytes);
            usage.stores = usage.stores.saturating_add(1);
        }
    }
}

/// Runs what blocks until the disk has it.
pub(super) async fn durably<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TableError> + Send + 'static,
) -> Result<T, String> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())
}

fn pause(tries: u32) -> Duration {
    let doubled = limits::JOB_PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    doubled.min(limits::JOB_LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_before_is_not_counted_again() {
        let mut usage = Usage::default();
        let used = |frost, charged, bytes| Used {
            frost,
            charged,
            bytes,
        };
        used(100, 0, Some(7)).add_to(&mut usage);
        let after_failure = Usage {
            frost: 100,
            bytes: 7,
            stores: 1,
        };
        assert_eq!(usage, after_failure);
        // It went on, and was cheaper than what was set aside.
        used(90, 100, None).add_to(&mut usage);
        assert_eq!(
            usage,
            Usage {
                frost: 90,
                ..after_failure
            }
        );
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        assert_eq!(pause(1), limits::JOB_PAUSE);
        assert_eq!(pause(2), limits::JOB_PAUSE * 2);
        assert_eq!(pause(40), limits::JOB_LONGEST_PAUSE);
    }
}
