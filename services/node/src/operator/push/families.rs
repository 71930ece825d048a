//! Metric families in the protobuf form of Prometheus (`io.prometheus.client`), each behind its length.

use prometheus::proto;
use prost::Message;

#[derive(Clone, PartialEq, Message)]
struct MetricFamily {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    help: Option<String>,
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(message, repeated, tag = "4")]
    metric: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, repeated, tag = "1")]
    label: Vec<Label>,
    #[prost(message, optional, tag = "2")]
    gauge: Option<Number>,
    #[prost(message, optional, tag = "3")]
    counter: Option<Number>,
    #[prost(message, optional, tag = "7")]
    histogram: Option<Histogram>,
    #[prost(int64, optional, tag = "6")]
    timestamp_ms: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, optional, tag = "1")]
    name: Option<String>,
    #[prost(string, optional, tag = "2")]
    value: Option<String>,
}

/// A counter or a gauge.
#[derive(Clone, PartialEq, Message)]
struct Number {
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, optional, tag = "1")]
    sample_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    sample_sum: Option<f64>,
    #[prost(message, repeated, tag = "3")]
    bucket: Vec<Bucket>,
}

#[derive(Clone, PartialEq, Message)]
struct Bucket {
    #[prost(uint64, optional, tag = "1")]
    cumulative_count: Option<u64>,
    #[prost(double, optional, tag = "2")]
    upper_bound: Option<f64>,
}

/// The families, each sample with the time `now_ms` (milliseconds since 1970). Only counters, gauges and histograms are made here.
pub(super) fn encode(families: &[proto::MetricFamily], now_ms: u64) -> Vec<u8> {
    let timestamp = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let mut bytes = Vec::new();
    for family in families {
        let kind = family.get_field_type();
        let (number, is_known) = match kind {
            proto::MetricType::COUNTER => (0, true),
            proto::MetricType::GAUGE => (1, true),
            proto::MetricType::HISTOGRAM => (4, true),
            _ => (3, false),
        };
        if !is_known {
            continue;
        }
        let metrics = family.get_metric().iter();
        let family = MetricFamily {
            name: Some(family.name().to_owned()),
            help: Some(family.help().to_owned()),
            kind: Some(number),
            metric: metrics
                .map(|metric| sample(metric, kind, timestamp))
                .collect(),
        };
        bytes.extend(family.encode_length_delimited_to_vec());
    }
    bytes
}

fn sample(metric: &proto::Metric, kind: proto::MetricType, timestamp: i64) -> Metric {
    let labels = metric.get_label().iter().map(|label| Label {
        name: Some(label.name().to_owned()),
        value: Some(label.value().to_owned()),
    });
    let number = |value| Some(Number { value: Some(value) });
    let (mut gauge, mut counter, mut histogram) = (None, None, None);
    match kind {
        proto::MetricType::COUNTER => counter = number(metric.get_counter().get_value()),
        proto::MetricType::GAUGE => gauge = number(metric.get_gauge().get_value()),
        _ => histogram = Some(histogram_of(metric.get_histogram())),
    }
    Metric {
        label: labels.collect(),
        gauge,
        counter,
        histogram,
        timestamp_ms: Some(timestamp),
    }
}

fn histogram_of(histogram: &proto::Histogram) -> Histogram {
    let buckets = histogram.get_bucket().iter().map(|bucket| Bucket {
        cumulative_count: Some(bucket.cumulative_count()),
        upper_bound: Some(bucket.upper_bound()),
    });
    Histogram {
        sample_count: Some(histogram.get_sample_count()),
        sample_sum: Some(histogram.get_sample_sum()),
        bucket: buckets.collect(),
    }
}

/// Names and the first numbers of what was encoded.
#[cfg(test)]
pub(super) fn decode(mut bytes: &[u8]) -> Vec<(String, f64)> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let family = MetricFamily::decode_length_delimited(&mut bytes).unwrap();
        let metric = &family.metric[0];
        assert!(metric.timestamp_ms > Some(1_700_000_000_000));
        let number = metric.gauge.as_ref().or(metric.counter.as_ref());
        let value = number.and_then(|number| number.value);
        let sum = metric
            .histogram
            .as_ref()
            .and_then(|histogram| histogram.sample_sum);
        found.push((family.name.unwrap(), value.or(sum).unwrap()));
    }
    found
}
