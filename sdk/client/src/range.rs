//! Parts of a blob: nothing but the slivers that cover them is fetched. Client spec 1.10.5 and 1.10.6.
//!
//! The source primary slivers, one after the other, are the blob. Each is verified against the metadata, which shows that the bytes are
//! those that were certified; the check of a whole read, that all of the blob is encoded as it should be, is not made.

use std::{fmt, ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use walrus_core::{BlobId, Primary, SliverIndex, SliverType};

use crate::{
    BlobContent, ClientError, ConsistencyCheck, Spool,
    disk::arriving,
    nodes::NodeCommittee,
    read::{NamedSlivers, WholeBlob, fetch_metadata},
};

/// A blob whose metadata was read, so that its length is known.
#[derive(Clone)]
pub struct RemoteBlob {
    parts: Arc<Parts>,
}

/// Where the parts of a blob come from.
struct Parts {
    slivers: NamedSlivers<Primary>,
    whole: WholeBlob,
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
        let metadata = Arc::new(fetch_metadata(committee, &blob_id).await?);
        let check = ConsistencyCheck::Default;
        let parts = Parts {
            slivers: NamedSlivers::new(committee.clone(), metadata),
            whole: WholeBlob::new(committee.clone(), blob_id, spool.clone(), check),
        };
        Ok(Self {
            parts: Arc::new(parts),
        })
    }

    /// The blob ID.
    pub fn id(&self) -> BlobId {
        *self.parts.slivers.blob_id()
    }

    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.parts.slivers.unencoded_length()
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
        let slivers = &self.parts.slivers;
        let sliver = slivers.metadata().sliver_length(SliverType::Primary).max(1) as u64;
        let first = start / sliver;
        let after = if start == end {
            first
        } else {
            end.div_ceil(sliver)
        };
        let shared = Arc::clone(&self.parts);
        let coming = futures::stream::iter(first..after)
            .map(move |index| {
                let shared = Arc::clone(&shared);
                async move { shared.part(index, sliver, start..end).await }
            })
            .buffered(slivers.at_once());
        Ok(RangeBody {
            range: start..end,
            coming: coming.boxed(),
        })
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

impl Parts {
    /// What a sliver of `size` bytes has of a range.
    async fn part(&self, index: u64, size: u64, wanted: Range<u64>) -> Result<Bytes, ClientError> {
        let offset = index.saturating_mul(size);
        let start = wanted.start.max(offset);
        let end = wanted.end.min(offset.saturating_add(size));
        let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        if self.whole.is_read() {
            return self.whole.bytes(start, length).await;
        }
        // Below the number of source slivers, since it lies within the blob.
        let index = SliverIndex(u16::try_from(index).unwrap_or(u16::MAX));
        match self.slivers.fetch(index).await {
            Ok(sliver) => {
                let bytes = Bytes::from(sliver.symbols.into_data());
                let from = usize::try_from(start.saturating_sub(offset)).unwrap_or(usize::MAX);
                let from = from.min(bytes.len());
                let to = from.saturating_add(length).min(bytes.len());
                Ok(bytes.slice(from..to))
            }
            // Enough other slivers may still decode the blob.
            Err(ClientError::SliverUnavailable { failures, .. }) => {
                tracing::debug!(%index, failures = failures.len(), "the whole blob is read");
                self.whole.bytes(start, length).await
            }
            Err(error) => Err(error),
        }
    }
}

/// A part of a blob as it comes, sliver by sliver.
pub struct RangeBody {
    range: Range<u64>,
    coming: BoxStream<'static, Result<Bytes, ClientError>>,
}

impl RangeBody {
    /// Which bytes of the blob these are.
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// How many bytes these are.
    pub fn length(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// The next bytes; `None` after the last ones.
    ///
    /// # Errors
    /// [`ClientError`] if a sliver cannot be had; then what came before is not all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.coming.next().await.transpose()
    }

    /// All bytes in memory.
    ///
    /// # Errors
    /// As for [`Self::next`].
    pub async fn into_bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Writes them into a regular file, which is there with all of them or not at all.
    ///
    /// # Errors
    /// As for [`Self::next`]; [`ClientError::Output`] if the file cannot be written, which is looked at first.
    pub async fn to_file(self, path: &Path) -> Result<(), ClientError> {
        let length = self.length();
        arriving::to_file(self.into_stream(), length, path).await
    }

    /// The bytes in memory if they are few, otherwise in a file without a name.
    ///
    /// # Errors
    /// As for [`Self::next`]; [`ClientError::Spool`] if there is no room.
    pub async fn content(self, spool: &Spool) -> Result<BlobContent, ClientError> {
        let length = self.length();
        arriving::to_content(self.into_stream(), length, spool).await
    }

    /// The bytes as a stream that ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send + use<> {
        futures::stream::try_unfold(self, |mut body| async move {
            let piece = body.next().await?;
            Ok(piece.map(|piece| (piece, body)))
        })
    }
}

impl fmt::Debug for RangeBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RangeBody")
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}
