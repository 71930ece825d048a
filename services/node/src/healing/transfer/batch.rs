//! Slivers at the door: verified against the metadata of their blobs, then stored together.

use std::sync::Arc;

use walrus_core::{ShardIndex, Sliver};
use walrus_node_client::SyncedSliver;

use super::{Transfers, request::TransferError};
use crate::{
    healing::HealingError,
    storage::{StorageError, segments::NewSliver},
};

/// Slivers that were stored.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stored {
    pub(super) slivers: u64,
    pub(super) bytes: u64,
}

impl Transfers {
    /// Verifies slivers and stores those of blobs that are still certified; returns what they are. A wrong one is left to recovery.
    pub(super) async fn store(
        self: &Arc<Self>,
        shard: ShardIndex,
        slivers: Vec<SyncedSliver>,
    ) -> Result<Stored, TransferError> {
        let this = Arc::clone(self);
        self.work
            .run(move || Ok(this.store_verified(shard, &slivers)?))
            .await
    }

    /// Makes what was stored durable.
    pub(super) async fn sync(self: &Arc<Self>, shard: ShardIndex) -> Result<(), TransferError> {
        let this = Arc::clone(self);
        let sync = move || match this.holdings.storage().sync_shard(shard) {
            // Nothing came of it, or it is another node's by now.
            Err(StorageError::NoShard(_)) => Ok(()),
            synced => Ok(synced?),
        };
        self.work.run(sync).await
    }

    fn store_verified(
        &self,
        shard: ShardIndex,
        slivers: &[SyncedSliver],
    ) -> Result<Stored, StorageError> {
        let mut good = Vec::new();
        for sliver in slivers {
            if !self.holdings.is_registered(&sliver.blob_id)? {
                continue;
            }
            match self.verify(shard, sliver)? {
                Ok(()) => good.push(NewSliver {
                    blob_id: sliver.blob_id,
                    sliver_type: sliver.sliver_type,
                    payload: &sliver.bytes,
                }),
                Err(error) => {
                    self.metrics.shards.unverified(shard, sliver.sliver_type);
                    tracing::warn!(%shard, blob_id = %sliver.blob_id, %error, "a sliver of a gained shard is not stored");
                }
            }
        }
        if !good.is_empty() {
            self.holdings.storage().fill_slivers(shard, &good)?;
            for sliver in &good {
                let metrics = &self.metrics.shards;
                metrics.synced(shard, sliver.sliver_type, &sliver.blob_id);
            }
        }
        let mut stored = Stored::default();
        for sliver in &good {
            let bytes = u64::try_from(sliver.payload.len()).unwrap_or(u64::MAX);
            stored.slivers = stored.slivers.saturating_add(1);
            stored.bytes = stored.bytes.saturating_add(bytes);
        }
        self.metrics.synced_slivers.inc_by(stored.slivers);
        Ok(stored)
    }

    /// Whether the sliver is the one that the shard has of its blob.
    fn verify(
        &self,
        shard: ShardIndex,
        sliver: &SyncedSliver,
    ) -> Result<Result<(), HealingError>, StorageError> {
        let Some(metadata) = self.holdings.metadata(&sliver.blob_id)? else {
            return Ok(Err(HealingError::NoMetadata {
                asked: 0,
                absent: 0,
            }));
        };
        let sliver_type = sliver.sliver_type;
        let verified = || {
            let decoded = Sliver::from_untagged_bcs(&sliver.bytes, sliver_type, &metadata)?;
            let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
            let found = decoded.index();
            if found != pair.to_sliver_index(sliver_type, metadata.n_shards()) {
                return Err(HealingError::AnotherSliver {
                    pair,
                    sliver_type,
                    found,
                });
            }
            Ok(decoded.verify(&metadata)?)
        };
        Ok(verified())
    }
}
