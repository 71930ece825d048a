use std::sync::Arc;

use axum::http::Method;
use walrus_gateway::{aggregator::AggregatorOptions, store::StoreError};
use walrus_sdk::BlobId;

use crate::store::{Aggregator, Memories, Refused, content, id};

fn path(number: u8) -> String {
    format!("/v1/blobs/{}", id(number))
}

fn unavailable(blob_id: BlobId) -> StoreError {
    StoreError::Unavailable {
        blob_id,
        source: "the nodes are down".into(),
    }
}

fn expired(blob_id: BlobId) -> StoreError {
    StoreError::Expired {
        blob_id,
        end_epoch: 7,
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_blob_is_told_apart() {
    let aggregator = Aggregator::new(Memories::default().with(1, content(10)));
    let cases: [(Refused, u16, &str); 7] = [
        (StoreError::NeverStored, 404, "BLOB_NOT_FOUND"),
        (StoreError::Registered, 404, "BLOB_NOT_CERTIFIED"),
        (expired, 404, "BLOB_EXPIRED"),
        (unavailable, 503, "BLOB_UNAVAILABLE"),
        (StoreError::Blocked, 451, "FORBIDDEN_BLOB"),
        (StoreError::Inconsistent, 500, "INTERNAL_ERROR"),
        (|_| StoreError::Failed("no".into()), 500, "INTERNAL_ERROR"),
    ];
    for (refused, status, reason) in cases {
        aggregator
            .store
            .refused
            .lock()
            .unwrap()
            .insert(id(1), refused);
        let answer = aggregator.get(&path(1)).await;
        assert_eq!(answer.refused(), (status, reason.to_owned()));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("retry-after"), (status == 503).then_some("1"));
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    }
}

#[tokio::test]
async fn what_fails_before_the_first_byte_is_an_answer_and_later_the_connection_breaks() {
    let store = Memories::default()
        .with(1, content(1000))
        .broken_at(1, 0)
        .with(2, content(1000))
        .broken_at(2, 200);
    let aggregator = Aggregator::new(store);
    let refused = aggregator.get(&path(1)).await.refused();
    assert_eq!(refused, (503, "BLOB_UNAVAILABLE".into()));
    let broken = aggregator.get(&path(2)).await;
    assert_eq!(broken.status, 200);
    assert!(broken.body.is_err());
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_the_same_form() {
    let aggregator = Aggregator::new(Memories::default().with(1, content(10)));
    let query = |query: &str| format!("{}?{query}", path(1));
    for (path, status, reason) in [
        ("/v1/blobs/not-an-id".to_owned(), 400, "INVALID_PATH"),
        (
            "/v1/blobs/by-object-id/0xzz".to_owned(),
            400,
            "INVALID_PATH",
        ),
        ("/nothing".to_owned(), 404, "ROUTE_NOT_FOUND"),
        (query("x=1"), 400, "INVALID_QUERY"),
        (query("strict_consistency_check=1"), 400, "INVALID_QUERY"),
        (query("wait=31"), 400, "INVALID_QUERY"),
        (
            query("strict_consistency_check=true&skip_consistency_check=true"),
            400,
            "INVALID_CONSISTENCY_CHECK",
        ),
    ] {
        let answer = aggregator.get(&path).await;
        assert_eq!(answer.refused(), (status, reason.to_owned()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let deleted = aggregator.ask(Method::DELETE, &path(1), &[], "").await;
    assert_eq!(deleted.refused(), (405, "METHOD_NOT_ALLOWED".into()));
    assert_eq!(aggregator.get("/status").await.bytes(), b"OK");
}

#[tokio::test]
async fn a_blob_that_does_not_encode_to_its_id_is_found_out_by_the_strict_check() {
    let store = Memories::default().with(1, content(1000)).broken_at(1, 999);
    let aggregator = Aggregator::new(store);
    let query = |query: &str| format!("{}?{query}", path(1));
    let strict = aggregator
        .get(&query("strict_consistency_check=true"))
        .await;
    assert_eq!(strict.refused().0, 500);
    let skipped = aggregator.get(&query("skip_consistency_check=true")).await;
    assert_eq!(skipped.status, 200);
}

#[tokio::test]
async fn blobs_above_the_limit_are_refused() {
    let options = AggregatorOptions {
        max_blob_size: Some(9),
        ..AggregatorOptions::default()
    };
    let aggregator = Aggregator::with(Memories::default().with(1, content(10)), &options);
    let refused = aggregator.get(&path(1)).await.refused();
    assert_eq!(refused, (403, "BLOB_TOO_LARGE".into()));
}

#[tokio::test]
async fn more_requests_than_may_wait_are_refused() {
    let options = AggregatorOptions {
        max_concurrent_requests: 1,
        max_buffer_size: 1,
        ..AggregatorOptions::default()
    };
    let store = Memories::default().with(1, content(10));
    store
        .refused
        .lock()
        .unwrap()
        .insert(id(1), StoreError::Registered);
    let aggregator = Arc::new(Aggregator::with(store, &options));
    let waiting = format!("{}?wait=30", path(1));
    let mut first = Box::pin(aggregator.get(&waiting));
    let mut second = Box::pin(aggregator.get(&waiting));
    assert!(futures::poll!(&mut first).is_pending());
    assert!(futures::poll!(&mut second).is_pending());
    let third = aggregator.get(&path(1)).await;
    assert_eq!(third.refused(), (429, "TOO_MANY_REQUESTS".into()));
    assert_eq!(third.header("retry-after"), Some("1"));
    // Certified: both get it, one after the other.
    aggregator.store.refused.lock().unwrap().clear();
    assert_eq!(first.await.bytes(), content(10));
    assert_eq!(second.await.bytes(), content(10));
    assert_eq!(aggregator.get(&path(1)).await.status, 200);
}
