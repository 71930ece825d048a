//! Slivers of a blob on its way to the nodes.

use std::sync::Arc;

use bytes::Bytes;
use walrus_core::{
    EncodingConfig, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId, encoder::EncodedBlob,
    sliver::SliverId, spool::SliverSpool,
};

use super::{Unencoded, on_demand::OnDemand};
use crate::{BlobData, ClientError, NodeProblem, Spool};

/// An encoded blob: metadata, and slivers in memory, in a file, or made when they are wanted. Cheap to clone; the file goes with the
/// last clone.
#[derive(Debug, Clone)]
pub struct EncodedSlivers(Kept);

#[derive(Debug, Clone)]
enum Kept {
    Memory(Arc<EncodedBlob>),
    File(Arc<Spooled>),
    OnDemand(Arc<OnDemand>),
}

#[derive(Debug)]
struct Spooled {
    metadata: VerifiedBlobMetadataWithId,
    spool: SliverSpool,
}

impl From<Arc<EncodedBlob>> for EncodedSlivers {
    fn from(blob: Arc<EncodedBlob>) -> Self {
        Self(Kept::Memory(blob))
    }
}

impl EncodedSlivers {
    /// A blob that was encoded into `spool`, which gave `metadata`.
    pub fn spooled(metadata: VerifiedBlobMetadataWithId, spool: SliverSpool) -> Self {
        Self(Kept::File(Arc::new(Spooled { metadata, spool })))
    }

    /// Finds out what a blob is. No slivers are kept: they are made when nodes take them, and those that wait to be sent take `budget`
    /// bytes of memory, or as much as four of them. Nodes that take one sliver a request get them from a file in the spool.
    ///
    /// # Errors
    /// [`ClientError::Unreadable`], [`ClientError::BlobTooLarge`].
    pub async fn made_when_taken(
        data: impl Into<BlobData>,
        config: EncodingConfig,
        spool: Spool,
        budget: usize,
    ) -> Result<Self, ClientError> {
        let blob = Unencoded::new("the blob".to_owned(), data.into(), config)?;
        blob.encode_on_demand(spool, budget, |_| {}).await
    }

    /// A blob of which no slivers are kept.
    pub(super) fn on_demand(blob: OnDemand) -> Self {
        Self(Kept::OnDemand(Arc::new(blob)))
    }

    /// The blob, if no slivers of it are kept: they come in the order in which they are made.
    pub(super) fn made_on_demand(&self) -> Option<&Arc<OnDemand>> {
        match &self.0 {
            Kept::OnDemand(blob) => Some(blob),
            Kept::Memory(_) | Kept::File(_) => None,
        }
    }

    /// Whether all slivers are in memory, so that sending them takes none.
    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.0, Kept::Memory(_))
    }

    /// The metadata.
    pub fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        match &self.0 {
            Kept::Memory(blob) => &blob.metadata,
            Kept::File(blob) => &blob.metadata,
            Kept::OnDemand(blob) => blob.metadata(),
        }
    }

    /// Bytes of all slivers.
    pub(super) fn sliver_bytes(&self) -> u64 {
        let metadata = self.metadata();
        let pair = [SliverType::Primary, SliverType::Secondary]
            .map(|sliver_type| metadata.sliver_length(sliver_type) as u64)
            .iter()
            .sum::<u64>();
        pair.saturating_mul(u64::from(metadata.n_shards()))
    }

    /// The BCS of a sliver, as nodes take it.
    pub(super) async fn sliver(
        &self,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<Bytes, NodeProblem> {
        match &self.0 {
            Kept::Memory(blob) => from_memory(blob, pair, sliver_type),
            Kept::OnDemand(blob) => {
                let index = pair.to_sliver_index(sliver_type, blob.metadata().n_shards());
                blob.spooled(SliverId::new(sliver_type, index)).await
            }
            Kept::File(blob) => {
                let blob = Arc::clone(blob);
                let read = tokio::task::spawn_blocking(move || blob.read(pair, sliver_type));
                let unread = |error: &dyn std::fmt::Display| {
                    NodeProblem::NothingToSend(format!("the sliver cannot be read again: {error}"))
                };
                let bytes = read.await.map_err(|error| unread(&error))?;
                bytes.map_err(|error| unread(&error))
            }
        }
    }
}

impl Spooled {
    fn read(&self, pair: SliverPairIndex, sliver_type: SliverType) -> std::io::Result<Bytes> {
        let index = pair.to_sliver_index(sliver_type, self.metadata.n_shards());
        let bytes = self.spool.to_bcs(SliverId::new(sliver_type, index))?;
        Ok(bytes.into())
    }
}

fn from_memory(
    blob: &EncodedBlob,
    pair: SliverPairIndex,
    sliver_type: SliverType,
) -> Result<Bytes, NodeProblem> {
    let slivers = blob.pairs.get(pair.as_usize()).ok_or_else(|| {
        NodeProblem::NothingToSend(format!(
            "the committee has a shard for pair {pair}, the blob has none"
        ))
    })?;
    Ok(match sliver_type {
        SliverType::Primary => slivers.primary.to_bcs(),
        SliverType::Secondary => slivers.secondary.to_bcs(),
    }
    .into())
}
