//! When a node signs that it stores a blob. Node spec 4.1 and 4.4.

use std::{sync::Arc, time::Duration};

use walrus_core::{
    BlobId, Epoch,
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
    signed_message::StorageConfirmation,
};
use walrus_node_client::Reason;

use crate::{
    refusal::Refusal,
    state::NodeState,
    storage::records::{ObjectRecord, PoolRecord, PooledObjectRecord},
};

impl NodeState {
    /// A storage confirmation, after up to `wait` for the registration.
    ///
    /// # Errors
    /// `NOT_REGISTERED` unless this node saw the registration on chain; `MISSING_SLIVERS` unless it holds both slivers in every
    /// one of its shards.
    pub async fn confirm(
        self: &Arc<Self>,
        blob_id: BlobId,
        persistence: BlobPersistence,
        wait: Option<Duration>,
    ) -> Result<StorageConfirmation, Refusal> {
        let mut registrations = self.registrations.subscribe();
        let attempt = || self.blocking(move |state| state.confirm_now(blob_id, persistence));
        let first = attempt().await;
        let Some(wait) = wait else { return first };
        let limit = Duration::from_millis(self.rest.confirmation_long_poll_max_millis);
        let wait = wait.min(limit);
        let refused = matches!(&first, Err(r) if r.reason() == Reason::NotRegistered);
        // Only for blobs that data are waiting for, so that made-up IDs cannot tie the node up.
        if !refused || wait.is_zero() || !self.pending.holds(&blob_id) {
            return first;
        }
        let Ok(_permit) = self.waiting_confirmations.try_acquire() else {
            return first;
        };
        let registered = async {
            while registrations.changed().await.is_ok() {
                if self.is_registered(&blob_id).unwrap_or(true) {
                    return;
                }
            }
        };
        if tokio::time::timeout(wait, registered).await.is_err() {
            return first;
        }
        attempt().await
    }

    fn confirm_now(
        &self,
        blob_id: BlobId,
        persistence: BlobPersistence,
    ) -> Result<StorageConfirmation, Refusal> {
        let view = self.committees.get();
        let epoch = view.epoch();
        let registered = self
            .blob_info(&blob_id)?
            .is_some_and(|info| info.is_registered(epoch));
        if !registered {
            return Err(Refusal::new(
                Reason::NotRegistered,
                "the blob is not registered as far as this node has seen the chain",
            ));
        }
        self.flush_if_registered(&blob_id)?;
        if !view.is_member() {
            return Err(missing("the node is not in the committee"));
        }
        if !self.storage.has_metadata(&blob_id)? {
            return Err(missing("the node lacks the metadata of the blob"));
        }
        let absent = self
            .storage
            .missing_slivers(&blob_id, view.own_shards.iter().copied())?;
        if let Some((shard, axis)) = absent.first() {
            return Err(missing(&format!(
                "{} slivers are missing, the first is the {axis} sliver of shard {shard}",
                absent.len()
            )));
        }
        if let BlobPersistence::Deletable { object_id } = persistence {
            self.require_object(&blob_id, &object_id, epoch)?;
        }
        let body = StorageConfirmationBody {
            blob_id,
            persistence,
        };
        let signed = self.protocol_key.sign(&ProtocolMessage::new(epoch, body));
        self.metrics.confirmations.inc();
        Ok(StorageConfirmation::Signed(signed))
    }

    /// The object must be one of this blob and alive.
    fn require_object(
        &self,
        blob_id: &BlobId,
        object_id: &[u8; 32],
        epoch: Epoch,
    ) -> Result<(), Refusal> {
        let tables = &self.storage.tables;
        if let Some(record) = tables.get::<ObjectRecord>(&tables.objects, object_id)?
            && record.blob_id == *blob_id
            && record.end_epoch > epoch
        {
            return Ok(());
        }
        if let Some(record) = tables.get::<PooledObjectRecord>(&tables.pooled_objects, object_id)?
            && record.blob_id == *blob_id
            && tables
                .get::<PoolRecord>(&tables.pools, &record.pool_id)?
                .is_some_and(|pool| pool.end_epoch > epoch)
        {
            return Ok(());
        }
        Err(Refusal::new(
            Reason::NotRegistered,
            "no such object of this blob is registered as far as this node has seen the chain",
        ))
    }
}

fn missing(message: &str) -> Refusal {
    Refusal::new(Reason::MissingSlivers, message)
}
