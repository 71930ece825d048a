//! Forms of quilts and headers of uploads, sent to a publisher: each is answered in the form of the protocol, and none of them is an
//! internal error.

use std::{cell::RefCell, io::Read as _, sync::Arc};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode},
};
use bytes::Bytes;
use futures::{future::BoxFuture, stream};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;
use walrus_fuzz::edited;
use walrus_gateway::{
    Services,
    publisher::{
        PublisherOptions, QuiltToStore, TaskId, Unstored, UploadError, UploadOptions, UploadTask,
        Uploaded, Uploader,
    },
};
use walrus_sdk::{BlobData, PatchToStore};
use walrus_service::metrics::Registry;

/// Bytes of the largest form, and of the largest upload.
const LIMIT: u64 = 4 << 10;

/// Looks at what it is given, and stores nothing of it.
struct Nothing;

impl Uploader for Nothing {
    fn price(&self, _: u64, _: &UploadOptions) -> BoxFuture<'_, Result<u64, UploadError>> {
        Box::pin(std::future::ready(Ok(1)))
    }

    fn store(&self, _: BlobData, _: UploadTask) -> BoxFuture<'_, Result<Uploaded, Unstored>> {
        Box::pin(std::future::ready(Err(UploadError::Blocked.into())))
    }

    fn pack(&self, patches: Vec<PatchToStore>) -> BoxFuture<'_, Result<QuiltToStore, UploadError>> {
        let mut length = 0;
        for patch in &patches {
            let mut bytes = Vec::new();
            patch
                .data
                .reader()
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
            assert_eq!(patch.data.length().unwrap(), bytes.len() as u64);
            length += bytes.len() as u64;
        }
        assert!(!patches.is_empty() && length <= LIMIT);
        Box::pin(std::future::ready(Err(UploadError::Blocked)))
    }

    fn forget(&self, _: TaskId) {}
}

/// A publisher, and what runs it.
struct Publisher {
    runtime: Runtime,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
}

impl Publisher {
    fn new() -> Self {
        let options = PublisherOptions {
            max_quilt_body_size: LIMIT,
            max_upload_size: LIMIT,
            ..PublisherOptions::default()
        };
        let services = Services {
            publisher: Some((Arc::new(Nothing), options)),
            ..Services::default()
        };
        let address = ([127, 0, 0, 1], 31_415).into();
        Self {
            runtime: Runtime::new().unwrap(),
            router: services.router(address, &Registry::new()).unwrap(),
        }
    }

    /// What is answered to a request, which is a refusal of the protocol if it is one.
    fn ask(&self, method: Method, path: &str, headers: HeaderMap, body: Body) -> Answer {
        // Its answer has no body.
        let is_head = method == Method::HEAD;
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(body)
            .unwrap();
        *request.headers_mut() = headers;
        let host = HeaderValue::from_static("127.0.0.1:31415");
        request.headers_mut().insert("host", host);
        let answer = async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (head, body) = response.into_parts();
            (head, body.collect().await.unwrap().to_bytes())
        };
        let (head, body) = self.runtime.block_on(answer);
        assert!(head.status.as_u16() < 500, "{} to {path}", head.status);
        if head.status.as_u16() >= 400 && !is_head {
            let error: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(error["error"]["code"], head.status.as_u16(), "{error}");
        }
        Answer {
            status: head.status,
            headers: head.headers,
        }
    }
}

fn part(head: &str, content: &str) -> String {
    format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
}

/// A line with the type of the body, and the body.
fn forms() -> Vec<Vec<u8>> {
    let kind = "multipart/form-data; boundary=B\n";
    let metadata = r#"[{"identifier": "a", "tags": {"k": "v", "n": 7}}, {"identifier": "b"}]"#;
    let one = part("name=\"a\"; filename=\"a\"", "text of a");
    let two = part("name=b/c.txt", "\r\n--B-\r\n");
    let described = part("name=\"_metadata\"", metadata);
    [
        format!("{kind}{one}{two}{described}--B--\r\n"),
        format!("{kind}{described}{one}--B--\r\n"),
        format!("{kind}{one}--B--"),
        format!("multipart/form-data; boundary=\"B\"; charset=utf-8\n{one}--B--\r\n"),
    ]
    .map(String::into_bytes)
    .to_vec()
}

#[test]
fn forms_of_quilts() {
    let publisher = Publisher::new();
    let seeds = forms();
    super::fuzz!(1500, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let mut parts = data.splitn(2, |byte| *byte == b'\n');
        let kind = parts
            .next()
            .and_then(|kind| HeaderValue::from_bytes(kind).ok());
        let form = Bytes::copy_from_slice(parts.next().unwrap_or_default());
        let headers = kind.map(|kind| (HeaderName::from_static("content-type"), kind));
        // In pieces, so that what is between two of them does not matter.
        let length = bytes
            .first()
            .map_or(1, |first| usize::from(*first % 16) + 1);
        let pieces: Vec<_> = form.chunks(length).map(Bytes::copy_from_slice).collect();
        let body = stream::iter(pieces.into_iter().map(Ok::<_, std::convert::Infallible>));
        publisher.ask(
            Method::PUT,
            "/v1/quilts",
            headers.into_iter().collect(),
            Body::from_stream(body),
        );
    });
}

/// Lines of headers.
fn upload_heads() -> Vec<Vec<u8>> {
    let metadata = "upload-metadata: filename YQ==,sha256 YWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWJhYmFiYWI=,empty";
    let sums = [
        "upload-checksum: sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        "upload-checksum: sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
    ];
    let part =
        "tus-resumable: 1.0.0\ncontent-type: application/offset+octet-stream\nupload-offset: 0";
    [
        "tus-resumable: 1.0.0\nupload-length: 11".to_owned(),
        format!("tus-resumable: 1.0.0\nupload-length: 4096\n{metadata}"),
        "tus-resumable: 1.0.0\nupload-length: 1\nidempotency-key: k\nprefer: respond-async"
            .to_owned(),
        part.to_owned(),
        format!("{part}\n{}", sums[0]),
        format!("{part}\n{}", sums[1]),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// Those of the lines that HTTP can carry.
fn headers_of(lines: &[u8]) -> HeaderMap {
    let lines = lines.split(|byte| *byte == b'\n');
    let headers = lines.filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        // Who they are is another matter.
        let is_other = ["host", "origin", "authorization"].contains(&name.as_str());
        (!is_other).then_some((name, value))
    });
    headers.collect()
}

/// The path of an upload that was begun, if it was.
fn begun(publisher: &Publisher, headers: HeaderMap) -> Option<String> {
    let answer = publisher.ask(Method::POST, "/v1/uploads", headers, Body::empty());
    let created = answer.status == StatusCode::CREATED;
    created.then(|| answer.headers["location"].to_str().unwrap().to_owned())
}

#[test]
fn heads_of_uploads() {
    let publisher = Publisher::new();
    let seeds = upload_heads();
    let plain = headers_of(&seeds[0]);
    let version = headers_of(b"tus-resumable: 1.0.0");
    // Parts go to one that is there for as long as it lasts.
    let upload = RefCell::new(begun(&publisher, plain.clone()).unwrap());
    super::fuzz!(600, move |bytes: &[u8]| {
        let headers = headers_of(&edited(&seeds, bytes));
        let path = upload.borrow().clone();
        let body = Body::from("hello world");
        let part = publisher.ask(Method::PATCH, &path, headers.clone(), body);
        let offset = publisher.ask(Method::HEAD, &path, HeaderMap::new(), Body::empty());
        if part.status == StatusCode::NO_CONTENT {
            assert_eq!(
                part.headers["upload-offset"],
                offset.headers["upload-offset"]
            );
        }
        if offset
            .headers
            .get("upload-offset")
            .is_none_or(|offset| offset != "0")
        {
            publisher.ask(Method::DELETE, &path, version.clone(), Body::empty());
            // Answers of other uploads may be all that is kept.
            if let Some(next) = begun(&publisher, plain.clone()) {
                *upload.borrow_mut() = next;
            }
        }
        let Some(other) = begun(&publisher, headers) else {
            return;
        };
        let head = publisher.ask(Method::HEAD, &other, HeaderMap::new(), Body::empty());
        let length = head.headers["upload-length"].to_str().unwrap();
        assert!(length.parse::<u64>().unwrap() <= LIMIT);
        publisher.ask(Method::DELETE, &other, version.clone(), Body::empty());
    });
}
