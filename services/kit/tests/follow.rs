//! Events are applied once each, with the cursor, over failures and restarts.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use futures::stream::{self, BoxStream, StreamExt as _};
use walrus_service::{
    follow::{Cursor, Event, Fold, Follower},
    metrics::Registry,
    tables::{Batch, Database, Options, Table},
    worker::{Failure, Runner},
};
use walrus_sui::{
    event_blobs::{Content, Element, EventName},
    event_stream::StreamItem,
    events::{ContractEvent, EpochParametersSelected, EventId, EventPosition},
};

/// Keeps the epochs that events name, by position and number in the transaction.
struct Epochs {
    table: Table<(u64, u32, u64), u32>,
    /// The epoch that cannot be processed.
    poison: u32,
}

impl Fold for Epochs {
    type Effect = ();

    fn apply(&mut self, batch: &mut Batch, event: &Event) -> Result<Option<()>, Failure> {
        let ContractEvent::EpochParametersSelected(selected) = &event.event else {
            return Ok(None);
        };
        let position = event.position;
        let key = (
            position.checkpoint,
            position.transaction_index,
            event.sequence,
        );
        assert!(!self.table.contains(&key)?, "applied twice");
        batch.insert(&self.table, &key, &selected.next_epoch)?;
        if selected.next_epoch == self.poison {
            return Err("this epoch is poison".into());
        }
        Ok(None)
    }

    async fn follow_up(&mut self, (): (), _: &Event) -> Result<(), Failure> {
        Ok(())
    }
}

fn event(checkpoint: u64, transaction_index: u32, event_index: u32, next_epoch: u32) -> StreamItem {
    StreamItem::Event {
        position: EventPosition {
            checkpoint,
            transaction_index,
            event_index,
        },
        id: EventId {
            transaction_digest: [checkpoint as u8; 32].into(),
            event_index,
        },
        event: ContractEvent::EpochParametersSelected(EpochParametersSelected { next_epoch }),
    }
}

fn watermark(checkpoint: u64) -> StreamItem {
    StreamItem::Watermark {
        checkpoint,
        timestamp_ms: 0,
        latest: checkpoint + 5,
    }
}

fn ledger() -> Vec<StreamItem> {
    vec![
        event(3, 0, 1, 10),
        event(3, 0, 4, 11),
        event(3, 2, 0, 12),
        watermark(3),
        event(4, 0, 0, 13),
        watermark(4),
    ]
}

/// Follows `items` to their end or to a failure, which is told with the cursor and the epochs in the tables.
async fn follow(path: &Path, poison: u32, items: Vec<StreamItem>) -> (String, Cursor, Vec<u32>) {
    let database = Database::open(path, &Options::default()).unwrap();
    let table = database.table("epochs").unwrap();
    let cell = database.cell::<Cursor>("node", "cursor").unwrap();
    let fold = Epochs {
        table: table.clone(),
        poison,
    };
    let stream = |_| -> BoxStream<'static, StreamItem> { stream::iter(items).boxed() };
    let follower = Follower::new(database, cell.clone(), 2, fold, stream).unwrap();
    let runner = Runner::new(&Registry::new());
    runner.spawn(follower);
    let failed = runner.failed().await;
    runner.shutdown().await.unwrap_err();
    let pages = table.pages(100).collect::<Result<Vec<_>, _>>().unwrap();
    let epochs = pages
        .into_iter()
        .flatten()
        .map(|(_, epoch)| epoch)
        .collect();
    (
        failed.error,
        cell.get().unwrap().unwrap_or_default(),
        epochs,
    )
}

#[tokio::test]
async fn events_are_applied_once_with_their_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let (error, cursor, epochs) = follow(dir.path(), 12, ledger()).await;
    assert_eq!(error, "this epoch is poison");
    assert_eq!(epochs, [10, 11], "nothing of the failed event is written");
    assert_eq!(
        cursor.next,
        EventPosition {
            checkpoint: 3,
            transaction_index: 0,
            event_index: 5
        }
    );
    assert_eq!((cursor.next_index, cursor.events_in_transaction), (2, 2));

    // A stream that begins a little early, as one that fetches whole checkpoints does.
    let (error, cursor, epochs) = follow(dir.path(), 0, ledger()).await;
    assert_eq!(error, "the event stream ended");
    assert_eq!(epochs, [10, 11, 12, 13]);
    assert_eq!(cursor.next, EventPosition::at_checkpoint(5));
    assert_eq!(cursor.next_index, 6);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_asks_for_an_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let position = EventPosition::at_checkpoint(9);
    let malformed = StreamItem::Malformed {
        position,
        reason: "too short".to_owned(),
    };
    let (error, cursor, _) = follow(dir.path(), 0, vec![watermark(7), malformed]).await;
    assert_eq!(
        error,
        "upgrade required: the event at 9.0.0 is malformed: too short"
    );
    assert_eq!(cursor.next, EventPosition::at_checkpoint(8));
}

#[tokio::test]
async fn a_cursor_that_is_ahead_of_the_chain_is_told_with_both() {
    let dir = tempfile::tempdir().unwrap();
    let ahead = StreamItem::Ahead {
        cursor: 900,
        latest: 12,
    };
    let (error, cursor, _) = follow(dir.path(), 0, vec![watermark(7), ahead]).await;
    assert!(
        error.contains("up to checkpoint 899") && error.contains("only 12 so far"),
        "{error}"
    );
    assert_eq!(cursor.next, EventPosition::at_checkpoint(8));
}

/// An element of an event blob: the event that selects an epoch, or the end of the checkpoint.
fn element(index: u64, checkpoint: u64, counter: u64, epoch: Option<u32>) -> StreamItem {
    let content = match epoch {
        None => Content::Boundary,
        Some(next_epoch) => Content::Event {
            name: EventName {
                tx_digest: [checkpoint as u8; 32],
                sequence: counter,
            },
            event: ContractEvent::EpochParametersSelected(EpochParametersSelected { next_epoch }),
        },
    };
    StreamItem::Element(Box::new(Element {
        content,
        checkpoint,
        counter,
        index,
    }))
}

/// The elements of [`ledger`].
fn elements() -> Vec<StreamItem> {
    vec![
        element(0, 3, 0, Some(10)),
        element(1, 3, 1, Some(11)),
        element(2, 3, 2, Some(12)),
        element(3, 3, 3, None),
        element(4, 4, 0, Some(13)),
        element(5, 4, 1, None),
    ]
}

#[tokio::test]
async fn elements_of_event_blobs_take_the_place_of_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let (error, cursor, _) = follow(dir.path(), 12, ledger()).await;
    assert_eq!(
        (error.as_str(), cursor.next_index),
        ("this epoch is poison", 2)
    );
    let (error, cursor, epochs) = follow(dir.path(), 0, elements()).await;
    assert_eq!(error, "the event stream ended");
    assert_eq!(epochs, [10, 11, 12, 13], "each once");
    assert_eq!(cursor.next, EventPosition::at_checkpoint(5));
    assert_eq!(cursor.next_index, 6);
}

#[tokio::test]
async fn the_chain_goes_on_within_a_checkpoint_that_was_replayed_in_part() {
    for (poison, applied) in [(11, 1), (12, 2)] {
        let dir = tempfile::tempdir().unwrap();
        let (_, cursor, epochs) = follow(dir.path(), poison, elements()).await;
        assert_eq!(
            (cursor.next_index, epochs.len()),
            (applied, applied as usize)
        );
        let (error, cursor, mut epochs) = follow(dir.path(), 0, ledger()).await;
        assert_eq!(error, "the event stream ended");
        epochs.sort_unstable();
        assert_eq!(epochs, [10, 11, 12, 13], "each once");
        assert_eq!(cursor.next, EventPosition::at_checkpoint(5));
        assert_eq!(cursor.next_index, 6);
    }
}

#[tokio::test]
async fn an_event_behind_replayed_ones_has_the_number_that_it_has_in_its_transaction() {
    let dir = tempfile::tempdir().unwrap();
    follow(dir.path(), 11, elements()).await;
    follow(dir.path(), 12, ledger()).await;
    let database = Database::open(dir.path(), &Options::default()).unwrap();
    let table: Table<(u64, u32, u64), u32> = database.table("epochs").unwrap();
    // The second event of the first transaction; the first was replayed.
    assert_eq!(table.get(&(3, 0, 1)).unwrap(), Some(11));
}

#[tokio::test]
async fn elements_that_are_missing_end_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let gap = vec![element(0, 3, 0, Some(10)), element(2, 3, 2, Some(12))];
    let (error, cursor, epochs) = follow(dir.path(), 0, gap).await;
    assert_eq!(
        error,
        "the next element of the events is 1, and the first one that is to be had is 2"
    );
    assert_eq!((cursor.next_index, epochs), (1, vec![10]));
    let pruned = StreamItem::Pruned {
        cursor: 3,
        lowest: 70,
    };
    let (error, ..) = follow(dir.path(), 0, vec![pruned]).await;
    assert!(error.contains("only those from 70 on"), "{error}");
}

#[test]
fn the_bytes_of_a_cursor_stay_what_they_are() {
    let cursor = Cursor {
        next: EventPosition {
            checkpoint: 1,
            transaction_index: 2,
            event_index: 3,
        },
        next_index: 4,
        transaction: (5, 6),
        events_in_transaction: 7,
    };
    let mut expected = Vec::new();
    for (value, width) in [(1_u64, 8), (2, 4), (3, 4), (4, 8), (5, 8), (6, 4), (7, 8)] {
        expected.extend_from_slice(value.to_le_bytes().get(..width).unwrap());
    }
    assert_eq!(bcs::to_bytes(&cursor).unwrap(), expected);
}
