//! Parts of a blob: nothing but the slivers that cover them is fetched. Client spec 1.10.5, 1.10.6 and 8.1.
//!
//! The source primary slivers, one after the other, are the blob. Each is verified against the metadata, which shows that the bytes are
//! those that were certified; the check of a whole read, that all of the blob is encoded as it should be, is not made.
//!
//! Parts are streams whose slivers share a budget of bytes, and a cache of slivers can be put before the nodes: what a gateway needs
//! that serves many at once.

mod body;
mod budget;
mod prove;
mod rows;
mod source;

use std::{fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;
use walrus_core::{BlobId, SliverIndex, SliverType, VerifiedBlobMetadataWithId};

pub(crate) use self::budget::Share;
use self::source::Source;
pub use self::{body::RangeBody, budget::ReadBudget};
use crate::{Client, ClientError, Spool, nodes::NodeCommittee, read::fetch_metadata};

/// Keeps verified source slivers that are asked for often.
pub trait SliverCache: Send + Sync {
    /// The sliver if it is kept; otherwise awaits `fetch`, once for all who ask for it at the same time.
    ///
    /// What is given are the bytes of the blob in the sliver, without the padding behind its end.
    fn sliver<'a>(
        &'a self,
        blob_id: &'a BlobId,
        index: SliverIndex,
        fetch: BoxFuture<'a, Result<Bytes, ClientError>>,
    ) -> BoxFuture<'a, Result<Bytes, ClientError>>;
}

/// A blob whose metadata was read, so that its length is known. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct RemoteBlob {
    source: Arc<Source>,
    budget: ReadBudget,
    cache: Option<Arc<dyn SliverCache>>,
}

impl RemoteBlob {
    /// Reads the metadata of a blob from the nodes of a committee.
    ///
    /// # Errors
    /// [`ClientError::BlobIdDoesNotExist`], [`ClientError::BlobIdBlocked`], [`ClientError::NoMetadataReceived`].
    pub async fn open(
        committee: &NodeCommittee,
        blob_id: BlobId,
        spool: &Spool,
    ) -> Result<Self, ClientError> {
        Self::open_of(None, committee, blob_id, spool).await
    }

    /// The same, of a network whose committees a client knows.
    pub(crate) async fn open_of(
        client: Option<Client>,
        committee: &NodeCommittee,
        blob_id: BlobId,
        spool: &Spool,
    ) -> Result<Self, ClientError> {
        let metadata = Arc::new(fetch_metadata(committee, &blob_id).await?);
        let source = Source::new(metadata, committee, client, spool.clone());
        Ok(Self {
            source: Arc::new(source),
            budget: ReadBudget::default(),
            cache: None,
        })
    }

    /// The same blob, with a budget that others share.
    #[must_use]
    pub fn with_budget(self, budget: ReadBudget) -> Self {
        Self { budget, ..self }
    }

    /// The same blob, asking a cache before the nodes.
    #[must_use]
    pub fn with_cache(self, cache: Arc<dyn SliverCache>) -> Self {
        let cache = Some(cache);
        Self { cache, ..self }
    }

    /// The same blob, with budget and cache of another one.
    pub(crate) fn like(self, other: &Self) -> Self {
        Self {
            budget: other.budget.clone(),
            cache: other.cache.clone(),
            ..self
        }
    }

    /// The blob ID.
    pub fn id(&self) -> BlobId {
        *self.metadata().blob_id()
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.metadata().unencoded_length()
    }

    /// The metadata, verified.
    pub fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        &self.source.metadata
    }

    /// Bytes of the blob in each source sliver; in the last ones there may be fewer.
    pub fn sliver_length(&self) -> u64 {
        let length = self.metadata().sliver_length(SliverType::Primary);
        (length as u64).max(1)
    }

    /// The bytes from `start` to before `end`; some slivers are asked for ahead of who reads. A range without bytes takes none.
    ///
    /// # Errors
    /// [`ClientError::RangeNotSatisfiable`] unless the range lies within the blob.
    pub fn range(&self, Range { start, end }: Range<u64>) -> Result<RangeBody, ClientError> {
        let length = self.length();
        if start > end || end > length {
            return Err(ClientError::RangeNotSatisfiable { start, end, length });
        }
        Ok(RangeBody::new(self.clone(), start..end))
    }

    /// The bytes of the blob in a source sliver, verified.
    ///
    /// # Errors
    /// [`ClientError`] if neither the sliver nor the blob can be had.
    pub async fn source_sliver(&self, index: SliverIndex) -> Result<Bytes, ClientError> {
        let fetch = self.source.sliver(index, self.bytes_of(index));
        match &self.cache {
            Some(cache) => {
                let blob_id = self.metadata().blob_id();
                cache.sliver(blob_id, index, Box::pin(fetch)).await
            }
            None => fetch.await,
        }
    }

    /// Where the bytes of a source sliver are in the blob.
    fn bytes_of(&self, index: SliverIndex) -> Range<u64> {
        let start = u64::from(index.0).saturating_mul(self.sliver_length());
        let end = start.saturating_add(self.sliver_length());
        start.min(self.length())..end.min(self.length())
    }
}

impl fmt::Debug for RemoteBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteBlob")
            .field("id", &self.id())
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}
