//! Dashboards of Grafana: one that an operator looks at, and one with every series.

use anyhow::Context as _;
use serde_json::{Value, json};
use walrus_service::metrics::{Family, Kind};

/// A panel: its title, unit, and what it draws.
type Panel = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

/// What an operator looks at, row by row.
const OVERVIEW: &[Panel] = &[
    (
        "Status (0 Standby, 1 Active, 2 to 5 recovering)",
        "none",
        &[("walrus_current_node_status", "{{instance}}")],
    ),
    ("Epoch", "none", &[("walrus_current_epoch", "{{instance}}")]),
    (
        "Shards",
        "none",
        &[("walrus_node_shards", "{{instance}} {{status}}")],
    ),
    (
        "Checkpoints behind the chain",
        "none",
        &[("walrus_runtime_lag_current", "{{instance}}")],
    ),
    (
        "Event elements per second",
        "ops",
        &[(
            "rate(walrus_event_cursor_progress{state=\"persisted\"}[5m])",
            "{{instance}}",
        )],
    ),
    (
        "Event blobs that are not certified",
        "none",
        &[("walrus_node_uncertified_event_blobs", "{{instance}}")],
    ),
    (
        "Blobs with missing slivers",
        "none",
        &[("walrus_recover_blob_backlog", "{{instance}} {{state}}")],
    ),
    (
        "Queue of recoveries by reason",
        "none",
        &[(
            "walrus_node_repair_queue_entries",
            "{{instance}} {{reason}}",
        )],
    ),
    (
        "Oldest entry in the queue of recoveries",
        "s",
        &[(
            "walrus_node_repair_queue_oldest_seconds",
            "{{instance}} {{reason}}",
        )],
    ),
    (
        "Time until the queue of recoveries is empty",
        "s",
        &[("walrus_node_repair_queue_eta_seconds >= 0", "{{instance}}")],
    ),
    (
        "Recovered bytes per second",
        "Bps",
        &[(
            "rate(walrus_node_recovered_bytes_total[5m])",
            "{{instance}}",
        )],
    ),
    (
        "Recoveries per second",
        "ops",
        &[(
            "sum by (instance, status) (rate(walrus_recover_blob_duration_seconds_count[5m]))",
            "{{instance}} {{status}}",
        )],
    ),
    (
        "Requests per second",
        "reqps",
        &[(
            "sum by (route, status) (rate(http_server_request_duration_seconds_count[5m]))",
            "{{route}} {{status}}",
        )],
    ),
    (
        "Time to answer, 99 of 100 requests",
        "s",
        &[(
            "histogram_quantile(0.99, sum by (route, le) (rate(http_server_request_duration_seconds_bucket[5m])))",
            "{{route}}",
        )],
    ),
    (
        "Requests that are worked on",
        "none",
        &[("sum by (route) (http_server_active_requests)", "{{route}}")],
    ),
    (
        "Stored and served per second",
        "ops",
        &[
            (
                "sum(rate(walrus_slivers_stored_total[5m]))",
                "slivers stored",
            ),
            (
                "sum(rate(walrus_slivers_retrieved_total[5m]))",
                "slivers served",
            ),
            (
                "sum(rate(walrus_storage_confirmations_issued_total[5m]))",
                "confirmations",
            ),
        ],
    ),
    (
        "Waits for registrations",
        "bytes",
        &[("walrus_pending_sliver_cache_bytes", "{{instance}}")],
    ),
    (
        "Failures of background jobs per second",
        "ops",
        &[(
            "rate(walrus_worker_errors_total[5m])",
            "{{instance}} {{worker}}",
        )],
    ),
    (
        "SUI of the wallet",
        "none",
        &[("walrus_sui_balance_mist / 1e9", "{{instance}}")],
    ),
    (
        "Days until the certificate ends",
        "d",
        &[(
            "(http_server_tls_certificate_not_after_seconds - time()) / 86400",
            "{{instance}}",
        )],
    ),
    (
        "Digest of the certified blobs (one value for each epoch)",
        "none",
        &[(
            "walrus_blob_info_consistency_check",
            "{{instance}} {{epoch}}",
        )],
    ),
];

/// What an operator looks at.
pub(super) fn overview() -> anyhow::Result<String> {
    let panels = OVERVIEW
        .iter()
        .enumerate()
        .map(|(place, (title, unit, draws))| panel(place, title, unit, draws.iter().copied()));
    dashboard("walrus-node-overview", "Walrus node", panels.collect())
}

/// A panel for each family: counters as rates, histograms as the time or size below which 99 of 100 are.
pub(super) fn every_series(families: &[Family]) -> anyhow::Result<String> {
    let panels = families.iter().enumerate().map(|(place, family)| {
        let name = &family.name;
        let expr = match family.kind {
            Kind::Gauge => name.clone(),
            Kind::Counter => format!("rate({name}[5m])"),
            Kind::Histogram => {
                format!("histogram_quantile(0.99, sum by (instance, le) (rate({name}_bucket[5m])))")
            }
        };
        let mut legend = String::from("{{instance}}");
        if family.kind != Kind::Histogram {
            for label in &family.labels {
                legend.push_str(&format!(" {{{{{label}}}}}"));
            }
        }
        let title = format!("{name}: {}", family.help);
        panel(
            place,
            &title,
            unit(family),
            [(expr.as_str(), legend.as_str())],
        )
    });
    dashboard(
        "walrus-node-series",
        "Walrus node, every series",
        panels.collect(),
    )
}

fn unit(family: &Family) -> &'static str {
    let name = &*family.name;
    match family.kind {
        Kind::Counter => "ops",
        _ if name.ends_with("_bytes") => "bytes",
        Kind::Histogram if name.ends_with("_seconds") => "s",
        _ => "none",
    }
}

fn panel<'a>(
    place: usize,
    title: &str,
    unit: &str,
    draws: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Value {
    let targets: Vec<_> = draws
        .into_iter()
        .zip('A'..='Z')
        .map(|((expr, legend), name)| {
            json!({ "refId": name.to_string(), "expr": expr, "legendFormat": legend })
        })
        .collect();
    // Two beside each other in a grid of 24 columns.
    let (column, row) = (place % 2, place / 2);
    json!({
        "id": place.saturating_add(1),
        "type": "timeseries",
        "title": title,
        "datasource": { "type": "prometheus", "uid": "${datasource}" },
        "fieldConfig": { "defaults": { "unit": unit }, "overrides": [] },
        "gridPos": {
            "h": 8, "w": 12, "x": column.saturating_mul(12), "y": row.saturating_mul(8),
        },
        "targets": targets,
    })
}

fn dashboard(uid: &str, title: &str, panels: Vec<Value>) -> anyhow::Result<String> {
    let document = json!({
        "uid": uid,
        "title": title,
        "tags": ["walrus"],
        "schemaVersion": 39,
        "refresh": "1m",
        "time": { "from": "now-6h", "to": "now" },
        "templating": { "list": [{
            "name": "datasource", "type": "datasource", "query": "prometheus",
        }] },
        "panels": panels,
    });
    let text = serde_json::to_string_pretty(&document).context("a dashboard")?;
    Ok(format!("{text}\n"))
}
