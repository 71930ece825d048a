//! What one node gets of a blob: the metadata, then the slivers of its shards. Client spec 1.6.2.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;
use walrus_core::{
    BlobId, SliverPairIndex, SliverType, encoder::EncodedBlob, messages::BlobPersistence,
};
use walrus_node_client::{NodeClient, Stored, StoredOnNodeStatus};

use crate::{
    limits,
    nodes::StorageNode,
    patience::{RequestError, persist, within},
};

/// Below this many bytes, asking whether a node has a sliver costs more than sending it. Client spec 1.6.2.
const STATUS_CHECK_BYTES: usize = 5560;

/// A blob on its way to the nodes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BlobUpload {
    /// The slivers and the metadata.
    pub blob: Arc<EncodedBlob>,
    /// Whether it may be deleted, and as which object it is registered.
    pub persistence: BlobPersistence,
    /// The nodes hold their slivers already, so only confirmations are missing. Client spec 1.6.1.
    pub stored_already: bool,
    /// Bounds the slivers on their way at the same time, among all nodes and blobs.
    pub permits: Arc<Semaphore>,
}

impl BlobUpload {
    /// An upload on its own.
    pub fn new(blob: Arc<EncodedBlob>, persistence: BlobPersistence) -> Self {
        let permits = upload_permits([&*blob]);
        Self {
            blob,
            persistence,
            stored_already: false,
            permits,
        }
    }

    /// The blob's ID.
    pub fn blob_id(&self) -> &BlobId {
        self.blob.metadata.blob_id()
    }
}

/// How many slivers of these blobs may be on their way at the same time. Client spec 1.6.5.
pub(crate) fn upload_permits<'a>(
    blobs: impl IntoIterator<Item = &'a EncodedBlob>,
) -> Arc<Semaphore> {
    let sliver = blobs
        .into_iter()
        .map(|blob| blob.metadata.sliver_length(SliverType::Primary))
        .max()
        .unwrap_or(1)
        .max(1);
    let permits = (limits::MAX_DATA_IN_FLIGHT / sliver).clamp(1, limits::MAX_CONCURRENT_WRITES);
    Arc::new(Semaphore::new(permits))
}

/// Sends a node its part of a blob. Each request is repeated as long as that makes sense; the first one that does not succeed
/// fails the node.
pub(super) async fn send(node: &StorageNode, upload: &BlobUpload) -> Result<(), RequestError> {
    let client = node.client().map_err(RequestError::NoConnection)?;
    let metadata = &upload.blob.metadata;
    let stored = persist(|| {
        let request = client.store_metadata(metadata.blob_id(), metadata.metadata());
        within(limits::SMALL_REQUEST, request)
    })
    .await?;
    let ask_first = stored == Stored::Existing;
    let slivers = node
        .pairs(metadata.blob_id(), metadata.n_shards())
        .into_iter()
        .flat_map(|pair| [(pair, SliverType::Primary), (pair, SliverType::Secondary)]);
    futures::stream::iter(slivers)
        .map(|(pair, axis)| send_sliver(client, upload, pair, axis, ask_first))
        .buffer_unordered(limits::MAX_NODE_CONNECTIONS)
        .try_collect::<()>()
        .await
}

async fn send_sliver(
    client: &NodeClient,
    upload: &BlobUpload,
    pair: SliverPairIndex,
    axis: SliverType,
    ask_first: bool,
) -> Result<(), RequestError> {
    let metadata = &upload.blob.metadata;
    let blob_id = metadata.blob_id();
    if ask_first && metadata.sliver_length(axis) >= STATUS_CHECK_BYTES {
        let request = client.sliver_status(blob_id, pair, axis);
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
        let bytes = sliver_bytes(&upload.blob, pair, axis)?;
        client
            .store_sliver(blob_id, pair, axis, bytes)
            .await
            .map_err(RequestError::Node)
    })
    .await
    .map(drop)
}

fn sliver_bytes(
    blob: &EncodedBlob,
    pair: SliverPairIndex,
    axis: SliverType,
) -> Result<Bytes, RequestError> {
    let slivers = blob.pairs.get(pair.as_usize()).ok_or_else(|| {
        RequestError::NoConnection(format!(
            "the committee has a shard for pair {pair}, the blob has none"
        ))
    })?;
    Ok(match axis {
        SliverType::Primary => slivers.primary.to_bcs(),
        SliverType::Secondary => slivers.secondary.to_bcs(),
    }
    .into())
}
