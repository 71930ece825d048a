//! Alert rules of Prometheus and their unit tests, as `promtool` reads them.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::json;

use super::alerts::{Alert, Severity};

/// Where runbooks are.
const RUNBOOKS: &str = "docs/operator.md";
const HEAD: &str =
    "# Rendered by `cargo run -p walrus-node --example monitoring`; not to be edited.\n";

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Warning => "warning",
        }
    }
}

fn annotations(alert: &Alert) -> serde_json::Value {
    let runbook = format!("{RUNBOOKS}#{}", alert.runbook);
    json!({ "summary": alert.summary, "runbook": runbook })
}

fn yaml(document: &serde_json::Value) -> anyhow::Result<String> {
    let text = serde_yaml::to_string(document).context("alert rules")?;
    Ok(format!("{HEAD}{text}"))
}

/// The rules.
pub(super) fn rules(alerts: &[Alert]) -> anyhow::Result<String> {
    let rule = |alert: &Alert| {
        json!({
            "alert": alert.name,
            "expr": alert.expr,
            "for": alert.lasts,
            "labels": { "severity": alert.severity.as_str() },
            "annotations": annotations(alert),
        })
    };
    let rules: Vec<_> = alerts.iter().map(rule).collect();
    yaml(&json!({ "groups": [{ "name": "walrus-node", "rules": rules }] }))
}

/// Each rule fires at the end of its example, and does not at that of the other one.
pub(super) fn unit_tests(alerts: &[Alert]) -> anyhow::Result<String> {
    let tests: Vec<_> = alerts
        .iter()
        .flat_map(|alert| [example(alert, true), example(alert, false)])
        .collect();
    yaml(&json!({
        "rule_files": ["walrus-node.rules.yml"],
        "evaluation_interval": "1m",
        "tests": tests,
    }))
}

fn example(alert: &Alert, fires: bool) -> serde_json::Value {
    let series = if fires { alert.fires } else { alert.quiet };
    let series = series.iter();
    let series: Vec<_> = series
        .map(|(series, values)| json!({ "series": series, "values": values }))
        .collect();
    let mut labels: BTreeMap<_, _> = alert.labels.iter().copied().collect();
    labels.insert("severity", alert.severity.as_str());
    let expected =
        fires.then(|| json!({ "exp_labels": labels, "exp_annotations": annotations(alert) }));
    let says = if fires { "fires" } else { "is quiet" };
    json!({
        "name": format!("{} {says}", alert.name),
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{
            "eval_time": alert.at,
            "alertname": alert.name,
            "exp_alerts": expected.into_iter().collect::<Vec<_>>(),
        }],
    })
}
