//! Tests of dashboards and alert rules against the metrics and the operator guide.

use std::{collections::BTreeMap, fs, path::PathBuf};

use walrus_service::metrics::{Family, Kind};

use super::{alerts::ALERTS, families, files};

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

#[test]
fn the_committed_files_are_what_is_rendered() {
    for file in files().unwrap() {
        let path = repository().join("ops").join(file.path);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == file.text,
            "{} is not what the metrics give: cargo run -p walrus-node --example monitoring",
            file.path
        );
    }
}

/// Names and labels in an expression: `name`, or `name{label=…}`.
fn selectors(expr: &str) -> Vec<(String, Vec<String>)> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let ours = ["walrus_", "http_server_", "event_blob_", "uptime"];
    let mut found = Vec::new();
    let mut rest = expr;
    while let Some(begin) = rest.find(is_name) {
        let end = rest[begin..]
            .find(|letter| !is_name(letter))
            .unwrap_or(rest.len() - begin);
        let (name, after) = rest[begin..].split_at(end);
        rest = after;
        if !ours.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        let inside = after
            .strip_prefix('{')
            .and_then(|text| text.split_once('}'));
        let labels = inside.map_or_else(Vec::new, |(inside, _)| {
            let parts = inside
                .split(',')
                .filter_map(|part| part.split(['=', '!']).next());
            parts.map(str::to_owned).collect()
        });
        found.push((name.to_owned(), labels));
    }
    found
}

fn check(expr: &str, families: &BTreeMap<String, Family>) {
    for (name, labels) in selectors(expr) {
        let parts = ["_bucket", "_count", "_sum"];
        let whole = parts.iter().find_map(|part| {
            let family = families.get(name.strip_suffix(part)?)?;
            (family.kind == Kind::Histogram).then_some(family)
        });
        let family = whole.or_else(|| families.get(&name).filter(|f| f.kind != Kind::Histogram));
        let family = family.unwrap_or_else(|| panic!("no series {name}, asked for in {expr}"));
        for label in labels {
            let known = ["instance", "job"].contains(&&*label);
            assert!(
                known || family.labels.contains(&label),
                "{name} has no label {label}: {expr}"
            );
        }
    }
}

#[test]
fn panels_and_rules_name_series_that_exist() {
    let families: BTreeMap<_, _> = families()
        .into_iter()
        .map(|family| (family.name.clone(), family))
        .collect();
    let mut seen = 0;
    for file in files()
        .unwrap()
        .iter()
        .filter(|file| file.path.ends_with(".json"))
    {
        let document: serde_json::Value = serde_json::from_str(&file.text).unwrap();
        for panel in document["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                assert!(!selectors(expr).is_empty(), "{expr} draws nothing of ours");
                check(expr, &families);
                seen += 1;
            }
        }
    }
    assert!(seen > families.len(), "{seen} expressions");
    for alert in ALERTS {
        check(alert.expr, &families);
        for (series, _) in alert.fires.iter().chain(alert.quiet) {
            check(series, &families);
        }
    }
}

#[test]
fn every_alert_has_a_runbook() {
    let guide = fs::read_to_string(repository().join("docs/operator.md")).unwrap();
    let headings = guide.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors: Vec<String> = headings
        .map(|heading| {
            let kept = heading.to_lowercase();
            let kept = kept
                .chars()
                .filter(|letter| letter.is_alphanumeric() || " -".contains(*letter));
            kept.collect::<String>().trim().replace(' ', "-")
        })
        .collect();
    for alert in ALERTS {
        let known = anchors.iter().any(|anchor| anchor == alert.runbook);
        assert!(
            known,
            "{} leads to #{}, of {anchors:?}",
            alert.name, alert.runbook
        );
    }
}
