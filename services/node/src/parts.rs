//! Composition root: makes the parts of a node and gives each what it needs.
//!
//! Only the assembly (`node`) and tests see all of them together. A part that needs something new gets a field and, here,
//! a line.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{Notify, Semaphore, watch};
use walrus_core::{EncodingConfig, Epoch, bls::BlsKeyPair};
use walrus_node_client::SnapshotInfo;
use walrus_service::{
    clock::Clock,
    tls::Certificates,
    worker::{Failed, Runner},
};
use walrus_sui::Address;

use crate::{
    api::{Deeds, Memory},
    blobs::{
        Arrivals, Blocklist, Confirmations, Holdings, Inconsistencies, Intake, LongPolls,
        PendingCache, PendingSweep, Reads, Stripes, SymbolTrees, Symbols, Uploads, symbol_requests,
    },
    chain::ChainTip,
    checks::Existence,
    committee::{CommitteeHolder, CommitteeView},
    config::{
        BlobRecoveryConfig, LiveUploadDeferralConfig, PendingMetadataCacheConfig,
        PendingSliverCacheConfig, RestServerConfig, ShardSyncConfig,
    },
    healing::{
        Deferrals, Expiry, Healer, InvalidityReporter, MetadataSource, PeerTerms, Peers, Recovery,
        RepairBook, ShardSync, Transfers,
    },
    health::Health,
    limits::{MAX_SYMBOL_TREE_BYTES, WHOLE_BLOBS_AT_ONCE},
    metrics::{Metrics, Scrape},
    operator::{
        Account, Problems,
        repair::{RepairRefused, RepairReport, RepairScope, RepairWorker, Repairs},
    },
    shards::{ShardLife, ShardSource, SyncTurns},
    signal::Signal,
    snapshots::{BeginningOfEpoch, Joining, SnapshotError, Snapshots},
    storage::{Compaction, Storage, StorageError},
    upkeep::BlocklistRefresh,
    upkeep::Restart,
    work::{Work, WorkError, WorkPlace},
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
    /// On what terms the node speaks to others.
    pub peers: PeerTerms,
    /// Blobs that are not served.
    pub blocklist: Blocklist,
    /// Bounds of the REST API.
    pub rest: RestServerConfig,
    /// Bounds of what is sent of shards.
    pub shard_sync: ShardSyncConfig,
    /// Bounds of the cache of slivers that wait for a registration.
    pub pending_slivers: PendingSliverCacheConfig,
    /// Bounds of the cache of metadata that wait for a registration.
    pub pending_metadata: PendingMetadataCacheConfig,
    /// How long recovery waits for uploads that are still running.
    pub deferral: LiveUploadDeferralConfig,
    /// Where the node keeps snapshots of what is registered; none are kept if absent.
    pub snapshots: Option<PathBuf>,
    /// Tells the time of day.
    pub clock: Clock,
    /// Where blocking work is done.
    pub work: WorkPlace,
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
    /// On what terms the node speaks to others.
    pub(crate) peers: PeerTerms,
    pub(crate) holdings: Holdings,
    pub(crate) key: Arc<BlsKeyPair>,
    pub(crate) blocklist: Arc<Blocklist>,
    pub(crate) pending: Arc<PendingCache>,
    pub(crate) arrivals: Arc<Arrivals>,
    /// Which recoveries wait for uploads that may still be running.
    pub(crate) deferrals: Arc<Deferrals>,
    /// Tells that something was registered.
    pub(crate) registrations: Arc<Signal>,
    pub(crate) tip: Arc<ChainTip>,
    /// Tells recovery that something was queued.
    pub(crate) queue_grew: Arc<Notify>,
    /// Tells the epoch driver that the chain may wait for something.
    pub(crate) epoch_moved: Arc<Signal>,
    /// Tells that there may be an event blob to certify.
    pub(crate) event_blobs_moved: Arc<Signal>,
    pub(crate) repairs: Arc<Repairs>,
    /// What is told of the queue of recoveries.
    pub(crate) book: Arc<RepairBook>,
    /// What the parts know to be wrong.
    pub(crate) problems: Arc<Problems>,
    /// Why the node has to start again, once it has to.
    pub(crate) restart: Arc<watch::Sender<Option<Restart>>>,
    pub(crate) clock: Clock,
    pub(crate) work: Work,
}

/// What several deeds are given.
struct Common {
    holdings: Holdings,
    key: Arc<BlsKeyPair>,
    blocklist: Arc<Blocklist>,
    pending: Arc<PendingCache>,
    arrivals: Arc<Arrivals>,
    registrations: Arc<Signal>,
    metrics: Arc<Metrics>,
    work: Work,
}

impl Common {
    fn uploads(&self) -> Uploads {
        Uploads {
            holdings: self.holdings.clone(),
            pending: Arc::clone(&self.pending),
            arrivals: Arc::clone(&self.arrivals),
            metrics: Arc::clone(&self.metrics),
            work: self.work.clone(),
            writing: Stripes::default(),
            flushing: Stripes::default(),
        }
    }

    fn reads(&self) -> Reads {
        Reads {
            holdings: self.holdings.clone(),
            blocklist: Arc::clone(&self.blocklist),
            pending: Arc::clone(&self.pending),
            work: self.work.clone(),
        }
    }

    fn confirmations(&self, uploads: Arc<Uploads>, rest: &RestServerConfig) -> Confirmations {
        Confirmations {
            holdings: self.holdings.clone(),
            uploads,
            pending: Arc::clone(&self.pending),
            registrations: Arc::clone(&self.registrations),
            key: Arc::clone(&self.key),
            long_polls: LongPolls::new(rest),
            metrics: Arc::clone(&self.metrics),
            work: self.work.clone(),
        }
    }

    fn symbols(&self, rest: &RestServerConfig) -> Symbols {
        Symbols {
            holdings: self.holdings.clone(),
            blocklist: Arc::clone(&self.blocklist),
            trees: SymbolTrees::new(MAX_SYMBOL_TREE_BYTES),
            requests: symbol_requests(rest),
            metrics: Arc::clone(&self.metrics),
            work: self.work.clone(),
        }
    }

    fn inconsistencies(&self) -> Inconsistencies {
        Inconsistencies {
            holdings: self.holdings.clone(),
            blocklist: Arc::clone(&self.blocklist),
            key: Arc::clone(&self.key),
            work: self.work.clone(),
        }
    }

    fn shard_source(
        &self,
        storage: &Arc<Storage>,
        committees: &Arc<CommitteeHolder>,
        config: &ShardSyncConfig,
    ) -> ShardSource {
        ShardSource {
            storage: Arc::clone(storage),
            committees: Arc::clone(committees),
            max_slivers: config.max_sliver_count_per_sync_request,
            turns: SyncTurns::default(),
            work: self.work.clone(),
        }
    }

    fn deeds(
        &self,
        rest: &RestServerConfig,
        source: ShardSource,
        snapshots: Snapshots,
        health: Health,
    ) -> Deeds {
        let uploads = Arc::new(self.uploads());
        let confirmations = Arc::new(self.confirmations(Arc::clone(&uploads), rest));
        let memory = Memory::new(rest);
        let intake = Intake {
            uploads: Arc::clone(&uploads),
            confirmations: Arc::clone(&confirmations),
            memory: memory.uploads.clone(),
        };
        Deeds {
            reads: Arc::new(self.reads()),
            confirmations,
            uploads,
            intake: Arc::new(intake),
            memory,
            extensions: rest.extensions(),
            symbols: Arc::new(self.symbols(rest)),
            inconsistencies: Arc::new(self.inconsistencies()),
            shard_source: Arc::new(source),
            snapshots: Arc::new(snapshots),
            health: Arc::new(health),
            metrics: Arc::clone(&self.metrics),
        }
    }
}

impl Parts {
    /// Makes the parts; nothing runs yet.
    pub fn new(foundation: Foundation) -> Self {
        let storage = Arc::new(foundation.storage);
        let committees = Arc::new(CommitteeHolder::new(foundation.committees));
        let pending = PendingCache::new(foundation.pending_slivers, foundation.pending_metadata);
        let common = Common {
            holdings: Holdings::new(
                Arc::clone(&storage),
                Arc::clone(&committees),
                foundation.encoding,
            ),
            key: Arc::new(foundation.protocol_key),
            blocklist: Arc::new(foundation.blocklist),
            pending: Arc::new(pending),
            arrivals: Arc::default(),
            registrations: Arc::default(),
            metrics: Arc::new(Metrics::new()),
            work: Work::new(foundation.work),
        };
        let runner = Runner::with_clock(common.metrics.registry(), foundation.clock.clone());
        let tip = Arc::<ChainTip>::default();
        let problems = Arc::<Problems>::default();
        let book = Arc::<RepairBook>::default();
        let health = Health {
            holdings: common.holdings.clone(),
            key: common.key.public_key(),
            tip: Arc::clone(&tip),
            workers: runner.workers().clone(),
            problems: Arc::clone(&problems),
            book: Arc::clone(&book),
            extensions: foundation.rest.extensions(),
            started: Instant::now(),
        };
        let source = common.shard_source(&storage, &committees, &foundation.shard_sync);
        let snapshots = Snapshots::in_directory(foundation.snapshots);
        let deeds = common.deeds(&foundation.rest, source, snapshots, health);
        let epoch_moved = Arc::<Signal>::default();
        let expiry = Expiry::new(Arc::clone(&storage), Arc::clone(&deeds.symbols));
        let shards = ShardLife::new(Arc::clone(&storage), Arc::clone(&epoch_moved));
        Self {
            storage,
            committees,
            deeds,
            expiry: Arc::new(expiry),
            shards: Arc::new(shards),
            runner,
            node_id: foundation.node_id,
            peers: foundation.peers,
            holdings: common.holdings,
            key: common.key,
            blocklist: common.blocklist,
            pending: common.pending,
            arrivals: common.arrivals,
            deferrals: Arc::new(Deferrals::new(foundation.deferral)),
            registrations: common.registrations,
            tip,
            queue_grew: Arc::default(),
            epoch_moved,
            event_blobs_moved: Arc::default(),
            repairs: Arc::default(),
            book,
            problems,
            restart: Arc::new(watch::Sender::new(None)),
            clock: foundation.clock,
            work: common.work,
        }
    }

    /// Forgets pending uploads when their time is over.
    pub(crate) fn pending_sweep(&self) -> PendingSweep {
        PendingSweep(Arc::clone(&self.pending))
    }

    /// The recovery of what is queued. `reporter` is told about blobs that turn out to be inconsistent.
    pub fn recovery(
        &self,
        config: BlobRecoveryConfig,
        reporter: Arc<dyn InvalidityReporter>,
    ) -> Recovery {
        let peers = Peers::new(&config, &self.peers);
        let healer = Healer {
            holdings: self.holdings.clone(),
            symbols: Arc::clone(&self.deeds.symbols),
            inconsistencies: Arc::clone(&self.deeds.inconsistencies),
            metadata: self.metadata_source(peers.clone(), &config),
            peers,
            config,
            reporter,
            shards: Arc::clone(&self.shards),
            book: Arc::clone(&self.book),
            whole_blobs: Semaphore::new(WHOLE_BLOBS_AT_ONCE),
            node_id: self.node_id,
            key: self.key.public_key(),
            metrics: Arc::clone(&self.deeds.metrics),
            work: self.work.clone(),
        };
        Recovery::new(
            healer,
            Arc::clone(&self.arrivals),
            Arc::clone(&self.deferrals),
            Arc::clone(&self.queue_grew),
        )
    }

    /// The job that looks for what is missing.
    pub fn repair_worker(&self) -> RepairWorker {
        RepairWorker {
            repairs: Arc::clone(&self.repairs),
            holdings: self.holdings.clone(),
            queue_grew: Arc::clone(&self.queue_grew),
            work: self.work.clone(),
        }
    }

    /// Begins with a snapshot of the committee, in storage that has seen no event; says which. The committee is asked so many times while
    /// it does not agree.
    ///
    /// # Errors
    /// [`SnapshotError`]; then nothing has changed.
    pub async fn begin_with_snapshot(&self, asks: u32) -> Result<SnapshotInfo, SnapshotError> {
        let joining = Joining {
            storage: Arc::clone(&self.storage),
            snapshots: Arc::clone(&self.deeds.snapshots),
            peers: Peers::new(&BlobRecoveryConfig::default(), &self.peers),
            view: self.committees.get(),
            node_id: self.node_id,
            asks,
            work: self.work.clone(),
        };
        joining.join().await
    }

    /// Writes down what is registered, for an epoch that begins; whether that was done. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn write_snapshot(
        &self,
        epoch: Epoch,
        begins: &BeginningOfEpoch,
    ) -> Result<bool, SnapshotError> {
        let written = self.deeds.snapshots.write(&self.storage, epoch, begins)?;
        Ok(written.is_some())
    }

    fn metadata_source(&self, peers: Peers, config: &BlobRecoveryConfig) -> MetadataSource {
        MetadataSource {
            holdings: self.holdings.clone(),
            peers,
            node_id: self.node_id,
            patience: Duration::from_secs(config.metadata_request_timeout_secs),
            work: self.work.clone(),
        }
    }

    /// The transfer of gained shards; what is missing of them then is up to [`Self::recovery`], which waits for it from now on.
    pub fn shard_sync(&self, config: ShardSyncConfig, recovery: &BlobRecoveryConfig) -> ShardSync {
        let peers = Peers::new(recovery, &self.peers);
        let transfers = Transfers {
            holdings: self.holdings.clone(),
            metadata: self.metadata_source(peers.clone(), recovery),
            peers,
            shards: Arc::clone(&self.shards),
            config,
            key: Arc::clone(&self.key),
            node_id: self.node_id,
            queue_grew: Arc::clone(&self.queue_grew),
            metrics: Arc::clone(&self.deeds.metrics),
            clock: self.clock.clone(),
            work: self.work.clone(),
        };
        ShardSync::new(transfers, &self.epoch_moved)
    }

    /// Has the job look for what is missing.
    ///
    /// # Errors
    /// [`RepairRefused`].
    pub fn order_repair(&self, scope: RepairScope) -> Result<(), RepairRefused> {
        self.repairs.order(scope, &self.holdings)
    }

    /// How far that is.
    pub fn repair_report(&self) -> RepairReport {
        self.repairs.report()
    }

    /// The worker that gives back room of deleted slivers.
    pub fn compaction(&self) -> Compaction {
        Compaction::new(Arc::clone(&self.storage), self.work.clone())
    }

    /// The refresh of the block list from `path`.
    pub fn blocklist_refresh(&self, path: PathBuf) -> BlocklistRefresh {
        BlocklistRefresh {
            path,
            blocklist: Arc::clone(&self.blocklist),
            metrics: Arc::clone(&self.deeds.metrics),
            work: self.work.clone(),
        }
    }

    /// The check, when `began` tells of an epoch, of which blobs are whole here; it looks at so many of a hundred.
    pub fn existence_check(&self, percentage: u8, began: watch::Receiver<Epoch>) -> Existence {
        Existence::new(
            self.holdings.clone(),
            Arc::clone(&self.deeds.metrics),
            self.work.clone(),
            percentage,
            began,
        )
    }

    /// A look at the node for its metrics; dropped before [`Parts::close`].
    pub fn scrape(
        &self,
        certificates: Option<Arc<Certificates>>,
        account: Option<Arc<Account>>,
    ) -> Scrape {
        Scrape {
            metrics: Arc::clone(&self.deeds.metrics),
            health: Arc::clone(&self.deeds.health),
            pending: Arc::clone(&self.pending),
            deferrals: Arc::clone(&self.deferrals),
            certificates,
            account,
        }
    }

    /// Stops the background jobs, ends all work and closes the storage. Whoever called after everybody else has let go of the parts may open the directory
    /// again when this returns.
    ///
    /// # Errors
    /// [`CloseError`]; the storage is closed in any case, and looked through at the next start if a background job had failed.
    pub async fn close(self) -> Result<(), CloseError> {
        let stopped = self.runner.shutdown().await;
        self.work.finish().await;
        let storage = Arc::clone(&self.storage);
        drop(self);
        let in_order = stopped.is_ok();
        let closing = tokio::task::spawn_blocking(move || {
            // What has failed may have to do with what is stored: the next start looks through all of it.
            let result = if in_order { storage.close() } else { Ok(()) };
            if Arc::into_inner(storage).is_none() {
                tracing::warn!("the storage is closed while somebody still uses it");
            }
            result
        });
        closing.await.map_err(WorkError::from)??;
        Ok(stopped?)
    }
}
