//! Measured requests: how many, how long, how large, by route. Client spec 3.10.

use std::time::Instant;

use axum::{
    body::HttpBody as _,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};
use prometheus::{HistogramVec, IntGaugeVec};
use tracing::Instrument as _;
use walrus_service::metrics::Registry;

/// Where nothing is served.
const NO_ROUTE: &str = "invalid-route";

/// Requests by route. Routes are templates, never paths: there are only so many. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics {
    active: IntGaugeVec,
    durations: HistogramVec,
    request_sizes: HistogramVec,
    response_sizes: HistogramVec,
}

impl HttpMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let asked = &["http_request_method", "http_route"];
        let answered = &[
            "http_request_method",
            "http_route",
            "http_response_status_code",
        ];
        let sizes: Vec<f64> = (4..=16).map(|power| f64::from(2 * power).exp2()).collect();
        let seconds = vec![
            0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        ];
        Self {
            active: registry.gauges(
                "http_server_active_requests",
                "Requests that are worked on",
                asked,
            ),
            durations: registry.histograms(
                "http_server_request_duration_seconds",
                "Time from the head of a request to that of its answer, in seconds",
                seconds,
                answered,
            ),
            request_sizes: registry.histograms(
                "http_server_request_body_size_bytes",
                "Bodies of requests that tell their length, in bytes",
                sizes.clone(),
                answered,
            ),
            response_sizes: registry.histograms(
                "http_server_response_body_size_bytes",
                "Bodies of answers whose length is known beforehand, in bytes",
                sizes,
                answered,
            ),
        }
    }
}

/// Counts as worked on until it is dropped.
struct Active<'a>(&'a IntGaugeVec, [&'a str; 2]);

impl<'a> Active<'a> {
    fn new(gauges: &'a IntGaugeVec, labels: [&'a str; 2]) -> Self {
        gauges.with_label_values(&labels).inc();
        Self(gauges, labels)
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.with_label_values(&self.1).dec();
    }
}

/// Measures a request and its answer, under the template of its route.
pub(crate) async fn measure(
    State(metrics): State<HttpMetrics>,
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let route = matched.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let method = label(request.method());
    let request_bytes = content_length(request.headers());
    let span = tracing::info_span!("request", method, route);
    let begun = Instant::now();
    let active = Active::new(&metrics.active, [method, route]);
    let response = next.run(request).instrument(span).await;
    drop(active);
    let status = response.status();
    let labels = [method, route, status.as_str()];
    metrics
        .durations
        .with_label_values(&labels)
        .observe(begun.elapsed().as_secs_f64());
    let response_bytes =
        content_length(response.headers()).or_else(|| response.body().size_hint().exact());
    for (histogram, bytes) in [
        (&metrics.request_sizes, request_bytes),
        (&metrics.response_sizes, response_bytes),
    ] {
        if let Some(bytes) = bytes {
            #[allow(clippy::cast_precision_loss)] // Sizes of bodies are far below 2^53.
            histogram.with_label_values(&labels).observe(bytes as f64);
        }
    }
    response
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(header::CONTENT_LENGTH)?;
    value.to_str().ok()?.parse().ok()
}

/// The method, if it is one that routes know: anything may be sent.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
