//! The configuration of a storage node, as YAML. Node spec 6.1.
//!
//! Keys that nothing reads, at any depth, give a warning, not an error: operators switch binaries with the same file. `~` in
//! paths is the home directory.

use std::{
    fmt, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_node_client::{Addresses, Extensions};
use walrus_service::server::Limits;
use walrus_sui::{
    Address,
    config::{TextOrMap, is_default, read_document, warn_of_unread_keys},
    contract::ContractObjects,
    home::{self, Expand as _},
    is_public_network,
    wallet::{Keypair, Wallet, read_bounded},
};

use crate::{
    checks::ConsistencyCheckConfig,
    operator::{MetadataConfig, VotingParams, backup::DIRECTORY},
    storage::StorageOptions,
    tls::ip_literal,
    upkeep::ConfigSynchronizerConfig,
};

/// Everything a storage node is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeConfig {
    /// Display name.
    pub name: String,
    /// Directory for everything the node stores.
    #[serde(deserialize_with = "home::deserialize")]
    pub storage_path: PathBuf,
    /// Directories of further disks for slivers. What a disk loses, it loses alone; a disk that is not mounted is not written to.
    #[serde(
        default,
        deserialize_with = "home::deserialize",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub storage_disks: Vec<PathBuf>,
    /// The most that slivers may take on all disks together, in bytes; no bound if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_max_bytes: Option<u64>,
    /// What slivers leave free on each disk, in bytes.
    #[serde(default = "default_reserve_bytes")]
    pub storage_reserve_bytes: u64,
    /// BLS key that signs confirmations.
    pub protocol_key_pair: KeySource,
    /// BLS key that takes its place: the chain is told of it, and changes to it with an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_protocol_key_pair: Option<KeySource>,
    /// P-256 key of the TLS certificate.
    pub network_key_pair: KeySource,
    /// Host under which others reach the node: a name or an address (IPv6 with or without brackets); no port.
    pub public_host: String,
    /// Port under which others reach the node.
    pub public_port: u16,
    /// Address the REST service listens on. Port 0 takes any free port.
    #[serde(default = "default_rest_address")]
    pub rest_api_address: SocketAddr,
    /// Address of a plain HTTP server for `GET /metrics`; absent: no such server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_address: Option<SocketAddr>,
    /// How long open requests may take after a termination; null waits for ever, 0 not at all.
    #[serde(default = "default_grace", skip_serializing_if = "is_default_grace")]
    pub rest_graceful_shutdown_period_secs: Option<u64>,
    /// Certificate options.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tls: TlsConfig,
    /// The chain.
    pub sui: SuiConfig,
    /// The node's capability object; found among the wallet's objects when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_node_cap: Option<Address>,
    /// A YAML list of blob IDs that the node does not serve.
    #[serde(
        default,
        deserialize_with = "home::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub blocklist_path: Option<PathBuf>,
    /// Tuning of the REST service.
    #[serde(default, skip_serializing_if = "is_default")]
    pub rest_server: RestServerConfig,
    /// Tuning of recovery.
    #[serde(default, skip_serializing_if = "is_default")]
    pub blob_recovery: BlobRecoveryConfig,
    /// Tuning of shard sync.
    #[serde(default, skip_serializing_if = "is_default")]
    pub shard_sync_config: ShardSyncConfig,
    /// How long recovery waits for uploads that are still running.
    #[serde(default, skip_serializing_if = "is_default")]
    pub live_upload_deferral: LiveUploadDeferralConfig,
    /// When data is deleted.
    #[serde(default, skip_serializing_if = "is_default")]
    pub garbage_collection: GarbageCollectionConfig,
    /// Cache of slivers uploaded before their registration.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pending_sliver_cache: PendingSliverCacheConfig,
    /// Cache of metadata uploaded before its registration.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pending_metadata_cache: PendingMetadataCacheConfig,
    /// A collector that metrics are sent to; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_push: Option<MetricsPushConfig>,
    /// Backups that the node makes while it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub checkpoint_config: CheckpointConfig,
    /// What is checked after an epoch change.
    #[serde(default, skip_serializing_if = "is_default")]
    pub consistency_check: ConsistencyCheckConfig,
    /// When the wallet is called low.
    #[serde(default, skip_serializing_if = "is_default")]
    pub balance_check: BalanceCheckConfig,
    /// Whether other nodes may be at addresses of private networks. When absent they may where the network is a local one: none of
    /// the public networks, and its chain is at such an address itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_private_addresses: Option<bool>,
    /// Block cache of the database, in bytes.
    #[serde(
        default = "default_cache_bytes",
        skip_serializing_if = "is_default_cache_bytes"
    )]
    pub database_cache_bytes: u64,
    /// Whether the node helps to drive epochs (`voting_end`, `initiate_epoch_change`, closing an epoch change
    /// that is overdue, subsidies).
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub drive_epochs: bool,
    /// The node's share of the reward of its stake, in basis points.
    #[serde(default = "default_commission")]
    pub commission_rate: u16,
    /// What the node votes for.
    #[serde(default)]
    pub voting_params: VotingParams,
    /// What the chain tells people about the node.
    #[serde(default)]
    pub metadata: MetadataConfig,
    /// A Unix socket for the operator; absent: none.
    #[serde(
        default,
        deserialize_with = "home::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub admin_socket_path: Option<PathBuf>,
    /// How often the chain is told what has changed here.
    #[serde(default, skip_serializing_if = "is_default")]
    pub config_synchronizer: ConfigSynchronizerConfig,
    /// Where it was read from.
    #[serde(skip)]
    pub origin: Origin,
}

/// The file that a configuration was read from, if it was. What a configuration says does not depend on it: any two are equal.
#[derive(Debug, Clone, Default)]
pub struct Origin(Option<PathBuf>);

impl PartialEq for Origin {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Origin {}

impl Origin {
    /// The file.
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

/// A key, in place or in a file. Node spec 6.2. What is in place is not in the `Debug` form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, from = "TextOrMap<KeyFile>")]
pub enum KeySource {
    /// A file that holds the text.
    File {
        /// Where it is.
        path: PathBuf,
    },
    /// The text itself: tagged base64, or PKCS#8 PEM for the network key.
    InPlace(String),
}

/// `{path: …}`.
#[derive(Deserialize)]
struct KeyFile {
    #[serde(deserialize_with = "home::deserialize")]
    path: PathBuf,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path } => f.debug_struct("File").field("path", path).finish(),
            Self::InPlace(_) => f.write_str("InPlace(hidden)"),
        }
    }
}

impl From<TextOrMap<KeyFile>> for KeySource {
    fn from(value: TextOrMap<KeyFile>) -> Self {
        match value {
            TextOrMap::Text(text) => Self::InPlace(text),
            TextOrMap::Map(KeyFile { path }) => Self::File { path },
        }
    }
}

impl KeySource {
    /// A key in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File { path: path.into() }
    }

    fn text(&self) -> anyhow::Result<String> {
        match self {
            Self::InPlace(text) => Ok(text.clone()),
            Self::File { path } => fs::read_to_string(path)
                .with_context(|| format!("cannot read the key file {}", path.display())),
        }
    }
}

/// Certificate options. Node spec 1.1.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Plain HTTP, for use behind a proxy that holds the key.
    pub disable_tls: bool,
    /// Plain HTTP on the same port, beside TLS: for clients of the same machine that cannot be told to trust the node's own
    /// certificate, such as browsers.
    pub also_plain_http: bool,
    /// PEM chain whose leaf carries the network key; a self-signed certificate is made when absent, the same at each start.
    #[serde(deserialize_with = "home::deserialize")]
    pub certificate_path: Option<PathBuf>,
}

/// How the node reaches the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuiConfig {
    /// URL of the gRPC service.
    pub rpc: String,
    /// The shared system object.
    pub system_object: Address,
    /// The shared staking object.
    pub staking_object: Address,
    /// The protected treasury, needed to initiate epoch changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treasury_object: Option<Address>,
    /// The subsidies that the nodes process once an epoch; absent: nobody's business.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walrus_subsidies_object: Option<Address>,
    /// The wallet that pays for the node's transactions.
    pub wallet_config: WalletSource,
    /// The checkpoint at which a fresh node begins to read events; absent: the one after the contract's publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_checkpoint: Option<u64>,
}

/// Where the wallet is. A key in place is not in the `Debug` form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "TextOrMap<WalletKeys>")]
pub enum WalletSource {
    /// A Sui wallet file (`client.yaml`).
    File(PathBuf),
    /// A key in place (`suiprivkey1…` or base64).
    Key {
        /// The key.
        key: String,
    },
    /// A Sui wallet file with another active environment or address.
    Selected {
        /// The file.
        path: PathBuf,
        /// Environment to use.
        active_env: Option<String>,
        /// Address to use.
        active_address: Option<Address>,
    },
}

impl fmt::Debug for WalletSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Key { .. } => f.write_str("Key(hidden)"),
            Self::Selected {
                path,
                active_env,
                active_address,
            } => f
                .debug_struct("Selected")
                .field("path", path)
                .field("active_env", active_env)
                .field("active_address", active_address)
                .finish(),
        }
    }
}

/// The keys of a wallet that is more than a path.
#[derive(Default, Deserialize)]
#[serde(default)]
struct WalletKeys {
    key: Option<String>,
    #[serde(deserialize_with = "home::deserialize")]
    path: Option<PathBuf>,
    active_env: Option<String>,
    active_address: Option<Address>,
}

impl TryFrom<TextOrMap<WalletKeys>> for WalletSource {
    type Error = String;

    fn try_from(value: TextOrMap<WalletKeys>) -> Result<Self, String> {
        let keys = match value {
            TextOrMap::Text(path) => {
                let path = PathBuf::from(path).expand();
                return path.map(Self::File).map_err(|error| error.to_string());
            }
            TextOrMap::Map(keys) => keys,
        };
        let selects = keys.active_env.is_some() || keys.active_address.is_some();
        match (keys.key, keys.path) {
            (Some(key), None) if !selects => Ok(Self::Key { key }),
            (None, Some(path)) => Ok(Self::Selected {
                path,
                active_env: keys.active_env,
                active_address: keys.active_address,
            }),
            _ => Err(
                "a wallet has a `key` alone, or a `path` and what is active in it (active_env, active_address)"
                    .to_owned(),
            ),
        }
    }
}

/// Tuning of the REST service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RestServerConfig {
    /// Streams of one HTTP/2 connection.
    pub http2_max_concurrent_streams: u32,
    /// Connections at once of all that are no storage nodes.
    pub max_connections: usize,
    /// Of these, those from one address.
    pub max_connections_per_address: usize,
    /// Connections at once of storage nodes.
    pub max_peer_connections: usize,
    /// Open requests of all that are no storage nodes.
    pub max_requests: usize,
    /// Of these, those from one address.
    pub max_requests_per_address: usize,
    /// Concurrent requests for recovery and decoding symbols; more are answered with 503.
    pub experimental_max_active_recovery_symbols_requests: Option<usize>,
    /// Bytes of bodies that are being read or stored at once.
    pub max_upload_bytes_in_flight: usize,
    /// Bytes of answers that are being sent at once.
    pub max_answer_bytes_in_flight: usize,
    /// Of either, bytes of one address or of one storage node. Not less than the largest sliver, for that could not be sent then.
    pub max_bytes_in_flight_per_address: usize,
    /// Whether the extensions of the API are offered: a blob in one request, and slivers in one answer.
    pub extensions: bool,
    /// Longest wait for a registration in a confirmation request; 0 disables waiting.
    pub confirmation_long_poll_max_millis: u64,
    /// Most requests that wait at once.
    pub confirmation_long_poll_max_in_flight_requests: Option<usize>,
}

impl Default for RestServerConfig {
    fn default() -> Self {
        Self {
            http2_max_concurrent_streams: 1000,
            max_connections: Limits::default().connections,
            max_connections_per_address: Limits::default().connections_per_address,
            max_peer_connections: Limits::default().peer_connections,
            max_requests: Limits::default().requests,
            max_requests_per_address: Limits::default().requests_per_address,
            experimental_max_active_recovery_symbols_requests: Some(1000),
            max_upload_bytes_in_flight: 96 << 20,
            max_answer_bytes_in_flight: 72 << 20,
            max_bytes_in_flight_per_address: 64 << 20,
            extensions: true,
            confirmation_long_poll_max_millis: 5000,
            confirmation_long_poll_max_in_flight_requests: Some(1000),
        }
    }
}

/// Tuning of recovery. Node spec 5.1 to 5.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlobRecoveryConfig {
    /// Blobs recovered at once.
    pub max_concurrent_blob_syncs: usize,
    /// Slivers of one blob recovered at once.
    pub max_concurrent_sliver_syncs: usize,
    /// First pause after a round without success.
    pub retry_interval_min_secs: u64,
    /// Longest such pause.
    pub retry_interval_max_secs: u64,
    /// Patience with one metadata request.
    pub metadata_request_timeout_secs: u64,
    /// Patience with one symbol request.
    pub sliver_request_timeout_secs: u64,
    /// Patience with one request to attest an inconsistency.
    pub invalidity_sync_timeout_secs: u64,
    /// Patience with connecting to a peer.
    pub node_connect_timeout_secs: u64,
    /// For how long a blob of which all nodes together have too little holds up the report that the shards of an epoch are
    /// complete. It is tried again in any case.
    pub unrecoverable_patience_secs: u64,
}

impl Default for BlobRecoveryConfig {
    fn default() -> Self {
        Self {
            max_concurrent_blob_syncs: 10,
            max_concurrent_sliver_syncs: 4,
            retry_interval_min_secs: 1,
            retry_interval_max_secs: 3600,
            metadata_request_timeout_secs: 5,
            sliver_request_timeout_secs: 45,
            invalidity_sync_timeout_secs: 300,
            node_connect_timeout_secs: 1,
            unrecoverable_patience_secs: 60,
        }
    }
}

/// Tuning of shard sync. Node spec 1.14 and 5.11.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardSyncConfig {
    /// Slivers asked for at once.
    pub sliver_count_per_sync_request: u64,
    /// Most slivers sent at once; null: as many as fit an answer.
    pub max_sliver_count_per_sync_request: Option<u64>,
    /// Shards received at once.
    pub shard_sync_concurrency: usize,
    /// Metadata fetched at once for one shard.
    pub max_concurrent_metadata_fetch: usize,
    /// First pause after a source did not answer as asked.
    pub shard_sync_retry_min_backoff_secs: u64,
    /// Longest such pause.
    pub shard_sync_retry_max_backoff_secs: u64,
    /// For how long a source may send nothing before its shard is recovered from the other nodes.
    pub shard_sync_retry_switch_to_recovery_interval_secs: u64,
}

impl Default for ShardSyncConfig {
    fn default() -> Self {
        Self {
            sliver_count_per_sync_request: 1000,
            max_sliver_count_per_sync_request: Some(100_000),
            shard_sync_concurrency: 10,
            max_concurrent_metadata_fetch: 100,
            shard_sync_retry_min_backoff_secs: 1,
            shard_sync_retry_max_backoff_secs: 60,
            shard_sync_retry_switch_to_recovery_interval_secs: 120,
        }
    }
}

/// How long recovery waits for uploads that are still running. Node spec 4.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LiveUploadDeferralConfig {
    /// Whether it waits at all.
    pub enabled: bool,
    /// Waiting time by blob size, ascending.
    pub buckets: Vec<DeferralBucket>,
    /// Longest waiting time; also that of blobs of unknown size.
    pub max_total_defer_secs: u64,
    /// Events further behind the chain than this are not deferred.
    pub max_checkpoint_lag: u64,
}

/// Waiting time of blobs up to a size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeferralBucket {
    /// Largest unencoded size.
    pub max_unencoded_bytes: u64,
    /// Waiting time.
    pub defer_secs: u64,
}

impl Default for LiveUploadDeferralConfig {
    fn default() -> Self {
        let bucket = |max_unencoded_bytes, defer_secs| DeferralBucket {
            max_unencoded_bytes,
            defer_secs,
        };
        Self {
            enabled: true,
            buckets: vec![bucket(100 << 20, 15), bucket(4 << 30, 30)],
            max_total_defer_secs: 120,
            max_checkpoint_lag: 1500,
        }
    }
}

/// When data is deleted. Node spec 3.9.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GarbageCollectionConfig {
    /// Whether the data of a deleted blob goes as soon as nothing of it is registered any more; otherwise with the epoch.
    pub enable_immediate_data_deletion: bool,
}

/// Bounds of the cache for slivers uploaded before their registration. Node spec 4.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingSliverCacheConfig {
    /// Most slivers.
    pub max_cached_slivers: usize,
    /// Most bytes.
    pub max_cached_bytes: usize,
    /// Of these, bytes that came from one address, metadata included.
    pub max_cached_bytes_per_address: usize,
    /// Largest sliver.
    pub max_cached_sliver_bytes: usize,
    /// Lifetime in seconds; 0 disables the cache.
    pub cache_ttl: u64,
}

impl Default for PendingSliverCacheConfig {
    fn default() -> Self {
        Self {
            max_cached_slivers: 20480,
            max_cached_bytes: 64 << 20,
            max_cached_bytes_per_address: 32 << 20,
            max_cached_sliver_bytes: 4 << 20,
            cache_ttl: 60,
        }
    }
}

/// Bounds of the cache for metadata uploaded before its registration. Node spec 4.3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingMetadataCacheConfig {
    /// Most entries.
    pub max_cached_entries: usize,
    /// Lifetime in seconds; 0 disables the cache.
    pub cache_ttl: u64,
}

impl Default for PendingMetadataCacheConfig {
    fn default() -> Self {
        Self {
            max_cached_entries: 1024,
            cache_ttl: 60,
        }
    }
}

/// Where metrics are sent to. Node spec 8.3.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsPushConfig {
    /// How often.
    #[serde(default = "default_push_interval")]
    pub push_interval_secs: u64,
    /// The collector. The URL may hold a secret, and is not in the `Debug` form.
    pub push_url: String,
    /// Further labels of all metrics.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
}

impl fmt::Debug for MetricsPushConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsPushConfig")
            .field("push_interval_secs", &self.push_interval_secs)
            .field("labels", &self.labels)
            .finish_non_exhaustive()
    }
}

fn default_push_interval() -> u64 {
    60
}

/// Backups that a node makes while it runs. Node spec 6.1 and 7.6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckpointConfig {
    /// Where they are; absent: `checkpoints` in the storage directory.
    #[serde(
        deserialize_with = "home::deserialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub db_checkpoint_dir: Option<PathBuf>,
    /// Of more than so many the oldest go.
    pub max_db_checkpoints: usize,
    /// From one to the next.
    pub db_checkpoint_interval: std::time::Duration,
    /// Whether they are made without being told to.
    pub periodic_db_checkpoints: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self {
            db_checkpoint_dir: None,
            max_db_checkpoints: 3,
            db_checkpoint_interval: std::time::Duration::from_secs(86_400),
            periodic_db_checkpoints: false,
        }
    }
}

/// When the wallet that pays for gas is called low. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BalanceCheckConfig {
    /// Below so many MIST.
    pub warning_threshold_mist: u64,
}

impl Default for BalanceCheckConfig {
    fn default() -> Self {
        Self {
            warning_threshold_mist: 5_000_000_000,
        }
    }
}

fn default_rest_address() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], 9185))
}

// The shape of the key: absent means 60 s, null means no limit.
#[allow(clippy::unnecessary_wraps)]
fn default_grace() -> Option<u64> {
    Some(60)
}

fn is_default_grace(seconds: &Option<u64>) -> bool {
    *seconds == default_grace()
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_default_cache_bytes(bytes: &u64) -> bool {
    *bytes == default_cache_bytes()
}

fn default_cache_bytes() -> u64 {
    32 << 20
}

fn default_reserve_bytes() -> u64 {
    1 << 30
}

fn default_commission() -> u16 {
    6000
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_yes(value: &bool) -> bool {
    *value == yes()
}

fn yes() -> bool {
    true
}

impl NodeConfig {
    /// A configuration with these keys, which every node must be told, and the defaults for the rest.
    pub fn new(
        name: String,
        storage_path: PathBuf,
        protocol_key_pair: KeySource,
        network_key_pair: KeySource,
        public_host: String,
        public_port: u16,
        sui: SuiConfig,
    ) -> Self {
        Self {
            name,
            storage_path,
            protocol_key_pair,
            network_key_pair,
            public_host,
            public_port,
            sui,
            storage_disks: Vec::new(),
            storage_max_bytes: None,
            storage_reserve_bytes: default_reserve_bytes(),
            rest_api_address: default_rest_address(),
            metrics_address: None,
            rest_graceful_shutdown_period_secs: default_grace(),
            tls: TlsConfig::default(),
            storage_node_cap: None,
            blocklist_path: None,
            rest_server: RestServerConfig::default(),
            blob_recovery: BlobRecoveryConfig::default(),
            shard_sync_config: ShardSyncConfig::default(),
            live_upload_deferral: LiveUploadDeferralConfig::default(),
            garbage_collection: GarbageCollectionConfig::default(),
            pending_sliver_cache: PendingSliverCacheConfig::default(),
            pending_metadata_cache: PendingMetadataCacheConfig::default(),
            metrics_push: None,
            checkpoint_config: CheckpointConfig::default(),
            consistency_check: ConsistencyCheckConfig::default(),
            balance_check: BalanceCheckConfig::default(),
            allow_private_addresses: None,
            database_cache_bytes: default_cache_bytes(),
            drive_epochs: yes(),
            commission_rate: default_commission(),
            voting_params: VotingParams::default(),
            metadata: MetadataConfig::default(),
            admin_socket_path: None,
            next_protocol_key_pair: None,
            config_synchronizer: ConfigSynchronizerConfig::default(),
            origin: Origin::default(),
        }
    }

    /// Reads a configuration file; warns about keys that nothing reads.
    ///
    /// # Errors
    /// If the file cannot be read, is not YAML, lacks a key or has one of the wrong type.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = read_bounded("the configuration", path)?;
        let origin = path.display().to_string();
        let config = Self::parse(&text, &origin).with_context(|| format!("in {origin}"))?;
        let origin = Origin(Some(path.to_owned()));
        Ok(Self { origin, ..config })
    }

    /// Like [`NodeConfig::load`], from the text; `origin` says in warnings where that is from.
    ///
    /// # Errors
    /// If the text is not YAML, lacks a key or has one of the wrong type.
    pub fn parse(text: &str, origin: &str) -> anyhow::Result<Self> {
        let (config, unread): (Self, _) =
            read_document(text).context("not a node configuration")?;
        warn_of_unread_keys(origin, &unread);
        anyhow::ensure!(
            !config.public_host.contains(':') || ip_literal(&config.public_host).is_some(),
            "public_host `{}` must not contain a port",
            config.public_host
        );
        let percentage = config
            .consistency_check
            .sliver_data_existence_check_sample_rate_percentage;
        anyhow::ensure!(
            percentage <= 100,
            "consistency_check.sliver_data_existence_check_sample_rate_percentage is {percentage}; 100 is every blob"
        );
        Ok(config)
    }

    /// How the storage is opened.
    pub fn storage_options(&self) -> StorageOptions {
        StorageOptions {
            disks: self.storage_disks.clone(),
            max_bytes: self.storage_max_bytes,
            reserve_bytes: self.storage_reserve_bytes,
            ..StorageOptions::new(&self.storage_path, self.database_cache_bytes)
        }
    }

    /// `host:port` under which others reach the node; an IPv6 address has brackets.
    pub fn public_address(&self) -> String {
        match ip_literal(&self.public_host) {
            Some(address) => SocketAddr::new(address, self.public_port).to_string(),
            None => format!("{}:{}", self.public_host, self.public_port),
        }
    }

    /// Where backups are.
    pub fn backups_path(&self) -> PathBuf {
        let configured = self.checkpoint_config.db_checkpoint_dir.clone();
        configured.unwrap_or_else(|| self.storage_path.join(DIRECTORY))
    }

    /// The directories that hold slivers, one for each disk; the first is that of the storage itself.
    pub fn disk_paths(&self) -> Vec<PathBuf> {
        let further = self.storage_disks.iter().cloned();
        std::iter::once(self.storage_path.clone())
            .chain(further)
            .collect()
    }

    /// The configuration as YAML; sections that are as by default are left out.
    ///
    /// # Errors
    /// If a value cannot be written as YAML.
    pub fn to_yaml(&self) -> anyhow::Result<String> {
        serde_yaml::to_string(self).context("cannot write the configuration")
    }

    /// The BLS key.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn protocol_key(&self) -> anyhow::Result<BlsKeyPair> {
        self.protocol_key_pair
            .text()?
            .trim()
            .parse()
            .context("protocol_key_pair is not a BLS key")
    }

    /// The BLS key that takes its place, if there is one.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn next_protocol_key(&self) -> anyhow::Result<Option<BlsKeyPair>> {
        let Some(source) = &self.next_protocol_key_pair else {
            return Ok(None);
        };
        let key = source.text()?.trim().parse();
        key.map(Some)
            .context("next_protocol_key_pair is not a BLS key")
    }

    /// The P-256 key.
    ///
    /// # Errors
    /// If the file cannot be read or the text is not such a key.
    pub fn network_key(&self) -> anyhow::Result<NetworkKeyPair> {
        NetworkKeyPair::from_pem_or_text(self.network_key_pair.text()?.trim())
            .context("network_key_pair is not a secp256r1 key")
    }
}

impl RestServerConfig {
    /// What is offered beyond the API that all nodes have.
    pub(crate) fn extensions(&self) -> Extensions {
        if self.extensions {
            Extensions::ALL
        } else {
            Extensions::default()
        }
    }
}

impl SuiConfig {
    /// Where nodes of the network may be; `configured` is what the operator says.
    pub(crate) fn peer_addresses(&self, configured: Option<bool>) -> Addresses {
        let is_public = is_public_network(&self.system_object);
        Addresses::of_network(configured, is_public, &self.rpc)
    }

    /// The shared objects.
    pub fn objects(&self) -> ContractObjects {
        ContractObjects {
            system: self.system_object,
            staking: self.staking_object,
            treasury: self.treasury_object,
        }
    }

    /// The key that pays for transactions.
    ///
    /// # Errors
    /// If the wallet cannot be read or has no such key.
    pub fn wallet_key(&self) -> anyhow::Result<Arc<Keypair>> {
        match &self.wallet_config {
            WalletSource::Key { key } => Ok(Arc::new(Keypair::parse(key)?)),
            WalletSource::File(path) => Ok(Wallet::load(path, None, None)?.active_key()?),
            WalletSource::Selected {
                path,
                active_env,
                active_address,
            } => Ok(Wallet::load(path, active_env.as_deref(), *active_address)?.active_key()?),
        }
    }
}
