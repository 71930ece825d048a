//! Measured requests: how many, how long, how large, by route. Node spec 6.4.

use std::{sync::Arc, time::Instant};

use axum::{
    body::HttpBody as _,
    extract::{MatchedPath, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, Method, header::CONTENT_LENGTH},
    middleware::Next,
    response::Response,
};
use tracing::Instrument as _;
use walrus_core::{BlobId, SliverType};
use walrus_node_client::routes;

use crate::metrics::{Answered, Metrics};

/// Where nothing is served.
const NO_ROUTE: &str = "none";

/// Measures a request and its answer, under the template of its route. The log has them with the blob ID.
pub(super) async fn measure(
    State(metrics): State<Arc<Metrics>>,
    matched: Option<MatchedPath>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Response {
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let method = label(request.method());
    let parameter = |wanted: &str| {
        let parameters = parameters.as_ref().ok()?;
        let found = parameters.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, value)| value.to_owned())
    };
    // Only what is one: anything may be sent.
    let blob_id: Option<BlobId> = parameter("blob_id").and_then(|text| text.parse().ok());
    let sliver_type = parameter("sliver_type");
    let request_bytes = content_length(request.headers());
    let blob_id = blob_id.map(tracing::field::display);
    let span = tracing::info_span!("request", method, route, blob_id);
    let begun = Instant::now();
    let active = metrics.http.begin(method, route);
    let response = next.run(request).instrument(span).await;
    drop(active);
    let status = response.status();
    if method == "GET" && status.is_success() {
        count_read(&metrics, route, sliver_type.as_deref());
    }
    metrics.http.answered(&Answered {
        method,
        route,
        status: status.as_str(),
        took: begun.elapsed(),
        request_bytes,
        response_bytes: response.body().size_hint().exact(),
    });
    response
}

/// What a client was served.
fn count_read(metrics: &Metrics, route: &str, sliver_type: Option<&str>) {
    match (route, sliver_type) {
        (routes::METADATA, _) => metrics.user.metadata_retrieved.inc(),
        (routes::SLIVER, Some("primary")) => metrics.user.sliver_retrieved(SliverType::Primary),
        (routes::SLIVER, Some("secondary")) => metrics.user.sliver_retrieved(SliverType::Secondary),
        _ => {}
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The method, if it is one that routes know: anything may be sent.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
