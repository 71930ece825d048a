//! Configuration of a storage node, as YAML. Node spec 6.1.
//!
//! Keys that nothing reads, at any depth, give a warning, not an error: operators switch binaries with the same file. `~` in
//! paths is the home directory.
//!
//! Here are the keys of the first level and their defaults; each section is in the file of its subject.

mod document;
mod events;
mod healing;
mod keys;
mod monitoring;
mod pending;
mod rest_server;
mod storage;
mod sui;

use std::{net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};
use walrus_sui::{Address, config::is_default, home};

pub use self::{
    document::Origin,
    events::EventProcessorConfig,
    healing::{BlobRecoveryConfig, DeferralBucket, LiveUploadDeferralConfig, ShardSyncConfig},
    keys::KeySource,
    monitoring::{BalanceCheckConfig, MetricsPushConfig},
    pending::{PendingMetadataCacheConfig, PendingSliverCacheConfig},
    rest_server::{RestServerConfig, TlsConfig},
    storage::{CheckpointConfig, GarbageCollectionConfig},
    sui::{SuiConfig, WalletSource},
};
use crate::{
    checks::ConsistencyCheckConfig,
    operator::{MetadataConfig, VotingParams},
    prices::WalPriceConfig,
    snapshots::SnapshotConfig,
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
    /// Snapshots of what is registered.
    #[serde(default, skip_serializing_if = "is_default")]
    pub blob_info_snapshot: SnapshotConfig,
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
    /// How the node catches up with the chain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub event_processor_config: EventProcessorConfig,
    /// Whether event blobs are left to the other nodes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub disable_event_blob_writer: bool,
    /// Checkpoints in an event blob; all nodes of a network have the same number, and those of the public networks 216000, as
    /// when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_blob_checkpoints: Option<std::num::NonZeroU64>,
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
    /// Who says what a WAL costs, if the node votes in dollars.
    #[serde(default, skip_serializing_if = "is_default")]
    pub wal_price_monitor: WalPriceConfig,
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
            blob_info_snapshot: SnapshotConfig::default(),
            balance_check: BalanceCheckConfig::default(),
            allow_private_addresses: None,
            database_cache_bytes: default_cache_bytes(),
            event_processor_config: EventProcessorConfig::default(),
            disable_event_blob_writer: false,
            event_blob_checkpoints: None,
            drive_epochs: yes(),
            commission_rate: default_commission(),
            voting_params: VotingParams::default(),
            wal_price_monitor: WalPriceConfig::default(),
            metadata: MetadataConfig::default(),
            admin_socket_path: None,
            next_protocol_key_pair: None,
            config_synchronizer: ConfigSynchronizerConfig::default(),
            origin: Origin::default(),
        }
    }

    /// Where snapshots are kept, of the node itself and of others.
    pub(crate) fn snapshot_directory(&self) -> Option<PathBuf> {
        let SnapshotConfig {
            enabled,
            begin_with,
        } = self.blob_info_snapshot;
        (enabled || begin_with).then(|| self.storage_path.join("blob_info_snapshots"))
    }

    /// `host:port` under which others reach the node; an IPv6 address has brackets.
    pub fn public_address(&self) -> String {
        match ip_literal(&self.public_host) {
            Some(address) => SocketAddr::new(address, self.public_port).to_string(),
            None => format!("{}:{}", self.public_host, self.public_port),
        }
    }
}
