//! Metric names: those of the specification against those of the registry.

use std::{collections::BTreeMap, fs};

use walrus_service::worker::Runner;

use super::Metrics;

/// The chapter of the specification that lists the series.
fn chapter() -> String {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/spec/node/configuration.md"
    );
    let text = fs::read_to_string(path).unwrap();
    let begin = text.find("### 6.4 Metrics").unwrap();
    let end = text.find("### 6.5").unwrap();
    text[begin..end].to_owned()
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// A series that the specification asks for.
#[derive(Debug)]
struct Wanted {
    /// Any of these; with `*` for anything.
    names: Vec<String>,
    /// `None` where it does not say.
    labels: Option<Vec<String>>,
}

/// `a_{b,c}{d}` are the series `a_b` and `a_c` with the label `d`; `…_c` begins like the one before it.
fn expand(token: &str, before: &str) -> Vec<Wanted> {
    let token = token.replace("\\|", "|");
    let (stem, rest) = token.split_once('{').unwrap_or((&token, ""));
    let stems: Vec<(String, &str)> = if stem.ends_with('_') {
        let (inside, after) = closing(rest);
        // What stands between the braces and those of the labels belongs to each name.
        let (end, labels) = after.split_once('{').unwrap_or((after, ""));
        let parts = split(inside).into_iter();
        parts
            .map(|part| (format!("{stem}{part}{end}"), labels))
            .collect()
    } else {
        vec![(stem.to_owned(), rest)]
    };
    let wanted = stems.into_iter().map(|(name, after)| {
        // An alternative may have labels of its own.
        let (name, own) = match name.split_once('{') {
            Some((name, own)) => (name.to_owned(), own.trim_end_matches('}').to_owned()),
            None => {
                let labels = after.trim_start_matches('{').trim_end_matches('}');
                (name, labels.to_owned())
            }
        };
        let labels = own.split(',').filter(|label| !label.is_empty());
        let labels: Vec<String> = labels
            .map(|label| label.split('=').next().unwrap().to_owned())
            .collect();
        let unknown = labels.is_empty() || labels.iter().any(|label| label == "…");
        Wanted {
            names: beginnings(&name, before),
            labels: (!unknown).then_some(labels),
        }
    });
    wanted.collect()
}

/// `…_b` after `x_y_a` may be `x_y_b` or `x_b`.
fn beginnings(name: &str, before: &str) -> Vec<String> {
    let Some(end) = name.strip_prefix('…') else {
        return vec![name.to_owned()];
    };
    let cuts = before.match_indices('_').map(|(at, _)| at);
    cuts.map(|at| format!("{}{end}", &before[..at])).collect()
}

/// What stands before the brace that closes, and behind it.
fn closing(text: &str) -> (&str, &str) {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return (&text[..at], &text[at + 1..]);
        }
    }
    panic!("{text} has no closing brace");
}

/// At commas outside of braces.
fn split(text: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut parts) = (0, 0, Vec::new());
    for (at, letter) in text.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[begin..]);
    parts
}

fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((begin, end)) => {
            name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
        }
    }
}

/// What the table asks for, in its order.
fn wanted(chapter: &str) -> Vec<Wanted> {
    let rows = chapter.lines().filter(|line| line.starts_with("| `"));
    let mut wanted = Vec::new();
    for row in rows {
        let row = row.replace("\\|", "/");
        let cell = row.split('|').nth(1).unwrap();
        let mut before = String::new();
        for token in quoted(cell) {
            let expanded = expand(token, &before);
            if let Some(first) = expanded.first().filter(|_| !token.starts_with('…')) {
                before.clone_from(&first.names[0]);
            }
            wanted.extend(expanded);
        }
    }
    wanted
}

#[test]
fn every_series_that_nodes_compare_is_registered() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/spec/node/background-work.md"
    );
    let text = fs::read_to_string(path).unwrap();
    let begin = text.find("### 5.8").unwrap();
    let end = text.find("### 5.9").unwrap();
    let metrics = Metrics::new();
    let families = metrics.families();
    let names = quoted(&text[begin..end]).filter(|token| token.starts_with("walrus_"));
    let mut seen = 0;
    for token in names {
        let name = token.split('{').next().unwrap();
        let found = families.iter().find(|family| family.name == name);
        let family = found.unwrap_or_else(|| panic!("{name} is not registered"));
        assert_eq!(family.labels.len(), 1, "{name}");
        assert!(token.contains(&family.labels[0]), "{token}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn every_series_of_the_specification_is_registered_or_named_as_absent() {
    let chapter = chapter();
    let metrics = Metrics::new();
    let _workers = Runner::new(metrics.registry());
    let families: BTreeMap<String, Vec<String>> = metrics
        .families()
        .into_iter()
        .map(|family| (family.name, family.labels))
        .collect();
    let here = chapter.find("> **Here:**").unwrap();
    let note: Vec<&str> = chapter[here..]
        .lines()
        .take_while(|line| line.starts_with('>'))
        .collect();
    let note = note.join("\n");
    let absent: Vec<&str> = quoted(&note).collect();
    let wanted = wanted(&chapter[..here]);
    assert!(wanted.len() > 70, "only {} names were found", wanted.len());
    for series in &wanted {
        let found: Vec<_> = families
            .iter()
            .filter(|(name, _)| series.names.iter().any(|pattern| is_like(name, pattern)))
            .collect();
        let is_absent = series.names.iter().any(|name| absent.contains(&&**name));
        if found.is_empty() {
            assert!(
                is_absent,
                "{series:?} is neither registered nor named as absent"
            );
            continue;
        }
        // An abbreviated name may be read as another one that is absent.
        let is_certain = series.names.len() == 1;
        assert!(
            !(is_certain && is_absent),
            "{series:?} is registered and named as absent"
        );
        let Some(labels) = &series.labels else {
            continue;
        };
        let fits = found.iter().any(|(_, told)| *told == labels);
        assert!(fits, "the labels of {series:?} are others in {found:?}");
    }
    for name in absent {
        let asked = wanted
            .iter()
            .any(|series| series.names.iter().any(|other| other == name));
        assert!(asked, "{name} is named as absent, but nobody asks for it");
    }
}
