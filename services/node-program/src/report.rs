//! Report: a bundle for whoever is to help, without secrets, and listed before it is written.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use anyhow::{Context, ensure};
use serde::Serialize;
use walrus_node::{
    NodeConfig,
    operator::{
        admin::{AdminBody, AdminRequest},
        doctor,
    },
};
use walrus_sui::wallet::write_private;

use crate::{
    args::ReportArgs,
    door::done,
    output::{Output, field},
    words,
};

/// How much of the end of a log is taken.
const LOG_BYTES: u64 = 1 << 20;

/// Keys of the configuration whose values nobody else may see, whatever they are.
const SECRET: [&str; 6] = ["key", "auth", "password", "token", "secret", "mnemonic"];

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    files: Vec<Listed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<std::path::PathBuf>,
}

#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    bytes: usize,
}

pub(crate) async fn run(args: &ReportArgs, output: &Output) -> anyhow::Result<()> {
    let path = &args.config.config_path;
    let config = NodeConfig::load(path)?;
    ensure!(
        !args.consent.yes || !args.out.exists(),
        "{} exists and is not overwritten",
        args.out.display()
    );
    let files = gather(&config, path, args.log.as_deref()).await?;
    if args.consent.yes {
        write(&args.out, &files)?;
    }
    let outcome = Outcome {
        files: files
            .iter()
            .map(|(name, bytes)| Listed {
                name,
                bytes: bytes.len(),
            })
            .collect(),
        written: args.consent.yes.then(|| args.out.clone()),
    };
    output.result(&outcome, lines)
}

type Gathered = Vec<(&'static str, Vec<u8>)>;

async fn gather(config: &NodeConfig, path: &Path, log: Option<&Path>) -> anyhow::Result<Gathered> {
    let version = format!("walrus-node {}\n", env!("CARGO_PKG_VERSION"));
    let text = std::fs::read_to_string(path).context("cannot read the configuration")?;
    let mut files = vec![
        ("version.txt", version.into_bytes()),
        ("config.yaml", without_secrets(&text)?.into_bytes()),
    ];
    let socket = config.admin_socket_path.as_deref();
    let running = crate::doctor::runs(config).await;
    let checks = doctor::examine(config, running).await;
    files.push(("doctor.json", serde_json::to_vec_pretty(&checks)?));
    let status = match socket.filter(|_| running) {
        Some(socket) => match done(socket, &AdminRequest::Status {}).await?.body {
            Some(AdminBody::Status(status)) => serde_json::to_vec_pretty(&status)?,
            _ => b"\"the node told nothing\"".to_vec(),
        },
        None => b"\"the node does not run, or has no admin socket\"".to_vec(),
    };
    files.push(("status.json", status));
    if let Some(log) = log {
        files.push(("log.txt", end_of(log)?));
    }
    Ok(files)
}

fn end_of(log: &Path) -> anyhow::Result<Vec<u8>> {
    let read = || {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_BYTES)))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES).read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(bytes)
    };
    read().with_context(|| format!("cannot read the log {}", log.display()))
}

/// The configuration with its structure and what is harmless of it.
fn without_secrets(text: &str) -> anyhow::Result<String> {
    let mut document: serde_yaml::Value = serde_yaml::from_str(text)?;
    hide(&mut document, false);
    Ok(serde_yaml::to_string(&document)?)
}

fn hide(value: &mut serde_yaml::Value, secret: bool) {
    match value {
        serde_yaml::Value::Mapping(entries) => {
            for (key, value) in entries.iter_mut() {
                let name = key.as_str().unwrap_or_default().to_lowercase();
                let is_path = name == "path" || name.ends_with("_path");
                let secret = !is_path && (secret || SECRET.iter().any(|word| name.contains(word)));
                hide(value, secret);
            }
        }
        serde_yaml::Value::Sequence(values) => {
            values.iter_mut().for_each(|value| hide(value, secret));
        }
        serde_yaml::Value::String(text) if secret => "hidden".clone_into(text),
        serde_yaml::Value::String(text) => {
            if let Some(host) = host_of(text) {
                *text = host;
            }
        }
        _ => {}
    }
}

/// Of a URL only whom it is about: names and API keys are before the host and behind it.
fn host_of(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    Some(format!("{scheme}://{host}"))
}

fn write(out: &Path, files: &[(&'static str, Vec<u8>)]) -> anyhow::Result<()> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(bytes.len())?);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, bytes.as_slice())?;
    }
    Ok(write_private(out, &archive.into_inner()?)?)
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let headline = match &outcome.written {
        Some(path) => format!(
            "Wrote {}; look at it before you give it away.",
            path.display()
        ),
        None => "This would be in it; --yes writes it.".to_owned(),
    };
    let mut lines = vec![headline];
    let files = outcome.files.iter();
    lines.extend(files.map(|file| {
        field(
            file.name,
            words::bytes(u64::try_from(file.bytes).unwrap_or(u64::MAX)),
        )
    }));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_of_a_configuration() {
        let text = "name: mine\nprotocol_key_pair: BAAA\nnetwork_key_pair: {path: /n.key}\nsui:\n  \
            rpc: https://me:pass@rpc.example.com:9000/v1/APIKEY?x=y\n  wallet_config: {key: suiprivkey1}\n  \
            additional: [{basic_auth: 'a:b', list: [1, 2]}]\n";
        let shown = without_secrets(text).unwrap();
        for secret in ["BAAA", "pass", "APIKEY", "suiprivkey", "a:b"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        for harmless in ["mine", "/n.key", "https://rpc.example.com:9000"] {
            assert!(shown.contains(harmless), "{harmless} not in {shown}");
        }
    }

    #[test]
    fn of_a_log_the_end_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut text = vec![b'x'; usize::try_from(LOG_BYTES).unwrap()];
        text.extend_from_slice(b"the end");
        std::fs::write(&log, &text).unwrap();
        let end = end_of(&log).unwrap();
        assert_eq!(end.len(), usize::try_from(LOG_BYTES).unwrap());
        assert!(end.ends_with(b"the end"));
    }
}
