//! A network that is up.

use std::{
    fmt, fs,
    net::TcpListener,
    path::{self, Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, ensure};
use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use sui_devchain::{Devchain, RunningChain};
use walrus_deploy::{
    DeployParameters, Deployment, EXCHANGE_FUNDS, SidePackages, deploy, deploy_side_packages,
};
use walrus_node::NodeConfig;
use walrus_sui::{
    chain::ChainClient,
    contract::{ContractObjects, ContractReader},
    objects::EpochState,
    transactions::{ContractWriter, TransactionExecutor},
    wallet::Keypair,
};

use crate::{
    LocalnetOptions, Observer, Step,
    authority::Authority,
    control::Orders,
    directory::{Directory, Kind},
    files,
    hosted::{HostedNode, NodeStart},
    operator::{Operator, REGISTRATION_EPOCH, Registered},
    options::STAKE_PER_NODE,
    ports,
    state::{NodeState, State},
};

/// How many MIST each operator gets, for gas.
pub(crate) const OPERATOR_MIST: u64 = 100 * 1_000_000_000;

/// How many nodes start side by side.
const STARTING_AT_ONCE: usize = 16;

/// Longest time for a quorum of nodes to become ready.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the chain is asked whether the nodes are ready.
const READY_POLL: Duration = Duration::from_millis(50);

/// A node that failed though nobody stopped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedNode {
    /// Its place in the network.
    pub index: u16,
    /// Why, or how its process ended.
    pub reason: String,
}

impl fmt::Display for FailedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} failed: {}", self.index, self.reason)
    }
}

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
    /// Blob IDs that the nodes do not serve.
    blocklist: Option<PathBuf>,
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
        let admin = chain
            .accounts()
            .first()
            .context("the chain has no accounts")?;
        let admin = Arc::new(Keypair::parse(&admin.private_key)?);
        let client = ChainClient::connect(&chain.rpc_url()).await?;
        // Held from the registration of an address until its node listens there.
        let mut listeners = Vec::new();
        let mut state = match known {
            Some(state) => state,
            None => {
                for _ in 0..options.nodes {
                    listeners.push(ports::listen(options.host)?);
                }
                let founding = Founding {
                    options,
                    directory: &directory,
                    chain: &chain,
                    observer,
                };
                founding.run(&client, &admin, &listeners).await?
            }
        };
        let metrics = state.listen_for_metrics(options.host)?;
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
            blocklist,
            described_epoch: None,
            not_started: Vec::new(),
            directory,
        };
        network
            .start_nodes(options, listeners, metrics, observer)
            .await?;
        network.wait_until_ready(options).await?;
        files::write(&network).await?;
        observer.on_step(Step::Ready);
        Ok(network)
    }

    /// Starts the nodes side by side: most of what a start takes is waiting for the disk.
    async fn start_nodes(
        &mut self,
        options: &LocalnetOptions,
        listeners: Vec<TcpListener>,
        metrics: Vec<TcpListener>,
        observer: &dyn Observer,
    ) -> anyhow::Result<()> {
        let mut starts = Vec::new();
        let (mut listeners, mut metrics) = (listeners.into_iter(), metrics.into_iter());
        let known = u16::try_from(self.state.nodes.len()).context("too many nodes")?;
        for index in 0..known {
            self.nodes.push(None);
            let mut config = files::node_config(self, index)?;
            config.rest_server.extensions = !options.plain_nodes.contains(&index);
            let (rest, metrics) = (listeners.next(), metrics.next());
            let has_left = self.node_state(index)?.has_left;
            if !options.external_nodes.contains(&index) && !has_left {
                starts.push((index, config, rest, metrics));
            }
        }
        let total = u16::try_from(starts.len()).unwrap_or(u16::MAX);
        let (mut started, mut failed) = (Vec::new(), Vec::new());
        let this = &*self;
        let starts = starts
            .into_iter()
            .map(|(index, config, rest, metrics)| async move {
                let node = HostedNode::start(this.how_to_start(index, config), rest, metrics).await;
                (index, node)
            });
        let mut starting = futures::stream::iter(starts).buffer_unordered(STARTING_AT_ONCE);
        let mut done = 0;
        while let Some((index, node)) = starting.next().await {
            match node {
                Ok(node) => started.push((index, node)),
                Err(error) => failed.push((index, error)),
            }
            done += 1;
            observer.on_step(Step::NodesStarted { done, total });
        }
        drop(starting);
        // What a network bears: the others have what those have.
        let bearable = usize::from(total.saturating_sub(1)) / 3;
        if failed.len() > bearable
            && let Some((_, error)) = failed.pop()
        {
            return Err(error);
        }
        self.not_started = failed
            .into_iter()
            .map(|(index, error)| FailedNode {
                index,
                reason: format!("{error:#}"),
            })
            .collect();
        for (index, node) in started {
            if let Some(place) = self.nodes.get_mut(usize::from(index)) {
                *place = Some(node);
            }
        }
        Ok(())
    }

    fn how_to_start(&self, index: u16, config: NodeConfig) -> NodeStart<'_> {
        NodeStart {
            index,
            config,
            config_path: files::node_config_path(self.path(), index),
            log: files::node_log_path(self.path(), index),
            program: self.program.as_deref(),
        }
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

    pub(crate) fn blocklist(&self) -> Option<&Path> {
        self.blocklist.as_deref()
    }

    pub(crate) fn node_state(&self, index: u16) -> anyhow::Result<&NodeState> {
        self.state
            .nodes
            .get(usize::from(index))
            .with_context(|| format!("there is no node {index}"))
    }

    /// Number of nodes, running or not.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Stops a node; its storage stays. Does nothing if it is not running.
    ///
    /// # Errors
    /// If a part of the node had failed before.
    pub async fn stop_node(&mut self, index: u16) -> anyhow::Result<()> {
        if let Some(node) = self
            .nodes
            .get_mut(usize::from(index))
            .and_then(Option::take)
        {
            node.shutdown().await?;
        }
        Ok(())
    }

    /// Takes a new node among those of the network, and starts it.
    pub(crate) async fn join(
        &mut self,
        index: u16,
        node: NodeState,
        rest: TcpListener,
        metrics: TcpListener,
    ) -> anyhow::Result<()> {
        self.state.nodes.push(node);
        self.nodes.push(None);
        // Before it starts: it is registered, and can be started again.
        self.state.save(self.directory.path())?;
        let config = files::node_config(self, index)?;
        let start = self.how_to_start(index, config);
        let node = HostedNode::start(start, Some(rest), Some(metrics)).await?;
        if let Some(place) = self.nodes.get_mut(usize::from(index)) {
            *place = Some(node);
        }
        Ok(())
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

    pub(crate) fn is_node_running(&self, index: u16) -> bool {
        let node = self.nodes.get(usize::from(index));
        node.is_some_and(Option::is_some)
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

    /// Waits until a node fails, or its process ends, though nobody stopped it. For ever if none does. Such a node is to be
    /// stopped ([`Self::stop_node`]) before the next is waited for.
    pub async fn failed(&mut self) -> FailedNode {
        if let Some(failed) = self.not_started.pop() {
            return failed;
        }
        let running = self.nodes.iter_mut().enumerate();
        let mut failing: FuturesUnordered<_> = running
            .filter_map(|(index, node)| Some((u16::try_from(index).ok()?, node.as_mut()?)))
            .map(|(index, node)| {
                node.failed()
                    .map(move |reason| FailedNode { index, reason })
            })
            .collect();
        match failing.next().await {
            Some(failed) => failed,
            None => std::future::pending().await,
        }
    }

    /// Starts a node that was stopped. Does nothing if it is running.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn start_node(&mut self, index: u16) -> anyhow::Result<()> {
        let place = self.nodes.get(usize::from(index));
        ensure!(place.is_some(), "there is no node {index}");
        if place.is_some_and(Option::is_some) {
            return Ok(());
        }
        let config = files::node_config(self, index)?;
        let node = HostedNode::start(self.how_to_start(index, config), None, None).await?;
        if let Some(place) = self.nodes.get_mut(usize::from(index)) {
            *place = Some(node);
        }
        Ok(())
    }

    /// Stops everything, nodes first.
    ///
    /// # Errors
    /// If a part of a node had failed before; everything is stopped all the same.
    pub async fn shutdown(mut self) -> anyhow::Result<()> {
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

/// Everything that happens once in the life of a network.
struct Founding<'a> {
    options: &'a LocalnetOptions,
    directory: &'a Directory,
    chain: &'a RunningChain,
    observer: &'a dyn Observer,
}

impl Founding<'_> {
    async fn run(
        &self,
        client: &ChainClient,
        admin: &Arc<Keypair>,
        listeners: &[TcpListener],
    ) -> anyhow::Result<State> {
        let executor = TransactionExecutor::new(client.clone(), Arc::clone(admin));
        let epoch_duration_ms = u64::try_from(self.options.epoch_duration.as_millis())
            .context("the epoch duration is too long")?;
        let deployment = deploy(
            &executor,
            DeployParameters {
                epoch_zero_duration_ms: 0,
                epoch_duration_ms,
                n_shards: self.options.shards,
                max_epochs_ahead: self.options.max_epochs_ahead,
                threshold_stake: self.options.threshold_stake,
            },
        )
        .await?;
        self.report_deployment(&deployment);
        let side_packages = self.side_packages(&executor, &deployment).await?;
        let operators = self.operators(listeners)?;
        let registered = self
            .register(client, &executor, &operators, &deployment)
            .await?;
        self.select_committee(client, executor, &registered, deployment.objects())
            .await?;
        let nodes = operators
            .iter()
            .zip(&registered)
            .map(|(operator, registered)| NodeState {
                address: operator.address,
                node_id: registered.node_id,
                cap_id: registered.cap_id,
                metrics_address: None,
                leaves: false,
                has_left: false,
            });
        Ok(State::new(
            self.options,
            epoch_duration_ms,
            deployment,
            side_packages,
            nodes.collect(),
        ))
    }

    async fn side_packages(
        &self,
        executor: &TransactionExecutor,
        deployment: &Deployment,
    ) -> anyhow::Result<Option<SidePackages>> {
        if !self.options.side_packages {
            return Ok(None);
        }
        let side = deploy_side_packages(executor, deployment, EXCHANGE_FUNDS).await?;
        let packages = [
            ("wal_exchange", side.wal_exchange_package),
            ("walrus_subsidies", side.walrus_subsidies_package),
            ("blob_bucket", side.blob_bucket_package),
        ];
        for ((name, package), digest) in packages.into_iter().zip(&side.digests) {
            self.observer.on_step(Step::Published {
                name: name.to_owned(),
                package,
                digest: *digest,
            });
        }
        Ok(Some(side))
    }

    fn report_deployment(&self, deployment: &Deployment) {
        let digest = |position: usize| {
            deployment
                .digests
                .get(position)
                .copied()
                .unwrap_or_default()
        };
        for (position, (name, package)) in [
            ("wal", deployment.wal_package),
            ("walrus", deployment.walrus_package),
        ]
        .into_iter()
        .enumerate()
        {
            let name = name.to_owned();
            self.observer.on_step(Step::Published {
                name,
                package,
                digest: digest(position),
            });
        }
        self.observer.on_step(Step::Initialized {
            system: deployment.system_object,
            staking: deployment.staking_object,
            digest: digest(2),
        });
    }

    /// An operator with fresh keys for every address.
    fn operators(&self, listeners: &[TcpListener]) -> anyhow::Result<Vec<Operator>> {
        let mut operators = Vec::new();
        for (index, listener) in (0..).zip(listeners) {
            let operator = Operator::generate(index, listener.local_addr()?);
            let dir = self.directory.node(index);
            fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
            operator.write_keys(&dir)?;
            operator.write_wallet(&dir, &self.chain.rpc_url())?;
            operators.push(operator);
        }
        Ok(operators)
    }

    async fn register(
        &self,
        client: &ChainClient,
        executor: &TransactionExecutor,
        operators: &[Operator],
        deployment: &Deployment,
    ) -> anyhow::Result<Vec<Registered>> {
        let grants: Vec<_> = operators
            .iter()
            .map(|operator| (operator.wallet.address(), OPERATOR_MIST))
            .collect();
        executor
            .send_sui(&grants)
            .await
            .context("cannot give the operators gas")?;
        let total = self.options.nodes;
        let mut registered = Vec::with_capacity(operators.len());
        for operator in operators {
            registered.push(
                operator
                    .register(client, deployment.objects(), total, REGISTRATION_EPOCH)
                    .await?,
            );
            self.observer.on_step(Step::Registered {
                done: operator.index + 1,
                total,
            });
        }
        Ok(registered)
    }

    async fn select_committee(
        &self,
        client: &ChainClient,
        executor: TransactionExecutor,
        registered: &[Registered],
        objects: ContractObjects,
    ) -> anyhow::Result<()> {
        let reader = ContractReader::new(client.clone(), objects).await?;
        let admin = ContractWriter::with_executor(reader.clone(), executor);
        let stakes: Vec<_> = registered
            .iter()
            .map(|node| (node.node_id, STAKE_PER_NODE))
            .collect();
        admin
            .stake(&stakes)
            .await
            .context("cannot stake on the nodes")?;
        self.observer.on_step(Step::Staked {
            frost_per_node: STAKE_PER_NODE,
        });
        admin
            .voting_end()
            .await
            .context("cannot select the first committee")?;
        admin
            .initiate_epoch_change()
            .await
            .context("cannot begin the first epoch")?;
        self.observer.on_step(Step::CommitteeSelected {
            epoch: reader.epoch().await?,
        });
        Ok(())
    }
}
