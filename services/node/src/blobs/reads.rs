//! Reads: metadata, slivers and status of a blob. Node spec 1.5, 1.7, 1.8 and 1.15.

use std::sync::Arc;

use walrus_core::{BlobId, ShardIndex, SliverPairIndex, SliverType, metadata::SliverPairMetadata};
use walrus_node_client::{BlobStatus, StoredOnNodeStatus};

use super::{Blocked, Blocklist, Holdings, PairOutOfRange, PendingCache};
use crate::{
    storage::StorageError,
    work::{Work, WorkError},
};

/// Why something is not served.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The metadata is absent, or its blob not registered.
    #[error("the node has no metadata of a registered blob with this ID")]
    MetadataNotFound,
    /// The sliver is absent, or its blob not registered.
    #[error("the node has no such sliver of a registered blob")]
    SliverNotFound,
    /// The shard of the sliver is another node's.
    #[error("shard {0} is not assigned to this node")]
    NotAssigned(ShardIndex),
    /// The blob is blocked.
    #[error(transparent)]
    Blocked(#[from] Blocked),
    /// There is no such sliver of any blob.
    #[error(transparent)]
    PairOutOfRange(#[from] PairOutOfRange),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be looked up.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Serves what is stored.
#[derive(Debug)]
pub struct Reads {
    pub(crate) holdings: Holdings,
    pub(crate) blocklist: Arc<Blocklist>,
    pub(crate) pending: Arc<PendingCache>,
    pub(crate) work: Work,
}

impl Reads {
    /// About how long the metadata of a blob is, in bytes.
    pub(crate) fn metadata_length(&self) -> usize {
        let pairs = usize::from(self.holdings.encoding().n_shards());
        pairs.saturating_mul(size_of::<SliverPairMetadata>())
    }

    /// BCS of blob ID and metadata.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn metadata(&self, blob_id: BlobId) -> Result<Vec<u8>, ReadError> {
        let (holdings, blocklist) = (self.holdings.clone(), Arc::clone(&self.blocklist));
        let read = move || {
            blocklist.check(&blob_id)?;
            if !holdings.is_registered(&blob_id)? {
                return Err(ReadError::MetadataNotFound);
            }
            let metadata = holdings.metadata(&blob_id)?;
            Ok(metadata.ok_or(ReadError::MetadataNotFound)?.to_bcs())
        };
        self.work.run(read).await
    }

    /// Whether metadata is there.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn metadata_status(&self, blob_id: BlobId) -> Result<StoredOnNodeStatus, ReadError> {
        let (holdings, pending) = (self.holdings.clone(), Arc::clone(&self.pending));
        let look = move || {
            Ok(if holdings.metadata(&blob_id)?.is_some() {
                StoredOnNodeStatus::Stored
            } else if pending.metadata(&blob_id).is_some() {
                StoredOnNodeStatus::Buffered
            } else {
                StoredOnNodeStatus::Nonexistent
            })
        };
        self.work.run(look).await
    }

    /// Looks whether slivers of a blob are served; returns how long those of a type are, in bytes.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn sliver_length(
        &self,
        blob_id: BlobId,
        pairs: Vec<SliverPairIndex>,
        sliver_type: SliverType,
    ) -> Result<usize, ReadError> {
        let (holdings, blocklist) = (self.holdings.clone(), Arc::clone(&self.blocklist));
        let look = move || {
            for pair in pairs {
                holdings.shard_of(&blob_id, pair)?;
            }
            blocklist.check(&blob_id)?;
            if !holdings.is_registered(&blob_id)? {
                return Err(ReadError::SliverNotFound);
            }
            let metadata = holdings.metadata(&blob_id)?;
            // Slivers may be there before the metadata is recovered.
            Ok(metadata.map_or_else(
                || holdings.encoding().max_sliver_length(),
                |metadata| metadata.sliver_bcs_length(sliver_type),
            ))
        };
        self.work.run(look).await
    }

    /// BCS of a sliver without tag.
    ///
    /// # Errors
    /// [`ReadError`].
    pub async fn sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<Vec<u8>, ReadError> {
        let (holdings, blocklist) = (self.holdings.clone(), Arc::clone(&self.blocklist));
        let read = move || {
            let shard = holdings.shard_of(&blob_id, pair)?;
            blocklist.check(&blob_id)?;
            if !holdings.is_registered(&blob_id)? {
                return Err(ReadError::SliverNotFound);
            }
            let sliver = holdings.storage().sliver(shard, &blob_id, sliver_type)?;
            sliver.ok_or(ReadError::SliverNotFound)
        };
        self.work.run(read).await
    }

    /// Whether a sliver is there.
    ///
    /// # Errors
    /// [`ReadError::PairOutOfRange`], [`ReadError::NotAssigned`], or if the storage fails.
    pub async fn sliver_status(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<StoredOnNodeStatus, ReadError> {
        let (holdings, pending) = (self.holdings.clone(), Arc::clone(&self.pending));
        let look = move || {
            let shard = holdings.shard_of(&blob_id, pair)?;
            let storage = holdings.storage();
            if storage.shard_state(shard).is_none() {
                return Err(ReadError::NotAssigned(shard));
            }
            Ok(if storage.has_sliver(shard, &blob_id, sliver_type)? {
                StoredOnNodeStatus::Stored
            } else if pending.has_sliver(&blob_id, pair, sliver_type) {
                StoredOnNodeStatus::Buffered
            } else {
                StoredOnNodeStatus::Nonexistent
            })
        };
        self.work.run(look).await
    }

    /// The status of a blob in the committee epoch.
    ///
    /// # Errors
    /// If the storage fails.
    pub async fn status(&self, blob_id: BlobId) -> Result<BlobStatus, ReadError> {
        let holdings = self.holdings.clone();
        let look = move || {
            let (info, epoch) = (holdings.info(&blob_id)?, holdings.epoch());
            Ok(info.map_or(BlobStatus::Nonexistent, |info| info.status(epoch)))
        };
        self.work.run(look).await
    }
}
