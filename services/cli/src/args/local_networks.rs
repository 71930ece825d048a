//! Arguments of the commands that run a network or a chain on this machine.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{blobs::SpoolArgs, epoch_durations::parse_epoch_duration};

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
