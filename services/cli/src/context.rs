//! Command context: which network a command talks to, and with which wallet. Client spec 5.

use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use tracing::Instrument as _;
use walrus_core::EncodingConfig;
use walrus_sdk::{
    Client, ConnectError, Spool,
    config::{ClientConfig, ConfigError, LoadedConfig, Origin, Search},
    info::EpochTimes,
};
use walrus_sui::{
    Address,
    contract::ContractReader,
    objects::StakingInnerV1,
    transactions::{ContractWriter, TransactionExecutor},
    wallet::{Keypair, WalletError},
};

use crate::{args::GlobalOptions, report::say};

/// A network that answers.
pub(crate) struct Network {
    config: ClientConfig,
    client: Client,
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
        let mut builder = Client::builder().config(config.clone()).rpc_urls(rpc_url);
        if let Some(wallet) = &global.wallet {
            builder = builder.wallet(wallet);
        }
        let client = builder.connect();
        let client = client.instrument(tracing::info_span!("phase", label = "connect"));
        let client = client
            .await
            .map_err(|error| explain_connection(error, &origin))?;
        Ok(Self { config, client })
    }

    pub(crate) fn reader(&self) -> &ContractReader {
        self.client.reader()
    }

    /// The number of shards, which never changes in the life of a network.
    pub(crate) async fn n_shards(&self) -> anyhow::Result<u16> {
        match self.config.n_shards {
            Some(n_shards) => Ok(n_shards),
            None => Ok(self.reader().staking_state().await?.n_shards),
        }
    }

    pub(crate) async fn encoding_config(&self) -> anyhow::Result<EncodingConfig> {
        Ok(EncodingConfig::new(self.n_shards().await?)?)
    }

    /// A client that can ask.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// A client that can read blobs of any size.
    pub(crate) fn client_with(&self, spool: Spool) -> Client {
        self.client.clone().with_spool(spool)
    }

    /// A client that can also write.
    pub(crate) fn client_with_wallet(
        &self,
        global: &GlobalOptions,
        spool: Spool,
    ) -> anyhow::Result<Client> {
        let key = wallet_key(global, &self.config)?;
        Ok(self.client_with(spool).with_signer(key))
    }

    /// The exchanges of SUI for WAL that the configuration lists.
    pub(crate) fn exchanges(&self) -> &[Address] {
        &self.config.exchange_objects
    }

    /// Signs and pays with the wallet.
    pub(crate) fn writer(&self, global: &GlobalOptions) -> anyhow::Result<ContractWriter> {
        let key = wallet_key(global, &self.config)?;
        let executor = TransactionExecutor::new(self.reader().chain().clone(), key);
        Ok(ContractWriter::with_executor(
            self.reader().clone(),
            executor.with_gas_budget(global.gas_budget),
        ))
    }

    /// About when an epoch will begin, or began, RFC 3339; `None` if that is too far away to say.
    pub(crate) async fn epoch_start_estimate(&self, epoch: u32) -> anyhow::Result<Option<String>> {
        let staking = self.reader().staking_state().await?;
        Ok(epoch_start_estimate(&staking, epoch))
    }
}

/// About when an epoch will begin, or began, as the staking state says it, RFC 3339; `None` if that is too far away to say.
pub(crate) fn epoch_start_estimate(staking: &StakingInnerV1, epoch: u32) -> Option<String> {
    let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let start = EpochTimes::of(staking).start_of(epoch, now);
    start.and_then(rfc3339)
}

/// Milliseconds since 1970 as RFC 3339; `None` if out of range.
pub(crate) fn rfc3339(millis: u64) -> Option<String> {
    let timestamp = jiff::Timestamp::from_millisecond(i64::try_from(millis).ok()?).ok()?;
    Some(timestamp.to_string())
}

/// The configuration: that of the option, the user's own file, the public network that `--context` names, that of a local network
/// that is up, or of the public network that the wallet is for. Says which, unless an option did. Client spec 5.1.
pub(crate) fn load_config(global: &GlobalOptions) -> anyhow::Result<LoadedConfig> {
    let search = Search {
        file: global.config.clone(),
        context: global.context.clone(),
        wallet: global.wallet.clone(),
    };
    let found = search.run().map_err(explain_config)?;
    let is_file = matches!(found.origin, Origin::File(_));
    if global.config.is_none() && (global.context.is_none() || is_file) {
        say(format_args!("Using the configuration {}", found.origin));
    }
    Ok(found)
}

/// What a user of the command line can do.
fn explain_config(error: ConfigError) -> anyhow::Error {
    match error {
        ConfigError::LocalNetworkDown { .. } => anyhow!(
            "{error}: start it with `walrus localnet`, or choose a public network with --context mainnet or --context testnet"
        ),
        ConfigError::NotFound { .. } => anyhow!(
            "could not find a valid Walrus configuration file ({error}); start a network with `walrus localnet`, choose a public \
             one with --context mainnet or --context testnet, or name a file with --config"
        ),
        ConfigError::UnknownName { .. } | ConfigError::Wallet(_) | ConfigError::File(_) => {
            error.into()
        }
        _ => anyhow::Error::from(error).context("cannot load the client configuration"),
    }
}

/// The number of shards of the network, without asking it if the configuration says it.
async fn n_shards(global: &GlobalOptions, rpc_url: Option<&str>) -> anyhow::Result<u16> {
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

/// The number of shards that a blob ID is computed for: the one that was given, or the network's.
pub(crate) async fn n_shards_given(
    global: &GlobalOptions,
    given: Option<u16>,
    rpc_url: Option<&str>,
) -> anyhow::Result<u16> {
    let Some(n_shards) = given else {
        return n_shards(global, rpc_url)
            .await
            .context("a blob ID depends on the number of shards; give it with --n-shards (1000 on the public networks), or name a network");
    };
    check_n_shards(global, n_shards)?;
    Ok(n_shards)
}

/// That a configuration that was named, and that nobody need ask for this number of shards, says nothing else.
fn check_n_shards(global: &GlobalOptions, n_shards: u16) -> anyhow::Result<()> {
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

/// What a user of the command line can do when there is no connection.
fn explain_connection(error: ConnectError, origin: &Origin) -> anyhow::Error {
    match error {
        ConnectError::Unreachable { .. } => anyhow!("{error}; {}", when_unreachable(origin)),
        ConnectError::NoRpcServer { source } => explain_wallet(source)
            .context("the configuration names no rpc_urls, and neither does a wallet"),
        error => error.into(),
    }
}

/// What to do then: nobody starts a public network.
fn when_unreachable(origin: &Origin) -> &'static str {
    match origin {
        Origin::BuiltIn(_) => "check the connection, or name another RPC server with --rpc-url",
        Origin::File(_) => "start the network, or name another with --rpc-url or --config",
    }
}

fn explain_wallet(error: WalletError) -> anyhow::Error {
    match error {
        WalletError::NotFound { .. } => {
            anyhow::Error::from(error).context("could not find a valid wallet config file")
        }
        _ => error.into(),
    }
}

fn wallet_key(global: &GlobalOptions, config: &ClientConfig) -> anyhow::Result<Arc<Keypair>> {
    let wallet = config.wallet(global.wallet.as_deref());
    Ok(wallet.map_err(explain_wallet)?.active_key()?)
}
