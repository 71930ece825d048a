//! Where the rows of a blob come from: their nodes, symbols of the others, or all of the blob, with whatever committee has them now.

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use walrus_core::{BlobId, Epoch, Primary, SliverIndex, VerifiedBlobMetadataWithId};

use crate::{
    Client, ClientError, ConsistencyCheck, Spool,
    nodes::NodeCommittee,
    read::{NamedSlivers, WholeBlob},
};

/// Where the rows come from, also after an epoch change.
pub(super) struct Source {
    pub(super) metadata: Arc<VerifiedBlobMetadataWithId>,
    /// Who knows the committees; without one, it is always the same.
    client: Option<Client>,
    spool: Spool,
    nodes: Mutex<Arc<Nodes>>,
}

/// The rows as one committee has them.
struct Nodes {
    epoch: Epoch,
    slivers: NamedSlivers<Primary>,
    whole: WholeBlob,
}

impl Source {
    pub(super) fn new(
        metadata: Arc<VerifiedBlobMetadataWithId>,
        committee: &NodeCommittee,
        client: Option<Client>,
        spool: Spool,
    ) -> Self {
        let nodes = Nodes::new(&metadata, committee, &spool);
        Self {
            metadata,
            client,
            spool,
            nodes: Mutex::new(Arc::new(nodes)),
        }
    }

    fn nodes(&self) -> Arc<Nodes> {
        let nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&nodes)
    }

    /// The bytes of the blob in a source sliver, which lie at `place` in it.
    ///
    /// # Errors
    /// [`ClientError`] if neither the sliver nor the blob can be had.
    pub(super) async fn sliver(
        &self,
        index: SliverIndex,
        place: Range<u64>,
    ) -> Result<Bytes, ClientError> {
        let nodes = self.nodes();
        let length = usize::try_from(place.end.saturating_sub(place.start)).unwrap_or(usize::MAX);
        if nodes.whole.is_read() {
            return nodes.whole.bytes(place.start, length).await;
        }
        let failed = match nodes.fetch(index, length).await {
            Err(ClientError::SliverUnavailable { failures, .. }) => failures.len(),
            result => return result,
        };
        let nodes = match self.after_change(&nodes).await {
            None => nodes,
            Some(fresh) => match fresh.fetch(index, length).await {
                Err(ClientError::SliverUnavailable { .. }) => fresh,
                result => return result,
            },
        };
        // Enough other slivers may still decode the blob.
        tracing::debug!(blob_id = %self.blob_id(), %index, failed, "the whole blob is read");
        nodes.whole.bytes(place.start, length).await
    }

    fn blob_id(&self) -> &BlobId {
        self.metadata.blob_id()
    }

    /// The rows as the committee has them that has followed, if one has.
    async fn after_change(&self, before: &Nodes) -> Option<Arc<Nodes>> {
        let client = self.client.as_ref()?;
        let view = client.refresh().await.ok()?;
        let committee = client.readers(&view, self.blob_id()).await.ok()?;
        if committee.epoch == before.epoch {
            return None;
        }
        let fresh = Arc::new(Nodes::new(&self.metadata, committee, &self.spool));
        let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
        *nodes = Arc::clone(&fresh);
        Some(fresh)
    }
}

impl Nodes {
    fn new(
        metadata: &Arc<VerifiedBlobMetadataWithId>,
        committee: &NodeCommittee,
        spool: &Spool,
    ) -> Self {
        let blob_id = *metadata.blob_id();
        let check = ConsistencyCheck::Default;
        Self {
            epoch: committee.epoch,
            slivers: NamedSlivers::new(committee.clone(), Arc::clone(metadata)),
            whole: WholeBlob::new(committee.clone(), blob_id, spool.clone(), check),
        }
    }

    /// The first `length` bytes of a sliver, all of which are verified.
    async fn fetch(&self, index: SliverIndex, length: usize) -> Result<Bytes, ClientError> {
        let sliver = self.slivers.fetch(index).await?;
        let mut bytes = Bytes::from(sliver.symbols.into_data());
        bytes.truncate(length);
        Ok(bytes)
    }
}
