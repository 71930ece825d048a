//! `walrus gateway key`: keys of a publisher. Client spec 3.12.

use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;
use walrus_gateway::publisher::{KeyFile, KeyId, KeyInfo, NewKey};

use super::{Report, show};
use crate::{
    args::{GatewayArgs, GatewayCommand, GlobalOptions, KeyArgs, KeyCommand},
    report::Reporter,
    table::{Align, Table},
};

/// A key as it is listed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyOutput {
    id: KeyId,
    name: String,
    /// FROST.
    budget: Option<u64>,
    bytes: Option<u64>,
    created: String,
    expires: Option<String>,
    revoked: Option<String>,
    /// The key itself, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl KeyOutput {
    fn new(info: KeyInfo, key: Option<String>) -> Self {
        Self {
            id: info.id,
            name: info.name,
            budget: info.budget,
            bytes: info.bytes,
            created: time(info.created_ms),
            expires: info.expires_ms.map(time),
            revoked: info.revoked_ms.map(time),
            key,
        }
    }

    fn state(&self) -> String {
        match (&self.revoked, &self.expires) {
            (Some(revoked), _) => format!("revoked {revoked}"),
            (None, Some(expires)) => format!("until {expires}"),
            (None, None) => "until revoked".to_owned(),
        }
    }
}

impl Report for KeyOutput {
    fn print(&self, reporter: &Reporter) {
        reporter.line(format!("Key {}", self.id));
        if !self.name.is_empty() {
            reporter.field("name", &self.name);
        }
        reporter.field("budget", bound(self.budget, "FROST"));
        reporter.field("bytes", bound(self.bytes, "bytes"));
        reporter.field("good", self.state());
        if let Some(key) = &self.key {
            reporter.line("It is shown this once:");
            reporter.line(key);
        }
    }
}

/// All of them.
#[derive(Serialize)]
#[serde(transparent)]
struct KeysOutput(Vec<KeyOutput>);

impl Report for KeysOutput {
    fn print(&self, reporter: &Reporter) {
        let mut table = Table::new([
            ("name", Align::Left),
            ("budget", Align::Right),
            ("bytes", Align::Right),
            ("good", Align::Left),
        ]);
        for key in &self.0 {
            let cells = [
                key.name.clone(),
                bound(key.budget, "FROST"),
                bound(key.bytes, "bytes"),
                key.state(),
            ];
            table.row(cells, [key.id.to_string()]);
        }
        table.print(reporter);
    }
}

fn bound(bound: Option<u64>, unit: &str) -> String {
    bound.map_or_else(|| "no bound".to_owned(), |bound| format!("{bound} {unit}"))
}

fn time(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok();
    let time = time.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(
        || format!("{unix_ms} ms after 1970"),
        |time| time.to_string(),
    )
}

/// Does it.
pub(crate) fn run(global: &GlobalOptions, args: GatewayArgs) -> anyhow::Result<()> {
    let GatewayCommand::Key(KeyArgs { state_dir, command }) = args.command;
    let directory = state_dir.context(
        "say with --state-dir where the publisher keeps its state: `state` in its --sub-wallets-dir, or its own --state-dir",
    )?;
    let file = KeyFile::in_directory(directory);
    let now = u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default();
    match command {
        KeyCommand::Create {
            name,
            budget,
            bytes,
            expires,
        } => {
            let new = NewKey {
                name,
                budget,
                bytes,
                expires_ms: expires.map(|expires| now.saturating_add(millis(expires))),
            };
            let (info, secret) = file.create(new, now)?;
            show(global, &KeyOutput::new(info, Some(secret.reveal())))
        }
        KeyCommand::List => {
            let keys = file.list()?.into_iter();
            let keys = keys.map(|info| KeyOutput::new(info, None));
            show(global, &KeysOutput(keys.collect()))
        }
        KeyCommand::Revoke { key } => {
            let info = file.revoke(&key, now)?;
            show(global, &KeyOutput::new(info, None))
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
