//! Move: `walrus-node move`, the storage of a node that does not run into another directory.

use std::path::Path;

use anyhow::Context;
use walrus_node::{
    NodeConfig,
    operator::relocation::{Moved, finish, relocate, tombstone},
};

use crate::{
    args::MoveArgs,
    config_file::set_storage_path,
    doctor::runs,
    drain::node_id,
    exit::{Refused, unless_interrupted},
    output::{Output, field},
    words,
};

pub(crate) async fn run(args: &MoveArgs, output: &Output) -> anyhow::Result<()> {
    let path = &args.config.config_path;
    let config = NodeConfig::load(path)?;
    let to = std::path::absolute(&args.to).context("the path of --to")?;
    if runs(&config).await {
        return Err(Refused("the node runs; stop it first".to_owned()).into());
    }
    // What is left of one that was cut off behind the tombstone.
    let done = tombstone(&config.storage_path)?.is_some_and(|moved| moved.to == to);
    let moved = if done {
        if args.yes {
            finish(&to)?;
        }
        Moved::default()
    } else {
        copy(args, &config, &to).await?
    };
    if args.yes {
        set_storage_path(path, &config.storage_path, &to).context(
            "the storage is moved, but the configuration does not say so: name the new directory in storage_path",
        )?;
    }
    output.result(&moved, |moved| {
        let headline = if args.yes {
            "The storage is moved, and the configuration names the new directory. The old one can be removed."
        } else {
            "This would be copied; --yes does it."
        };
        vec![
            headline.to_owned(),
            field("to", to.display()),
            field("files", moved.files),
            field("size", words::bytes(moved.bytes)),
        ]
    })
}

async fn copy(args: &MoveArgs, config: &NodeConfig, to: &Path) -> anyhow::Result<Moved> {
    let node_id = node_id(config).await?;
    let (from, target, really) = (config.storage_path.clone(), to.to_owned(), args.yes);
    let moving = move || relocate(&from, &target, node_id, really);
    let moving = async { Ok(tokio::task::spawn_blocking(moving).await?) };
    let then = "the old place is still the node's; the same command goes on";
    match unless_interrupted(moving, then).await? {
        Err(error) if error.is_refusal() => Err(Refused(error.to_string()).into()),
        moved => Ok(moved?),
    }
}
