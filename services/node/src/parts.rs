//! Composition root: makes the parts of a node and gives each what it needs.
//!
//! Only the assembly (`node.rs`) and tests see all of them together. A part that needs something new gets a field and, here,
//! a line.

use std::{sync::Arc, time::Instant};

use tokio::sync::Notify;
use walrus_core::{EncodingConfig, bls::BlsKeyPair};
use walrus_service::worker::{Failed, Runner};
use walrus_sui::Address;

use crate::{
    api::Deeds,
    blobs::{
        Arrivals, Blocklist, Confirmations, Holdings, Inconsistencies, LongPolls, PendingCache,
        Reads, SymbolTrees, Symbols, Uploads, symbol_requests,
    },
    chain::ChainTip,
    committee::{CommitteeHolder, CommitteeView},
    config::{
        BlobRecoveryConfig, PendingMetadataCacheConfig, PendingSliverCacheConfig, RestServerConfig,
    },
    healing::{Deferrals, Expiry, Healer, InvalidityReporter, Peers, Recovery},
    health::Health,
    limits::MAX_SYMBOL_TREE_BYTES,
    metrics::Metrics,
    shards::ShardLife,
    signal::Signal,
    storage::{Storage, StorageError},
    work::{Work, WorkError},
};

/// Why a node did not end well.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The storage cannot be closed.
    #[error("the storage cannot be closed: {0}")]
    Storage(#[from] StorageError),
    /// What closes it did not end.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A background job had failed before.
    #[error(transparent)]
    Worker(#[from] Failed),
}

/// What a node begins with.
#[derive(Debug)]
pub struct Foundation {
    /// The storage.
    pub storage: Storage,
    /// The committees at the start.
    pub committees: CommitteeView,
    /// The parameters all blobs are encoded with.
    pub encoding: EncodingConfig,
    /// The node's ID on chain.
    pub node_id: Address,
    /// Signs confirmations.
    pub protocol_key: BlsKeyPair,
    /// Blobs that are not served.
    pub blocklist: Blocklist,
    /// Bounds of the REST API.
    pub rest: RestServerConfig,
    /// Bounds of the cache of slivers that wait for a registration.
    pub pending_slivers: PendingSliverCacheConfig,
    /// Bounds of the cache of metadata that wait for a registration.
    pub pending_metadata: PendingMetadataCacheConfig,
}

/// The parts of one node.
#[derive(Debug)]
pub struct Parts {
    /// What is on disk.
    pub storage: Arc<Storage>,
    /// Who is responsible for what.
    pub committees: Arc<CommitteeHolder>,
    /// What the REST API is about.
    pub deeds: Deeds,
    /// Deletes what nobody pays for.
    pub expiry: Arc<Expiry>,
    /// Leads shards through their lives.
    pub shards: Arc<ShardLife>,
    /// The background jobs.
    pub runner: Runner,
    /// The node's ID on chain.
    pub node_id: Address,
    pub(crate) holdings: Holdings,
    pub(crate) key: Arc<BlsKeyPair>,
    pub(crate) pending: Arc<PendingCache>,
    pub(crate) arrivals: Arc<Arrivals>,
    /// Tells that something was registered.
    pub(crate) registrations: Arc<Signal>,
    pub(crate) tip: Arc<ChainTip>,
    /// Tells recovery that something was queued.
    pub(crate) queue_grew: Arc<Notify>,
    /// Tells the epoch driver that the chain may wait for something.
    pub(crate) epoch_moved: Arc<Signal>,
    pub(crate) work: Work,
}

impl Parts {
    /// Makes the parts; nothing runs yet.
    pub fn new(foundation: Foundation) -> Self {
        let storage = Arc::new(foundation.storage);
        let committees = Arc::new(CommitteeHolder::new(foundation.committees));
        let holdings = Holdings::new(
            Arc::clone(&storage),
            Arc::clone(&committees),
            foundation.encoding,
        );
        let key = Arc::new(foundation.protocol_key);
        let blocklist = Arc::new(foundation.blocklist);
        let pending = PendingCache::new(foundation.pending_slivers, foundation.pending_metadata);
        let (pending, arrivals) = (Arc::new(pending), Arc::new(Arrivals::default()));
        let registrations = Arc::new(Signal::default());
        let (metrics, work) = (Arc::new(Metrics::new()), Work::default());
        let runner = Runner::new(metrics.registry());
        let uploads = Arc::new(Uploads {
            holdings: holdings.clone(),
            pending: Arc::clone(&pending),
            arrivals: Arc::clone(&arrivals),
            metrics: Arc::clone(&metrics),
            work: work.clone(),
        });
        let symbols = Arc::new(Symbols {
            holdings: holdings.clone(),
            blocklist: Arc::clone(&blocklist),
            trees: SymbolTrees::new(MAX_SYMBOL_TREE_BYTES),
            requests: symbol_requests(&foundation.rest),
            metrics: Arc::clone(&metrics),
            work: work.clone(),
        });
        let confirmations = Confirmations {
            holdings: holdings.clone(),
            uploads: Arc::clone(&uploads),
            pending: Arc::clone(&pending),
            registrations: Arc::clone(&registrations),
            key: Arc::clone(&key),
            long_polls: LongPolls::new(&foundation.rest),
            metrics: Arc::clone(&metrics),
            work: work.clone(),
        };
        let inconsistencies = Inconsistencies {
            holdings: holdings.clone(),
            blocklist: Arc::clone(&blocklist),
            key: Arc::clone(&key),
            work: work.clone(),
        };
        let reads = Reads {
            holdings: holdings.clone(),
            blocklist,
            pending: Arc::clone(&pending),
            work: work.clone(),
        };
        let tip = Arc::new(ChainTip::default());
        let health = Health {
            holdings: holdings.clone(),
            key: key.public_key(),
            tip: Arc::clone(&tip),
            workers: runner.workers().clone(),
            started: Instant::now(),
        };
        let epoch_moved = Arc::new(Signal::default());
        Self {
            expiry: Arc::new(Expiry::new(Arc::clone(&storage), Arc::clone(&symbols))),
            shards: Arc::new(ShardLife::new(
                Arc::clone(&storage),
                Arc::clone(&epoch_moved),
            )),
            deeds: Deeds {
                reads: Arc::new(reads),
                uploads,
                confirmations: Arc::new(confirmations),
                symbols,
                inconsistencies: Arc::new(inconsistencies),
                health: Arc::new(health),
                metrics,
            },
            node_id: foundation.node_id,
            runner,
            queue_grew: Arc::new(Notify::new()),
            storage,
            committees,
            holdings,
            key,
            pending,
            arrivals,
            registrations,
            tip,
            epoch_moved,
            work,
        }
    }

    /// The recovery of what is queued. `reporter` is told about blobs that turn out to be inconsistent.
    pub fn recovery(
        &self,
        config: BlobRecoveryConfig,
        deferrals: Arc<Deferrals>,
        reporter: Arc<dyn InvalidityReporter>,
    ) -> Recovery {
        let healer = Healer {
            holdings: self.holdings.clone(),
            symbols: Arc::clone(&self.deeds.symbols),
            inconsistencies: Arc::clone(&self.deeds.inconsistencies),
            peers: Peers::new(&config),
            config,
            reporter,
            node_id: self.node_id,
            key: self.key.public_key(),
            metrics: Arc::clone(&self.deeds.metrics),
            work: self.work.clone(),
        };
        Recovery::new(
            healer,
            Arc::clone(&self.arrivals),
            deferrals,
            Arc::clone(&self.shards),
            Arc::clone(&self.queue_grew),
        )
    }

    /// Stops the background jobs, ends all work and closes the storage. Whoever called after everybody else has let go of the parts may open the directory
    /// again when this returns.
    ///
    /// # Errors
    /// [`CloseError`]; the storage is closed in any case.
    pub async fn close(self) -> Result<(), CloseError> {
        let stopped = self.runner.shutdown().await;
        self.work.finish().await;
        let storage = Arc::clone(&self.storage);
        drop(self);
        let closing = tokio::task::spawn_blocking(move || {
            let result = storage.close();
            if Arc::into_inner(storage).is_none() {
                tracing::warn!("the storage is closed while somebody still uses it");
            }
            result
        });
        closing.await.map_err(WorkError::from)??;
        Ok(stopped?)
    }
}
