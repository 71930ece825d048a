//! Chain events: a worker that folds them into tables, each in one batch with the cursor behind it.
//!
//! After a crash the [`Follower`] goes on at the cursor, so that every event is applied once. What an event sets in motion beyond
//! the tables ([`Fold::follow_up`]) happens after the batch, and a crash can prevent it: what must survive is a row of the batch.

use std::{future::Future, pin::Pin};

use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use walrus_sui::{
    event_blobs::{Content, Element},
    event_stream::StreamItem,
    events::{ContractEvent, EventPosition},
};

use crate::{
    tables::{Batch, Cell, Database, TableError},
    worker::{Failure, Status, Step, Worker},
};

/// How far events are processed. Node spec 2.3 and 2.5.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// First position that is not processed.
    pub next: EventPosition,
    /// Element index of the next element; checkpoint boundaries count.
    pub next_index: u64,
    /// The transaction of the last event: checkpoint and index.
    pub transaction: (u64, u32),
    /// Number of the contract's events of that transaction so far.
    pub events_in_transaction: u64,
}

/// In place of the index of a transaction: events of the checkpoint are counted, wherever they stand.
const COUNTED: u32 = u32::MAX;

/// An event of the contract and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its position.
    pub position: EventPosition,
    /// Digest of its transaction.
    pub tx_digest: [u8; 32],
    /// Its number among the contract's events of the transaction, from 0.
    pub sequence: u64,
    /// The event.
    pub event: ContractEvent,
}

/// Why events cannot be followed any further.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// An event does not have the layout that this version knows.
    #[error("upgrade required: the event at {position} is malformed: {reason}")]
    Malformed {
        /// Its position.
        position: EventPosition,
        /// Type and reason.
        reason: String,
    },
    /// What was processed already lies beyond the end of the chain.
    #[error(
        "events are processed up to checkpoint {}, but the chain has only {latest} so far: it is not the network that this service \
         has followed. Name a server of that network, or start with empty storage",
        cursor.saturating_sub(1)
    )]
    Ahead {
        /// First checkpoint that is not processed.
        cursor: u64,
        /// The newest checkpoint of the chain.
        latest: u64,
    },
    /// The chain has what is to be processed next no more, and nothing else was asked for it.
    #[error(
        "events are processed up to checkpoint {}, and the server has only those from {lowest} on: name a server that has them all, \
         or start with empty storage",
        cursor.saturating_sub(1)
    )]
    Pruned {
        /// First checkpoint that is not processed.
        cursor: u64,
        /// The oldest checkpoint that the server has.
        lowest: u64,
    },
    /// Elements between what is processed and what was read are missing.
    #[error(
        "the next element of the events is {next}, and the first one that is to be had is {found}"
    )]
    Gap {
        /// The element that is to be processed next.
        next: u64,
        /// The one that was read.
        found: u64,
    },
    /// The stream ended, which streams of the chain do after [`FollowError::Ahead`] alone.
    #[error("the event stream ended")]
    Ended,
}

impl Cursor {
    /// Where a service begins that has seen no event.
    pub fn at_checkpoint(checkpoint: u64) -> Self {
        Self {
            next: EventPosition::at_checkpoint(checkpoint),
            ..Self::default()
        }
    }

    /// The cursor behind the event at `position`, and the event's number in its transaction.
    pub fn behind_event(&self, position: EventPosition) -> (Self, u64) {
        let transaction = (position.checkpoint, position.transaction_index);
        let sequence = if self.transaction == transaction {
            self.events_in_transaction
        } else {
            0
        };
        let cursor = Self {
            next: position.next(),
            next_index: self.next_index.saturating_add(1),
            transaction,
            events_in_transaction: sequence.saturating_add(1),
        };
        (cursor, sequence)
    }

    /// The cursor behind an event of which only is known which one of its checkpoint it is.
    pub fn behind_element(&self, checkpoint: u64, counter: u64) -> Self {
        Self {
            next: EventPosition {
                checkpoint,
                transaction_index: COUNTED,
                event_index: u32::try_from(counter).unwrap_or(u32::MAX).saturating_add(1),
            },
            next_index: self.next_index.saturating_add(1),
            transaction: (checkpoint, COUNTED),
            events_in_transaction: 0,
        }
    }

    /// Where to read from, and how many of the first events from there are processed.
    pub fn resume(&self) -> (EventPosition, u32) {
        match self.next.transaction_index {
            COUNTED => {
                let next = EventPosition::at_checkpoint(self.next.checkpoint);
                (next, self.next.event_index)
            }
            _ => (self.next, 0),
        }
    }

    /// The cursor behind the end of a checkpoint.
    pub fn behind_checkpoint(&self, checkpoint: u64) -> Self {
        Self {
            next: EventPosition::after_checkpoint(checkpoint),
            next_index: self.next_index.saturating_add(1),
            ..*self
        }
    }
}

/// What a service makes of events.
pub trait Fold: Send + 'static {
    /// What an event sets in motion beyond the tables.
    type Effect: Send;

    /// What the worker is called.
    fn name(&self) -> &'static str {
        "events"
    }

    /// What must be done before the cursor moves. A crash repeats it: it must bear what it has done already.
    ///
    /// # Errors
    /// What the service must not go on with.
    fn prepare(&mut self, event: &Event) -> impl Future<Output = Result<(), Failure>> + Send {
        let _ = event;
        std::future::ready(Ok(()))
    }

    /// Writes what the event does to `batch`; the follower adds the cursor.
    ///
    /// # Errors
    /// What the service must not go on with; then nothing is written.
    fn apply(&mut self, batch: &mut Batch, event: &Event) -> Result<Option<Self::Effect>, Failure>;

    /// Writes what the end of a checkpoint does to `batch`, all of whose events are applied; the follower adds the cursor.
    ///
    /// # Errors
    /// What the service must not go on with; then nothing is written.
    fn end_checkpoint(&mut self, batch: &mut Batch, checkpoint: u64) -> Result<(), Failure> {
        let _ = (batch, checkpoint);
        Ok(())
    }

    /// Elements from `next` to `found` are to be had nowhere. Whoever can go on without them writes what that takes to `batch`; the
    /// follower adds the cursor.
    ///
    /// # Errors
    /// [`FollowError::Gap`], unless there is another answer.
    fn leave_out(&mut self, batch: &mut Batch, next: u64, found: u64) -> Result<(), Failure> {
        let _ = batch;
        Err(FollowError::Gap { next, found }.into())
    }

    /// Does what the event has set in motion. Slow work is only to be queued: no other event is processed until this returns.
    ///
    /// # Errors
    /// What the service must not go on with.
    fn follow_up(
        &mut self,
        effect: Self::Effect,
        event: &Event,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Told after each event and at each end of a checkpoint. `latest` is the newest checkpoint that the network is known to have,
    /// if that was heard just now.
    fn moved(&mut self, cursor: &Cursor, latest: Option<u64>) {
        let _ = (cursor, latest);
    }
}

/// Follows a stream of events, one after the other.
#[derive(Debug)]
pub struct Follower<F, S> {
    fold: F,
    stream: Pin<Box<S>>,
    database: Database,
    cell: Cell<Cursor>,
    cursor: Cursor,
    latest: Option<u64>,
    /// Events at the beginning of the stream that are processed already.
    processed: u32,
    /// What was received and is not processed.
    received: Option<StreamItem>,
    ended: bool,
}

impl<F: Fold, S: Stream<Item = StreamItem> + Send + 'static> Follower<F, S> {
    /// Goes on at the cursor in `cell`, or begins at `first_checkpoint`; `stream` is asked for the events from there.
    ///
    /// # Errors
    /// If the cursor cannot be read.
    pub fn new(
        database: Database,
        cell: Cell<Cursor>,
        first_checkpoint: u64,
        fold: F,
        stream: impl FnOnce(EventPosition) -> S,
    ) -> Result<Self, TableError> {
        let begin = Cursor::at_checkpoint(first_checkpoint);
        let mut cursor = cell.get()?.unwrap_or(begin);
        let (next, processed) = cursor.resume();
        cursor.next = next;
        Ok(Self {
            fold,
            stream: Box::pin(stream(next)),
            database,
            cell,
            cursor,
            latest: None,
            processed,
            received: None,
            ended: false,
        })
    }

    async fn process(&mut self, item: StreamItem) -> Result<(), Failure> {
        let latest = match item {
            StreamItem::Event { position, .. } if position < self.cursor.next => return Ok(()),
            StreamItem::Event { position, .. } if self.processed > 0 => {
                self.processed = self.processed.saturating_sub(1);
                let next_index = self.cursor.next_index;
                let (cursor, _) = self.cursor.behind_event(position);
                self.cursor = Cursor {
                    next_index,
                    ..cursor
                };
                return Ok(());
            }
            StreamItem::Event {
                position,
                id,
                event,
            } => {
                let (cursor, sequence) = self.cursor.behind_event(position);
                let event = Event {
                    position,
                    tx_digest: id.transaction_digest.into_inner(),
                    sequence,
                    event,
                };
                self.apply(event, cursor).await?;
                None
            }
            StreamItem::Watermark {
                checkpoint, latest, ..
            } => {
                self.end_checkpoint(checkpoint)?;
                self.latest = Some(latest.max(checkpoint));
                self.latest
            }
            StreamItem::Element(element) => {
                if element.index < self.cursor.next_index {
                    return Ok(());
                }
                self.element(*element).await?
            }
            StreamItem::Pruned { cursor, lowest } => {
                return Err(FollowError::Pruned { cursor, lowest }.into());
            }
            StreamItem::Malformed { position, reason } => {
                return Err(FollowError::Malformed { position, reason }.into());
            }
            StreamItem::Ahead { cursor, latest } => {
                return Err(FollowError::Ahead { cursor, latest }.into());
            }
        };
        self.fold.moved(&self.cursor, latest);
        Ok(())
    }

    /// Processes an element of an event blob; returns the newest checkpoint that is known if it ends one.
    async fn element(&mut self, element: Element) -> Result<Option<u64>, Failure> {
        self.processed = 0;
        let (next, found) = (self.cursor.next_index, element.index);
        let checkpoint = element.checkpoint;
        if found > next {
            let mut batch = self.database.batch();
            self.fold.leave_out(&mut batch, next, found)?;
            let cursor = Cursor {
                next_index: found,
                ..Cursor::at_checkpoint(checkpoint)
            };
            self.commit(batch, cursor)?;
        }
        match element.content {
            Content::Boundary => {
                self.end_checkpoint(checkpoint)?;
                self.latest = Some(self.latest.unwrap_or(0).max(checkpoint));
                Ok(self.latest)
            }
            Content::Event { name, event } => {
                let cursor = self.cursor.behind_element(checkpoint, element.counter);
                let event = Event {
                    position: EventPosition {
                        event_index: cursor.next.event_index.saturating_sub(1),
                        ..cursor.next
                    },
                    tx_digest: name.tx_digest,
                    sequence: name.sequence,
                    event,
                };
                self.apply(event, cursor).await?;
                Ok(None)
            }
        }
    }

    async fn apply(&mut self, event: Event, cursor: Cursor) -> Result<(), Failure> {
        self.fold.prepare(&event).await?;
        let mut batch = self.database.batch();
        let effect = self.fold.apply(&mut batch, &event)?;
        self.commit(batch, cursor)?;
        if let Some(effect) = effect {
            self.fold.follow_up(effect, &event).await?;
        }
        Ok(())
    }

    fn end_checkpoint(&mut self, checkpoint: u64) -> Result<(), Failure> {
        self.processed = 0;
        let cursor = self.cursor.behind_checkpoint(checkpoint);
        let mut batch = self.database.batch();
        self.fold.end_checkpoint(&mut batch, checkpoint)?;
        Ok(self.commit(batch, cursor)?)
    }

    fn commit(&mut self, mut batch: Batch, cursor: Cursor) -> Result<(), TableError> {
        batch.set(&self.cell, &cursor)?;
        batch.commit()?;
        self.cursor = cursor;
        Ok(())
    }
}

impl<F: Fold, S: Stream<Item = StreamItem> + Send + 'static> Worker for Follower<F, S> {
    fn name(&self) -> &'static str {
        self.fold.name()
    }

    fn status(&self) -> Status {
        let next = self.cursor.next.checkpoint;
        Status {
            done: Some(next),
            left: self
                .latest
                .map(|latest| latest.saturating_add(1).saturating_sub(next)),
            note: Some("checkpoints".into()),
        }
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        if let Some(item) = self.received.take() {
            self.process(item).await?;
        } else if self.ended {
            return Err(FollowError::Ended.into());
        }
        Ok(Step::Wait)
    }

    async fn wait(&mut self) {
        match self.stream.next().await {
            Some(item) => self.received = Some(item),
            None => self.ended = true,
        }
    }
}
