//! Price feeds: a number of the operator, a program, or a URL.

use std::{process::Stdio, time::Duration};

use reqwest::Url;
use serde::{Deserialize, Serialize};
use tokio::{io::AsyncReadExt as _, process::Command, time::timeout};
use walrus_node_client::{Addresses, ForbiddenAddress};

use super::{ImpossiblePrice, Usd};

/// The longest answer of a feed, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// Somebody who says what a WAL costs. One of `usd`, `command` and `url` is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriceFeed {
    /// What it is called in metrics and messages; by its kind and place among the others if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The price itself, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd: Option<Usd>,
    /// A program, with its arguments, that writes the price in US dollars to its standard output. No shell is in between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// A URL that answers with JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Where the price in US dollars is in the JSON: a pointer as in RFC 6901. The whole if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
}

/// Why a feed says nothing.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// It is none.
    #[error(
        "a feed of wal_price_monitor.feeds has one of usd, command and url, and pointer only beside url"
    )]
    Form,
    /// The program cannot be run.
    #[error("{program} cannot be run: {source}")]
    Program {
        /// The program.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program failed.
    #[error("{program} ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// The URL is none.
    #[error("`{0}` is no URL of http or https")]
    Url(String),
    /// The URL leads where it must not.
    #[error(transparent)]
    Address(#[from] ForbiddenAddress),
    /// The URL does not answer.
    #[error("it cannot be read: {}", .0.without_url_text())]
    Read(#[from] ReadError),
    /// The answer is too long.
    #[error("its answer has more than {MAX_ANSWER} bytes")]
    TooLong,
    /// The answer has no price.
    #[error("its answer has no price: {0}")]
    NoPrice(String),
    /// The answer has one that nobody can mean.
    #[error(transparent)]
    Impossible(#[from] ImpossiblePrice),
    /// It took too long.
    #[error("it has not answered within {0:?}")]
    Late(Duration),
}

/// Why a URL was not read. The URL, which may have a key in it, is not told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(reqwest::Error);

impl ReadError {
    fn without_url_text(&self) -> String {
        use std::error::Error as _;
        let source = self.0.source();
        source.map_or_else(|| self.0.to_string(), ToString::to_string)
    }
}

impl From<reqwest::Error> for FeedError {
    fn from(error: reqwest::Error) -> Self {
        Self::Read(ReadError(error.without_url()))
    }
}

impl PriceFeed {
    /// What it is called; it is the one in this place, from 1.
    pub(super) fn label(&self, place: usize) -> String {
        let kind = match self {
            Self { usd: Some(_), .. } => "fixed",
            Self { url: Some(_), .. } => "url",
            _ => "command",
        };
        self.name
            .clone()
            .unwrap_or_else(|| format!("{kind}-{place}"))
    }

    /// Asks it once.
    pub(super) async fn ask(
        &self,
        addresses: Addresses,
        patience: Duration,
    ) -> Result<Usd, FeedError> {
        let asking = async {
            match (self.usd, self.command.split_first(), &self.url) {
                (Some(usd), None, None) if self.pointer.is_none() => Ok(usd),
                (None, Some((program, args)), None) if self.pointer.is_none() => {
                    said_by(program, args).await
                }
                (None, None, Some(url)) => {
                    read_from(url, self.pointer.as_deref(), addresses, patience).await
                }
                _ => Err(FeedError::Form),
            }
        };
        let asked = timeout(patience, asking).await;
        asked.unwrap_or(Err(FeedError::Late(patience)))
    }
}

/// The price that a program writes. It is killed if nobody waits for it any more.
async fn said_by(program: &str, args: &[String]) -> Result<Usd, FeedError> {
    let failed = |source| FeedError::Program {
        program: program.to_owned(),
        source,
    };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let mut said = Vec::new();
    if let Some(output) = child.stdout.take() {
        // One byte more than is allowed tells that there is more.
        let mut output = output.take(MAX_ANSWER as u64 + 1);
        output.read_to_end(&mut said).await.map_err(failed)?;
    }
    if said.len() > MAX_ANSWER {
        return Err(FeedError::TooLong);
    }
    let status = child.wait().await.map_err(failed)?;
    if !status.success() {
        let program = program.to_owned();
        return Err(FeedError::Failed { program, status });
    }
    number(&String::from_utf8_lossy(&said))
}

/// The price in the JSON that a URL answers with.
async fn read_from(
    url: &str,
    pointer: Option<&str>,
    addresses: Addresses,
    patience: Duration,
) -> Result<Usd, FeedError> {
    let parsed = Url::parse(url).ok();
    let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
    let parsed = parsed.ok_or_else(|| FeedError::Url(shown(url)))?;
    addresses.check(&parsed)?;
    let client = addresses.guard(reqwest::Client::builder().timeout(patience));
    let request = client.build()?.get(parsed);
    let mut response = request.send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
            return Err(FeedError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    let json: serde_json::Value =
        serde_json::from_slice(&body).map_err(|error| FeedError::NoPrice(error.to_string()))?;
    match json.pointer(pointer.unwrap_or_default()) {
        Some(serde_json::Value::Number(found)) => number(&found.to_string()),
        Some(serde_json::Value::String(found)) => number(found),
        Some(_) => Err(FeedError::NoPrice("it is no number there".to_owned())),
        None => Err(FeedError::NoPrice("there is nothing there".to_owned())),
    }
}

/// What may be told of a URL: nothing behind its host.
fn shown(url: &str) -> String {
    let end = url.find(['?', '#', '@']).unwrap_or(url.len());
    url.get(..end)
        .unwrap_or_default()
        .chars()
        .take(80)
        .collect()
}

fn number(text: &str) -> Result<Usd, FeedError> {
    let text = text.trim();
    let number: f64 = text.parse().map_err(|_| {
        let beginning: String = text.chars().take(40).collect();
        FeedError::NoPrice(format!("`{beginning}` is no number"))
    })?;
    Ok(Usd::try_from(number)?)
}

#[cfg(test)]
mod tests {
    use axum::{Router, response::Redirect, routing::get};
    use tokio::net::TcpListener;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn command(parts: &[&str]) -> PriceFeed {
        PriceFeed {
            command: parts.iter().map(|part| (*part).to_owned()).collect(),
            ..PriceFeed::default()
        }
    }

    fn url(url: String, pointer: Option<&str>) -> PriceFeed {
        PriceFeed {
            url: Some(url),
            pointer: pointer.map(str::to_owned),
            ..PriceFeed::default()
        }
    }

    async fn asked(feed: &PriceFeed) -> Result<f64, FeedError> {
        // The program does so when it starts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        feed.ask(Addresses::Any, PATIENCE).await.map(f64::from)
    }

    /// A server of prices on loopback; returns its URL.
    async fn server() -> String {
        let routes = Router::new()
            .route(
                "/price",
                get(async || r#"{"walrus": {"usd": 0.25, "text": "0.5"}}"#),
            )
            .route("/text", get(async || "no JSON"))
            .route("/long", get(async || "1".repeat(MAX_ANSWER + 1)))
            .route("/elsewhere", get(async || Redirect::to("/price")))
            .route("/never", get(std::future::pending::<&str>));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_url_answers_with_json_in_which_the_price_is() {
        let base = server().await;
        let at = |path: &str| format!("{base}{path}");
        let price = asked(&url(at("/price"), Some("/walrus/usd"))).await;
        assert!((price.unwrap() - 0.25).abs() < 1e-12);
        let price = asked(&url(at("/price"), Some("/walrus/text"))).await;
        assert!((price.unwrap() - 0.5).abs() < 1e-12);
        for (path, pointer, says) in [
            ("/price", Some("/walrus"), "no number there"),
            ("/price", Some("/tiger"), "nothing there"),
            ("/text", None, "no price"),
            ("/long", None, "more than 65536 bytes"),
            ("/elsewhere", Some("/walrus/usd"), "no price"),
            ("/absent", None, "404"),
        ] {
            let error = asked(&url(at(path), pointer)).await.unwrap_err();
            assert!(error.to_string().contains(says), "{path}: {error}");
        }
        let feed = url(at("/never"), None);
        let late = feed.ask(Addresses::Any, Duration::from_millis(50)).await;
        assert!(late.is_err(), "{late:?}");
        let feed = url(at("/price?key=secret"), Some("/walrus/usd"));
        let refused = feed.ask(Addresses::Public, PATIENCE).await.unwrap_err();
        assert!(matches!(refused, FeedError::Address(_)), "{refused}");
    }

    #[tokio::test]
    async fn a_program_writes_the_price() {
        let price = asked(&command(&["echo", "0.125"])).await.unwrap();
        assert!((price - 0.125).abs() < 1e-12);
        for (parts, says) in [
            (&["echo", "a lot"][..], "`a lot` is no number"),
            (&["echo", "-1"], "does not cost -1"),
            (&["false"], "ended with"),
            (&["/no/such/program"], "cannot be run"),
            (&["yes"], "more than 65536 bytes"),
        ] {
            let error = asked(&command(parts)).await.unwrap_err();
            assert!(error.to_string().contains(says), "{parts:?}: {error}");
        }
        let feed = command(&["sleep", "1000"]);
        let late = feed.ask(Addresses::Any, Duration::from_millis(50)).await;
        assert!(matches!(late, Err(FeedError::Late(_))), "{late:?}");
    }

    #[tokio::test]
    async fn a_feed_is_one_thing() {
        let fixed = PriceFeed {
            usd: Some(Usd::try_from(2.0).unwrap()),
            ..PriceFeed::default()
        };
        assert!((asked(&fixed).await.unwrap() - 2.0).abs() < 1e-12);
        assert_eq!(fixed.label(3), "fixed-3");
        for wrong in [
            PriceFeed::default(),
            PriceFeed {
                url: Some("http://h.example".to_owned()),
                ..fixed.clone()
            },
            PriceFeed {
                pointer: Some("/usd".to_owned()),
                ..fixed
            },
        ] {
            let error = asked(&wrong).await.unwrap_err();
            assert!(matches!(error, FeedError::Form), "{error}");
        }
        let error = asked(&url("ftp://h/?key=secret".to_owned(), None)).await;
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("ftp://h/") && !error.contains("secret"),
            "{error}"
        );
    }
}
