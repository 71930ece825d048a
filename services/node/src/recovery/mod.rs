//! Completing certified blobs of which slivers are missing. Node spec 5.1 to 5.3.
//!
//! The queue is a table that the event fold writes, so that nothing is forgotten by a crash. [`Recovery`] works it off.

mod deferrals;
mod invalidity;
mod sliver;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use futures::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use walrus_core::{BlobId, VerifiedBlobMetadataWithId};

use self::sliver::Outcome;
pub use self::{deferrals::Deferrals, invalidity::InvalidityReporter};
use crate::{
    config::BlobRecoveryConfig,
    epoch::finish_filling,
    limits::SCAN_BATCH,
    peers::Peers,
    state::NodeState,
    storage::{StorageError, records::SyncReason},
};

/// How often the queue is looked at without being told to.
const QUEUE_POLL: Duration = Duration::from_secs(1);

/// Works off the queue of blobs.
pub struct Recovery {
    state: Arc<NodeState>,
    peers: Peers,
    config: BlobRecoveryConfig,
    deferrals: Arc<Deferrals>,
    reporter: Arc<dyn InvalidityReporter>,
    permits: Arc<Semaphore>,
    progress: Mutex<Progress>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Default)]
struct Progress {
    running: HashSet<BlobId>,
    /// Failed attempts and when the next may begin.
    failed: HashMap<BlobId, (u32, Instant)>,
}

impl Recovery {
    /// Nothing runs until [`Recovery::run`]. `reporter` is told about blobs that turn out to be inconsistent.
    pub fn new(
        state: Arc<NodeState>,
        config: BlobRecoveryConfig,
        deferrals: Arc<Deferrals>,
        reporter: Arc<dyn InvalidityReporter>,
    ) -> Arc<Self> {
        Arc::new(Self {
            peers: Peers::new(&config),
            permits: Arc::new(Semaphore::new(config.max_concurrent_blob_syncs.max(1))),
            progress: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            state,
            config,
            deferrals,
            reporter,
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until `stop` or until the storage fails; running recoveries are cut off then and start again after a restart. None
    /// of them runs any more when this returns.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> anyhow::Result<()> {
        // Stops the recoveries also when this future is dropped.
        let stop_recoveries = self.stop.clone().drop_guard();
        let result = tokio::select! {
            () = stop.cancelled() => Ok(()),
            result = self.work_off() => result,
        };
        drop(stop_recoveries);
        self.tasks.close();
        self.tasks.wait().await;
        result
    }

    async fn work_off(self: &Arc<Self>) -> anyhow::Result<()> {
        loop {
            self.dispatch().await?;
            let _ = tokio::time::timeout(QUEUE_POLL, self.state.sync_wake.notified()).await;
        }
    }

    /// Starts every queued blob that is due, as permits allow.
    async fn dispatch(self: &Arc<Self>) -> anyhow::Result<()> {
        let tables = &self.state.storage.tables;
        let mut after = None;
        loop {
            let page = tables.page::<SyncReason>(&tables.blob_syncs, after, SCAN_BATCH)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            for (id, _) in page {
                let blob_id = BlobId(id);
                if self.is_due(&blob_id) {
                    let permit = Arc::clone(&self.permits).acquire_owned().await?;
                    self.start(blob_id, permit);
                }
            }
        }
        finish_filling(&self.state)?;
        Ok(())
    }

    fn is_due(&self, blob_id: &BlobId) -> bool {
        let progress = self.progress();
        let waits = progress
            .failed
            .get(blob_id)
            .is_some_and(|(_, until)| *until > Instant::now());
        let goes_on = self.state.arrivals.goes_on(blob_id, Instant::now());
        !waits
            && !progress.running.contains(blob_id)
            && !self.deferrals.is_deferred(blob_id, goes_on)
    }

    fn start(self: &Arc<Self>, blob_id: BlobId, permit: OwnedSemaphorePermit) {
        self.progress().running.insert(blob_id);
        let this = Arc::clone(self);
        self.tasks.spawn(async move {
            let _permit = permit;
            let result = tokio::select! {
                () = this.stop.cancelled() => return,
                result = this.complete(blob_id) => result,
            };
            let result = match result {
                Ok(()) => this.dequeue(&blob_id).map_err(anyhow::Error::from),
                Err(error) => Err(error),
            };
            let mut progress = this.progress();
            progress.running.remove(&blob_id);
            match result {
                Ok(()) => {
                    progress.failed.remove(&blob_id);
                    drop(progress);
                    this.state.sync_wake.notify_one();
                }
                Err(error) => {
                    let (attempts, until) = progress
                        .failed
                        .entry(blob_id)
                        .or_insert((0, Instant::now()));
                    *attempts = attempts.saturating_add(1);
                    let pause = 2u64
                        .saturating_pow(*attempts)
                        .saturating_mul(this.config.retry_interval_min_secs)
                        .min(this.config.retry_interval_max_secs);
                    *until = Instant::now()
                        .checked_add(Duration::from_secs(pause))
                        .unwrap_or(*until);
                    tracing::warn!(%blob_id, error = format!("{error:#}"), pause, "recovery is tried again");
                }
            }
        });
    }

    fn dequeue(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        let tables = &self.state.storage.tables;
        let mut batch = tables.batch();
        batch.remove(&tables.blob_syncs, &blob_id.0);
        batch.commit()
    }

    /// Fetches or recovers everything that is missing of a blob.
    async fn complete(&self, blob_id: BlobId) -> anyhow::Result<()> {
        let state = &self.state;
        let epoch = state.epoch();
        let info = state.blob_info(&blob_id)?;
        if !info.is_some_and(|info| info.is_certified(epoch)) {
            return Ok(());
        }
        let missing = state.missing_slivers(&blob_id)?;
        if missing.is_empty() && state.storage.has_metadata(&blob_id)? {
            return Ok(());
        }
        let metadata = Arc::new(self.metadata(blob_id).await?);
        let count = missing.len();
        let mut outcomes = futures::stream::iter(missing)
            .map(|(shard, axis)| self.recover(&metadata, shard, axis))
            .buffer_unordered(self.config.max_concurrent_sliver_syncs.max(1));
        while let Some(outcome) = outcomes.next().await {
            if let Outcome::Inconsistent(proof) = outcome? {
                drop(outcomes);
                return self.invalidate(blob_id, proof).await;
            }
        }
        tracing::info!(%blob_id, slivers = count, "recovered a blob");
        Ok(())
    }

    /// Metadata from the storage or from any node.
    async fn metadata(&self, blob_id: BlobId) -> anyhow::Result<VerifiedBlobMetadataWithId> {
        let state = &self.state;
        if let Some(metadata) = state.stored_metadata(&blob_id)? {
            return Ok(metadata);
        }
        let patience = Duration::from_secs(self.config.metadata_request_timeout_secs);
        for client in self.peers.all(&state.committees.get(), state.node_id) {
            let answer = tokio::time::timeout(patience, client.metadata(&blob_id, &state.encoding));
            let metadata = match answer.await {
                Ok(Ok(metadata)) if *metadata.blob_id() == blob_id => metadata,
                Ok(Ok(_)) | Err(_) => continue,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "no metadata");
                    continue;
                }
            };
            let stored = state.blocking(move |state| {
                let verified = metadata
                    .verify(&state.encoding)
                    .map_err(crate::refusal::Refusal::internal)?;
                state.storage.put_metadata(&verified)?;
                Ok(verified)
            });
            match stored.await {
                Ok(metadata) => return Ok(metadata),
                Err(error) => tracing::warn!(?error, url = client.url(), "bad metadata"),
            }
        }
        Err(anyhow!("no node has the metadata")).context("metadata")
    }
}
