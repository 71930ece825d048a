//! Assembly of a storage node: start and shutdown.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::sync::watch;
use walrus_core::{
    EncodingConfig, Epoch,
    bls::BlsKeyPair,
    network_key::{NetworkKeyPair, NetworkPublicKey},
};
use walrus_service::{
    server::{Limits, NoPeers, Server, Transport},
    worker::Setting,
};
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::{Committees, ContractReader},
    objects::StorageNodeCap,
    transactions::ContractWriter,
};

use crate::{
    api::{self, CommitteePeers},
    blobs::{Blocklist, BlocklistError, read_blocklist},
    chain::{EpochChanges, EpochDriver, EventProcessor, Pace},
    committee::CommitteeView,
    config::NodeConfig,
    healing::{Deferrals, PeerTerms},
    limits::COMPACTION_THROTTLE,
    metrics::Scrape,
    operator::{
        Account, SettingsError, WorkerSettings,
        account::{AccountKeeper, Identity},
        backup::{BackupWorker, Backups, Plan, Schedule},
        fsck::{FsckWorker, Fscks},
        push::MetricsPush,
        relocation,
        scrub::{ScrubWorker, Scrubs},
    },
    parts::{Foundation, Parts},
    storage::{Compaction, Storage},
    tls::{Secured, transport},
    upkeep::ConfigSynchronizer,
    view::NodeView,
};
#[cfg(unix)]
use crate::{
    healing::Peers,
    operator::{SetLogLevel, admin::AdminDoor, desk::Desk, explain::Explainer},
};

/// Starts storage nodes.
#[derive(Debug)]
pub struct StorageNode;

/// Where a storage node listens, opened by the caller.
#[derive(Debug)]
pub struct Listeners {
    /// Of the REST API.
    pub rest: TcpListener,
    /// Of the metrics; one at the configured address is opened when absent.
    pub metrics: Option<TcpListener>,
}

/// A storage node that is up. Dropping it without [`RunningNode::shutdown`] stops it at once, as a crash would.
#[derive(Debug)]
pub struct RunningNode {
    parts: Parts,
    served: Served,
    account: Arc<Account>,
    grace: Option<Duration>,
}

/// What a node serves on.
#[derive(Debug)]
struct Served {
    server: Server,
    metrics_server: Option<Server>,
    #[cfg(unix)]
    door: Option<AdminDoor>,
}

/// A node that has read its keys and asked the chain who it is. Nothing of its storage was touched: it may be dropped.
pub struct PreparedNode {
    config: NodeConfig,
    listeners: Listeners,
    secured: Secured,
    protocol_key: BlsKeyPair,
    network_key: Arc<NetworkKeyPair>,
    reader: ContractReader,
    writer: ContractWriter,
    cap: StorageNodeCap,
    committees: Committees,
    encoding: EncodingConfig,
    blocklist: Blocklist,
    #[cfg(unix)]
    set_log_level: Option<SetLogLevel>,
}

impl std::fmt::Debug for PreparedNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("PreparedNode");
        shown.field("node_id", &self.cap.node_id);
        shown.finish_non_exhaustive()
    }
}

impl StorageNode {
    /// Opens the storage, connects to the chain and serves the REST API. Returns when requests are accepted.
    ///
    /// # Errors
    /// If a key, the wallet, the storage, the chain or the listening address is not usable.
    pub async fn start(config: NodeConfig) -> anyhow::Result<RunningNode> {
        Self::prepare(config).await?.start().await
    }

    /// Like [`StorageNode::start`], on listeners that the caller has opened.
    ///
    /// # Errors
    /// See [`StorageNode::start`].
    pub async fn start_on(listeners: Listeners, config: NodeConfig) -> anyhow::Result<RunningNode> {
        Self::prepare_on(listeners, config).await?.start().await
    }

    /// The first half of [`StorageNode::start`], which leaves the storage alone.
    ///
    /// # Errors
    /// If a key, the wallet, the chain or the listening address is not usable.
    pub async fn prepare(config: NodeConfig) -> anyhow::Result<PreparedNode> {
        let address = config.rest_api_address;
        let rest = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} (rest_api_address)"))?;
        let listeners = Listeners {
            rest,
            metrics: None,
        };
        Self::prepare_on(listeners, config).await
    }

    async fn prepare_on(listeners: Listeners, config: NodeConfig) -> anyhow::Result<PreparedNode> {
        relocation::check(&config.storage_path)?;
        #[cfg(unix)]
        if let Some(path) = &config.admin_socket_path {
            AdminDoor::check(path).await?;
        }
        let protocol_key = config.protocol_key()?;
        let network_key = config.network_key()?;
        let secured = transport(&config.tls, &network_key, &config.public_host)?;
        let chain = ChainClient::new(&config.sui.rpc)?;
        let reader = ContractReader::new(chain, config.sui.objects())
            .await
            .context("cannot read the contract")?;
        let writer = ContractWriter::new(reader.clone(), config.sui.wallet_key()?);
        let cap = capability(&reader, writer.address(), config.storage_node_cap).await?;
        let committees = reader
            .committees()
            .await
            .context("cannot read the committees")?;
        Ok(PreparedNode {
            encoding: EncodingConfig::new(committees.current.n_shards)?,
            blocklist: blocklist(&config)?,
            config,
            listeners,
            secured,
            protocol_key,
            network_key: Arc::new(network_key),
            reader,
            writer,
            cap,
            committees,
            #[cfg(unix)]
            set_log_level: None,
        })
    }
}

impl PreparedNode {
    /// Lets the operator change what is logged, through the admin socket.
    #[cfg(unix)]
    #[must_use]
    pub fn with_log_level(mut self, set: SetLogLevel) -> Self {
        self.set_log_level = Some(set);
        self
    }

    /// Opens the storage and serves. Once this is begun it should end: a storage that is not closed is read from end to end by the
    /// next start.
    ///
    /// # Errors
    /// If the storage, the chain or an address is not usable; what was opened is closed again.
    pub async fn start(self) -> anyhow::Result<RunningNode> {
        let config = self.config;
        let options = config.storage_options();
        let epoch_state = self.committees.epoch_state;
        let storage = tokio::task::spawn_blocking(move || Storage::open_with(options))
            .await?
            .with_context(|| format!("cannot open {}", config.storage_path.display()))?;
        let parts = Parts::new(Foundation {
            storage,
            encoding: self.encoding,
            committees: CommitteeView::new(self.committees, &self.protocol_key.public_key()),
            node_id: self.cap.node_id,
            protocol_key: self.protocol_key,
            peers: PeerTerms {
                addresses: config.sui.peer_addresses(config.allow_private_addresses),
                identity: Some(Arc::clone(&self.network_key)),
            },
            blocklist: self.blocklist,
            rest: config.rest_server.clone(),
            shard_sync: config.shard_sync_config.clone(),
            pending_slivers: config.pending_sliver_cache.clone(),
            pending_metadata: config.pending_metadata_cache.clone(),
        });
        let account = account(
            &config,
            &parts,
            &self.reader,
            &self.writer,
            &self.network_key.public_key(),
        );
        let own = self.network_key.public_key();
        let metrics = &parts.deeds.metrics;
        metrics.identity.set_epoch_state(&epoch_state);
        metrics
            .identity
            .set(parts.node_id, &config.sui.objects(), self.writer.address());
        metrics.http.set_scheme(match &self.secured.certificates {
            Some(_) => "https",
            None => "http",
        });
        let deferrals = Arc::new(Deferrals::new(config.live_upload_deferral.clone()));
        let scrape = parts.scrape(
            Arc::clone(&deferrals),
            self.secured.certificates,
            Some(Arc::clone(&account)),
        );
        let settings = WorkerSettings::of(&config.storage_path);
        let served = async {
            parts.runner.preset(presets(&settings)?);
            let router = api::router(parts.deeds.clone());
            let (transport, limits) = (self.secured.transport, limits(&config));
            let peers = CommitteePeers::new(Arc::clone(&parts.committees), own);
            let rest = self.listeners.rest;
            let server = Server::start_on(rest, router, transport, limits, Arc::new(peers))
                .context("cannot serve the REST API")?;
            let metrics_server = metrics_server(&config, self.listeners.metrics, scrape.clone())?;
            let (reader, writer) = (self.reader, self.writer);
            start_workers(&config, &parts, reader, writer, self.cap.id, deferrals).await?;
            parts.runner.spawn(AccountKeeper(Arc::clone(&account)));
            let verbs = Verbs::start(&config, &parts);
            if let Some(push) = &config.metrics_push {
                let metrics = Arc::clone(&parts.deeds.metrics);
                let push =
                    MetricsPush::new(push.clone(), &config.name, &self.network_key, metrics)?;
                parts.runner.spawn(push.looking_at(scrape));
            }
            #[cfg(not(unix))]
            drop((verbs, settings));
            #[cfg(unix)]
            let door = open_door(
                &config,
                &parts,
                &account,
                verbs,
                settings,
                self.set_log_level,
            )
            .await?;
            Ok::<_, anyhow::Error>(Served {
                server,
                metrics_server,
                #[cfg(unix)]
                door,
            })
        };
        let served = match served.await {
            Ok(served) => served,
            Err(error) => {
                // A storage that is not closed is read from end to end by the next start.
                if let Err(closing) = parts.close().await {
                    tracing::warn!(%closing, "the node is not closed in order");
                }
                return Err(error);
            }
        };
        if let Some(reload) = self.secured.reload {
            parts.runner.spawn(reload);
        }
        tracing::info!(name = config.name, public_host = config.public_host, public_port = config.public_port, address = %served.server.address(), node_id = %parts.node_id, "storage node is up");
        Ok(RunningNode {
            parts,
            served,
            account,
            grace: config
                .rest_graceful_shutdown_period_secs
                .map(Duration::from_secs),
        })
    }
}

fn account(
    config: &NodeConfig,
    parts: &Parts,
    reader: &ContractReader,
    writer: &ContractWriter,
    network_key: &NetworkPublicKey,
) -> Arc<Account> {
    let identity = Identity {
        node_id: parts.node_id,
        wallet: writer.address(),
        protocol_key: parts.key.public_key(),
        network_key: network_key.0.to_vec(),
        warning_mist: config.balance_check.warning_threshold_mist,
    };
    let problems = Arc::clone(&parts.problems);
    Arc::new(Account::new(reader.clone(), identity, problems))
}

/// Opens the admin socket, if there is to be one.
#[cfg(unix)]
async fn open_door(
    config: &NodeConfig,
    parts: &Parts,
    account: &Arc<Account>,
    verbs: Verbs,
    settings: WorkerSettings,
    set_log_level: Option<SetLogLevel>,
) -> anyhow::Result<Option<AdminDoor>> {
    let Some(path) = &config.admin_socket_path else {
        return Ok(None);
    };
    let desk = Desk {
        repairs: Arc::clone(&parts.repairs),
        backups: verbs.backups,
        scrubs: verbs.scrubs,
        fscks: verbs.fscks,
        storage: Arc::clone(&parts.storage),
        explainer: Explainer {
            holdings: parts.holdings.clone(),
            peers: Peers::new(&config.blob_recovery, &parts.peers),
            node_id: parts.node_id,
            work: parts.work.clone(),
        },
        name: config.name.clone(),
        public_address: config.public_address(),
        view: view(parts, account),
        settings,
        set_log_level,
        work: parts.work.clone(),
    };
    Ok(Some(AdminDoor::open(path, Arc::new(desk)).await?))
}

/// Where the jobs of an operator are ordered.
struct Verbs {
    backups: Arc<Backups>,
    scrubs: Arc<Scrubs>,
    fscks: Arc<Fscks>,
}

impl Verbs {
    /// Starts the jobs. Those with a schedule need nobody to order them.
    fn start(config: &NodeConfig, parts: &Parts) -> Self {
        let this = Self {
            backups: Arc::default(),
            scrubs: Arc::new(Scrubs::of(&config.storage_path)),
            fscks: Arc::default(),
        };
        parts
            .runner
            .spawn(backup_worker(config, parts, &this.backups));
        parts.runner.spawn(ScrubWorker::new(
            Arc::clone(&this.scrubs),
            Arc::clone(&parts.storage),
            Arc::clone(&parts.problems),
            parts.work.clone(),
        ));
        parts.runner.spawn(FsckWorker {
            fscks: Arc::clone(&this.fscks),
            storage: Arc::clone(&parts.storage),
            queue_grew: Arc::clone(&parts.queue_grew),
            work: parts.work.clone(),
        });
        parts.runner.spawn(parts.repair_worker());
        this
    }
}

fn backup_worker(config: &NodeConfig, parts: &Parts, backups: &Arc<Backups>) -> BackupWorker {
    let plan = Plan {
        storage: Arc::clone(&parts.storage),
        node_id: parts.node_id,
        disks: config.disk_paths(),
        directory: config.backups_path(),
        keep: config.checkpoint_config.max_db_checkpoints,
    };
    let schedule = Schedule {
        periodic: config.checkpoint_config.periodic_db_checkpoints,
        interval: config.checkpoint_config.db_checkpoint_interval,
    };
    BackupWorker::new(Arc::clone(backups), plan, schedule, parts.work.clone())
}

fn view(parts: &Parts, account: &Arc<Account>) -> NodeView {
    NodeView {
        node_id: parts.node_id,
        health: Arc::clone(&parts.deeds.health),
        workers: parts.runner.workers().clone(),
        account: Arc::clone(account),
    }
}

/// What people have set of the background jobs, or else what is usual.
fn presets(settings: &WorkerSettings) -> Result<BTreeMap<String, Setting>, SettingsError> {
    let mut presets = settings.load()?;
    let gentle = Setting {
        paused: false,
        throttle: COMPACTION_THROTTLE,
    };
    presets.entry(Compaction::NAME.to_owned()).or_insert(gentle);
    Ok(presets)
}

async fn start_workers(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    writer: ContractWriter,
    cap: Address,
    deferrals: Arc<Deferrals>,
) -> anyhow::Result<()> {
    let recovery = parts.recovery(
        config.blob_recovery.clone(),
        Arc::clone(&deferrals),
        Arc::new(writer.clone()),
    );
    let shard_sync = parts.shard_sync(config.shard_sync_config.clone(), &config.blob_recovery);
    let began = Arc::new(watch::Sender::new(0));
    let first = first_checkpoint(config, parts, &reader).await?;
    let processor = event_processor(config, parts, reader, deferrals, Arc::clone(&began));
    start_upkeep(config, parts, &writer, cap, &began);
    let driver = EpochDriver {
        shards: Arc::clone(&parts.shards),
        committees: Arc::clone(&parts.committees),
        node_id: parts.node_id,
        epoch_moved: Arc::clone(&parts.epoch_moved),
        writer,
        cap,
        drives: config.drive_epochs,
        subsidies: config.sui.walrus_subsidies_object,
    };
    let events = processor.into_worker(first).await?;
    parts.runner.spawn(events);
    parts.runner.spawn(recovery);
    parts.runner.spawn(parts.compaction());
    parts.runner.spawn(parts.pending_sweep());
    parts.runner.spawn(shard_sync);
    driver
        .into_workers()
        .for_each(|worker| parts.runner.spawn(worker));
    Ok(())
}

/// Where a node begins to read events that has read none: node spec 2.4.
async fn first_checkpoint(
    config: &NodeConfig,
    parts: &Parts,
    reader: &ContractReader,
) -> anyhow::Result<u64> {
    if let Some(first) = config.sui.first_checkpoint {
        return Ok(first);
    }
    if let Some(cursor) = parts.storage.cursor()? {
        return Ok(cursor.next.checkpoint);
    }
    let origin = reader.packages().origin;
    let published = reader.chain().checkpoint_of_last_change(origin).await;
    let published = published.context(
        "cannot find the checkpoint in which the contract was published: a full node that has pruned it cannot serve a fresh node; \
         name another one in sui.rpc, or the checkpoint in sui.first_checkpoint",
    )?;
    Ok(published.saturating_add(1))
}

/// Starts what looks at the outside, and at the node itself, now and then.
fn start_upkeep(
    config: &NodeConfig,
    parts: &Parts,
    writer: &ContractWriter,
    cap: Address,
    began: &watch::Sender<Epoch>,
) {
    let metrics = &parts.deeds.metrics;
    let synchronizer = &config.config_synchronizer;
    if let Some(path) = config.origin.path().filter(|_| synchronizer.enabled) {
        parts.runner.spawn(ConfigSynchronizer {
            path: path.to_owned(),
            writer: writer.clone(),
            cap,
            node_id: parts.node_id,
            interval: Duration::from_secs(synchronizer.interval_secs.max(1)),
            began: began.subscribe(),
            metrics: Arc::clone(metrics),
            work: parts.work.clone(),
        });
    }
    if let Some(path) = &config.blocklist_path {
        parts.runner.spawn(parts.blocklist_refresh(path.clone()));
    }
    let checks = &config.consistency_check;
    if checks.enable_consistency_check && checks.enable_sliver_data_existence_check {
        let percentage = checks.sliver_data_existence_check_sample_rate_percentage;
        let check = parts.existence_check(percentage, began.subscribe());
        parts.runner.spawn(check);
    }
}

fn event_processor(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    deferrals: Arc<Deferrals>,
    began: Arc<watch::Sender<Epoch>>,
) -> EventProcessor {
    let epochs = EpochChanges {
        reader: reader.clone(),
        storage: Arc::clone(&parts.storage),
        committees: Arc::clone(&parts.committees),
        shards: Arc::clone(&parts.shards),
        expiry: Arc::clone(&parts.expiry),
        key: parts.key.public_key(),
        queue_grew: Arc::clone(&parts.queue_grew),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        makes_digests: config.consistency_check.enable_consistency_check,
        began,
    };
    EventProcessor {
        reader,
        epochs,
        holdings: parts.holdings.clone(),
        uploads: Arc::clone(&parts.deeds.uploads),
        pending: Arc::clone(&parts.pending),
        registrations: Arc::clone(&parts.registrations),
        expiry: Arc::clone(&parts.expiry),
        deferrals,
        tip: Arc::clone(&parts.tip),
        queue_grew: Arc::clone(&parts.queue_grew),
        epoch_moved: Arc::clone(&parts.epoch_moved),
        metrics: Arc::clone(&parts.deeds.metrics),
        work: parts.work.clone(),
        pace: Pace::default(),
        deletes_at_once: config.garbage_collection.enable_immediate_data_deletion,
    }
}

/// The node's capability: the configured one, or the only one of the wallet.
async fn capability(
    reader: &ContractReader,
    owner: Address,
    configured: Option<Address>,
) -> anyhow::Result<StorageNodeCap> {
    if let Some(id) = configured {
        return reader
            .node_cap(id)
            .await
            .context("cannot read the node's capability");
    }
    let mut caps = reader.owned_node_caps(owner).await?;
    match (caps.pop(), caps.len()) {
        (Some(cap), 0) => Ok(cap),
        (None, _) => bail!("the wallet {owner} owns no node capability; register the node first"),
        (Some(_), more) => bail!(
            "the wallet {owner} owns {} node capabilities; choose one with storage_node_cap",
            more.saturating_add(1)
        ),
    }
}

fn blocklist(config: &NodeConfig) -> Result<Blocklist, BlocklistError> {
    let Some(path) = &config.blocklist_path else {
        return Ok(Blocklist::default());
    };
    Ok(read_blocklist(path)?.into_iter().collect())
}

fn limits(config: &NodeConfig) -> Limits {
    let rest = &config.rest_server;
    Limits {
        connections: rest.max_connections,
        connections_per_address: rest.max_connections_per_address,
        peer_connections: rest.max_peer_connections,
        streams: rest.http2_max_concurrent_streams,
        requests: rest.max_requests,
        requests_per_address: rest.max_requests_per_address,
        ..Limits::default()
    }
}

fn metrics_server(
    config: &NodeConfig,
    listener: Option<TcpListener>,
    scrape: Scrape,
) -> anyhow::Result<Option<Server>> {
    let listener = match (listener, config.metrics_address) {
        (Some(listener), _) => listener,
        (None, Some(address)) => TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} for metrics (metrics_address)"))?,
        (None, None) => return Ok(None),
    };
    let text = |State(scrape): State<Scrape>| async move {
        let text = tokio::task::spawn_blocking(move || scrape.text());
        text.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
    };
    let router = Router::new()
        .route("/metrics", get(text))
        .with_state(scrape);
    let server = Server::start_on(
        listener,
        router,
        Transport::Plain,
        limits(config),
        Arc::new(NoPeers),
    )
    .context("cannot serve the metrics")?;
    Ok(Some(server))
}

impl RunningNode {
    /// Where the REST API listens.
    pub fn address(&self) -> SocketAddr {
        self.served.server.address()
    }

    /// The node's ID on chain.
    pub fn node_id(&self) -> Address {
        self.parts.node_id
    }

    /// Looks at the node.
    pub fn view(&self) -> NodeView {
        view(&self.parts, &self.account)
    }

    /// Waits until a background job of the node fails; returns what failed.
    pub async fn failed(&self) -> String {
        self.parts.runner.failed().await.to_string()
    }

    /// Stops accepting, lets open requests end, stops all work and closes the storage. Afterwards the directory and the address
    /// are free for another start.
    ///
    /// # Errors
    /// If a background job had failed before, or the storage cannot be closed.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        let Self {
            parts,
            served,
            grace,
            ..
        } = self;
        // What is asked last is how the node is; afterwards nothing of the door holds the storage.
        #[cfg(unix)]
        if let Some(door) = served.door {
            door.close().await;
        }
        served.server.shutdown(grace).await;
        if let Some(server) = &served.metrics_server {
            server.shutdown(Some(Duration::ZERO)).await;
        }
        // Both hold routers, and those hold deeds.
        drop((served.server, served.metrics_server));
        Ok(parts.close().await?)
    }
}
