//! Requests of the REST API, by route.

use std::{sync::OnceLock, time::Duration};

use prometheus::{HistogramVec, IntGaugeVec};
use walrus_service::metrics::Registry;

/// Requests of the REST API. Routes are templates, never paths: there are only so many.
#[derive(Debug)]
pub struct HttpMetrics {
    active: IntGaugeVec,
    durations: HistogramVec,
    request_sizes: HistogramVec,
    response_sizes: HistogramVec,
    scheme: OnceLock<&'static str>,
}

/// What an answered request was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) method: &'a str,
    pub(crate) route: &'a str,
    pub(crate) status: &'a str,
    pub(crate) took: Duration,
    /// Where the length of the body is known beforehand, in bytes.
    pub(crate) request_bytes: Option<u64>,
    pub(crate) response_bytes: Option<u64>,
}

/// A request that is worked on, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Active<'a>(&'a HttpMetrics, [&'a str; 3]);

impl HttpMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let labels = &["method", "scheme", "route", "status"];
        let sizes: Vec<f64> = (4..=13).map(|power| f64::from(2 * power).exp2()).collect();
        let seconds = vec![
            0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
        ];
        Self {
            active: registry.gauges(
                "http_server_active_requests",
                "Requests that are worked on",
                &["method", "scheme", "route"],
            ),
            durations: registry.histograms(
                "http_server_request_duration_seconds",
                "Time from the head of a request to that of its answer, in seconds",
                seconds,
                labels,
            ),
            request_sizes: registry.histograms(
                "http_server_request_body_size_bytes",
                "Bodies of requests that tell their length, in bytes",
                sizes.clone(),
                labels,
            ),
            response_sizes: registry.histograms(
                "http_server_response_body_size_bytes",
                "Bodies of answers whose length is known beforehand, in bytes",
                sizes,
                labels,
            ),
            scheme: OnceLock::new(),
        }
    }

    /// What the server speaks: `http` or `https`. Told once, before the first request.
    pub(crate) fn set_scheme(&self, scheme: &'static str) {
        // A second one would be that of another server.
        let _ = self.scheme.set(scheme);
    }

    fn scheme(&self) -> &'static str {
        self.scheme.get().copied().unwrap_or("http")
    }

    /// A request begins.
    pub(crate) fn begin<'a>(&'a self, method: &'a str, route: &'a str) -> Active<'a> {
        let labels = [method, self.scheme(), route];
        self.active.with_label_values(&labels).inc();
        Active(self, labels)
    }

    /// A request was answered.
    pub(crate) fn answered(&self, answered: &Answered<'_>) {
        let labels = [
            answered.method,
            self.scheme(),
            answered.route,
            answered.status,
        ];
        self.durations
            .with_label_values(&labels)
            .observe(answered.took.as_secs_f64());
        let sizes = [
            (&self.request_sizes, answered.request_bytes),
            (&self.response_sizes, answered.response_bytes),
        ];
        for (histogram, bytes) in sizes {
            if let Some(bytes) = bytes {
                #[allow(clippy::cast_precision_loss)] // Sizes of bodies are far below 2^53.
                histogram.with_label_values(&labels).observe(bytes as f64);
            }
        }
    }
}

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.active.with_label_values(&self.1).dec();
    }
}
