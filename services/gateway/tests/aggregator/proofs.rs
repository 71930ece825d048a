//! Proofs in place of bytes.

use axum::http::Method;
use walrus_core::EncodingConfig;
use walrus_sdk::BodyProof;

use crate::store::{Aggregator, Memories, SHARDS, content, encoded_id, id};

const SIZE: usize = 1000;

fn aggregator() -> (Aggregator, String) {
    let store = Memories::default().with_encoded(content(SIZE));
    let path = format!("/v1/blobs/{}", encoded_id(&content(SIZE)));
    (Aggregator::new(store), path)
}

#[tokio::test]
async fn a_proof_is_of_the_range_that_is_asked_for() {
    let (aggregator, path) = aggregator();
    let config = EncodingConfig::new(SHARDS).unwrap();
    for (query, range, start, end) in [
        ("?proof=1", None, 0, 1000),
        ("?proof=true", Some("bytes=7-9"), 7, 10),
        ("?proof=1", Some("bytes=-1"), 999, 1000),
        ("?proof=1", Some("bytes=900-5000"), 900, 1000),
        ("/byte-range?start=10&length=30&proof=1", None, 10, 40),
    ] {
        let range = range.map(|range| ("range", range));
        let answer = aggregator
            .ask(Method::GET, &format!("{path}{query}"), range.as_slice(), "")
            .await;
        assert_eq!(answer.status, 200, "{query}");
        for (name, expected) in [
            ("content-type", "application/vnd.walrus.range-proof"),
            ("cache-control", "no-store"),
            ("vary", "range"),
        ] {
            assert!(answer.header(name).unwrap().contains(expected), "{name}");
        }
        let proof = BodyProof::from_bytes(answer.bytes()).unwrap();
        assert_eq!(proof.range(), start..end);
        let bytes = &content(SIZE)[start as usize..end as usize];
        let id = encoded_id(&content(SIZE));
        assert_eq!(proof.verify(id, &config, bytes), Ok(()));
    }
    let head = aggregator.head(&format!("{path}?proof=1")).await;
    assert_eq!((head.status.as_u16(), head.bytes().len()), (200, 0));
}

#[tokio::test]
async fn what_has_no_proof_is_told() {
    let (aggregator, path) = aggregator();
    for (query, range, status) in [
        ("?proof=2", None, 400),
        ("?proof=1&raw=yes", None, 400),
        ("?proof=1", Some("bytes=0-1,5-6"), 400),
        ("?proof=1", Some("bytes=9-8"), 400),
        ("?proof=1", Some("bytes=1000-"), 416),
    ] {
        let range = range.map(|range| ("range", range));
        let answer = aggregator
            .ask(Method::GET, &format!("{path}{query}"), range.as_slice(), "")
            .await;
        assert_eq!(answer.status, status, "{query} {range:?}");
    }
    let nothing = Memories::default().with_encoded(Vec::new());
    let aggregator = Aggregator::new(nothing);
    let path = format!("/v1/blobs/{}?proof=1", encoded_id(b""));
    assert_eq!(aggregator.get(&path).await.status, 400);
}

#[tokio::test]
async fn a_manifest_is_its_body_with_its_digest_unless_it_is_asked_for_raw() {
    let store = Memories::default()
        .with(1, content(SIZE))
        .made_of(1, &[2, 3]);
    let aggregator = Aggregator::new(store);
    let path = format!("/v1/blobs/{}", id(1));
    let body = aggregator.get(&path).await;
    assert_eq!(body.bytes(), content(SIZE));
    let digest = "sha-256=:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=:";
    assert_eq!(body.header("repr-digest"), Some(digest));
    let raw = aggregator.get(&format!("{path}?raw=1")).await;
    assert_eq!(raw.bytes(), b"manifest");
    assert_eq!(raw.header("repr-digest"), None);
    assert_ne!(raw.header("etag"), body.header("etag"));
    let part = aggregator
        .get(&format!("{path}/byte-range?start=0&length=4&raw=true"))
        .await;
    assert_eq!(part.bytes(), b"mani");
}
