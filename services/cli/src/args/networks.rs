//! Arguments of the commands for networks: looking at one, paying on one, running one.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

use super::{
    amounts::{parse_frost, parse_some_mist},
    blobs::SpoolArgs,
    durations::parse_epoch_duration,
};

/// Arguments of `info`.
#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    /// Which part to show.
    #[arg(value_enum)]
    pub(crate) section: Option<InfoSection>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// The parts of `info`. Client spec 2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InfoSection {
    /// Everything.
    All,
    /// The current epoch.
    Epoch,
    /// Shards and nodes.
    Storage,
    /// Size limits.
    Size,
    /// Prices.
    Price,
    /// Fault tolerance.
    Bft,
    /// The WAL coin type.
    Coin,
    /// The storage nodes.
    Committee,
}

/// Arguments of `get-wal`.
#[derive(Debug, Args)]
pub(crate) struct GetWalArgs {
    /// The exchange; one that the configuration lists under `exchange_objects` when absent.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) exchange_id: Option<walrus_sui::Address>,
    /// How much SUI to give away, in MIST (1 SUI = 1000000000 MIST) or with a unit, such as `1.5SUI`.
    #[arg(long, value_name = "MIST", default_value_t = 500_000_000, value_parser = parse_some_mist)]
    pub(crate) amount: u64,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// The least stake, in FROST: 1 WAL.
const MIN_STAKE: u64 = 1_000_000_000;

/// Arguments of `stake`.
#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    /// The nodes; `walrus-node register` and `walrus-node status` say the ID of one.
    #[arg(long, alias = "node-id", value_name = "NODE_ID", required = true, num_args = 1..)]
    pub(crate) node_ids: Vec<walrus_sui::Address>,
    /// How much, in FROST (1 WAL = 1000000000 FROST) or with a unit, such as `1.5WAL`: one amount for all nodes, or one for each; 1 WAL is the least.
    #[arg(long, alias = "amount", value_name = "FROST", num_args = 1.., default_values_t = [MIN_STAKE], value_parser = parse_stake)]
    pub(crate) amounts: Vec<u64>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

fn parse_stake(text: &str) -> Result<u64, String> {
    match parse_frost(text)? {
        frost if frost >= MIN_STAKE => Ok(frost),
        _ => Err(format!("a stake is at least {MIN_STAKE} FROST (1 WAL)")),
    }
}

/// Arguments of `close-epoch-change`.
#[derive(Debug, Args)]
pub(crate) struct CloseEpochChangeArgs {
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// The shape of a network for a demonstration.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// Number of storage nodes, at most 256.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) nodes: u16,
    /// Number of shards, at least 4 and at least one for each node, at most 2000.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(4..=2000))]
    pub(crate) shards: u16,
    /// Length of an epoch, for example `30s`, `10m`, `24h`.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_epoch_duration)]
    pub(crate) epoch_duration: Duration,
}

/// Where a chain listens, and what is started with it.
#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address to listen on, IPv4 or IPv6; 127.0.0.1 when absent.
    #[arg(long, value_name = "IP")]
    pub(crate) host: Option<IpAddr>,
    /// Port of the chain's gRPC and gRPC-web service; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub(crate) rpc_port: u16,
    /// Port of the faucet (`POST /v2/gas`, `/v1/gas`, `/gas`); 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9123)]
    pub(crate) faucet_port: u16,
}

/// What the address of a network is for, which it keeps for life.
const NETWORK_HOST: &str = "Address to listen on, IPv4 or IPv6, at which clients find the nodes; that of the network in the \
    directory, or 127.0.0.1, when absent";

/// Arguments of `localnet`.
#[derive(Debug, Args)]
#[command(mut_arg("host", |argument| argument.help(NETWORK_HOST)))]
pub(crate) struct LocalnetArgs {
    /// What to do with a network that is up, instead of running one.
    #[command(subcommand)]
    pub(crate) command: Option<LocalnetCommand>,
    /// Number of storage nodes, at most 256; as many as the network in the directory has, or 13 for a new one, when absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) nodes: Option<u16>,
    /// Number of shards, at least 4 and at least one for each node, at most 2000; those of the network in the directory, or 100, when
    /// absent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(4..=2000))]
    pub(crate) shards: Option<u16>,
    /// Length of an epoch, for example `30s`, `10m`, `24h`; that of the network in the directory, or 24 hours, when absent.
    #[arg(long, value_name = "DURATION", value_parser = parse_epoch_duration)]
    pub(crate) epoch_duration: Option<Duration>,
    /// Where the network keeps its files; `~/.walrus/localnet` when absent. A network that is there comes up where it was.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Keep the files in a temporary directory that goes with the network; after a `kill -9` with the next one that is ephemeral.
    #[arg(long, conflicts_with = "dir")]
    pub(crate) ephemeral: bool,
    /// Where it listens.
    #[command(flatten)]
    pub(crate) listen: ListenArgs,
    /// A YAML list of blob IDs that the nodes do not serve.
    #[arg(long, value_name = "FILE")]
    pub(crate) blocklist: Option<PathBuf>,
    /// Run each node in a process of its own, whose log is in its folder under `nodes`. They end with this one.
    #[arg(long)]
    pub(crate) processes: bool,
}

/// What to do with a network that is up.
#[derive(Debug, Subcommand)]
pub(crate) enum LocalnetCommand {
    /// Add, remove, stop, start and list the nodes of a network that is up.
    #[command(after_help = "Examples:\n  \
        walrus localnet node list\n  \
        walrus localnet node add              a member after the next vote\n  \
        walrus localnet node remove node-3    stopped when nobody needs it\n  \
        walrus localnet node stop node-2 --dir /tmp/net\n\n\
        A node that is stopped keeps its shards: the others bear it as long as those are less than a third of all. \
        Epochs of a network last 24 hours if nothing else was said: --epoch-duration 1m shows nodes come and go.")]
    Node(LocalnetNodeArgs),
}

/// Arguments of `localnet node`.
#[derive(Debug, Args)]
pub(crate) struct LocalnetNodeArgs {
    /// Where the network is; `~/.walrus/localnet` when absent.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: LocalnetNodeCommand,
}

/// What to do with the nodes of a network that is up.
#[derive(Debug, Subcommand)]
pub(crate) enum LocalnetNodeCommand {
    /// Show the nodes: their IDs, whether they run, their shards.
    List,
    /// Set a node up, register it, stake on it and start it.
    Add,
    /// Take the stake off a node; it is stopped once nobody needs it.
    Remove {
        /// Its name, for example `node-3`.
        name: String,
    },
    /// Stop a node; what it stores stays.
    Stop {
        /// Its name, for example `node-3`.
        name: String,
    },
    /// Start a node that was stopped.
    Start {
        /// Its name, for example `node-3`.
        name: String,
    },
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The file to store; `-` for standard input.
    pub(crate) file: PathBuf,
    /// How large the network is.
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}
