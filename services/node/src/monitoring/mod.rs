//! Monitoring: dashboards and alert rules for what a node counts, made from the registry of its metrics.
//!
//! The files under `ops/` are what this renders: `cargo run -p walrus-node --example monitoring` writes them, and a test compares.

mod alerts;
mod dashboards;
mod rules;
#[cfg(test)]
mod tests;

use walrus_service::{metrics::Family, worker::Runner};

use crate::metrics::Metrics;

/// A file under `ops/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it belongs, below `ops/`.
    pub path: &'static str,
    /// What is in it.
    pub text: String,
}

/// Every family of series of a node, by name.
pub fn families() -> Vec<Family> {
    let metrics = Metrics::new();
    // Registers the series that every service has.
    let _workers = Runner::new(metrics.registry());
    metrics.families()
}

/// Every file, as it should be.
///
/// # Errors
/// If one cannot be written as JSON or YAML, which is a mistake in the sources.
pub fn files() -> anyhow::Result<Vec<File>> {
    let families = families();
    Ok(vec![
        File {
            path: "grafana/walrus-node-overview.json",
            text: dashboards::overview()?,
        },
        File {
            path: "grafana/walrus-node-series.json",
            text: dashboards::every_series(&families)?,
        },
        File {
            path: "prometheus/walrus-node.rules.yml",
            text: rules::rules(alerts::ALERTS)?,
        },
        File {
            path: "prometheus/walrus-node.test.yml",
            text: rules::unit_tests(alerts::ALERTS)?,
        },
    ])
}
