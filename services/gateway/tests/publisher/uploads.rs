//! Resumable uploads, as tus 1.0 has them.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures::{StreamExt as _, stream};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use walrus_gateway::publisher::{KeyFile, NewKey, SpoolBounds, UploadError};

use crate::{
    harness::{Answer, HERE, Memory, Publisher, in_directory, plain, result},
    jobs::{client, killed, serve},
};

const TUS: (&str, &str) = ("tus-resumable", "1.0.0");
const PART: (&str, &str) = ("content-type", "application/offset+octet-stream");

impl Publisher {
    async fn create(&self, query: &str, length: u64, more: &[(&str, &str)]) -> Answer {
        let length = length.to_string();
        let headers = [&[HERE, TUS, ("upload-length", &length)], more].concat();
        let path = format!("/v1/uploads{query}");
        self.ask(Method::POST, &path, &headers, "").await
    }

    pub(super) async fn begin(&self, length: u64, more: &[(&str, &str)]) -> String {
        let created = self.create("", length, more).await;
        assert_eq!(created.status, 201, "{}", created.json);
        created.header("location").unwrap().to_owned()
    }

    pub(super) async fn patch(
        &self,
        upload: &str,
        offset: u64,
        more: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        let offset = offset.to_string();
        let headers = [&[HERE, TUS, PART, ("upload-offset", &offset)], more].concat();
        self.ask(Method::PATCH, upload, &headers, body).await
    }

    async fn offset(&self, upload: &str) -> Option<u64> {
        let head = self.ask(Method::HEAD, upload, &[HERE, TUS], "").await;
        assert_eq!(head.header("cache-control"), Some("no-store"));
        head.number("upload-offset")
    }
}

/// Metadata that promises a digest.
fn promise(body: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(body));
    format!("filename YQ==,sha256 {}", BASE64_STANDARD.encode(digest))
}

#[tokio::test]
async fn an_upload_in_parts_is_stored_once_it_is_complete() {
    let publisher = Publisher::new(Memory::default());
    let metadata = promise(b"hello world");
    let created = publisher
        .create("?epochs=4", 11, &[("upload-metadata", &metadata)])
        .await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("tus-resumable"), Some("1.0.0"));
    assert!(created.header("upload-expires").unwrap().ends_with("GMT"));
    let upload = created.header("location").unwrap();
    let head = publisher.ask(Method::HEAD, upload, &[HERE, TUS], "").await;
    assert_eq!(head.status, 200);
    assert_eq!(
        (head.number("upload-offset"), head.number("upload-length")),
        (Some(0), Some(11))
    );
    assert_eq!(head.header("upload-metadata"), Some(&*metadata));
    let first = publisher.patch(upload, 0, &[], "hello ").await;
    assert_eq!(
        (first.status.as_u16(), first.number("upload-offset")),
        (204, Some(6))
    );
    let nothing = publisher.patch(upload, 6, &[], "").await;
    assert_eq!(
        (nothing.status.as_u16(), nothing.number("upload-offset")),
        (204, Some(6))
    );
    assert!(publisher.memory.stored.lock().unwrap().is_empty());
    let last = publisher.patch(upload, 6, &[], "world").await;
    assert_eq!(
        (last.status.as_u16(), last.number("upload-offset")),
        (204, Some(11))
    );
    let options = walrus_gateway::publisher::UploadOptions {
        epochs: 4,
        ..plain()
    };
    let expected = serde_json::to_value(result(b"hello world", &options)).unwrap();
    let blob_id = expected["newlyCreated"]["blobObject"]["blobId"].as_str();
    assert_eq!(last.header("x-walrus-blob-id"), blob_id);
    assert_eq!(publisher.offset(upload).await, Some(11));
    let status = publisher.ask(Method::GET, upload, &[HERE], "").await.json;
    assert_eq!(
        (&status["state"], &status["result"]),
        (&Value::from("stored"), &expected)
    );
    // What is stored is not taken back, its answer is.
    let gone = publisher
        .ask(Method::DELETE, upload, &[HERE, TUS], "")
        .await;
    assert_eq!(gone.status, 204);
    let head = publisher.ask(Method::HEAD, upload, &[HERE, TUS], "").await;
    assert_eq!(head.status, 404);
}

#[tokio::test]
async fn parts_are_where_the_one_before_ended_and_nothing_else_is_taken() {
    let publisher = Publisher::new(Memory::default());
    let upload = publisher.begin(10, &[]).await;
    let upload = upload.as_str();
    publisher.patch(upload, 0, &[], "1234").await;
    for (offset, expected) in [(0, (409, "OFFSET_MISMATCH")), (5, (409, "OFFSET_MISMATCH"))] {
        let refused = publisher.patch(upload, offset, &[], "x").await;
        assert_eq!(refused.refused(), expected);
    }
    let beyond = publisher.patch(upload, 4, &[], "1234567").await;
    assert_eq!(beyond.refused(), (400, "INVALID_UPLOAD"));
    assert_eq!(publisher.offset(upload).await, Some(4));
    let without =
        |headers: &'static [(&str, &str)], method| publisher.ask(method, upload, headers, "x");
    let version = without(&[HERE, PART, ("upload-offset", "4")], Method::PATCH).await;
    assert_eq!(version.refused(), (412, "UNSUPPORTED_VERSION"));
    let kind = without(&[HERE, TUS, ("upload-offset", "4")], Method::PATCH).await;
    assert_eq!(kind.refused(), (415, "UNSUPPORTED_MEDIA_TYPE"));
    let place = without(&[HERE, TUS, PART], Method::PATCH).await;
    assert_eq!(place.refused(), (400, "INVALID_UPLOAD"));
    let unknown = "/v1/uploads/AAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(
        publisher.patch(unknown, 0, &[], "x").await.refused(),
        (404, "UPLOAD_NOT_FOUND")
    );
    let ended = publisher
        .ask(Method::DELETE, upload, &[HERE, TUS], "")
        .await;
    assert_eq!(ended.status, 204);
    assert_eq!(
        publisher.patch(upload, 4, &[], "x").await.refused(),
        (404, "UPLOAD_NOT_FOUND")
    );
    assert!(publisher.memory.stored.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_an_upload_has_to_say_at_its_beginning() {
    let publisher = Publisher::with(Memory::default(), |options| options.max_upload_size = 1000);
    let refused = publisher.create("", 1001, &[]).await;
    assert_eq!(refused.refused(), (413, "BODY_TOO_LARGE"));
    for (query, headers, expected) in [
        ("", &[HERE, TUS][..], (400, "INVALID_UPLOAD")),
        (
            "",
            &[HERE, TUS, ("upload-length", "-1")],
            (400, "INVALID_UPLOAD"),
        ),
        (
            "",
            &[HERE, ("upload-length", "1")],
            (412, "UNSUPPORTED_VERSION"),
        ),
        (
            "?epochs=0",
            &[HERE, TUS, ("upload-length", "1")],
            (400, "INVALID_QUERY"),
        ),
        (
            "",
            &[
                HERE,
                TUS,
                ("upload-length", "1"),
                ("upload-metadata", "sha256 YQ=="),
            ],
            (400, "INVALID_UPLOAD"),
        ),
    ] {
        let path = format!("/v1/uploads{query}");
        let refused = publisher.ask(Method::POST, &path, headers, "").await;
        assert_eq!(refused.refused(), expected);
    }
    let options = publisher
        .ask(Method::OPTIONS, "/v1/uploads", &[HERE], "")
        .await;
    assert!(options.status.is_success());
    assert_eq!(options.header("tus-version"), Some("1.0.0"));
    assert_eq!(
        options.header("tus-extension"),
        Some("creation,expiration,termination,checksum")
    );
    let preflight = [
        HERE,
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "PATCH"),
        (
            "access-control-request-headers",
            "authorization,tus-resumable",
        ),
    ];
    let options = publisher
        .ask(Method::OPTIONS, "/v1/uploads/x", &preflight, "")
        .await;
    let allowed = options.header("access-control-allow-headers").unwrap();
    // A `*` would not stand for this one.
    assert!(allowed.contains("authorization"), "{allowed}");
}

#[tokio::test]
async fn an_empty_file_is_complete_at_once() {
    let publisher = Publisher::new(Memory::default());
    let created = publisher.create("", 0, &[]).await;
    assert_eq!(
        (created.status.as_u16(), created.number("upload-offset")),
        (201, Some(0))
    );
    assert!(created.header("x-walrus-blob-id").is_some());
    assert_eq!(publisher.memory.stored.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn bytes_that_are_not_those_of_their_checksum_are_forgotten() {
    let publisher = Publisher::new(Memory::default());
    let upload = publisher.begin(22, &[]).await;
    let right = ("upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    let wrong = publisher.patch(&upload, 0, &[right], "hello w0rld").await;
    assert_eq!(wrong.refused(), (460, "CHECKSUM_MISMATCH"));
    assert_eq!(publisher.offset(&upload).await, Some(0));
    let part = publisher.patch(&upload, 0, &[right], "hello world").await;
    assert_eq!(
        (part.status.as_u16(), part.number("upload-offset")),
        (204, Some(11))
    );
    let unknown = ("upload-checksum", "crc32 AAAAAA==");
    let unknown = publisher.patch(&upload, 11, &[unknown], "x").await;
    assert_eq!(unknown.refused(), (400, "INVALID_UPLOAD"));
    let last = publisher.patch(&upload, 11, &[right], "hello world").await;
    assert_eq!(last.status, 204);
    let stored = publisher.memory.stored.lock().unwrap();
    assert_eq!(stored[0].0, b"hello worldhello world");
}

#[tokio::test]
async fn nothing_is_paid_for_bytes_that_were_not_promised() {
    let publisher = Publisher::new(Memory::default());
    let metadata = promise(b"the file as it was");
    let upload = publisher.begin(18, &[("upload-metadata", &metadata)]).await;
    let refused = publisher.patch(&upload, 0, &[], "the file as it is!").await;
    assert_eq!(refused.refused(), (422, "DIGEST_MISMATCH"));
    assert_eq!(publisher.memory.times_paid(), 0);
    let again = publisher.patch(&upload, 0, &[], "x").await;
    assert_eq!(again.refused(), (404, "UPLOAD_NOT_FOUND"));
}

#[tokio::test]
async fn one_request_writes_at_a_time_and_what_came_before_it_broke_is_kept() {
    let publisher = Publisher::new(Memory::default());
    let upload = publisher.begin(10, &[]).await;
    let (send, parts) = futures::channel::mpsc::unbounded::<Result<Bytes, std::io::Error>>();
    let slow = publisher.patch(&upload, 0, &[], Body::from_stream(parts));
    let meanwhile = async {
        send.unbounded_send(Ok(Bytes::from_static(b"123"))).unwrap();
        while publisher.offset(&upload).await != Some(3) {
            tokio::task::yield_now().await;
        }
        let other = publisher.patch(&upload, 3, &[], "456").await;
        assert_eq!(other.refused(), (423, "UPLOAD_LOCKED"));
        let end = publisher
            .ask(Method::DELETE, &upload, &[HERE, TUS], "")
            .await;
        assert_eq!(end.refused(), (423, "UPLOAD_LOCKED"));
        let broken = std::io::Error::other("the connection broke");
        send.unbounded_send(Err(broken)).unwrap();
        drop(send);
    };
    let (part, ()) = futures::future::join(slow, meanwhile).await;
    assert_eq!(part.number("upload-offset"), Some(3));
    assert_eq!(publisher.offset(&upload).await, Some(3));
    assert_eq!(
        publisher.patch(&upload, 3, &[], "4567890").await.status,
        204
    );
    assert_eq!(publisher.memory.stored.lock().unwrap()[0].0, b"1234567890");
}

#[tokio::test]
async fn bytes_that_are_waited_for_are_bounded_and_come_free() {
    let publisher = Publisher::with(Memory::default(), |options| {
        options.spool_bounds = SpoolBounds {
            total: 100,
            per_account: 60,
        };
    });
    let first = publisher.begin(50, &[]).await;
    let refused = publisher.create("", 11, &[]).await;
    assert_eq!(refused.refused(), (507, "SPOOL_FULL"));
    assert!(refused.header("retry-after").is_some());
    // That will never be room.
    let refused = publisher.create("", 61, &[]).await;
    assert_eq!(refused.refused(), (413, "BODY_TOO_LARGE"));
    assert!(refused.message().contains("60"), "{}", refused.message());
    let limits = publisher.ask(Method::GET, "/v1/limits", &[HERE], "").await;
    for limit in ["maxBodySize", "maxQuiltBodySize", "maxUploadSize"] {
        assert_eq!(limits.json[limit], 60, "{limit}");
    }
    publisher
        .ask(Method::DELETE, &first, &[HERE, TUS], "")
        .await;
    let second = publisher.begin(60, &[]).await;
    let stored = publisher.patch(&second, 0, &[], vec![1; 60]).await;
    assert_eq!(stored.status, 204);
    publisher.begin(60, &[]).await;
}

#[tokio::test]
async fn an_upload_that_nobody_goes_on_with_is_forgotten() {
    let memory = Arc::new(Memory::default());
    let state = tempfile::tempdir().unwrap();
    let options = walrus_gateway::publisher::PublisherOptions {
        upload_lifetime: Duration::ZERO,
        ..in_directory(state.path())
    };
    let client = client();
    let served = serve(&memory, options.clone());
    let create = client.post(format!("{}/v1/uploads", served.url));
    let create = create
        .header("tus-resumable", "1.0.0")
        .header("upload-length", "5");
    assert_eq!(create.send().await.unwrap().status(), 201);
    let bodies = || {
        std::fs::read_dir(state.path().join("bodies"))
            .unwrap()
            .count()
    };
    assert_eq!(bodies(), 1);
    served.gateway.shutdown().await;
    // The next one looks for such first of all.
    let served = serve(&memory, options);
    while bodies() > 0 {
        tokio::task::yield_now().await;
    }
    served.gateway.shutdown().await;
}

#[tokio::test]
async fn an_upload_is_bound_to_its_key() {
    let state = tempfile::tempdir().unwrap();
    let file = KeyFile::in_directory(state.path());
    let key = || {
        let (_, secret) = file.create(NewKey::default(), 1).unwrap();
        format!("Bearer {}", secret.reveal())
    };
    let (own, other) = (key(), key());
    let publisher = Publisher::with(Memory::default(), |options| {
        options.state = Some(state.path().to_owned());
    });
    let own = ("authorization", own.as_str());
    let upload = publisher.begin(5, &[own]).await;
    for wrong in [&[][..], &[("authorization", other.as_str())]] {
        let refused = publisher.patch(&upload, 0, wrong, "12345").await;
        assert_eq!(refused.refused(), (403, "NOT_YOUR_UPLOAD"));
        let headers = [&[HERE, TUS][..], wrong].concat();
        let refused = publisher.ask(Method::DELETE, &upload, &headers, "").await;
        assert_eq!(refused.refused(), (403, "NOT_YOUR_UPLOAD"));
    }
    assert_eq!(
        publisher.patch(&upload, 0, &[own], "12345").await.status,
        204
    );
}

#[test]
fn an_upload_goes_on_where_it_was_after_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let memory = Arc::new(Memory::default());
    let body: Vec<u8> = (0..20 << 20_u32).map(|byte| byte as u8).collect();
    let length = body.len();
    let (send, promised) = (body.clone(), promise(&body));
    let upload = killed(&memory, state.path(), async |url| {
        let client = client();
        let create = client.post(format!("{url}/v1/uploads"));
        let create = create
            .header("tus-resumable", "1.0.0")
            .header("upload-length", length);
        let created = create
            .header("upload-metadata", promised)
            .send()
            .await
            .unwrap();
        let upload = created.headers()["location"].to_str().unwrap().to_owned();
        // Most of it, and then nothing more, without an end.
        let parts: Vec<_> = send[..15 << 20]
            .chunks(1 << 20)
            .map(Bytes::copy_from_slice)
            .collect();
        let parts = stream::iter(parts)
            .map(Ok::<_, std::io::Error>)
            .chain(stream::pending());
        let patch = client.patch(format!("{url}{upload}"));
        let patch = patch
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", 0);
        let patch = patch.header("content-type", "application/offset+octet-stream");
        let patch = patch.body(reqwest::Body::wrap_stream(parts)).send();
        let head = async {
            loop {
                let head = client.head(format!("{url}{upload}")).send().await.unwrap();
                if head.headers()["upload-offset"] == (15 << 20).to_string() {
                    break;
                }
            }
        };
        tokio::select! {
            _ = patch => panic!("it does not end"),
            () = head => {}
        }
        upload
    });
    killed(&memory, state.path(), async |url| {
        let client = client();
        let head = client.head(format!("{url}{upload}")).send().await.unwrap();
        let offset: usize = head.headers()["upload-offset"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        // What was on disk for good.
        assert!(((8 << 20)..=(15 << 20)).contains(&offset), "{offset}");
        let patch = client.patch(format!("{url}{upload}"));
        let patch = patch
            .header("tus-resumable", "1.0.0")
            .header("upload-offset", offset);
        let patch = patch.header("content-type", "application/offset+octet-stream");
        let patch = patch.body(body[offset..].to_vec()).send().await.unwrap();
        assert_eq!(patch.status(), 204);
    });
    let stored = memory.stored.lock().unwrap();
    assert!(stored[0].0 == body);
}

#[tokio::test]
async fn who_follows_an_upload_hears_how_it_ends() {
    let publisher = Arc::new(Publisher::new(Memory::default()));
    let upload = publisher.begin(5, &[]).await;
    let events = async {
        let path = format!("{upload}/events");
        publisher.text(&path).await
    };
    let store = async { publisher.patch(&upload, 0, &[], "12345").await };
    let (events, _) = futures::future::join(events, store).await;
    assert!(
        events.contains("event: stored") && events.contains("newlyCreated"),
        "{events}"
    );
    // One that is over says so at once.
    let events = publisher.text(&format!("{upload}/events")).await;
    assert!(events.starts_with("event: stored"), "{events}");
    *publisher.memory.refused.lock().unwrap() = Some(|| UploadError::Blocked.into());
    let upload = publisher.begin(1, &[]).await;
    assert_eq!(
        publisher.patch(&upload, 0, &[], "1").await.refused(),
        (451, "FORBIDDEN_BLOB")
    );
    let events = publisher.text(&format!("{upload}/events")).await;
    assert!(events.starts_with("event: failed"), "{events}");
}
