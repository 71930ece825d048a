//! The shape of a local network.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use crate::ports::ChainPorts;

/// How large a local network is and where it lives.
#[derive(Debug, Clone)]
pub struct LocalnetOptions {
    /// Number of storage nodes.
    pub nodes: u16,
    /// Number of shards; at least 4, and at least one for each node.
    pub shards: u16,
    /// Length of an epoch of the storage network.
    pub epoch_duration: Duration,
    /// For how many epochs ahead storage can be bought.
    pub max_epochs_ahead: u32,
    /// Where files go; a temporary directory that is removed on shutdown when absent, or by the next network with one if this
    /// process is killed.
    pub dir: Option<PathBuf>,
    /// Address everything listens on.
    pub host: IpAddr,
    /// Port of the chain's gRPC service; 0 for any free one.
    pub rpc_port: u16,
    /// Port of the faucet; 0 for any free one.
    pub faucet_port: u16,
    /// A YAML list of blob IDs that the nodes do not serve.
    pub blocklist: Option<PathBuf>,
    /// Whether the packages beside the contract are published, too: an exchange of SUI for WAL, subsidies, buckets.
    pub side_packages: bool,
    /// Nodes that are registered and configured, but that somebody else starts (with the configuration in their directory).
    pub external_nodes: BTreeSet<u16>,
}

impl Default for LocalnetOptions {
    fn default() -> Self {
        Self {
            nodes: 10,
            shards: 100,
            epoch_duration: Duration::from_secs(24 * 3600),
            max_epochs_ahead: 53,
            dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rpc_port: 0,
            faucet_port: 0,
            blocklist: None,
            side_packages: true,
            external_nodes: BTreeSet::new(),
        }
    }
}

impl LocalnetOptions {
    /// Checks what the contract and the code would refuse later, with less helpful words.
    ///
    /// # Errors
    /// A sentence on what is wrong.
    pub fn validate(&self) -> anyhow::Result<()> {
        anyhow::ensure!(self.nodes > 0, "a network needs at least one node");
        anyhow::ensure!(
            self.shards >= 4,
            "{} shards cannot encode a blob; at least 4 are needed",
            self.shards
        );
        anyhow::ensure!(
            self.shards >= self.nodes,
            "{} shards are too few for {} nodes; every node needs one",
            self.shards,
            self.nodes
        );
        anyhow::ensure!(
            !self.epoch_duration.is_zero(),
            "an epoch cannot last 0 seconds"
        );
        self.ports().validate()
    }

    pub(crate) fn ports(&self) -> ChainPorts {
        ChainPorts {
            host: self.host,
            rpc: self.rpc_port,
            faucet: self.faucet_port,
        }
    }
}
