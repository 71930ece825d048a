//! Local chain: the chain alone, for everybody who develops against it.
//!
//! ```text
//! DIR/devchain.lock     held while the chain is up
//! DIR/chain/            the chain's log
//! DIR/tls/              the authority that signs the certificate of the RPC port
//! DIR/wallet/           a Sui wallet with the first account (client.yaml, sui.keystore)
//! DIR/devchain.json     addresses, chain ID, accounts, where the authority's certificate is
//! ```

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use sui_devchain::{Account, Devchain, RunningChain};
use walrus_sui::{
    network_json::NetworkAccount,
    wallet::{Keypair, Wallet, replace_private},
};

use crate::{
    authority::Authority,
    directory::{Directory, Kind},
    operator::environment,
    ports::ChainPorts,
};

/// The seed of a chain that is not told another one: the same accounts and the same chain ID every time.
pub const DEFAULT_SEED: &str = "walrus devchain";

/// Funded accounts of a new chain.
const ACCOUNTS: u32 = 10;

const DESCRIPTION_FILE: &str = "devchain.json";

/// What a chain is like and where it lives.
#[derive(Debug, Clone)]
pub struct LocalChainOptions {
    /// Where it keeps its files; in memory when absent.
    pub dir: Option<PathBuf>,
    /// Address everything listens on.
    pub host: IpAddr,
    /// Port of the gRPC service; 0 for any free one.
    pub rpc_port: u16,
    /// Port of the faucet; 0 for any free one.
    pub faucet_port: u16,
    /// What keys and chain ID follow from; [`DEFAULT_SEED`] for a new chain when absent.
    pub seed: Option<String>,
    /// Number of funded accounts; as many as the chain in the directory has, or 10 for a new one, when absent.
    pub accounts: Option<u32>,
    /// After how long an epoch of the chain ends by itself; only when it is told to when absent.
    pub epoch_duration: Option<Duration>,
}

impl Default for LocalChainOptions {
    fn default() -> Self {
        Self {
            dir: None,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rpc_port: 0,
            faucet_port: 0,
            seed: None,
            accounts: None,
            epoch_duration: None,
        }
    }
}

/// A chain that is up. Dropping it stops it without waiting; what was answered is kept.
pub struct LocalChain {
    chain: RunningChain,
    // None in memory: there is no place from which a client could take the certificate.
    authority: Option<Authority>,
    // Last, so that it is released when nothing uses it any more. None in memory.
    directory: Option<Directory>,
}

/// What other tools need to know about a chain. Keys are in camel case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    rpc_url: String,
    faucet_url: String,
    chain_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rpc_tls_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_bundle: Option<PathBuf>,
    accounts: Vec<NetworkAccount>,
}

/// Where a chain lives when nobody says otherwise: `~/.walrus/devchain`.
pub fn default_chain_directory() -> Option<PathBuf> {
    Kind::Chain.default_directory()
}

/// Whether a chain is up in `dir`.
pub fn is_chain_running(dir: &Path) -> bool {
    Kind::Chain.is_running(dir)
}

/// The wallet of the chain in `dir`.
pub fn chain_wallet_path(dir: &Path) -> PathBuf {
    dir.join("wallet").join("client.yaml")
}

/// The first account of every chain with [`DEFAULT_SEED`]. Everybody knows its key.
///
/// # Errors
/// Never in practice: if the key has no text form.
pub fn default_account() -> anyhow::Result<Keypair> {
    let account = Account::of_seed(DEFAULT_SEED, 0)?;
    Ok(Keypair::parse(&account.private_key)?)
}

/// How many accounts the chain has: genesis gave them their SUI, there are no more later.
fn accounts(options: &LocalChainOptions, directory: Option<&Directory>) -> anyhow::Result<u32> {
    let asked = options.accounts;
    let there = directory.map(known_accounts).transpose()?.flatten();
    if let (Some(asked), Some(there), Some(directory)) = (asked, there, directory) {
        ensure!(
            asked == there,
            "the chain in {} has {there} accounts, not {asked}; it keeps them for life: ask for as many or for nothing, or choose \
             another --dir",
            directory.path().display()
        );
    }
    Ok(there.or(asked).unwrap_or(ACCOUNTS))
}

/// The accounts of the chain that a directory holds; `None` if it holds none yet.
fn known_accounts(directory: &Directory) -> anyhow::Result<Option<u32>> {
    let path = directory.path().join(DESCRIPTION_FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Kind::Chain.unusable("read", &path, &error)),
    };
    let known: Description = serde_json::from_slice(&text)
        .with_context(|| format!("{} does not describe a chain", path.display()))?;
    Ok(Some(u32::try_from(known.accounts.len())?))
}

impl LocalChain {
    /// Boots a chain, or continues the one that the directory holds.
    ///
    /// # Errors
    /// A sentence on what is in the way, for example a busy port or another chain in the directory.
    pub async fn start(options: &LocalChainOptions) -> anyhow::Result<Self> {
        let ports = ChainPorts {
            host: options.host,
            rpc: options.rpc_port,
            faucet: options.faucet_port,
        };
        ports.validate()?;
        let directory = options
            .dir
            .as_deref()
            .map(|dir| Directory::take(Kind::Chain, Some(dir)))
            .transpose()?;
        let accounts = accounts(options, directory.as_ref())?;
        let authority = directory
            .as_ref()
            .map(|directory| Authority::open(&directory.tls(), options.host))
            .transpose()?;
        let tls = authority.as_ref().map(Authority::chain_tls).transpose()?;
        let mut builder = Devchain::builder()
            .data_dir(directory.as_ref().map(Directory::chain))
            .default_seed(DEFAULT_SEED)
            .accounts(accounts)
            .epoch_duration(options.epoch_duration)
            .rpc_address(ports.rpc_address())
            .faucet_address(ports.faucet_address())
            .tls(tls);
        if let Some(seed) = &options.seed {
            builder = builder.seed(seed);
        }
        let chain = builder.start().await;
        let chain = chain.map_err(|error| ports.explain(error))?;
        let this = Self {
            chain,
            authority,
            directory,
        };
        this.write_files()?;
        Ok(this)
    }

    /// The chain.
    pub fn chain(&self) -> &RunningChain {
        &self.chain
    }

    /// The directory of the chain; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.directory.as_ref().map(Directory::path)
    }

    /// The certificate of the authority that signed the one of the RPC port, PEM; `None` in memory.
    pub fn ca_bundle(&self) -> Option<&Path> {
        self.authority.as_ref().map(Authority::bundle)
    }

    /// Addresses, chain ID and accounts as JSON: what `devchain.json` holds.
    ///
    /// # Errors
    /// Never in practice: if there is no JSON of it.
    pub fn description(&self) -> anyhow::Result<String> {
        let account = |account: &Account| NetworkAccount {
            address: account.address,
            private_key: account.private_key.clone(),
        };
        let description = Description {
            rpc_url: self.chain.rpc_url(),
            faucet_url: self.chain.faucet_url(),
            chain_id: self.chain.chain_id().to_string(),
            rpc_tls_url: self.chain.rpc_tls_url(),
            ca_bundle: self.ca_bundle().map(Path::to_owned),
            accounts: self.chain.accounts().iter().map(account).collect(),
        };
        Ok(serde_json::to_string_pretty(&description)?)
    }

    fn write_files(&self) -> anyhow::Result<()> {
        let Some(dir) = self.path() else {
            return Ok(());
        };
        replace_private(&dir.join(DESCRIPTION_FILE), self.description()?.as_bytes())?;
        self.write_wallet(dir)
    }

    /// Anew at each start: the port may be another one.
    fn write_wallet(&self, dir: &Path) -> anyhow::Result<()> {
        let Some(account) = self.chain.accounts().first() else {
            return Ok(());
        };
        let path = chain_wallet_path(dir);
        let wallet = path.parent().context("a file without a directory")?;
        match std::fs::remove_dir_all(wallet) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", wallet.display()));
            }
            _ => {}
        }
        std::fs::create_dir_all(wallet)
            .with_context(|| format!("cannot create {}", wallet.display()))?;
        let key = Keypair::parse(&account.private_key)?;
        Wallet::create(&path, environment(&self.chain.rpc_url()), key)?;
        Ok(())
    }

    /// Stops serving and closes the log.
    pub async fn shutdown(self) {
        self.chain.shutdown().await;
    }
}
