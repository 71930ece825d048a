//! One network as a client sees it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

use super::tuning::{CommunicationConfig, RefreshConfig, SliverReadConfig, StreamingConfig};
use crate::contract::ContractObjects;

/// Keys of one configuration (client spec 5.3).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientConfig {
    /// `system::System`.
    pub system_object: Address,
    /// `staking::Staking`.
    pub staking_object: Address,
    /// `subsidies` object.
    #[serde(default)]
    pub credits_object: Option<Address>,
    /// `walrus_subsidies` object.
    #[serde(default)]
    pub walrus_subsidies_object: Option<Address>,
    /// `wal::ProtectedTreasury`; needed by whoever initiates epoch changes.
    #[serde(default)]
    pub treasury_object: Option<Address>,
    /// Number of shards; read from the chain when absent.
    #[serde(default)]
    pub n_shards: Option<u16>,
    /// How far ahead storage can be bought; read from the chain when absent.
    #[serde(default)]
    pub max_epochs_ahead: Option<u32>,
    /// How long chain state is cached, in seconds.
    #[serde(default = "default_cache_ttl")]
    pub cache_ttl_secs: u64,
    /// SUI/WAL exchanges of test networks.
    #[serde(default)]
    pub exchange_objects: Vec<Address>,
    /// The wallet.
    #[serde(default)]
    pub wallet_config: Option<WalletConfig>,
    /// RPC servers, tried in order.
    #[serde(default)]
    pub rpc_urls: Vec<String>,
    /// Communication with nodes and chain.
    #[serde(default)]
    pub communication_config: CommunicationConfig,
    /// Refreshing the committee.
    #[serde(default)]
    pub refresh_config: RefreshConfig,
    /// Reading from quilts.
    #[serde(default)]
    pub quilt_client_config: SliverReadConfig,
    /// Reading byte ranges.
    #[serde(default)]
    pub byte_range_read_client_config: SliverReadConfig,
    /// Streaming reads.
    #[serde(default)]
    pub streaming_config: StreamingConfig,
}

const fn default_cache_ttl() -> u64 {
    10
}

impl ClientConfig {
    /// The shared objects for a reader.
    pub fn objects(&self) -> ContractObjects {
        ContractObjects {
            system: self.system_object,
            staking: self.staking_object,
            treasury: self.treasury_object,
        }
    }

    /// A configuration with these objects and RPC servers and defaults for the rest.
    pub fn for_network(objects: ContractObjects, rpc_urls: Vec<String>) -> Self {
        Self {
            system_object: objects.system,
            staking_object: objects.staking,
            treasury_object: objects.treasury,
            rpc_urls,
            credits_object: None,
            walrus_subsidies_object: None,
            n_shards: None,
            max_epochs_ahead: None,
            cache_ttl_secs: default_cache_ttl(),
            exchange_objects: Vec::new(),
            wallet_config: None,
            communication_config: CommunicationConfig::default(),
            refresh_config: RefreshConfig::default(),
            quilt_client_config: SliverReadConfig::default(),
            byte_range_read_client_config: SliverReadConfig::default(),
            streaming_config: StreamingConfig::default(),
        }
    }
}

/// Which wallet to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum WalletConfig {
    /// Its path.
    Path(PathBuf),
    /// Its path and what is active in it.
    Selection(WalletSelection),
}

/// A wallet, network and address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WalletSelection {
    /// The wallet file; the default one when absent.
    pub path: Option<PathBuf>,
    /// Overrides `active_env`.
    pub active_env: Option<String>,
    /// Overrides `active_address`.
    pub active_address: Option<Address>,
}

impl WalletConfig {
    /// Both notations as one.
    pub fn selection(&self) -> WalletSelection {
        match self {
            Self::Path(path) => WalletSelection {
                path: Some(path.clone()),
                ..WalletSelection::default()
            },
            Self::Selection(selection) => selection.clone(),
        }
    }
}
