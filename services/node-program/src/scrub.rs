//! Scrub and fsck: `walrus-node scrub` and `walrus-node fsck`.

use std::time::Duration;

use anyhow::{Context, bail};
use walrus_node::{
    NodeConfig,
    operator::{
        FsckReport, ScrubState,
        admin::{AdminBody, AdminRequest, FsckCommand, ScrubCommand, WorkerCommand},
        check_unused,
    },
};

use crate::{
    args::{FsckArgs, ScrubArgs, ScrubVerb},
    door::{done, socket},
    exit::{Exit, unless_interrupted},
    output::{Output, field},
    stopped, words,
};

/// How often the node is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

pub(crate) async fn scrub(args: ScrubArgs, output: &Output) -> anyhow::Result<Exit> {
    let (door, looks, would, command) = match args.command {
        ScrubVerb::Start(start) if start.deep => (
            start.door,
            start.look.dry_run,
            "a scrub begins, and every sliver is compared with the metadata of its blob.",
            ScrubCommand::StartDeep,
        ),
        ScrubVerb::Start(start) => (
            start.door,
            start.look.dry_run,
            "a scrub begins.",
            ScrubCommand::Start,
        ),
        ScrubVerb::Status(door) => (door, false, "", ScrubCommand::Status),
        ScrubVerb::Pause(pause) => {
            if !pause.look.dry_run {
                let request = AdminRequest::Worker {
                    name: "scrub".to_owned(),
                    command: WorkerCommand::Pause,
                };
                done(&socket(&pause.door)?, &request).await?;
            }
            let would = "the scrub pauses.";
            (pause.door, pause.look.dry_run, would, ScrubCommand::Status)
        }
        ScrubVerb::Set(set) => {
            let bytes_per_sec = set.rate.0;
            let would = "the scrub keeps to that rate.";
            let command = ScrubCommand::Set { bytes_per_sec };
            (set.door, set.look.dry_run, would, command)
        }
    };
    let command = if looks { ScrubCommand::Status } else { command };
    let answer = done(&socket(&door)?, &AdminRequest::Scrub { command }).await?;
    let Some(AdminBody::Scrub(state)) = answer.body else {
        bail!("the node did not say how far it is: {}", answer.message);
    };
    if looks {
        output.would(would, &state, scrub_lines)?;
    } else {
        output.result(&state, scrub_lines)?;
    }
    Ok(Exit::fine_if(state.damaged == 0))
}

fn scrub_lines(state: &ScrubState) -> Vec<String> {
    let headline = match (state.running, state.ended_ms) {
        (true, _) => "A scrub is under way.".to_owned(),
        (false, Some(ended)) => format!("The last scrub ended {}", words::ago(ended)),
        (false, None) => "The node was never scrubbed.".to_owned(),
    };
    vec![
        headline,
        field(
            "read",
            format!("{} records, {}", state.records, words::bytes(state.bytes)),
        ),
        field(
            "compared",
            format!(
                "{} slivers with the metadata of their blobs ({})",
                state.compared,
                if state.deep { "all" } else { "a sample" }
            ),
        ),
        field(
            "damaged",
            format!("{} slivers, queued for recovery", state.damaged),
        ),
        field(
            "at most",
            format!("{} each second", words::bytes(state.bytes_per_sec)),
        ),
        field("next", words::when(state.next_ms)),
    ]
}

pub(crate) async fn fsck_verb(mut args: FsckArgs, output: &Output) -> anyhow::Result<Exit> {
    // What would be mended is what is found.
    args.fix &= !args.look.dry_run;
    let report = if args.offline {
        offline(&args).await?
    } else {
        online(&args).await?
    };
    output.result(&report, fsck_lines)?;
    if let Some(failure) = &report.failure {
        bail!("{failure}");
    }
    Ok(Exit::fine_if(report.fix || report.found == 0))
}

async fn online(args: &FsckArgs) -> anyhow::Result<FsckReport> {
    let socket = socket(&args.door)?;
    let ask = async |command| {
        let answer = done(&socket, &AdminRequest::Fsck { command }).await?;
        match answer.body {
            Some(AdminBody::Fsck(report)) => Ok(report),
            _ => bail!("the node did not say how far it is: {}", answer.message),
        }
    };
    ask(FsckCommand::Start { fix: args.fix }).await?;
    let end = async {
        loop {
            let report = ask(FsckCommand::Status).await?;
            if !report.running {
                return Ok(report);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    unless_interrupted(
        end,
        "the node goes on to check; `worker info fsck` says how far it is",
    )
    .await
}

async fn offline(args: &FsckArgs) -> anyhow::Result<FsckReport> {
    let path = args.door.config_path.as_deref();
    let path = path.context("--offline takes --config-path, which says where the storage is")?;
    let config = NodeConfig::load(path)?;
    stopped::storage(&config).await.context("with --offline")?;
    let (options, fix) = (config.storage_options(), args.fix);
    let check = move || check_unused(options, fix);
    let checking = async { Ok(tokio::task::spawn_blocking(check).await??) };
    unless_interrupted(checking, "the same command begins anew").await
}

fn fsck_lines(report: &FsckReport) -> Vec<String> {
    let headline = match (report.found, report.fix) {
        (0, _) => "Index and files agree.".to_owned(),
        (found, true) => format!(
            "{found} things did not agree, and do now; what is lost is queued for recovery."
        ),
        (found, false) => format!("{found} things do not agree; --fix mends them."),
    };
    let mut lines = vec![headline, field("looked at", report.checked)];
    lines.extend(report.findings.iter().map(|finding| format!("  {finding}")));
    lines
}
