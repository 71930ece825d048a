//! Rejoin: `walrus-node rejoin`, how a node that was away gets back.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use serde::Serialize;
use walrus_node::{
    NodeConfig,
    operator::rejoin::{Gap, Way, set_aside, survey},
};

use crate::{
    args::RejoinArgs,
    doctor::runs,
    exit::{Exit, Refused},
    output::{Output, field},
    stopped, words,
};

/// What was found, and what was done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejoined {
    #[serde(flatten)]
    gap: Gap,
    /// Whether the node will begin anew.
    fresh: bool,
    /// Whether the tables are set aside.
    done: bool,
}

pub(crate) async fn run(args: &RejoinArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.config.config_path)?;
    if runs(&config).await {
        let says =
            "the node runs, and gets back by itself; `walrus-node status` says how far it is";
        return Err(Refused(says.to_owned()).into());
    }
    stopped::storage(&config).await?;
    let gap = survey(&config).await?;
    if gap.way == Way::OtherChain {
        let says = format!(
            "the node has processed checkpoints up to {}, and the chain has only {}: it is another network",
            gap.next_checkpoint.saturating_sub(1),
            gap.latest_checkpoint
        );
        return Err(Refused(says).into());
    }
    let agreed = args.fresh && !args.dry_run && (args.yes || asks(output)?);
    if agreed {
        set_aside(&config.storage_path)?;
    }
    let is_missing = gap.way == Way::Missing;
    let rejoined = Rejoined {
        gap,
        fresh: args.fresh,
        done: agreed,
    };
    output.result(&rejoined, lines)?;
    Ok(Exit::fine_if(agreed || !is_missing))
}

/// Asks whoever sits at the terminal, once.
fn asks(output: &Output) -> anyhow::Result<bool> {
    if output.is_json() || !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    let mut err = std::io::stderr();
    write!(
        err,
        "Set the tables aside, and begin with what is left of the history? [y/N] "
    )?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn lines(rejoined: &Rejoined) -> Vec<String> {
    let gap = &rejoined.gap;
    let headline = match (rejoined.done, rejoined.fresh, gap.way) {
        (true, ..) => {
            "The tables are set aside. Start the node: it begins with what is left of the history, and keeps its slivers."
        }
        (false, true, _) => {
            "The tables would be set aside; the node would begin with what is left of the history, and keep its slivers. --yes does it."
        }
        (false, false, Way::UpToDate) => "The node has missed nothing. Start it.",
        (false, false, Way::Chain) => "The chain has all that the node has missed. Start it.",
        (false, false, Way::EventBlobs) => {
            "The chain has less than the node has missed, and event blobs have the rest. Start it."
        }
        (false, false, Way::Missing | Way::OtherChain) => {
            "Neither the chain nor event blobs have all that the node has missed. Name a server with more history in sui.rpc, wait for the \
             next event blob, or begin with what is left: --fresh"
        }
    };
    let event_blob = match (&gap.event_blob, gap.event_blob_ends) {
        (Some(blob_id), Some(last)) => format!("{blob_id}, up to checkpoint {last}"),
        _ => "none".to_owned(),
    };
    vec![
        headline.to_owned(),
        field(
            "processed",
            match gap.next_checkpoint.checked_sub(1) {
                Some(last) => format!("up to checkpoint {last}, in epoch {}", gap.event_epoch),
                None => "nothing".to_owned(),
            },
        ),
        field(
            "chain",
            format!(
                "checkpoints {} to {}, epoch {}",
                gap.lowest_checkpoint, gap.latest_checkpoint, gap.epoch
            ),
        ),
        field("event blob", event_blob),
        field(
            "missed",
            format!(
                "{} checkpoints{}, {} epochs{}",
                gap.missed_checkpoints,
                gap.estimated_secs.map_or(String::new(), |seconds| format!(
                    " (about {} to read)",
                    words::duration(seconds)
                )),
                gap.missed_epochs,
                if gap.missed_epochs > 1 {
                    "; every sliver is looked at again"
                } else {
                    ""
                }
            ),
        ),
    ]
}
