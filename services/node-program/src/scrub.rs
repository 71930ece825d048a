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
    doctor::runs,
    door::{done, socket},
    exit::{Exit, Refused, unless_interrupted},
    output::{Output, field},
    words,
};

/// How often the node is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

pub(crate) async fn scrub(args: ScrubArgs, output: &Output) -> anyhow::Result<Exit> {
    let (door, command) = match args.command {
        ScrubVerb::Start(door) => (door, ScrubCommand::Start),
        ScrubVerb::Status(door) => (door, ScrubCommand::Status),
        ScrubVerb::Pause(door) => {
            let request = AdminRequest::Worker {
                name: "scrub".to_owned(),
                command: WorkerCommand::Pause,
            };
            done(&socket(&door)?, &request).await?;
            (door, ScrubCommand::Status)
        }
        ScrubVerb::Set(set) => {
            let bytes_per_sec = set.rate.0;
            (set.door, ScrubCommand::Set { bytes_per_sec })
        }
    };
    let answer = done(&socket(&door)?, &AdminRequest::Scrub { command }).await?;
    let Some(AdminBody::Scrub(state)) = answer.body else {
        bail!("the node did not say how far it is: {}", answer.message);
    };
    output.result(&state, scrub_lines)?;
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

pub(crate) async fn fsck_verb(args: FsckArgs, output: &Output) -> anyhow::Result<Exit> {
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
    if runs(&config).await {
        let reason = "the node runs, and the storage is its; leave out --offline, or stop it first";
        return Err(Refused(reason.to_owned()).into());
    }
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
