//! Sliver recovery: from the shard's previous owner, or from symbols of everybody else's slivers. Node spec 5.3.

use std::sync::Arc;

use walrus_core::{
    Axis, Primary, Secondary, ShardIndex, Sliver, SliverIndex, SliverType,
    VerifiedBlobMetadataWithId,
    recovery::{Recovered, recover_sliver_or_prove},
};

use super::{Healer, HealingError, book::RepairBook, invalidity::Proof, pace::Done};
use crate::{
    blobs::Holdings,
    limits::SLIVER_TIME,
    metrics::Metrics,
    storage::{StorageError, repairs::Part, segments::NewSliver},
};

pub(super) type Metadata = Arc<VerifiedBlobMetadataWithId>;

/// What came of the attempt to obtain a sliver.
pub(super) enum Outcome {
    /// It is stored.
    Stored,
    /// There is no sliver that goes with the metadata.
    Inconsistent(Proof),
}

/// A sliver in its BCS form, or why there is none.
enum Decoded {
    Sliver(Vec<u8>),
    Inconsistent(Proof),
}

/// Stores what was recovered, and takes it out of the queue.
pub(super) struct Storer {
    holdings: Holdings,
    pub(super) metrics: Arc<Metrics>,
    book: Arc<RepairBook>,
}

impl Storer {
    /// Stores a sliver, unless the data of its blob were deleted in the meantime.
    pub(super) fn store(
        &self,
        shard: ShardIndex,
        sliver: NewSliver<'_>,
    ) -> Result<(), StorageError> {
        let (blob_id, sliver_type) = (sliver.blob_id, sliver.sliver_type);
        let bytes = u64::try_from(sliver.payload.len()).unwrap_or(u64::MAX);
        if !self.holdings.is_registered(&blob_id)? {
            return Ok(());
        }
        let storage = self.holdings.storage();
        storage.put_slivers(shard, &[sliver])?;
        let mut update = storage.update();
        update.dequeue_part(&blob_id, Part::Sliver(shard, sliver_type));
        update.commit()?;
        self.metrics.recovered_slivers.inc();
        self.metrics.recovered_bytes.inc_by(bytes);
        self.book.did(Done {
            blobs: 0,
            slivers: 1,
            bytes,
        });
        Ok(())
    }
}

impl Healer {
    /// Obtains and stores one sliver.
    pub(super) async fn recover(
        &self,
        metadata: &Metadata,
        shard: ShardIndex,
        sliver_type: SliverType,
    ) -> Result<Outcome, HealingError> {
        let decoded = match self
            .fetch_from_previous_owner(metadata, shard, sliver_type)
            .await
        {
            Some(sliver) => Decoded::Sliver(sliver),
            None => {
                let n_shards = metadata.n_shards();
                let pair = shard.to_pair_index(metadata.blob_id(), n_shards);
                let target = pair.to_sliver_index(sliver_type, n_shards);
                match sliver_type {
                    SliverType::Primary => {
                        self.decode_from_symbols::<Primary>(metadata, target)
                            .await?
                    }
                    SliverType::Secondary => {
                        self.decode_from_symbols::<Secondary>(metadata, target)
                            .await?
                    }
                }
            }
        };
        let sliver = match decoded {
            Decoded::Sliver(sliver) => sliver,
            Decoded::Inconsistent(proof) => return Ok(Outcome::Inconsistent(proof)),
        };
        let (blob_id, storer) = (*metadata.blob_id(), self.storer());
        let store = move || -> Result<(), HealingError> {
            let new = NewSliver {
                blob_id,
                sliver_type,
                payload: &sliver,
            };
            Ok(storer.store(shard, new)?)
        };
        self.work.run(store).await?;
        Ok(Outcome::Stored)
    }

    pub(super) fn storer(&self) -> Storer {
        Storer {
            holdings: self.holdings.clone(),
            metrics: Arc::clone(&self.metrics),
            book: Arc::clone(&self.book),
        }
    }

    /// The BCS form of the sliver, verified.
    async fn fetch_from_previous_owner(
        &self,
        metadata: &Metadata,
        shard: ShardIndex,
        sliver_type: SliverType,
    ) -> Option<Vec<u8>> {
        let view = self.holdings.view();
        if self.shards.has_given_up(shard, view.epoch()) {
            return None;
        }
        let (owner, client) = self.peers.previous_owner(&view, shard, self.node_id)?;
        let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
        let asked = client.sliver(metadata, pair, sliver_type);
        let Ok(answer) = tokio::time::timeout(SLIVER_TIME, asked).await else {
            self.peers.was_slow(owner);
            return None;
        };
        let bytes = answer.ok()?;
        let metadata = Arc::clone(metadata);
        let verify = move || {
            let sliver = Sliver::from_untagged_bcs(&bytes, sliver_type, &metadata)?;
            let found = sliver.index();
            if found != pair.to_sliver_index(sliver_type, metadata.n_shards()) {
                return Err(HealingError::AnotherSliver {
                    pair,
                    sliver_type,
                    found,
                });
            }
            sliver.verify(&metadata)?;
            Ok(bytes.to_vec())
        };
        let verified = self.work.run(verify).await;
        verified
            .inspect_err(|error| tracing::warn!(%error, url = client.url(), "bad sliver"))
            .ok()
    }

    /// The sliver, decoded from symbols and verified.
    async fn decode_from_symbols<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
    ) -> Result<Decoded, HealingError> {
        let symbols = self.gather::<T>(metadata, target).await?;
        let metadata = Arc::clone(metadata);
        let recover = move || {
            let recovered = recover_sliver_or_prove(&metadata, symbols.into_values(), target)?;
            Ok::<_, HealingError>(recovered)
        };
        Ok(match self.work.run(recover).await? {
            Recovered::Sliver(sliver) => Decoded::Sliver(sliver.to_bcs()),
            Recovered::Inconsistent(proof) => Decoded::Inconsistent(Proof {
                sliver_type: T::TYPE,
                bytes: proof.to_bcs().into(),
            }),
        })
    }
}
