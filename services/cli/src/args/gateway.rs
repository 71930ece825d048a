//! Arguments of the daemons: aggregator, publisher, and both in one. Client spec 3.1.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use walrus_gateway::{
    aggregator::AggregatorOptions,
    limits,
    publisher::{Algorithm, Signature, TokenOptions},
};

use super::{
    amounts::{parse_frost, parse_mist},
    below_home,
    blobs::SpoolArgs,
    durations::parse_duration,
};

/// Where a daemon listens.
#[derive(Debug, Args)]
pub(crate) struct DaemonArgs {
    /// Address for requests.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:31415")]
    pub(crate) bind_address: SocketAddr,
    /// Address for Prometheus, at `/metrics`.
    #[arg(
        long,
        short = 'a',
        value_name = "IP:PORT",
        default_value = "127.0.0.1:27182"
    )]
    pub(crate) metrics_address: SocketAddr,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Blobs that are not served: a YAML list of blob IDs, read again twice a minute.
    #[arg(long, value_name = "FILE", value_parser = below_home())]
    pub(crate) blocklist: Option<PathBuf>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}

/// How reads are served.
#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// Attributes of blob objects that become headers of answers.
    #[arg(long, value_name = "NAME", num_args = 0.., default_values_t = AggregatorOptions::default().allowed_headers)]
    pub(crate) allowed_headers: Vec<String>,
    /// Let all tags of patches become headers of answers.
    #[arg(long)]
    pub(crate) allow_quilt_patch_tags_in_response: bool,
    /// Serve blobs of at most so many bytes.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_blob_size: Option<u64>,
    /// Reads that wait while as many as may are in work; more are refused.
    #[arg(long, value_name = "N", default_value_t = limits::AGGREGATOR_QUEUE)]
    pub(crate) aggregator_max_buffer_size: usize,
    /// Reads in work at the same time.
    #[arg(long, value_name = "N", default_value_t = limits::AGGREGATOR_REQUESTS)]
    pub(crate) aggregator_max_concurrent_requests: usize,
}

/// How stores are served, and paid for.
#[derive(Debug, Args)]
pub(crate) struct StoringArgs {
    /// Largest body of a store, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = limits::PUBLISHER_BODY >> 10)]
    pub(crate) max_body_size: u64,
    /// Largest form that makes a quilt, in KiB.
    #[arg(long, value_name = "KIB", default_value_t = limits::QUILT_BODY >> 10)]
    pub(crate) max_quilt_body_size: u64,
    /// Stores that wait while as many as may are in work; more are refused.
    #[arg(long, alias = "max-buffer-size", value_name = "N", default_value_t = limits::PUBLISHER_QUEUE)]
    pub(crate) publisher_max_buffer_size: usize,
    /// Stores in work at the same time.
    #[arg(long, alias = "max-concurrent-requests", value_name = "N", default_value_t = limits::PUBLISHER_REQUESTS)]
    pub(crate) publisher_max_concurrent_requests: usize,
    /// Sub-wallets, each of which signs for one store at a time.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) n_clients: usize,
    /// Where the sub-wallets are; they are made there.
    #[arg(long, value_name = "DIR", value_parser = below_home())]
    pub(crate) sub_wallets_dir: PathBuf,
    /// How often the sub-wallets are topped up from the wallet.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_duration)]
    pub(crate) refill_interval: Duration,
    /// MIST that a sub-wallet gets that has too little.
    #[arg(long, value_name = "MIST", default_value_t = 500_000_000, value_parser = parse_mist)]
    pub(crate) gas_refill_amount: u64,
    /// FROST that a sub-wallet gets that has too little.
    #[arg(long, value_name = "FROST", default_value_t = 500_000_000, value_parser = parse_frost)]
    pub(crate) wal_refill_amount: u64,
    /// Fewer MIST, or FROST, than this are too little.
    #[arg(long, value_name = "AMOUNT", default_value_t = 500_000_000)]
    pub(crate) sub_wallets_min_balance: u64,
    /// No effect: the wallet keeps the blob objects anyway.
    #[arg(long, hide = true)]
    pub(crate) keep: bool,
    /// Burn blob objects that nobody asks for, instead of giving them to the wallet.
    #[arg(long, conflicts_with = "keep")]
    pub(crate) burn_after_store: bool,
    /// Take only those who have a key, which `walrus gateway key create` makes.
    #[arg(long, conflicts_with = "allow_anonymous")]
    pub(crate) require_key: bool,
    /// Let anybody store who can reach the address, at the expense of the wallet.
    #[arg(long)]
    pub(crate) allow_anonymous: bool,
    /// FROST for storage, or with a unit, such as 10WAL, that those may spend in all who need not say who they are; counted over
    /// restarts.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) budget: Option<u64>,
    /// Where stores that are not done are kept, uploads in parts, and the keys; `state` among the sub-wallets when absent.
    #[arg(long, value_name = "DIR", value_parser = below_home())]
    pub(crate) state_dir: Option<PathBuf>,
    /// Largest upload in parts (tus), in KiB.
    #[arg(long, value_name = "KIB", default_value_t = limits::UPLOAD_BODY >> 10)]
    pub(crate) max_upload_size: u64,
    /// KiB of bodies on disk that are not stored yet ...
    #[arg(long, value_name = "KIB", default_value_t = limits::SPOOL_BYTES >> 10)]
    pub(crate) max_spool_size: u64,
    /// ... and those of one key, or of all without one.
    #[arg(long, value_name = "KIB", default_value_t = limits::SPOOL_BYTES_OF_ACCOUNT >> 10)]
    pub(crate) max_spool_size_per_key: u64,
    /// How long an upload lives without a new byte, and answers are kept for whoever repeats a request.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) upload_lifetime: Duration,
    /// Who has a token may store.
    #[command(flatten)]
    pub(crate) tokens: TokenArgs,
}

/// How tokens are checked. Client spec 3.7.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Key of the signatures of tokens: the secret itself, or `0x` and bytes in hexadecimal digits (for public keys, DER).
    #[arg(long, value_name = "SECRET", env = "WALRUS_JWT_DECODE_SECRET", hide_env_values = true, value_parser = parse_secret)]
    pub(crate) jwt_decode_secret: Option<Secret>,
    /// Algorithm of the signatures, whatever a token says.
    #[arg(long, value_name = "NAME", default_value = "HS256")]
    pub(crate) jwt_algorithm: Algorithm,
    /// Seconds that a token has to live, from `iat` to `exp`; 0 for any.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    pub(crate) jwt_expiring_sec: u64,
    /// Check what a token says of epochs, size and owner before a body is read.
    #[arg(long)]
    pub(crate) jwt_verify_upload: bool,
    /// Used tokens that are remembered until they expire.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) jwt_cache_size: usize,
    /// No effect: expired tokens are forgotten when their place is needed.
    #[arg(long, value_name = "DURATION", hide = true, value_parser = parse_duration)]
    pub(crate) jwt_cache_refresh_interval: Option<Duration>,
    /// Do not check signatures, because whatever stands before the publisher does.
    #[arg(long, conflicts_with = "jwt_decode_secret")]
    pub(crate) jwt_trust_signatures: bool,
}

/// The key of signatures; not in any output.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

fn parse_secret(text: &str) -> Result<Secret, String> {
    match text.strip_prefix("0x") {
        None => Ok(Secret(text.as_bytes().to_vec())),
        Some(digits) => {
            let bytes = hex::decode(digits);
            bytes
                .map(Secret)
                .map_err(|error| format!("behind 0x: {error}"))
        }
    }
}

impl TokenArgs {
    /// How tokens are checked, if they are needed, with used ones in `directory`.
    ///
    /// # Errors
    /// That nobody would check signatures.
    pub(crate) fn options(self, directory: PathBuf) -> anyhow::Result<Option<TokenOptions>> {
        let is_used = self.jwt_expiring_sec > 0 || self.jwt_verify_upload;
        let signature = match (self.jwt_decode_secret, self.jwt_trust_signatures) {
            (Some(Secret(key)), _) => Signature::Checked {
                key,
                algorithm: self.jwt_algorithm,
            },
            (None, true) => Signature::Trusted,
            (None, false) if is_used => anyhow::bail!(
                "nothing says how signatures of tokens are checked: give the key with --jwt-decode-secret, or say with \
                 --jwt-trust-signatures that whatever stands before the publisher checks them"
            ),
            (None, false) => return Ok(None),
        };
        Ok(Some(TokenOptions {
            signature,
            expiring_sec: self.jwt_expiring_sec,
            verify_upload: self.jwt_verify_upload,
            cache_size: self.jwt_cache_size,
            directory,
        }))
    }
}

/// Arguments of `aggregator`.
#[derive(Debug, Args)]
pub(crate) struct AggregatorArgs {
    /// Where it listens.
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    /// How reads are served.
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
}

/// Arguments of `publisher`.
#[derive(Debug, Args)]
pub(crate) struct PublisherArgs {
    /// Where it listens.
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    /// How stores are served.
    #[command(flatten)]
    pub(crate) storing: StoringArgs,
}

/// Arguments of `daemon`.
#[derive(Debug, Args)]
pub(crate) struct BothArgs {
    /// Where it listens.
    #[command(flatten)]
    pub(crate) daemon: DaemonArgs,
    /// How reads are served.
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    /// How stores are served.
    #[command(flatten)]
    pub(crate) storing: StoringArgs,
}

/// Arguments of `upload-relay`. Client spec 4.1.
#[derive(Debug, Args)]
pub(crate) struct UploadRelayArgs {
    /// Configuration of the relay (YAML): the tip, and how old the transaction may be that pays it; without one, it wants none.
    #[arg(long, value_name = "FILE", value_parser = below_home())]
    pub(crate) relay_config: Option<PathBuf>,
    /// Client configuration file, as --config.
    #[arg(long, value_name = "FILE", hide = true, conflicts_with = "config", value_parser = below_home())]
    pub(crate) walrus_config: Option<PathBuf>,
    /// Address for requests.
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:57391")]
    pub(crate) server_address: SocketAddr,
    /// Address for Prometheus, at `/metrics`.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:9184")]
    pub(crate) metrics_address: SocketAddr,
    /// Blobs that are not relayed: a YAML list of blob IDs, read again twice a minute.
    #[arg(long, value_name = "FILE", value_parser = below_home())]
    pub(crate) blocklist: Option<PathBuf>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}
