//! What a node accepts. Node spec 1.6 and 1.9.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use walrus_core::{
    BlobId, BlobMetadata, Sliver, SliverPairIndex, SliverType, UnverifiedBlobMetadataWithId,
    VerifiedBlobMetadataWithId,
};
use walrus_node_client::Reason;

use crate::{
    pending::{Cached, PendingBlob},
    refusal::{Refusal, not_assigned},
    state::NodeState,
    storage::{records::ShardState, segments::NewSliver},
};

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// The HTTP status: 200 for what was there, 201 for what is stored, 202 for what came with `pending=true`.
    pub code: u16,
    /// A sentence.
    pub message: &'static str,
}

const fn accepted(code: u16, message: &'static str) -> Accepted {
    Accepted { code, message }
}

fn not_registered() -> Refusal {
    Refusal::new(
        Reason::NotRegistered,
        "the blob is not registered as far as this node has seen the chain",
    )
}

impl NodeState {
    /// Takes metadata in.
    ///
    /// # Errors
    /// The refusals of node spec 1.6.
    pub async fn store_metadata(
        self: &Arc<Self>,
        blob_id: BlobId,
        body: Bytes,
        pending: bool,
    ) -> Result<Accepted, Refusal> {
        self.blocking(move |state| state.store_metadata_blocking(blob_id, &body, pending))
            .await
    }

    fn store_metadata_blocking(
        &self,
        blob_id: BlobId,
        body: &[u8],
        pending: bool,
    ) -> Result<Accepted, Refusal> {
        const PRESENT: Accepted = accepted(200, "metadata already stored");
        const BUFFERED: Accepted = accepted(202, "metadata buffered pending registration");
        let metadata = BlobMetadata::from_bcs(body, &self.encoding)
            .map_err(|error| Refusal::new(Reason::InvalidContentType, error.to_string()))?;
        let info = self.blob_info(&blob_id)?;
        if info.is_some_and(|info| info.is_invalid()) {
            return Err(Refusal::new(
                Reason::InvalidBlob,
                "the blob was marked invalid on chain",
            ));
        }
        if self.storage.has_metadata(&blob_id)? || self.pending.metadata(&blob_id).is_some() {
            return Ok(PRESENT);
        }
        let metadata = UnverifiedBlobMetadataWithId::new(blob_id, metadata)
            .verify(&self.encoding)
            .map_err(|error| Refusal::new(Reason::InvalidMetadata, error.to_string()))?;
        let epoch = self.epoch();
        if info.is_some_and(|info| info.is_registered(epoch)) {
            self.storage.put_metadata(&metadata)?;
            self.metrics.uploads.with_label_values(&["metadata"]).inc();
            return Ok(if pending {
                BUFFERED
            } else {
                accepted(201, "metadata successfully stored")
            });
        }
        if !pending {
            return Err(not_registered());
        }
        match self.pending.insert_metadata(metadata) {
            Cached::Saturated => return Err(saturated()),
            Cached::Existing => return Ok(PRESENT),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(BUFFERED)
    }

    /// Takes a sliver in; `body` is its BCS form without tag.
    ///
    /// # Errors
    /// The refusals of node spec 1.9.
    pub async fn store_sliver(
        self: &Arc<Self>,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: Bytes,
        pending: bool,
    ) -> Result<Accepted, Refusal> {
        self.blocking(move |state| {
            state.store_sliver_blocking(blob_id, pair, sliver_type, &body, pending)
        })
        .await
    }

    fn store_sliver_blocking(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        body: &[u8],
        pending: bool,
    ) -> Result<Accepted, Refusal> {
        let sliver = decode_sliver(body, sliver_type)?;
        let shard = self.shard_of(&blob_id, pair)?;
        let expected = pair.to_sliver_index(sliver_type, self.encoding.n_shards());
        if sliver.index() != expected {
            return Err(Refusal::new(
                Reason::SliverIndexMismatch,
                format!(
                    "the sliver has index {}, the path implies {expected}",
                    sliver.index()
                ),
            ));
        }
        let persisted = self.stored_metadata(&blob_id)?;
        let is_persisted = persisted.is_some();
        let metadata = match persisted.or_else(|| self.pending.metadata(&blob_id)) {
            Some(metadata) => metadata,
            None if pending || self.is_registered(&blob_id)? => {
                return Err(Refusal::new(
                    Reason::MetadataRequired,
                    "the metadata of the blob must come before its slivers",
                ));
            }
            None => return Err(not_registered()),
        };
        match self.storage.shards.state(shard) {
            None | Some(ShardState::Locked) => return Err(not_assigned(shard)),
            Some(ShardState::Active | ShardState::Recovering) => {}
        }
        if self
            .storage
            .shards
            .contains(&self.storage.tables, shard, &blob_id, sliver_type)?
        {
            return Ok(accepted(200, "sliver already stored"));
        }
        sliver
            .verify(&metadata)
            .map_err(|error| Refusal::new(Reason::InvalidSliver, error.to_string()))?;
        if is_persisted {
            if !self.is_registered(&blob_id)? {
                return Err(not_registered());
            }
            self.put_sliver(blob_id, pair, sliver_type, body)?;
            self.arrivals.note(blob_id, Instant::now());
            self.metrics.uploads.with_label_values(&["sliver"]).inc();
            let code = if pending { 202 } else { 201 };
            return Ok(accepted(code, "sliver stored successfully"));
        }
        match self
            .pending
            .insert_sliver(blob_id, pair, sliver_type, body.to_vec())
        {
            Cached::Saturated => return Err(saturated()),
            Cached::Existing => return Ok(accepted(200, "sliver already stored")),
            Cached::New => {}
        }
        self.flush_if_registered(&blob_id)?;
        Ok(accepted(202, "sliver buffered pending registration"))
    }

    fn put_sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        payload: &[u8],
    ) -> Result<(), Refusal> {
        let shard = self.shard_of(&blob_id, pair)?;
        let sliver = NewSliver {
            blob_id,
            sliver_type,
            payload,
        };
        self.storage
            .shards
            .put(&self.storage.tables, shard, &[sliver])?;
        Ok(())
    }

    /// Stores what is cached of a blob, if it is registered by now.
    pub(crate) fn flush_if_registered(&self, blob_id: &BlobId) -> Result<(), Refusal> {
        if !self.pending.holds(blob_id) || !self.is_registered(blob_id)? {
            return Ok(());
        }
        let mut blob = self.pending.take(blob_id);
        let result = self.flush(blob_id, &mut blob);
        if result.is_err() {
            self.pending.put_back(*blob_id, blob);
        }
        result
    }

    /// Stores cached data and empties `blob` on the way, so that what is left is what was not stored.
    fn flush(&self, blob_id: &BlobId, blob: &mut PendingBlob) -> Result<(), Refusal> {
        let persisted = self.stored_metadata(blob_id)?.is_some();
        let metadata: Option<&VerifiedBlobMetadataWithId> = blob.metadata.as_ref();
        match metadata {
            Some(metadata) if !persisted => self.storage.put_metadata(metadata)?,
            None if !persisted => return Err(not_registered()),
            _ => {}
        }
        blob.metadata = None;
        let keys: Vec<_> = blob.slivers.keys().copied().collect();
        for (pair, sliver_type) in keys {
            if let Some(payload) = blob.slivers.get(&(pair, sliver_type)) {
                self.put_sliver(*blob_id, pair, sliver_type, payload)?;
                blob.slivers.remove(&(pair, sliver_type));
            }
        }
        Ok(())
    }
}

fn saturated() -> Refusal {
    Refusal::new(
        Reason::CacheSaturated,
        "the cache for uploads before registration is full or disabled",
    )
}

/// Decodes a sliver whose metadata is not known yet; the body is bounded already.
fn decode_sliver(body: &[u8], sliver_type: SliverType) -> Result<Sliver, Refusal> {
    let decoded = match sliver_type {
        SliverType::Primary => bcs::from_bytes(body).map(Sliver::Primary),
        SliverType::Secondary => bcs::from_bytes(body).map(Sliver::Secondary),
    };
    decoded.map_err(|error| Refusal::new(Reason::InvalidContentType, error.to_string()))
}
