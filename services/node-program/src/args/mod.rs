//! Command line: verbs and options.

mod operating;

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use walrus_node::operator::{KeyFormat, KeyKind};
use walrus_sui::Address;

pub(crate) use self::operating::*;
use crate::size::Size;

const EXAMPLES: &str = "\
Examples, from nothing to a node of the network that `walrus localnet` runs on this machine:
  walrus-node setup --config-directory node --storage-path node/data \\
      --network-json ~/.walrus/localnet/network.json --use-faucet \\
      --public-host 127.0.0.1 --name mine
  walrus-node register --config-path node/walrus-node.yaml
  walrus-node run --config-path node/walrus-node.yaml
  walrus-node status --config-path node/walrus-node.yaml   (another terminal)

Exit status: 0 fine, 1 failed, 2 wrong arguments, 3 problems found and left, 4 refused because it would not be safe, \
5 interrupted and can be gone on with.";

/// Sets a Walrus storage node up, registers it, runs it, says how it is.
#[derive(Debug, Parser)]
#[command(name = crate::NAME, version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make keys, a wallet and a configuration in a directory of their own.
    #[command(after_help = "\
Examples:
  walrus-node setup --config-directory /etc/walrus \\
      --storage-path /var/lib/walrus \\
      --public-host node.example.com --name example
  walrus-node setup --config-directory node --storage-path node/data \\
      --network-json network.json --use-faucet \\
      --public-host 127.0.0.1 --name mine")]
    Setup(SetupArgs),
    /// Write a configuration for keys and a wallet that exist.
    #[command(after_help = "\
Example:
  walrus-node generate-config --config-path node.yaml --storage-path data \\
      --protocol-key-path protocol.key --network-key-path network.key \\
      --wallet-config sui_config.yaml \\
      --public-host node.example.com --name example")]
    GenerateConfig(GenerateConfigArgs),
    /// Register the configured node as a candidate; the wallet pays gas. The configuration then names the node's capability.
    #[command(
        after_help = "Example:\n  walrus-node register --config-path /etc/walrus/walrus-node.yaml"
    )]
    Register(RegisterArgs),
    /// Run the configured node until SIGTERM or SIGINT.
    #[command(
        after_help = "Example:\n  walrus-node run --config-path /etc/walrus/walrus-node.yaml"
    )]
    Run(RunArgs),
    /// Say how the node is that runs with this configuration; exit status 3 if it is not ready or something is wrong.
    #[command(after_help = "\
Examples:
  walrus-node status --config-path walrus-node.yaml --watch
  walrus-node status --config-path /etc/walrus/walrus-node.yaml
  walrus-node status --config-path node.yaml --until ready   waits, for scripts
  walrus-node status --socket-path /var/lib/walrus/admin.sock --json")]
    Status(StatusArgs),
    /// List a running node's background jobs, pause and throttle them; what is set stays set over restarts.
    #[command(after_help = "\
Examples:
  walrus-node worker list --config-path walrus-node.yaml
  walrus-node worker set recovery --throttle 3 --config-path walrus-node.yaml")]
    Worker(WorkerArgs),
    /// Check what the node needs, before it starts or while it runs: clock, names, ports, keys, certificate, wallet, room, chain.
    #[command(after_help = "Example:\n  walrus-node doctor --config-path walrus-node.yaml")]
    Doctor(ConfigPathArgs),
    /// Look for what the node should hold and does not, and queue it for recovery from its peers.
    #[command(after_help = "\
Examples:
  walrus-node repair --all-missing --config-path walrus-node.yaml
  walrus-node repair --blob BLOB_ID --explain --config-path walrus-node.yaml")]
    Repair(RepairArgs),
    /// Read everything that is stored, slowly, to find damage; by itself once a month.
    #[command(after_help = "\
Examples:
  walrus-node scrub start --config-path walrus-node.yaml
  walrus-node scrub start --deep --config-path walrus-node.yaml
  walrus-node scrub set --rate 50M --config-path walrus-node.yaml")]
    Scrub(ScrubArgs),
    /// Check whether the index and the files of slivers agree; exit status 3 if they do not.
    #[command(after_help = "\
Examples:
  walrus-node fsck --config-path walrus-node.yaml
  walrus-node fsck --offline --fix --config-path walrus-node.yaml")]
    Fsck(FsckArgs),
    /// List the disks, take one in, or give one up.
    #[command(after_help = "\
Examples:
  walrus-node disk list --config-path walrus-node.yaml
  walrus-node disk add /mnt/two --config-path walrus-node.yaml --yes
  walrus-node disk remove /mnt/two --config-path walrus-node.yaml --yes

Without --yes, add and remove only say what they would do.")]
    Disk(DiskArgs),
    /// Say whether the node may be shut down for good, and if not, from when on (exit status 4); or move what is on a disk to the
    /// others.
    #[command(after_help = "\
Examples:
  walrus-node drain --node --config-path walrus-node.yaml
  walrus-node drain --disk /mnt/two --config-path walrus-node.yaml")]
    Drain(DrainArgs),
    /// Make, list, check and restore backups of what the node stores. Keys, wallet and configuration are in them only with --with-keys.
    #[command(after_help = "\
Examples:
  walrus-node backup create --config-path walrus-node.yaml
  walrus-node backup create --path /mnt/other/backups \\
      --config-path walrus-node.yaml
  walrus-node backup verify --config-path walrus-node.yaml
  walrus-node backup restore --config-path walrus-node.yaml --yes")]
    Backup(BackupArgs),
    /// Restore a backup into a storage directory, with the node stopped.
    Restore(RestoreArgs),
    /// List the backups in a directory.
    ListDbCheckpoint {
        /// The directory.
        path: PathBuf,
    },
    /// Move the storage of a node into another directory, or to another machine. No node starts in the old place any more.
    #[command(after_help = "\
Examples:
  walrus-node move --to /new/disk --config-path walrus-node.yaml
  walrus-node move --to /new/disk --config-path walrus-node.yaml --yes

  walrus-node move --to https://new.example.com:9186 --yes \\
      --config-path walrus-node.yaml

Without --yes it only says what would be copied. One that was interrupted goes
on with the same command. While the node runs, most is copied (exit status 5),
and the rest when the command is given again with the node stopped. On another
machine `walrus-node receive` listens.")]
    Move(MoveArgs),
    /// Take in the storage that `walrus-node move --to https://HOST:PORT` sends from another machine. Both have the same network key.
    #[command(after_help = "\
Example:
  walrus-node receive --listen 0.0.0.0:9186 --config-path walrus-node.yaml")]
    Receive(ReceiveArgs),
    /// Process the events that a stopped node has missed, and end; nothing is served or recovered meanwhile.
    #[command(name = "catchup", hide = true)]
    CatchUp(CatchUpArgs),
    /// Say how far a node that was stopped for long is behind, and how it gets back; exit status 3 if it cannot, yet.
    #[command(after_help = "\
Examples:
  walrus-node rejoin --config-path walrus-node.yaml
  walrus-node rejoin --fresh --yes --config-path walrus-node.yaml

With --fresh the node begins anew with what is left of the history, as a node
without tables does, and keeps its slivers. Without --yes it asks, or only says
what it would do where there is nobody to ask.")]
    Rejoin(RejoinArgs),
    /// Gather what helps others to help: status, configuration without secrets, checks, versions.
    #[command(after_help = "\
Examples:
  walrus-node report --config-path walrus-node.yaml
  walrus-node report --config-path walrus-node.yaml --out report.tar --yes

Without --yes it only says what would be in it.")]
    Report(ReportArgs),
    /// Make a key, or convert one to another format.
    #[command(after_help = "\
Examples:
  walrus-node key-gen --key-type protocol --out protocol.key
  walrus-node key-gen --key-type network --format tagged \\
      --convert network.pem --out network.key")]
    KeyGen(KeyGenArgs),
    /// Steer a running node through its admin socket.
    #[command(after_help = "\
Examples:
  walrus-node local-admin --socket-path admin.sock log-level --level debug
  walrus-node local-admin --config-path node.yaml worker recovery pause")]
    LocalAdmin(LocalAdminArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// Directory for keys, wallet and configuration; new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) config_directory: PathBuf,
    /// Ask the network's faucet for gas.
    #[arg(long)]
    pub(crate) use_faucet: bool,
    /// How many seconds to wait for the faucet.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(crate) faucet_timeout: u64,
    /// A network key that exists, instead of a new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) network_key_path: Option<PathBuf>,
    /// Somebody else registers the node: write the parameters and the proof of possession for this address.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) registering_third_party: Option<Address>,
    /// The epoch in which they do that.
    #[arg(long, default_value_t = 0, requires = "registering_third_party")]
    pub(crate) registration_epoch: u32,
    /// Use the directory although it is not empty. Keys and wallets that are there are kept and used.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) node: NewNodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateConfigArgs {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_path: PathBuf,
    /// The BLS key.
    #[arg(long, value_name = "FILE")]
    pub(crate) protocol_key_path: PathBuf,
    /// The P-256 key.
    #[arg(long, value_name = "FILE")]
    pub(crate) network_key_path: PathBuf,
    /// The Sui wallet that pays for transactions.
    #[arg(long, value_name = "FILE")]
    pub(crate) wallet_config: PathBuf,
    /// Overwrite the file.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) node: NewNodeArgs,
}

/// What a configuration is written from, however its keys came about.
#[derive(Debug, Args)]
pub(crate) struct NewNodeArgs {
    /// Directory for everything the node stores.
    #[arg(long, value_name = "DIR")]
    pub(crate) storage_path: PathBuf,
    #[command(flatten)]
    pub(crate) network: NetworkArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Which network the node is for.
#[derive(Debug, Args)]
pub(crate) struct NetworkArgs {
    /// `testnet`, `mainnet`, or the URL of an RPC server, followed by `;` and the URL of a faucet if there is one.
    #[arg(long, value_name = "NETWORK", default_value = "testnet")]
    pub(crate) sui_network: String,
    /// The description of a network, as `walrus localnet` writes it, instead of --sui-network and the objects.
    #[arg(long, value_name = "FILE", conflicts_with = "sui_network")]
    pub(crate) network_json: Option<PathBuf>,
    /// URL of the RPC server.
    #[arg(long, value_name = "URL")]
    pub(crate) sui_rpc: Option<String>,
    /// The contract's system object.
    #[arg(long, value_name = "ID")]
    pub(crate) system_object: Option<Address>,
    /// The contract's staking object.
    #[arg(long, value_name = "ID")]
    pub(crate) staking_object: Option<Address>,
}

/// What goes into the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Display name, at most 100 bytes.
    #[arg(long)]
    pub(crate) name: String,
    /// Name or address under which others reach the node, without a port.
    #[arg(long, value_name = "HOST")]
    pub(crate) public_host: String,
    /// Port under which others reach the node.
    #[arg(long, value_name = "PORT", default_value_t = 9185)]
    pub(crate) public_port: u16,
    /// Address to listen on; 0.0.0.0 and the public port if it is not said.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) rest_api_address: Option<SocketAddr>,
    /// Address on which metrics are served.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9184")]
    pub(crate) metrics_address: SocketAddr,
    /// PEM chain with the network key; a self-signed certificate is made without it.
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate_path: Option<PathBuf>,
    /// What the node offers: bytes, or with a suffix as in 500G or 2TiB.
    #[arg(long, value_name = "SIZE", default_value = "250G")]
    pub(crate) node_capacity: Size,
    /// Vote: FROST per MiB and epoch.
    #[arg(long, value_name = "FROST", default_value_t = 100_000)]
    pub(crate) storage_price: u64,
    /// Vote: FROST per MiB.
    #[arg(long, value_name = "FROST", default_value_t = 20_000)]
    pub(crate) write_price: u64,
    /// Share of the stake's reward, in basis points.
    #[arg(long, value_name = "BASIS_POINTS", default_value_t = 6000, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub(crate) commission_rate: u16,
    /// Logo.
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) image_url: String,
    /// Site of the operator.
    #[arg(long, value_name = "URL", default_value = "")]
    pub(crate) project_url: String,
    /// Text.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) description: String,
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_path: PathBuf,
    /// Register although the wallet owns a capability.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_path: PathBuf,
    /// Delete what the node has stored before it starts.
    #[arg(long)]
    pub(crate) cleanup_storage: bool,
    /// Has no effect.
    #[arg(long, hide = true)]
    pub(crate) ignore_sync_failures: bool,
    /// Stop, too, when standard input ends: with the program that started this one.
    #[arg(long)]
    pub(crate) until_input_ends: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigPathArgs {
    /// The configuration.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_path: PathBuf,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DoorArgs {
    /// The configuration that the node runs with.
    #[arg(long, value_name = "FILE")]
    pub(crate) config_path: Option<PathBuf>,
    /// The node's admin socket.
    #[arg(long, value_name = "FILE")]
    pub(crate) socket_path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    #[command(flatten)]
    pub(crate) door: DoorArgs,
    /// Wait until the node is ready: all of its shards are there, it takes more, and nothing waits for recovery but what nobody has or what may still be uploaded.
    #[arg(long, value_name = "STATE")]
    pub(crate) until: Option<Until>,
    /// For how many seconds at most.
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        requires = "until"
    )]
    pub(crate) timeout: u64,
    /// Say it again each second: on a terminal in place, elsewhere a line whenever something changed.
    #[arg(long)]
    pub(crate) watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Until {
    /// All events are processed, and all shards are there.
    Ready,
}

#[derive(Debug, Args)]
pub(crate) struct KeyGenArgs {
    /// Which key.
    #[arg(long, value_name = "TYPE", value_enum)]
    pub(crate) key_type: KeyTypeArg,
    /// The file to write; `protocol.key` or `network.key` if it is not said.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How to write it; protocol keys are always tagged, network keys PKCS#8 if it is not said.
    #[arg(long, value_enum)]
    pub(crate) format: Option<FormatArg>,
    /// Take the key of this file instead of a new one.
    #[arg(long, value_name = "FILE")]
    pub(crate) convert: Option<PathBuf>,
    /// Overwrite the file.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyTypeArg {
    /// BLS: signs confirmations.
    Protocol,
    /// P-256: the key of the TLS certificate.
    Network,
}

impl From<KeyTypeArg> for KeyKind {
    fn from(arg: KeyTypeArg) -> Self {
        match arg {
            KeyTypeArg::Protocol => Self::Protocol,
            KeyTypeArg::Network => Self::Network,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// Base64 of the scheme's byte and the secret.
    Tagged,
    /// PKCS#8 in PEM.
    Pkcs8,
}

impl From<FormatArg> for KeyFormat {
    fn from(arg: FormatArg) -> Self {
        match arg {
            FormatArg::Tagged => Self::Tagged,
            FormatArg::Pkcs8 => Self::Pkcs8,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct LocalAdminArgs {
    #[command(flatten)]
    pub(crate) door: DoorArgs,
    #[command(subcommand)]
    pub(crate) command: LocalAdminCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LocalAdminCommand {
    /// Set what the node logs.
    LogLevel {
        /// Directives as in RUST_LOG, for example `info` or `walrus_node=debug`.
        #[arg(long)]
        level: String,
    },
    /// Make a backup, or cancel the one that is made.
    Checkpoint {
        #[command(subcommand)]
        command: CheckpointArgs,
    },
    /// Pause, resume or throttle a background job; `status` lists them.
    Worker {
        /// Its name.
        name: String,
        #[command(subcommand)]
        command: WorkerSteering,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointArgs {
    /// Make one.
    Create {
        /// A directory other than the configured one.
        #[arg(long, value_name = "DIR")]
        path: Option<PathBuf>,
        /// After so many seconds.
        #[arg(long, value_name = "SECONDS")]
        delay_secs: Option<u64>,
    },
    /// Do not make the one that is ordered or under way.
    Cancel,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerSteering {
    /// Let it pause once its step ends.
    Pause,
    /// Let it go on.
    Resume,
    /// Let it pause after each step.
    Throttle {
        /// For so many times as long as the step took; 0 is full speed.
        factor: u32,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn with_subcommands(command: &clap::Command) -> Vec<&clap::Command> {
        let inner = command.get_subcommands().flat_map(with_subcommands);
        inner.chain([command]).collect()
    }

    #[test]
    fn what_cannot_be_meant_is_a_wrong_argument() {
        for line in [
            "repair --all-missing --explain --config-path n.yaml",
            "repair --shard 3 --explain --config-path n.yaml",
            "scrub set --rate 0 --config-path n.yaml",
            "disk add /d --yes --dry-run --config-path n.yaml",
            "backup create --with-keys nobody --config-path n.yaml",
        ] {
            let arguments = std::iter::once(crate::NAME).chain(line.split(' '));
            let error = Cli::try_parse_from(arguments).unwrap_err();
            assert!(error.use_stderr(), "{line}");
        }
    }

    #[test]
    fn examples_fit_a_terminal_so_that_no_command_is_wrapped() {
        const COLUMNS: usize = 80;
        for command in with_subcommands(&Cli::command()) {
            let text = command.get_after_help().map(ToString::to_string);
            for line in text.unwrap_or_default().lines() {
                let is_example = line.starts_with(' ');
                assert!(!is_example || line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }

    #[test]
    fn every_example_is_a_command_line_that_is_taken() {
        let blob = "A".repeat(43);
        let mut taken = 0;
        for command in with_subcommands(&Cli::command()) {
            let text = command.get_after_help().map(ToString::to_string);
            let text = text.unwrap_or_default();
            let parts: Vec<_> = text.split("\\\n").map(str::trim_start).collect();
            let text = format!("  {}", parts.join(""));
            for line in text.lines().filter(|line| line.starts_with("  ")) {
                let line = line.trim().replace("BLOB_ID", &blob);
                // What follows two spaces is a remark.
                let line = line.split("  ").next().unwrap_or_default();
                if line.starts_with("walrus-node ") {
                    let parsed = Cli::try_parse_from(line.split_whitespace());
                    parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
                    taken += 1;
                }
            }
        }
        assert!(taken > 25, "{taken}");
    }
}
