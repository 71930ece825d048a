//! Local network that is up.

mod founding;
mod nodes;

use std::{
    num::NonZeroU64,
    path::{self, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use sui_devchain::{Devchain, RunningChain};
use walrus_deploy::{Deployment, SidePackages};
use walrus_sui::{
    chain::ChainClient, contract::ContractReader, objects::EpochState, wallet::Keypair,
};

use self::founding::Founding;
pub(crate) use self::founding::OPERATOR_MIST;
pub use self::nodes::FailedNode;
use crate::{
    LocalnetOptions, Observer, Step,
    authority::Authority,
    control::Orders,
    directory::{Directory, Kind},
    doors::Doors,
    files,
    hosted::HostedNode,
    state::{NodeState, State},
};

/// Longest time for a quorum of nodes to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the chain is asked whether the nodes are ready.
const READY_POLL: Duration = Duration::from_millis(50);

/// A chain, a deployment and storage nodes, in one process or with a process for each node.
///
/// Dropping it stops everything without waiting; [`Localnet::shutdown`] waits.
pub struct Localnet {
    nodes: Vec<Option<HostedNode>>,
    /// The program that runs a node in a process of its own.
    program: Option<PathBuf>,
    chain: RunningChain,
    reader: ContractReader,
    admin: Arc<Keypair>,
    state: State,
    authority: Authority,
    /// The gateway, if there is one.
    doors: Option<Doors>,
    /// Blob IDs that the nodes do not serve.
    blocklist: Option<PathBuf>,
    event_blob_checkpoints: Option<NonZeroU64>,
    /// The epoch of which the description of the network is.
    described_epoch: Option<u32>,
    /// Nodes that did not start, until somebody was told.
    not_started: Vec<FailedNode>,
    // Last, so that the directory is released (or removed) when nothing uses it any more.
    directory: Directory,
}

impl Localnet {
    /// Brings a network up: a new one, or the one that the directory holds.
    ///
    /// # Errors
    /// A sentence on what is in the way, for example a busy port or another network in the directory.
    pub async fn start(options: &LocalnetOptions, observer: &dyn Observer) -> anyhow::Result<Self> {
        options.validate()?;
        let blocklist = blocklist(options)?;
        let directory = Directory::take(Kind::Network, options.dir.as_deref())?;
        let known = State::load(directory.path(), options)?;
        if known.is_none() {
            // What an interrupted start left is of no use: its chain has no network on it.
            directory.clear()?;
        }
        let authority = Authority::open(&directory.tls(), options.host)?;
        let chain = start_chain(options, &directory, &authority).await?;
        observer.on_step(Step::ChainStarted {
            rpc_url: chain.rpc_url(),
            chain_id: chain.chain_id().to_string(),
        });
        let admin = first_account(&chain)?;
        let client = ChainClient::connect(&chain.rpc_url()).await?;
        let (mut state, listeners) = match known {
            Some(state) => (state, Vec::new()),
            None => {
                let founding = Founding {
                    options,
                    directory: &directory,
                    chain: &chain,
                    observer,
                };
                founding.run(&client, &admin).await?
            }
        };
        let metrics = state.listen_for_metrics(options.host)?;
        let doors = options
            .gateway
            .then(|| state.listen_for_requests(options.host));
        let doors = doors.transpose()?;
        state.save(directory.path())?;
        let reader = ContractReader::new(client, state.deployment.objects()).await?;
        let mut network = Self {
            nodes: Vec::new(),
            program: options.processes.clone(),
            chain,
            reader,
            admin,
            state,
            authority,
            doors: None,
            blocklist,
            event_blob_checkpoints: options.event_blob_checkpoints,
            described_epoch: None,
            not_started: Vec::new(),
            directory,
        };
        network
            .start_nodes(options, listeners, metrics, observer)
            .await?;
        network.wait_until_ready(options).await?;
        if let Some(listeners) = doors {
            network.doors = Some(Doors::open(&network, listeners).await?);
        }
        files::write(&network).await?;
        observer.on_step(Step::Ready);
        Ok(network)
    }

    /// Waits until a quorum of nodes has reported that it is ready for the current epoch, if that is possible with the nodes
    /// that this process runs.
    async fn wait_until_ready(&self, options: &LocalnetOptions) -> anyhow::Result<()> {
        let ready = async {
            loop {
                match self.reader.staking_state().await?.epoch_state {
                    EpochState::EpochChangeSync(_) => tokio::time::sleep(READY_POLL).await,
                    EpochState::EpochChangeDone(_) | EpochState::NextParamsSelected(_) => {
                        return anyhow::Ok(());
                    }
                }
            }
        };
        if !options.external_nodes.is_empty() {
            // Others have to start their nodes first; a quorum may depend on them.
            return Ok(());
        }
        tokio::time::timeout(READY_TIMEOUT, ready)
            .await
            .with_context(|| {
                format!(
                    "the nodes were not ready within {} seconds",
                    READY_TIMEOUT.as_secs()
                )
            })?
    }

    /// The chain.
    pub fn chain(&self) -> &RunningChain {
        &self.chain
    }

    /// Reads the state of the contract.
    pub fn reader(&self) -> &ContractReader {
        &self.reader
    }

    /// What was deployed.
    pub fn deployment(&self) -> &Deployment {
        &self.state.deployment
    }

    /// The packages beside the contract, if they were published.
    pub fn side_packages(&self) -> Option<&SidePackages> {
        self.state.side_packages.as_ref()
    }

    /// The account that deployed the contract: it holds the WAL supply and is the wallet that the network writes.
    pub fn admin(&self) -> &Arc<Keypair> {
        &self.admin
    }

    /// The URLs of the aggregator and of the publisher, if the network has them.
    pub fn gateway_urls(&self) -> Option<(String, String)> {
        let doors = self.doors.as_ref()?;
        Some((doors.aggregator_url(), doors.publisher_url()))
    }

    /// The URL of the console, if the network has a gateway.
    pub fn console_url(&self) -> Option<String> {
        Some(self.doors.as_ref()?.console_url())
    }

    /// The directory of the network.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.directory
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The certificate of the network's authority, PEM: a client that trusts it can speak TLS with the nodes and the chain, also
    /// after the network has come up again.
    pub fn ca_bundle(&self) -> &Path {
        self.authority.bundle()
    }

    pub(crate) fn event_blob_checkpoints(&self) -> Option<NonZeroU64> {
        self.event_blob_checkpoints
    }

    pub(crate) fn blocklist(&self) -> Option<&Path> {
        self.blocklist.as_deref()
    }

    pub(crate) fn node_state(&self, index: u16) -> anyhow::Result<&NodeState> {
        self.state
            .nodes
            .get(usize::from(index))
            .with_context(|| format!("there is no node {index}"))
    }

    /// Changes what is remembered of a node.
    pub(crate) fn change_node(
        &mut self,
        index: u16,
        change: impl FnOnce(&mut NodeState),
    ) -> anyhow::Result<()> {
        if let Some(node) = self.state.nodes.get_mut(usize::from(index)) {
            change(node);
        }
        self.state.save(self.directory.path())
    }

    pub(crate) fn described_epoch(&self) -> Option<u32> {
        self.described_epoch
    }

    pub(crate) fn set_described_epoch(&mut self, epoch: u32) {
        self.described_epoch = Some(epoch);
    }

    /// Listens for the orders of other processes about the nodes of this network ([`crate::give_order`]).
    ///
    /// # Errors
    /// If no socket can be opened in the network's directory.
    pub fn listen_for_orders(&self) -> anyhow::Result<Orders> {
        Orders::listen(self.path())
    }

    /// Stops everything, the gateway first and then the nodes.
    ///
    /// # Errors
    /// If a part of a node had failed before; everything is stopped all the same.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
        // What uses the nodes goes before them.
        if let Some(doors) = self.doors.take() {
            doors.shutdown().await;
        }
        let stopping = self.nodes.drain(..).flatten().map(HostedNode::shutdown);
        let stopped = futures::future::join_all(stopping).await;
        self.chain.shutdown().await;
        stopped.into_iter().collect()
    }
}

/// Where the block list is, which must be one. The nodes' configuration files name it, and others may start them from elsewhere.
fn blocklist(options: &LocalnetOptions) -> anyhow::Result<Option<PathBuf>> {
    let Some(path) = &options.blocklist else {
        return Ok(None);
    };
    let path = path::absolute(path).context("the path of the block list")?;
    walrus_node::read_blocklist(&path)?;
    Ok(Some(path))
}

/// The account that deploys.
fn first_account(chain: &RunningChain) -> anyhow::Result<Arc<Keypair>> {
    let account = chain.accounts().first();
    let account = account.context("the chain has no accounts")?;
    Ok(Arc::new(Keypair::parse(&account.private_key)?))
}

async fn start_chain(
    options: &LocalnetOptions,
    directory: &Directory,
    authority: &Authority,
) -> anyhow::Result<RunningChain> {
    let ports = options.ports();
    Devchain::builder()
        .data_dir(Some(directory.chain()))
        .rpc_address(ports.rpc_address())
        .faucet_address(ports.faucet_address())
        .tls(Some(authority.chain_tls()?))
        .start()
        .await
        .map_err(|error| ports.explain(error))
}
