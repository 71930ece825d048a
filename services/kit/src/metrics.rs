//! Metrics: the registry of one service, and the series that every service has.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{
    Encoder as _, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, TextEncoder, core::Collector,
};

/// What a series counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A number that grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// How often values fell below bounds; its series end in `_bucket`, `_sum` and `_count`.
    Histogram,
}

/// A family of series, as it was registered; there before anything was counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Family {
    /// Its name.
    pub name: String,
    /// What it tells, in words.
    pub help: String,
    /// What it counts.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: Vec<String>,
}

/// The series of one service. Names must be distinct and consist of letters, digits, `_` and `:`; a series that could not be
/// registered is only missing from the output, and the log says so.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    registry: prometheus::Registry,
    families: Arc<Mutex<Vec<Family>>>,
}

// Only names that are not valid fail, and those are written in the sources.
#[allow(clippy::expect_used)]
impl Registry {
    /// One without series.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number that grows.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::new(name, help).expect("valid metric name");
        self.register(counter, Kind::Counter, (name, help, &[]))
    }

    /// Numbers that grow, one for each combination of values of `labels`.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let counters =
            IntCounterVec::new(Opts::new(name, help), labels).expect("valid metric name");
        self.register(counters, Kind::Counter, (name, help, labels))
    }

    /// A number that goes up and down.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help).expect("valid metric name");
        self.register(gauge, Kind::Gauge, (name, help, &[]))
    }

    /// Numbers that go up and down, one for each combination of values of `labels`.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let gauges = IntGaugeVec::new(Opts::new(name, help), labels).expect("valid metric name");
        self.register(gauges, Kind::Gauge, (name, help, labels))
    }

    /// Fractions that go up and down, one for each combination of values of `labels`.
    pub fn fractions(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        let gauges = GaugeVec::new(Opts::new(name, help), labels).expect("valid metric name");
        self.register(gauges, Kind::Gauge, (name, help, labels))
    }

    /// How often values fell below each of `buckets`, ascending.
    pub fn histogram(&self, name: &str, help: &str, buckets: Vec<f64>) -> Histogram {
        let histogram = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
            .expect("valid metric name");
        self.register(histogram, Kind::Histogram, (name, help, &[]))
    }

    /// The same, one for each combination of values of `labels`.
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: Vec<f64>,
        labels: &[&str],
    ) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets);
        let histograms = HistogramVec::new(options, labels).expect("valid metric name");
        self.register(histograms, Kind::Histogram, (name, help, labels))
    }

    fn register<C: Collector + Clone + 'static>(
        &self,
        series: C,
        kind: Kind,
        (name, help, labels): (&str, &str, &[&str]),
    ) -> C {
        if let Err(error) = self.registry.register(Box::new(series.clone())) {
            tracing::error!(name, %error, "a metric is missing from the output");
            return series;
        }
        let family = Family {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        };
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        families.push(family);
        series
    }

    /// All series as they are now.
    pub fn gather(&self) -> Vec<prometheus::proto::MetricFamily> {
        self.registry.gather()
    }

    /// Everything that is registered, by name.
    pub fn families(&self) -> Vec<Family> {
        let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sorted = families.clone();
        sorted.sort();
        sorted
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
                &["worker"],
            ),
            errors: registry.counters(
                "walrus_worker_errors_total",
                "Steps of background jobs that failed",
                &["worker"],
            ),
            running: registry.gauges(
                "walrus_worker_running",
                "1 while a background job runs, 0 when it is done or has failed",
                &["worker"],
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
            .counters("b_total", "B", &["kind"])
            .with_label_values(&["x"])
            .inc();
        registry.gauge("c", "C").set(-1);
        registry.histogram("d", "D", vec![1.0, 2.0]).observe(1.5);
        registry
            .fractions("e", "E", &["epoch"])
            .with_label_values(&["7"])
            .set(0.5);
        let text = registry.text();
        for line in [
            "a_total 3",
            "b_total{kind=\"x\"} 1",
            "c -1",
            "d_bucket{le=\"2\"} 1",
            "e{epoch=\"7\"} 0.5",
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
        assert_eq!(registry.families().len(), 1);
    }

    #[test]
    fn families_are_known_before_anything_was_counted() {
        let registry = Registry::new();
        registry.histograms("later", "Later", vec![1.0], &["b", "a"]);
        registry.counter("early_total", "Early");
        assert!(!registry.text().contains("later"));
        let names: Vec<_> = registry.families().into_iter().map(|f| f.name).collect();
        assert_eq!(names, ["early_total", "later"]);
        assert_eq!(registry.families()[1].labels, ["b", "a"]);
    }
}
