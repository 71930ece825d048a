//! Builder of clients: which network, through which RPC server, who signs, where large blobs are kept meanwhile.

use std::{collections::VecDeque, path::PathBuf};

use walrus_sui::{
    chain::{ChainClient, ChainError, shown_url},
    contract::ContractReader,
    wallet::{TransactionSigner, Wallet, WalletError},
};

use crate::{
    Client, ClientOptions, Spool,
    config::{self, ClientConfig, ConfigError, LoadedConfig, PublicNetwork, Search},
};

/// A client cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no configuration, or it cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Neither the caller nor the configuration names an RPC server, and no wallet can be asked.
    #[error("the configuration names no rpc_urls, and neither does a wallet: {source}")]
    NoRpcServer {
        /// Why no wallet can be asked.
        source: WalletError,
    },
    /// The same, and the wallet names none.
    #[error("{} has no active network", wallet.display())]
    NoActiveNetwork {
        /// The wallet.
        wallet: PathBuf,
    },
    /// No RPC server answers.
    #[error("cannot connect to Sui RPC nodes at {}", tried(failures))]
    Unreachable {
        /// The addresses in the order in which they were tried, without the secrets in them, and what happened.
        failures: Vec<(String, ChainError)>,
    },
    /// The RPC server does not have the contract of the configuration.
    #[error(transparent)]
    Contract(ChainError),
}

fn tried(failures: &[(String, ChainError)]) -> String {
    let failures = failures
        .iter()
        .map(|(url, error)| format!("{url} ({error})"));
    failures.collect::<Vec<_>>().join(", ")
}

/// Where the configuration is from.
#[derive(Debug, Clone, Default)]
enum Source {
    /// Whatever the command line would find.
    #[default]
    Found,
    File(PathBuf),
    Network(String),
    Given(Box<ClientConfig>),
}

/// Makes a [`Client`]; see [`Client::builder`].
#[derive(Debug, Clone, Default)]
#[must_use = "a builder does nothing before it connects"]
pub struct ClientBuilder {
    source: Source,
    context: Option<String>,
    rpc_urls: Vec<String>,
    wallet: Option<PathBuf>,
    signer: Option<TransactionSigner>,
    spool: Option<Spool>,
}

impl ClientBuilder {
    /// The built-in configuration of a public network, `mainnet` or `testnet`.
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.source = Source::Network(name.into());
        self
    }

    /// The configuration in this file.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::File(path.into());
        self
    }

    /// This configuration.
    pub fn config(mut self, config: ClientConfig) -> Self {
        self.source = Source::Given(Box::new(config));
        self
    }

    /// Which configuration of a file that has several.
    pub fn context(mut self, name: impl Into<String>) -> Self {
        self.context = Some(name.into());
        self
    }

    /// RPC servers of Sui in place of those of the configuration: the first that answers is taken, and the next takes over when it
    /// fails.
    pub fn rpc_urls<U: Into<String>>(mut self, urls: impl IntoIterator<Item = U>) -> Self {
        self.rpc_urls = urls.into_iter().map(Into::into).collect();
        self
    }

    /// The wallet file of the Sui tools in place of the one that the configuration names, or the usual one. Its active key signs
    /// unless there is a [`signer`](Self::signer).
    pub fn wallet(mut self, path: impl Into<PathBuf>) -> Self {
        self.wallet = Some(path.into());
        self
    }

    /// Who signs and pays: a [`Keypair`](crate::Keypair), or any other [`TransactionSigner`].
    pub fn signer(mut self, signer: impl Into<TransactionSigner>) -> Self {
        self.signer = Some(signer.into());
        self
    }

    /// Where slivers of large blobs are kept meanwhile; [`Spool::default_directory`] unless told otherwise.
    pub fn spool_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spool = Some(Spool::in_directory(directory.into()));
        self
    }

    /// The same, and how much is kept in memory.
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Connects to the chain and looks for the contract there. A wallet that cannot be used is an error only of what needs one.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(self) -> Result<Client, ConnectError> {
        let config = self.load()?;
        let wallet = config.wallet(self.wallet.as_deref());
        let named = [self.rpc_urls, config.rpc_urls.clone()];
        let named = named.into_iter().find(|urls| !urls.is_empty());
        let (servers, wallet) = match (named, wallet) {
            (Some(urls), wallet) => (urls.into_iter().map(Server::at).collect(), wallet),
            (None, Ok(wallet)) => (vec![Server::of(&wallet)?], Ok(wallet)),
            (None, Err(source)) => return Err(ConnectError::NoRpcServer { source }),
        };
        let signer = match self.signer {
            Some(signer) => Ok(signer),
            None => wallet.and_then(|wallet| Ok(wallet.active_key()?.into())),
        };
        let chain = first_that_answers(servers).await?;
        let reader = ContractReader::new(chain, config.objects()).await;
        let mut options = ClientOptions::from_config(&config);
        if let Some(spool) = self.spool {
            options.spool = spool;
        }
        let client = Client::new(reader.map_err(ConnectError::Contract)?, options);
        Ok(match signer {
            Ok(signer) => client.with_signer(signer),
            Err(error) => client.without_signer(error),
        })
    }

    fn load(&self) -> Result<ClientConfig, ConfigError> {
        let context = self.context.as_deref();
        let loaded = match &self.source {
            Source::Given(config) => return Ok(ClientConfig::clone(config)),
            Source::File(path) => config::load(path, context)?,
            Source::Network(name) => LoadedConfig::built_in(name.parse::<PublicNetwork>()?),
            Source::Found => Search {
                file: None,
                context: self.context.clone(),
                wallet: self.wallet.clone(),
            }
            .run()?,
        };
        Ok(loaded.config)
    }
}

/// An RPC server.
struct Server {
    url: String,
    /// `user:password`.
    basic_auth: Option<String>,
}

impl Server {
    fn at(url: String) -> Self {
        let basic_auth = None;
        Self { url, basic_auth }
    }

    fn client(&self) -> Result<ChainClient, ChainError> {
        let client = ChainClient::new(&self.url)?;
        Ok(match &self.basic_auth {
            Some(credentials) => client.with_basic_auth(credentials),
            None => client,
        })
    }

    /// That of the wallet's active network, with the credentials that the wallet has for it.
    fn of(wallet: &Wallet) -> Result<Self, ConnectError> {
        match wallet.active_environment() {
            Some(environment) => Ok(Self {
                url: environment.rpc.clone(),
                basic_auth: environment.basic_auth.clone(),
            }),
            None => Err(ConnectError::NoActiveNetwork {
                wallet: wallet.path().to_owned(),
            }),
        }
    }
}

/// A client of the first server that answers; when that fails later, the others take over in their order.
async fn first_that_answers(servers: Vec<Server>) -> Result<ChainClient, ConnectError> {
    let mut failures = Vec::new();
    let mut clients: VecDeque<ChainClient> = VecDeque::new();
    let mut answering = None;
    for server in servers {
        match server.client() {
            Ok(client) => clients.push_back(client),
            Err(error) => failures.push((shown_url(&server.url).into_owned(), error)),
        }
    }
    for _ in 0..clients.len() {
        let Some(client) = clients.pop_front() else {
            break;
        };
        match client.clone().answering().await {
            Ok(client) => {
                answering = Some(client);
                break;
            }
            Err(error) => {
                failures.push((shown_url(client.url()).into_owned(), error));
                clients.push_back(client);
            }
        }
    }
    match answering {
        Some(client) => Ok(client.with_fallbacks(clients)),
        None => Err(ConnectError::Unreachable { failures }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_in_urls_are_not_told() {
        let urls = [
            "http://127.0.0.1:1/v2/s3cret",
            "http://me:s3cret@127.0.0.1:1",
        ];
        let client = Client::builder()
            .network("testnet")
            .rpc_urls(urls)
            .connect();
        let Err(error) = client.await else {
            panic!("nobody listens on port 1");
        };
        for said in [error.to_string(), format!("{:?}", chains(&urls))] {
            assert!(
                said.contains("127.0.0.1:1") && !said.contains("s3cret"),
                "{said}"
            );
        }
    }

    fn chains(urls: &[&str]) -> Vec<ChainClient> {
        let chains = urls.iter().map(|url| ChainClient::new(url));
        chains.collect::<Result<_, _>>().unwrap()
    }
}
