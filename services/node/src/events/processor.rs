//! Follows the event stream and keeps the state up to date. Node spec 2.8 and 2.9.

use std::sync::{Arc, atomic::Ordering};

use anyhow::{Context, bail};
use walrus_sui::{
    contract::ContractReader,
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition},
};

use super::{Effect, PositionedEvent, fold};
use crate::{epoch::EpochChanges, recovery::Deferrals, state::NodeState, storage::records::Cursor};

/// Processes events one after the other; slow work is only queued.
pub(crate) struct EventProcessor {
    pub(crate) state: Arc<NodeState>,
    pub(crate) reader: ContractReader,
    pub(crate) epochs: EpochChanges,
    pub(crate) deferrals: Arc<Deferrals>,
    pub(crate) first_checkpoint: u64,
    /// Whether the data of deleted blobs goes before the end of the epoch.
    pub(crate) deletes_at_once: bool,
}

impl EventProcessor {
    /// Runs until an event cannot be processed.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        self.state
            .in_background(|state| state.storage.delete_invalid())
            .await?
            .context("cannot delete data")?;
        let mut cursor = match self.state.storage.tables.cursor()? {
            Some(cursor) => cursor,
            None => Cursor {
                next: EventPosition::at_checkpoint(self.first_checkpoint),
                ..Cursor::default()
            },
        };
        let source = EventSource::from(&self.reader.packages());
        let mut stream = EventStream::start(self.reader.chain().clone(), source, cursor.next);
        while let Some(item) = stream.next_item().await {
            match item {
                StreamItem::Event { position, .. } if position < cursor.next => {}
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
                    cursor = self.process(&cursor, &event).await?;
                }
                StreamItem::Watermark {
                    checkpoint, latest, ..
                } => cursor = self.boundary(&cursor, checkpoint, latest)?,
                StreamItem::Malformed { position, reason } => {
                    bail!("upgrade required: the event at {position} is malformed: {reason}")
                }
            }
            let index = i64::try_from(cursor.next_index).unwrap_or(i64::MAX);
            self.state.metrics.next_event_index.set(index);
        }
        bail!("the event stream ended")
    }

    async fn process(&self, before: &Cursor, event: &PositionedEvent) -> anyhow::Result<Cursor> {
        if let ContractEvent::EpochChangeStart(start) = &event.event {
            // Before the cursor moves: a crash in the middle repeats the change, which is idempotent.
            self.epochs
                .start(start.epoch)
                .await
                .with_context(|| format!("cannot change to epoch {}", start.epoch))?;
        }
        let (cursor, effect) = fold(&self.state.storage, before, event)?;
        if let Some(effect) = effect {
            self.follow_up(effect, event.position.checkpoint).await?;
        }
        Ok(cursor)
    }

    async fn follow_up(&self, effect: Effect, checkpoint: u64) -> anyhow::Result<()> {
        let state = &self.state;
        match effect {
            Effect::Registered(blob_id) => {
                state.announce_registration();
                if state.pending.holds(&blob_id) {
                    let flushed = state.blocking(move |state| state.flush_if_registered(&blob_id));
                    if let Err(error) = flushed.await {
                        tracing::warn!(%blob_id, ?error, "cached uploads are not stored yet");
                    }
                }
            }
            Effect::Certified(blob_id) => {
                let size = state
                    .stored_metadata(&blob_id)?
                    .map(|metadata| metadata.unencoded_length());
                let lag = state
                    .latest_checkpoint()
                    .map_or(u64::MAX, |latest| latest.saturating_sub(checkpoint));
                self.deferrals.defer(blob_id, size, lag);
                state.sync_wake.notify_one();
            }
            effect @ (Effect::Deleted { .. } | Effect::Invalidated(_)) => {
                let at_once = self.deletes_at_once;
                let delete = move |state: &NodeState| state.delete_data_after(&effect, at_once);
                state
                    .in_background(delete)
                    .await?
                    .context("cannot delete data")?;
            }
            Effect::EpochStarted(_) | Effect::EpochDone(_) | Effect::ParametersSelected => {
                state.epoch_wake.notify_waiters();
            }
            Effect::Upgraded => {
                self.reader.refresh_packages().await?;
            }
        }
        Ok(())
    }

    fn boundary(&self, before: &Cursor, checkpoint: u64, latest: u64) -> anyhow::Result<Cursor> {
        self.state
            .latest_checkpoint
            .fetch_max(latest.max(checkpoint), Ordering::Relaxed);
        let cursor = Cursor {
            next: EventPosition::after_checkpoint(checkpoint),
            next_index: before.next_index.saturating_add(1),
            ..*before
        };
        let mut batch = self.state.storage.tables.batch();
        batch.set_cursor(&cursor)?;
        batch.commit()?;
        Ok(cursor)
    }
}
