//! Symbols for those who lack a sliver, and proofs that a blob is inconsistent. Node spec 1.11 to 1.13.

use std::{cell::OnceCell, collections::BTreeMap, collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use walrus_core::{
    Axis, BlobId, Primary, Secondary, ShardIndex, SliverData, SliverIndex, SliverType, SymbolId,
    VerifiedBlobMetadataWithId,
    inconsistency::EitherInconsistencyProof,
    messages::{InvalidBlobId, ProtocolMessage},
    recovery::{DecodingSymbolsByTarget, EitherDecodingSymbol, GeneralRecoverySymbol, SymbolTree},
    signed_message::SignedMessage,
};
use walrus_node_client::Reason;

use crate::{
    events::{Effect, garbage},
    refusal::Refusal,
    state::NodeState,
    storage::StorageError,
    symbol_trees::{SymbolSource, TreeKey},
};

/// Which symbols are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SymbolSelection {
    /// These.
    Ids(BTreeSet<SymbolId>),
    /// All of a target sliver.
    Target(SliverIndex, SliverType),
}

fn busy() -> Refusal {
    Refusal::new(
        Reason::Unavailable,
        "too many symbol requests are being served; retry later",
    )
}

fn sliver_not_found() -> Refusal {
    Refusal::new(Reason::SliverNotFound, "the blob is not registered")
}

/// What one request gathers.
#[derive(Default)]
struct Gathered {
    symbols: BTreeMap<SymbolId, GeneralRecoverySymbol>,
    last_error: Option<Refusal>,
}

/// A blob whose symbols are being served. Its metadata is read only for slivers that have to be expanded: checking it costs
/// much more than a symbol of a tree that is kept.
struct ServedBlob<'a> {
    state: &'a NodeState,
    blob_id: BlobId,
    metadata: OnceCell<VerifiedBlobMetadataWithId>,
}

impl<'a> ServedBlob<'a> {
    fn new(state: &'a NodeState, blob_id: BlobId) -> Result<Self, Refusal> {
        if !state.storage.has_metadata(&blob_id)? {
            return Err(sliver_not_found());
        }
        Ok(Self {
            state,
            blob_id,
            metadata: OnceCell::new(),
        })
    }

    fn metadata(&self) -> Result<&VerifiedBlobMetadataWithId, Refusal> {
        if let Some(metadata) = self.metadata.get() {
            return Ok(metadata);
        }
        let metadata = self.state.stored_metadata(&self.blob_id)?;
        let metadata = metadata.ok_or_else(sliver_not_found)?;
        Ok(self.metadata.get_or_init(|| metadata))
    }
}

impl NodeState {
    /// Recovery symbols with proofs, in the order of their IDs.
    ///
    /// # Errors
    /// The refusals of node spec 1.11.
    pub async fn recovery_symbols(
        self: &Arc<Self>,
        blob_id: BlobId,
        selection: SymbolSelection,
        proof_axis: Option<SliverType>,
    ) -> Result<Vec<GeneralRecoverySymbol>, Refusal> {
        let _permit = self.symbol_requests.try_acquire().map_err(|_| busy())?;
        self.blocking(move |state| {
            state.check_served(&blob_id)?;
            let blob = ServedBlob::new(state, blob_id)?;
            let mut gathered = Gathered::default();
            if proof_axis != Some(SliverType::Secondary) {
                state.gather::<Primary>(&blob, &selection, &mut gathered);
            }
            if proof_axis != Some(SliverType::Primary) {
                state.gather::<Secondary>(&blob, &selection, &mut gathered);
            }
            if gathered.symbols.is_empty() {
                return Err(gathered.last_error.unwrap_or_else(|| {
                    Refusal::new(
                        Reason::SymbolNotPresentAtShards,
                        "none of the node's shards can produce the symbols",
                    )
                }));
            }
            state.note_symbol_tree_bytes();
            Ok(gathered.symbols.into_values().collect())
        })
        .await
    }

    fn check_served(&self, blob_id: &BlobId) -> Result<(), Refusal> {
        self.refuse_blocked(blob_id)?;
        if !self.is_registered(blob_id)? {
            return Err(sliver_not_found());
        }
        Ok(())
    }

    fn served_metadata(&self, blob_id: &BlobId) -> Result<VerifiedBlobMetadataWithId, Refusal> {
        self.check_served(blob_id)?;
        self.stored_metadata(blob_id)?.ok_or_else(sliver_not_found)
    }

    /// Stored shards and the index of their sliver of axis `sliver_type`.
    fn own_slivers(
        &self,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Vec<(ShardIndex, SliverIndex)> {
        let n_shards = self.encoding.n_shards();
        // Also shards that have just moved away: their slivers help the new owner.
        let shards = self.storage.shards.states();
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
    ) -> Result<Option<SliverData<T>>, Refusal> {
        let storage = &self.storage;
        let bytes = storage
            .shards
            .get(&storage.tables, shard, metadata.blob_id(), T::TYPE)?;
        bytes
            .map(|bytes| SliverData::from_bcs(&bytes, metadata).map_err(Refusal::internal))
            .transpose()
    }

    /// The tree of an own sliver, kept from an earlier request if possible.
    fn symbol_tree<T: Axis>(
        &self,
        blob: &ServedBlob<'_>,
        shard: ShardIndex,
    ) -> Result<Arc<dyn SymbolSource>, Refusal> {
        let key = TreeKey {
            blob_id: blob.blob_id,
            shard,
            sliver_type: T::TYPE,
        };
        if !self.is_stored(&key)? {
            self.symbol_trees.forget(&key);
            return Err(sliver_absent(shard));
        }
        let build = || {
            let metadata = blob.metadata()?;
            let sliver = self
                .load::<T>(metadata, shard)?
                .ok_or_else(|| sliver_absent(shard))?;
            let expanded = sliver.expand(&self.encoding).map_err(Refusal::internal)?;
            Ok::<_, Refusal>(Arc::new(SymbolTree::new(expanded)) as Arc<dyn SymbolSource>)
        };
        let (tree, was_kept) = self.symbol_trees.get_or_build(key, build)?;
        if was_kept {
            self.metrics.symbol_tree_hits.inc();
        } else {
            self.metrics.symbol_tree_misses.inc();
            // It may have been deleted while it was read.
            if !self.is_stored(&key)? {
                self.symbol_trees.forget(&key);
            }
        }
        Ok(tree)
    }

    fn is_stored(&self, key: &TreeKey) -> Result<bool, StorageError> {
        let storage = &self.storage;
        storage
            .shards
            .contains(&storage.tables, key.shard, &key.blob_id, key.sliver_type)
    }

    /// Lets go of what is kept of slivers that were deleted, or whose shard has moved away. They are not served in any case; this
    /// frees the memory.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn forget_deleted_symbols(&self) -> Result<(), StorageError> {
        for key in self.symbol_trees.keys() {
            if !self.is_stored(&key)? {
                self.symbol_trees.forget(&key);
            }
        }
        self.note_symbol_tree_bytes();
        Ok(())
    }

    /// Deletes the data that an event has left without a purpose (see [`garbage::delete_data_after`]), and what is kept in memory
    /// of it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn delete_data_after(&self, effect: &Effect, at_once: bool) -> Result<(), StorageError> {
        garbage::delete_data_after(&self.storage, effect, at_once)?;
        if let Effect::Invalidated(blob_id) | Effect::Deleted { blob_id, .. } = effect {
            self.symbol_trees.forget_blob(*blob_id);
            self.note_symbol_tree_bytes();
        }
        Ok(())
    }

    fn note_symbol_tree_bytes(&self) {
        let bytes = i64::try_from(self.symbol_trees.bytes()).unwrap_or(i64::MAX);
        self.metrics.symbol_tree_bytes.set(bytes);
    }

    /// Symbols whose proofs open own slivers of axis `T`.
    fn gather<T: Axis>(
        &self,
        blob: &ServedBlob<'_>,
        selection: &SymbolSelection,
        gathered: &mut Gathered,
    ) {
        for (shard, source) in self.own_slivers(&blob.blob_id, T::TYPE) {
            let targets = targets_through::<T>(selection, source);
            let wanted: Vec<_> = targets
                .into_iter()
                .filter(|target| {
                    !gathered
                        .symbols
                        .contains_key(&symbol_id(T::TYPE, source, *target))
                })
                .collect();
            if wanted.is_empty() {
                continue;
            }
            match self.symbol_tree::<T>(blob, shard) {
                Ok(tree) => {
                    let symbols = wanted.into_iter().filter_map(|target| tree.symbol(target));
                    gathered
                        .symbols
                        .extend(symbols.map(|symbol| (symbol.id(), symbol)));
                }
                Err(error) => gathered.last_error = Some(error),
            }
        }
    }

    /// Raw symbols of source slivers, by target.
    ///
    /// # Errors
    /// The refusals of node spec 1.12.
    pub async fn decoding_symbols(
        self: &Arc<Self>,
        blob_id: BlobId,
        targets: BTreeSet<SliverIndex>,
        target_type: SliverType,
    ) -> Result<DecodingSymbolsByTarget, Refusal> {
        let _permit = self.symbol_requests.try_acquire().map_err(|_| busy())?;
        self.blocking(move |state| {
            let metadata = state.served_metadata(&blob_id)?;
            if targets.is_empty() {
                return Err(Refusal::new(
                    Reason::NoTargetSliversSpecified,
                    "no target sliver was asked for",
                ));
            }
            let sources = state.encoding.source_symbols(target_type);
            if let Some(bad) = targets.iter().find(|target| target.get() >= sources) {
                return Err(Refusal::new(
                    Reason::RecoverySymbolOutOfRange,
                    format!(
                        "{target_type} sliver {bad} is not one of the {sources} source slivers"
                    ),
                ));
            }
            match target_type {
                SliverType::Primary => state.raw_symbols::<Secondary>(&metadata, &targets),
                SliverType::Secondary => state.raw_symbols::<Primary>(&metadata, &targets),
            }
        })
        .await
    }

    /// `T` is the axis of the slivers that the symbols are taken from.
    fn raw_symbols<T: Axis>(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        targets: &BTreeSet<SliverIndex>,
    ) -> Result<DecodingSymbolsByTarget, Refusal> {
        let mut by_target = DecodingSymbolsByTarget::new();
        for (shard, source) in self.own_slivers(metadata.blob_id(), T::TYPE) {
            let sliver = match self.load::<T>(metadata, shard) {
                Ok(Some(sliver)) => sliver,
                Ok(None) => continue,
                Err(error) if error.reason() == Reason::ShardNotAssigned => continue,
                Err(error) => return Err(error),
            };
            for target in targets {
                if let Some(symbol) = sliver.symbols.get(target.as_usize()) {
                    let axis = T::TYPE.orthogonal();
                    by_target
                        .entry(*target)
                        .or_default()
                        .push(EitherDecodingSymbol::new(axis, source, symbol.to_vec()));
                }
            }
        }
        Ok(by_target)
    }

    /// Attests that a blob is inconsistent, if the proof shows it.
    ///
    /// # Errors
    /// The refusals of node spec 1.13.
    pub async fn attest_inconsistency(
        self: &Arc<Self>,
        blob_id: BlobId,
        target_type: SliverType,
        proof: Bytes,
    ) -> Result<SignedMessage<InvalidBlobId>, Refusal> {
        self.blocking(move |state| {
            let metadata = state.served_metadata(&blob_id).map_err(|_| {
                Refusal::new(
                    Reason::MetadataRequired,
                    "the node has no metadata of a registered blob with this ID",
                )
            })?;
            let proof = EitherInconsistencyProof::from_untagged_bcs(&proof, target_type, &metadata)
                .map_err(|error| Refusal::new(Reason::InvalidContentType, error.to_string()))?;
            proof
                .verify(&metadata)
                .map_err(|error| Refusal::new(Reason::InvalidProof, error.to_string()))?;
            let message = ProtocolMessage::new(state.epoch(), InvalidBlobId { blob_id });
            Ok(state.protocol_key.sign(&message))
        })
        .await
    }
}

fn sliver_absent(shard: ShardIndex) -> Refusal {
    Refusal::new(
        Reason::SliverNotFound,
        format!("shard {shard} lacks the sliver"),
    )
}

fn symbol_id(source_type: SliverType, source: SliverIndex, target: SliverIndex) -> SymbolId {
    match source_type {
        SliverType::Primary => SymbolId::new(source, target),
        SliverType::Secondary => SymbolId::new(target, source),
    }
}

/// The positions in source sliver `source` of axis `T` that the selection asks for.
fn targets_through<T: Axis>(selection: &SymbolSelection, source: SliverIndex) -> Vec<SliverIndex> {
    match selection {
        SymbolSelection::Ids(ids) => ids
            .iter()
            .filter(|id| id.sliver_index(T::TYPE) == source)
            .map(|id| id.sliver_index(T::TYPE.orthogonal()))
            .collect(),
        // A target of the other axis crosses every source; one of the same axis is the source itself, every symbol of it.
        SymbolSelection::Target(target, target_type) if *target_type != T::TYPE => vec![*target],
        SymbolSelection::Target(..) => vec![],
    }
}
