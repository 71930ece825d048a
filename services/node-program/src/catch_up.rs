//! Catch-up: `walrus-node catchup`, the events alone.

use std::time::Duration;

use serde::Serialize;
use walrus_node::{NodeConfig, PreparedNode};

use crate::{
    args::CatchUpArgs,
    doctor::runs,
    exit::{Exit, Refused, unless_interrupted},
    output::{Output, field},
    stopped,
};

/// How far it got.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reached {
    next_checkpoint: u64,
    target: u64,
    done: bool,
}

pub(crate) async fn run(args: &CatchUpArgs, output: &Output) -> anyhow::Result<Exit> {
    let config = NodeConfig::load(&args.config.config_path)?;
    if runs(&config).await {
        return Err(Refused("the node runs, and catches up by itself".to_owned()).into());
    }
    stopped::storage(&config).await?;
    let longest = args.runtime_duration.map(Duration::from_secs);
    let catching_up = async {
        let prepared = PreparedNode::new(config).await?;
        prepared.catch_up(longest).await
    };
    let then = "what is processed stays so; the same command goes on";
    let reached = unless_interrupted(catching_up, then).await?;
    let reached = Reached {
        next_checkpoint: reached.next_checkpoint,
        target: reached.target,
        done: reached.is_done(),
    };
    output.result(&reached, |reached| {
        let headline = if reached.done {
            "The events are processed up to where the chain was."
        } else {
            "The time is over; the same command goes on."
        };
        vec![
            headline.to_owned(),
            field("next", format!("checkpoint {}", reached.next_checkpoint)),
            field("chain", format!("checkpoint {}", reached.target)),
        ]
    })?;
    Ok(Exit::fine_if(reached.done))
}
