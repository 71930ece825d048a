//! Forms that make quilts.

use std::io::Read as _;

use axum::body::Body;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde_json::json;
use walrus_gateway::publisher::{UploadError, UploadOptions};
use walrus_sdk::BlobData;

use crate::harness::{Answer, HERE, LIMIT, Memory, Publisher, QUILT, plain, result};

const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=--7");

/// A part as curl writes one.
fn part(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "----7\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn form(parts: &[Vec<u8>]) -> Vec<u8> {
    [&parts.concat()[..], b"----7--\r\n"].concat()
}

/// In pieces of so many bytes.
fn chunked(form: &[u8], length: usize) -> Body {
    let pieces: Vec<_> = form.chunks(length).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(pieces).map(Ok::<_, std::convert::Infallible>))
}

async fn put(publisher: &Publisher, body: impl Into<Body>) -> Answer {
    publisher
        .put_to("/v1/quilts?epochs=2", &[HERE, FORM], body)
        .await
}

fn for_two_epochs() -> UploadOptions {
    UploadOptions {
        epochs: 2,
        ..plain()
    }
}

fn content(data: &BlobData) -> Vec<u8> {
    let mut bytes = Vec::new();
    data.reader().unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[tokio::test]
async fn files_and_tags_of_a_form_are_patches_whatever_pieces_it_comes_in() {
    let metadata =
        json!([{"identifier": "b/ü.txt", "tags": {"k": "v", "n": 7}}, {"identifier": "nobody"}]);
    let large = vec![9; 700_000];
    let small = form(&[
        part("a", b"one\r\n--7\r\n"),
        part("_metadata", metadata.to_string().as_bytes()),
        part("b/ü.txt", b""),
        part("large", &large[..1000]),
    ]);
    let big = form(&[
        part("a", b"one"),
        part("large", &large),
        part("c", b"three"),
    ]);
    let publisher = Publisher::new(Memory::default());
    for length in [1, 7, 100_000] {
        let answer = put(&publisher, chunked(&small, length)).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        let expected = json!([
            {"identifier": "a", "quiltPatchId": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcBAQACAA", "range": [1, 2]},
            {"identifier": "b/ü.txt", "quiltPatchId": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcBAgADAA", "range": [2, 3]},
            {"identifier": "large", "quiltPatchId": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcBAwAEAA", "range": [3, 4]},
        ]);
        assert_eq!(answer.json["storedQuiltBlobs"], expected);
        assert_eq!(
            answer.json["blobStoreResult"],
            serde_json::to_value(result(&QUILT, &for_two_epochs())).unwrap()
        );
        let patches = publisher.memory.quilts.lock().unwrap().pop().unwrap();
        let contents: Vec<_> = patches.iter().map(|patch| content(&patch.data)).collect();
        assert_eq!(contents, [&b"one\r\n--7\r\n"[..], b"", &large[..1000]]);
        let tags: Vec<_> = patches[1]
            .tags
            .iter()
            .map(|(key, value)| (&**key, &**value))
            .collect();
        assert_eq!(tags, [("k", "v"), ("n", "7")]);
        assert!(patches[0].tags.is_empty());
    }
    // What is in a file is where it belongs.
    assert_eq!(put(&publisher, chunked(&big, 9999)).await.status, 200);
    let patches = publisher.memory.quilts.lock().unwrap().pop().unwrap();
    assert!(
        patches
            .iter()
            .all(|patch| matches!(patch.data, BlobData::FilePart(_)))
    );
    let contents: Vec<_> = patches.iter().map(|patch| content(&patch.data)).collect();
    assert_eq!(contents, [&b"one"[..], &large, b"three"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_form_is_told_with_the_part_that_has_it() {
    let publisher = Publisher::new(Memory::default());
    let nameless = b"----7\r\nContent-Disposition: form-data\r\n\r\nx\r\n".to_vec();
    let repeated = json!([{"identifier": "a"}, {"identifier": "a"}]).to_string();
    let long = "n".repeat(300_000);
    for (form, expected) in [
        (form(&[]), "no files"),
        (form(&[part("_metadata", b"[]")]), "no files"),
        (form(&[part("a", b"x"), nameless]), "part 2 has no name"),
        (
            form(&[part("a", b"x"), part("b ", b"y")]),
            "part 2: the identifier \"b \" ends with white space",
        ),
        (
            form(&[part("", b"x")]),
            "part 1: an identifier cannot be empty",
        ),
        (
            form(&[part("a", b"x"), part("b", b""), part("a", b"y")]),
            "part 3: there is a part \"a\"",
        ),
        (
            form(&[part("a", b"x"), part("_metadata", b"{}")]),
            "\"_metadata\": it is no JSON array",
        ),
        (
            form(&[part("a", b"x"), part("_metadata", repeated.as_bytes())]),
            "describes \"a\" twice",
        ),
        (
            form(&[part("_metadata", b"[]"), part("_metadata", b"[]")]),
            "there are two of it",
        ),
        (
            form(&[part("a", b"x"), part(&long, b"y")]),
            "part 2 has more than",
        ),
        (part("a", b"x"), "cannot be read as a form"),
        (b"some string".to_vec(), "cannot be read as a form"),
    ] {
        let answer = put(&publisher, chunked(&form, 8192)).await;
        assert_eq!(answer.refused(), (400, "MALFORMED_REQUEST"), "{expected}");
        let message = answer.json["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{expected}: {message}");
    }
    for headers in [&[HERE][..], &[HERE, ("content-type", "application/json")]] {
        let answer = publisher.put_to("/v1/quilts", headers, "x").await;
        assert_eq!(answer.refused(), (400, "MALFORMED_REQUEST"));
    }
    *publisher.memory.refused.lock().unwrap() =
        Some(|| UploadError::Quilt("too many".into()).into());
    let answer = put(&publisher, form(&[part("a", b"x")])).await;
    assert_eq!(answer.refused(), (400, "MALFORMED_REQUEST"));
    assert!(publisher.memory.quilts.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_form_above_the_limit_is_refused_with_the_limit() {
    let publisher = Publisher::new(Memory::default());
    let large = form(&[part("a", &vec![0; 2 * LIMIT])]);
    let told = put(&publisher, large.clone()).await;
    let untold = put(&publisher, chunked(&large, 50_000)).await;
    for answer in [told, untold] {
        assert_eq!(answer.refused(), (413, "BODY_TOO_LARGE"));
        let message = answer.json["error"]["message"].as_str().unwrap();
        assert!(message.contains("2097152"), "{message}");
    }
    let fits = form(&[part("a", &vec![0; 2 * LIMIT - 1000])]);
    assert_eq!(put(&publisher, fits).await.status, 200);
}

#[tokio::test]
async fn only_who_may_store_stores_a_quilt() {
    let publisher = Publisher::new(Memory::default());
    let other = [HERE, FORM, ("origin", "https://example.org")];
    let answer = publisher
        .put_to("/v1/quilts", &other, form(&[part("a", b"x")]))
        .await;
    assert_eq!(answer.refused(), (403, "NOT_ALLOWED"));
}

#[tokio::test]
async fn a_repeated_form_is_answered_as_the_first_was() {
    let publisher = Publisher::new(Memory::default());
    let headers = [HERE, FORM, ("idempotency-key", "k")];
    let put = || publisher.put_to("/v1/quilts", &headers, form(&[part("a", b"x")]));
    let (first, again) = (put().await, put().await);
    assert_eq!((first.status.as_u16(), first.json), (200, again.json));
    assert_eq!(publisher.memory.times_paid(), 1);
}
