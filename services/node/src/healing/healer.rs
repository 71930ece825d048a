//! Blob recovery: fetching or recovering everything that is missing of one blob. Node spec 5.1 and 5.2.

use std::{sync::Arc, time::Duration};

use futures::StreamExt as _;
use walrus_core::{BlobId, BlsPublicKey, UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId};
use walrus_node_client::NodeClient;
use walrus_sui::Address;

use super::{HealingError, InvalidityReporter, Peers, sliver::Outcome};
use crate::{
    blobs::{Holdings, Inconsistencies, Symbols},
    config::BlobRecoveryConfig,
    metrics::Metrics,
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
    pub(crate) config: BlobRecoveryConfig,
    pub(crate) reporter: Arc<dyn InvalidityReporter>,
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
        let epoch = self.holdings.epoch();
        let info = self.holdings.info(blob_id)?;
        if !info.is_some_and(|info| info.is_certified(epoch)) {
            return Ok(true);
        }
        Ok(self.holdings.missing_slivers(blob_id)?.is_empty()
            && self.holdings.metadata(blob_id)?.is_some())
    }

    /// Fetches or recovers everything that is missing of a blob.
    pub(super) async fn complete(&self, blob_id: BlobId) -> Result<Completion, HealingError> {
        if self.is_complete(&blob_id)? {
            return Ok(Completion::Complete);
        }
        let missing = self.holdings.missing_slivers(&blob_id)?;
        let metadata = Arc::new(self.metadata(blob_id).await?);
        let count = missing.len();
        let mut outcomes = futures::stream::iter(missing)
            .map(|(shard, sliver_type)| self.recover(&metadata, shard, sliver_type))
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

    /// Metadata from the storage or from any node.
    async fn metadata(&self, blob_id: BlobId) -> Result<VerifiedBlobMetadataWithId, HealingError> {
        if let Some(metadata) = self.holdings.metadata(&blob_id)? {
            return Ok(metadata);
        }
        let peers = self.peers.all(&self.holdings.view(), self.node_id);
        let asked = peers.len();
        for client in peers {
            let Some(metadata) = self.ask_for_metadata(&client, &blob_id).await else {
                continue;
            };
            match self.store_metadata(metadata).await {
                Ok(metadata) => return Ok(metadata),
                Err(error) => tracing::warn!(%error, url = client.url(), "bad metadata"),
            }
        }
        Err(HealingError::NoMetadata { asked })
    }

    async fn ask_for_metadata(
        &self,
        client: &NodeClient,
        blob_id: &BlobId,
    ) -> Option<UnverifiedBlobMetadataWithId> {
        let patience = Duration::from_secs(self.config.metadata_request_timeout_secs);
        let answer = client.metadata(blob_id, self.holdings.encoding());
        tokio::time::timeout(patience, answer)
            .await
            .ok()?
            .inspect_err(|error| tracing::debug!(%error, "no metadata"))
            .ok()
            .filter(|metadata| metadata.blob_id() == blob_id)
    }

    async fn store_metadata(
        &self,
        metadata: UnverifiedBlobMetadataWithId,
    ) -> Result<VerifiedBlobMetadataWithId, HealingError> {
        let holdings = self.holdings.clone();
        let store = move || {
            let verified = metadata.verify(holdings.encoding())?;
            holdings.storage().put_metadata(&verified)?;
            Ok(verified)
        };
        self.work.run(store).await
    }
}
