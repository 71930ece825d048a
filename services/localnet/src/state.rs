//! Persistent state: what a network must remember to come up again where it was.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use anyhow::{Context, ensure};
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use serde::{Deserialize, Serialize};
use walrus_deploy::{Deployment, SidePackages};
use walrus_sui::{Address, wallet::replace_private};

use crate::{LocalnetOptions, directory::Kind, doors::DoorListeners, ports};

const STATE_FILE: &str = "state.json";
const STATE_VERSION: u32 = 1;

/// Written when the first committee is selected, and when a node joins or leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct State {
    version: u32,
    pub(crate) shards: u16,
    pub(crate) epoch_duration_ms: u64,
    pub(crate) deployment: Deployment,
    /// Absent in networks without them.
    #[serde(default)]
    pub(crate) side_packages: Option<SidePackages>,
    pub(crate) nodes: Vec<NodeState>,
    /// Where the aggregator and the publisher listen; other ports when somebody else has these at the next start. Absent in networks
    /// without them.
    #[serde(default)]
    pub(crate) aggregator_address: Option<SocketAddr>,
    #[serde(default)]
    pub(crate) publisher_address: Option<SocketAddr>,
    /// Where the console is, likewise.
    #[serde(default)]
    pub(crate) console_address: Option<SocketAddr>,
}

/// A node that is registered on chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NodeState {
    /// Where it listens; this address is on chain.
    pub(crate) address: SocketAddr,
    pub(crate) node_id: Address,
    pub(crate) cap_id: Address,
    /// Where its metrics are; another port when somebody else has this one at the next start. Absent in networks that were made
    /// before nodes had any.
    #[serde(default)]
    pub(crate) metrics_address: Option<SocketAddr>,
    /// Whether its stake was taken off.
    #[serde(default)]
    pub(crate) leaves: bool,
    /// Whether no committee has or had it, so that nobody needs it.
    #[serde(default)]
    pub(crate) has_left: bool,
}

impl State {
    pub(crate) fn new(
        options: &LocalnetOptions,
        epoch_duration_ms: u64,
        deployment: Deployment,
        side_packages: Option<SidePackages>,
        nodes: Vec<NodeState>,
    ) -> Self {
        Self {
            version: STATE_VERSION,
            shards: options.shards,
            epoch_duration_ms,
            deployment,
            side_packages,
            nodes,
            aggregator_address: None,
            publisher_address: None,
            console_address: None,
        }
    }

    /// Reads the state in `dir`; `None` if no network was completed there.
    ///
    /// # Errors
    /// If the network there is not the one that `options` describe.
    pub(crate) fn load(dir: &Path, options: &LocalnetOptions) -> anyhow::Result<Option<Self>> {
        let Some(state) = Self::read(dir)? else {
            return Ok(None);
        };
        let differences = state.shape()?.differences(&NetworkShape::of(options));
        ensure!(
            differences.is_empty(),
            "the network in {} has {}; it keeps these for life: ask for them or for nothing, or choose another --dir",
            dir.display(),
            differences.join(", and ")
        );
        Ok(Some(state))
    }

    /// A listener for the metrics of every node, where they were last time if that is possible.
    pub(crate) fn listen_for_metrics(&mut self, host: IpAddr) -> anyhow::Result<Vec<TcpListener>> {
        let listen = |node: &mut NodeState| {
            let listener = ports::listen_again(host, node.metrics_address)?;
            node.metrics_address = Some(listener.local_addr()?);
            Ok(listener)
        };
        self.nodes.iter_mut().map(listen).collect()
    }

    /// Listeners for the gateway and its console, where they were last time if that is possible. A publisher listens on the loopback
    /// interface, wherever the nodes are, and so does the page that uses it.
    pub(crate) fn listen_for_requests(&mut self, host: IpAddr) -> anyhow::Result<DoorListeners> {
        let aggregator = ports::listen_again(host, self.aggregator_address)?;
        let own = match host.is_loopback() {
            true => host,
            false => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let publisher = ports::listen_again(own, self.publisher_address)?;
        let console = ports::listen_again(own, self.console_address)?;
        self.aggregator_address = Some(aggregator.local_addr()?);
        self.publisher_address = Some(publisher.local_addr()?);
        self.console_address = Some(console.local_addr()?);
        Ok(DoorListeners {
            aggregator,
            publisher,
            console,
        })
    }

    fn shape(&self) -> anyhow::Result<NetworkShape> {
        let first = self.nodes.first().context("the network has no nodes")?;
        let nodes = self.nodes.iter().filter(|node| !node.has_left).count();
        Ok(NetworkShape {
            nodes: u16::try_from(nodes).context("the network has too many nodes")?,
            shards: self.shards,
            epoch_duration: Duration::from_millis(self.epoch_duration_ms),
            host: first.address.ip(),
        })
    }

    fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(STATE_FILE);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Kind::Network.unusable("read", &path, &error)),
        };
        let state: Self = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not the state of a local network", path.display()))?;
        ensure!(
            state.version == STATE_VERSION,
            "{} was written by another version ({}); this one reads version {STATE_VERSION}",
            path.display(),
            state.version
        );
        Ok(Some(state))
    }

    pub(crate) fn save(&self, dir: &Path) -> anyhow::Result<()> {
        Ok(replace_private(
            &dir.join(STATE_FILE),
            &serde_json::to_vec_pretty(self)?,
        )?)
    }
}

/// What a network has for life: the chain knows it, or knows the nodes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkShape {
    /// Number of storage nodes.
    pub nodes: u16,
    /// Number of shards.
    pub shards: u16,
    /// Length of an epoch of the storage network, in whole milliseconds.
    pub epoch_duration: Duration,
    /// Address that the nodes listen on.
    pub host: IpAddr,
}

impl NetworkShape {
    fn of(options: &LocalnetOptions) -> Self {
        let milliseconds = options.epoch_duration.as_millis();
        Self {
            nodes: options.nodes,
            shards: options.shards,
            epoch_duration: u64::try_from(milliseconds)
                .map_or(options.epoch_duration, Duration::from_millis),
            host: options.host,
        }
    }

    /// What this network has, and is asked not to have, in words.
    fn differences(&self, asked: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if (self.nodes, self.shards) != (asked.nodes, asked.shards) {
            found.push(format!(
                "{} nodes and {} shards, not {} and {}",
                self.nodes, self.shards, asked.nodes, asked.shards
            ));
        }
        if self.epoch_duration != asked.epoch_duration {
            found.push(format!(
                "epochs of {}, not {}",
                in_units(self.epoch_duration),
                in_units(asked.epoch_duration)
            ));
        }
        if self.host != asked.host {
            found.push(format!(
                "nodes at the address {}, not {}",
                self.host, asked.host
            ));
        }
        found
    }
}

/// A duration in the units that people use: `24 h`, `1 m 30 s`.
fn in_units(duration: Duration) -> String {
    SpanPrinter::new()
        .spacing(Spacing::BetweenUnitsAndDesignators)
        .unsigned_duration_to_string(&duration)
}

/// The shape of the network in `dir`; `None` if there is none yet.
///
/// # Errors
/// If what is there cannot be read.
pub fn network_shape(dir: &Path) -> anyhow::Result<Option<NetworkShape>> {
    State::read(dir)?.as_ref().map(State::shape).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_network_is_asked_to_be_and_is_not_is_named() {
        let asked = NetworkShape::of(&LocalnetOptions::default());
        assert_eq!(asked.differences(&asked), Vec::<String>::new());
        let there = NetworkShape {
            shards: 13,
            epoch_duration: Duration::from_secs(90),
            host: [127, 0, 0, 2].into(),
            ..asked
        };
        assert_eq!(
            there.differences(&asked),
            [
                "10 nodes and 13 shards, not 10 and 100",
                "epochs of 1 m 30 s, not 24 h",
                "nodes at the address 127.0.0.2, not 127.0.0.1"
            ]
        );
    }
}
