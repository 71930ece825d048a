//! Arguments: the command line, as `clap` reads it. Client spec 2.1 and 2.4.

mod amounts;
mod backfill;
mod blobs;
#[cfg(feature = "dev")]
pub(crate) mod devchain;
mod durations;
#[cfg(feature = "dev")]
mod epoch_durations;
#[cfg(test)]
mod examples;
mod gateway;
mod gateway_keys;
#[cfg(feature = "dev")]
mod local_networks;
mod networks;
mod node_admin;
mod objects;
mod quilts;
mod ranges;
mod scripting;
mod staking;
mod times;
mod verify;
mod wallets;

use std::path::PathBuf;

use clap::{
    Args, Parser, Subcommand,
    builder::{PathBufValueParser, TypedValueParser},
};
use walrus_sui::home::Expand as _;

#[cfg(feature = "dev")]
use self::devchain::DevchainArgs;
#[cfg(feature = "dev")]
pub(crate) use self::local_networks::{
    DemoArgs, ListenArgs, LocalnetArgs, LocalnetCommand, LocalnetNodeArgs, LocalnetNodeCommand,
};
#[cfg(feature = "dev")]
pub(crate) use self::node_admin::PackageArgs;
pub(crate) use self::{
    backfill::BlobBackfillArgs,
    blobs::{
        BlobIdArgs, BlobStatusArgs, DecodeArgs, EncodeArgs, EpochCount, HowToStoreArgs, ReadArgs,
        RelayArgs, StoreArgs,
    },
    gateway::{
        AggregatorArgs, BothArgs, DaemonArgs, PublisherArgs, ReadingArgs, StoringArgs,
        UploadRelayArgs,
    },
    gateway_keys::{GatewayArgs, GatewayCommand, KeyArgs, KeyCommand},
    networks::{CloseEpochChangeArgs, GetWalArgs, InfoArgs, InfoSection, NodeOrder},
    node_admin::{AuthorizeArgs, NodeAdminArgs, NodeAdminCommand, NodeArgs, VoteArgs},
    objects::{
        BurnBlobsArgs, DeleteArgs, ExtendArgs, FundSharedBlobArgs, GetBlobAttributeArgs,
        ListBlobsArgs, RemoveBlobAttributeArgs, RemoveBlobAttributeFieldsArgs,
        SetBlobAttributeArgs, ShareArgs,
    },
    quilts::{ListPatchesArgs, QuiltBlob, ReadQuiltArgs, StoreQuiltArgs},
    ranges::ByteRange,
    scripting::{CompletionArgs, JsonArgs},
    staking::{
        ListStakedWalArgs, RedelegateArgs, RequestWithdrawStakeArgs, StakeArgs, StakeCommand,
        StakeEstimateArgs, StakeNodesArgs, StakeOrder, WithdrawStakeArgs,
    },
    verify::VerifyArgs,
    wallets::{GenerateSuiWalletArgs, HealthArgs, HealthOrder},
};
use crate::trace::{self, TraceTarget};

/// Examples that every build has.
const EXAMPLES: &str = "  \
    walrus store photo.jpg --epochs 3     store a file for three epochs\n  \
    walrus read BLOB_ID --out photo.jpg   read it back\n  \
    walrus blob-status BLOB_ID            is it available, and until when?";

/// Those of the feature `dev`, which come first.
const DEV_EXAMPLES: &str = match cfg!(feature = "dev") {
    true => {
        "  \
        walrus demo README.md                 a network, one file stored and read back\n  \
        walrus localnet                       keep a local network up until Ctrl-C\n  \
        walrus devchain                       a chain alone, with funded accounts\n"
    }
    false => "",
};

/// Decentralized blob storage: store and read files, run a local network.
#[derive(Debug, Parser)]
#[command(
    name = "walrus",
    version = env!("WALRUS_VERSION"),
    propagate_version = true,
    after_help = format!("Examples:\n{DEV_EXAMPLES}{EXAMPLES}")
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
#[derive(Debug, Clone, Args)]
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
    /// Gas budget in MIST, or with a unit, such as `0.05SUI`; estimated when absent.
    #[arg(long, global = true, value_name = "MIST", value_parser = amounts::parse_mist)]
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
            Large files take little memory. What can be read only once is copied into a file without a name in --spool-dir first; so are the \
            slivers of files above 4 GiB, and those for nodes that take one at a time."
    )]
    #[command(override_usage = "walrus store [OPTIONS] --epochs <N|max> <FILES>...")]
    Store(StoreArgs),
    /// Store many files as one blob, of which each can be read without the others.
    #[command(
        alias = "write-quilt",
        after_help = "Examples:\n  \
            walrus store-quilt --paths photos letters.txt --epochs 3\n  \
            walrus store-quilt --epochs 3 --blobs \\\n      '{\"path\": \"a.txt\", \"identifier\": \"letter\", \"tags\": {\"k\": \"v\"}}'\n  \
            walrus store-quilt --paths photos --epochs 3 --dry-run\n\n\
            Small files together are paid for once. A quilt holds up to 66 files with 100 shards and 666 with 1000, and is deleted or \
            extended as a whole. A file in a directory is called by its path below that: photos/2024/sea.jpg in photos is \
            2024/sea.jpg. Links to directories are not followed."
    )]
    #[command(
        override_usage = "walrus store-quilt [OPTIONS] --epochs <N|max> --paths <PATHS>...\n       \
        walrus store-quilt [OPTIONS] --epochs <N|max> --blobs <JSON>..."
    )]
    StoreQuilt(StoreQuiltArgs),
    /// Read files of a quilt.
    #[command(after_help = "Examples:\n  \
        walrus read-quilt --quilt-id QUILT_ID --out photos\n  \
        walrus read-quilt --quilt-id QUILT_ID --identifiers 2024/sea.jpg > sea.jpg\n  \
        walrus read-quilt --quilt-id QUILT_ID --tag type image/jpeg --out photos\n  \
        walrus read-quilt --quilt-patch-ids PATCH_ID PATCH_ID --out photos\n\n\
        Nothing but the slivers of these files is asked for, unless all are read. Whoever stored a quilt chose the names: one that would \
        lead out of the directory, also over a link, is not written; the others are, and the exit code is 1.")]
    #[command(
        override_usage = "walrus read-quilt [OPTIONS] --quilt-id <QUILT_ID>\n       \
        walrus read-quilt [OPTIONS] --quilt-patch-ids <PATCH_ID>..."
    )]
    ReadQuilt(ReadQuiltArgs),
    /// List the files of a quilt.
    #[command(
        alias = "resolve-quilt",
        after_help = "Examples:\n  \
            walrus list-patches-in-quilt QUILT_ID\n  \
            walrus list-patches-in-quilt QUILT_ID --json"
    )]
    ListPatchesInQuilt(ListPatchesArgs),
    /// Read a blob.
    #[command(after_help = "Examples:\n  \
        walrus read BLOB_ID --out report.pdf\n  \
        walrus read BLOB_ID > report.pdf\n  \
        walrus read BLOB_ID --out report.pdf --strict-consistency-check\n  \
        walrus read BLOB_ID --range 0-99 | xxd\n  \
        walrus read BLOB_ID --out big.iso --resume\n\n\
        The file is there whole and checked, or not at all; until then an older one stays. Large blobs take little memory: their \
        slivers are in files without names in --spool-dir. Of a range nothing but the slivers that cover it is asked for. With --resume \
        what has come is in .NAME.BLOB_ID.partial beside the file.")]
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
    /// List the blob objects of the wallet.
    #[command(after_help = "Examples:\n  \
        walrus list-blobs\n  \
        walrus list-blobs --include-expired --json")]
    ListBlobs(ListBlobsArgs),
    /// Delete deletable blobs of the wallet; their storage is free again.
    #[command(after_help = "Examples:\n  \
        walrus delete --blob-ids BLOB_ID BLOB_ID\n  \
        walrus delete --files report.pdf --yes\n  \
        walrus delete --object-ids 0xOBJECT\n\n\
        By file or blob ID all objects of the blob that the wallet owns are deleted. What others stored of the same content stays. \
        With --json nobody is asked.")]
    #[command(
        override_usage = "walrus delete [OPTIONS] --blob-ids <BLOB_ID>...\n       \
        walrus delete [OPTIONS] --object-ids <OBJECT_ID>...\n       \
        walrus delete [OPTIONS] --files <FILES>..."
    )]
    Delete(DeleteArgs),
    /// Store blobs for longer.
    #[command(after_help = "Examples:\n  \
        walrus extend --blob-obj-id 0xOBJECT --epochs-extended 5\n  \
        walrus extend --blob-obj-id 0xONE 0xOTHER --end-epoch 40\n  \
        walrus extend --blob-obj-id 0xOBJECT --earliest-expiry-time 2027-03-20\n  \
        walrus extend --blob-obj-id 0xSHARED --shared --epochs-extended 5\n\n\
        What it costs is said before it is paid. A shared object pays from its own funds.")]
    #[command(override_usage = "walrus extend [OPTIONS] --epochs-extended <N> \
        --blob-obj-id <OBJECT_ID>...")]
    #[command(
        override_usage = "walrus extend [OPTIONS] --epochs-extended <N> --blob-obj-id <ID>..."
    )]
    Extend(ExtendArgs),
    /// Put a blob object into a shared one, which anybody can extend.
    #[command(after_help = "Examples:\n  \
        walrus share --blob-obj-id 0xOBJECT\n  \
        walrus share --blob-obj-id 0xOBJECT --amount 0.5WAL")]
    Share(ShareArgs),
    /// Put WAL into a shared blob, for extensions.
    #[command(after_help = "Examples:\n  \
        walrus fund-shared-blob --shared-blob-obj-id 0xSHARED --amount 0.5WAL")]
    #[command(
        override_usage = "walrus fund-shared-blob [OPTIONS] --shared-blob-obj-id <ID>\n       \
            --amount <FROST>"
    )]
    FundSharedBlob(FundSharedBlobArgs),
    /// Destroy blob objects; what they stored stays until its end.
    #[command(after_help = "Examples:\n  \
        walrus burn-blobs --all-expired\n  \
        walrus burn-blobs --object-ids 0xOBJECT --yes\n\n\
        An object that is destroyed can neither be extended nor deleted. With --json nobody is asked.")]
    #[command(
        override_usage = "walrus burn-blobs [OPTIONS] --object-ids <OBJECT_ID>...\n       \
        walrus burn-blobs [OPTIONS] <--all|--all-expired>"
    )]
    BurnBlobs(BurnBlobsArgs),
    /// Show the attributes of a blob object.
    #[command(after_help = "Examples:\n  \
        walrus get-blob-attribute 0xOBJECT --json")]
    GetBlobAttribute(GetBlobAttributeArgs),
    /// Set attributes of a blob object.
    #[command(after_help = "Examples:\n  \
        walrus set-blob-attribute 0xOBJECT --attr content-type image/jpeg\n  \
        walrus set-blob-attribute 0xOBJECT --attr a 1 --attr b 2")]
    SetBlobAttribute(SetBlobAttributeArgs),
    /// Remove attributes of a blob object.
    #[command(after_help = "Examples:\n  \
        walrus remove-blob-attribute-fields 0xOBJECT --keys a b")]
    #[command(override_usage = "walrus remove-blob-attribute-fields --keys <KEYS>... <OBJECT_ID>")]
    RemoveBlobAttributeFields(RemoveBlobAttributeFieldsArgs),
    /// Remove all attributes of a blob object.
    #[command(after_help = "Examples:\n  \
        walrus remove-blob-attribute 0xOBJECT")]
    RemoveBlobAttribute(RemoveBlobAttributeArgs),
    /// Show the network's epoch, sizes, prices and committee.
    #[command(after_help = "Examples:\n  \
        walrus info                                   epoch, sizes, prices\n  \
        walrus info committee                         the storage nodes\n  \
        walrus info committee --sort-by url --hide-details\n  \
        walrus info committee --commission-receivers > receivers.csv\n  \
        walrus info price --json\n  \
        walrus info --config DIR/client_config.yaml   of a network elsewhere")]
    Info(InfoArgs),
    /// Show how storage nodes are.
    #[command(after_help = "Examples:\n  \
        walrus health --committee\n  \
        walrus health --active-set --sort-by name --json\n  \
        walrus health --node-ids 0xNODE --detail")]
    #[command(
        override_usage = "walrus health [OPTIONS] <--committee|--active-set>\n       \
        walrus health [OPTIONS] <--node-ids <NODE_ID>...|--node-urls <URL>...>"
    )]
    Health(HealthArgs),
    /// Compute the blob ID of a file.
    #[command(after_help = "Examples:\n  \
        walrus blob-id report.pdf --n-shards 1000   offline\n  \
        walrus blob-id report.pdf                   asks the network for its shards\n  \
        tar c photos | walrus blob-id - --n-shards 1000\n  \
        walrus blob-id report.pdf --n-shards 1000 --json\n\n\
        The blob ID depends on the number of shards: 1000 on the public networks. Files of any size take little memory.")]
    BlobId(BlobIdArgs),
    /// Verify that a file, or a range of it with its proof, is what a blob ID names.
    #[command(after_help = "Examples:\n  \
        walrus verify report.pdf --blob-id BLOB_ID --n-shards 1000   offline\n  \
        curl -r 0-999 -o part URL/v1/blobs/BLOB_ID\n  \
        curl -r 0-999 -o part.proof \"URL/v1/blobs/BLOB_ID?proof=1\"\n  \
        walrus verify part --blob-id BLOB_ID --proof part.proof --range 0-999\n\n\
        Whoever delivered file and proof need not be trusted. With --n-shards (1000 on the public networks) no network is asked.")]
    Verify(VerifyArgs),
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
        walrus convert-blob-id \\\n  94699736893744872644295225319422424879389432225506209958748309287018296689362\n  \
        walrus read $(walrus convert-blob-id DECIMAL) --out report.pdf")]
    ConvertBlobId {
        /// The blob ID as a decimal number.
        blob_id_decimal: String,
    },
    /// Get WAL for SUI at an exchange of a test network.
    #[command(after_help = "Examples:\n  \
        walrus get-wal                        0.5 WAL or so, at any exchange\n  \
        walrus get-wal --amount 2000000000    for 2 SUI\n  \
        walrus get-wal --exchange-id 0xID --json")]
    GetWal(GetWalArgs),
    /// Make a wallet: a file and a key.
    #[command(after_help = "Examples:\n  \
        walrus generate-sui-wallet\n  \
        walrus generate-sui-wallet --path wallet.yaml --use-faucet\n  \
        walrus generate-sui-wallet --sui-network http://127.0.0.1:9000\n\n\
        A wallet that is there is not touched.")]
    GenerateSuiWallet(GenerateSuiWalletArgs),
    /// Stake WAL with storage nodes.
    Stake(StakeArgs),
    /// List the stakes of the wallet: what they are worth, and when they count and come back.
    ListStakedWal(ListStakedWalArgs),
    /// Ask for stakes back; `withdraw-stake` fetches them when they are free.
    RequestWithdrawStake(RequestWithdrawStakeArgs),
    /// Fetch stakes that are free, with what they have earned.
    WithdrawStake(WithdrawStakeArgs),
    /// Take stakes from their nodes and give them, with what they have earned, to another one.
    Redelegate(RedelegateArgs),
    /// Send nodes the blobs of a directory that they miss.
    #[command(
        hide = true,
        override_usage = "walrus blob-backfill [OPTIONS] --backfill-dir <DIR>\n       \
            --pushed-state <FILE> <NODE_IDS>...",
        after_help = "Examples:\n  \
            walrus blob-backfill --backfill-dir blobs --pushed-state done 0xNODE 0xNODE\n\n\
            The files are called by their blob IDs, and the network knows the blobs."
    )]
    BlobBackfill(BlobBackfillArgs),
    /// Act for a storage node, as whoever is authorized to.
    NodeAdmin(NodeAdminArgs),
    /// Close an epoch change that no quorum of nodes reports as done.
    #[command(after_help = "Examples:\n  \
        walrus close-epoch-change\n  \
        walrus close-epoch-change --json\n\n\
        Anybody may, from two epoch durations after the epoch change began; until then it changes nothing and says when. Storage nodes \
        do it by themselves. It is for a network of which too few are left.")]
    CloseEpochChange(CloseEpochChangeArgs),
    /// Serve blobs over HTTP.
    #[command(after_help = "Examples:\n  \
        walrus aggregator                                   at http://127.0.0.1:31415\n  \
        walrus aggregator --context mainnet --bind-address 0.0.0.0:80\n  \
        curl http://127.0.0.1:31415/v1/blobs/BLOB_ID -o report.pdf\n\n\
        It needs no wallet. What it serves is verified against the blob ID; ranges take only the slivers that cover them.")]
    Aggregator(AggregatorArgs),
    /// Store blobs over HTTP, at the expense of the wallet.
    #[command(after_help = "Examples:\n  \
        walrus publisher --sub-wallets-dir wallets          at http://127.0.0.1:31415\n  \
        curl -X PUT 'http://127.0.0.1:31415/v1/blobs?epochs=5' \\\n      --upload-file report.pdf\n\n\
        Whoever can send it something spends the wallet. So it listens on the loopback interface only, and refuses web pages of \
        other machines there. Elsewhere it takes those who have a key (--require-key, `walrus gateway key create`) or a token, or \
        anybody up to a budget (--allow-anonymous --budget 10WAL). Stores that were begun go on after a restart.")]
    Publisher(Box<PublisherArgs>),
    /// Serve blobs and store them over HTTP: an aggregator and a publisher in one.
    #[command(after_help = "Examples:\n  \
        walrus daemon --sub-wallets-dir wallets\n  \
        walrus daemon --sub-wallets-dir wallets --max-body-size 102400 --json")]
    Daemon(Box<BothArgs>),
    /// Send blobs to the storage nodes for those who have registered them.
    #[command(after_help = "Examples:\n  \
        walrus upload-relay                              free of charge, at port 57391\n  \
        walrus upload-relay --relay-config relay.yaml --context testnet\n  \
        walrus upload-relay --server-address 127.0.0.1:0 --json\n\n\
        It signs nothing and needs no wallet. relay.yaml says what it wants for it:\n\n  \
          tip_config: !send_tip\n    \
          address: 0x…\n    \
          kind: !const 42             # MIST\n  \
          tx_freshness_threshold_secs: 36000\n  \
          tx_max_future_threshold: {secs: 30, nanos: 0}")]
    UploadRelay(Box<UploadRelayArgs>),
    /// Look after a publisher: keys that let others store.
    Gateway(GatewayArgs),
    /// Run a whole network on this machine until Ctrl-C.
    #[cfg(feature = "dev")]
    #[command(after_help = "Examples:\n  \
        walrus localnet\n  \
        walrus localnet --nodes 4 --shards 13 --epoch-duration 2m\n  \
        walrus localnet --dir /tmp/net --json\n  \
        walrus localnet --ephemeral                   leaves nothing behind\n  \
        walrus localnet --ephemeral --rpc-port 0 --faucet-port 0    beside another one\n  \
        walrus localnet node add                      one more, in another terminal\n  \
        curl --cacert ~/.walrus/localnet/tls/authority.pem \\\n      https://127.0.0.1:PORT/v1/health\n\n\
        PORT is that of a node, by its URL in network.json. \
        A network keeps its shards, epochs and host for life; options that ask it for others are refused. Its certificates \
        are signed by an authority of its own, which network.json names as caBundle: who trusts that (NODE_EXTRA_CA_CERTS, \
        --cacert, SSL_CERT_FILE) speaks TLS with its nodes and its chain.")]
    Localnet(LocalnetArgs),
    /// Run a Sui-compatible chain alone, and publish Move packages to it.
    #[cfg(feature = "dev")]
    #[command(after_help = "Examples:\n  \
            walrus devchain                             ten funded accounts, until Ctrl-C\n  \
            walrus devchain --ephemeral --rpc-port 0    in memory, on any free port\n  \
            walrus devchain --dir /tmp/chain --json     durable; JSON for other tools\n  \
            walrus devchain publish my_package          compile and publish Move code\n  \
            walrus devchain call 0xID::counter::add 0xOBJECT 5\n  \
            curl -d '{\"FixedAmountRequest\":{\"recipient\":\"0xADDRESS\"}}' \\\n      127.0.0.1:9123/v2/gas")]
    Devchain(DevchainArgs),
    /// Boot a throwaway network, store a file, read it back and compare.
    #[cfg(feature = "dev")]
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
        walrus completion bash > ~/.local/share/bash-completion/completions/walrus\n  \
        source <(walrus completion)")]
    Completion(CompletionArgs),
}

impl Command {
    /// Its name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Store(_) => "store",
            Self::StoreQuilt(_) => "store-quilt",
            Self::ReadQuilt(_) => "read-quilt",
            Self::ListPatchesInQuilt(_) => "list-patches-in-quilt",
            Self::Read(_) => "read",
            Self::BlobStatus(_) => "blob-status",
            Self::ListBlobs(_) => "list-blobs",
            Self::Delete(_) => "delete",
            Self::Extend(_) => "extend",
            Self::Share(_) => "share",
            Self::FundSharedBlob(_) => "fund-shared-blob",
            Self::BurnBlobs(_) => "burn-blobs",
            Self::GetBlobAttribute(_) => "get-blob-attribute",
            Self::SetBlobAttribute(_) => "set-blob-attribute",
            Self::RemoveBlobAttributeFields(_) => "remove-blob-attribute-fields",
            Self::RemoveBlobAttribute(_) => "remove-blob-attribute",
            Self::Info(_) => "info",
            Self::Health(_) => "health",
            Self::GenerateSuiWallet(_) => "generate-sui-wallet",
            Self::BlobId(_) => "blob-id",
            Self::Verify(_) => "verify",
            Self::Encode(_) => "encode",
            Self::Decode(_) => "decode",
            Self::ConvertBlobId { .. } => "convert-blob-id",
            Self::GetWal(_) => "get-wal",
            Self::Stake(_) => "stake",
            Self::ListStakedWal(_) => "list-staked-wal",
            Self::RequestWithdrawStake(_) => "request-withdraw-stake",
            Self::WithdrawStake(_) => "withdraw-stake",
            Self::Redelegate(_) => "redelegate",
            Self::BlobBackfill(_) => "blob-backfill",
            Self::NodeAdmin(_) => "node-admin",
            Self::CloseEpochChange(_) => "close-epoch-change",
            Self::Aggregator(_) => "aggregator",
            Self::Publisher(_) => "publisher",
            Self::Daemon(_) => "daemon",
            Self::UploadRelay(_) => "upload-relay",
            Self::Gateway(_) => "gateway",
            #[cfg(feature = "dev")]
            Self::Localnet(_) => "localnet",
            #[cfg(feature = "dev")]
            Self::Devchain(_) => "devchain",
            #[cfg(feature = "dev")]
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
    fn examples_fit_a_terminal_so_that_no_command_is_wrapped() {
        const COLUMNS: usize = 80;
        for command in with_subcommands(&program()) {
            let text = command.get_after_help().map(ToString::to_string);
            for line in text.unwrap_or_default().lines() {
                let is_example = line.starts_with(' ');
                assert!(!is_example || line.chars().count() <= COLUMNS, "{line}");
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
        assert_eq!(store.how.spool.spool_dir, Some(home.join("s")));
    }

    #[test]
    fn lengths_of_epochs_are_checked_where_they_are_given() {
        for command in ["localnet", "demo"] {
            let short = ["walrus", command, "--epoch-duration", "1ms"];
            assert!(Cli::try_parse_from(short).is_err(), "{command}");
        }
        let short = ["walrus", "devchain", "--epoch-duration", "1ms"];
        assert!(Cli::try_parse_from(short).is_err());
    }
}
