//! Body of a part: its bytes as they come.

use std::{fmt, ops::Range, path::Path};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::BoxStream};

use super::{RemoteBlob, rows::Rows};
use crate::{BlobContent, ClientError, Spool, disk::arriving};

/// A part of a blob as it comes, sliver by sliver.
pub struct RangeBody {
    range: Range<u64>,
    coming: BoxStream<'static, Result<Bytes, ClientError>>,
}

impl RangeBody {
    /// A range that lies within the blob.
    pub(super) fn new(blob: RemoteBlob, range: Range<u64>) -> Self {
        Self {
            range: range.clone(),
            coming: Rows::new(blob, range).into_stream().boxed(),
        }
    }

    /// A range whose bytes come so.
    pub(crate) fn of(
        range: Range<u64>,
        coming: BoxStream<'static, Result<Bytes, ClientError>>,
    ) -> Self {
        Self { range, coming }
    }

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
