//! Answer with a proof of a range in place of its bytes. Proof spec 4.

use std::ops::Range;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Method, header},
    response::{IntoResponse as _, Response},
};
use walrus_service::{envelope::Refusal, request::invalid_query};

use crate::{
    http::ranges::{self, RangeError},
    limits,
    reason::GatewayReason,
    store::StoredBlob,
};

/// What a proof is, for whoever keeps it.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/vnd.walrus.range-proof");

/// The range that a request for a proof asks for: that of its `Range` header, or all bytes.
pub(super) fn asked(request: &HeaderMap, size: u64) -> Result<Range<u64>, Refusal> {
    let Some(asked) = request.get(header::RANGE) else {
        return Ok(0..size);
    };
    match ranges::parse(asked.to_str().unwrap_or_default(), size) {
        Ok(None) => Ok(0..size),
        Ok(Some(ranges)) => match ranges.as_slice() {
            [range] => Ok(range.clone()),
            _ => Err(invalid_query("a proof is of one range".to_owned())),
        },
        Err(error @ RangeError::Unsatisfiable { .. }) => Err(Refusal::new(
            GatewayReason::RangeNotSatisfiable,
            error.to_string(),
        )),
        Err(error) => Err(Refusal::new(
            GatewayReason::InvalidByteRange,
            error.to_string(),
        )),
    }
}

/// The proof of a range.
pub(super) async fn answer(
    blob: &dyn StoredBlob,
    range: Range<u64>,
    method: &Method,
) -> Result<Response, Refusal> {
    let length = range.end.saturating_sub(range.start);
    if length == 0 {
        return Err(invalid_query("there is no proof of no bytes".to_owned()));
    }
    if length > limits::PROOF_RANGE {
        let most = limits::PROOF_RANGE;
        let message = format!(
            "a proof of {length} bytes is too long; at most {most} at once, so ask for several ranges"
        );
        return Err(Refusal::new(GatewayReason::InvalidByteRange, message));
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, MEDIA_TYPE);
    // The range may be in a header, of which caches know nothing here.
    headers.insert(header::VARY, HeaderValue::from_static("range"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if method == Method::HEAD {
        return Ok((headers, Body::empty()).into_response());
    }
    let Some(proof) = blob.prove(range) else {
        return Err(invalid_query("there are no proofs of this".to_owned()));
    };
    Ok((headers, proof.await?.to_bytes()).into_response())
}
