//! `client.yaml`, the wallet file that the Sui tools share.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;

use super::{
    FileError, KeyError, Keypair, Keystore,
    file::{read_bounded, write_private},
};
use crate::{
    chain::shown_url,
    config::{parse_document, read_part, warn_of_unread_keys},
    home,
};

/// A wallet: key store, networks and what is active.
#[derive(Debug, Clone)]
pub struct Wallet {
    path: PathBuf,
    config: SuiConfig,
    keystore: Keystore,
    active_address: Address,
}

/// A network in a wallet. Its credentials are not in its `Debug` form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name.
    pub alias: String,
    /// URL of its RPC server.
    pub rpc: String,
    /// URL of its web socket, which nothing uses: a warning says so.
    #[serde(default)]
    pub ws: Option<String>,
    /// Credentials for its RPC server, `user:password`.
    #[serde(default)]
    pub basic_auth: Option<String>,
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("alias", &self.alias)
            .field("rpc", &shown_url(&self.rpc))
            .field("ws", &self.ws)
            .field("basic_auth", &self.basic_auth.as_ref().map(|_| "hidden"))
            .finish()
    }
}

/// The file. Keys that this version does not know are ignored: the file belongs to the Sui tools.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct SuiConfig {
    keystore: KeystoreLocation,
    #[serde(default)]
    external_keys: Option<serde_yaml::Value>,
    #[serde(default)]
    envs: Vec<Environment>,
    #[serde(default)]
    active_env: Option<String>,
    #[serde(default)]
    active_address: Option<Address>,
}

/// `keystore: {File: path}`, which the Sui tools also write as a YAML tag (`!File path`).
#[derive(Debug, Clone, Serialize, Deserialize)]
struct KeystoreLocation {
    #[serde(rename = "File", deserialize_with = "home::deserialize")]
    file: PathBuf,
}

/// A wallet cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WalletError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The wallet file is malformed.
    #[error("{path} is not a Sui wallet configuration: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The keystore is malformed.
    #[error("{path}: {source}", path = path.display())]
    Keystore {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The keystore holds no key.
    #[error("the keystore of {path} is empty", path = path.display())]
    NoKeys {
        /// The wallet file.
        path: PathBuf,
    },
    /// The address has no key in the keystore.
    #[error("{address} is not in the keystore of {path}", path = path.display())]
    UnknownAddress {
        /// The address.
        address: Address,
        /// The wallet file.
        path: PathBuf,
    },
    /// The network is not in the wallet.
    #[error("{path} has no environment {alias}; it has: {known}", path = path.display())]
    UnknownEnvironment {
        /// The alias.
        alias: String,
        /// The aliases there are.
        known: String,
        /// The wallet file.
        path: PathBuf,
    },
    /// No wallet was found.
    #[error("no wallet found; looked at {tried}")]
    NotFound {
        /// The paths.
        tried: String,
    },
}

impl Wallet {
    /// Reads a wallet. `active_env` and `active_address` override what the file says.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn load(
        path: &Path,
        active_env: Option<&str>,
        active_address: Option<Address>,
    ) -> Result<Self, WalletError> {
        let mut config = parse(path, &read_bounded("the wallet", path)?)?;
        if config.keystore.file.is_relative() {
            // Relative to the wallet, so that a directory can be moved.
            let parent = path.parent().unwrap_or(Path::new("."));
            config.keystore.file = parent.join(&config.keystore.file);
        }
        let keystore = Keystore::load(&config.keystore.file)?;
        if let Some(alias) = active_env {
            config.active_env = Some(alias.to_owned());
        }
        if let Some(alias) = &config.active_env
            && !config.envs.iter().any(|env| env.alias == *alias)
        {
            return Err(WalletError::UnknownEnvironment {
                alias: alias.clone(),
                known: config
                    .envs
                    .iter()
                    .map(|e| e.alias.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                path: path.to_owned(),
            });
        }
        for environment in config.envs.iter().filter(|one| one.ws.is_some()) {
            let keys = [format!("envs.{}.ws", environment.alias)];
            warn_of_unread_keys(&path.display().to_string(), &keys);
        }
        let address = active_address.or(config.active_address);
        let active_address =
            match address {
                Some(address) => address,
                None => keystore.first().map(|key| key.address()).ok_or_else(|| {
                    WalletError::NoKeys {
                        path: path.to_owned(),
                    }
                })?,
            };
        if keystore.get(active_address).is_none() {
            return Err(WalletError::UnknownAddress {
                address: active_address,
                path: path.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            config,
            keystore,
            active_address,
        })
    }

    /// Writes a new wallet with one key: `path` and `sui.keystore` beside it, both with mode 0600. Neither
    /// file may exist.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn create(
        path: &Path,
        environment: Environment,
        key: Keypair,
    ) -> Result<Self, WalletError> {
        if path.exists() {
            return Err(FileError::Exists {
                path: path.to_owned(),
            }
            .into());
        }
        let keystore_path = path.with_file_name("sui.keystore");
        Keystore::new([key]).create(&keystore_path)?;
        Self::write(path, &keystore_path, environment)
    }

    /// Reads the wallet at `path`, or writes a new one with a key of its own: the key store first, so that a key which is there
    /// from an interrupted attempt is taken. Both files have mode 0600.
    ///
    /// # Errors
    /// [`WalletError`].
    pub fn open_or_create(
        path: &Path,
        keystore_path: &Path,
        environment: Environment,
    ) -> Result<Self, WalletError> {
        if path.exists() {
            return Self::load(path, None, None);
        }
        if !keystore_path.exists() {
            Keystore::new([Keypair::generate()]).create(keystore_path)?;
        }
        Self::write(path, keystore_path, environment)
    }

    /// Writes a wallet whose active address is that of the first key in the store.
    fn write(
        path: &Path,
        keystore_path: &Path,
        environment: Environment,
    ) -> Result<Self, WalletError> {
        let absolute = std::path::absolute(keystore_path).map_err(|source| {
            let path = keystore_path.to_owned();
            FileError::Unwritable { path, source }
        })?;
        let malformed = |reason: String| WalletError::Malformed {
            path: path.to_owned(),
            reason,
        };
        let keystore = Keystore::load(keystore_path)?;
        let key = keystore.first();
        let key = key.ok_or_else(|| malformed("its key store has no key".to_owned()))?;
        let active_address = key.address();
        let config = SuiConfig {
            keystore: KeystoreLocation { file: absolute },
            external_keys: None,
            active_env: Some(environment.alias.clone()),
            envs: vec![environment],
            active_address: Some(active_address),
        };
        let text = serde_yaml::to_string(&config).map_err(|error| malformed(error.to_string()))?;
        write_private(path, text.as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            config,
            keystore,
            active_address,
        })
    }

    /// The wallet file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The active address.
    pub fn active_address(&self) -> Address {
        self.active_address
    }

    /// The key of the active address.
    ///
    /// # Errors
    /// [`WalletError::UnknownAddress`] never happens after loading.
    pub fn active_key(&self) -> Result<Arc<Keypair>, WalletError> {
        self.key(self.active_address)
    }

    /// The key of an address.
    ///
    /// # Errors
    /// [`WalletError::UnknownAddress`].
    pub fn key(&self, address: Address) -> Result<Arc<Keypair>, WalletError> {
        self.keystore
            .get(address)
            .ok_or_else(|| WalletError::UnknownAddress {
                address,
                path: self.path.clone(),
            })
    }

    /// All keys.
    pub fn keystore(&self) -> &Keystore {
        &self.keystore
    }

    /// The networks.
    pub fn environments(&self) -> &[Environment] {
        &self.config.envs
    }

    /// The active network.
    pub fn active_environment(&self) -> Option<&Environment> {
        let alias = self.config.active_env.as_deref()?;
        self.config.envs.iter().find(|env| env.alias == alias)
    }
}

fn parse(path: &Path, text: &str) -> Result<SuiConfig, WalletError> {
    let malformed = |reason: String| WalletError::Malformed {
        path: path.to_owned(),
        reason,
    };
    let mut value = parse_document(text).map_err(|error| malformed(error.to_string()))?;
    // `keystore: !File path` and `keystore: {File: path}` are the same enum in two notations.
    if let Some(keystore) = value.get_mut("keystore")
        && let serde_yaml::Value::Tagged(tagged) = keystore
        && tagged.tag == "File"
    {
        let mut mapping = serde_yaml::Mapping::new();
        mapping.insert("File".into(), tagged.value.clone());
        *keystore = serde_yaml::Value::Mapping(mapping);
    }
    // Keys that this version does not know are the Sui tools' own.
    // What is of the wrong kind may be a secret: credentials, or a key where its file should be named.
    let (config, _) =
        read_part(value, text, &[]).map_err(|error| malformed(error.unquoted().to_string()))?;
    Ok(config)
}

/// The first wallet that exists: `./sui_config.yaml`, then `~/.sui/sui_config/client.yaml`
/// (client spec 5.4).
///
/// # Errors
/// [`WalletError::NotFound`].
pub fn default_wallet_path() -> Result<PathBuf, WalletError> {
    let mut candidates = vec![PathBuf::from("./sui_config.yaml")];
    if let Some(home) = std::env::var_os("HOME") {
        candidates.push(PathBuf::from(home).join(".sui/sui_config/client.yaml"));
    }
    candidates
        .iter()
        .find(|path| path.is_file())
        .cloned()
        .ok_or_else(|| {
            let tried = candidates
                .iter()
                .map(|p| p.display().to_string())
                .collect::<Vec<_>>();
            WalletError::NotFound {
                tried: tried.join(", "),
            }
        })
}
