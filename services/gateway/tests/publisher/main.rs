//! The routes of a publisher, with an uploader in memory.

#![allow(clippy::unwrap_used)]

mod quilts;

use std::{
    io::Read as _,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use bytes::Bytes;
use futures::{StreamExt as _, future::BoxFuture, stream};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::sync::Notify;
use tower::ServiceExt as _;
use walrus_gateway::{
    Services,
    publisher::{
        Access, AfterStore, PublisherOptions, StoredQuilt, UploadError, UploadOptions, Uploader,
    },
};
use walrus_sdk::{
    Address, BlobData, BlobId, BlobStoreResult, EventId, EventOrObject, PatchColumns, PatchToStore,
    QuiltPatchId, StoredPatch,
};
use walrus_service::metrics::Registry;

const LIMIT: usize = 1 << 20;

/// Why nothing is stored.
type Refused = fn() -> UploadError;

/// Keeps what it is given.
#[derive(Default)]
struct Memory {
    stored: Mutex<Vec<(Vec<u8>, UploadOptions)>>,
    quilts: Mutex<Vec<Vec<PatchToStore>>>,
    refused: Mutex<Option<Refused>>,
    /// Whether stores wait to be told to go on.
    waits: bool,
    begun: Notify,
    go_on: Notify,
}

fn result() -> BlobStoreResult {
    BlobStoreResult::AlreadyCertified {
        blob_id: BlobId([7; 32]),
        event_or_object: EventOrObject::Event(EventId {
            tx_digest: [0; 32],
            event_seq: 3,
        }),
        end_epoch: 9,
    }
}

impl Uploader for Memory {
    fn store(
        &self,
        data: BlobData,
        options: UploadOptions,
    ) -> BoxFuture<'_, Result<BlobStoreResult, UploadError>> {
        Box::pin(async move {
            self.begun.notify_one();
            if self.waits {
                self.go_on.notified().await;
            }
            if let Some(refused) = *self.refused.lock().unwrap() {
                return Err(refused());
            }
            let mut bytes = Vec::new();
            data.reader().unwrap().read_to_end(&mut bytes).unwrap();
            self.stored.lock().unwrap().push((bytes, options));
            Ok(result())
        })
    }

    fn store_quilt(
        &self,
        patches: Vec<PatchToStore>,
        _: UploadOptions,
    ) -> BoxFuture<'_, Result<StoredQuilt, UploadError>> {
        if let Some(refused) = *self.refused.lock().unwrap() {
            return Box::pin(std::future::ready(Err(refused())));
        }
        let stored = (1..).zip(&patches).map(|(start, patch)| StoredPatch {
            identifier: patch.identifier.clone(),
            tags: patch.tags.clone(),
            id: QuiltPatchId {
                quilt_id: BlobId([7; 32]),
                columns: PatchColumns {
                    start,
                    end: start + 1,
                },
            },
        });
        let stored = StoredQuilt {
            result: result(),
            patches: stored.collect(),
        };
        self.quilts.lock().unwrap().push(patches);
        Box::pin(std::future::ready(Ok(stored)))
    }
}

struct Publisher {
    memory: Arc<Memory>,
    router: Router,
}

/// Status, headers that matter, and JSON.
struct Answer {
    status: StatusCode,
    cache_control: Option<String>,
    retry_after: Option<String>,
    json: Value,
}

impl Answer {
    fn refused(&self) -> (u16, &str) {
        assert_eq!(self.cache_control.as_deref(), Some("no-store"));
        let reason = &self.json["error"]["details"][0]["reason"];
        (self.status.as_u16(), reason.as_str().unwrap())
    }
}

impl Publisher {
    fn new(memory: Memory) -> Self {
        let memory = Arc::new(memory);
        let options = PublisherOptions {
            max_body_size: LIMIT as u64,
            max_quilt_body_size: 2 * LIMIT as u64,
            ..PublisherOptions::default()
        };
        let services = Services {
            publisher: Some((memory.clone(), options)),
            ..Services::default()
        };
        let address = ([127, 0, 0, 1], 31_415).into();
        let router = services.router(address, &Registry::new()).unwrap();
        Self { memory, router }
    }

    async fn put(&self, query: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.put_to(&format!("/v1/blobs{query}"), headers, body)
            .await
    }

    async fn put_to(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::put(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        let (cache_control, retry_after) = (header("cache-control"), header("retry-after"));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            cache_control,
            retry_after,
            json: serde_json::from_slice(&body).unwrap(),
        }
    }
}

const HERE: (&str, &str) = ("host", "127.0.0.1:31415");

#[tokio::test]
async fn a_body_is_stored_as_it_is_and_the_result_is_that_of_the_command_line() {
    let publisher = Publisher::new(Memory::default());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let answer = publisher.put("", &[HERE, form], "some string").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json, serde_json::to_value(result()).unwrap());
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
            || UploadError::Epochs("too many".into()),
            400,
            "MALFORMED_REQUEST",
        ),
        (
            || UploadError::TooLarge { size: 2, max: 1 },
            413,
            "BODY_TOO_LARGE",
        ),
        (
            || UploadError::Confirmations("61 of 67".into()),
            504,
            "INSUFFICIENT_CONFIRMATIONS",
        ),
        (|| UploadError::Blocked, 451, "FORBIDDEN_BLOB"),
        (
            || UploadError::Funds("no WAL".into()),
            503,
            "INSUFFICIENT_FUNDS",
        ),
        (|| UploadError::Failed("no".into()), 500, "INTERNAL_ERROR"),
    ];
    for (refused, status, reason) in cases {
        *publisher.memory.refused.lock().unwrap() = Some(refused);
        let answer = publisher.put("", &[HERE], "x").await;
        assert_eq!(answer.refused(), (status, reason));
        assert_eq!(answer.retry_after.is_some(), status == 503);
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
    let services = |access| Services {
        publisher: Some((
            Arc::new(Memory::default()),
            PublisherOptions {
                access,
                ..PublisherOptions::default()
            },
        )),
        ..Services::default()
    };
    let address = ([0, 0, 0, 0], 31_415).into();
    let router = |access| services(access).router(address, &Registry::new());
    let refused = router(Access::Loopback).unwrap_err().to_string();
    assert!(refused.contains("--allow-anonymous"), "{refused}");
    assert!(router(Access::Anonymous).is_ok());
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
