//! Search for the configuration that is meant when nobody names one. Client spec 5.1.

use std::path::PathBuf;

use walrus_sui::{
    local_network,
    wallet::{Wallet, default_wallet_path},
};

use super::{ConfigError, LoadedConfig, PublicNetwork, find, load};

/// What a user has said about the network, if anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// A configuration of that file, or of the one that is found; a public network if there is no file.
    pub context: Option<String>,
    /// The wallet.
    pub wallet: Option<PathBuf>,
}

impl Search {
    /// The configuration: the file that is named, the user's own file, the public network that the context names, that of a local
    /// network that is up, or of the public network that the wallet is for.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn run(&self) -> Result<LoadedConfig, ConfigError> {
        let context = self.context.as_deref();
        if let Some(path) = &self.file {
            return load(path, context);
        }
        match (find(), context) {
            (Ok(path), _) => load(&path, context),
            (Err(not_found), Some(name)) => match name.parse::<PublicNetwork>() {
                Ok(network) => Ok(LoadedConfig::built_in(network)),
                Err(unknown) => Err(ConfigError::UnknownName {
                    unknown,
                    not_found: Box::new(not_found),
                }),
            },
            (Err(not_found), None) => self.without_file(not_found),
        }
    }

    /// What there is when nobody wrote a configuration file.
    fn without_file(&self, not_found: ConfigError) -> Result<LoadedConfig, ConfigError> {
        let local = local_network::default_directory();
        if let Some(directory) = local
            && local_network::client_config_path(&directory).exists()
        {
            // Whoever has a local network means that; another one must not be paid instead because this one is down.
            return match local_network::is_running(&directory) {
                true => load(&local_network::client_config_path(&directory), None),
                false => Err(ConfigError::LocalNetworkDown { directory }),
            };
        }
        let network = self.public_network_of_wallet()?;
        let network = network.map(LoadedConfig::built_in);
        network.ok_or_else(|| self.with_unusable_wallet(not_found))
    }

    /// That there is no configuration, and why the wallet says none: it may have been meant to.
    fn with_unusable_wallet(&self, not_found: ConfigError) -> ConfigError {
        let default = default_wallet_path().ok().filter(|path| path.exists());
        let wallet = default.filter(|_| self.wallet.is_none());
        let unusable = wallet.and_then(|path| Wallet::load(&path, None, None).err());
        match (not_found, unusable) {
            (ConfigError::NotFound { tried }, Some(error)) => ConfigError::NotFound {
                tried: format!("{tried}, and at the wallet, which is of no use: {error}"),
            },
            (not_found, _) => not_found,
        }
    }

    /// The public network that the wallet is for. A wallet that nobody named need not be there, or be one.
    fn public_network_of_wallet(&self) -> Result<Option<PublicNetwork>, ConfigError> {
        let wallet = match &self.wallet {
            Some(path) => Wallet::load(path, None, None)?,
            None => match default_wallet_path().and_then(|path| Wallet::load(&path, None, None)) {
                Ok(wallet) => wallet,
                Err(_) => return Ok(None),
            },
        };
        let environment = wallet.active_environment();
        Ok(environment.and_then(|environment| PublicNetwork::of_rpc_url(&environment.rpc)))
    }
}
