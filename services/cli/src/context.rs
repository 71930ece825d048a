//! Which network a command talks to, and with which wallet. Client spec 5.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use tracing::Instrument as _;
use walrus_core::EncodingConfig;
use walrus_sdk::{
    ClientOptions, Scratch, WalrusClient,
    config::{self, ClientConfig, ConfigError, LoadedConfig, Origin, PublicNetwork},
};
use walrus_sui::{
    Address,
    chain::{ChainClient, ChainError},
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
        Self::connect(global, load_config(global)?, rpc_url).await
    }

    async fn connect(
        global: &GlobalOptions,
        loaded: LoadedConfig,
        rpc_url: Option<&str>,
    ) -> anyhow::Result<Self> {
        let LoadedConfig { config, origin, .. } = loaded;
        let servers = servers(global, &config, rpc_url)?;
        let open = async {
            let chain = connect(&servers, &origin).await?;
            anyhow::Ok(ContractReader::new(chain, config.objects()).await?)
        };
        let span = tracing::info_span!("phase", label = "connect");
        let reader = open.instrument(span).await?;
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
        let options = ClientOptions::from_config(&self.config);
        Ok(WalrusClient::new(self.reader.clone(), options).await?)
    }

    /// A client that can read blobs of any size.
    pub(crate) async fn client_with(&self, scratch: Scratch) -> anyhow::Result<WalrusClient> {
        let options = ClientOptions {
            scratch,
            ..ClientOptions::from_config(&self.config)
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

    /// About when an epoch will begin, or began, RFC 3339; `None` if that is too far away to say.
    pub(crate) async fn epoch_start_estimate(&self, epoch: u32) -> anyhow::Result<Option<String>> {
        let staking = self.reader.staking_state().await?;
        let start = match staking.epoch_state {
            EpochState::EpochChangeDone(start) | EpochState::NextParamsSelected(start) => start,
            EpochState::EpochChangeSync(_) => {
                u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
            }
        };
        let millis = |epochs: u32| u64::from(epochs).checked_mul(staking.epoch_duration);
        let begins = match epoch.checked_sub(staking.epoch) {
            Some(ahead) => millis(ahead).and_then(|ahead| start.checked_add(ahead)),
            None => millis(staking.epoch.abs_diff(epoch)).and_then(|ago| start.checked_sub(ago)),
        };
        Ok(begins.and_then(rfc3339))
    }
}

/// Milliseconds since 1970 as RFC 3339; `None` if out of range.
pub(crate) fn rfc3339(millis: u64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()?;
    Some(timestamp.to_string())
}

/// The configuration: that of the option, the user's own file, the public network that `--context` names, that of a local network
/// that is up, or of the public network that the wallet is for. Says which, unless an option did. Client spec 5.1.
pub(crate) fn load_config(global: &GlobalOptions) -> anyhow::Result<LoadedConfig> {
    let context = global.context.as_deref();
    let load =
        |path: &Path| config::load(path, context).context("cannot load the client configuration");
    if let Some(path) = &global.config {
        return load(path);
    }
    let found = match config::find() {
        Ok(path) => load(&path)?,
        Err(not_found) => without_file(global, not_found)?,
    };
    if context.is_none() || matches!(found.origin, Origin::File(_)) {
        say(format_args!("Using the configuration {}", found.origin));
    }
    Ok(found)
}

/// What there is when nobody wrote a configuration file.
fn without_file(global: &GlobalOptions, not_found: ConfigError) -> anyhow::Result<LoadedConfig> {
    if let Some(name) = &global.context {
        return match name.parse::<PublicNetwork>() {
            Ok(network) => Ok(LoadedConfig::built_in(network)),
            Err(unknown) => {
                bail!("{unknown}, and the contexts of a configuration file; {not_found}")
            }
        };
    }
    let local = walrus_localnet::default_directory();
    let is_there = |dir: &PathBuf| walrus_localnet::client_config_path(dir).exists();
    if let Some(dir) = local.filter(is_there) {
        // Whoever has a local network means that; another one must not be paid instead because this one is down.
        if !walrus_localnet::is_running(&dir) {
            bail!(
                "the local network in {} is not running: start it with `walrus localnet`, or choose a public network with \
                 --context mainnet or --context testnet",
                dir.display()
            );
        }
        let path = walrus_localnet::client_config_path(&dir);
        return config::load(&path, None).context("cannot load the client configuration");
    }
    match public_network_of_wallet(global)? {
        Some(network) => Ok(LoadedConfig::built_in(network)),
        None => bail!(
            "could not find a valid Walrus configuration file ({not_found}); start a network with `walrus localnet`, choose a \
             public one with --context mainnet or --context testnet, or name a file with --config"
        ),
    }
}

/// The public network that the wallet is for. A wallet that nobody named need not be there, or be one.
fn public_network_of_wallet(global: &GlobalOptions) -> anyhow::Result<Option<PublicNetwork>> {
    let wallet = match &global.wallet {
        Some(path) => Wallet::load(path, None, None)?,
        None => match default_wallet_path().and_then(|path| Wallet::load(&path, None, None)) {
            Ok(wallet) => wallet,
            Err(_) => return Ok(None),
        },
    };
    let environment = wallet.active_environment();
    Ok(environment.and_then(|environment| PublicNetwork::of_rpc_url(&environment.rpc)))
}

/// The number of shards of the network, without asking it if the configuration says it.
pub(crate) async fn n_shards(global: &GlobalOptions, rpc_url: Option<&str>) -> anyhow::Result<u16> {
    let loaded = load_config(global)?;
    match (loaded.config.n_shards, rpc_url) {
        (Some(n_shards), None) => Ok(n_shards),
        _ => {
            Network::connect(global, loaded, rpc_url)
                .await?
                .n_shards()
                .await
        }
    }
}

/// That a configuration that was named, and that nobody need ask for this number of shards, says nothing else.
pub(crate) fn check_n_shards(global: &GlobalOptions, n_shards: u16) -> anyhow::Result<()> {
    if global.config.is_none() && global.context.is_none() {
        return Ok(());
    }
    let loaded = load_config(global)?;
    if let Some(other) = loaded.config.n_shards.filter(|other| *other != n_shards) {
        bail!(
            "the configuration {} is of a network with {other} shards, --n-shards says {n_shards}; leave one of them out",
            loaded.origin
        );
    }
    Ok(())
}

/// An RPC server.
struct Server {
    url: String,
    /// `user:password`.
    basic_auth: Option<String>,
}

impl From<&str> for Server {
    fn from(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            basic_auth: None,
        }
    }
}

/// The option, then the configuration, then the wallet's active network.
fn servers(
    global: &GlobalOptions,
    config: &ClientConfig,
    rpc_url: Option<&str>,
) -> anyhow::Result<Vec<Server>> {
    if let Some(url) = rpc_url {
        return Ok(vec![url.into()]);
    }
    if !config.rpc_urls.is_empty() {
        return Ok(config.rpc_urls.iter().map(|url| (&**url).into()).collect());
    }
    let wallet = load_wallet(global, config)
        .context("the configuration names no rpc_urls, and neither does a wallet")?;
    let environment = wallet
        .active_environment()
        .with_context(|| format!("{} has no active network", wallet.path().display()))?;
    Ok(vec![Server {
        url: environment.rpc.clone(),
        basic_auth: environment.basic_auth.clone(),
    }])
}

/// The first server that answers.
async fn connect(servers: &[Server], origin: &Origin) -> anyhow::Result<ChainClient> {
    let mut failures = Vec::new();
    for Server { url, basic_auth } in servers {
        match connect_to(url, basic_auth.as_deref()).await {
            Ok(chain) => return Ok(chain),
            Err(error) => failures.push(format!("{url} ({error})")),
        }
    }
    bail!(
        "cannot connect to Sui RPC nodes at {}; {}",
        failures.join(", "),
        when_unreachable(origin)
    )
}

/// An RPC server, with the credentials that a wallet has for it.
pub(crate) async fn connect_to(
    url: &str,
    basic_auth: Option<&str>,
) -> Result<ChainClient, ChainError> {
    let client = ChainClient::new(url)?;
    let client = match basic_auth {
        Some(credentials) => client.with_basic_auth(credentials),
        None => client,
    };
    client.answering().await
}

/// What to do then: nobody starts a public network.
fn when_unreachable(origin: &Origin) -> &'static str {
    match origin {
        Origin::BuiltIn(_) => "check the connection, or name another RPC server with --rpc-url",
        Origin::File(_) => "start the network, or name another with --rpc-url or --config",
    }
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
