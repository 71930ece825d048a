//! What a node serves. Node spec 1.5, 1.7, 1.8 and 1.15.

use std::sync::Arc;

use walrus_core::{BlobId, SliverPairIndex, SliverType};
use walrus_node_client::{BlobStatus, Reason, StoredOnNodeStatus};

use crate::{refusal::Refusal, state::NodeState};

fn metadata_not_found() -> Refusal {
    Refusal::new(
        Reason::MetadataNotFound,
        "the node has no metadata of a registered blob with this ID",
    )
}

fn sliver_not_found() -> Refusal {
    Refusal::new(
        Reason::SliverNotFound,
        "the node has no such sliver of a registered blob",
    )
}

impl NodeState {
    /// BCS of blob ID and metadata.
    ///
    /// # Errors
    /// The refusals of node spec 1.5.
    pub async fn read_metadata(self: &Arc<Self>, blob_id: BlobId) -> Result<Vec<u8>, Refusal> {
        self.blocking(move |state| {
            state.refuse_blocked(&blob_id)?;
            if !state.is_registered(&blob_id)? {
                return Err(metadata_not_found());
            }
            let metadata = state.stored_metadata(&blob_id)?;
            Ok(metadata.ok_or_else(metadata_not_found)?.to_bcs())
        })
        .await
    }

    /// Whether metadata is there.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn metadata_status(&self, blob_id: &BlobId) -> Result<StoredOnNodeStatus, Refusal> {
        Ok(if self.storage.has_metadata(blob_id)? {
            StoredOnNodeStatus::Stored
        } else if self.pending.metadata(blob_id).is_some() {
            StoredOnNodeStatus::Buffered
        } else {
            StoredOnNodeStatus::Nonexistent
        })
    }

    /// BCS of a sliver without tag.
    ///
    /// # Errors
    /// The refusals of node spec 1.8.
    pub async fn read_sliver(
        self: &Arc<Self>,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<Vec<u8>, Refusal> {
        self.blocking(move |state| {
            let shard = state.shard_of(&blob_id, pair)?;
            state.refuse_blocked(&blob_id)?;
            if !state.is_registered(&blob_id)? {
                return Err(sliver_not_found());
            }
            let storage = &state.storage;
            storage
                .shards
                .get(&storage.tables, shard, &blob_id, sliver_type)?
                .ok_or_else(sliver_not_found)
        })
        .await
    }

    /// Whether a sliver is there.
    ///
    /// # Errors
    /// `SHARD_NOT_ASSIGNED` and `INDEX_OUT_OF_RANGE`.
    pub fn sliver_status(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> Result<StoredOnNodeStatus, Refusal> {
        let shard = self.shard_of(blob_id, pair)?;
        let storage = &self.storage;
        if storage.shards.state(shard).is_none() {
            return Err(crate::refusal::not_assigned(shard));
        }
        let stored = storage
            .shards
            .contains(&storage.tables, shard, blob_id, sliver_type)?;
        Ok(if stored {
            StoredOnNodeStatus::Stored
        } else if self.pending.has_sliver(blob_id, pair, sliver_type) {
            StoredOnNodeStatus::Buffered
        } else {
            StoredOnNodeStatus::Nonexistent
        })
    }

    /// The status of a blob in the committee epoch.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn blob_status(&self, blob_id: &BlobId) -> Result<BlobStatus, Refusal> {
        let info = self.blob_info(blob_id)?;
        Ok(info.map_or(BlobStatus::Nonexistent, |info| info.status(self.epoch())))
    }
}
