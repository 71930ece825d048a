//! Answer with the bytes of a blob: whole, a range, several ranges, or nothing where the client has it. RFC 9110, 13 to 15.

use std::{ops::Range, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use walrus_service::envelope::Refusal;

use crate::{
    http::{
        conditions::EntityTag,
        ranges::{self, RangeError},
    },
    reason::GatewayReason,
    store::{ByteStream, StoreError, StoredBlob},
};

/// A blob to answer with.
pub(super) struct Content {
    pub(super) blob: Arc<dyn StoredBlob>,
    pub(super) tag: EntityTag,
    /// Headers of the answer, whatever part it has.
    pub(super) headers: HeaderMap,
    /// Whether the whole blob is checked before a byte of it is sent.
    pub(super) strictly: bool,
}

impl Content {
    /// The answer to a request with these headers.
    pub(super) async fn answer(
        mut self,
        method: &Method,
        request: &HeaderMap,
    ) -> Result<Response, Refusal> {
        if !self.tag.passes_if_match(request) {
            let message = "the blob is not the one that If-Match names";
            return Err(Refusal::new(GatewayReason::PreconditionFailed, message));
        }
        self.headers.insert(header::ETAG, self.tag.header());
        if let Some(digest) = self.blob.digest() {
            // RFC 9530: of the whole, whatever part this is.
            let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(digest));
            let name = HeaderName::from_static("repr-digest");
            self.headers.insert(name, value(digest));
        }
        self.headers
            .insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if self.tag.is_known(request) {
            // Of unknown length: that of this answer is not that of the blob, and 0 would say so.
            let body = Body::from_stream(stream::empty::<Result<Bytes, StoreError>>());
            return Ok((StatusCode::NOT_MODIFIED, self.headers, body).into_response());
        }
        let asked = request.get(header::RANGE).filter(|_| {
            // RFC 9110, 14.2: of no other method a range means anything.
            method == Method::GET && self.tag.passes_if_range(request)
        });
        let Some(asked) = asked else {
            return self.whole(method).await;
        };
        let size = self.blob.size();
        match ranges::parse(asked.to_str().unwrap_or_default(), size) {
            Ok(None) => self.whole(method).await,
            Ok(Some(ranges)) => match ranges.as_slice() {
                [range] => self.part(range.clone()).await,
                _ => self.parts(ranges).await,
            },
            Err(error) => Ok(unsatisfiable(error, size)),
        }
    }

    async fn whole(mut self, method: &Method) -> Result<Response, Refusal> {
        self.headers
            .insert(header::CONTENT_LENGTH, self.blob.size().into());
        if method == Method::HEAD {
            return Ok((self.headers, Body::empty()).into_response());
        }
        let bytes = if self.strictly {
            self.blob.read_strictly().await?
        } else {
            self.blob.read(0..self.blob.size())
        };
        Ok((self.headers, begun(bytes).await?).into_response())
    }

    /// One range as the whole answer.
    async fn part(mut self, range: Range<u64>) -> Result<Response, Refusal> {
        self.headers.insert(
            header::CONTENT_RANGE,
            value(content_range(&range, self.blob.size())),
        );
        self.headers
            .insert(header::CONTENT_LENGTH, length(&range).into());
        let body = begun(self.blob.read(range)).await?;
        Ok((StatusCode::PARTIAL_CONTENT, self.headers, body).into_response())
    }

    /// Several ranges, each with a head. RFC 9110, 14.6.
    async fn parts(mut self, ranges: Vec<Range<u64>>) -> Result<Response, Refusal> {
        let boundary = format!("{:032x}", rand::random::<u128>());
        let media_type = self.headers.get(header::CONTENT_TYPE);
        let media_type = media_type.and_then(|value| value.to_str().ok());
        let media_type = media_type.map(|value| format!("Content-Type: {value}\r\n"));
        let media_type = media_type.unwrap_or_default();
        let size = self.blob.size();
        let head = |range: &Range<u64>| {
            let place = content_range(range, size);
            format!("\r\n--{boundary}\r\n{media_type}Content-Range: {place}\r\n\r\n")
        };
        let end = format!("\r\n--{boundary}--\r\n");
        let heads: Vec<_> = ranges.iter().map(head).collect();
        let of_heads: u64 = heads.iter().map(|head| head.len() as u64).sum();
        let of_ranges: u64 = ranges.iter().map(length).sum();
        let total = of_heads
            .saturating_add(of_ranges)
            .saturating_add(end.len() as u64);
        self.headers.insert(
            header::CONTENT_TYPE,
            value(format!("multipart/byteranges; boundary={boundary}")),
        );
        self.headers.insert(header::CONTENT_LENGTH, total.into());
        let blob = self.blob;
        let parts = stream::iter(heads.into_iter().zip(ranges)).flat_map(move |(head, range)| {
            let head = stream::iter([Ok(Bytes::from(head))]);
            head.chain(blob.read(range))
        });
        let end = stream::iter([Ok(Bytes::from(end))]);
        let body = Body::from_stream(parts.chain(end));
        Ok((StatusCode::PARTIAL_CONTENT, self.headers, body).into_response())
    }
}

/// A body whose first bytes are there: what fails before that is still an answer of its own.
pub(super) async fn begun(mut bytes: ByteStream) -> Result<Body, Refusal> {
    match bytes.next().await {
        None => Ok(Body::empty()),
        Some(Ok(first)) => {
            let first = stream::iter([Ok::<_, StoreError>(first)]);
            Ok(Body::from_stream(first.chain(bytes)))
        }
        Some(Err(error)) => Err(error.into()),
    }
}

fn unsatisfiable(error: RangeError, size: u64) -> Response {
    let refusal = Refusal::new(GatewayReason::RangeNotSatisfiable, error.to_string());
    let mut response = refusal.into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_RANGE, value(format!("bytes */{size}")));
    response
}

fn length(range: &Range<u64>) -> u64 {
    range.end.saturating_sub(range.start)
}

fn content_range(range: &Range<u64>, size: u64) -> String {
    format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    )
}

/// A value of digits and letters.
fn value(text: String) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}
