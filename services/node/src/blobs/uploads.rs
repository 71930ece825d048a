//! Uploads: metadata and slivers, checked before they are stored. Node spec 1.6 and 1.9.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use walrus_core::{
    BlobId, BlobMetadata, ShardIndex, SliverIndex, SliverPairIndex, SliverType,
    UnverifiedBlobMetadataWithId, VerifiedBlobMetadataWithId,
    bounded_bcs::BcsError,
    metadata::MetadataError,
    sliver::{SliverError, SliverView},
};
use walrus_service::server::Caller;

use super::{
    Arrivals, Holdings, PairOutOfRange, PendingCache,
    pending::{Cached, PendingBlob},
    stripes::Stripes,
};
use crate::{
    limits::{SLIVER_HEADROOM, SMALL_UPLOAD},
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
    /// Held while slivers of a shard are looked for and written, so that nothing is written twice.
    pub(crate) writing: Stripes,
    /// Held while what waited for a registration is stored: meanwhile it is neither in the cache nor in the storage.
    pub(crate) flushing: Stripes,
}

impl Uploads {
    /// Looks whether metadata may be taken in, before its body is read; `pending` lets it wait for the registration of the blob.
    ///
    /// # Errors
    /// [`UploadError::InvalidBlob`], [`UploadError::NotRegistered`], or if the storage fails.
    pub async fn expect_metadata(&self, blob_id: BlobId, pending: bool) -> Result<(), UploadError> {
        let holdings = self.holdings.clone();
        let look = move || {
            let info = holdings.info(&blob_id)?;
            match info {
                Some(info) if info.is_invalid() => Err(UploadError::InvalidBlob),
                Some(info) if info.is_registered(holdings.epoch()) => Ok(()),
                _ if pending || holdings.metadata(&blob_id)?.is_some() => Ok(()),
                _ => Err(UploadError::NotRegistered),
            }
        };
        self.work.run(look).await
    }

    /// Looks whether a sliver may be taken in, before its body is read; returns the most bytes that body may have.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn expect_sliver(
        self: &Arc<Self>,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        pending: bool,
    ) -> Result<usize, UploadError> {
        let this = Arc::clone(self);
        let look = move || {
            let shard = this.holdings.shard_of(&blob_id, pair)?;
            let (metadata, _) = this.metadata_for_slivers(&blob_id, pending)?;
            this.check_assigned(shard)?;
            let length = metadata.sliver_bcs_length(sliver_type);
            Ok(length.saturating_add(SLIVER_HEADROOM))
        };
        self.work.run(look).await
    }

    /// Takes metadata in; `pending` lets it wait for the registration of the blob.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn store_metadata(
        self: &Arc<Self>,
        blob_id: BlobId,
        body: Bytes,
        pending: Option<Caller>,
    ) -> Result<Accepted, UploadError> {
        let this = Arc::clone(self);
        let store = move || this.store_metadata_blocking(blob_id, &body, pending);
        self.work.run(store).await
    }

    pub(super) fn store_metadata_blocking(
        &self,
        blob_id: BlobId,
        body: &[u8],
        pending: Option<Caller>,
    ) -> Result<Accepted, UploadError> {
        let Some((metadata, is_registered)) = self.check_metadata(blob_id, body)? else {
            return Ok(Accepted::Present);
        };
        if is_registered {
            self.holdings.storage().put_metadata(&metadata)?;
            self.count_metadata(&metadata);
            return Ok(Accepted::Stored);
        }
        let caller = pending.ok_or(UploadError::NotRegistered)?;
        match self.pending.insert_metadata(metadata, caller) {
            Cached::Saturated => return Err(UploadError::Saturated),
            Cached::Existing => return Ok(Accepted::Present),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(Accepted::Buffered)
    }

    /// Metadata that are not there yet, verified, and whether their blob is registered; nothing if they are there.
    pub(super) fn check_metadata(
        &self,
        blob_id: BlobId,
        body: &[u8],
    ) -> Result<Option<(VerifiedBlobMetadataWithId, bool)>, UploadError> {
        let (holdings, encoding) = (&self.holdings, self.holdings.encoding());
        let metadata =
            BlobMetadata::from_bcs(body, encoding).map_err(UploadError::MalformedMetadata)?;
        let info = holdings.info(&blob_id)?;
        if info.is_some_and(|info| info.is_invalid()) {
            return Err(UploadError::InvalidBlob);
        }
        let is_stored = holdings.storage().has_metadata(&blob_id, encoding)?;
        if is_stored || self.pending.metadata(&blob_id).is_some() {
            return Ok(None);
        }
        let metadata = UnverifiedBlobMetadataWithId::new(blob_id, metadata)
            .verify(encoding)
            .map_err(UploadError::InvalidMetadata)?;
        let epoch = holdings.epoch();
        let is_registered = info.is_some_and(|info| info.is_registered(epoch));
        Ok(Some((metadata, is_registered)))
    }

    /// Counts metadata that was stored.
    pub(super) fn count_metadata(&self, metadata: &VerifiedBlobMetadataWithId) {
        self.metrics.user.metadata_stored.inc();
        #[allow(clippy::cast_precision_loss)] // Sizes of blobs are far below 2^53.
        let bytes = metadata.unencoded_length() as f64;
        self.metrics.user.uploaded_bytes.observe(bytes);
    }

    /// Stores what is small and not there, with one synchronization; returns how many slivers these were.
    pub(super) fn put_small(
        &self,
        blob_id: BlobId,
        metadata: Option<&VerifiedBlobMetadataWithId>,
        slivers: &[(ShardIndex, SliverType, &[u8])],
    ) -> Result<usize, UploadError> {
        let storage = self.holdings.storage();
        let stored = storage.put_together(&blob_id, metadata, slivers)?;
        if let Some(metadata) = metadata {
            self.count_metadata(metadata);
        }
        if !stored.is_empty() {
            self.arrivals.note(blob_id, Instant::now());
        }
        for sliver_type in &stored {
            self.metrics.user.sliver_stored(*sliver_type);
        }
        Ok(stored.len())
    }

    /// Takes a sliver in, which `caller` sends; `body` is its BCS form without tag. `pending` lets it wait for the registration of
    /// the blob.
    ///
    /// # Errors
    /// [`UploadError`].
    pub async fn store_sliver(
        self: &Arc<Self>,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: Bytes,
        (caller, pending): (Caller, bool),
    ) -> Result<Accepted, UploadError> {
        let this = Arc::clone(self);
        let store = move || {
            let sender = (caller, pending);
            this.store_sliver_blocking(blob_id, pair, sliver_type, &body, sender)
        };
        self.work.run(store).await
    }

    fn store_sliver_blocking(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: &[u8],
        (caller, pending): (Caller, bool),
    ) -> Result<Accepted, UploadError> {
        let sliver = view_sliver(body, sliver_type)?;
        let shard = self.check_place(blob_id, pair, sliver_type, sliver.index())?;
        let (metadata, is_persisted) = self.metadata_for_slivers(&blob_id, pending)?;
        self.check_assigned(shard)?;
        if self
            .holdings
            .storage()
            .has_sliver(shard, &blob_id, sliver_type)?
        {
            return Ok(Accepted::Present);
        }
        sliver
            .verify(&metadata)
            .map_err(UploadError::InvalidSliver)?;
        if is_persisted {
            if !self.holdings.is_registered(&blob_id)? {
                return Err(UploadError::NotRegistered);
            }
            let stored = if body.len() <= SMALL_UPLOAD {
                self.put_small(blob_id, None, &[(shard, sliver_type, body)])?
            } else {
                self.put_absent(blob_id, shard, &[(sliver_type, body)])?
            };
            return Ok(if stored == 0 {
                Accepted::Present
            } else {
                Accepted::Stored
            });
        }
        match self
            .pending
            .insert_sliver(blob_id, pair, sliver_type, body.to_vec(), caller)
        {
            Cached::Saturated => return Err(UploadError::Saturated),
            Cached::Existing => return Ok(Accepted::Present),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(Accepted::Buffered)
    }

    /// What slivers of a blob are checked against, and whether it is stored; else it waits for the registration, too.
    pub(super) fn metadata_for_slivers(
        &self,
        blob_id: &BlobId,
        pending: bool,
    ) -> Result<(VerifiedBlobMetadataWithId, bool), UploadError> {
        if let Some(metadata) = self.holdings.metadata(blob_id)? {
            if !pending && !self.holdings.is_registered(blob_id)? {
                return Err(UploadError::NotRegistered);
            }
            return Ok((metadata, true));
        }
        match self.pending.metadata(blob_id) {
            Some(metadata) => Ok((metadata, false)),
            None if pending || self.holdings.is_registered(blob_id)? => {
                Err(UploadError::MetadataRequired)
            }
            None => Err(UploadError::NotRegistered),
        }
    }

    /// Whether the node takes slivers of a shard in.
    pub(super) fn check_assigned(&self, shard: ShardIndex) -> Result<(), UploadError> {
        match self.holdings.storage().shard_state(shard) {
            None | Some(ShardState::Locked) => Err(UploadError::NotAssigned(shard)),
            Some(ShardState::Active | ShardState::Recovering) => Ok(()),
        }
    }

    /// The shard of a sliver, after the check that it is the one of its pair.
    pub(super) fn check_place(
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

    /// Stores those slivers of one shard that are not there, in one append; returns how many these were.
    pub(super) fn put_absent(
        &self,
        blob_id: BlobId,
        shard: ShardIndex,
        slivers: &[(SliverType, &[u8])],
    ) -> Result<usize, UploadError> {
        let storage = self.holdings.storage();
        let _writing = self.writing.of_shard(shard);
        let mut absent = Vec::with_capacity(slivers.len());
        for (sliver_type, payload) in slivers {
            if !storage.has_sliver(shard, &blob_id, *sliver_type)? {
                absent.push(NewSliver {
                    blob_id,
                    sliver_type: *sliver_type,
                    payload,
                });
            }
        }
        if !absent.is_empty() {
            storage.put_slivers(shard, &absent)?;
            self.arrivals.note(blob_id, Instant::now());
            for sliver in &absent {
                self.metrics.user.sliver_stored(sliver.sliver_type);
            }
        }
        Ok(absent.len())
    }

    /// Stores what is cached of a blob, if it is registered by now. Whoever comes while that is being done waits for it.
    pub(crate) fn flush_if_registered(&self, blob_id: &BlobId) -> Result<(), UploadError> {
        let _flushing = self.flushing.of_blob(blob_id);
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
        let bytes = blob.slivers.values().map(|piece| piece.content.len());
        if bytes.sum::<usize>() <= SMALL_UPLOAD {
            return self.flush_small(blob_id, blob, persisted);
        }
        match &blob.metadata {
            Some(metadata) if !persisted => {
                self.holdings.storage().put_metadata(&metadata.content)?;
            }
            None if !persisted => return Err(UploadError::NotRegistered),
            _ => {}
        }
        blob.metadata = None;
        let mut pairs: Vec<_> = blob.slivers.keys().map(|(pair, _)| *pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        for pair in pairs {
            let shard = self.holdings.shard_of(blob_id, pair)?;
            let both = [SliverType::Primary, SliverType::Secondary];
            let of_pair =
                both.map(|sliver_type| (sliver_type, blob.slivers.get(&(pair, sliver_type))));
            let slivers: Vec<_> = of_pair
                .into_iter()
                .filter_map(|(sliver_type, piece)| Some((sliver_type, piece?.content.as_slice())))
                .collect();
            self.put_absent(*blob_id, shard, &slivers)?;
            blob.slivers.retain(|(stored, _), _| *stored != pair);
        }
        Ok(())
    }
}

impl Uploads {
    /// Stores cached data that is small, with one synchronization.
    fn flush_small(
        &self,
        blob_id: &BlobId,
        blob: &mut PendingBlob,
        persisted: bool,
    ) -> Result<(), UploadError> {
        let metadata = blob.metadata.as_ref().filter(|_| !persisted);
        if metadata.is_none() && !persisted {
            return Err(UploadError::NotRegistered);
        }
        let mut slivers = Vec::with_capacity(blob.slivers.len());
        for ((pair, sliver_type), piece) in &blob.slivers {
            let shard = self.holdings.shard_of(blob_id, *pair)?;
            slivers.push((shard, *sliver_type, piece.content.as_slice()));
        }
        let metadata = metadata.map(|piece| &piece.content);
        self.put_small(*blob_id, metadata, &slivers)?;
        blob.metadata = None;
        blob.slivers.clear();
        Ok(())
    }
}

/// Looks at a sliver whose metadata is not known yet; the body is bounded already, and is written as it came.
pub(super) fn view_sliver(
    body: &[u8],
    sliver_type: SliverType,
) -> Result<SliverView<'_>, UploadError> {
    SliverView::new(body, sliver_type).map_err(UploadError::MalformedSliver)
}
