//! Recovery worker: works off the queue of blobs of which slivers are missing. Node spec 5.1.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use walrus_core::BlobId;

use super::{Deferrals, Healer, HealingError};
use crate::{blobs::Arrivals, shards::ShardLife, storage::StorageError};

/// How often the queue is looked at without being told to.
const QUEUE_POLL: Duration = Duration::from_secs(1);

/// Works off the queue of blobs.
pub struct Recovery {
    healer: Healer,
    arrivals: Arc<Arrivals>,
    deferrals: Arc<Deferrals>,
    shards: Arc<ShardLife>,
    /// Tells that something was queued.
    queue_grew: Arc<Notify>,
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
    /// Nothing runs until [`Recovery::run`].
    pub(crate) fn new(
        healer: Healer,
        arrivals: Arc<Arrivals>,
        deferrals: Arc<Deferrals>,
        shards: Arc<ShardLife>,
        queue_grew: Arc<Notify>,
    ) -> Arc<Self> {
        let at_once = healer.config.max_concurrent_blob_syncs.max(1);
        Arc::new(Self {
            healer,
            arrivals,
            deferrals,
            shards,
            queue_grew,
            permits: Arc::new(Semaphore::new(at_once)),
            progress: Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
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
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<(), HealingError> {
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

    async fn work_off(self: &Arc<Self>) -> Result<(), HealingError> {
        loop {
            self.dispatch().await?;
            let _ = tokio::time::timeout(QUEUE_POLL, self.queue_grew.notified()).await;
        }
    }

    /// Starts every queued blob that is due, as permits allow.
    async fn dispatch(self: &Arc<Self>) -> Result<(), HealingError> {
        for page in self.healer.holdings.storage().queued() {
            for (blob_id, _) in page? {
                if !self.is_due(&blob_id) {
                    continue;
                }
                // Nobody closes the semaphore.
                if let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await {
                    self.start(blob_id, permit);
                }
            }
        }
        Ok(self.shards.finish_filling()?)
    }

    fn is_due(&self, blob_id: &BlobId) -> bool {
        let progress = self.progress();
        let waits = progress
            .failed
            .get(blob_id)
            .is_some_and(|(_, until)| *until > Instant::now());
        let goes_on = self.arrivals.goes_on(blob_id, Instant::now());
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
                result = this.healer.complete(blob_id) => result,
            };
            let result = match result {
                Ok(()) => this.dequeue(&blob_id).map_err(HealingError::from),
                Err(error) => Err(error),
            };
            let mut progress = this.progress();
            progress.running.remove(&blob_id);
            match result {
                Ok(()) => {
                    progress.failed.remove(&blob_id);
                    drop(progress);
                    this.queue_grew.notify_one();
                }
                Err(error) => {
                    let (attempts, until) = progress
                        .failed
                        .entry(blob_id)
                        .or_insert((0, Instant::now()));
                    *attempts = attempts.saturating_add(1);
                    let config = &this.healer.config;
                    let pause = 2u64
                        .saturating_pow(*attempts)
                        .saturating_mul(config.retry_interval_min_secs)
                        .min(config.retry_interval_max_secs);
                    *until = Instant::now()
                        .checked_add(Duration::from_secs(pause))
                        .unwrap_or(*until);
                    tracing::warn!(%blob_id, %error, pause, "recovery is tried again");
                }
            }
        });
    }

    fn dequeue(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        let mut update = self.healer.holdings.storage().update();
        update.dequeue(blob_id);
        update.commit()
    }
}
