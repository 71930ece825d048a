//! Upload to one node, piece by piece: the metadata, then the slivers of its shards. Client spec 1.6.2.

use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;
use walrus_core::{BlobId, SliverPairIndex, SliverType, messages::BlobPersistence};
use walrus_node_client::{NodeClient, Stored, StoredOnNodeStatus};

use super::slivers::EncodedSlivers;
use crate::{
    NodeProblem, Spool, Tuning, limits,
    nodes::StorageNode,
    patience::{persist, within},
};

/// A blob on its way to the nodes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobUpload {
    /// The slivers and the metadata.
    pub blob: EncodedSlivers,
    /// Whether it may be deleted, and as which object it is registered.
    pub persistence: BlobPersistence,
    /// The nodes hold their slivers already, so only confirmations are missing. Client spec 1.6.1.
    pub stored_already: bool,
    /// Nodes may hold some of it, because an earlier upload was cut off: each is asked before it is sent anything.
    pub resumes: bool,
    /// Bounds the slivers on their way at the same time, among all nodes and blobs.
    pub permits: Arc<Semaphore>,
}

impl BlobUpload {
    /// An upload on its own.
    pub fn new(blob: impl Into<EncodedSlivers>, persistence: BlobPersistence) -> Self {
        let blob = blob.into();
        let permits = upload_permits([&blob], &Tuning::default(), Spool::IN_MEMORY);
        Self {
            blob,
            persistence,
            stored_already: false,
            resumes: false,
            permits,
        }
    }

    /// The blob's ID.
    pub fn blob_id(&self) -> &BlobId {
        self.blob.metadata().blob_id()
    }
}

/// How many slivers of these blobs may be on their way at the same time. Client spec 1.6.5. Of those that are not in memory anyhow there are no
/// more than `in_memory` bytes.
pub(crate) fn upload_permits<'a>(
    blobs: impl IntoIterator<Item = &'a EncodedSlivers>,
    tuning: &Tuning,
    in_memory: u64,
) -> Arc<Semaphore> {
    let (mut sliver, mut bytes) = (1, tuning.max_data_in_flight);
    for blob in blobs {
        sliver = sliver.max(blob.metadata().sliver_length(SliverType::Primary));
        if !blob.is_in_memory() {
            bytes = bytes.min(usize::try_from(in_memory).unwrap_or(usize::MAX));
        }
    }
    let permits = (bytes / sliver).clamp(1, tuning.max_concurrent_writes);
    Arc::new(Semaphore::new(permits))
}

/// Sends a node the metadata. The request is repeated as long as that makes sense.
pub(super) async fn send_metadata(
    node: &StorageNode,
    upload: &BlobUpload,
) -> Result<Stored, NodeProblem> {
    let client = node.client()?;
    let metadata = upload.blob.metadata();
    persist(|| {
        let request = client.store_metadata(metadata.blob_id(), metadata.metadata());
        within(limits::SMALL_REQUEST, request)
    })
    .await
}

/// Sends a node, which has the metadata, its slivers of a blob. Each request is repeated as long as that makes sense; the first one
/// that does not succeed fails the node. `on_sent` hears of every sliver that the node has then, with its length in bytes.
pub(super) async fn send_slivers<F: Future<Output = ()>>(
    node: &StorageNode,
    upload: &BlobUpload,
    stored: Stored,
    on_sent: impl Fn(u64) -> F,
) -> Result<(), NodeProblem> {
    let client = node.client()?;
    let metadata = upload.blob.metadata();
    let tuning = node.tuning();
    // Smaller ones are sent sooner than asked for.
    let ask_from = (stored == Stored::Existing).then_some(tuning.sliver_status_check_threshold);
    let slivers = node
        .pairs(metadata.blob_id(), metadata.n_shards())
        .into_iter()
        .flat_map(|pair| [(pair, SliverType::Primary), (pair, SliverType::Secondary)]);
    futures::stream::iter(slivers)
        .map(|(pair, sliver_type)| {
            let sent = on_sent(metadata.sliver_length(sliver_type) as u64);
            async move {
                send_sliver(client, upload, pair, sliver_type, ask_from).await?;
                sent.await;
                Ok(())
            }
        })
        .buffer_unordered(tuning.max_node_connections)
        .try_collect::<()>()
        .await
}

async fn send_sliver(
    client: &NodeClient,
    upload: &BlobUpload,
    pair: SliverPairIndex,
    sliver_type: SliverType,
    ask_from: Option<usize>,
) -> Result<(), NodeProblem> {
    let metadata = upload.blob.metadata();
    let blob_id = metadata.blob_id();
    if ask_from.is_some_and(|least| metadata.sliver_length(sliver_type) >= least) {
        let request = client.sliver_status(blob_id, pair, sliver_type);
        let status = within(limits::SMALL_REQUEST, request).await;
        if matches!(
            status,
            Ok(StoredOnNodeStatus::Stored | StoredOnNodeStatus::Buffered)
        ) {
            return Ok(());
        }
    }
    persist(|| async {
        // Held for the request alone, not for the pauses between tries.
        let _permit = upload.permits.acquire().await;
        let bytes = upload.blob.sliver(pair, sliver_type).await?;
        client
            .store_sliver(blob_id, pair, sliver_type, bytes)
            .await
            .map_err(NodeProblem::from)
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use walrus_core::{EncodingConfig, encoder::BlobEncoder};

    use super::*;

    #[test]
    fn both_limits_bound_the_slivers_on_their_way() {
        let config = EncodingConfig::new(12).unwrap();
        let encoded = BlobEncoder::new(config, b"blob").unwrap().encode().unwrap();
        let blob = EncodedSlivers::from(Arc::new(encoded));
        let permits = |tuning| upload_permits([&blob], &tuning, 0).available_permits();
        let default = Tuning::default();
        assert_eq!(permits(default), default.max_concurrent_writes);
        let few = Tuning {
            max_concurrent_writes: 3,
            ..default
        };
        assert_eq!(permits(few), 3);
        let little = Tuning {
            max_data_in_flight: 1,
            ..default
        };
        assert_eq!(permits(little), 1);
    }

    #[tokio::test]
    async fn those_of_a_file_are_bounded_by_memory() {
        let config = EncodingConfig::new(12).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::in_directory(directory.path());
        let blob = vec![7; 10_000];
        let blob = EncodedSlivers::made_when_taken(blob, config, spool, 0);
        let blob = blob.await.unwrap();
        let sliver = blob.metadata().sliver_length(SliverType::Primary) as u64;
        let permits = upload_permits([&blob], &Tuning::default(), 5 * sliver + 1);
        assert_eq!(permits.available_permits(), 5);
    }
}
