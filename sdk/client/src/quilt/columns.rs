//! Columns of a quilt: secondary slivers, or parts of the whole blob where those cannot be had. Client spec 1.10.7.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use walrus_core::{
    BlobId, BlobMetadata, Secondary, SliverIndex,
    quilt::{Geometry, PatchColumns, QuiltError},
};

use super::{QuiltProblem, ahead::Ahead};
use crate::{
    ClientError, ConsistencyCheck, ReadBudget, Spool,
    content::OpenBlob,
    nodes::NodeCommittee,
    read::{NamedSlivers, WholeBlob, fetch_metadata},
};

/// Where the columns of a quilt come from.
pub(super) struct Columns {
    slivers: NamedSlivers<Secondary>,
    pub(super) geometry: Geometry,
    whole: WholeBlob,
    /// What columns count towards that were fetched and not yet handed out.
    pub(super) budget: ReadBudget,
}

impl Columns {
    /// Reads the metadata of the blob.
    pub(super) async fn open(
        committee: &NodeCommittee,
        quilt_id: BlobId,
        spool: &Spool,
        budget: &ReadBudget,
    ) -> Result<Arc<Self>, ClientError> {
        let metadata = Arc::new(fetch_metadata(committee, &quilt_id).await?);
        let slivers = NamedSlivers::<Secondary>::new(committee.clone(), metadata);
        let geometry = Geometry::of_quilt(*slivers.config(), slivers.unencoded_length());
        let geometry = geometry.map_err(|source| QuiltProblem::Unreadable { quilt_id, source })?;
        Ok(Arc::new(Self {
            slivers,
            geometry,
            whole: WholeBlob::new(
                committee.clone(),
                quilt_id,
                spool.clone(),
                ConsistencyCheck::Strict,
            ),
            budget: budget.clone(),
        }))
    }

    pub(super) fn quilt_id(&self) -> BlobId {
        *self.slivers.blob_id()
    }

    pub(super) fn metadata(&self) -> &BlobMetadata {
        self.slivers.metadata().metadata()
    }

    /// Columns in order, some of them ahead.
    pub(super) fn stream(
        self: &Arc<Self>,
        columns: PatchColumns,
    ) -> BoxStream<'static, Result<Bytes, ClientError>> {
        Ahead::new(Arc::clone(self), columns.start..columns.end)
            .into_stream()
            .boxed()
    }

    /// How many are asked for at the same time.
    pub(super) fn at_once(&self) -> usize {
        self.slivers.at_once()
    }

    pub(super) async fn get(&self, column: u16) -> Result<Bytes, ClientError> {
        if self.whole.is_read() {
            return self.of_whole(column).await;
        }
        match self.slivers.fetch(SliverIndex(column)).await {
            Ok(sliver) => Ok(sliver.symbols.into_data().into()),
            // Enough other slivers may still decode the blob.
            Err(ClientError::SliverUnavailable { failures, .. }) => {
                tracing::debug!(quilt_id = %self.quilt_id(), column, failures = failures.len(), "the whole quilt is read");
                self.of_whole(column).await
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the whole blob, with the strict check, unless that was done.
    pub(super) async fn decode(&self) -> Result<Arc<OpenBlob>, ClientError> {
        self.whole.read().await
    }

    async fn of_whole(&self, column: u16) -> Result<Bytes, ClientError> {
        let (whole, geometry) = (self.decode().await?, self.geometry);
        let read = move || {
            let mut bytes = vec![0; geometry.column_size()];
            whole.with_source(|source| geometry.read_column(source, column, &mut bytes))?;
            Ok::<_, QuiltError>(bytes.into())
        };
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|error| ClientError::Interrupted(error.to_string()))?
            .map_err(|source| self.unreadable(source))
    }

    /// The error of a blob that is no quilt.
    pub(super) fn unreadable(&self, source: QuiltError) -> ClientError {
        let quilt_id = self.quilt_id();
        QuiltProblem::Unreadable { quilt_id, source }.into()
    }
}
