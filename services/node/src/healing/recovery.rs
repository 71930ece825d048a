//! Recovery worker: works off the queue of blobs of which slivers are missing. Node spec 5.1.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::Instrument as _;
use walrus_core::BlobId;
use walrus_service::{
    backoff::Backoff,
    worker::{Failure, Status, Step, Worker},
};

use super::{Deferrals, Healer, HealingError, healer::Completion};
use crate::{
    blobs::Arrivals,
    shards::ShardLife,
    storage::{StorageError, records::SyncReason},
};

/// How often the queue is looked at without being told to.
const QUEUE_POLL: Duration = Duration::from_secs(1);

/// Works off the queue of blobs; each step starts what is due. Recoveries that run when it ends are cut off, and start again after
/// a restart.
pub struct Recovery {
    shared: Arc<Shared>,
    /// Blobs in the queue when it was looked at last.
    left: Option<u64>,
    /// Stops the recoveries also when the worker is dropped.
    _stop: DropGuard,
}

struct Shared {
    healer: Healer,
    arrivals: Arc<Arrivals>,
    deferrals: Arc<Deferrals>,
    shards: Arc<ShardLife>,
    /// Tells that something was queued.
    queue_grew: Arc<Notify>,
    backoff: Backoff,
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
    /// The last failure that was not told yet.
    untold: Option<HealingError>,
    done: u64,
}

impl Recovery {
    /// Nothing runs until a runner takes steps.
    pub(crate) fn new(
        healer: Healer,
        arrivals: Arc<Arrivals>,
        deferrals: Arc<Deferrals>,
        shards: Arc<ShardLife>,
        queue_grew: Arc<Notify>,
    ) -> Self {
        let (config, stop) = (&healer.config, CancellationToken::new());
        let backoff = Backoff::new(
            Duration::from_secs(config.retry_interval_min_secs),
            Duration::from_secs(config.retry_interval_max_secs),
        );
        let shared = Shared {
            permits: Arc::new(Semaphore::new(config.max_concurrent_blob_syncs.max(1))),
            healer,
            arrivals,
            deferrals,
            shards,
            queue_grew,
            backoff,
            progress: Mutex::default(),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
            left: None,
            _stop: stop.drop_guard(),
        }
    }
}

impl Worker for Recovery {
    fn name(&self) -> &'static str {
        "recovery"
    }

    /// In blobs.
    fn status(&self) -> Status {
        Status {
            done: Some(self.shared.progress().done),
            left: self.left,
            note: None,
        }
    }

    /// The queue is looked at as often after a failure as without one: each blob has a pause of its own.
    fn backoff(&self) -> Backoff {
        Backoff::new(QUEUE_POLL, QUEUE_POLL)
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.left = Some(self.shared.dispatch().await?);
        let untold = self.shared.progress().untold.take();
        Ok(match untold {
            Some(error) => Step::RetryOrWait(error.into()),
            None => Step::WaitAtMost(QUEUE_POLL),
        })
    }

    async fn wait(&mut self) {
        self.shared.queue_grew.notified().await;
    }

    async fn close(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts every queued blob that is due, as permits allow; returns how many are queued.
    async fn dispatch(self: &Arc<Self>) -> Result<u64, StorageError> {
        let mut queued = 0_u64;
        for page in self.healer.holdings.storage().queued() {
            for (blob_id, _) in page? {
                queued = queued.saturating_add(1);
                if !self.is_due(&blob_id) {
                    continue;
                }
                // Nobody closes the semaphore.
                if let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await {
                    self.start(blob_id, permit);
                }
            }
        }
        self.shards.finish_filling()?;
        Ok(queued)
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
        let recover = async move {
            let _permit = permit;
            let completed = this.healer.complete(blob_id);
            let Some(completed) = this.stop.run_until_cancelled(completed).await else {
                return;
            };
            let dequeued = completed.and_then(|end| this.dequeue(&blob_id, &end));
            match dequeued {
                Ok(()) => this.succeeded(&blob_id),
                Err(error) => this.failed(blob_id, error),
            }
        };
        let span = tracing::info_span!("recover", %blob_id);
        self.tasks.spawn(recover.instrument(span));
    }

    /// Takes a blob out of the queue; it comes back if something of it was lost while it was recovered.
    fn dequeue(&self, blob_id: &BlobId, end: &Completion) -> Result<(), HealingError> {
        let storage = self.healer.holdings.storage();
        let mut update = storage.update();
        update.dequeue(blob_id);
        update.commit()?;
        if *end == Completion::Complete && !self.healer.is_complete(blob_id)? {
            let mut update = storage.update();
            update.queue(blob_id, SyncReason::Certified)?;
            update.commit()?;
        }
        Ok(())
    }

    fn succeeded(&self, blob_id: &BlobId) {
        let mut progress = self.progress();
        progress.running.remove(blob_id);
        progress.failed.remove(blob_id);
        progress.done = progress.done.saturating_add(1);
        drop(progress);
        self.queue_grew.notify_one();
    }

    fn failed(&self, blob_id: BlobId, error: HealingError) {
        let mut progress = self.progress();
        progress.running.remove(&blob_id);
        let (attempts, until) = progress
            .failed
            .entry(blob_id)
            .or_insert((0, Instant::now()));
        *attempts = attempts.saturating_add(1);
        let pause = self.backoff.pause(*attempts);
        *until = Instant::now().checked_add(pause).unwrap_or(*until);
        tracing::warn!(%error, ?pause, "recovery is tried again");
        progress.untold = Some(error);
    }
}
