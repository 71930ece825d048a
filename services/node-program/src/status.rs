//! Status: how a running node is, once, until it is ready, or again each second.

use std::{
    io::IsTerminal as _,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::bail;
use walrus_node::{
    healing::{QueuedFor, RepairQueue},
    operator::{
        Rewards, Standing, Status,
        admin::{AdminBody, AdminRequest},
    },
};
use walrus_sui::money::Amount;

use crate::{
    args::{StatusArgs, Until},
    disk,
    door::{done, socket},
    exit::{Exit, unless_interrupted},
    output::{Output, field},
    words,
    worker::line as worker_line,
};

/// How often a node is asked that is waited for.
const POLL: Duration = Duration::from_millis(500);
/// How often it is asked that is watched.
const WATCH: Duration = Duration::from_secs(1);
/// Home, and everything after it is erased: what is drawn next takes the place of what was.
const REDRAW: &str = "\x1b[H\x1b[2J";

/// Says how the node is.
pub(crate) async fn run(args: &StatusArgs, output: &Output) -> anyhow::Result<Exit> {
    let socket = socket(&args.door)?;
    if args.watch {
        return watch(args, &socket, output).await;
    }
    let waiting = wait(args, &socket);
    let status = if args.until.is_some() {
        unless_interrupted(waiting, "the node was not ready yet").await?
    } else {
        waiting.await?
    };
    output.result(&status, lines)?;
    Ok(end(args, &status))
}

/// A node that was waited for is as it was to be when it is ready and has recovered all that was queued and can be had; one that is only looked at should have no problems, either.
fn end(args: &StatusArgs, status: &Status) -> Exit {
    Exit::fine_if(match args.until {
        Some(Until::Ready) => is_ready(status),
        None => status.ready && status.problems.is_empty(),
    })
}

/// Whether a node is as it is waited for: nothing is in its way, and nothing is left to recover that can be had.
fn is_ready(status: &Status) -> bool {
    let waits = status.waits_for_recovery.unwrap_or(status.queued_blobs > 0);
    status.ready && !waits
}

async fn wait(args: &StatusArgs, socket: &Path) -> anyhow::Result<Status> {
    let begin = Instant::now();
    loop {
        let found = fetch(socket).await;
        let waits = args.until.is_some() && begin.elapsed().as_secs() < args.timeout;
        match found {
            Ok(status) if is_ready(&status) || !waits => return Ok(status),
            Err(error) if !waits => return Err(error),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

/// Until Ctrl-C, or until the node is ready if that is waited for.
async fn watch(args: &StatusArgs, socket: &Path, output: &Output) -> anyhow::Result<Exit> {
    let (begin, mut last) = (Instant::now(), None);
    let redraws = std::io::stdout().is_terminal();
    let watching = async {
        loop {
            let found = fetch(socket).await;
            let over = begin.elapsed().as_secs() >= args.timeout;
            show(&found, redraws, &mut last, output)?;
            match found {
                Ok(status) if args.until.is_some() && (is_ready(&status) || over) => {
                    return Ok(end(args, &status));
                }
                Err(error) if args.until.is_some() && over => return Err(error),
                _ => tokio::time::sleep(WATCH).await,
            }
        }
    };
    tokio::select! {
        ended = watching => ended,
        heard = tokio::signal::ctrl_c() => heard.map(|()| Exit::Fine).map_err(Into::into),
    }
}

/// Draws on a terminal; elsewhere a line, if it is not the last one again. A node that does not answer may be starting.
fn show(
    found: &anyhow::Result<Status>,
    redraws: bool,
    last: &mut Option<String>,
    output: &Output,
) -> anyhow::Result<()> {
    let text = match found {
        Ok(status) if output.is_json() => return output.result(status, lines),
        Ok(status) if redraws => format!("{REDRAW}{}", lines(status).join("\n")),
        Ok(status) => one_line(status),
        Err(error) if redraws => format!("{REDRAW}{error}"),
        Err(error) => error.to_string(),
    };
    if last.as_ref() == Some(&text) {
        return Ok(());
    }
    output.line(&text)?;
    *last = Some(text);
    Ok(())
}

fn one_line(status: &Status) -> String {
    format!(
        "{} epoch {}, shards {} of {}, events {}, {}, {} blobs queued",
        status.verdict,
        status.epoch,
        status.ready_shards,
        status.owned_shards,
        status.next_event_index,
        behind(status),
        status.queued_blobs
    )
}

async fn fetch(socket: &Path) -> anyhow::Result<Status> {
    let answer = done(socket, &AdminRequest::Status {}).await?;
    match answer.body {
        Some(AdminBody::Status(status)) => Ok(*status),
        _ => bail!("the node cannot say how it is: {}", answer.message),
    }
}

fn behind(status: &Status) -> String {
    match status.checkpoints_behind {
        Some(0) => "up to date".to_owned(),
        Some(count) => format!("{count} checkpoints behind"),
        None => "unknown".to_owned(),
    }
}

fn lines(status: &Status) -> Vec<String> {
    let mut lines = vec![
        status.verdict.clone(),
        field("name", &status.name),
        field("node ID", &status.node_id),
        field("address", &status.public_address),
        field("version", &status.version),
        field("up for", words::duration(status.uptime_secs)),
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
            format!("{} processed, {}", status.next_event_index, behind(status)),
        ),
        field("recovery", recovery(status)),
    ];
    lines.extend(queue(&status.repair_queue));
    lines.extend(status.disks.iter().map(disk::line));
    if let Some(standing) = &status.standing {
        lines.extend(standing_lines(standing));
    }
    if !status.problems.is_empty() {
        lines.push("Problems".to_owned());
        lines.extend(status.problems.iter().map(|problem| format!("  {problem}")));
    }
    if !status.workers.is_empty() {
        lines.push("Background jobs".to_owned());
    }
    lines.extend(status.workers.iter().map(worker_line));
    lines
}

fn recovery(status: &Status) -> String {
    let queued = format!("{} blobs queued", status.queued_blobs);
    match status.recovery_eta_secs {
        Some(eta) => format!("{queued}, some {} to go", words::duration(eta)),
        None => queued,
    }
}

/// The queue of recoveries by reason, its pace, and what of it nobody has.
fn queue(queue: &RepairQueue) -> Vec<String> {
    let mut lines: Vec<_> = queue
        .by_reason
        .iter()
        .map(|queued| {
            let QueuedFor {
                reason,
                blobs,
                entries,
                oldest_ms,
            } = queued;
            let oldest = words::ago(*oldest_ms);
            let text = format!("{reason}: {blobs} blobs, {entries} entries, the oldest {oldest}");
            field("queued", text)
        })
        .collect();
    if queue.entries > 0 {
        let (slivers, bytes) = (queue.slivers_per_sec, words::bytes(queue.bytes_per_sec));
        lines.push(field(
            "pace",
            format!("{slivers:.1} slivers and {bytes} a second"),
        ));
    }
    if !queue.unrecoverable.is_empty() {
        lines.push(field("nobody has", queue.unrecoverable.join(", ")));
    }
    lines
}

/// The share that the chain has, and what was set and comes later.
fn commission_rate(rewards: &Rewards) -> String {
    let now = format!("{} basis points", rewards.commission_rate);
    match rewards.next_commission_rate {
        Some(next) => format!("{now} now and {} from epoch {} on", next.rate, next.epoch),
        None => now,
    }
}

fn standing_lines(standing: &Standing) -> Vec<String> {
    let (wallet, rewards) = (&standing.wallet, &standing.rewards);
    let keys = if standing.keys.match_chain {
        "those that the chain has"
    } else {
        "others than the chain has"
    };
    let balance = Amount::sui(wallet.balance_mist);
    let low = if wallet.low { ", which is low" } else { "" };
    let mut lines = vec![
        field("keys", keys),
        field("wallet", format!("{balance}{low} ({})", wallet.address)),
        field("stake", Amount::wal(rewards.stake_frost)),
        field(
            "commission",
            format!(
                "{} to collect, at a rate of {}",
                Amount::wal(rewards.commission_frost),
                commission_rate(rewards)
            ),
        ),
    ];
    lines.extend(standing.duties.iter().map(|duty| {
        let when = duty.at_ms.map_or("now".to_owned(), words::when);
        field("next", format!("{when}: {}", duty.what))
    }));
    lines
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: StatusArgs,
    }

    #[test]
    fn a_node_is_waited_for_until_nothing_is_queued() {
        let status = |queued: u64, waits: Option<bool>| -> Status {
            let mut status = serde_json::json!({
                "verdict": "", "ready": true, "version": "", "name": "", "nodeId": "", "publicAddress": "",
                "uptimeSecs": 1, "epoch": 1, "nodeStatus": "", "ownedShards": 1, "readyShards": 1, "recoveringShards": 0,
                "readOnlyShards": 0, "nextEventIndex": 1, "checkpointsBehind": 0, "latestCheckpoint": 1,
                "queuedBlobs": queued, "workers": [],
            });
            status["waitsForRecovery"] = serde_json::json!(waits);
            serde_json::from_value(status).unwrap()
        };
        let line = |more: &[&str]| {
            let words = ["status", "--socket-path", "admin.sock"];
            Line::try_parse_from(words.iter().chain(more))
        };
        let once = line(&[]).unwrap().args;
        let waited = line(&["--until", "ready"]).unwrap().args;
        assert_eq!(end(&once, &status(6, Some(true))), Exit::Fine);
        assert_ne!(end(&waited, &status(6, Some(true))), Exit::Fine);
        assert_eq!(end(&waited, &status(0, Some(false))), Exit::Fine);
        // What nobody has stays queued, and is not waited for.
        assert_eq!(end(&waited, &status(1, Some(false))), Exit::Fine);
        // A node that does not say more has all of its queue waited for.
        assert_ne!(end(&waited, &status(1, None)), Exit::Fine);
        assert_eq!(end(&waited, &status(0, None)), Exit::Fine);
    }
}
