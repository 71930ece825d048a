//! What the parts of a node share: storage, committees, keys and limits.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio::{
    sync::{Notify, Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::task::TaskTracker;
use walrus_core::{
    BlobId, EncodingConfig, Epoch, ShardIndex, SliverPairIndex, VerifiedBlobMetadataWithId,
    bls::BlsKeyPair,
};
use walrus_node_client::Reason;
use walrus_sui::Address;

use crate::{
    arrivals::Arrivals,
    blob_info::BlobInfo,
    committee::{CommitteeHolder, CommitteeView},
    config::{PendingMetadataCacheConfig, PendingSliverCacheConfig, RestServerConfig},
    limits::{MAX_SYMBOL_TREE_BYTES, MAX_SYMBOL_WORK},
    metrics::Metrics,
    pending::PendingCache,
    refusal::Refusal,
    storage::{Storage, StorageError},
    symbol_trees::SymbolTrees,
};

/// What a [`NodeState`] is made of.
#[derive(Debug)]
pub struct StateParts {
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
    pub blocklist: HashSet<BlobId>,
    /// Tuning.
    pub rest: RestServerConfig,
    /// Tuning.
    pub pending_slivers: PendingSliverCacheConfig,
    /// Tuning.
    pub pending_metadata: PendingMetadataCacheConfig,
}

/// What the parts of one node share.
#[derive(Debug)]
pub struct NodeState {
    /// The storage.
    pub storage: Storage,
    /// The committees.
    pub committees: CommitteeHolder,
    /// The parameters all blobs are encoded with.
    pub encoding: EncodingConfig,
    /// The node's ID on chain.
    pub node_id: Address,
    /// The counters.
    pub metrics: Metrics,
    pub(crate) protocol_key: BlsKeyPair,
    pub(crate) blocklist: HashSet<BlobId>,
    pub(crate) rest: RestServerConfig,
    pub(crate) pending: PendingCache,
    pub(crate) symbol_requests: Semaphore,
    pub(crate) symbol_trees: SymbolTrees,
    pub(crate) waiting_confirmations: Semaphore,
    pub(crate) started: Instant,
    /// Counts registrations; whoever waits for one subscribes.
    pub(crate) registrations: watch::Sender<u64>,
    /// Wakes the recovery of queued blobs.
    pub(crate) sync_wake: Notify,
    /// Wakes whoever watches the epoch.
    pub(crate) epoch_wake: Notify,
    pub(crate) latest_checkpoint: AtomicU64,
    /// Uploads that go on.
    pub(crate) arrivals: Arrivals,
    work: Arc<Semaphore>,
    /// Work on the blocking pool, which goes on when nobody waits for it any more.
    background: TaskTracker,
}

impl NodeState {
    /// Joins the parts.
    pub fn new(parts: StateParts) -> Arc<Self> {
        let unlimited = Semaphore::MAX_PERMITS;
        let symbol_requests = parts
            .rest
            .experimental_max_active_recovery_symbols_requests
            .unwrap_or(MAX_SYMBOL_WORK);
        let waiting = parts
            .rest
            .confirmation_long_poll_max_in_flight_requests
            .unwrap_or(unlimited);
        let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Arc::new(Self {
            storage: parts.storage,
            committees: CommitteeHolder::new(parts.committees),
            encoding: parts.encoding,
            node_id: parts.node_id,
            metrics: Metrics::new(),
            protocol_key: parts.protocol_key,
            blocklist: parts.blocklist,
            pending: PendingCache::new(parts.pending_slivers, parts.pending_metadata),
            symbol_requests: Semaphore::new(symbol_requests.min(unlimited)),
            symbol_trees: SymbolTrees::new(MAX_SYMBOL_TREE_BYTES),
            waiting_confirmations: Semaphore::new(waiting.min(unlimited)),
            rest: parts.rest,
            started: Instant::now(),
            registrations: watch::Sender::new(0),
            sync_wake: Notify::new(),
            epoch_wake: Notify::new(),
            latest_checkpoint: AtomicU64::new(0),
            arrivals: Arrivals::default(),
            work: Arc::new(Semaphore::new(workers.saturating_mul(4))),
            background: TaskTracker::new(),
        })
    }

    /// Runs work that computes or reads files on the blocking pool; only so many at once.
    pub(crate) async fn blocking<T, F>(self: &Arc<Self>, work: F) -> Result<T, Refusal>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T, Refusal> + Send + 'static,
    {
        let permit = Arc::clone(&self.work).acquire_owned().await;
        let permit = permit.map_err(Refusal::internal)?;
        let work = move |state: &Self| {
            let _permit = permit;
            work(state)
        };
        self.in_background(work).await.map_err(Refusal::internal)?
    }

    /// Runs work on the blocking pool without a bound; [`NodeState::close`] waits for it.
    pub(crate) fn in_background<T, F>(self: &Arc<Self>, work: F) -> JoinHandle<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> T + Send + 'static,
    {
        let state = Arc::clone(self);
        self.background.spawn_blocking(move || {
            let result = work(&state);
            drop(state);
            result
        })
    }

    /// Ends all work and closes the storage. Whoever called after everybody else has let go of the state may open the directory
    /// again when this returns.
    ///
    /// # Errors
    /// [`StorageError`].
    pub async fn close(self: Arc<Self>) -> Result<(), StorageError> {
        self.background.close();
        self.background.wait().await;
        let closing = tokio::task::spawn_blocking(move || {
            let result = self.storage.close();
            if Arc::into_inner(self).is_none() {
                tracing::warn!("the storage is closed while somebody still uses it");
            }
            result
        });
        closing.await.map_err(|error| StorageError::Io {
            path: std::path::PathBuf::new(),
            source: std::io::Error::other(error),
        })?
    }

    /// The committee epoch.
    pub fn epoch(&self) -> Epoch {
        self.committees.get().epoch()
    }

    /// The newest checkpoint that was seen, if any.
    pub(crate) fn latest_checkpoint(&self) -> Option<u64> {
        Some(self.latest_checkpoint.load(Ordering::Relaxed)).filter(|latest| *latest > 0)
    }

    /// The record of a blob.
    pub(crate) fn blob_info(&self, blob_id: &BlobId) -> Result<Option<BlobInfo>, StorageError> {
        let tables = &self.storage.tables;
        tables.get(&tables.blob_info, &blob_id.0)
    }

    /// Whether the blob is registered in the committee epoch.
    pub(crate) fn is_registered(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        let epoch = self.epoch();
        Ok(self
            .blob_info(blob_id)?
            .is_some_and(|info| info.is_registered(epoch)))
    }

    pub(crate) fn refuse_blocked(&self, blob_id: &BlobId) -> Result<(), Refusal> {
        if self.blocklist.contains(blob_id) {
            return Err(Refusal::new(
                Reason::ForbiddenBlob,
                "the blob is on the node's block list",
            ));
        }
        Ok(())
    }

    pub(crate) fn stored_metadata(
        &self,
        blob_id: &BlobId,
    ) -> Result<Option<VerifiedBlobMetadataWithId>, StorageError> {
        self.storage.metadata(blob_id, &self.encoding)
    }

    /// The shard of a pair, after the check of the pair's index.
    pub(crate) fn shard_of(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
    ) -> Result<ShardIndex, Refusal> {
        let n_shards = self.encoding.n_shards();
        if pair.get() >= n_shards {
            return Err(Refusal::new(
                Reason::IndexOutOfRange,
                format!("sliver pair {pair} of {n_shards}"),
            ));
        }
        Ok(pair.to_shard_index(blob_id, n_shards))
    }

    /// The slivers that this node should hold of a blob and does not.
    pub(crate) fn missing_slivers(
        &self,
        blob_id: &BlobId,
    ) -> Result<Vec<(ShardIndex, walrus_core::SliverType)>, StorageError> {
        let view = self.committees.get();
        self.storage
            .missing_slivers(blob_id, view.own_shards.iter().copied())
    }

    /// Tells everybody who waits that a blob is registered.
    pub(crate) fn announce_registration(&self) {
        self.registrations
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}
