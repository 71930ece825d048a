//! Blob recovery: fetching or recovering everything that is missing of one blob. Node spec 5.1.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use futures::StreamExt as _;
use walrus_core::{BlobId, BlsPublicKey, ShardIndex, SliverType, VerifiedBlobMetadataWithId};
use walrus_sui::Address;

use super::{HealingError, InvalidityReporter, MetadataSource, Peers, sliver::Outcome};
use crate::{
    blobs::{Holdings, Inconsistencies, Symbols},
    config::BlobRecoveryConfig,
    metrics::Metrics,
    shards::ShardLife,
    storage::StorageError,
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
    pub(crate) work: Work,
}

impl Healer {
    /// Whether the node holds what it should hold of a blob.
    pub(super) fn is_complete(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        let view = self.holdings.view();
        let (epoch, info) = (view.epoch(), self.holdings.info(blob_id)?);
        // Who has no shards lacks nothing, metadata included.
        if !view.is_member() || !info.is_some_and(|info| info.is_certified(epoch)) {
            return Ok(true);
        }
        Ok(self.holdings.missing_slivers(blob_id)?.is_empty()
            && self.holdings.metadata(blob_id)?.is_some())
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

    async fn fill(
        &self,
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        missing: Vec<(ShardIndex, SliverType)>,
    ) -> Result<Completion, HealingError> {
        let blob_id = *metadata.blob_id();
        let count = missing.len();
        let mut outcomes = futures::stream::iter(missing)
            .map(|(shard, sliver_type)| self.recover_counted(metadata, shard, sliver_type))
            .buffer_unordered(self.config.max_concurrent_sliver_syncs.max(1));
        while let Some(outcome) = outcomes.next().await {
            if let Outcome::Inconsistent(proof) = outcome? {
                drop(outcomes);
                self.invalidate(blob_id, proof).await?;
                return Ok(Completion::Invalid);
            }
        }
        tracing::info!(%blob_id, slivers = count, "recovered a blob");
        Ok(Completion::Complete)
    }
}

/// The label of a part of a recovery.
fn success(succeeded: bool) -> &'static str {
    if succeeded { "success" } else { "failure" }
}
