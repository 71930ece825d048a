//! Recovery and decoding symbols: for those who lack a sliver. Node spec 1.11 and 1.12.

use std::{cell::OnceCell, collections::BTreeSet, sync::Arc};

use tokio::sync::Semaphore;
use walrus_core::{
    Axis, BlobId, Primary, Secondary, ShardIndex, SliverData, SliverIndex, SliverType, SymbolId,
    VerifiedBlobMetadataWithId,
    bounded_bcs::BcsError,
    codec::CodecError,
    recovery::{DecodingSymbolsByTarget, EitherDecodingSymbol, GeneralRecoverySymbol, SymbolTree},
};

use super::{
    Blocked, Blocklist, Holdings, SymbolTrees,
    symbol_trees::{SymbolSource, TreeKey},
};
use crate::{
    config::RestServerConfig,
    limits::{MAX_SYMBOL_ANSWER, MAX_SYMBOL_BYTES, MAX_SYMBOL_WORK},
    metrics::Metrics,
    storage::StorageError,
    work::{Work, WorkError},
};

/// Which symbols are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolSelection {
    /// These.
    Ids(BTreeSet<SymbolId>),
    /// All of a target sliver.
    Target(SliverIndex, SliverType),
}

/// Why there are no symbols.
#[derive(Debug, thiserror::Error)]
pub enum SymbolError {
    /// As many requests as may are being served.
    #[error("too many symbol requests are being served; retry later")]
    Busy,
    /// Nobody stores the blob.
    #[error("the blob is not registered")]
    NotRegistered,
    /// The node lacks the sliver that the symbols are of.
    #[error("shard {0} lacks the sliver")]
    SliverAbsent(ShardIndex),
    /// The symbols are of slivers of other nodes.
    #[error("none of the node's shards can produce the symbols")]
    NotPresent,
    /// Nothing was asked for.
    #[error("no target sliver was asked for")]
    NoTargets,
    /// Only source slivers are decoded.
    #[error("{target_type} sliver {target} is not one of the {sources} source slivers")]
    TargetOutOfRange {
        /// The sliver type of the target.
        target_type: SliverType,
        /// The target.
        target: SliverIndex,
        /// How many source slivers the sliver type has.
        sources: u16,
    },
    /// The blob is blocked.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// A stored sliver is none of the blob.
    #[error("a stored sliver cannot be decoded: {0}")]
    Sliver(#[from] BcsError),
    /// A symbol has no length.
    #[error("a symbol cannot be measured: {0}")]
    Size(bcs::Error),
    /// A stored sliver cannot be expanded.
    #[error("a stored sliver cannot be expanded: {0}")]
    Codec(#[from] CodecError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// A blob whose symbols are being served. Its metadata is read only for slivers that have to be expanded: checking it costs
/// much more than a symbol of a tree that is kept.
pub(super) struct ServedBlob<'a> {
    holdings: &'a Holdings,
    pub(super) blob_id: BlobId,
    metadata: OnceCell<VerifiedBlobMetadataWithId>,
}

impl<'a> ServedBlob<'a> {
    pub(super) fn new(holdings: &'a Holdings, blob_id: BlobId) -> Result<Self, SymbolError> {
        if !holdings
            .storage()
            .has_metadata(&blob_id, holdings.encoding())?
        {
            return Err(SymbolError::NotRegistered);
        }
        Ok(Self {
            holdings,
            blob_id,
            metadata: OnceCell::new(),
        })
    }

    fn metadata(&self) -> Result<&VerifiedBlobMetadataWithId, SymbolError> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let metadata = self.holdings.metadata(&self.blob_id)?;
        let metadata = metadata.ok_or(SymbolError::NotRegistered)?;
        Ok(self.metadata.get_or_init(|| metadata))
    }
}

/// Serves symbols, and keeps what they are made of for the next request.
#[derive(Debug)]
pub struct Symbols {
    pub(crate) holdings: Holdings,
    pub(crate) blocklist: Arc<Blocklist>,
    pub(crate) trees: SymbolTrees,
    /// One for each request that is served.
    pub(crate) requests: Semaphore,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

/// How many requests of symbols are served at once.
pub(crate) fn symbol_requests(config: &RestServerConfig) -> Semaphore {
    let configured = config.experimental_max_active_recovery_symbols_requests;
    let requests = configured.unwrap_or(MAX_SYMBOL_WORK);
    Semaphore::new(requests.min(Semaphore::MAX_PERMITS))
}

impl Symbols {
    /// Recovery symbols with proofs, in the order of their IDs, all at once.
    ///
    /// # Errors
    /// [`SymbolError`].
    pub async fn recovery(
        self: &Arc<Self>,
        blob_id: BlobId,
        selection: SymbolSelection,
        proof_type: Option<SliverType>,
    ) -> Result<Vec<GeneralRecoverySymbol>, SymbolError> {
        let mut answer = self.answer(blob_id, selection, proof_type).await?;
        let mut symbols = Vec::new();
        while let Some(piece) = answer.next().await? {
            symbols.extend(piece);
        }
        Ok(symbols)
    }

    /// The most bytes that symbols of so many slivers of other nodes can have in one answer.
    pub fn most_bytes(&self, selection: &SymbolSelection) -> usize {
        let symbols = match selection {
            SymbolSelection::Ids(ids) => ids.len(),
            SymbolSelection::Target(..) => self.holdings.storage().shard_states().len(),
        };
        symbols
            .saturating_mul(MAX_SYMBOL_BYTES)
            .min(MAX_SYMBOL_ANSWER)
    }

    pub(super) fn check_served(&self, blob_id: &BlobId) -> Result<(), SymbolError> {
        self.blocklist.check(blob_id)?;
        if !self.holdings.is_registered(blob_id)? {
            return Err(SymbolError::NotRegistered);
        }
        Ok(())
    }

    /// Stored shards and the index of their sliver of type `sliver_type`.
    pub(super) fn own_slivers(
        &self,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Vec<(ShardIndex, SliverIndex)> {
        let n_shards = self.holdings.encoding().n_shards();
        // Also shards that have just moved away: their slivers help the new owner.
        let shards = self.holdings.storage().shard_states();
        shards
            .into_keys()
            .map(|shard| {
                let pair = shard.to_pair_index(blob_id, n_shards);
                (shard, pair.to_sliver_index(sliver_type, n_shards))
            })
            .collect()
    }

    fn load<T: Axis>(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        shard: ShardIndex,
    ) -> Result<Option<SliverData<T>>, SymbolError> {
        let storage = self.holdings.storage();
        let bytes = storage.sliver(shard, metadata.blob_id(), T::TYPE)?;
        let sliver = bytes.map(|bytes| SliverData::from_bcs(&bytes, metadata));
        Ok(sliver.transpose()?)
    }

    /// The tree of an own sliver, kept from an earlier request if possible.
    pub(super) fn symbol_tree<T: Axis>(
        &self,
        blob: &ServedBlob<'_>,
        shard: ShardIndex,
    ) -> Result<Arc<dyn SymbolSource>, SymbolError> {
        let key = TreeKey {
            blob_id: blob.blob_id,
            shard,
            sliver_type: T::TYPE,
        };
        if !self.is_stored(&key)? {
            self.trees.forget(&key);
            return Err(SymbolError::SliverAbsent(shard));
        }
        let build = || {
            let metadata = blob.metadata()?;
            let sliver = self
                .load::<T>(metadata, shard)?
                .ok_or(SymbolError::SliverAbsent(shard))?;
            let expanded = sliver.expand(self.holdings.encoding())?;
            Ok::<_, SymbolError>(Arc::new(SymbolTree::new(expanded)) as Arc<dyn SymbolSource>)
        };
        let (tree, was_kept) = self.trees.get_or_build(key, build)?;
        if was_kept {
            self.metrics.symbol_tree_hits.inc();
        } else {
            self.metrics.symbol_tree_misses.inc();
            // It may have been deleted while it was read.
            if !self.is_stored(&key)? {
                self.trees.forget(&key);
            }
        }
        Ok(tree)
    }

    pub(super) fn is_stored(&self, key: &TreeKey) -> Result<bool, StorageError> {
        let storage = self.holdings.storage();
        storage.has_sliver(key.shard, &key.blob_id, key.sliver_type)
    }

    /// Lets go of what is kept of slivers that were deleted, or whose shard has moved away. They are not served in any case; this
    /// frees the memory.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_deleted(&self) -> Result<(), StorageError> {
        for key in self.trees.keys() {
            if !self.is_stored(&key)? {
                self.trees.forget(&key);
            }
        }
        self.note_bytes();
        Ok(())
    }

    /// Lets go of what is kept of a blob.
    pub(crate) fn forget_blob(&self, blob_id: BlobId) {
        self.trees.forget_blob(blob_id);
        self.note_bytes();
    }

    pub(super) fn note_bytes(&self) {
        let bytes = i64::try_from(self.trees.bytes()).unwrap_or(i64::MAX);
        self.metrics.symbol_tree_bytes.set(bytes);
    }

    /// Raw symbols of source slivers, by target.
    ///
    /// # Errors
    /// [`SymbolError`].
    pub async fn decoding(
        self: &Arc<Self>,
        blob_id: BlobId,
        targets: BTreeSet<SliverIndex>,
        target_type: SliverType,
    ) -> Result<DecodingSymbolsByTarget, SymbolError> {
        let _permit = self.requests.try_acquire().map_err(|_| SymbolError::Busy)?;
        let this = Arc::clone(self);
        let collect = move || {
            this.check_served(&blob_id)?;
            let metadata = this.holdings.metadata(&blob_id)?;
            let metadata = metadata.ok_or(SymbolError::NotRegistered)?;
            if targets.is_empty() {
                return Err(SymbolError::NoTargets);
            }
            let sources = this.holdings.encoding().source_symbols(target_type);
            if let Some(target) = targets.iter().find(|target| target.get() >= sources) {
                return Err(SymbolError::TargetOutOfRange {
                    target_type,
                    target: *target,
                    sources,
                });
            }
            match target_type {
                SliverType::Primary => this.raw_symbols::<Secondary>(&metadata, &targets),
                SliverType::Secondary => this.raw_symbols::<Primary>(&metadata, &targets),
            }
        };
        self.work.run(collect).await
    }

    /// `T` is the sliver type of the slivers that the symbols are taken from.
    fn raw_symbols<T: Axis>(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        targets: &BTreeSet<SliverIndex>,
    ) -> Result<DecodingSymbolsByTarget, SymbolError> {
        let mut by_target = DecodingSymbolsByTarget::new();
        let mut bytes = 0_usize;
        for (shard, source) in self.own_slivers(metadata.blob_id(), T::TYPE) {
            let sliver = match self.load::<T>(metadata, shard) {
                Ok(Some(sliver)) => sliver,
                Ok(None) => continue,
                Err(SymbolError::Storage(StorageError::NoShard(_))) => continue,
                Err(error) => return Err(error),
            };
            for target in targets {
                if bytes >= MAX_SYMBOL_ANSWER {
                    return Ok(by_target);
                }
                if let Some(symbol) = sliver.symbols.get(target.as_usize()) {
                    bytes = bytes.saturating_add(symbol.len());
                    let sliver_type = T::TYPE.orthogonal();
                    by_target
                        .entry(*target)
                        .or_default()
                        .push(EitherDecodingSymbol::new(
                            sliver_type,
                            source,
                            symbol.to_vec(),
                        ));
                }
            }
        }
        Ok(by_target)
    }
}
