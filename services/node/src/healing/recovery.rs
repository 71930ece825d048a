//! Recovery worker: works off the queue of what is missing, blob by blob. Node spec 5.1.

use std::{
    collections::{BTreeSet, HashSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
    vec,
};

use futures::FutureExt as _;
use tokio::{
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::Instrument as _;
use walrus_core::{BlobId, ShardIndex};
use walrus_service::{
    backoff::Backoff,
    worker::{Failure, Status, Step, Worker, panic_message},
};

use super::{
    Deferrals, Healer, HealingError, book::Seen, failures::Failures, healer::Completion, pace::Done,
};
use crate::{
    blobs::Arrivals,
    storage::{
        Storage, StorageError,
        records::{ShardState, SyncReason},
        repairs::{Part, QueuedBlob},
    },
};

/// How often the queue is looked at without being told to: pauses and deferrals end. It is in memory, unless it is very long.
const QUEUE_POLL: Duration = Duration::from_secs(1);

/// How often a blob is tried before its shards count as complete without it.
const ATTEMPTS_BEFORE_LETTING_GO: u32 = 3;

/// Works off the queue, blob by blob and round by round; each step starts what is due of one page, as far as there is room. Recoveries
/// that run when it ends are cut off, and start again after a restart.
pub struct Recovery {
    shared: Arc<Shared>,
    round: Round,
    /// Blobs in the queue when it was counted last, and how many were done then.
    counted: Option<(u64, u64)>,
    /// Whether it waits for a recovery to end.
    full: bool,
    /// Stops the recoveries also when the worker is dropped.
    _stop: DropGuard,
}

/// A walk through the queue, in as many steps as it takes.
#[derive(Default)]
struct Round {
    /// What is not looked at yet of the page that was read last.
    page: vec::IntoIter<QueuedBlob>,
    /// The last blob of that page.
    last: Option<BlobId>,
    /// What was seen so far.
    seen: Seen,
    /// How many were done when it began.
    done_before: u64,
    /// Whether the queue was counted, since the walk takes long.
    counted: bool,
}

/// How a step through the queue ended.
enum Walked {
    /// Behind a page.
    Page,
    /// Before a blob for which there is no room until the recovery of another one ends.
    Full,
    /// At the end of the queue.
    End,
}

/// The node's shards that are being filled, each in its own way: one that is slow to come holds up no other.
struct Filling {
    /// Those that still come from their previous owners.
    in_transfer: Arc<BTreeSet<ShardIndex>>,
    /// Those whose transfers are over.
    others: Vec<ShardIndex>,
}

impl Filling {
    fn of(shared: &Shared) -> Self {
        let holdings = &shared.healer.holdings;
        let (view, storage) = (holdings.view(), holdings.storage());
        let awaiting = shared.healer.shards.awaiting_transfer(&view);
        let in_transfer: BTreeSet<_> = awaiting.into_iter().collect();
        let is_other = |shard: &ShardIndex| {
            !in_transfer.contains(shard)
                && storage.shard_state(*shard) == Some(ShardState::Recovering)
        };
        let others = view.own_shards.iter().copied().filter(is_other).collect();
        Self {
            in_transfer: Arc::new(in_transfer),
            others,
        }
    }

    /// Whether what a blob lacks may be about to come from previous owners.
    fn comes(&self, storage: &Storage, blob_id: &BlobId) -> Result<bool, StorageError> {
        if self.in_transfer.is_empty() {
            return Ok(false);
        }
        let others = self.others.iter().copied();
        Ok(storage.missing_slivers(blob_id, others)?.is_empty())
    }
}

struct Shared {
    healer: Healer,
    arrivals: Arc<Arrivals>,
    deferrals: Arc<Deferrals>,
    /// Tells that something was queued.
    queue_grew: Arc<Notify>,
    /// Tells that a recovery ended.
    has_room: Notify,
    permits: Arc<Semaphore>,
    progress: Mutex<Progress>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

struct Progress {
    running: HashSet<BlobId>,
    failed: Failures,
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
            queue_grew,
            has_room: Notify::new(),
            progress: Mutex::new(Progress {
                running: HashSet::new(),
                failed: Failures::new(backoff),
                untold: None,
                done: 0,
            }),
            stop: stop.clone(),
            tasks: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
            round: Round::default(),
            counted: None,
            full: false,
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
        let done = self.shared.progress().done;
        let left = self.counted.map(|(queued, done_then)| {
            let done_since = done.saturating_sub(done_then);
            queued.saturating_sub(done_since)
        });
        Status {
            done: Some(done),
            left,
            note: self.shared.healer.book.sentence().map(Into::into),
        }
    }

    /// The queue is looked at as often after a failure as without one: each blob has a pause of its own.
    fn backoff(&self) -> Backoff {
        Backoff::new(QUEUE_POLL, QUEUE_POLL)
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let walked = self.walk()?;
        self.full = matches!(walked, Walked::Full);
        let untold = self.shared.progress().untold.take();
        Ok(match (untold, walked) {
            (Some(error), _) => Step::RetryOrWait(error.into()),
            (None, Walked::Page) => Step::Again,
            (None, Walked::Full | Walked::End) => Step::WaitAtMost(QUEUE_POLL),
        })
    }

    async fn wait(&mut self) {
        if self.full {
            self.shared.has_room.notified().await;
        } else {
            self.shared.queue_grew.notified().await;
        }
    }

    async fn close(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

impl Recovery {
    /// Starts what is due of a page of the queue, as long as there is room.
    fn walk(&mut self) -> Result<Walked, StorageError> {
        let (shared, round) = (&self.shared, &mut self.round);
        let storage = shared.healer.holdings.storage();
        let filling = Filling::of(shared);
        while let Some(queued) = round.page.as_slice().first() {
            let blob_id = &queued.blob_id;
            // What fills a shard may be about to come from its previous owner; nothing else of the blob waits for that.
            let fills = queued.fills_shards();
            if shared.is_due(blob_id)
                && !(queued.only_fills_shards() && filling.comes(storage, blob_id)?)
            {
                let Ok(permit) = Arc::clone(&shared.permits).try_acquire_owned() else {
                    if !round.counted {
                        round.counted = true;
                        let done = shared.progress().done;
                        let seen = Seen::all(storage)?;
                        self.counted = Some((seen.totals.blobs, done));
                        shared.healer.book.saw(seen);
                    }
                    return Ok(Walked::Full);
                };
                let elsewhere = if fills {
                    Arc::clone(&filling.in_transfer)
                } else {
                    Arc::default()
                };
                shared.start(*blob_id, elsewhere, permit);
            }
            round.seen.add(queued);
            round.page.next();
        }
        let page = storage.queued_behind(round.last)?;
        if let Some(last) = page.last() {
            round.last = Some(last.blob_id);
            round.page = page.into_iter();
            return Ok(Walked::Page);
        }
        if !round.counted {
            self.counted = Some((round.seen.totals.blobs, round.done_before));
        }
        shared.healer.book.saw(std::mem::take(&mut round.seen));
        let committees = shared.healer.holdings.committees();
        shared.healer.shards.finish_filling(committees)?;
        self.round = Round {
            done_before: shared.progress().done,
            ..Round::default()
        };
        Ok(Walked::End)
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_due(&self, blob_id: &BlobId) -> bool {
        let progress = self.progress();
        let now = Instant::now();
        let goes_on = self.arrivals.goes_on(blob_id, now);
        !progress.failed.waits(blob_id, now)
            && !progress.running.contains(blob_id)
            && !self.deferrals.is_deferred(blob_id, goes_on)
    }

    /// Recovers a blob but for the shards to which it comes from `elsewhere`.
    fn start(
        self: &Arc<Self>,
        blob_id: BlobId,
        elsewhere: Arc<BTreeSet<ShardIndex>>,
        permit: OwnedSemaphorePermit,
    ) {
        self.progress().running.insert(blob_id);
        let begun = Instant::now();
        self.healer.metrics.recovery.begun();
        let this = Arc::clone(self);
        let recover = async move {
            let recovered = async {
                this.note_end_of_deferral(&blob_id)?;
                // Each sliver leaves the queue as it comes: what is not looked at yet is named first.
                if this.is_unexamined(&blob_id)? && !this.settle(&blob_id, None).await? {
                    return Ok(Completion::Complete);
                }
                let ended = this.healer.complete(blob_id, &elsewhere).await;
                this.settle(&blob_id, ended.as_ref().ok()).await?;
                ended
            };
            let recovered = AssertUnwindSafe(recovered).catch_unwind();
            let recovered = this.stop.run_until_cancelled(recovered).await;
            let metrics = &this.healer.metrics.recovery;
            metrics.ended(ending(recovered.as_ref()), begun.elapsed());
            let Some(recovered) = recovered else {
                return;
            };
            // Before anybody is told that there is room.
            drop(permit);
            match recovered {
                Ok(Ok(_)) => this.succeeded(&blob_id),
                Ok(Err(error)) => this.failed(blob_id, error).await,
                Err(panic) => {
                    let message = panic_message(&*panic).to_owned();
                    this.failed(blob_id, HealingError::Panicked(message)).await;
                }
            }
        };
        let span = tracing::info_span!("recover", %blob_id);
        self.tasks.spawn(recover.instrument(span));
    }

    /// Counts whether the upload for which recovery had waited left anything to do.
    fn note_end_of_deferral(&self, blob_id: &BlobId) -> Result<(), HealingError> {
        if self.deferrals.end(blob_id) {
            let completed = self.healer.is_complete(blob_id)?;
            self.healer.metrics.recovery.deferral_ended(completed);
        }
        Ok(())
    }

    /// Whether it is not known yet what is missing of a blob.
    fn is_unexamined(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        let queued = self.healer.holdings.storage().queued_of(blob_id)?;
        Ok(queued.parts.contains_key(&Part::Whole))
    }

    /// Has the queue name what is missing of a blob, and no more: nothing of one that turned out to be invalid. Returns whether anything
    /// is.
    async fn settle(
        &self,
        blob_id: &BlobId,
        end: Option<&Completion>,
    ) -> Result<bool, HealingError> {
        // It may have been complete for the shards of the epoch before.
        let _turn = self.healer.shards.turn().await;
        let storage = self.healer.holdings.storage();
        let lacks = match end {
            Some(Completion::Invalid) => BTreeSet::new(),
            Some(Completion::Complete) | None => self.healer.lacks(blob_id)?,
        };
        let mut update = storage.update();
        update.settle_queue(blob_id, &lacks)?;
        update.commit()?;
        if end == Some(&Completion::Invalid) {
            return Ok(false);
        }
        // Something may have been lost in that moment.
        let now = self.healer.lacks(blob_id)?;
        if now.is_subset(&lacks) {
            return Ok(!lacks.is_empty());
        }
        let mut update = storage.update();
        for part in now.difference(&lacks) {
            update.queue_part(blob_id, *part, SyncReason::Lost)?;
        }
        update.commit()?;
        Ok(true)
    }

    fn succeeded(&self, blob_id: &BlobId) {
        let mut progress = self.progress();
        progress.running.remove(blob_id);
        progress.failed.forget(blob_id);
        self.healer
            .metrics
            .recovery
            .set_backoffs(progress.failed.len());
        progress.done = progress.done.saturating_add(1);
        drop(progress);
        self.healer.book.did(Done {
            blobs: 1,
            slivers: 0,
            bytes: 0,
        });
        self.note_hopeless();
        self.has_room.notify_one();
        self.queue_grew.notify_one();
    }

    async fn failed(&self, blob_id: BlobId, error: HealingError) {
        let is_hopeless = error.is_hopeless(self.healer.holdings.encoding().n_shards());
        let now = Instant::now();
        let (pause, hopeless) = {
            let mut progress = self.progress();
            progress.running.remove(&blob_id);
            let pause = progress.failed.note(blob_id, now);
            let hopeless = progress.failed.note_hope(&blob_id, is_hopeless, now);
            (pause, hopeless)
        };
        tracing::warn!(%error, ?pause, "recovery is tried again");
        if let Some((since, attempts)) = hopeless
            && let Err(error) = self.let_go(&blob_id, since, attempts).await
        {
            tracing::error!(%error, "the blob goes on holding up its shards");
        }
        self.note_hopeless();
        {
            let mut progress = self.progress();
            progress.untold = Some(error);
            self.healer.metrics.recovery.paused(progress.failed.len());
        }
        self.has_room.notify_one();
    }

    /// Has a blob that nobody can recover hold up no shard any more, nor anybody who waits for the queue. It stays there.
    async fn let_go(
        &self,
        blob_id: &BlobId,
        since: Duration,
        attempts: u32,
    ) -> Result<(), StorageError> {
        let patience = Duration::from_secs(self.healer.config.unrecoverable_patience_secs);
        if since < patience || attempts < ATTEMPTS_BEFORE_LETTING_GO {
            return Ok(());
        }
        let _turn = self.healer.shards.turn().await;
        let storage = self.healer.holdings.storage();
        let queued = storage.queued_of(blob_id)?;
        let mut reasons = queued.parts.values().map(|record| record.reason);
        if reasons.any(|reason| reason != SyncReason::Unrecoverable) {
            tracing::error!(%blob_id, attempts, "nobody has enough of a certified blob: its shards count as complete without it, and it is tried again");
            let mut update = storage.update();
            update.let_go(blob_id)?;
            update.commit()?;
        }
        Ok(())
    }

    fn note_hopeless(&self) {
        let count = self.progress().failed.hopeless().count();
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.healer.metrics.unrecoverable_blobs.set(count);
    }
}

/// The label of how a try ended; `None` is one that was cut off.
fn ending<P>(recovered: Option<&Result<Result<Completion, HealingError>, P>>) -> &'static str {
    match recovered {
        None => "cancelled",
        Some(Ok(Ok(Completion::Complete))) => "success",
        Some(Ok(Ok(Completion::Invalid))) => "inconsistent",
        Some(Ok(Err(_))) => "failure",
        Some(Err(_)) => "aborted",
    }
}
