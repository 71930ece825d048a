//! Slivers of a blob on its way to the nodes.

use std::sync::Arc;

use bytes::Bytes;
use walrus_core::{
    SliverPairIndex, SliverType, VerifiedBlobMetadataWithId, encoder::EncodedBlob,
    sliver::SliverId, spool::SliverSpool,
};

use crate::NodeProblem;

/// An encoded blob: metadata, and slivers in memory or in a file. Cheap to clone; the file goes with the last clone.
#[derive(Debug, Clone)]
pub struct EncodedSlivers(Kept);

#[derive(Debug, Clone)]
enum Kept {
    Memory(Arc<EncodedBlob>),
    File(Arc<Spooled>),
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

    /// The metadata.
    pub fn metadata(&self) -> &VerifiedBlobMetadataWithId {
        match &self.0 {
            Kept::Memory(blob) => &blob.metadata,
            Kept::File(blob) => &blob.metadata,
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
