//! The command line, as `clap` reads it. Client spec 2.1 and 2.4.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{
    ArgGroup, Args, Parser, Subcommand, ValueEnum,
    builder::{PathBufValueParser, TypedValueParser},
};
use walrus_sdk::Scratch;
use walrus_sui::home::Expand as _;

use crate::{
    commands::{completion::CompletionArgs, json::JsonArgs},
    devchain::args::DevchainArgs,
    report::duration,
    trace::{self, TraceTarget},
};

/// Decentralized blob storage: store and read files, run a local network.
#[derive(Debug, Parser)]
#[command(
    name = "walrus",
    version = env!("WALRUS_VERSION"),
    propagate_version = true,
    after_help = "Examples:\n  \
        walrus demo README.md                      a whole network, one file stored and read back\n  \
        walrus localnet                            keep a local network up until Ctrl-C\n  \
        walrus devchain                            a chain alone, with a faucet and funded accounts\n  \
        walrus store photo.jpg --epochs 3          store a file for three epochs\n  \
        walrus read BLOB_ID --out photo.jpg        read it back\n  \
        walrus blob-status BLOB_ID                 is it available, and until when?"
)]
pub(crate) struct Cli {
    /// Options that several commands share.
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that several commands share, valid before or after the subcommand. `shared_options` says which command has a use for
/// which.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shared options")]
pub(crate) struct GlobalOptions {
    /// Client configuration file (YAML).
    #[arg(long, global = true, value_name = "PATH", value_parser = below_home())]
    pub(crate) config: Option<PathBuf>,
    /// Context of a configuration file that holds several; without a file, `mainnet` or `testnet`.
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// Sui wallet file; overrides the one that the configuration names.
    #[arg(long, global = true, value_name = "PATH", value_parser = below_home())]
    pub(crate) wallet: Option<PathBuf>,
    /// Gas budget in MIST; estimated when absent.
    #[arg(long, global = true, value_name = "MIST")]
    pub(crate) gas_budget: Option<u64>,
    /// Print JSON on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Trace the command, in the form of OpenTelemetry: to the collector that OTEL_EXPORTER_OTLP_ENDPOINT names (`otlp`), or into a
    /// file (`file=PATH`).
    #[arg(long, global = true, value_name = "otlp|file=PATH", value_parser = trace::parse_target)]
    pub(crate) trace_cli: Option<TraceTarget>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Store files as blobs.
    #[command(
        alias = "write",
        after_help = "Examples:\n  \
            walrus store report.pdf --epochs 3\n  \
            walrus store a.txt b.txt --epochs max --permanent\n  \
            walrus store big.iso --epochs 5 --dry-run\n  \
            tar c photos | walrus store - --epochs 3        `-` is standard input\n\n\
            What is paid for is the encoded size: about five times the file, and its metadata once for each shard, 64 bytes for every \
            shard each time. So a single byte takes 648 KiB on 100 shards, and 63 MiB on the 1000 of the public networks: put small \
            files together. A blob is as large as the number of shards allows (`walrus info size`).\n\n\
            Large files take little memory: their slivers are in files without names in --spool-dir."
    )]
    Store(StoreArgs),
    /// Read a blob.
    #[command(after_help = "Examples:\n  \
        walrus read BLOB_ID --out report.pdf\n  \
        walrus read BLOB_ID > report.pdf\n  \
        walrus read BLOB_ID --out report.pdf --strict-consistency-check\n\n\
        The file is there whole and checked, or not at all; until then an older one stays. Large blobs take little memory: their \
        slivers are in files without names in --spool-dir.")]
    Read(ReadArgs),
    /// Show whether a blob is available, and until when.
    #[command(after_help = "Examples:\n  \
        walrus blob-status BLOB_ID\n  \
        walrus blob-status --file report.pdf --json\n\n\
        The status is what enough storage nodes say. Until when, and whether a blob that is not there was ever stored, is in the \
        events of the chain. They are read where there are few, as on a local network; elsewhere only blob objects of the wallet \
        are looked at.\n\n\
        Exit code: 0 if the status was found out, whatever it is, also for a blob that is not stored; 1 if it was not found out; \
        2 for a wrong command line. Scripts read `status` with --json.")]
    BlobStatus(BlobStatusArgs),
    /// Show the network's epoch, sizes, prices and committee.
    #[command(after_help = "Examples:\n  \
        walrus info                                   epoch, sizes, prices\n  \
        walrus info committee                         the storage nodes\n  \
        walrus info price --json\n  \
        walrus info --config DIR/client_config.yaml   of a network that is not where it is looked for")]
    Info(InfoArgs),
    /// Compute the blob ID of a file.
    #[command(after_help = "Examples:\n  \
        walrus blob-id report.pdf --n-shards 1000     offline\n  \
        walrus blob-id report.pdf                     asks the network for its number of shards\n  \
        tar c photos | walrus blob-id - --n-shards 1000\n  \
        walrus blob-id report.pdf --n-shards 1000 --json\n\n\
        The blob ID depends on the number of shards: 1000 on the public networks. Files of any size take little memory.")]
    BlobId(BlobIdArgs),
    /// Write the slivers of a file into a directory, offline.
    #[command(after_help = "Examples:\n  \
        walrus encode video.mp4 --n-shards 1000 --out slivers\n  \
        tar c photos | walrus encode - --n-shards 1000 --out slivers\n  \
        walrus encode video.mp4 --n-shards 1000 --out slivers --json\n\n\
        The directory holds metadata.bcs (blob ID and metadata) and for each sliver a file such as primary-0007.bcs, with the \
        bytes that a storage node takes: about five times the size of a large file, more for a small one, and for any at least 27 KiB with 100 shards and 2 MiB with 1000. Slivers of both kinds are numbered by their sliver \
        index, which is not the number of the pair for secondary ones: the pair p of n, which one shard stores, is primary sliver p \
        and secondary sliver n - 1 - p; of 1000 shards, primary-0007.bcs and secondary-0992.bcs. The directory is there \
        whole, or not at all; only a process that is killed leaves a directory .NAME.partial-… beside it, which can be removed.")]
    Encode(EncodeArgs),
    /// Put a file together again from a directory of slivers, offline.
    #[command(after_help = "Examples:\n  \
        walrus decode slivers --out video.mp4\n  \
        walrus decode slivers --out video.mp4 --strict-consistency-check\n  \
        walrus decode slivers --out - | tar x\n\n\
        It takes metadata.bcs and enough slivers of one kind: with 1000 shards 334 primary ones or 667 secondary ones. Damaged ones are recognized and passed over. The file is there whole and checked, or not at all; until \
        then an older one stays.")]
    Decode(DecodeArgs),
    /// Convert a decimal blob ID, as explorers show it, to its usual form.
    #[command(after_help = "Examples:\n  \
        walrus convert-blob-id 94699736893744872644295225319422424879389432225506209958748309287018296689362\n  \
        walrus read $(walrus convert-blob-id DECIMAL) --out report.pdf")]
    ConvertBlobId {
        /// The blob ID as a decimal number.
        blob_id_decimal: String,
    },
    /// Get WAL for SUI at an exchange of a test network.
    #[command(after_help = "Examples:\n  \
        walrus get-wal                                0.5 WAL or so, at any exchange of the configuration\n  \
        walrus get-wal --amount 2000000000            for 2 SUI\n  \
        walrus get-wal --exchange-id 0xID --json")]
    GetWal(GetWalArgs),
    /// Close an epoch change that no quorum of nodes reports as done.
    #[command(after_help = "Examples:\n  \
        walrus close-epoch-change\n  \
        walrus close-epoch-change --json\n\n\
        Anybody may, from two epoch durations after the epoch change began; until then it changes nothing and says when. Storage nodes \
        do it by themselves. It is for a network of which too few are left.")]
    CloseEpochChange(CloseEpochChangeArgs),
    /// Run a whole network on this machine until Ctrl-C.
    #[command(after_help = "Examples:\n  \
        walrus localnet\n  \
        walrus localnet --nodes 4 --shards 13 --epoch-duration 2m\n  \
        walrus localnet --dir /tmp/net --json\n  \
        walrus localnet --ephemeral                   leaves nothing behind\n  \
        walrus localnet --ephemeral --rpc-port 0 --faucet-port 0    beside another one\n  \
        curl --cacert ~/.walrus/localnet/tls/authority.pem https://127.0.0.1:PORT/v1/health    a node, by its URL in network.json\n\n\
        A network keeps its nodes, shards, epochs and host for life; options that ask it for others are refused. Its certificates \
        are signed by an authority of its own, which network.json names as caBundle: who trusts that (NODE_EXTRA_CA_CERTS, \
        --cacert, SSL_CERT_FILE) speaks TLS with its nodes and its chain.")]
    Localnet(LocalnetArgs),
    /// Run a Sui-compatible chain alone, and publish Move packages to it.
    #[command(after_help = "Examples:\n  \
            walrus devchain                             a chain with ten funded accounts, until Ctrl-C\n  \
            walrus devchain --ephemeral --rpc-port 0    in memory, on any free port\n  \
            walrus devchain --dir /tmp/chain --json     durable; JSON for other tools\n  \
            walrus devchain publish my_package          compile a Move package and publish it\n  \
            walrus devchain call 0xID::counter::add 0xOBJECT 5\n  \
            curl -d '{\"FixedAmountRequest\":{\"recipient\":\"0xADDRESS\"}}' 127.0.0.1:9123/v2/gas")]
    Devchain(DevchainArgs),
    /// Boot a throwaway network, store a file, read it back and compare.
    #[command(
        after_help = "Examples:\n  walrus demo README.md\n  walrus demo photo.jpg --nodes 7 --shards 50 --json"
    )]
    Demo(DemoArgs),
    /// Run a command that is given as a JSON object, with JSON as output.
    #[command(after_help = "Examples:\n  \
        walrus json '{\"command\": {\"store\": {\"files\": [\"a.txt\"], \"epochs\": 3}}}'\n  \
        echo '{\"context\": \"testnet\", \"command\": \"info\"}' | walrus json\n\n\
        Commands and options have the names of the command line in camel case. An option that may be given several times is an \
        array, a flag is true or false, a duration {\"secs\": 1, \"nanos\": 0}.")]
    Json(JsonArgs),
    /// Print the script that makes a shell complete commands and options.
    #[command(after_help = "Examples:\n  \
        walrus completion --shell bash > ~/.local/share/bash-completion/completions/walrus\n  \
        source <(walrus completion)")]
    Completion(CompletionArgs),
}

impl Command {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::Read(_) => "read",
            Self::BlobStatus(_) => "blob-status",
            Self::Info(_) => "info",
            Self::BlobId(_) => "blob-id",
            Self::Encode(_) => "encode",
            Self::Decode(_) => "decode",
            Self::ConvertBlobId { .. } => "convert-blob-id",
            Self::GetWal(_) => "get-wal",
            Self::CloseEpochChange(_) => "close-epoch-change",
            Self::Localnet(_) => "localnet",
            Self::Devchain(_) => "devchain",
            Self::Demo(_) => "demo",
            Self::Json(_) => "json",
            Self::Completion(_) => "completion",
        }
    }
}

/// A path in which `~` is the home directory: shells leave it alone in `--option=~/path`, and nobody else replaces it.
fn below_home() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(PathBuf::expand)
}

/// Arguments of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The files to store; `-` for standard input.
    #[arg(required = true, value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
    /// For how many epochs from the current one, or `max`.
    #[arg(long, value_name = "N|max", value_parser = parse_epochs)]
    pub(crate) epochs: EpochCount,
    /// Make the plan only: blob IDs, sizes, what would be reused, cost and gas; nothing happens on chain.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Store even if the blob is already available.
    #[arg(long)]
    pub(crate) force: bool,
    /// Never reuse blob objects or storage that the wallet owns.
    #[arg(long)]
    pub(crate) ignore_resources: bool,
    /// The blob cannot be deleted before its last epoch has passed.
    #[arg(long, conflicts_with = "deletable")]
    pub(crate) permanent: bool,
    /// The blob may be deleted by its owner (the default).
    #[arg(long, hide = true)]
    pub(crate) deletable: bool,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}

/// Where what does not fit in memory goes.
#[derive(Debug, Args)]
pub(crate) struct SpoolArgs {
    /// Directory for what large blobs need beside memory: five times the size of the blob for a store, twice for a read. The
    /// files have no names and are gone when the command ends. [default: $TMPDIR or /tmp, or /var/tmp if /tmp is in memory]
    #[arg(
        long,
        value_name = "DIR",
        env = "WALRUS_SPOOL_DIR",
        hide_env_values = true,
        value_parser = below_home()
    )]
    spool_dir: Option<PathBuf>,
}

impl SpoolArgs {
    /// The directory, or the default one.
    pub(crate) fn scratch(&self) -> Scratch {
        scratch(self.spool_dir.as_deref())
    }
}

/// What the directory is for where only a copy of what is no file goes there.
const COPY_DIRECTORY: &str = "Directory for a copy of a large blob from a pipe, or of any blob on its way to a pipe or a device; \
    files need none. The copy has no name and is gone when the command ends. \
    [default: $TMPDIR or /tmp, or /var/tmp if /tmp is in memory]";

/// Where a copy of what is no file goes.
#[derive(Debug, Args)]
#[command(mut_arg("spool_dir", |argument| argument.help(COPY_DIRECTORY)))]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    spool: SpoolArgs,
}

impl CopyArgs {
    /// The directory, or the default one.
    pub(crate) fn scratch(&self) -> Scratch {
        self.spool.scratch()
    }
}

fn scratch(directory: Option<&Path>) -> Scratch {
    match directory {
        Some(directory) => Scratch::in_directory(directory),
        None => Scratch::default(),
    }
}

/// A number of epochs, or as many as the network allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochCount {
    /// Exactly this many, at least one.
    Count(u32),
    /// `max_epochs_ahead` of the network.
    Max,
}

fn parse_epochs(text: &str) -> Result<EpochCount, String> {
    if text == "max" {
        return Ok(EpochCount::Max);
    }
    match text.parse::<u32>() {
        Ok(0) => Err("a blob must be stored for at least 1 epoch".into()),
        Ok(count) => Ok(EpochCount::Count(count)),
        Err(_) => Err("expected a number of epochs or `max`".into()),
    }
}

/// Arguments of `read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The blob ID, as printed by `store`.
    #[arg(value_name = "BLOB_ID")]
    pub(crate) blob_id: String,
    /// Write to this file instead of standard output (`-`).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Re-encode the whole blob and compare its blob ID.
    #[arg(long, conflicts_with = "skip_consistency_check")]
    pub(crate) strict_consistency_check: bool,
    /// Do not check the decoded blob against the metadata.
    #[arg(long)]
    pub(crate) skip_consistency_check: bool,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}

/// Arguments of `blob-status`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("blob").args(["id", "blob_id", "file"]).required(true))]
pub(crate) struct BlobStatusArgs {
    /// The blob ID.
    #[arg(value_name = "BLOB_ID")]
    id: Option<String>,
    /// Compute the blob ID of this file, or of standard input (`-`), and ask for its status.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The blob ID, as an option.
    #[arg(long, value_name = "BLOB_ID")]
    blob_id: Option<String>,
    /// How long to wait for the nodes, for example `500ms` or `5s`.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

impl BlobStatusArgs {
    /// The blob ID, if it is what was given.
    pub(crate) fn blob_id(&self) -> Option<&str> {
        self.id.as_deref().or(self.blob_id.as_deref())
    }
}

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

/// Arguments of `blob-id`.
#[derive(Debug, Args)]
pub(crate) struct BlobIdArgs {
    /// The file, a pipe, or `-` for standard input.
    pub(crate) file: PathBuf,
    /// Number of shards; read from the network when absent.
    #[arg(long, value_name = "N")]
    pub(crate) n_shards: Option<u16>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL", conflicts_with = "n_shards")]
    pub(crate) rpc_url: Option<String>,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The file, a pipe, or `-` for standard input.
    pub(crate) file: PathBuf,
    /// Number of shards of the network that the slivers are for.
    #[arg(long, value_name = "N")]
    pub(crate) n_shards: u16,
    /// The directory to make, with those above it; it must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// A directory as `walrus encode` makes it.
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// The file to write, a pipe or device, or `-` for standard output; an older file is replaced once all is read and checked.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Check that every sliver of the blob is right, by encoding it again.
    #[arg(long)]
    pub(crate) strict_consistency_check: bool,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `get-wal`.
#[derive(Debug, Args)]
pub(crate) struct GetWalArgs {
    /// The exchange; one that the configuration lists under `exchange_objects` when absent.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) exchange_id: Option<walrus_sui::Address>,
    /// How much SUI to give away, in MIST (1 SUI = 1000000000 MIST).
    #[arg(long, value_name = "MIST", default_value_t = 500_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) amount: u64,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
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

/// Arguments of `localnet`.
#[derive(Debug, Args)]
pub(crate) struct LocalnetArgs {
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
    /// Address to listen on, IPv4 or IPv6, at which clients find the nodes; that of the network in the directory, or 127.0.0.1, when
    /// absent.
    #[arg(long, value_name = "IP")]
    pub(crate) host: Option<IpAddr>,
    /// Port of the chain's gRPC service; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9000)]
    pub(crate) rpc_port: u16,
    /// Port of the faucet; 0 for any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9123)]
    pub(crate) faucet_port: u16,
    /// A YAML list of blob IDs that the nodes do not serve.
    #[arg(long, value_name = "FILE")]
    pub(crate) blocklist: Option<PathBuf>,
    /// Run each node in a process of its own, whose log is in its folder under `nodes`. They end with this one.
    #[arg(long)]
    pub(crate) processes: bool,
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

pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a duration; try `500ms`, `30s`, `10m` or `24h`"))?;
    let seconds = |factor: u64| {
        number
            .checked_mul(factor)
            .map(Duration::from_secs)
            .ok_or_else(|| format!("`{text}` is too long"))
    };
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => seconds(1),
        "m" | "min" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        _ => Err(format!(
            "unknown unit `{unit}` in `{text}`; use ms, s, m, h or d"
        )),
    }
}

/// Length of an epoch of the storage network. Nodes need some time to change the epoch, and the chain counts in 64-bit
/// milliseconds since 1970.
pub(crate) fn parse_epoch_duration(text: &str) -> Result<Duration, String> {
    epoch_from(Duration::from_secs(1), text)
}

/// Length of an epoch of a chain, whose change is one checkpoint.
pub(crate) fn parse_chain_epoch_duration(text: &str) -> Result<Duration, String> {
    epoch_from(Duration::from_millis(100), text)
}

fn epoch_from(shortest: Duration, text: &str) -> Result<Duration, String> {
    const LONGEST_DAYS: u64 = 3650;
    let length = parse_duration(text)?;
    let longest = Duration::from_secs(LONGEST_DAYS * 86_400);
    match length {
        _ if length < shortest => Err(format!(
            "`{text}` is too short for an epoch; it lasts at least {}",
            duration(shortest)
        )),
        _ if length > longest => Err(format!(
            "`{text}` is too long for an epoch; it lasts at most 10 years, `{LONGEST_DAYS}d`"
        )),
        _ => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::program;

    #[test]
    fn the_command_line_is_well_formed() {
        program().debug_assert();
    }

    fn with_subcommands(command: &clap::Command) -> Vec<clap::Command> {
        let inner = command.get_subcommands().flat_map(with_subcommands);
        inner.chain([command.clone()]).collect()
    }

    #[test]
    fn help_is_wrapped_at_words() {
        const COLUMNS: usize = 80;
        let mut program = program();
        program.build();
        for command in with_subcommands(&program) {
            let mut command = command.term_width(COLUMNS);
            let help = command.render_long_help().to_string();
            for line in help.lines() {
                let is_one_word = !line.trim().contains(' ');
                assert!(is_one_word || line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }

    #[test]
    fn paragraphs_of_help_have_no_line_breaks_of_their_own() {
        let is_prose = |line: &str| line.starts_with(|first: char| first != ' ');
        for command in with_subcommands(&program()) {
            let texts = [command.get_long_about(), command.get_after_help()];
            for text in texts.into_iter().flatten().map(ToString::to_string) {
                let lines: Vec<_> = text.lines().collect();
                let is_broken = lines
                    .windows(2)
                    .any(|two| two.iter().all(|one| is_prose(one)));
                assert!(!is_broken, "{text}");
            }
        }
    }

    #[test]
    fn a_tilde_that_the_shell_left_is_the_home_directory() {
        let line = [
            "walrus",
            "--config=~/c",
            "--wallet=~/w",
            "store",
            "a",
            "--epochs=1",
            "--spool-dir=~/s",
        ];
        let Cli { global, command } = Cli::try_parse_from(line).unwrap();
        let Command::Store(store) = command else {
            panic!("{command:?}");
        };
        let home = std::env::home_dir().unwrap();
        assert_eq!(global.config, Some(home.join("c")));
        assert_eq!(global.wallet, Some(home.join("w")));
        assert_eq!(store.spool.spool_dir, Some(home.join("s")));
    }

    #[test]
    fn durations_are_read_with_their_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("24h"), Ok(Duration::from_secs(86_400)));
        for bad in [
            "",
            "s",
            "5y",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_epoch_is_neither_shorter_nor_longer_than_a_network_can_have_it() {
        for (text, seconds) in [("1s", 1), ("24h", 86_400), ("3650d", 3650 * 86_400)] {
            let length = Duration::from_secs(seconds);
            assert_eq!(parse_epoch_duration(text), Ok(length));
        }
        for (text, why) in [
            ("0s", "at least 1 s"),
            ("999ms", "at least 1 s"),
            ("3651d", "at most 10 years"),
            ("18446744073709551615s", "at most 10 years"),
        ] {
            let refused = parse_epoch_duration(text).unwrap_err();
            assert!(refused.contains(why) && refused.contains(text), "{refused}");
        }
        assert!(parse_chain_epoch_duration("100ms").is_ok());
        let refused = parse_chain_epoch_duration("99ms").unwrap_err();
        assert!(refused.contains("at least 100 ms"), "{refused}");
        for command in ["localnet", "demo"] {
            let short = ["walrus", command, "--epoch-duration", "1ms"];
            assert!(Cli::try_parse_from(short).is_err(), "{command}");
        }
        let short = ["walrus", "devchain", "--epoch-duration", "1ms"];
        assert!(Cli::try_parse_from(short).is_err());
    }

    #[test]
    fn epochs_are_a_positive_number_or_max() {
        assert_eq!(parse_epochs("max"), Ok(EpochCount::Max));
        assert_eq!(parse_epochs("3"), Ok(EpochCount::Count(3)));
        for bad in ["0", "-1", "many", "4294967296"] {
            assert!(parse_epochs(bad).is_err(), "{bad}");
        }
    }
}
