//! Metrics: the registry of one service, and the series that every service has.

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    TextEncoder, core::Collector,
};

/// The series of one service. Names must be distinct and consist of letters, digits, `_` and `:`; a series that could not be
/// registered is only missing from the output, and the log says so.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    registry: prometheus::Registry,
}

impl Registry {
    /// One without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number that grows.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        #[allow(clippy::expect_used)]
        // Only names that are not valid fail, and those are written in the sources.
        let counter = IntCounter::new(name, help).expect("valid metric name");
        self.register(name, counter)
    }

    /// Numbers that grow, one for each value of `label`.
    pub fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        #[allow(clippy::expect_used)]
        let counters =
            IntCounterVec::new(Opts::new(name, help), &[label]).expect("valid metric name");
        self.register(name, counters)
    }

    /// A number that goes up and down.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        #[allow(clippy::expect_used)]
        let gauge = IntGauge::new(name, help).expect("valid metric name");
        self.register(name, gauge)
    }

    /// Numbers that go up and down, one for each value of `label`.
    pub fn gauges(&self, name: &str, help: &str, label: &str) -> IntGaugeVec {
        #[allow(clippy::expect_used)]
        let gauges = IntGaugeVec::new(Opts::new(name, help), &[label]).expect("valid metric name");
        self.register(name, gauges)
    }

    /// How often values fell below each of `buckets`, ascending.
    pub fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
        #[allow(clippy::expect_used)]
        let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
            .expect("valid metric name");
        self.register(name, histogram)
    }

    fn register<C: Collector + Clone + 'static>(&self, name: &str, series: C) -> C {
        if let Err(error) = self.registry.register(Box::new(series.clone())) {
            tracing::error!(name, %error, "a metric is missing from the output");
        }
        series
    }

    /// All series as they are now.
    pub fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }

    /// The text format of Prometheus.
    pub fn text(&self) -> String {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(%error, "metrics cannot be encoded");
        }
        String::from_utf8(text).unwrap_or_default()
    }
}

/// The series of workers, by name of the worker.
#[derive(Debug, Clone)]
pub(crate) struct WorkerMetrics {
    pub(crate) steps: IntCounterVec,
    pub(crate) errors: IntCounterVec,
    pub(crate) running: IntGaugeVec,
}

impl WorkerMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            steps: registry.counters(
                "walrus_worker_steps_total",
                "Steps of background jobs",
                "worker",
            ),
            errors: registry.counters(
                "walrus_worker_errors_total",
                "Steps of background jobs that failed",
                "worker",
            ),
            running: registry.gauges(
                "walrus_worker_running",
                "1 while a background job runs, 0 when it is done or has failed",
                "worker",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_every_series_that_was_touched() {
        let registry = Registry::new();
        registry.counter("a_total", "A").inc_by(3);
        registry
            .counters("b_total", "B", "kind")
            .with_label_values(&["x"])
            .inc();
        registry.gauge("c", "C").set(-1);
        registry.histogram("d", "D", vec![1.0, 2.0]).observe(1.5);
        let text = registry.text();
        for line in [
            "a_total 3",
            "b_total{kind=\"x\"} 1",
            "c -1",
            "d_bucket{le=\"2\"} 1",
        ] {
            assert!(text.lines().any(|other| other == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_name_given_twice_keeps_the_first() {
        let registry = Registry::new();
        registry.gauge("twice", "First").set(1);
        registry.gauge("twice", "Second").set(2);
        assert!(registry.text().contains("twice 1"));
    }
}
