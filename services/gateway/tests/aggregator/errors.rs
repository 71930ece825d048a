use std::sync::Arc;

use axum::http::Method;
use walrus_gateway::{BlocklistFile, aggregator::AggregatorOptions, store::StoreError};
use walrus_sdk::BlobId;

use crate::{
    quilts::patch,
    store::{Aggregator, Memories, Refused, content, id},
};

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
    let cases: [(Refused, u16, &str); 8] = [
        (StoreError::NeverStored, 404, "BLOB_NOT_FOUND"),
        (StoreError::Registered, 404, "BLOB_NOT_CERTIFIED"),
        (expired, 404, "BLOB_EXPIRED"),
        (unavailable, 503, "BLOB_UNAVAILABLE"),
        (StoreError::Blocked, 451, "FORBIDDEN_BLOB"),
        (StoreError::OnBlocklist, 451, "FORBIDDEN_BLOB"),
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

#[tokio::test]
async fn what_is_on_the_list_of_the_server_is_blocked_whichever_way_it_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("list");
    std::fs::write(&path, format!("- {}\n- {}\n", id(1), id(3))).unwrap();
    let quilt = || vec![(patch("a", 1, &[]), content(3))];
    let store = Memories::default()
        .with(1, content(10))
        .with(2, content(10))
        .with(3, content(100))
        .with(5, content(100))
        .made_of(5, &[2, 1])
        .with_object(7, 1, &[])
        .with_quilt(3, quilt())
        .with_quilt(4, quilt());
    let aggregator = Aggregator::without(store, BlocklistFile::open(&path).unwrap());
    let (one, three) = (id(1), id(3));
    let object = format!("0x{}", "07".repeat(32));
    let of_quilt = patch("a", 1, &[]).id(three);
    for path in [
        format!("/v1/blobs/{one}"),
        format!("/v1/blobs/{one}?raw=true"),
        // A manifest of it, unless nobody looks into that.
        format!("/v1/blobs/{}", id(5)),
        format!("/v1/blobs/{}?proof=1", id(5)),
        format!("/v1/blobs/{one}/byte-range?start=0&length=1"),
        format!("/v1/blobs/by-object-id/{object}"),
        format!("/v1alpha/blobs/{one}/stream"),
        format!("/v1alpha/blobs/concat?ids={},{one}", id(2)),
        format!("/v1/quilts/{three}/patches"),
        format!("/v1/quilts/{three}/tar"),
        format!("/v1/blobs/by-quilt-id/{three}/a"),
        format!("/v1/blobs/by-quilt-patch-id/{of_quilt}"),
    ] {
        let answer = aggregator.get(&path).await;
        assert_eq!(answer.refused(), (451, "FORBIDDEN_BLOB".into()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(aggregator.head(&path).await.status, 451, "{path}");
    }
    for allowed in [id(2).to_string(), format!("{}?raw=1", id(5))] {
        let answer = aggregator.get(&format!("/v1/blobs/{allowed}")).await;
        assert_eq!(answer.status, 200, "{allowed}");
    }
    assert_eq!(
        aggregator
            .get(&format!("/v1/blobs/by-quilt-id/{}/a", id(4)))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn every_answer_can_be_read_by_a_page_and_acts_for_nobody() {
    let aggregator = Aggregator::new(Memories::default().with(1, b"<script>".to_vec()));
    let html = [("accept", "text/html"), ("origin", "https://example.org")];
    let conditions = format!("\"{}\"", id(1));
    let known = [("if-none-match", &*conditions)];
    for (path, headers, status) in [
        (path(1), &html[..], 200),
        (path(1), &[("range", "bytes=1-2")], 206),
        (path(1), &known, 304),
        (path(2), &html, 404),
        ("/v1/blobs/what".to_owned(), &html, 400),
        (path(1), &[("range", "bytes=99-")], 416),
        ("/v1/api".to_owned(), &html, 200),
        ("/v1/limits".to_owned(), &html, 200),
        ("/nowhere".to_owned(), &html, 404),
    ] {
        let answer = aggregator.get_with(&path, headers).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("*"),
            "{path}"
        );
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let policy = answer.header("content-security-policy").unwrap();
        let parts: Vec<_> = policy.split("; ").collect();
        assert!(
            parts.contains(&"sandbox") && !policy.contains("allow-"),
            "{path}: {policy}"
        );
        let is_error = status >= 400;
        assert_eq!(
            answer.header("cache-control") == Some("no-store"),
            is_error,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_blob_that_is_waited_for_is_read_once_it_is_certified() {
    let store = Memories::default().with(1, content(10));
    store
        .refused
        .lock()
        .unwrap()
        .insert(id(1), StoreError::NeverStored);
    let aggregator = Aggregator::new(store);
    let waiting = format!("{}?wait=30", path(1));
    let mut answer = Box::pin(aggregator.get(&waiting));
    assert!(futures::poll!(&mut answer).is_pending());
    aggregator.store.refused.lock().unwrap().clear();
    assert_eq!(answer.await.bytes(), content(10));
}
