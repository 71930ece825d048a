//! Uploads: metadata and slivers, checked before they are stored. Node spec 1.6 and 1.9.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use walrus_core::{
    BlobId, BlobMetadata, ShardIndex, Sliver, SliverIndex, SliverPairIndex, SliverType,
    UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId, bounded_bcs::BcsError,
    metadata::MetadataError, sliver::SliverError,
};

use super::{
    Arrivals, Holdings, PairOutOfRange, PendingCache,
    pending::{Cached, PendingBlob},
};
use crate::{
    metrics::Metrics,
    storage::{StorageError, records::ShardState, segments::NewSliver},
    work::{Work, WorkError},
};

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It was there already.
    Present,
    /// It is stored.
    Stored,
    /// It waits in memory for the registration of its blob.
    Buffered,
}

/// Why an upload is refused.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// The body is no metadata.
    #[error(transparent)]
    MalformedMetadata(BcsError),
    /// The body is no sliver.
    #[error(transparent)]
    MalformedSliver(bcs::Error),
    /// The metadata is not that of the blob.
    #[error(transparent)]
    InvalidMetadata(MetadataError),
    /// The sliver is not that of the metadata.
    #[error(transparent)]
    InvalidSliver(SliverError),
    /// Nobody is to store the blob.
    #[error("the blob was marked invalid on chain")]
    InvalidBlob,
    /// The blob is not registered, and the upload does not want to wait for that.
    #[error("the blob is not registered as far as this node has seen the chain")]
    NotRegistered,
    /// Slivers are checked against the metadata.
    #[error("the metadata of the blob must come before its slivers")]
    MetadataRequired,
    /// There is no room for uploads that wait for a registration.
    #[error("the cache for uploads before registration is full or disabled")]
    Saturated,
    /// There is no such sliver of any blob.
    #[error(transparent)]
    PairOutOfRange(#[from] PairOutOfRange),
    /// It is the sliver of another pair.
    #[error("the sliver has index {found}, the path implies {expected}")]
    IndexMismatch {
        /// What it says itself.
        found: SliverIndex,
        /// What follows from the pair.
        expected: SliverIndex,
    },
    /// The shard of the sliver is another node's.
    #[error("shard {0} is not assigned to this node")]
    NotAssigned(ShardIndex),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Takes uploads in.
#[derive(Debug)]
pub struct Uploads {
    pub(crate) holdings: Holdings,
    pub(crate) pending: Arc<PendingCache>,
    pub(crate) arrivals: Arc<Arrivals>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
}

impl Uploads {
    /// The longest body that is a sliver, in bytes, but for what BCS adds.
    pub(crate) fn max_sliver_length(&self) -> usize {
        self.holdings.encoding().max_sliver_length()
    }

    /// Takes metadata in; `pending` lets it wait for the registration of the blob.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn store_metadata(
        self: &Arc<Self>,
        blob_id: BlobId,
        body: Bytes,
        pending: bool,
    ) -> Result<Accepted, UploadError> {
        let this = Arc::clone(self);
        let store = move || this.store_metadata_blocking(blob_id, &body, pending);
        self.work.run(store).await
    }

    fn store_metadata_blocking(
        &self,
        blob_id: BlobId,
        body: &[u8],
        pending: bool,
    ) -> Result<Accepted, UploadError> {
        let (holdings, encoding) = (&self.holdings, self.holdings.encoding());
        let metadata =
            BlobMetadata::from_bcs(body, encoding).map_err(UploadError::MalformedMetadata)?;
        let info = holdings.info(&blob_id)?;
        if info.is_some_and(|info| info.is_invalid()) {
            return Err(UploadError::InvalidBlob);
        }
        let storage = holdings.storage();
        if storage.has_metadata(&blob_id, encoding)? || self.pending.metadata(&blob_id).is_some() {
            return Ok(Accepted::Present);
        }
        let metadata = UnverifiedBlobMetadataWithId::new(blob_id, metadata)
            .verify(encoding)
            .map_err(UploadError::InvalidMetadata)?;
        let epoch = holdings.epoch();
        if info.is_some_and(|info| info.is_registered(epoch)) {
            storage.put_metadata(&metadata)?;
            self.metrics.uploads.with_label_values(&["metadata"]).inc();
            return Ok(Accepted::Stored);
        }
        if !pending {
            return Err(UploadError::NotRegistered);
        }
        match self.pending.insert_metadata(metadata) {
            Cached::Saturated => return Err(UploadError::Saturated),
            Cached::Existing => return Ok(Accepted::Present),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(Accepted::Buffered)
    }

    /// Takes a sliver in; `body` is its BCS form without tag. `pending` lets it wait for the registration of the blob.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn store_sliver(
        self: &Arc<Self>,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: Bytes,
        pending: bool,
    ) -> Result<Accepted, UploadError> {
        let this = Arc::clone(self);
        let store = move || this.store_sliver_blocking(blob_id, pair, sliver_type, &body, pending);
        self.work.run(store).await
    }

    fn store_sliver_blocking(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: &[u8],
        pending: bool,
    ) -> Result<Accepted, UploadError> {
        let sliver = decode_sliver(body, sliver_type)?;
        let shard = self.check_place(blob_id, pair, sliver_type, sliver.index())?;
        let persisted = self.holdings.metadata(&blob_id)?;
        let is_persisted = persisted.is_some();
        let metadata = match persisted.or_else(|| self.pending.metadata(&blob_id)) {
            Some(metadata) => metadata,
            None if pending || self.holdings.is_registered(&blob_id)? => {
                return Err(UploadError::MetadataRequired);
            }
            None => return Err(UploadError::NotRegistered),
        };
        let storage = self.holdings.storage();
        match storage.shard_state(shard) {
            None | Some(ShardState::Locked) => return Err(UploadError::NotAssigned(shard)),
            Some(ShardState::Active | ShardState::Recovering) => {}
        }
        if storage.has_sliver(shard, &blob_id, sliver_type)? {
            return Ok(Accepted::Present);
        }
        sliver
            .verify(&metadata)
            .map_err(UploadError::InvalidSliver)?;
        if is_persisted {
            if !self.holdings.is_registered(&blob_id)? {
                return Err(UploadError::NotRegistered);
            }
            self.put_sliver(blob_id, pair, sliver_type, body)?;
            self.arrivals.note(blob_id, Instant::now());
            self.metrics.uploads.with_label_values(&["sliver"]).inc();
            return Ok(Accepted::Stored);
        }
        match self
            .pending
            .insert_sliver(blob_id, pair, sliver_type, body.to_vec())
        {
            Cached::Saturated => return Err(UploadError::Saturated),
            Cached::Existing => return Ok(Accepted::Present),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(Accepted::Buffered)
    }

    /// The shard of a sliver, after the check that it is the one of its pair.
    fn check_place(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        found: SliverIndex,
    ) -> Result<ShardIndex, UploadError> {
        let shard = self.holdings.shard_of(&blob_id, pair)?;
        let n_shards = self.holdings.encoding().n_shards();
        let expected = pair.to_sliver_index(sliver_type, n_shards);
        if found != expected {
            return Err(UploadError::IndexMismatch { found, expected });
        }
        Ok(shard)
    }

    fn put_sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        payload: &[u8],
    ) -> Result<(), UploadError> {
        let shard = self.holdings.shard_of(&blob_id, pair)?;
        let sliver = NewSliver {
            blob_id,
            sliver_type,
            payload,
        };
        self.holdings.storage().put_slivers(shard, &[sliver])?;
        Ok(())
    }

    /// Stores what is cached of a blob, if it is registered by now.
    pub(crate) fn flush_if_registered(&self, blob_id: &BlobId) -> Result<(), UploadError> {
        if !self.pending.holds(blob_id) || !self.holdings.is_registered(blob_id)? {
            return Ok(());
        }
        let mut blob = self.pending.take(blob_id);
        let result = self.flush(blob_id, &mut blob);
        if result.is_err() {
            self.pending.put_back(*blob_id, blob);
        }
        result
    }

    /// Stores cached data and empties `blob` on the way, so that what is left is what was not stored.
    fn flush(&self, blob_id: &BlobId, blob: &mut PendingBlob) -> Result<(), UploadError> {
        let persisted = self.holdings.metadata(blob_id)?.is_some();
        let metadata: Option<&VerifiedBlobMetadataWithId> = blob.metadata.as_ref();
        match metadata {
            Some(metadata) if !persisted => self.holdings.storage().put_metadata(metadata)?,
            None if !persisted => return Err(UploadError::NotRegistered),
            _ => {}
        }
        blob.metadata = None;
        let keys: Vec<_> = blob.slivers.keys().copied().collect();
        for (pair, sliver_type) in keys {
            if let Some(payload) = blob.slivers.get(&(pair, sliver_type)) {
                self.put_sliver(*blob_id, pair, sliver_type, payload)?;
                blob.slivers.remove(&(pair, sliver_type));
            }
        }
        Ok(())
    }
}

/// Decodes a sliver whose metadata is not known yet; the body is bounded already.
fn decode_sliver(body: &[u8], sliver_type: SliverType) -> Result<Sliver, UploadError> {
    let decoded = match sliver_type {
        SliverType::Primary => bcs::from_bytes(body).map(Sliver::Primary),
        SliverType::Secondary => bcs::from_bytes(body).map(Sliver::Secondary),
    };
    decoded.map_err(UploadError::MalformedSliver)
}
