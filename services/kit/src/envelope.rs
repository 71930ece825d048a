//! JSON envelopes: how a service answers, and how it refuses with a stable reason and a sentence. Node spec 1.2.

use std::{
    convert::Infallible,
    fmt::{Debug, Display},
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    BoxError, Json,
    body::{Body, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::Stream;
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use serde::Serialize;
use walrus_node_client::{ErrorBody, ErrorDetail, ErrorEnvelope, SuccessEnvelope, TransportStatus};

/// The domain of what is refused before a handler runs.
pub const GLOBAL_DOMAIN: &str = "global";

/// A stable reason code: what programs look at. A service has an enum of its own; [`RequestReason`] has what all share.
pub trait Reason: Copy + Debug {
    /// The code on the wire.
    fn code(self) -> &'static str;

    /// The name of the status.
    fn status(self) -> TransportStatus;

    /// The HTTP status.
    fn http_status(self) -> u16 {
        self.status().http_status()
    }

    /// Who defines the code.
    fn domain(self) -> &'static str;
}

/// Why a request is refused before its handler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestReason {
    /// There is no such path.
    RouteNotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// A part of the path is malformed.
    InvalidPath,
    /// The query is malformed.
    InvalidQuery,
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// The caller's share of connections, requests or memory is used up; later it may not be.
    Overloaded,
}

impl Reason for RequestReason {
    fn code(self) -> &'static str {
        match self {
            Self::RouteNotFound => "ROUTE_NOT_FOUND",
            Self::MethodNotAllowed => "METHOD_NOT_ALLOWED",
            Self::InvalidPath => "INVALID_PATH",
            Self::InvalidQuery => "INVALID_QUERY",
            Self::BodyTooLarge => "BODY_TOO_LARGE",
            Self::Overloaded => "UNAVAILABLE",
        }
    }

    fn status(self) -> TransportStatus {
        match self {
            Self::RouteNotFound => TransportStatus::NotFound,
            Self::Overloaded => TransportStatus::Unavailable,
            _ => TransportStatus::InvalidArgument,
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            Self::BodyTooLarge => 413,
            other => other.status().http_status(),
        }
    }

    fn domain(self) -> &'static str {
        GLOBAL_DOMAIN
    }
}

impl Reason for walrus_node_client::Reason {
    fn code(self) -> &'static str {
        self.as_str()
    }

    fn status(self) -> TransportStatus {
        self.status()
    }

    fn http_status(self) -> u16 {
        self.http_status()
    }

    fn domain(self) -> &'static str {
        self.domain()
    }
}

/// A refused request: a stable reason and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal(Box<ErrorEnvelope>);

impl Refusal {
    /// A refusal for `reason`.
    pub fn new(reason: impl Reason, message: impl Into<String>) -> Self {
        let info = ErrorDetail::ErrorInfo {
            reason: reason.code().to_owned(),
            domain: reason.domain().to_owned(),
            metadata: std::collections::BTreeMap::new(),
        };
        let error = ErrorBody {
            status: reason.status(),
            code: reason.http_status(),
            message: message.into(),
            details: vec![info],
        };
        ErrorEnvelope { error }.into()
    }

    /// Something failed that is not the caller's doing. The details go to the log, a trace ID to the caller.
    pub fn internal(reason: impl Reason, error: impl Display) -> Self {
        let trace = format!("{:032x}", rand::random::<u128>());
        tracing::error!(%error, trace, "internal error");
        let mut refusal = Self::new(reason, "an internal error has occurred, please report it");
        refusal.0.error.details.push(ErrorDetail::DebugInfo {
            stack_entries: vec![],
            detail: format!("TraceID: {trace}"),
        });
        refusal
    }

    /// Whether this is the reason; reasons with one code are one.
    pub fn is(&self, reason: impl Reason) -> bool {
        self.code() == reason.code() && self.0.error.status == reason.status()
    }

    /// The code of the reason; empty if the envelope names none.
    pub fn code(&self) -> &str {
        let mut details = self.0.error.details.iter();
        let code = details.find_map(|detail| match detail {
            ErrorDetail::ErrorInfo { reason, .. } => Some(reason.as_str()),
            _ => None,
        });
        code.unwrap_or_default()
    }

    /// The answer.
    pub fn envelope(&self) -> &ErrorEnvelope {
        &self.0
    }
}

/// The refusal that was told in an envelope, to be told again.
impl From<ErrorEnvelope> for Refusal {
    fn from(envelope: ErrorEnvelope) -> Self {
        Self(Box::new(envelope))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (http(self.0.error.code), Json(self.0)).into_response()
    }
}

/// A complete answer.
#[derive(Debug)]
pub struct Answer(Response);

impl Answer {
    /// JSON in the success envelope, with HTTP status `code`.
    pub fn json<T: Serialize>(code: u16, data: T) -> Self {
        Self((http(code), Json(SuccessEnvelope::new(code, data))).into_response())
    }

    /// Bytes.
    pub fn binary(bytes: Vec<u8>) -> Self {
        Self::bytes(bytes)
    }

    /// Bytes, and what is held until they are handed over.
    pub fn binary_holding(bytes: Vec<u8>, held: impl Send + Unpin + 'static) -> Self {
        let inner = Full::from(bytes);
        Self::bytes(Body::new(Holding { inner, _held: held }))
    }

    /// Bytes that are made while they are sent.
    pub fn stream<S, E>(bytes: S) -> Self
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        Self::bytes(Body::from_stream(bytes))
    }

    fn bytes(body: impl IntoResponse) -> Self {
        let media_type = [(header::CONTENT_TYPE, "application/octet-stream")];
        Self((media_type, body).into_response())
    }
}

/// A body that something is held for.
struct Holding<H> {
    inner: Full<Bytes>,
    _held: H,
}

impl<H: Unpin> HttpBody for Holding<H> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        self.0
    }
}

/// What a router answers for paths that it does not have.
pub async fn unknown_route() -> Refusal {
    Refusal::new(RequestReason::RouteNotFound, "there is no such path")
}

/// What a router answers for methods that a path does not have.
pub async fn wrong_method() -> Refusal {
    Refusal::new(
        RequestReason::MethodNotAllowed,
        "the path does not support this method",
    )
}

fn http(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_services_refuse_is_what_nodes_always_refused() {
        use walrus_node_client::Reason as Node;
        for (request, node) in [
            (RequestReason::RouteNotFound, Node::RouteNotFound),
            (RequestReason::MethodNotAllowed, Node::MethodNotAllowed),
            (RequestReason::InvalidPath, Node::InvalidPath),
            (RequestReason::InvalidQuery, Node::InvalidQuery),
            (RequestReason::BodyTooLarge, Node::BodyTooLarge),
        ] {
            let refusal = Refusal::new(request, "no");
            assert_eq!(refusal.envelope(), &ErrorEnvelope::new(node, "no"));
            assert!(refusal.is(node) && refusal.is(request));
        }
    }

    #[test]
    fn reasons_with_one_code_and_two_meanings_are_told_apart() {
        use walrus_node_client::Reason::{MetadataNotFound, MetadataRequired};
        let refusal = Refusal::new(MetadataNotFound, "no");
        assert!(refusal.is(MetadataNotFound) && !refusal.is(MetadataRequired));
        assert_eq!(refusal.into_response().status(), 404);
    }

    #[test]
    fn what_was_told_once_is_told_again_as_it_was() {
        let refusal = Refusal::new(RequestReason::Overloaded, "no");
        let text = serde_json::to_string(refusal.envelope()).unwrap_or_default();
        let envelope: ErrorEnvelope = serde_json::from_str(&text).unwrap();
        let again = Refusal::from(envelope);
        assert!(again == refusal && again.is(RequestReason::Overloaded));
        assert_eq!(again.code(), "UNAVAILABLE");
        assert_eq!(again.into_response().status(), 503);
    }

    #[test]
    fn an_internal_error_says_nothing_but_a_trace() {
        let reason = walrus_node_client::Reason::InternalError;
        let refusal = Refusal::internal(reason, "the password is 1234");
        let text = serde_json::to_string(refusal.envelope()).unwrap_or_default();
        assert!(
            text.contains("TraceID: ") && !text.contains("1234"),
            "{text}"
        );
    }
}
