//! Repair: `walrus-node repair`.

use std::{path::Path, time::Duration};

use anyhow::{Context, bail};
use walrus_node::operator::{
    Explanation, QueuedPart, RepairReport, RepairScope,
    admin::{AdminBody, AdminRequest, RepairCommand},
};

use crate::{
    args::{RepairArgs, RepairWhat},
    door::{done, socket},
    exit::{Exit, unless_interrupted},
    output::{Output, field},
    words,
};

/// How often the node is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

pub(crate) async fn run(args: &RepairArgs, output: &Output) -> anyhow::Result<Exit> {
    let socket = socket(&args.door)?;
    if args.look.dry_run && args.what.blob.is_none() {
        let would = "every certified blob that the node should hold of that is looked at, and what is missing is queued for recovery.";
        output.would(would, &report_now(&socket).await?, lines)?;
        return Ok(Exit::Fine);
    }
    // Of one blob it can be told what is missing.
    if args.explain || args.look.dry_run {
        let blob_id = args.what.blob.context("say which blob")?.to_string();
        let answer = done(&socket, &AdminRequest::Explain { blob_id }).await?;
        let Some(AdminBody::Explanation(explained)) = answer.body else {
            bail!("the node explained nothing: {}", answer.message);
        };
        output.result(&explained, |explained| explanation(explained))?;
        return Ok(Exit::fine_if(explained.recoverable != Some(false)));
    }
    let ask = async |command| {
        let answer = done(&socket, &AdminRequest::Repair { command }).await?;
        match answer.body {
            Some(AdminBody::Repair(report)) => Ok(report),
            _ => bail!("the node did not say how far it is: {}", answer.message),
        }
    };
    ask(RepairCommand::Start(scope(&args.what)?)).await?;
    let end = async {
        loop {
            let report = ask(RepairCommand::Status).await?;
            if !report.running {
                return Ok(report);
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let then =
        "the node goes on to look for what is missing; `worker info repair` says how far it is";
    let report = unless_interrupted(end, then).await?;
    output.result(&report, lines)?;
    if let Some(failure) = report.failure {
        bail!("{failure}");
    }
    Ok(Exit::Fine)
}

async fn report_now(socket: &Path) -> anyhow::Result<RepairReport> {
    let command = RepairCommand::Status;
    let answer = done(socket, &AdminRequest::Repair { command }).await?;
    match answer.body {
        Some(AdminBody::Repair(report)) => Ok(report),
        _ => bail!("the node did not say how far it is: {}", answer.message),
    }
}

fn scope(what: &RepairWhat) -> anyhow::Result<RepairScope> {
    match (what.blob, what.shard, what.all_missing) {
        (Some(blob_id), None, false) => Ok(RepairScope::Blob(blob_id)),
        (None, Some(shard), false) => Ok(RepairScope::Shard(shard)),
        (None, None, true) => Ok(RepairScope::AllMissing),
        _ => bail!("say one of --blob, --shard and --all-missing"),
    }
}

fn lines(report: &RepairReport) -> Vec<String> {
    let headline = if report.incomplete == 0 {
        "Nothing is missing."
    } else {
        "What is missing is queued for recovery; `status` says how far that is."
    };
    vec![
        headline.to_owned(),
        field("looked at", format!("{} certified blobs", report.checked)),
        field("incomplete", report.incomplete),
        field("missing", format!("{} slivers", report.missing_slivers)),
    ]
}

fn queued(part: &QueuedPart) -> String {
    let since = words::ago(part.since_ms);
    let what = match part.sliver {
        Some(sliver) => format!("{} sliver of shard {}", sliver.sliver_type, sliver.shard),
        None => "whatever is missing".to_owned(),
    };
    field("queued for", format!("{}: {what} {since}", part.reason))
}

fn explanation(explained: &Explanation) -> Vec<String> {
    let yes = |fact| if fact { "yes" } else { "no" };
    let mut lines = vec![
        explained.says.clone(),
        field("certified", yes(explained.certified)),
        field("metadata here", yes(explained.metadata)),
        field("queued", yes(explained.queued)),
    ];
    lines.extend(explained.queue.iter().map(queued));
    lines.push(field(
            "elsewhere",
            format!(
                "{} primary slivers ({} make a secondary one), {} secondary slivers ({} make a primary one)",
                explained.primary_slivers,
                explained.primary_needed,
                explained.secondary_slivers,
                explained.secondary_needed
            ),
        ));
    lines.extend(explained.missing.iter().map(|sliver| {
        let sliver_type = sliver.sliver_type;
        field(
            "missing",
            format!("{sliver_type} sliver of shard {}", sliver.shard),
        )
    }));
    lines.extend(explained.peers.iter().map(|peer| {
        let failure = peer.failure.as_ref();
        let failure = failure.map_or(String::new(), |failure| format!(", {failure}"));
        let text = format!(
            "{}: of {} shards {} primary and {} secondary slivers, metadata: {}{failure}",
            peer.address,
            peer.shards,
            peer.primary_slivers,
            peer.secondary_slivers,
            yes(peer.metadata)
        );
        field(&peer.name, text)
    }));
    lines
}
