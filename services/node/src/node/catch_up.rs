//! Catching up alone: a node that processes events and serves nobody. Node spec 6.3.

use std::{sync::Arc, time::Duration};

use anyhow::bail;
use tokio::{sync::watch, time::Instant};

use super::{prepare::PreparedNode, workers::start_events};
use crate::{config::NodeConfig, limits::CHAIN_POLL, parts::Parts};

/// How far events are processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaughtUp {
    /// The first checkpoint that is not processed.
    pub next_checkpoint: u64,
    /// The newest checkpoint of the chain when it was begun with.
    pub target: u64,
}

impl CaughtUp {
    /// Whether the node is where the chain was when it began.
    pub fn is_done(&self) -> bool {
        self.next_checkpoint > self.target
    }
}

impl PreparedNode {
    /// Processes events up to the newest checkpoint of now, or for as long as `longest` says, and ends. Nothing is recovered, and
    /// nobody is served meanwhile.
    ///
    /// # Errors
    /// If the storage or the chain is not usable, or events cannot be processed.
    pub async fn catch_up(self, longest: Option<Duration>) -> anyhow::Result<CaughtUp> {
        let Self {
            config,
            findings,
            links,
            surroundings,
        } = self;
        let target = links.reader.chain().latest_checkpoint().await?;
        let storage = surroundings.open_storage(&config).await?;
        let parts = links.parts(&config, storage, findings, surroundings);
        let began = Arc::new(watch::Sender::new(0));
        let started = start_events(&config, &parts, &links.reader, began).await;
        let reached = match started {
            Ok(()) => until(&config, &parts, target, longest).await,
            Err(error) => Err(error),
        };
        parts.close().await?;
        reached
    }
}

/// Waits until the events are processed up to `target`, or the time is over.
async fn until(
    config: &NodeConfig,
    parts: &Parts,
    target: u64,
    longest: Option<Duration>,
) -> anyhow::Result<CaughtUp> {
    let end = longest.map(|longest| Instant::now() + longest);
    loop {
        let cursor = parts.storage.cursor()?.unwrap_or_default();
        let reached = CaughtUp {
            next_checkpoint: cursor.next.checkpoint,
            target,
        };
        if reached.is_done() || end.is_some_and(|end| Instant::now() >= end) {
            return Ok(reached);
        }
        tokio::select! {
            failed = parts.runner.failed() => {
                bail!("events of {} are not processed any further: {failed}", config.name)
            }
            () = tokio::time::sleep(CHAIN_POLL) => {}
        }
    }
}
