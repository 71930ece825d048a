//! Stores that are refused before their bodies are there.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures::stream;
use walrus_gateway::publisher::{KeyFile, NewKey, Unstored, UploadError};

use crate::harness::{Answer, HERE, Memory, PRICE, Publisher, in_directory};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const FORM: (&str, &str) = ("content-type", "multipart/form-data; boundary=7");
const ASKS: (&str, &str) = ("expect", "100-continue");

/// A body of which nothing may be taken.
fn untouched(taken: &Arc<AtomicBool>) -> Body {
    let taken = Arc::clone(taken);
    let once = stream::once(async move {
        taken.store(true, Ordering::SeqCst);
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"taken"))
    });
    Body::from_stream(once)
}

/// What all ways to store answer to who asks first, none of which takes a byte.
async fn asked(publisher: &Publisher, more: &[(&str, &str)]) -> [Answer; 3] {
    let taken = Arc::default();
    let with = |headers: &[(&'static str, &'static str)]| [headers, more].concat();
    let headers = with(&[HERE, ASKS]);
    let blob = publisher.put("", &headers, untouched(&taken)).await;
    let headers = with(&[HERE, ASKS, FORM]);
    let quilt = publisher.put_to("/v1/quilts", &headers, untouched(&taken));
    let quilt = quilt.await;
    let headers = with(&[HERE, TUS, ("upload-length", "1")]);
    let upload = publisher.ask(Method::POST, "/v1/uploads", &headers, "");
    let upload = upload.await;
    assert!(!taken.load(Ordering::SeqCst));
    [blob, quilt, upload]
}

#[tokio::test]
async fn what_the_network_does_not_take_is_refused_before_the_body_is_there() {
    let publisher = Publisher::new(Memory::default());
    let epochs = || UploadError::Epochs("the network sells at most 53 epochs".into());
    let size = || UploadError::TooLarge { size: 1, max: 0 };
    let unpriced: [(fn() -> UploadError, _); 2] = [
        (epochs, (400, "MALFORMED_REQUEST")),
        (size, (413, "BODY_TOO_LARGE")),
    ];
    for (unpriced, expected) in unpriced {
        *publisher.memory.unpriced.lock().unwrap() = Some(unpriced);
        for answer in asked(&publisher, &[]).await {
            assert_eq!(answer.refused(), expected);
        }
    }
    // What may pass is no reason.
    *publisher.memory.unpriced.lock().unwrap() = Some(|| UploadError::Failed("no chain".into()));
    assert_eq!(publisher.put("", &[HERE], "x").await.status, 200);
}

#[tokio::test]
async fn what_is_beyond_a_budget_is_refused_before_the_body_is_there() {
    let state = tempfile::tempdir().unwrap();
    let file = KeyFile::in_directory(state.path());
    let key = |budget, bytes| {
        let new = NewKey {
            budget,
            bytes,
            ..NewKey::default()
        };
        let (_, secret) = file.create(new, 1).unwrap();
        format!("Bearer {}", secret.reveal())
    };
    let publisher = Publisher::with(Memory::default(), |options| {
        *options = in_directory(state.path());
    });
    let poor = key(Some(PRICE - 1), None);
    for answer in asked(&publisher, &[("authorization", &poor)]).await {
        assert_eq!(answer.refused(), (402, "BUDGET_EXCEEDED"));
    }
    let small = key(None, Some(4));
    let headers = [HERE, TUS, ("authorization", &*small)];
    for (length, expected) in [("5", 402), ("4", 201)] {
        let headers = [&headers[..], &[("upload-length", length)]].concat();
        let answer = publisher.ask(Method::POST, "/v1/uploads", &headers, "");
        assert_eq!(answer.await.status, expected, "{length}");
    }
}

#[tokio::test]
async fn who_repeats_what_used_the_budget_up_hears_its_answer() {
    let state = tempfile::tempdir().unwrap();
    let new = NewKey {
        budget: Some(2 * PRICE + 2),
        ..NewKey::default()
    };
    let (_, secret) = KeyFile::in_directory(state.path()).create(new, 1).unwrap();
    let key = format!("Bearer {}", secret.reveal());
    let publisher = Publisher::with(Memory::default(), |options| {
        *options = in_directory(state.path());
    });
    let plain = [HERE, ("authorization", &*key)];
    let named = [HERE, ("authorization", &*key), ("idempotency-key", "k")];
    let first = publisher.put("", &named, "1").await;
    assert_eq!(first.status, 200);
    // Half done, so that the same body goes on with it.
    *publisher.memory.refused.lock().unwrap() = Some(|| Unstored {
        error: UploadError::Confirmations("61 of 67".into()),
        paid: true,
    });
    assert_eq!(publisher.put("", &plain, "2").await.status, 504);
    *publisher.memory.refused.lock().unwrap() = None;
    assert_eq!(publisher.put("", &named, "1").await.json, first.json);
    let other = publisher.put("", &plain, "3").await;
    assert_eq!(other.refused(), (402, "BUDGET_EXCEEDED"));
    assert_eq!(publisher.put("", &plain, "2").await.status, 200);
    assert_eq!(publisher.memory.times_paid(), 2);
}
