//! Batches: pieces of one registered blob, verified side by side and written with one append for each shard.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use walrus_core::{BlobId, ShardIndex, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId};
use walrus_node_client::{Held, PieceName};

use super::{UploadError, Uploads, uploads::view_sliver};
use crate::limits::{SMALL_UPLOAD, VERIFIED_AT_ONCE};

/// A sliver that was verified, and where it goes.
type Verified = (ShardIndex, SliverType, Bytes);

/// Whether slivers are so small that a synchronization for each of their shards would cost more than to write them twice.
fn is_small(verified: &[Verified]) -> bool {
    let lengths = verified.iter().map(|(_, _, payload)| payload.len());
    lengths.sum::<usize>() <= SMALL_UPLOAD
}

impl Uploads {
    /// Verifies pieces of a registered blob and stores those that are not there.
    ///
    /// # Errors
    /// [`UploadError`]; what was verified before the piece that is wrong may be stored.
    pub(super) async fn store_pieces(
        self: &Arc<Self>,
        blob_id: BlobId,
        pieces: Vec<(PieceName, Bytes)>,
    ) -> Result<(), UploadError> {
        let mut slivers = Vec::with_capacity(pieces.len());
        for (name, payload) in pieces {
            match name {
                PieceName::Metadata => {
                    self.store_metadata(blob_id, payload, None).await?;
                }
                PieceName::Sliver(pair, sliver_type) => slivers.push((pair, sliver_type, payload)),
            }
        }
        if slivers.is_empty() {
            return Ok(());
        }
        let this = Arc::clone(self);
        let metadata = move || match this.metadata_for_slivers(&blob_id, false)? {
            (metadata, true) => Ok(metadata),
            // Its registration is seen, but it is still on its way to the disk.
            (metadata, false) => this.flush_if_registered(&blob_id).map(|()| metadata),
        };
        let metadata = Arc::new(self.work.run(metadata).await?);
        let share = slivers.len().div_ceil(VERIFIED_AT_ONCE).max(1);
        let mut shares = Vec::new();
        while !slivers.is_empty() {
            let rest = slivers.split_off(share.min(slivers.len()));
            let share = std::mem::replace(&mut slivers, rest);
            let (this, metadata) = (Arc::clone(self), Arc::clone(&metadata));
            shares.push(self.work.run(move || this.verified(&metadata, share)));
        }
        let verified = futures::future::try_join_all(shares).await?.concat();
        let this = Arc::clone(self);
        let store = move || match is_small(&verified) {
            true => this.put_together(blob_id, None, &verified),
            false => this.put_verified(blob_id, verified),
        };
        self.work.run(store).await
    }

    /// As [`Self::store_pieces`], on this thread, which may block, and with one synchronization if they are small.
    pub(super) fn store_pieces_blocking(
        &self,
        blob_id: BlobId,
        pieces: Vec<(PieceName, Bytes)>,
    ) -> Result<(), UploadError> {
        let mut slivers = Vec::with_capacity(pieces.len());
        let mut fresh = None;
        for (name, payload) in pieces {
            match name {
                PieceName::Metadata => fresh = self.fresh_metadata(blob_id, &payload)?,
                PieceName::Sliver(pair, sliver_type) => slivers.push((pair, sliver_type, payload)),
            }
        }
        let (metadata, is_persisted) = match &fresh {
            Some(metadata) => (metadata.clone(), true),
            None => self.metadata_for_slivers(&blob_id, false)?,
        };
        if !is_persisted {
            // Its registration is seen, but it is still on its way to the disk.
            self.flush_if_registered(&blob_id)?;
        }
        let verified = self.verified(&metadata, slivers)?;
        if is_small(&verified) {
            return self.put_together(blob_id, fresh.as_ref(), &verified);
        }
        if let Some(metadata) = &fresh {
            self.holdings.storage().put_metadata(metadata)?;
            self.count_metadata(metadata);
        }
        self.put_verified(blob_id, verified)
    }

    /// The metadata of a registered blob, verified, unless it is there already.
    fn fresh_metadata(
        &self,
        blob_id: BlobId,
        body: &[u8],
    ) -> Result<Option<VerifiedBlobMetadataWithId>, UploadError> {
        match self.check_metadata(blob_id, body)? {
            None => Ok(None),
            Some((metadata, true)) => Ok(Some(metadata)),
            Some((_, false)) => Err(UploadError::NotRegistered),
        }
    }

    /// Stores what is small together, with one synchronization.
    fn put_together(
        &self,
        blob_id: BlobId,
        metadata: Option<&VerifiedBlobMetadataWithId>,
        verified: &[Verified],
    ) -> Result<(), UploadError> {
        let slivers = verified.iter();
        let slivers: Vec<_> = slivers
            .map(|(shard, sliver_type, payload)| (*shard, *sliver_type, &**payload))
            .collect();
        self.put_small(blob_id, metadata, &slivers)?;
        Ok(())
    }

    /// Those of the slivers that are not there, verified.
    fn verified(
        &self,
        metadata: &VerifiedBlobMetadataWithId,
        slivers: Vec<(SliverPairIndex, SliverType, Bytes)>,
    ) -> Result<Vec<Verified>, UploadError> {
        let (blob_id, storage) = (metadata.blob_id(), self.holdings.storage());
        let mut verified = Vec::with_capacity(slivers.len());
        for (pair, sliver_type, payload) in slivers {
            let sliver = view_sliver(&payload, sliver_type)?;
            let shard = self.check_place(*blob_id, pair, sliver_type, sliver.index())?;
            self.check_assigned(shard)?;
            if storage.has_sliver(shard, blob_id, sliver_type)? {
                continue;
            }
            sliver
                .verify(metadata)
                .map_err(UploadError::InvalidSliver)?;
            verified.push((shard, sliver_type, payload));
        }
        Ok(verified)
    }

    /// Stores slivers shard by shard.
    fn put_verified(&self, blob_id: BlobId, verified: Vec<Verified>) -> Result<(), UploadError> {
        let mut by_shard: BTreeMap<ShardIndex, Vec<(SliverType, &[u8])>> = BTreeMap::new();
        for (shard, sliver_type, payload) in &verified {
            by_shard
                .entry(*shard)
                .or_default()
                .push((*sliver_type, payload));
        }
        for (shard, slivers) in by_shard {
            self.put_absent(blob_id, shard, &slivers)?;
        }
        Ok(())
    }

    /// What the node has of a blob, on disk or in memory.
    pub(super) fn held(&self, blob_id: &BlobId) -> Result<Held, UploadError> {
        let (holdings, view) = (&self.holdings, self.holdings.view());
        let n_shards = holdings.encoding().n_shards();
        let metadata =
            holdings.metadata(blob_id)?.is_some() || self.pending.metadata(blob_id).is_some();
        let mut held = Held {
            registered: holdings.is_registered(blob_id)?,
            metadata,
            ..Held::default()
        };
        let waiting = self.pending.slivers(blob_id);
        for shard in &view.own_shards {
            let pair = shard.to_pair_index(blob_id, n_shards);
            let sliver_types = [
                (SliverType::Primary, &mut held.primary),
                (SliverType::Secondary, &mut held.secondary),
            ];
            for (sliver_type, pairs) in sliver_types {
                if waiting.contains(&(pair, sliver_type))
                    || holdings
                        .storage()
                        .has_sliver(*shard, blob_id, sliver_type)?
                {
                    pairs.push(pair);
                }
            }
        }
        Ok(held)
    }
}
