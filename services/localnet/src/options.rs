//! Options: the shape of a local network.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU64,
    path::PathBuf,
    time::Duration,
};

use walrus_sui::money::Amount;

use crate::ports::ChainPorts;

/// FROST that a test network stakes on each node. Contracts spec 12.2.
pub const STAKE_PER_NODE: u64 = 1_000 * 1_000_000_000;

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
    /// FROST that must be staked with a node before it can become a member of the committee; the nodes of the network have
    /// [`STAKE_PER_NODE`]. Without it, somebody who registers many nodes with next to no stake takes most of the shards of a
    /// network as small as this one.
    pub threshold_stake: u64,
    /// Where files go; a temporary directory that is removed on shutdown when absent, or by the next network with one if this
    /// process is killed.
    pub dir: Option<PathBuf>,
    /// Address everything listens on, and at which the nodes are registered.
    pub host: IpAddr,
    /// Port of the chain's gRPC service; 0 for any free one.
    pub rpc_port: u16,
    /// Port of the faucet; 0 for any free one.
    pub faucet_port: u16,
    /// A YAML list of blob IDs that the nodes do not serve.
    pub blocklist: Option<PathBuf>,
    /// Checkpoints in an event blob; as many as in public networks when absent, which a local one hardly ever has.
    pub event_blob_checkpoints: Option<NonZeroU64>,
    /// Whether the packages beside the contract are published, too: an exchange of SUI for WAL, subsidies, buckets.
    pub side_packages: bool,
    /// Whether an aggregator and a publisher are started, too.
    pub gateway: bool,
    /// Nodes that are registered and configured, but that somebody else starts (with the configuration in their directory).
    pub external_nodes: BTreeSet<u16>,
    /// Nodes that offer no extension of the API until they are started again, as nodes of others do.
    pub plain_nodes: BTreeSet<u16>,
    /// The program `walrus-node`, or one that is it when it is called so: runs each node in a process of its own. Absent: the
    /// nodes are in this one.
    pub processes: Option<PathBuf>,
}

impl Default for LocalnetOptions {
    fn default() -> Self {
        Self {
            nodes: 10,
            shards: 100,
            epoch_duration: Duration::from_secs(24 * 3600),
            max_epochs_ahead: 53,
            threshold_stake: STAKE_PER_NODE / 2,
            dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rpc_port: 0,
            faucet_port: 0,
            blocklist: None,
            event_blob_checkpoints: None,
            side_packages: true,
            gateway: false,
            external_nodes: BTreeSet::new(),
            plain_nodes: BTreeSet::new(),
            processes: None,
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
            self.threshold_stake <= STAKE_PER_NODE,
            "the nodes have a stake of {}, less than the {} that members need",
            Amount::wal(STAKE_PER_NODE),
            Amount::wal(self.threshold_stake)
        );
        anyhow::ensure!(
            !self.epoch_duration.is_zero(),
            "an epoch cannot last 0 seconds"
        );
        anyhow::ensure!(
            !self.host.is_unspecified(),
            "{} is every address of this machine, and none at which clients find the nodes: their address is written on the \
             chain; name one of the machine's with --host",
            self.host
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
