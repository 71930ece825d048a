//! Event processor: follows the event stream and keeps the state up to date. Node spec 2.8 and 2.9.

use std::sync::Arc;

use tokio::sync::Notify;
use tracing::Instrument as _;
use walrus_core::{BlobId, Epoch};
use walrus_service::worker::{Failure, Status, Step, Worker};
use walrus_sui::{
    chain::ChainError,
    contract::ContractReader,
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition},
};

use super::{
    ChainTip, Effect, EpochChanges, FoldError, PositionedEvent, epoch_change::EpochChangeError,
    fold,
};
use crate::{
    blobs::{Holdings, PendingCache, Uploads},
    healing::{Deferrals, Expiry},
    metrics::Metrics,
    signal::Signal,
    storage::{StorageError, records::Cursor},
    work::{Work, WorkError},
};

/// Why events are not processed any further.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProcessingError {
    /// What an event does cannot be written, or this version does not know the event.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// An epoch change failed.
    #[error("cannot change to epoch {epoch}: {source}")]
    EpochChange {
        /// The epoch that begins.
        epoch: Epoch,
        /// Why.
        source: EpochChangeError,
    },
    /// An event that this version cannot read.
    #[error("upgrade required: the event at {position} is malformed: {reason}")]
    Malformed {
        /// Where it stands.
        position: EventPosition,
        /// What is wrong.
        reason: String,
    },
    /// The package to call has changed, and the new one cannot be found.
    #[error("cannot read the contract after its upgrade: {0}")]
    Contract(#[from] ChainError),
    /// The stream has no end.
    #[error("the event stream ended")]
    Ended,
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
    pub(crate) first_checkpoint: u64,
    /// Whether the data of deleted blobs goes before the end of the epoch.
    pub(crate) deletes_at_once: bool,
}

/// The worker that has events processed, one with each step.
pub(crate) struct EventWorker {
    processor: EventProcessor,
    following: Option<Following>,
}

/// The stream, and how far it is processed.
struct Following {
    stream: EventStream,
    cursor: Cursor,
    /// What has arrived and is not processed yet; `None` in it if the stream ended.
    arrived: Option<Option<StreamItem>>,
}

impl Worker for EventWorker {
    fn name(&self) -> &'static str {
        "events"
    }

    /// In checkpoints.
    fn status(&self) -> Status {
        let Some(following) = &self.following else {
            return Status::default();
        };
        let done = following.cursor.next.checkpoint;
        let newest = self.processor.tip.get();
        Status {
            done: Some(done),
            left: newest.map(|newest| newest.saturating_add(1).saturating_sub(done)),
            note: None,
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        let Some(following) = &mut self.following else {
            self.following = Some(self.processor.start().await?);
            return Ok(Step::Wait);
        };
        if let Some(item) = following.arrived.take() {
            let item = item.ok_or(ProcessingError::Ended)?;
            following.cursor = self.processor.step(&following.cursor, item).await?;
        }
        Ok(Step::Wait)
    }

    async fn wait(&mut self) {
        if let Some(following) = &mut self.following
            && following.arrived.is_none()
        {
            following.arrived = Some(following.stream.next_item().await);
        }
    }
}

impl EventProcessor {
    /// The worker that has it process events.
    pub(crate) fn into_worker(self) -> EventWorker {
        EventWorker {
            processor: self,
            following: None,
        }
    }

    /// Does what a crash has left undone, and begins to follow the stream where the tables end.
    async fn start(&self) -> Result<Following, ProcessingError> {
        let expiry = Arc::clone(&self.expiry);
        self.delete(move || expiry.delete_invalid()).await?;
        let cursor = match self.holdings.storage().cursor()? {
            Some(cursor) => cursor,
            None => Cursor {
                next: EventPosition::at_checkpoint(self.first_checkpoint),
                ..Cursor::default()
            },
        };
        let source = EventSource::from(&self.reader.packages());
        Ok(Following {
            stream: EventStream::start(self.reader.chain().clone(), source, cursor.next),
            cursor,
            arrived: None,
        })
    }

    /// Processes what has arrived; returns how far that is.
    async fn step(&self, before: &Cursor, item: StreamItem) -> Result<Cursor, ProcessingError> {
        let cursor = match item {
            StreamItem::Event { position, .. } if position < before.next => *before,
            StreamItem::Event {
                position,
                id,
                event,
            } => {
                let event = PositionedEvent {
                    position,
                    tx_digest: id.transaction_digest.into_inner(),
                    event,
                };
                let span = tracing::debug_span!("event", %position);
                self.process(before, &event).instrument(span).await?
            }
            StreamItem::Watermark {
                checkpoint, latest, ..
            } => self.boundary(before, checkpoint, latest)?,
            StreamItem::Malformed { position, reason } => {
                return Err(ProcessingError::Malformed { position, reason });
            }
        };
        let index = i64::try_from(cursor.next_index).unwrap_or(i64::MAX);
        self.metrics.next_event_index.set(index);
        Ok(cursor)
    }

    async fn process(
        &self,
        before: &Cursor,
        event: &PositionedEvent,
    ) -> Result<Cursor, ProcessingError> {
        if let ContractEvent::EpochChangeStart(start) = &event.event {
            let epoch = start.epoch;
            // Before the cursor moves: a crash in the middle repeats the change, which is idempotent.
            let change = self.epochs.start(epoch).await;
            change.map_err(|source| ProcessingError::EpochChange { epoch, source })?;
        }
        let (cursor, effect) = fold(self.holdings.storage(), before, event)?;
        if let Some(effect) = effect {
            self.follow_up(effect, event.position.checkpoint).await?;
        }
        Ok(cursor)
    }

    async fn follow_up(&self, effect: Effect, checkpoint: u64) -> Result<(), ProcessingError> {
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
            Effect::EpochStarted(_) | Effect::EpochDone(_) | Effect::ParametersSelected => {
                self.epoch_moved.announce();
            }
            Effect::Upgraded => {
                self.reader.refresh_packages().await?;
            }
        }
        Ok(())
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
        let deleted = self.work.in_background(delete).await;
        Ok(deleted.map_err(WorkError::from)??)
    }

    fn boundary(
        &self,
        before: &Cursor,
        checkpoint: u64,
        newest: u64,
    ) -> Result<Cursor, StorageError> {
        self.tip.raise(newest.max(checkpoint));
        let cursor = Cursor {
            next: EventPosition::after_checkpoint(checkpoint),
            next_index: before.next_index.saturating_add(1),
            ..*before
        };
        let mut update = self.holdings.storage().update();
        update.set_cursor(&cursor)?;
        update.commit()?;
        Ok(cursor)
    }
}
