//! Nodes of a network that is up: started side by side, stopped, started again, and watched.

use std::{fmt, net::TcpListener};

use anyhow::{Context, ensure};
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use walrus_node::NodeConfig;

use super::Localnet;
use crate::{
    LocalnetOptions, Observer, Step, files,
    hosted::{HostedNode, NodeStart},
    state::NodeState,
};

/// How many nodes start side by side.
const STARTING_AT_ONCE: usize = 16;

/// A node that failed though nobody stopped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedNode {
    /// Its place in the network.
    pub index: u16,
    /// Why, or how its process ended.
    pub reason: String,
}

impl fmt::Display for FailedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} failed: {}", self.index, self.reason)
    }
}

impl Localnet {
    /// Number of nodes, running or not.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Starts the nodes side by side: most of what a start takes is waiting for the disk.
    pub(super) async fn start_nodes(
        &mut self,
        options: &LocalnetOptions,
        listeners: Vec<TcpListener>,
        metrics: Vec<TcpListener>,
        observer: &dyn Observer,
    ) -> anyhow::Result<()> {
        let mut starts = Vec::new();
        let (mut listeners, mut metrics) = (listeners.into_iter(), metrics.into_iter());
        let known = u16::try_from(self.state.nodes.len()).context("too many nodes")?;
        for index in 0..known {
            self.nodes.push(None);
            let mut config = files::node_config(self, index)?;
            config.rest_server.extensions = !options.plain_nodes.contains(&index);
            let (rest, metrics) = (listeners.next(), metrics.next());
            let has_left = self.node_state(index)?.has_left;
            if !options.external_nodes.contains(&index) && !has_left {
                starts.push((index, config, rest, metrics));
            }
        }
        let total = u16::try_from(starts.len()).unwrap_or(u16::MAX);
        let (mut started, mut failed) = (Vec::new(), Vec::new());
        let this = &*self;
        let starts = starts
            .into_iter()
            .map(|(index, config, rest, metrics)| async move {
                let node = HostedNode::start(this.how_to_start(index, config), rest, metrics).await;
                (index, node)
            });
        let mut starting = futures::stream::iter(starts).buffer_unordered(STARTING_AT_ONCE);
        let mut done = 0;
        while let Some((index, node)) = starting.next().await {
            match node {
                Ok(node) => started.push((index, node)),
                Err(error) => failed.push((index, error)),
            }
            done += 1;
            observer.on_step(Step::NodesStarted { done, total });
        }
        drop(starting);
        // What a network bears: the others have what those have.
        let bearable = usize::from(total.saturating_sub(1)) / 3;
        if failed.len() > bearable
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        let failed = failed.into_iter().map(|(index, error)| FailedNode {
            index,
            reason: format!("{error:#}"),
        });
        self.not_started = failed.collect();
        for (index, node) in started {
            self.place(index, node);
        }
        Ok(())
    }

    fn place(&mut self, index: u16, node: HostedNode) {
        if let Some(place) = self.nodes.get_mut(usize::from(index)) {
            *place = Some(node);
        }
    }

    fn how_to_start(&self, index: u16, config: NodeConfig) -> NodeStart<'_> {
        NodeStart {
            index,
            config,
            config_path: files::node_config_path(self.path(), index),
            log: files::node_log_path(self.path(), index),
            program: self.program.as_deref(),
        }
    }

    /// Takes a new node among those of the network, and starts it.
    pub(crate) async fn join(
        &mut self,
        index: u16,
        node: NodeState,
        rest: TcpListener,
        metrics: TcpListener,
    ) -> anyhow::Result<()> {
        self.state.nodes.push(node);
        self.nodes.push(None);
        // Before it starts: it is registered, and can be started again.
        self.state.save(self.directory.path())?;
        let config = files::node_config(self, index)?;
        let start = self.how_to_start(index, config);
        let node = HostedNode::start(start, Some(rest), Some(metrics)).await?;
        self.place(index, node);
        Ok(())
    }

    /// Starts a node that was stopped. Does nothing if it is running.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_node(&mut self, index: u16) -> anyhow::Result<()> {
        let place = self.nodes.get(usize::from(index));
        ensure!(place.is_some(), "there is no node {index}");
        if place.is_some_and(Option::is_some) {
            return Ok(());
        }
        let config = files::node_config(self, index)?;
        let node = HostedNode::start(self.how_to_start(index, config), None, None).await?;
        self.place(index, node);
        Ok(())
    }

    /// Stops a node; its storage stays. Does nothing if it is not running.
    ///
    /// # Errors
    /// If a part of the node had failed before.
    pub async fn stop_node(&mut self, index: u16) -> anyhow::Result<()> {
        if let Some(node) = self
            .nodes
            .get_mut(usize::from(index))
            .and_then(Option::take)
        {
            node.shutdown().await?;
        }
        Ok(())
    }

    pub(crate) fn is_node_running(&self, index: u16) -> bool {
        let node = self.nodes.get(usize::from(index));
        node.is_some_and(Option::is_some)
    }

    /// Waits until a node fails, or its process ends, though nobody stopped it. For ever if none does. Such a node is to be
    /// stopped ([`Self::stop_node`]) before the next is waited for.
    pub async fn failed(&mut self) -> FailedNode {
        if let Some(failed) = self.not_started.pop() {
            return failed;
        }
        let running = self.nodes.iter_mut().enumerate();
        let mut failing: FuturesUnordered<_> = running
            .filter_map(|(index, node)| Some((u16::try_from(index).ok()?, node.as_mut()?)))
            .map(|(index, node)| {
                node.failed()
                    .map(move |reason| FailedNode { index, reason })
            })
            .collect();
        match failing.next().await {
            Some(failed) => failed,
            None => std::future::pending().await,
        }
    }
}
