//! Event stream: the contract's events in ledger order, from any position, forever.

mod checkpoint;
mod follow;
mod source;

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures::Stream;
use tokio::sync::mpsc;

pub use source::EventSource;

use crate::{
    chain::ChainClient,
    event_blobs::Element,
    events::{ContractEvent, EventId, EventPosition},
    limits::EVENT_STREAM_QUEUE,
};

/// One item of an [`EventStream`].
#[derive(Debug, Clone, PartialEq)]
pub enum StreamItem {
    /// An event of the contract.
    Event {
        /// Where it stands; after processing, the cursor is `position.next()`.
        position: EventPosition,
        /// Its name for explorers.
        id: EventId,
        /// The event.
        event: ContractEvent,
    },
    /// Every event up to and including this checkpoint has been yielded; the cursor is
    /// [`EventPosition::after_checkpoint`].
    Watermark {
        /// The checkpoint.
        checkpoint: u64,
        /// Its time in milliseconds since 1970.
        timestamp_ms: u64,
        /// The newest checkpoint that the network is known to have.
        latest: u64,
    },
    /// An event of the contract whose bytes do not have the layout of its type. It is yielded rather than
    /// skipped: the consumer decides whether it can go on.
    Malformed {
        /// Where it stands.
        position: EventPosition,
        /// Type and reason.
        reason: String,
    },
    /// The cursor lies behind the newest checkpoint of the chain: it is that of another chain, or of the same one before it was
    /// made anew. The stream ends with it.
    Ahead {
        /// The checkpoint that was asked for.
        cursor: u64,
        /// The newest checkpoint that the network has.
        latest: u64,
    },
    /// The server has the checkpoint no more: full nodes forget old ones. The stream ends with it; event blobs may have what is
    /// missing ([`crate::event_blobs`]).
    Pruned {
        /// The checkpoint that was asked for.
        cursor: u64,
        /// The oldest one that the server has.
        lowest: u64,
    },
    /// An event, or the end of a checkpoint, that was read in an event blob. No stream of the chain has one.
    Element(Box<Element>),
}

/// A stream of contract events and watermarks. It never fails: it reconnects with growing pauses as long as it is polled, and ends
/// only with [`StreamItem::Ahead`] or [`StreamItem::Pruned`]. Dropping it stops its task.
#[derive(Debug)]
pub struct EventStream {
    items: mpsc::Receiver<StreamItem>,
    task: tokio::task::JoinHandle<()>,
}

impl EventStream {
    /// Starts at `cursor`, the first position that is not yet processed.
    ///
    /// Checkpoints that exist already are fetched one by one, several at a time; new ones are taken from a
    /// subscription, whose gaps are filled by fetching. Must be called within a tokio runtime.
    pub fn start(chain: ChainClient, source: EventSource, cursor: EventPosition) -> Self {
        let (sender, items) = mpsc::channel(EVENT_STREAM_QUEUE);
        let task = tokio::spawn(follow::follow(chain, source, cursor, sender));
        Self { items, task }
    }

    /// The next item.
    pub async fn next_item(&mut self) -> Option<StreamItem> {
        self.items.recv().await
    }
}

impl Stream for EventStream {
    type Item = StreamItem;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StreamItem>> {
        self.items.poll_recv(context)
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        self.task.abort();
    }
}
