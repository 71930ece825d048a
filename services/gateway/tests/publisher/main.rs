//! The routes of a publisher, with an uploader in memory.

#![allow(clippy::unwrap_used)]

mod harness;
mod jobs;
mod keys;
mod previews;
mod quilts;
mod tokens;
mod uploads;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use walrus_gateway::publisher::{Access, AfterStore, PublisherOptions, UploadError};
use walrus_sdk::Address;
use walrus_service::metrics::Registry;

use self::harness::{HERE, LIMIT, Memory, Publisher, Refused, plain, result, services};

#[tokio::test]
async fn a_body_is_stored_as_it_is_and_the_result_is_that_of_the_command_line() {
    let publisher = Publisher::new(Memory::default());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = publisher.put("", &[HERE, form], "some string").await;
    assert_eq!(answer.status, 200);
    let expected = result(b"some string", &plain());
    assert_eq!(answer.json, serde_json::to_value(expected).unwrap());
    let large = vec![7; LIMIT];
    let parts: Vec<_> = large.chunks(1000).map(Bytes::copy_from_slice).collect();
    let parts = stream::iter(parts).map(Ok::<_, std::convert::Infallible>);
    let owner = format!("0x{}", "0a".repeat(32));
    let query = format!("?epochs=5&permanent=true&send_object_to={owner}");
    let answer = publisher
        .put(&query, &[HERE], Body::from_stream(parts))
        .await;
    assert_eq!(answer.status, 200);
    let empty = publisher.put("", &[HERE], Body::empty()).await;
    assert_eq!(empty.status, 200);
    let stored = publisher.memory.stored.lock().unwrap();
    let bodies: Vec<_> = stored.iter().map(|(bytes, _)| bytes.len()).collect();
    assert_eq!(bodies, [11, LIMIT, 0]);
    assert_eq!(stored[0].0, b"some string");
    let (first, second) = (&stored[0].1, &stored[1].1);
    assert_eq!((first.epochs, first.permanent), (1, false));
    assert_eq!(first.after, AfterStore::Default);
    assert_eq!((second.epochs, second.permanent), (5, true));
    assert_eq!(second.after, AfterStore::SendTo(Address::new([10; 32])));
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_the_limit() {
    let publisher = Publisher::new(Memory::default());
    let told = publisher.put("", &[HERE], vec![0; LIMIT + 1]).await;
    let chunks = stream::iter(0..=LIMIT / 1000);
    let chunks = chunks.map(|_| Ok::<_, std::convert::Infallible>(Bytes::from_static(&[0; 1000])));
    let chunked = publisher.put("", &[HERE], Body::from_stream(chunks)).await;
    for answer in [told, chunked] {
        assert_eq!(answer.refused(), (413, "BODY_TOO_LARGE"));
        let message = answer.json["error"]["message"].as_str().unwrap();
        assert!(message.contains("1048576"), "{message}");
    }
    assert!(publisher.memory.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_keeps_a_blob_from_being_stored_is_told_apart() {
    let publisher = Publisher::new(Memory::default());
    let cases: [(Refused, u16, &str); 6] = [
        (
            || UploadError::Epochs("too many".into()).into(),
            400,
            "MALFORMED_REQUEST",
        ),
        (
            || UploadError::TooLarge { size: 2, max: 1 }.into(),
            413,
            "BODY_TOO_LARGE",
        ),
        (
            || UploadError::Confirmations("61 of 67".into()).into(),
            504,
            "INSUFFICIENT_CONFIRMATIONS",
        ),
        (|| UploadError::Blocked.into(), 451, "FORBIDDEN_BLOB"),
        (
            || UploadError::Funds("no WAL".into()).into(),
            503,
            "INSUFFICIENT_FUNDS",
        ),
        (
            || UploadError::Failed("no".into()).into(),
            500,
            "INTERNAL_ERROR",
        ),
    ];
    for (refused, status, reason) in cases {
        *publisher.memory.refused.lock().unwrap() = Some(refused);
        let answer = publisher.put("", &[HERE], "x").await;
        assert_eq!(answer.refused(), (status, reason));
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
    }
    for (query, reason) in [
        ("?epochs=0", "INVALID_QUERY"),
        ("?what=1", "INVALID_QUERY"),
        ("?deletable=true&permanent=true", "INVALID_BLOB_PERSISTENCE"),
    ] {
        let answer = publisher.put(query, &[HERE], "x").await;
        assert_eq!(answer.refused(), (400, reason));
    }
}

#[tokio::test]
async fn no_web_page_of_another_machine_spends_the_wallet() {
    let publisher = Publisher::new(Memory::default());
    let rebound = [("host", "rebound.example.org:31415")];
    let other_origin = [HERE, ("origin", "https://example.org")];
    for headers in [&rebound[..], &other_origin, &[]] {
        let answer = publisher.put("", headers, "x").await;
        assert_eq!(answer.refused(), (403, "NOT_ALLOWED"), "{headers:?}");
    }
    let own_page = [HERE, ("origin", "http://localhost:3000")];
    assert_eq!(publisher.put("", &own_page, "x").await.status, 200);
    assert_eq!(publisher.memory.stored.lock().unwrap().len(), 1);
}

#[test]
fn a_publisher_for_other_machines_needs_to_be_told_so() {
    let router = |access, budget| {
        let options = PublisherOptions {
            access,
            budget,
            ..PublisherOptions::default()
        };
        let address = ([0, 0, 0, 0], 31_415).into();
        let services = services(&Arc::default(), options);
        services.router(address, &Registry::new())
    };
    let refused = router(Access::Loopback, None).unwrap_err().to_string();
    assert!(refused.contains("--allow-anonymous"), "{refused}");
    let refused = router(Access::Anonymous, None).unwrap_err().to_string();
    assert!(refused.contains("--budget"), "{refused}");
    assert!(router(Access::Anonymous, Some(1)).is_ok());
    assert!(router(Access::Keys, None).is_ok());
}

#[test]
fn a_second_publisher_of_one_directory_is_told_so() {
    let state = tempfile::tempdir().unwrap();
    let router = || {
        let services = services(&Arc::default(), harness::in_directory(state.path()));
        services.router(([127, 0, 0, 1], 0).into(), &Registry::new())
    };
    let first = router().unwrap();
    let refused = router().unwrap_err().to_string();
    let directory = state.path().to_str().unwrap();
    assert!(
        refused.contains(directory) && refused.contains("is in use"),
        "{refused}"
    );
    drop(first);
    assert!(router().is_ok());
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_the_store() {
    let publisher = Publisher::new(Memory {
        waits: true,
        ..Memory::default()
    });
    let memory = Arc::clone(&publisher.memory);
    tokio::select! {
        _ = publisher.put("", &[HERE], "paid") => panic!("it waits"),
        () = memory.begun.notified() => {}
    }
    memory.go_on.notify_one();
    while memory.stored.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
}
