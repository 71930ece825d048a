//! Subscriptions, which replay and then follow the tip without a gap.

use std::time::Duration;

use futures::StreamExt;
use sui_rpc::Client;
use sui_rpc::client::{
    CheckpointStreamRequest, CheckpointStreamStart, EventStreamRequest, EventStreamStart,
};
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_sdk_types::Digest;

use super::fixture::{Chain, address};
use super::serve_live;
use crate::record::{CheckpointRecord, TransactionRecord};

const PATIENCE: Duration = Duration::from_secs(30);

/// Checkpoints with one transaction each that emits its number twice.
fn records(count: u64) -> Vec<CheckpointRecord> {
    let mut chain = Chain::new();
    (0..count)
        .map(|number| {
            let transaction: TransactionRecord =
                chain.transaction(address(1), &[number, number], vec![]);
            let record = chain.seal(vec![transaction]);
            chain.apply(record.clone());
            record
        })
        .collect()
}

fn chain_of(records: &[CheckpointRecord]) -> Chain {
    let mut chain = Chain::new();
    for record in records {
        chain.apply(record.clone());
    }
    chain
}

fn value(event: &proto::Event) -> u64 {
    let bytes = event.contents.as_ref().unwrap().value.as_ref().unwrap();
    u64::from_le_bytes(bytes[..].try_into().unwrap())
}

fn event_mask() -> FieldMask {
    FieldMask::from_paths(["checkpoint", "transaction_index", "event_index", "contents"])
}

#[tokio::test]
async fn an_event_stream_replays_then_follows_the_tip() {
    let records = records(8);
    let (url, live) = serve_live(chain_of(&records[..4])).await;
    let client = Client::new(url).unwrap();
    let mut request = EventStreamRequest::new().with_start(EventStreamStart::Checkpoint(1));
    request.read_mask = Some(event_mask());
    let mut stream = Box::pin(client.stream_events(request));
    let mut seen = vec![];
    let mut rest = records[4..].iter();
    let mut cursor = None;
    while seen.len() < 14 {
        let frame = tokio::time::timeout(PATIENCE, stream.next())
            .await
            .expect("no frame in time")
            .unwrap()
            .unwrap();
        seen.extend(frame.event.as_ref().map(value));
        cursor = Some(frame.cursor);
        if seen.len() >= 6
            && let Some(record) = rest.next()
        {
            live.publish(record.clone());
        }
    }
    assert_eq!(seen, [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    drop(stream);
    let mut request = proto::ListEventsRequest::default().with_read_mask(event_mask());
    request.options = Some(proto::QueryOptions::default().with_after(cursor.unwrap()));
    let after: Vec<_> = client.list_events(request).collect().await;
    assert!(
        after
            .iter()
            .all(|frame| frame.as_ref().unwrap().event.is_none())
    );
}

#[tokio::test]
async fn an_event_stream_resumes_behind_a_cursor() {
    let records = records(6);
    let (url, _live) = serve_live(chain_of(&records)).await;
    let client = Client::new(url).unwrap();
    let mut request = EventStreamRequest::new().with_start(EventStreamStart::Checkpoint(2));
    request.read_mask = Some(event_mask());
    let mut stream = Box::pin(client.stream_events(request));
    let mut cursor = None;
    let mut seen = vec![];
    while seen.len() < 3 {
        let frame = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
        let frame = frame.unwrap().unwrap();
        seen.extend(frame.event.as_ref().map(value));
        cursor = Some(frame.cursor);
    }
    assert_eq!(seen, [2, 2, 3]);
    let mut request =
        EventStreamRequest::new().with_start(EventStreamStart::Resume(cursor.unwrap()));
    request.read_mask = Some(event_mask());
    let mut stream = Box::pin(client.stream_events(request));
    let mut seen = vec![];
    while seen.len() < 5 {
        let frame = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
        seen.extend(frame.unwrap().unwrap().event.as_ref().map(value));
    }
    assert_eq!(seen, [3, 4, 4, 5, 5]);
}

#[tokio::test]
async fn a_checkpoint_stream_has_no_gaps() {
    let records = records(9);
    let (url, live) = serve_live(chain_of(&records[..3])).await;
    let client = Client::new(url).unwrap();
    let mut request =
        CheckpointStreamRequest::new().with_start(CheckpointStreamStart::Checkpoint(0));
    request.read_mask = Some(FieldMask::from_paths(["sequence_number", "digest"]));
    let mut stream = Box::pin(client.stream_checkpoints(request));
    let mut rest = records[3..].iter();
    let mut digests = vec![];
    while digests.len() < records.len() {
        let frame = tokio::time::timeout(PATIENCE, stream.next()).await.unwrap();
        if let Some(checkpoint) = frame.unwrap().unwrap().checkpoint {
            digests.push(checkpoint.digest().parse::<Digest>().unwrap());
        }
        if let Some(record) = rest.next() {
            live.publish(record.clone());
        }
    }
    let expected: Vec<_> = records.iter().map(|r| r.summary.digest()).collect();
    assert_eq!(digests, expected);
}

#[tokio::test]
async fn checkpoints_are_listed_in_both_directions() {
    let records = records(5);
    let (url, _live) = serve_live(chain_of(&records)).await;
    let client = Client::new(url).unwrap();
    for descending in [false, true] {
        let mut options = proto::QueryOptions::default().with_limit(2u32);
        if descending {
            options.set_ordering(proto::Ordering::Descending);
        }
        let mut request = proto::ListCheckpointsRequest::default()
            .with_read_mask(FieldMask::from_paths(["sequence_number"]))
            .with_options(options);
        request.start_checkpoint = Some(1);
        let mut seen: Vec<u64> = client
            .list_checkpoints(request)
            .filter_map(|frame| async move { frame.unwrap().checkpoint })
            .map(|checkpoint| checkpoint.sequence_number())
            .collect()
            .await;
        if descending {
            seen.reverse();
        }
        assert_eq!(seen, [1, 2, 3, 4]);
    }
}
