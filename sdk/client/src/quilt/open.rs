//! A quilt that is being read: its index, and its patches one by one. Client spec 1.10.7.

use std::{fmt, sync::Arc};

use futures::TryStreamExt as _;
use walrus_core::{
    BlobId, BlobMetadata,
    quilt::{Geometry, IndexReader, PatchColumns, QuiltIndex, QuiltPatch},
};

use super::{PatchBody, QuiltProblem, columns::Columns};
use crate::{ClientError, ReadBudget, Spool, limits, nodes::NodeCommittee};

/// A quilt, of which nothing but the index was read.
///
/// Each patch is read from its own slivers alone, each verified against the metadata of the quilt. That shows that they are what was
/// certified, not that the rest of the quilt can be read; [`Self::decode`] looks at all of it.
#[derive(Clone)]
pub struct Quilt {
    index: Arc<QuiltIndex>,
    columns: Arc<Columns>,
}

impl Quilt {
    /// Reads the index of a quilt from the nodes of a committee. Whatever is read of it shares the budget.
    ///
    /// # Errors
    /// [`ClientError::BlobIdDoesNotExist`], [`ClientError::NoMetadataReceived`], [`ClientError::NotEnoughSlivers`];
    /// [`ClientError::Quilt`] if the blob is no quilt.
    pub async fn open(
        committee: &NodeCommittee,
        quilt_id: BlobId,
        spool: &Spool,
        budget: &ReadBudget,
    ) -> Result<Self, ClientError> {
        let columns = Columns::open(committee, quilt_id, spool, budget).await?;
        let mut reader = IndexReader::new(columns.geometry);
        let mut asked = 0;
        while reader.wants().is_some() {
            // How many columns there are is known from the first one.
            let wanted = PatchColumns {
                start: asked,
                end: reader.needed(),
            };
            check_bytes(&columns, wanted.end)?;
            let mut coming = columns.stream(wanted);
            while let Some(column) = coming.try_next().await? {
                reader
                    .push(&column)
                    .map_err(|error| columns.unreadable(error))?;
            }
            asked = wanted.end;
        }
        let index = reader.finish().map_err(|error| columns.unreadable(error))?;
        Ok(Self {
            index: Arc::new(index),
            columns,
        })
    }

    /// The blob ID.
    pub fn id(&self) -> BlobId {
        self.columns.quilt_id()
    }

    /// Metadata of the blob, verified.
    pub fn metadata(&self) -> &BlobMetadata {
        self.columns.metadata()
    }

    /// Shape of the quilt.
    pub fn geometry(&self) -> &Geometry {
        &self.columns.geometry
    }

    /// The index.
    pub fn index(&self) -> &QuiltIndex {
        &self.index
    }

    /// All patches, in the order in which they lie in the quilt.
    pub fn patches(&self) -> &[QuiltPatch] {
        self.index.patches()
    }

    /// The first patch of this name.
    ///
    /// # Errors
    /// [`QuiltProblem::NoSuchIdentifier`].
    pub fn by_identifier(&self, identifier: &str) -> Result<&QuiltPatch, ClientError> {
        self.index.by_identifier(identifier).ok_or_else(|| {
            let (quilt_id, identifier) = (self.id(), identifier.to_owned());
            QuiltProblem::NoSuchIdentifier {
                quilt_id,
                identifier,
            }
            .into()
        })
    }

    /// The patch in exactly these columns.
    ///
    /// # Errors
    /// [`QuiltProblem::NoSuchPatch`].
    pub fn by_columns(&self, columns: PatchColumns) -> Result<&QuiltPatch, ClientError> {
        self.index.by_columns(columns).ok_or_else(|| {
            let quilt_id = self.id();
            QuiltProblem::NoSuchPatch { quilt_id, columns }.into()
        })
    }

    /// Begins to read a patch.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn read(&self, patch: &QuiltPatch) -> Result<PatchBody, ClientError> {
        PatchBody::in_columns(&self.columns, patch.columns).await
    }

    /// Reads the whole quilt and encodes it again, in memory or in a file of the spool: from then on patches come from there. For
    /// whoever wants all of them, this asks the nodes for the fewest bytes.
    ///
    /// # Errors
    /// [`ClientError`], [`ClientError::InvalidBlob`] if it was not encoded correctly.
    pub async fn decode(&self) -> Result<(), ClientError> {
        self.columns.decode().await.map(drop)
    }
}

impl fmt::Debug for Quilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quilt")
            .field("id", &self.id())
            .field("patches", &self.patches().len())
            .finish_non_exhaustive()
    }
}

/// That so many columns are no more than is read of an index.
fn check_bytes(columns: &Columns, end: u16) -> Result<(), ClientError> {
    let bytes = u64::from(end).saturating_sub(1) * columns.geometry.column_size() as u64;
    let max = limits::MAX_QUILT_INDEX_BYTES;
    if bytes <= max {
        return Ok(());
    }
    let quilt_id = columns.quilt_id();
    Err(QuiltProblem::IndexTooLarge {
        quilt_id,
        bytes,
        max,
    }
    .into())
}
