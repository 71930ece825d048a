//! Output: what the program says, for people or as JSON.

use std::{fmt, io::Write as _};

use anyhow::Context as _;
use serde::Serialize;

use crate::exit::Unread;

/// What would be done, and how things are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Would<'a, T> {
    dry_run: bool,
    would: &'a str,
    now: &'a T,
}

/// Where results go.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints a result: as JSON, or line by line as `lines` has it.
    pub(crate) fn result<T: Serialize>(
        &self,
        result: &T,
        lines: impl FnOnce(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let text = if self.json {
            serde_json::to_string(result)?
        } else {
            lines(result).join("\n")
        };
        self.line(&text)
    }

    /// Prints what a verb would do (`--dry-run`), and how things are now.
    pub(crate) fn would<T: Serialize>(
        &self,
        would: &str,
        now: &T,
        lines: impl FnOnce(&T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let told = Would {
            dry_run: true,
            would,
            now,
        };
        self.result(&told, |told| {
            let mut all = vec![format!("Nothing was changed. Without --dry-run: {would}")];
            all.extend(lines(told.now));
            all
        })
    }

    /// Whether results are printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a line as it is.
    #[allow(clippy::unused_self)] // Where it goes is the output's business.
    pub(crate) fn line(&self, text: &str) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let written = writeln!(out, "{text}").and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Err(Unread.into()),
            written => written.context("cannot write to standard output"),
        }
    }
}

/// A name and a value under each other's.
pub(crate) fn field(name: &str, value: impl fmt::Display) -> String {
    format!("  {name:<16} {value}")
}

/// Says something that is no result.
pub(crate) fn say(text: fmt::Arguments<'_>) {
    // Nothing is left to do when nobody can be told.
    let _ = writeln!(std::io::stderr(), "{text}");
}
