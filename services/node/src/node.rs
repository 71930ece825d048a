//! Assembly of a storage node: start and shutdown.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, bail};
use axum::{Router, extract::State, routing::get};
use walrus_core::EncodingConfig;
use walrus_service::server::{Limits, Server, Transport};
use walrus_sui::{
    Address, chain::ChainClient, contract::ContractReader, objects::StorageNodeCap,
    transactions::ContractWriter,
};

use crate::{
    api,
    blobs::{Blocklist, BlocklistError, read_blocklist},
    chain::{EpochChanges, EpochDriver, EventProcessor},
    committee::CommitteeView,
    config::NodeConfig,
    healing::Deferrals,
    metrics::Metrics,
    operator::own_keys,
    parts::{Foundation, Parts},
    storage::Storage,
    tls::transport,
    view::NodeView,
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
    server: Server,
    metrics_server: Option<Server>,
    grace: Option<Duration>,
}

impl StorageNode {
    /// Opens the storage, connects to the chain and serves the REST API. Returns when requests are accepted.
    ///
    /// # Errors
    /// If a key, the wallet, the storage, the chain or the listening address is not usable.
    pub async fn start(config: NodeConfig) -> anyhow::Result<RunningNode> {
        let address = config.rest_api_address;
        let rest = TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} (rest_api_address)"))?;
        let listeners = Listeners {
            rest,
            metrics: None,
        };
        Self::start_on(listeners, config).await
    }

    /// Like [`StorageNode::start`], on listeners that the caller has opened.
    ///
    /// # Errors
    /// See [`StorageNode::start`].
    pub async fn start_on(listeners: Listeners, config: NodeConfig) -> anyhow::Result<RunningNode> {
        let protocol_key = config.protocol_key()?;
        let network_key = config.network_key()?;
        let secured = transport(&config.tls, &network_key, &config.public_host)?;
        let chain = ChainClient::new(&config.sui.rpc)?;
        let reader = ContractReader::new(chain, config.sui.objects())
            .await
            .context("cannot read the contract")?;
        let writer = ContractWriter::new(reader.clone(), config.sui.wallet_key()?);
        let cap = capability(&reader, writer.address(), config.storage_node_cap).await?;
        own_keys::check(
            &reader,
            cap.node_id,
            &protocol_key.public_key(),
            &network_key.public_key().0,
        )
        .await;
        let committees = reader
            .committees()
            .await
            .context("cannot read the committees")?;
        let encoding = EncodingConfig::new(committees.current.n_shards)?;
        let blocklist = blocklist(&config)?;
        let (path, cache) = (config.storage_path.clone(), config.database_cache_bytes);
        let storage = tokio::task::spawn_blocking(move || Storage::open(&path, cache))
            .await?
            .with_context(|| format!("cannot open {}", config.storage_path.display()))?;
        let parts = Parts::new(Foundation {
            storage,
            committees: CommitteeView::new(committees, &protocol_key.public_key()),
            encoding,
            node_id: cap.node_id,
            protocol_key,
            blocklist,
            rest: config.rest_server.clone(),
            pending_slivers: config.pending_sliver_cache.clone(),
            pending_metadata: config.pending_metadata_cache.clone(),
        });
        let limits = limits(&config);
        let router = api::router(parts.deeds.clone());
        let (transport, reload) = (secured.transport, secured.reload);
        let served = async {
            let server = Server::start_on(listeners.rest, router, transport, limits)
                .context("cannot serve the REST API")?;
            let metrics_server = metrics_server(&config, listeners.metrics, &parts.deeds.metrics)?;
            start_workers(&config, &parts, reader, writer, cap.id).await?;
            Ok::<_, anyhow::Error>((server, metrics_server))
        };
        let (server, metrics_server) = match served.await {
            Ok(servers) => servers,
            Err(error) => {
                // A storage that is not closed is read from end to end by the next start.
                if let Err(closing) = parts.close().await {
                    tracing::warn!(%closing, "the node is not closed in order");
                }
                return Err(error);
            }
        };
        if let Some(reload) = reload {
            parts.runner.spawn(reload);
        }
        tracing::info!(name = config.name, public_host = config.public_host, public_port = config.public_port, address = %server.address(), node_id = %cap.node_id, "storage node is up");
        Ok(RunningNode {
            parts,
            server,
            metrics_server,
            grace: config
                .rest_graceful_shutdown_period_secs
                .map(Duration::from_secs),
        })
    }
}

async fn start_workers(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    writer: ContractWriter,
    cap: Address,
) -> anyhow::Result<()> {
    let deferrals = Arc::new(Deferrals::new(config.live_upload_deferral.clone()));
    let recovery = parts.recovery(
        config.blob_recovery.clone(),
        Arc::clone(&deferrals),
        Arc::new(writer.clone()),
    );
    let processor = event_processor(config, parts, reader, deferrals);
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
    let events = processor.into_worker(config.sui.first_checkpoint).await?;
    parts.runner.spawn(events);
    parts.runner.spawn(recovery);
    driver
        .into_workers()
        .for_each(|worker| parts.runner.spawn(worker));
    Ok(())
}

fn event_processor(
    config: &NodeConfig,
    parts: &Parts,
    reader: ContractReader,
    deferrals: Arc<Deferrals>,
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
    Limits {
        streams: config.rest_server.http2_max_concurrent_streams,
        ..Limits::default()
    }
}

fn metrics_server(
    config: &NodeConfig,
    listener: Option<TcpListener>,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Option<Server>> {
    let listener = match (listener, config.metrics_address) {
        (Some(listener), _) => listener,
        (None, Some(address)) => TcpListener::bind(address)
            .with_context(|| format!("cannot listen on {address} for metrics (metrics_address)"))?,
        (None, None) => return Ok(None),
    };
    let text = |State(metrics): State<Arc<Metrics>>| async move { metrics.text() };
    let router = Router::new()
        .route("/metrics", get(text))
        .with_state(Arc::clone(metrics));
    let server = Server::start_on(listener, router, Transport::Plain, limits(config))
        .context("cannot serve the metrics")?;
    Ok(Some(server))
}

impl RunningNode {
    /// Where the REST API listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The node's ID on chain.
    pub fn node_id(&self) -> Address {
        self.parts.node_id
    }

    /// Looks at the node.
    pub fn view(&self) -> NodeView {
        NodeView {
            node_id: self.parts.node_id,
            health: Arc::clone(&self.parts.deeds.health),
            workers: self.parts.runner.workers().clone(),
        }
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
            server,
            metrics_server,
            grace,
        } = self;
        server.shutdown(grace).await;
        if let Some(server) = &metrics_server {
            server.shutdown(Some(Duration::ZERO)).await;
        }
        // Both hold routers, and those hold deeds.
        drop((server, metrics_server));
        Ok(parts.close().await?)
    }
}
