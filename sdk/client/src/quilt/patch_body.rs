//! Body of a patch: its bytes as they come, column by column.

use std::{fmt, path::Path, sync::Arc};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::BoxStream};
use walrus_core::quilt::{PatchColumns, PatchHead, PatchReader, QuiltPatchId};

use super::{QuiltProblem, columns::Columns};
use crate::{BlobContent, ClientError, ReadBudget, Spool, disk::arriving, nodes::NodeCommittee};

/// A patch whose head was read, and whose bytes follow. Of its columns only a few are in memory.
pub struct PatchBody {
    id: QuiltPatchId,
    head: PatchHead,
    columns: Arc<Columns>,
    reader: PatchReader,
    coming: BoxStream<'static, Result<Bytes, ClientError>>,
    /// What came together with the head.
    first: Bytes,
}

impl PatchBody {
    /// Begins to read a patch by its ID, without the index of its quilt, from the nodes of a committee. Its columns share the budget.
    ///
    /// # Errors
    /// [`ClientError::BlobIdDoesNotExist`], [`ClientError::NoMetadataReceived`], [`ClientError::SliverUnavailable`],
    /// [`ClientError::NotEnoughSlivers`]; [`ClientError::Quilt`] if there is no such patch.
    pub async fn open(
        committee: &NodeCommittee,
        id: QuiltPatchId,
        spool: &Spool,
        budget: &ReadBudget,
    ) -> Result<Self, ClientError> {
        let columns = Columns::open(committee, id.quilt_id, spool, budget).await?;
        Self::in_columns(&columns, id.columns).await
    }

    /// Reads columns until the head is complete.
    pub(super) async fn in_columns(
        columns: &Arc<Columns>,
        place: PatchColumns,
    ) -> Result<Self, ClientError> {
        let unreadable = |error| columns.unreadable(error);
        let mut reader = PatchReader::new(columns.geometry, place).map_err(unreadable)?;
        let mut coming = columns.stream(place);
        loop {
            let column = next(&mut coming, &reader, columns).await?;
            let data = reader.push(&column).map_err(unreadable)?;
            let first = column.slice_ref(data);
            if let Some(head) = reader.head() {
                if first.is_empty() && reader.wants().is_none() {
                    coming = nothing();
                }
                return Ok(Self {
                    id: QuiltPatchId {
                        quilt_id: columns.quilt_id(),
                        columns: place,
                    },
                    head: head.clone(),
                    columns: Arc::clone(columns),
                    reader,
                    coming,
                    first,
                });
            }
        }
    }

    /// Its ID.
    pub fn id(&self) -> QuiltPatchId {
        self.id
    }

    /// Its name, tags and length.
    pub fn head(&self) -> &PatchHead {
        &self.head
    }

    /// The next bytes, which are not empty; `None` after the last ones.
    ///
    /// # Errors
    /// [`ClientError`] if a column cannot be had; then what came before is not all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        let mut piece = std::mem::take(&mut self.first);
        while piece.is_empty() && self.reader.wants().is_some() {
            let column = next(&mut self.coming, &self.reader, &self.columns).await?;
            let data = self.reader.push(&column);
            let data = data.map_err(|error| self.columns.unreadable(error))?;
            piece = column.slice_ref(data);
        }
        if self.reader.wants().is_none() {
            // Whoever has all of it holds no room while they wait for the next one.
            self.coming = nothing();
        }
        Ok((!piece.is_empty()).then_some(piece))
    }

    /// All bytes in memory, if they are at most so many.
    ///
    /// # Errors
    /// As for [`Self::next`]; [`QuiltProblem::PatchTooLarge`].
    pub async fn into_bytes(mut self, max: u64) -> Result<Vec<u8>, ClientError> {
        let size = self.head.data_length;
        if size > max {
            let identifier = self.head.identifier;
            return Err(QuiltProblem::PatchTooLarge {
                identifier,
                size,
                max,
            }
            .into());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.next().await? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// Writes the patch into a regular file, which is there with all bytes or not at all: until then a file that was there before
    /// stays.
    ///
    /// # Errors
    /// As for [`Self::next`]; [`ClientError::Output`] if the file cannot be written, which is looked at first.
    pub async fn to_file(self, path: &Path) -> Result<(), ClientError> {
        let length = self.head.data_length;
        arriving::to_file(self.into_stream(), length, path).await
    }

    /// The patch in memory if it is small, otherwise in a file without a name.
    ///
    /// # Errors
    /// As for [`Self::next`]; [`ClientError::Spool`] if there is no room.
    pub async fn content(self, spool: &Spool) -> Result<BlobContent, ClientError> {
        let length = self.head.data_length;
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

impl fmt::Debug for PatchBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PatchBody")
            .field("id", &self.id)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

/// What comes behind the last column.
fn nothing() -> BoxStream<'static, Result<Bytes, ClientError>> {
    futures::stream::empty().boxed()
}

async fn next(
    coming: &mut BoxStream<'static, Result<Bytes, ClientError>>,
    reader: &PatchReader,
    columns: &Columns,
) -> Result<Bytes, ClientError> {
    match coming.next().await {
        Some(column) => column,
        // The patch says that it goes on, and there are no more columns.
        None => {
            let missing = reader.clone().finish();
            Err(missing.err().map_or_else(
                || ClientError::Interrupted("a patch ended twice".to_owned()),
                |error| columns.unreadable(error),
            ))
        }
    }
}
