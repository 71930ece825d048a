//! Client configuration: one network as a client sees it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use walrus_sui::{
    Address,
    config::{TextOrMap, is_default},
    contract::ContractObjects,
    home::{self, Expand as _, NoHome},
    wallet::{Wallet, WalletError, default_wallet_path},
};

use super::CommunicationConfig;

/// Keys of one configuration (client spec 5.3): those that something reads. Of any other key a file is told that it has no effect.
/// Written as YAML, it has the keys that differ from their defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientConfig {
    /// `system::System`.
    pub system_object: Address,
    /// `staking::Staking`.
    pub staking_object: Address,
    /// `walrus_subsidies` object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walrus_subsidies_object: Option<Address>,
    /// `wal::ProtectedTreasury`; needed by whoever initiates epoch changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treasury_object: Option<Address>,
    /// Number of shards; read from the chain when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub n_shards: Option<u16>,
    /// The most epochs that `max` stands for, if the chain does not allow fewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_epochs_ahead: Option<u32>,
    /// How long chain state is cached, in seconds.
    #[serde(
        default = "default_cache_ttl",
        skip_serializing_if = "is_default_cache_ttl"
    )]
    pub cache_ttl_secs: u64,
    /// SUI/WAL exchanges of test networks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchange_objects: Vec<Address>,
    /// The wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet_config: Option<WalletConfig>,
    /// RPC servers, tried in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rpc_urls: Vec<String>,
    /// Communication with nodes and chain.
    #[serde(default, skip_serializing_if = "is_default")]
    pub communication_config: CommunicationConfig,
}

const fn default_cache_ttl() -> u64 {
    10
}

// serde hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_default_cache_ttl(seconds: &u64) -> bool {
    *seconds == default_cache_ttl()
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

    /// The wallet at `path`, or else the one that this configuration names, or else the usual one of the Sui tools; with the
    /// network and the address that this configuration makes active in it.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn wallet(&self, path: Option<&Path>) -> Result<Wallet, WalletError> {
        let selection = self.wallet_config.as_ref().map(WalletConfig::selection);
        let selection = selection.unwrap_or_default();
        let path = match path.map(Path::to_owned).or(selection.path) {
            Some(path) => path,
            None => default_wallet_path()?,
        };
        Wallet::load(
            &path,
            selection.active_env.as_deref(),
            selection.active_address,
        )
    }

    /// A configuration with these objects and RPC servers and defaults for the rest.
    pub fn for_network(objects: ContractObjects, rpc_urls: Vec<String>) -> Self {
        Self {
            system_object: objects.system,
            staking_object: objects.staking,
            treasury_object: objects.treasury,
            rpc_urls,
            walrus_subsidies_object: None,
            n_shards: None,
            max_epochs_ahead: None,
            cache_ttl_secs: default_cache_ttl(),
            exchange_objects: Vec::new(),
            wallet_config: None,
            communication_config: CommunicationConfig::default(),
        }
    }
}

/// Which wallet to use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "TextOrMap<WalletSelection>")]
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
    #[serde(deserialize_with = "home::deserialize")]
    pub path: Option<PathBuf>,
    /// Overrides `active_env`.
    pub active_env: Option<String>,
    /// Overrides `active_address`.
    pub active_address: Option<Address>,
}

impl TryFrom<TextOrMap<WalletSelection>> for WalletConfig {
    type Error = NoHome;

    fn try_from(value: TextOrMap<WalletSelection>) -> Result<Self, NoHome> {
        Ok(match value {
            TextOrMap::Text(path) => Self::Path(PathBuf::from(path).expand()?),
            TextOrMap::Map(selection) => Self::Selection(selection),
        })
    }
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
