//! Traces of a command (`--trace-cli`): its spans in the form of OpenTelemetry, to a collector or into a file. Client spec 2.1.

mod document;
mod recorder;

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context;
use tracing::Instrument as _;
use walrus_sui::{chain::shown_url, home::Expand as _};

pub(crate) use recorder::layer;

use crate::report::say;

/// Longest wait for a collector.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// A collector on this machine, as OpenTelemetry has it.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// Where a trace goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TraceTarget {
    /// The collector that the variables of OpenTelemetry name, by OTLP over HTTP.
    Otlp,
    /// A file, which is replaced.
    File(PathBuf),
}

/// Reads `otlp` or `file=PATH`.
pub(crate) fn parse_target(text: &str) -> Result<TraceTarget, String> {
    match text.split_once('=') {
        None if text == "otlp" => Ok(TraceTarget::Otlp),
        Some(("file", path)) if !path.is_empty() => {
            let path = PathBuf::from(path).expand();
            path.map(TraceTarget::File)
                .map_err(|error| error.to_string())
        }
        _ => Err("expected `otlp` or `file=PATH`".to_owned()),
    }
}

/// Runs a command, and traces it if that is asked for.
///
/// # Errors
/// Those of the command; and if the file cannot be written, which is found before the command begins. A collector that does not
/// take the trace changes nothing about what was done: that is only said.
pub(crate) async fn traced(
    target: Option<TraceTarget>,
    command: &'static str,
    run: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let Some(target) = target else {
        return run.await;
    };
    let exporter = Exporter::open(&target)?;
    recorder::begin();
    let span = tracing::info_span!("walrus", command, error = tracing::field::Empty);
    let result = run.instrument(span.clone()).await;
    if let Err(error) = &result {
        span.record("error", format!("{error:#}"));
    }
    drop(span);
    let spans = recorder::end();
    if spans.left_out > 0 {
        say(format_args!(
            "Note: the trace has the first {} spans; {} more are left out",
            spans.finished.len(),
            spans.left_out
        ));
    }
    let exported = exporter.export(&document::of(&spans.finished)).await;
    match (result, exported) {
        (Ok(()), Err(error)) if matches!(target, TraceTarget::Otlp) => {
            say(format_args!("Note: {error:#}"));
            Ok(())
        }
        (result, exported) => result.and(exported),
    }
}

enum Exporter<'a> {
    Collector(String),
    File(&'a Path, File),
}

impl<'a> Exporter<'a> {
    fn open(target: &'a TraceTarget) -> anyhow::Result<Self> {
        match target {
            TraceTarget::Otlp => Ok(Self::Collector(endpoint(|name| std::env::var(name).ok()))),
            TraceTarget::File(path) => {
                let file = File::create(path);
                let file = file.with_context(|| cannot_write(path))?;
                Ok(Self::File(path, file))
            }
        }
    }

    async fn export(self, document: &serde_json::Value) -> anyhow::Result<()> {
        match self {
            Self::File(path, mut file) => {
                let line = format!("{document}\n");
                let written = file.write_all(line.as_bytes());
                written.with_context(|| cannot_write(path))
            }
            Self::Collector(url) => send(&url, document).await.with_context(|| {
                let collector = shown_url(&url);
                format!("the collector at {collector} did not take the trace")
            }),
        }
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write the trace to {}", path.display())
}

async fn send(url: &str, document: &serde_json::Value) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(EXPORT_TIMEOUT).build()?;
    // The URL is told without its secrets by the caller.
    let answer = client.post(url).json(document).send().await;
    let answer = answer.and_then(reqwest::Response::error_for_status);
    answer.map_err(reqwest::Error::without_url)?;
    Ok(())
}

/// Where traces go by the environment: a URL for them, or one that all signals have in common.
fn endpoint(variable: impl Fn(&str) -> Option<String>) -> String {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").unwrap_or_else(|| {
        let base = set("OTEL_EXPORTER_OTLP_ENDPOINT");
        let base = base.as_deref().unwrap_or(DEFAULT_ENDPOINT);
        format!("{}/v1/traces", base.trim_end_matches('/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_those_of_the_specification() {
        assert_eq!(parse_target("otlp"), Ok(TraceTarget::Otlp));
        let file = |path: &str| Ok(TraceTarget::File(path.into()));
        assert_eq!(parse_target("file=a=b.json"), file("a=b.json"));
        for wrong in ["", "file", "file=", "otlp=x", "stdout"] {
            assert!(parse_target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_collector_is_the_one_of_the_environment() {
        let of = |set: &[(&str, &str)]| {
            endpoint(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), "http://localhost:4318/v1/traces");
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1/");
        assert_eq!(of(&[base]), "http://h:1/v1/traces");
        let own = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x");
        assert_eq!(of(&[base, own]), "http://t/x");
    }
}
