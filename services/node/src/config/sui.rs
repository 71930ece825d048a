//! Chain configuration: how the node reaches the chain, and the wallet that pays there.

use std::{fmt, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use walrus_node_client::Addresses;
use walrus_sui::{
    Address,
    config::TextOrMap,
    contract::ContractObjects,
    home::{self, Expand as _},
    is_public_network,
    wallet::{Keypair, Wallet},
};

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
