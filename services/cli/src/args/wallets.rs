//! Arguments of `health` and `generate-sui-wallet`. Client spec 2.7 and 2.8.

use std::{path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, ValueEnum};
use walrus_sui::Address;

use super::{below_home, durations::parse_some_duration};

/// Arguments of `health`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("nodes").args(["node_ids", "node_urls", "committee", "active_set"]).required(true))]
pub(crate) struct HealthArgs {
    /// These nodes.
    #[arg(long, alias = "node-id", value_name = "NODE_ID", num_args = 1..)]
    pub(crate) node_ids: Vec<Address>,
    /// Nodes of the active set by their addresses.
    #[arg(long, alias = "node-url", value_name = "URL", num_args = 1..)]
    pub(crate) node_urls: Vec<String>,
    /// The nodes of the current committee.
    #[arg(long)]
    pub(crate) committee: bool,
    /// The nodes with enough stake to be in the next committee.
    #[arg(long)]
    pub(crate) active_set: bool,
    /// Each shard, too.
    #[arg(long)]
    pub(crate) detail: bool,
    /// In which order.
    #[arg(long, value_enum, default_value_t = HealthOrder::Status)]
    pub(crate) sort_by: HealthOrder,
    /// The other way round.
    #[arg(long)]
    pub(crate) desc: bool,
    /// How many nodes are asked at the same time.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) concurrent_requests: usize,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// Orders of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum HealthOrder {
    /// Those that do not answer last.
    Status,
    /// By node ID.
    Id,
    /// By name.
    Name,
    /// By address.
    Url,
}

/// Arguments of `generate-sui-wallet`.
#[derive(Debug, Args)]
pub(crate) struct GenerateSuiWalletArgs {
    /// The wallet file to make; its key is in `sui.keystore` beside it. [default: ~/.sui/sui_config/client.yaml]
    #[arg(long, value_name = "PATH", value_parser = below_home())]
    pub(crate) path: Option<PathBuf>,
    /// The network: testnet, mainnet, devnet, localnet, or the URL of an RPC server, with that of a faucet behind a semicolon.
    #[arg(long, value_name = "NETWORK", default_value = "testnet")]
    pub(crate) sui_network: String,
    /// Ask the faucet of the network for SUI.
    #[arg(long)]
    pub(crate) use_faucet: bool,
    /// How long to wait for the SUI.
    #[arg(long, value_name = "DURATION", default_value = "1min", value_parser = parse_some_duration)]
    pub(crate) faucet_timeout: Duration,
}
