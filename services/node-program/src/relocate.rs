//! Move: `walrus-node move`, the storage of a node into another directory, or to another machine.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use walrus_node::{
    NodeConfig,
    operator::relocation::{
        Moved, RelocationError, Sending, finish, relocate, relocate_ahead, tombstone,
    },
};
use walrus_sui::Address;

use crate::{
    args::MoveArgs,
    config_file::set_storage_path,
    doctor::runs,
    drain::node_id,
    exit::{Interrupted, Refused, unless_interrupted},
    output::{Output, field},
    stopped, words,
};

/// What a move ends with that was made ahead.
const RUNS_HERE: &str = "the node runs here yet; stop it, and give the same command again";

pub(crate) async fn run(args: &MoveArgs, output: &Output) -> anyhow::Result<()> {
    let config = NodeConfig::load(&args.config.config_path)?;
    if args.to.starts_with("https://") {
        return to_machine(args, &config, output).await;
    }
    to_directory(args, &config, output).await
}

async fn to_directory(args: &MoveArgs, config: &NodeConfig, output: &Output) -> anyhow::Result<()> {
    let path = &args.config.config_path;
    let to = std::path::absolute(&args.to).context("the path of --to")?;
    if runs(config).await {
        return ahead_to_directory(args, config, &to, output).await;
    }
    stopped::no_node(config).await?;
    // What is left of one that was cut off behind the tombstone.
    let done = tombstone(&config.storage_path)?.is_some_and(|moved| moved.to == to);
    let moved = if done {
        if args.consent.yes {
            finish(&to)?;
        }
        Moved::default()
    } else {
        copy(args, config, &to, relocate).await?
    };
    if args.consent.yes {
        set_storage_path(path, &config.storage_path, &to).context(
            "the storage is moved, but the configuration does not say so: name the new directory in storage_path",
        )?;
    }
    let headline = if args.consent.yes {
        "The storage is moved, and the configuration names the new directory. The old one can be removed."
    } else {
        "This would be copied; --yes does it."
    };
    output.result(&moved, |moved| {
        let mut lines = lines(headline, &args.to, moved);
        if moved.backups_left > 0 {
            lines.push(format!(
                "{} backups stay in the old directory: they share files with the storage, and files cannot be shared in the new one. Make a new backup.",
                moved.backups_left
            ));
        }
        lines
    })
}

/// While the node runs, its segments are copied ahead.
async fn ahead_to_directory(
    args: &MoveArgs,
    config: &NodeConfig,
    to: &Path,
    output: &Output,
) -> anyhow::Result<()> {
    let moved = copy(args, config, to, relocate_ahead).await?;
    if !args.consent.yes {
        let headline = "The node runs: this would be copied ahead; --yes does it.";
        return output.result(&moved, |moved| lines(headline, &args.to, moved));
    }
    let headline = "The segments were copied ahead. Stop the node, and give the same command again: it copies the rest.";
    output.result(&moved, |moved| lines(headline, &args.to, moved))?;
    Err(Interrupted(RUNS_HERE).into())
}

fn lines(headline: &str, to: &str, moved: &Moved) -> Vec<String> {
    vec![
        headline.to_owned(),
        field("to", to),
        field("files", moved.files),
        field("size", words::bytes(moved.bytes)),
        field("there before", format!("{} files", moved.kept)),
    ]
}

/// While the node runs its segments are sent ahead; once it is stopped, the rest, and the new place is the node's.
async fn to_machine(args: &MoveArgs, config: &NodeConfig, output: &Output) -> anyhow::Result<()> {
    let running = runs(config).await;
    let sending = Sending {
        disks: config.disk_paths(),
        node_id: node_id(config).await?,
        to: args.to.trim_end_matches('/').to_owned(),
        key: Arc::new(config.network_key()?),
    };
    if !running {
        stopped::no_node(config).await?;
    }
    if !args.consent.yes {
        let size = sending.size().await?;
        let headline = "This would be sent, but for what is there already; --yes does it.";
        return output.result(&size, |size| lines(headline, &sending.to, size));
    }
    let send = async {
        let sent = if running {
            sending.ahead().await
        } else {
            sending.all().await
        };
        sent.map_err(refused)
    };
    let then =
        "the old place is still the node's, unless moved.json is there; the same command goes on";
    let moved = unless_interrupted(send, then).await?;
    let headline = if running {
        "The segments were sent ahead. Stop the node, and give the same command again: it sends the rest."
    } else {
        "The storage is moved, and no node starts here any more. `walrus-node run` on the other machine starts it there."
    };
    output.result(&moved, |moved| lines(headline, &sending.to, moved))?;
    if running {
        return Err(Interrupted(
            "the node runs here yet; stop it, and give the same command again",
        )
        .into());
    }
    Ok(())
}

fn refused(error: RelocationError) -> anyhow::Error {
    if error.is_refusal() {
        return Refused(error.to_string()).into();
    }
    error.into()
}

async fn copy(
    args: &MoveArgs,
    config: &NodeConfig,
    to: &Path,
    how: fn(&Path, &Path, Address, bool) -> Result<Moved, RelocationError>,
) -> anyhow::Result<Moved> {
    stopped::whole(&config.storage_path)?;
    let node_id = node_id(config).await?;
    let (from, target, really) = (config.storage_path.clone(), to.to_owned(), args.consent.yes);
    let moving = move || how(&from, &target, node_id, really);
    let moving = async { Ok(tokio::task::spawn_blocking(moving).await?) };
    let then = "the old place is still the node's; the same command goes on";
    unless_interrupted(moving, then).await?.map_err(refused)
}
