//! Lists of the ledger: pages, bounds, filters and cursors.

use futures::StreamExt;
use sui_rpc::Client;
use sui_rpc::field::{FieldMask, FieldMaskUtil};
use sui_rpc::proto::sui::rpc::v2 as proto;
use sui_rpc::proto::sui::rpc::v2::filter;
use sui_rpc::proto::sui::rpc::v2::{Ordering, QueryEndReason, QueryOptions};

use super::fixture::{Chain, address};
use super::serve;

/// Checkpoint n has two transactions with the events 10n, 10n+1 and 10n+2; checkpoint 0 has none.
fn chain(checkpoints: u64) -> Chain {
    let mut chain = Chain::new();
    chain.checkpoint(vec![]);
    for number in 1..checkpoints {
        let first = chain.transaction(address(1), &[10 * number, 10 * number + 1], vec![]);
        let second = chain.transaction(address(2), &[10 * number + 2], vec![]);
        chain.checkpoint(vec![first, second]);
    }
    chain
}

fn value(event: &proto::Event) -> u64 {
    let bytes = event.contents.as_ref().unwrap().value.as_ref().unwrap();
    u64::from_le_bytes(bytes[..].try_into().unwrap())
}

fn events_request(options: QueryOptions) -> proto::ListEventsRequest {
    proto::ListEventsRequest::default()
        .with_read_mask(FieldMask::from_paths([
            "checkpoint",
            "transaction_index",
            "event_index",
            "contents",
        ]))
        .with_options(options)
}

/// One raw stream: the values, the last cursor and the reason of the end.
async fn page(
    client: &mut Client,
    request: proto::ListEventsRequest,
) -> (Vec<u64>, prost::bytes::Bytes, QueryEndReason) {
    let mut stream = client
        .ledger_client()
        .list_events(request)
        .await
        .unwrap()
        .into_inner();
    let (mut values, mut last, mut reason) = (vec![], None, None);
    while let Some(frame) = stream.next().await {
        let frame = frame.unwrap();
        assert!(reason.is_none(), "a frame after the end");
        values.extend(frame.event.as_ref().map(value));
        last = frame.watermark.unwrap().cursor;
        reason = frame.end.map(|end| end.reason());
    }
    (values, last.unwrap(), reason.unwrap())
}

#[tokio::test]
async fn events_come_page_by_page_in_both_orders() {
    let mut client = Client::new(serve(chain(4)).await).unwrap();
    let all: Vec<u64> = vec![10, 11, 12, 20, 21, 22, 30, 31, 32];
    for descending in [false, true] {
        let mut options = QueryOptions::default().with_limit(2u32);
        if descending {
            options.set_ordering(Ordering::Descending);
        }
        let mut seen = vec![];
        loop {
            let (values, cursor, reason) = page(&mut client, events_request(options.clone())).await;
            seen.extend(values);
            if reason != QueryEndReason::ItemLimit {
                let expected = if descending {
                    QueryEndReason::CheckpointBound
                } else {
                    QueryEndReason::LedgerTip
                };
                assert_eq!(reason, expected);
                break;
            }
            if descending {
                options.before = Some(cursor);
            } else {
                options.after = Some(cursor);
            }
        }
        if descending {
            seen.reverse();
        }
        assert_eq!(seen, all);
    }
}

#[tokio::test]
async fn checkpoint_and_cursor_bounds_intersect() {
    let mut client = Client::new(serve(chain(6)).await).unwrap();
    let request = events_request(QueryOptions::default().with_limit(4u32));
    let (first, cursor, _) = page(&mut client, request.clone()).await;
    assert_eq!(first, [10, 11, 12, 20]);
    let (middle, _, reason) = page(
        &mut client,
        events_request(QueryOptions::default().with_after(cursor.clone()))
            .with_end_checkpoint(4u64),
    )
    .await;
    assert_eq!(middle, [21, 22, 30, 31, 32]);
    assert_eq!(reason, QueryEndReason::CheckpointBound);
    let (before, _, reason) = page(
        &mut client,
        events_request(QueryOptions::default().with_before(cursor)),
    )
    .await;
    assert_eq!(before, [10, 11, 12]);
    assert_eq!(reason, QueryEndReason::CursorBound);
}

#[tokio::test]
async fn filters_are_applied() {
    let mut client = Client::new(serve(chain(3)).await).unwrap();
    let mut request = events_request(QueryOptions::default());
    request.filter = Some(filter_of("0x77::shop::Odd"));
    assert_eq!(page(&mut client, request).await.0, [11, 21]);
    let mut request = events_request(QueryOptions::default());
    request.filter = Some(filter_of("0x77"));
    assert_eq!(page(&mut client, request).await.0.len(), 6);
    let mut request = proto::ListTransactionsRequest::default();
    request.filter = Some(proto::TransactionFilter::matching(
        filter::transaction::sender(address(2)),
    ));
    let frames: Vec<_> = client
        .ledger_client()
        .list_transactions(request)
        .await
        .unwrap()
        .into_inner()
        .collect()
        .await;
    let found = frames
        .iter()
        .filter(|frame| frame.as_ref().unwrap().transaction.is_some());
    assert_eq!(found.count(), 2);
}

fn filter_of(event_type: &str) -> proto::EventFilter {
    proto::EventFilter::matching(filter::event::event_type(event_type))
}

#[tokio::test]
async fn a_bad_cursor_is_refused() {
    let mut client = Client::new(serve(chain(2)).await).unwrap();
    let options = QueryOptions::default().with_after(vec![9, 9]);
    let status = client
        .ledger_client()
        .list_events(events_request(options))
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(!status.details().is_empty(), "no BadRequest details");
}
