//! Which network a command talks to, and with which wallet. Client spec 5.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, bail};
use walrus_core::EncodingConfig;
use walrus_sdk::{ClientOptions, Scratch, WalrusClient};
use walrus_sui::{
    Address,
    chain::ChainClient,
    config::{self, ClientConfig, ConfigError},
    contract::ContractReader,
    objects::EpochState,
    transactions::{ContractWriter, TransactionExecutor},
    wallet::{Keypair, Wallet, default_wallet_path},
};

use crate::{args::GlobalOptions, report::say};

/// A network that answers.
pub(crate) struct Network {
    config: ClientConfig,
    reader: ContractReader,
}

impl Network {
    /// Finds the configuration and connects.
    pub(crate) async fn load(
        global: &GlobalOptions,
        rpc_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        let path = find_config(global)?;
        let loaded = config::load(&path, global.context.as_deref())
            .context("cannot load the client configuration")?;
        if global.config.is_none() {
            say(format_args!("Using the configuration {}", path.display()));
        }
        let config = loaded.config;
        let urls = rpc_urls(global, &config, rpc_url)?;
        let chain = connect(&urls).await?;
        let reader = ContractReader::new(chain, config.objects()).await?;
        Ok(Self { config, reader })
    }

    pub(crate) fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// The number of shards, which never changes in the life of a network.
    pub(crate) async fn n_shards(&self) -> anyhow::Result<u16> {
        match self.config.n_shards {
            Some(n_shards) => Ok(n_shards),
            None => Ok(self.reader.staking_state().await?.n_shards),
        }
    }

    pub(crate) async fn encoding_config(&self) -> anyhow::Result<EncodingConfig> {
        Ok(EncodingConfig::new(self.n_shards().await?)?)
    }

    /// A client that can ask.
    pub(crate) async fn client(&self) -> anyhow::Result<WalrusClient> {
        Ok(WalrusClient::new(self.reader.clone(), ClientOptions::default()).await?)
    }

    /// A client that can read blobs of any size.
    pub(crate) async fn client_with(&self, scratch: Scratch) -> anyhow::Result<WalrusClient> {
        let options = ClientOptions {
            scratch,
            ..ClientOptions::default()
        };
        Ok(WalrusClient::new(self.reader.clone(), options).await?)
    }

    /// A client that can also write.
    pub(crate) async fn client_with_wallet(
        &self,
        global: &GlobalOptions,
        scratch: Scratch,
    ) -> anyhow::Result<WalrusClient> {
        let key = wallet_key(global, &self.config)?;
        Ok(self.client_with(scratch).await?.with_wallet(key))
    }

    /// The exchanges of SUI for WAL that the configuration lists.
    pub(crate) fn exchanges(&self) -> &[Address] {
        &self.config.exchange_objects
    }

    /// Signs and pays with the wallet.
    pub(crate) fn writer(&self, global: &GlobalOptions) -> anyhow::Result<ContractWriter> {
        let key = wallet_key(global, &self.config)?;
        let executor = TransactionExecutor::new(self.reader.chain().clone(), key);
        Ok(ContractWriter::with_executor(
            self.reader.clone(),
            executor.with_gas_budget(global.gas_budget),
        ))
    }

    /// About when an epoch will begin, RFC 3339; `None` if that is too far away to say.
    pub(crate) async fn epoch_start_estimate(&self, epoch: u32) -> anyhow::Result<Option<String>> {
        let staking = self.reader.staking_state().await?;
        let start = match staking.epoch_state {
            EpochState::EpochChangeDone(start) | EpochState::NextParamsSelected(start) => start,
            EpochState::EpochChangeSync(_) => {
                u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
            }
        };
        let epochs = u64::from(epoch.saturating_sub(staking.epoch));
        Ok(epochs
            .checked_mul(staking.epoch_duration)
            .and_then(|ahead| start.checked_add(ahead))
            .and_then(rfc3339))
    }
}

/// Milliseconds since 1970 as RFC 3339; `None` if out of range.
pub(crate) fn rfc3339(millis: u64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()?;
    Some(timestamp.to_string())
}

/// The option, then the user's own files, then a local network that is up.
fn find_config(global: &GlobalOptions) -> anyhow::Result<PathBuf> {
    if let Some(path) = &global.config {
        return Ok(path.clone());
    }
    let not_found = match config::find() {
        Ok(path) => return Ok(path),
        Err(error @ ConfigError::NotFound { .. }) => error,
        Err(error) => return Err(error.into()),
    };
    if let Some(dir) = walrus_localnet::default_directory()
        && walrus_localnet::is_running(&dir)
    {
        return Ok(walrus_localnet::client_config_path(&dir));
    }
    bail!(
        "could not find a valid Walrus configuration file ({not_found}); start a network with `walrus localnet`, or name a file with --config"
    )
}

/// The option, then the configuration, then the wallet's active network.
fn rpc_urls(
    global: &GlobalOptions,
    config: &ClientConfig,
    rpc_url: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    if let Some(url) = rpc_url {
        return Ok(vec![url.to_owned()]);
    }
    if !config.rpc_urls.is_empty() {
        return Ok(config.rpc_urls.clone());
    }
    let wallet = load_wallet(global, config)
        .context("the configuration names no rpc_urls, and neither does a wallet")?;
    let environment = wallet
        .active_environment()
        .with_context(|| format!("{} has no active network", wallet.path().display()))?;
    Ok(vec![environment.rpc.clone()])
}

/// The first address that answers.
async fn connect(urls: &[String]) -> anyhow::Result<ChainClient> {
    let mut failures = Vec::new();
    for url in urls {
        match ChainClient::connect(url).await {
            Ok(chain) => return Ok(chain),
            Err(error) => failures.push(format!("{url} ({error})")),
        }
    }
    bail!(
        "cannot connect to Sui RPC nodes at {}; start the network, or name another with --rpc-url or --config",
        failures.join(", ")
    )
}

fn load_wallet(global: &GlobalOptions, config: &ClientConfig) -> anyhow::Result<Wallet> {
    let selection = config
        .wallet_config
        .as_ref()
        .map(config::WalletConfig::selection)
        .unwrap_or_default();
    let path = match global.wallet.clone().or(selection.path) {
        Some(path) => path,
        None => default_wallet_path().context("could not find a valid wallet config file")?,
    };
    Ok(Wallet::load(
        &path,
        selection.active_env.as_deref(),
        selection.active_address,
    )?)
}

fn wallet_key(global: &GlobalOptions, config: &ClientConfig) -> anyhow::Result<Arc<Keypair>> {
    let wallet = load_wallet(global, config)?;
    Ok(wallet.active_key()?)
}
