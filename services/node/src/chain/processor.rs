//! Event processor: keeps the state up to date with the event stream. Node spec 2.8 and 2.9.

use std::sync::Arc;

use tokio::sync::Notify;
use tracing::Instrument as _;
use walrus_core::{BlobId, Epoch};
use walrus_service::{
    follow::{Event, Fold, FollowError},
    tables::Batch,
    worker::{Failure, Worker},
};
use walrus_sui::{
    chain::ChainError, contract::ContractReader, events::ContractEvent, objects::EpochState,
};

use super::{
    ChainTip, Effect, EpochChanges, epoch_change::EpochChangeError, fold, lag::LagCheck, pace::Pace,
};
use crate::{
    blobs::{Holdings, PendingCache, Uploads},
    event_blobs::{CatchUp, Place, Recorder},
    healing::{Deferrals, Expiry},
    metrics::Metrics,
    signal::Signal,
    storage::{
        EventTurn, StorageError,
        records::{Cursor, NodeStatus},
    },
    work::{Work, WorkError},
};

/// Why events are not processed any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessingError {
    /// An epoch change failed.
    #[error("cannot change to epoch {epoch}: {source}")]
    EpochChange {
        /// The epoch that begins.
        epoch: Epoch,
        /// Why.
        source: EpochChangeError,
    },
    /// The package to call has changed, and the new one cannot be found.
    #[error("cannot read the contract after its upgrade: {0}")]
    Contract(#[from] ChainError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Processes events one after the other; slow work is only queued.
pub(crate) struct EventProcessor {
    pub(crate) reader: ContractReader,
    pub(crate) epochs: EpochChanges,
    pub(crate) holdings: Holdings,
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) pending: Arc<PendingCache>,
    /// Tells that something was registered.
    pub(crate) registrations: Arc<Signal>,
    pub(crate) expiry: Arc<Expiry>,
    pub(crate) deferrals: Arc<Deferrals>,
    pub(crate) tip: Arc<ChainTip>,
    /// Tells that something was queued for recovery.
    pub(crate) queue_grew: Arc<Notify>,
    /// Tells that the chain may wait for something.
    pub(crate) epoch_moved: Arc<Signal>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
    /// Writes down what goes into event blobs; absent where that is left to others.
    pub(crate) recorder: Option<Recorder>,
    /// What is measured of events.
    pub(crate) pace: Pace,
    /// Had while an event is processed.
    pub(crate) turn: Option<EventTurn>,
    /// Whether the node begins far behind.
    pub(crate) lag: LagCheck,
    /// Whether the data of deleted blobs goes before the end of the epoch.
    pub(crate) deletes_at_once: bool,
}

impl Fold for EventProcessor {
    type Effect = Effect;

    async fn prepare(&mut self, event: &Event) -> Result<(), Failure> {
        self.turn = None;
        self.turn = Some(self.holdings.storage().event_turn().await);
        self.pace.begin(&self.metrics, event);
        if self.lag.is_behind(&event.event, self.holdings.epoch()) {
            self.begin_behind()?;
        }
        if let ContractEvent::EpochChangeStart(start) = &event.event {
            let epoch = start.epoch;
            // Before the cursor moves: a crash in the middle repeats the change, which is idempotent.
            let begins = self.pace.beginning_of_epoch(event);
            let change = self.epochs.start(epoch, begins).await;
            change.map_err(|source| ProcessingError::EpochChange { epoch, source })?;
        }
        Ok(())
    }

    fn apply(&mut self, batch: &mut Batch, event: &Event) -> Result<Option<Effect>, Failure> {
        let effect = fold(self.holdings.storage(), batch, event)?;
        if let Some(recorder) = &mut self.recorder {
            recorder.event(batch, event)?;
        }
        Ok(effect)
    }

    fn leave_out(&mut self, _: &mut Batch, next: u64, found: u64) -> Result<(), Failure> {
        match self.holdings.storage().node_status()? {
            NodeStatus::RecoveryCatchUpWithIncompleteHistory { .. } if next == 0 => {
                if let Some(recorder) = &mut self.recorder {
                    recorder.leave_out(found);
                }
                Ok(())
            }
            _ => Err(FollowError::Gap { next, found }.into()),
        }
    }

    fn end_checkpoint(&mut self, batch: &mut Batch, checkpoint: u64) -> Result<(), Failure> {
        if let Some(recorder) = &mut self.recorder {
            recorder.end_checkpoint(batch, checkpoint)?;
        }
        Ok(())
    }

    async fn follow_up(&mut self, effect: Effect, event: &Event) -> Result<(), Failure> {
        let span = tracing::debug_span!("event", position = %event.position);
        let followed = self.followed_by(effect, event.position.checkpoint);
        Ok(followed.instrument(span).await?)
    }

    fn moved(&mut self, cursor: &Cursor, latest: Option<u64>) {
        self.turn = None;
        if let Some(latest) = latest {
            self.tip.raise(latest);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.committed();
        }
        self.pace.moved(&self.metrics, cursor, latest);
    }
}

impl EventProcessor {
    /// The worker that has it process events. What a crash has left undone is done before.
    ///
    /// # Errors
    /// [`ProcessingError`].
    pub(crate) async fn into_worker(
        mut self,
        first_checkpoint: u64,
        catch_up: CatchUp,
    ) -> Result<impl Worker, ProcessingError> {
        let cursor = self.holdings.storage().cursor()?;
        let begin = Cursor::at_checkpoint(first_checkpoint);
        self.pace = Pace::at(&cursor.unwrap_or(begin));
        let expiry = Arc::clone(&self.expiry);
        self.delete(move || expiry.delete_invalid()).await?;
        let place = Place::at(cursor.as_ref(), &begin);
        let stream = move |_| catch_up.events(place);
        let holdings = self.holdings.clone();
        Ok(holdings.storage().follow(first_checkpoint, self, stream)?)
    }

    /// Events change tables and nothing else until the node has caught up.
    fn begin_behind(&self) -> Result<(), StorageError> {
        let storage = self.holdings.storage();
        if storage.node_status()?.is_catching_up() {
            return Ok(());
        }
        tracing::warn!(
            epoch = self.holdings.epoch(),
            "the node begins more than an epoch behind the network"
        );
        storage.set_node_status(NodeStatus::RecoveryCatchUp)
    }

    async fn followed_by(&self, effect: Effect, checkpoint: u64) -> Result<(), ProcessingError> {
        match effect {
            Effect::Registered(blob_id) => self.registered(blob_id).await,
            Effect::Certified(blob_id) => self.certified(blob_id, checkpoint)?,
            Effect::Deleted { blob_id, epoch } => {
                let (expiry, at_once) = (Arc::clone(&self.expiry), self.deletes_at_once);
                self.delete(move || expiry.after_deletion(&blob_id, epoch, at_once))
                    .await?;
            }
            Effect::Invalidated(_) => {
                let expiry = Arc::clone(&self.expiry);
                self.delete(move || expiry.delete_invalid()).await?;
            }
            Effect::EpochStarted(_) => self.epoch_moved_to(&EpochState::EpochChangeSync(0)),
            Effect::EpochDone(_) => self.epoch_moved_to(&EpochState::EpochChangeDone(0)),
            Effect::ParametersSelected => {
                self.epochs.learn_next().await;
                self.epoch_moved_to(&EpochState::NextParamsSelected(0));
            }
            Effect::Upgraded => {
                self.reader.refresh_packages().await?;
            }
        }
        Ok(())
    }

    fn epoch_moved_to(&self, state: &EpochState) {
        self.metrics.identity.set_epoch_state(state);
        self.epoch_moved.announce();
    }

    /// Stores what came before the registration, and lets go on who waited for it.
    async fn registered(&self, blob_id: BlobId) {
        self.registrations.announce();
        if !self.pending.holds(&blob_id) {
            return;
        }
        let uploads = Arc::clone(&self.uploads);
        let flush = move || uploads.flush_if_registered(&blob_id);
        if let Err(error) = self.work.run(flush).await {
            tracing::warn!(%blob_id, %error, "cached uploads are not stored yet");
        }
    }

    /// Has recovery look for missing slivers, in its time.
    fn certified(&self, blob_id: BlobId, checkpoint: u64) -> Result<(), StorageError> {
        let metadata = self.holdings.metadata(&blob_id)?;
        let size = metadata.map(|metadata| metadata.unencoded_length());
        let lag = self
            .tip
            .get()
            .map_or(u64::MAX, |newest| newest.saturating_sub(checkpoint));
        self.deferrals.defer(blob_id, size, lag);
        self.queue_grew.notify_one();
        Ok(())
    }

    async fn delete(
        &self,
        delete: impl FnOnce() -> Result<(), StorageError> + Send + 'static,
    ) -> Result<(), ProcessingError> {
        Ok(self.work.in_background(delete).await??)
    }
}
