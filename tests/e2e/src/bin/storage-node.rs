//! Runs one storage node from a configuration file until the process is killed.

use std::path::Path;

use anyhow::Context;
use walrus_node::{NodeConfig, StorageNode};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let path = std::env::args_os()
        .nth(1)
        .context("usage: storage-node CONFIG")?;
    let config = NodeConfig::load(Path::new(&path))?;
    let _node = StorageNode::start(config).await?;
    std::future::pending().await
}
