//! Target: which chain a command talks to, who signs, and what is published there.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context;
use sui_devchain_move_build::Published;
use walrus_localnet::chain_wallet_path;
use walrus_sdk::config::{self, ClientConfig, LoadedConfig, WalletConfig};
use walrus_sui::{
    chain::{ChainClient, shown_url},
    contract::ContractReader,
    local_network,
    transactions::TransactionExecutor,
    wallet::{Keypair, Wallet, default_wallet_path},
};

use crate::{
    args::{GlobalOptions, devchain::TargetArgs},
    context::load_config,
    report::say,
};

/// The address of `walrus devchain` and `walrus localnet` when nobody says otherwise.
pub(crate) const DEFAULT_URL: &str = "http://127.0.0.1:9000";

/// A chain that answers.
pub(crate) struct Target {
    pub(crate) executor: TransactionExecutor,
    /// Its address.
    pub(crate) url: String,
    /// The packages of the local network by name, if the chain is one's.
    pub(crate) published: BTreeMap<String, Published>,
}

/// What is known about a chain before it is asked.
#[derive(Default)]
struct Place {
    url: Option<String>,
    wallet: Option<Wallet>,
    config: Option<ClientConfig>,
    /// For people: where this comes from.
    origin: Option<String>,
}

impl Place {
    fn of_wallet(path: PathBuf) -> anyhow::Result<Self> {
        let wallet = Wallet::load(&path, None, None)?;
        Ok(Self {
            url: wallet.active_environment().map(|one| one.rpc.clone()),
            wallet: Some(wallet),
            config: None,
            origin: Some(path.display().to_string()),
        })
    }

    fn of_config(loaded: LoadedConfig) -> anyhow::Result<Self> {
        let LoadedConfig { config, origin, .. } = loaded;
        let selection = config
            .wallet_config
            .as_ref()
            .map(WalletConfig::selection)
            .unwrap_or_default();
        let wallet = selection
            .path
            .or_else(|| default_wallet_path().ok())
            .map(|path| {
                let env = selection.active_env.as_deref();
                Wallet::load(&path, env, selection.active_address)
            })
            .transpose()?;
        let active = wallet.as_ref().and_then(Wallet::active_environment);
        let url = config.rpc_urls.first().cloned();
        Ok(Self {
            url: url.or_else(|| active.map(|one| one.rpc.clone())),
            wallet,
            origin: Some(origin.to_string()),
            config: Some(config),
        })
    }

    /// What is up on this machine: the address that was asked for, any else.
    fn running(url: Option<&str>) -> anyhow::Result<Self> {
        let mut found = Vec::new();
        if let Some(dir) = walrus_localnet::default_chain_directory()
            && walrus_localnet::is_chain_running(&dir)
        {
            found.push(Self::of_wallet(chain_wallet_path(&dir))?);
        }
        if let Some(dir) = local_network::default_directory()
            && local_network::is_running(&dir)
        {
            found.push(Self::of_config(config::load(
                &local_network::client_config_path(&dir),
                None,
            )?)?);
        }
        let wanted = |place: &Self| url.is_none_or(|url| place.url.as_deref() == Some(url));
        Ok(found.into_iter().find(wanted).unwrap_or_default())
    }
}

impl Target {
    /// Finds the chain and connects.
    pub(crate) async fn find(global: &GlobalOptions, args: &TargetArgs) -> anyhow::Result<Self> {
        let asked = args.rpc_url.as_deref();
        let is_named = global.config.is_some() || global.context.is_some();
        let mut place = match &global.wallet {
            _ if is_named => Place::of_config(load_config(global)?)?,
            Some(wallet) => Place::of_wallet(wallet.clone())?,
            None => {
                let place = Place::running(asked)?;
                if let Some(origin) = &place.origin {
                    say(format_args!("Using {origin}"));
                }
                place
            }
        };
        if is_named && let Some(path) = &global.wallet {
            place.wallet = Some(Wallet::load(path, None, None)?);
        }
        let url = match (asked, place.url) {
            (Some(url), _) => url.to_owned(),
            (None, Some(url)) => url,
            (None, None) => DEFAULT_URL.to_owned(),
        };
        let environment = place.wallet.as_ref().and_then(Wallet::active_environment);
        let credentials = environment
            .filter(|environment| environment.rpc == url)
            .and_then(|environment| environment.basic_auth.as_deref());
        let chain = ChainClient::connect_with(&url, credentials)
            .await
            .with_context(|| {
                format!(
                    "no chain answers at {}; start one with `walrus devchain` or `walrus localnet`",
                    shown_url(&url)
                )
            })?;
        let key = match (&args.private_key, &place.wallet) {
            (Some(key), _) => {
                let key = Keypair::parse(key);
                Arc::new(key.context("--private-key, or WALRUS_PRIVATE_KEY")?)
            }
            (None, Some(wallet)) => wallet.active_key()?,
            (None, None) => Arc::new(walrus_localnet::default_account()?),
        };
        let published = match &place.config {
            Some(config) => published(&chain, config).await?,
            None => BTreeMap::new(),
        };
        let executor = TransactionExecutor::new(chain, key).with_gas_budget(global.gas_budget);
        Ok(Self {
            executor,
            url,
            published,
        })
    }
}

/// The packages of a deployment: `walrus`, `wal`, and those whose objects the configuration names.
async fn published(
    chain: &ChainClient,
    config: &ClientConfig,
) -> anyhow::Result<BTreeMap<String, Published>> {
    let reader = ContractReader::new(chain.clone(), config.objects()).await?;
    let packages = reader.packages();
    let at = |id| Published {
        id,
        original_id: id,
    };
    let walrus = Published {
        id: packages.current,
        original_id: packages.origin,
    };
    let mut published = BTreeMap::from([
        ("walrus".to_owned(), walrus),
        ("wal".to_owned(), at(*packages.wal_type.address())),
    ]);
    let beside = [
        ("wal_exchange", config.exchange_objects.first().copied()),
        ("walrus_subsidies", config.walrus_subsidies_object),
    ];
    for (name, object) in beside {
        let Some(object) = object else { continue };
        let found = chain.objects(&[object]).await?.pop().flatten();
        // The package that made the object.
        if let Some(tag) = found.and_then(|found| found.object_type) {
            published.insert(name.to_owned(), at(*tag.address()));
        }
    }
    Ok(published)
}
