//! Blob recovery: fetching or recovering everything that is missing of one blob. Node spec 5.1.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use futures::StreamExt as _;
use tokio::sync::Semaphore;
use walrus_core::{BlobId, BlsPublicKey, ShardIndex, SliverType, VerifiedBlobMetadataWithId};
use walrus_sui::Address;

use super::{
    HealingError, InvalidityReporter, MetadataSource, Peers, book::RepairBook, invalidity::Proof,
    sliver::Outcome,
};
use crate::{
    blobs::{Holdings, Inconsistencies, Symbols},
    config::BlobRecoveryConfig,
    metrics::Metrics,
    shards::ShardLife,
    storage::{StorageError, repairs::Part},
    work::Work,
};

/// How the recovery of a blob ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Completion {
    /// Nothing of it is missing.
    Complete,
    /// It cannot be completed: it is encoded wrongly, and the chain knows.
    Invalid,
}

/// Completes single blobs.
pub(crate) struct Healer {
    pub(crate) holdings: Holdings,
    pub(crate) symbols: Arc<Symbols>,
    pub(crate) inconsistencies: Arc<Inconsistencies>,
    pub(crate) peers: Peers,
    pub(crate) metadata: MetadataSource,
    pub(crate) config: BlobRecoveryConfig,
    pub(crate) reporter: Arc<dyn InvalidityReporter>,
    pub(crate) shards: Arc<ShardLife>,
    /// This node's ID on chain.
    pub(crate) node_id: Address,
    /// This node's key.
    pub(crate) key: BlsPublicKey,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) book: Arc<RepairBook>,
    /// One for each blob that is read whole at the same time.
    pub(crate) whole_blobs: Semaphore,
    pub(crate) work: Work,
}

impl Healer {
    /// What the node should hold of a blob and does not: slivers, and the whole if it is the metadata.
    pub(super) fn lacks(&self, blob_id: &BlobId) -> Result<BTreeSet<Part>, StorageError> {
        let view = self.holdings.view();
        let (epoch, info) = (view.epoch(), self.holdings.info(blob_id)?);
        // Who has no shards lacks nothing, metadata included.
        if !view.is_member() || !info.is_some_and(|info| info.is_certified(epoch)) {
            return Ok(BTreeSet::new());
        }
        let missing = self.holdings.missing_slivers(blob_id)?.into_iter();
        let mut lacks: BTreeSet<_> = missing
            .map(|(shard, sliver_type)| Part::Sliver(shard, sliver_type))
            .collect();
        if self.holdings.metadata(blob_id)?.is_none() {
            lacks.insert(Part::Whole);
        }
        Ok(lacks)
    }

    /// Whether the node holds what it should hold of a blob.
    pub(super) fn is_complete(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        Ok(self.lacks(blob_id)?.is_empty())
    }

    /// Fetches or recovers everything that is missing of a blob, but for these shards, to which it comes in another way.
    pub(super) async fn complete(
        &self,
        blob_id: BlobId,
        elsewhere: &BTreeSet<ShardIndex>,
    ) -> Result<Completion, HealingError> {
        if self.is_complete(&blob_id)? {
            return Ok(Completion::Complete);
        }
        let mut missing = self.holdings.missing_slivers(&blob_id)?;
        missing.retain(|(shard, _)| !elsewhere.contains(shard));
        let metrics = &self.metrics.recovery;
        let begun = Instant::now();
        let metadata = self.metadata.get(blob_id).await;
        metrics.part("metadata", success(metadata.is_ok()), begun.elapsed());
        let metadata = Arc::new(metadata?);
        let begun = Instant::now();
        let ended = self.fill(&metadata, missing).await;
        metrics.part("slivers", success(ended.is_ok()), begun.elapsed());
        ended
    }

    async fn recover_counted(
        &self,
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        shard: ShardIndex,
        sliver_type: SliverType,
    ) -> Result<Outcome, HealingError> {
        let counted = self.metrics.shards.recovering(shard, sliver_type);
        let outcome = self.recover(metadata, shard, sliver_type).await;
        counted.ended(outcome.is_ok());
        outcome
    }

    /// Recovers what is missing: whole slivers if they are cheaper, symbols if not. One that cannot be had holds up no other, but for
    /// those that take the same that nobody has.
    async fn fill(
        &self,
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        mut missing: Vec<(ShardIndex, SliverType)>,
    ) -> Result<Completion, HealingError> {
        let (blob_id, count) = (*metadata.blob_id(), missing.len());
        if self.reads_whole(metadata, &missing) {
            match self.fill_from_whole(metadata, &missing).await {
                Ok(true) => missing.clear(),
                Err(HealingError::Storage(error)) => return Err(error.into()),
                Ok(false) => {}
                Err(error) => tracing::debug!(%blob_id, %error, "the blob cannot be read whole"),
            }
        }
        let mut failed: Option<HealingError> = None;
        // Secondary slivers take fewer symbols, and once they are here they help with the primary ones.
        for wanted in [SliverType::Secondary, SliverType::Primary] {
            let missing = missing
                .iter()
                .filter(|(_, sliver_type)| *sliver_type == wanted);
            match self.fill_type(metadata, missing.copied().collect()).await {
                Ok(None) => {}
                Ok(Some(proof)) => {
                    self.invalidate(blob_id, proof).await?;
                    return Ok(Completion::Invalid);
                }
                Err(HealingError::Storage(error)) => return Err(error.into()),
                Err(error) => {
                    let is_hopeless = |error: &HealingError| error.is_hopeless(metadata.n_shards());
                    failed = failed.filter(is_hopeless).or(Some(error));
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        tracing::info!(%blob_id, slivers = count, "recovered a blob");
        Ok(Completion::Complete)
    }

    /// Recovers slivers of one type from symbols; the proof if there is none that goes with the metadata.
    async fn fill_type(
        &self,
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        missing: Vec<(ShardIndex, SliverType)>,
    ) -> Result<Option<Proof>, HealingError> {
        let n_shards = metadata.n_shards();
        let mut outcomes = futures::stream::iter(missing)
            .map(|(shard, sliver_type)| self.recover_counted(metadata, shard, sliver_type))
            .buffer_unordered(self.config.max_concurrent_sliver_syncs.max(1));
        let mut failed = None;
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(Outcome::Stored) => {}
                Ok(Outcome::Inconsistent(proof)) => return Ok(Some(proof)),
                Err(error) => {
                    let ends = error.is_hopeless(n_shards);
                    if ends || matches!(error, HealingError::Storage(_)) {
                        return Err(error);
                    }
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

/// The label of a part of a recovery.
fn success(succeeded: bool) -> &'static str {
    if succeeded { "success" } else { "failure" }
}
