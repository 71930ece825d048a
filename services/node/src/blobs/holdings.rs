//! Blob lookup: whether a blob is registered as far as this node has seen the chain, and what of it is stored here.

use std::sync::Arc;

use walrus_core::{
    BlobId, EncodingConfig, Epoch, ShardIndex, SliverPairIndex, SliverType,
    VerifiedBlobMetadataWithId,
};

use crate::{
    committee::{CommitteeHolder, CommitteeView},
    storage::{Storage, StorageError, blob_info::BlobInfo},
};

/// Answers questions about single blobs. Clones look at the same node.
#[derive(Debug, Clone)]
pub struct Holdings {
    storage: Arc<Storage>,
    committees: Arc<CommitteeHolder>,
    encoding: EncodingConfig,
}

/// There are fewer sliver pairs than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sliver pair {pair} of {n_shards}")]
pub struct PairOutOfRange {
    /// The pair that was named.
    pub pair: SliverPairIndex,
    /// The number of pairs, which is that of shards.
    pub n_shards: u16,
}

impl Holdings {
    /// Joins storage and membership; all blobs are encoded with `encoding`.
    pub fn new(
        storage: Arc<Storage>,
        committees: Arc<CommitteeHolder>,
        encoding: EncodingConfig,
    ) -> Self {
        Self {
            storage,
            committees,
            encoding,
        }
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    /// What holds the committees.
    pub(crate) fn committees(&self) -> &CommitteeHolder {
        &self.committees
    }

    /// The committees as the node last saw them.
    pub(crate) fn view(&self) -> Arc<CommitteeView> {
        self.committees.get()
    }

    /// The committee epoch.
    pub(crate) fn epoch(&self) -> Epoch {
        self.view().epoch()
    }

    pub(crate) fn encoding(&self) -> &EncodingConfig {
        &self.encoding
    }

    /// The record of a blob.
    pub(crate) fn info(&self, blob_id: &BlobId) -> Result<Option<BlobInfo>, StorageError> {
        self.storage.blob_info(blob_id)
    }

    /// Whether the blob is registered in the committee epoch.
    pub(crate) fn is_registered(&self, blob_id: &BlobId) -> Result<bool, StorageError> {
        let epoch = self.epoch();
        let info = self.info(blob_id)?;
        Ok(info.is_some_and(|info| info.is_registered(epoch)))
    }

    /// The stored metadata of a blob.
    pub(crate) fn metadata(
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
    ) -> Result<ShardIndex, PairOutOfRange> {
        let n_shards = self.encoding.n_shards();
        if pair.get() >= n_shards {
            return Err(PairOutOfRange { pair, n_shards });
        }
        Ok(pair.to_shard_index(blob_id, n_shards))
    }

    /// The slivers that this node should hold of a blob and does not.
    pub(crate) fn missing_slivers(
        &self,
        blob_id: &BlobId,
    ) -> Result<Vec<(ShardIndex, SliverType)>, StorageError> {
        let view = self.view();
        self.storage
            .missing_slivers(blob_id, view.own_shards.iter().copied())
    }
}
