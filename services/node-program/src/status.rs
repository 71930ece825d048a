//! Status and local admin: what is asked of a running node.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use walrus_node::{
    NodeConfig,
    operator::{
        Status, WorkerStatus,
        admin::{AdminRequest, WorkerCommand, ask},
    },
};

use crate::{
    args::{DoorArgs, LocalAdminArgs, LocalAdminCommand, StatusArgs, WorkerArgs},
    output::{Output, field},
};

/// How often a node is asked that is waited for.
const POLL: Duration = Duration::from_millis(500);

/// Says how the node is; returns whether it is ready.
pub(crate) async fn run(args: &StatusArgs, output: &Output) -> anyhow::Result<bool> {
    let socket = socket(&args.door)?;
    let begin = Instant::now();
    let status = loop {
        let found = fetch(&socket).await;
        let waits = args.until.is_some() && begin.elapsed().as_secs() < args.timeout;
        match found {
            Ok(status) if status.ready || !waits => break status,
            Err(error) if !waits => return Err(error),
            _ => tokio::time::sleep(POLL).await,
        }
    };
    output.result(&status, lines)?;
    Ok(status.ready)
}

async fn fetch(socket: &std::path::Path) -> anyhow::Result<Status> {
    let answer = ask(socket, &AdminRequest::Status {}).await?;
    match answer.status {
        Some(status) if answer.success => Ok(status),
        _ => bail!("the node cannot say how it is: {}", answer.message),
    }
}

fn socket(door: &DoorArgs) -> anyhow::Result<PathBuf> {
    if let Some(path) = &door.socket_path {
        return Ok(path.clone());
    }
    let path = door.config_path.as_deref();
    let path = path.context("say which node with --config-path or --socket-path")?;
    NodeConfig::load(path)?.admin_socket_path.with_context(|| {
        format!(
            "{} has no admin_socket_path; add one and start the node again",
            path.display()
        )
    })
}

fn lines(status: &Status) -> Vec<String> {
    let behind = match status.checkpoints_behind {
        Some(0) => "up to date".to_owned(),
        Some(count) => format!("{count} checkpoints behind"),
        None => "unknown".to_owned(),
    };
    let mut lines = vec![
        status.verdict.clone(),
        field("name", &status.name),
        field("node ID", &status.node_id),
        field("address", &status.public_address),
        field("version", &status.version),
        field("up for", format!("{} s", status.uptime_secs)),
        field("epoch", status.epoch),
        field("standing", &status.node_status),
        field(
            "shards",
            format!(
                "{} of {} ready, {} being filled, {} kept for others",
                status.ready_shards,
                status.owned_shards,
                status.recovering_shards,
                status.read_only_shards
            ),
        ),
        field(
            "events",
            format!("{} processed, {behind}", status.next_event_index),
        ),
        field("recovery", format!("{} blobs queued", status.queued_blobs)),
    ];
    if !status.workers.is_empty() {
        lines.push("Background jobs".to_owned());
    }
    lines.extend(status.workers.iter().map(worker_line));
    lines
}

fn worker_line(worker: &WorkerStatus) -> String {
    let mut text = worker.state.clone();
    if worker.paused && worker.state != "paused" {
        text += ", to pause";
    }
    if let Some(done) = worker.done {
        text += &format!(", {done} done");
    }
    if let Some(left) = worker.left {
        text += &format!(", {left} left");
    }
    if let Some(note) = &worker.note {
        text += &format!(" ({note})");
    }
    if worker.throttle > 0 {
        text += &format!(", throttled by {}", worker.throttle);
    }
    if let Some(error) = &worker.last_error {
        text += &format!(", {} errors, the last: {error}", worker.errors);
    }
    field(&worker.name, text)
}

/// `walrus-node local-admin`.
pub(crate) async fn local_admin(args: LocalAdminArgs, output: &Output) -> anyhow::Result<()> {
    let socket = socket(&args.door)?;
    let request = match args.command {
        LocalAdminCommand::LogLevel { level } => AdminRequest::LogLevel { level },
        LocalAdminCommand::Worker { name, command } => AdminRequest::Worker {
            name,
            command: match command {
                WorkerArgs::Pause => WorkerCommand::Pause,
                WorkerArgs::Resume => WorkerCommand::Resume,
                WorkerArgs::Throttle { factor } => WorkerCommand::Throttle(factor),
            },
        },
    };
    let answer = ask(&socket, &request).await?;
    if !answer.success {
        bail!("{}", answer.message);
    }
    output.result(&answer, |answer| vec![answer.message.clone()])
}
