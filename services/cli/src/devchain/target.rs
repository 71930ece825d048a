//! Which chain a command talks to, who signs, and what is published there.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anyhow::Context;
use walrus_localnet::{chain_wallet_path, client_config_path};
use walrus_sui::{
    chain::ChainClient,
    config,
    contract::{ContractObjects, ContractReader},
    transactions::TransactionExecutor,
    wallet::{Keypair, Wallet},
};

use super::{args::TargetArgs, compiler::Published};
use crate::{args::GlobalOptions, report::say};

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
    contract: Option<ContractObjects>,
    /// For people: where this comes from.
    origin: Option<PathBuf>,
}

impl Place {
    fn of_wallet(path: PathBuf) -> anyhow::Result<Self> {
        let wallet = Wallet::load(&path, None, None)?;
        Ok(Self {
            url: wallet.active_environment().map(|one| one.rpc.clone()),
            wallet: Some(wallet),
            contract: None,
            origin: Some(path),
        })
    }

    fn of_config(path: PathBuf, context: Option<&str>) -> anyhow::Result<Self> {
        let config = config::load(&path, context)?.config;
        let selection = config
            .wallet_config
            .as_ref()
            .map(config::WalletConfig::selection)
            .unwrap_or_default();
        let wallet = selection
            .path
            .map(|path| {
                let env = selection.active_env.as_deref();
                Wallet::load(&path, env, selection.active_address)
            })
            .transpose()?;
        let active = wallet.as_ref().and_then(Wallet::active_environment);
        let url = config.rpc_urls.first().cloned();
        Ok(Self {
            url: url.or_else(|| active.map(|one| one.rpc.clone())),
            contract: Some(config.objects()),
            wallet,
            origin: Some(path),
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
        if let Some(dir) = walrus_localnet::default_directory()
            && walrus_localnet::is_running(&dir)
        {
            found.push(Self::of_config(client_config_path(&dir), None)?);
        }
        let wanted = |place: &Self| url.is_none_or(|url| place.url.as_deref() == Some(url));
        Ok(found.into_iter().find(wanted).unwrap_or_default())
    }
}

impl Target {
    /// Finds the chain and connects.
    pub(crate) async fn find(global: &GlobalOptions, args: &TargetArgs) -> anyhow::Result<Self> {
        let asked = args.rpc_url.as_deref();
        let mut place = match (&global.config, &global.wallet) {
            (Some(config), _) => Place::of_config(config.clone(), global.context.as_deref())?,
            (None, Some(wallet)) => Place::of_wallet(wallet.clone())?,
            (None, None) => {
                let place = Place::running(asked)?;
                if let Some(origin) = &place.origin {
                    say(format_args!("Using {}", origin.display()));
                }
                place
            }
        };
        if global.config.is_some()
            && let Some(path) = &global.wallet
        {
            place.wallet = Some(Wallet::load(path, None, None)?);
        }
        let url = match (asked, place.url) {
            (Some(url), _) => url.to_owned(),
            (None, Some(url)) => url,
            (None, None) => DEFAULT_URL.to_owned(),
        };
        let chain = ChainClient::connect(&url).await.with_context(|| {
            format!(
                "no chain answers at {url}; start one with `walrus devchain` or `walrus localnet`"
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
        let published = match place.contract {
            Some(objects) => published(&chain, objects).await?,
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

/// The packages `walrus` and `wal` of a deployment.
async fn published(
    chain: &ChainClient,
    objects: ContractObjects,
) -> anyhow::Result<BTreeMap<String, Published>> {
    let reader = ContractReader::new(chain.clone(), objects).await?;
    let packages = reader.packages();
    let walrus = Published {
        id: packages.current,
        original_id: packages.origin,
    };
    let wal = *packages.wal_type.address();
    let wal = Published {
        id: wal,
        original_id: wal,
    };
    Ok(BTreeMap::from([
        ("walrus".to_owned(), walrus),
        ("wal".to_owned(), wal),
    ]))
}
