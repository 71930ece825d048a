//! Stores as jobs: joined, repeated, and gone on with by the next process.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures::{StreamExt as _, future, stream};
use serde_json::Value;
use walrus_gateway::{
    Gateway, Listeners,
    publisher::{PublisherOptions, Unstored, UploadError},
};

use crate::harness::{HERE, Memory, Publisher, Refused, in_directory, plain, result, services};

const CONFIRMATIONS: Refused = || Unstored {
    error: UploadError::Confirmations("61 of 67".into()),
    paid: true,
};

const ASYNC: (&str, &str) = ("prefer", "respond-async");

/// A body that counts when all of it was taken.
fn counted(taken: &Arc<AtomicUsize>) -> Body {
    let taken = Arc::clone(taken);
    let end = stream::once(async move {
        taken.fetch_add(1, Ordering::SeqCst);
        Bytes::new()
    });
    let parts = stream::iter([Bytes::from_static(b"the same")]).chain(end);
    Body::from_stream(parts.map(Ok::<_, std::convert::Infallible>))
}

#[tokio::test]
async fn the_same_at_the_same_time_is_one_store_and_one_after_the_other_are_two() {
    let publisher = Publisher::new(Memory {
        waits: true,
        ..Memory::default()
    });
    let taken = Arc::default();
    let put = |query| publisher.put(query, &[HERE], counted(&taken));
    let stores = future::join4(put(""), put(""), put(""), put("?epochs=2"));
    let go_on = async {
        // What is taken in has joined by the time that somebody else is polled.
        while taken.load(Ordering::SeqCst) < 4 || publisher.memory.times_paid() < 2 {
            tokio::task::yield_now().await;
        }
        while publisher.memory.forgotten.lock().unwrap().len() < 2 {
            publisher.memory.go_on.notify_one();
            tokio::task::yield_now().await;
        }
    };
    let ((a, b, c, other), ()) = future::join(stores, go_on).await;
    assert_eq!((a.status.as_u16(), other.status.as_u16()), (200, 200));
    assert_eq!((&a.json, &a.json), (&b.json, &c.json));
    assert_ne!(a.json, other.json);
    assert_eq!(publisher.memory.times_paid(), 2);
    publisher.memory.go_on.notify_one();
    assert_eq!(publisher.put("", &[HERE], "the same").await.status, 200);
    assert_eq!(publisher.memory.times_paid(), 3);
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_was() {
    let publisher = Publisher::new(Memory::default());
    let headers = [HERE, ("idempotency-key", "8e03978e-40d5")];
    let first = publisher.put("?epochs=3", &headers, "paid once").await;
    assert_eq!(first.status, 200);
    let again = publisher.put("?epochs=3", &headers, "paid once").await;
    assert_eq!((again.status, again.json), (first.status, first.json));
    assert_eq!(publisher.memory.times_paid(), 1);
    for (query, body) in [("?epochs=3", "other"), ("?epochs=4", "paid once")] {
        let other = publisher.put(query, &headers, body).await;
        assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED"));
    }
    // Without the key, and one after the other, they are two.
    publisher.put("?epochs=3", &[HERE], "paid once").await;
    publisher.put("?epochs=3", &[HERE], "paid once").await;
    assert_eq!(publisher.memory.times_paid(), 3);
    let long = "x".repeat(256);
    let refused = publisher
        .put("", &[HERE, ("idempotency-key", &long)], "x")
        .await;
    assert_eq!(refused.refused(), (400, "INVALID_IDEMPOTENCY_KEY"));
}

#[tokio::test]
async fn what_was_paid_and_not_certified_is_gone_on_with_by_the_same_request() {
    let publisher = Publisher::new(Memory::default());
    *publisher.memory.refused.lock().unwrap() = Some(CONFIRMATIONS);
    for headers in [&[HERE][..], &[HERE, ("idempotency-key", "k")]] {
        let refused = publisher.put("", headers, "half").await;
        assert_eq!(refused.refused(), (504, "INSUFFICIENT_CONFIRMATIONS"));
    }
    *publisher.memory.refused.lock().unwrap() = None;
    for headers in [&[HERE][..], &[HERE, ("idempotency-key", "k")]] {
        assert_eq!(publisher.put("", headers, "half").await.status, 200);
    }
    assert_eq!(publisher.memory.times_paid(), 2);
    assert_eq!(publisher.memory.forgotten.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_failed_store_is_told_as_it_failed_by_the_next_process_too() {
    let state = tempfile::tempdir().unwrap();
    let publisher = |memory| {
        Publisher::with(memory, |options| {
            *options = in_directory(state.path());
        })
    };
    let before = publisher(Memory::default());
    *before.memory.refused.lock().unwrap() = Some(|| UploadError::Blocked.into());
    let accepted = before.put("", &[HERE, ASYNC], "blocked").await;
    let job = accepted.header("location").unwrap().to_owned();
    let ended = async |publisher: &Publisher| loop {
        let status = publisher.ask(Method::GET, &job, &[HERE], "").await.json;
        if status["state"] == "failed" {
            break status["error"].clone();
        }
        tokio::task::yield_now().await;
    };
    let told = ended(&before).await;
    assert_eq!(
        (&told["code"], &told["details"][0]["reason"]),
        (&Value::from(451), &Value::from("FORBIDDEN_BLOB"))
    );
    drop(before);
    let after = publisher(Memory::default());
    assert_eq!(ended(&after).await, told);
}

#[tokio::test]
async fn a_failed_store_that_cost_nothing_is_tried_anew_under_its_key() {
    let publisher = Publisher::new(Memory::default());
    let headers = [HERE, ("idempotency-key", "k")];
    *publisher.memory.refused.lock().unwrap() = Some(|| UploadError::Funds("no".into()).into());
    let refused = publisher.put("", &headers, "x").await;
    assert_eq!(refused.refused(), (503, "INSUFFICIENT_FUNDS"));
    *publisher.memory.refused.lock().unwrap() = None;
    assert_eq!(publisher.put("", &headers, "x").await.status, 200);
}

#[tokio::test]
async fn who_does_not_want_to_wait_asks_later() {
    let publisher = Publisher::new(Memory {
        waits: true,
        ..Memory::default()
    });
    let accepted = publisher.put("", &[HERE, ASYNC], "later").await;
    assert_eq!(accepted.status, 202);
    assert_eq!(accepted.header("preference-applied"), Some("respond-async"));
    let job = accepted.header("location").unwrap();
    assert!(job.len() > 22 + 10, "{job}");
    let status = async || publisher.ask(Method::GET, job, &[HERE], "").await.json;
    assert_eq!(status().await["received"], 5);
    assert_eq!(status().await["result"], Value::Null);
    publisher.memory.go_on.notify_one();
    let stored = loop {
        let status = status().await;
        if status["state"] == "stored" {
            break status;
        }
        tokio::task::yield_now().await;
    };
    let expected = serde_json::to_value(result(b"later", &plain())).unwrap();
    assert_eq!(stored["result"], expected);
    assert_eq!(
        stored["blobId"],
        expected["newlyCreated"]["blobObject"]["blobId"]
    );
    let other = publisher.ask(
        Method::GET,
        "/v1/uploads/AAAAAAAAAAAAAAAAAAAAAA",
        &[HERE],
        "",
    );
    assert_eq!(other.await.refused(), (404, "UPLOAD_NOT_FOUND"));
}

/// A client that speaks HTTP over TCP.
pub(crate) fn client() -> reqwest::Client {
    // The library asks for one though nothing here is encrypted; a second one is refused.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// A publisher that serves on a port of its own, and does what the one before it left.
pub(crate) struct Served {
    pub(crate) url: String,
    pub(crate) gateway: Gateway,
}

pub(crate) fn serve(memory: &Arc<Memory>, options: PublisherOptions) -> Served {
    let listeners = Listeners::bind(([127, 0, 0, 1], 0).into(), None).unwrap();
    let gateway = Gateway::start(&services(memory, options), listeners).unwrap();
    Served {
        url: format!("http://{}", gateway.address()),
        gateway,
    }
}

/// Runs a publisher until `until` ends, and then ends it as abruptly as a process can be ended from within: nothing of it goes on.
pub(crate) fn killed<T>(
    memory: &Arc<Memory>,
    state: &Path,
    until: impl AsyncFnOnce(String) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let done = runtime.block_on(async {
        let served = serve(memory, in_directory(state));
        until(served.url.clone()).await
    });
    drop(runtime);
    done
}

#[test]
fn a_store_that_was_cut_off_is_finished_by_the_next_process_and_paid_once() {
    let state = tempfile::tempdir().unwrap();
    for (number, body) in [b"small".to_vec(), vec![9; 400 << 10]]
        .into_iter()
        .enumerate()
    {
        let stuck = Arc::new(Memory {
            waits: true,
            ..Memory::default()
        });
        let sent = body.clone();
        killed(&stuck, state.path(), async |url| {
            let put = client().put(format!("{url}/v1/blobs"));
            let put = put.body(sent).send();
            tokio::select! {
                _ = put => panic!("it waits"),
                () = stuck.begun.notified() => {}
            }
        });
        let next = Arc::new(Memory::default());
        let answer = killed(&next, state.path(), async |url| {
            while next.forgotten.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
            // Nobody has the answer yet: who sends the same again means that store.
            let put = client().put(format!("{url}/v1/blobs"));
            put.body(body.clone())
                .send()
                .await
                .unwrap()
                .json::<Value>()
                .await
                .unwrap()
        });
        assert_eq!(
            answer,
            serde_json::to_value(result(&body, &plain())).unwrap()
        );
        let paid = stuck.paid.lock().unwrap().clone();
        assert_eq!(paid, *next.paid.lock().unwrap(), "{number}");
        assert_eq!(paid.len(), 1);
        let files = std::fs::read_dir(state.path().join("bodies")).unwrap();
        assert_eq!(files.count(), 0);
    }
}

#[test]
fn bodies_of_no_job_are_removed_and_keys_of_requests_survive() {
    let state = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let bodies = state.path().join("bodies");
    std::fs::create_dir_all(&bodies).unwrap();
    std::fs::write(bodies.join("AAAAAAAAAAAAAAAAAAAAAA"), "cut off").unwrap();
    for _ in 0..2 {
        killed(&memory, state.path(), async |url| {
            let put = client().put(format!("{url}/v1/blobs"));
            let put = put.header("idempotency-key", "k").body("once").send();
            assert_eq!(put.await.unwrap().status(), 200);
        });
        assert_eq!(std::fs::read_dir(&bodies).unwrap().count(), 0);
    }
    assert_eq!(memory.times_paid(), 1);
}
