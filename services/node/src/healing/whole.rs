//! Whole slivers: a blob of which a node lacks many slivers is read as clients read it, and encoded again. Node spec 5.3.
//!
//! Symbols of one sliver are the bytes of that sliver and their proofs. For enough slivers of one blob, or symbols that are smaller than
//! their proofs, the slivers that decode the whole blob are fewer bytes.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use tokio::time::timeout;
use walrus_core::{
    EncodingConfig, Primary, ShardIndex, SliverIndex, SliverType, decoder::BlobDecoder,
    encoder::BlobEncoder, sliver::SliverData,
};

use super::{Healer, HealingError, peers::Peer, sliver::Metadata};
use crate::{
    limits::{MAX_WHOLE_BLOB, SLIVER_TIME, WHOLE_SLIVERS_AT_ONCE},
    storage::segments::NewSliver,
};

/// What a symbol takes on the wire beside itself and the hashes of its proof: its indices, lengths and tags.
const SYMBOL_HEAD: u64 = 16;
/// What a request for a sliver takes besides it, both ways.
const REQUEST: u64 = 1 << 10;

/// Bytes that it takes to have slivers of one blob.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// Symbols of a primary sliver, and of a secondary one: as many bytes as that.
    primary: u64,
    secondary: u64,
    /// As many whole slivers as decode the blob.
    whole: u64,
}

impl Prices {
    pub(super) fn of(config: &EncodingConfig, symbol_size: u16) -> Self {
        let path = u64::try_from(config.merkle_path_length()).unwrap_or(u64::MAX);
        let size = u64::from(symbol_size);
        let symbol = path
            .saturating_mul(33)
            .saturating_add(size)
            .saturating_add(SYMBOL_HEAD);
        let symbols = |sliver_type| u64::from(config.symbols_per_sliver(sliver_type));
        let sliver = symbols(SliverType::Primary)
            .saturating_mul(size)
            .saturating_add(REQUEST);
        Self {
            primary: symbols(SliverType::Primary).saturating_mul(symbol),
            secondary: symbols(SliverType::Secondary).saturating_mul(symbol),
            whole: u64::from(config.source_symbols(SliverType::Primary)).saturating_mul(sliver),
        }
    }

    /// Whether whole slivers are cheaper than symbols for what is missing.
    pub(super) fn prefer_whole(&self, missing: &[(ShardIndex, SliverType)]) -> bool {
        let price = missing.iter().map(|(_, sliver_type)| match sliver_type {
            SliverType::Primary => self.primary,
            SliverType::Secondary => self.secondary,
        });
        price.fold(0, u64::saturating_add) > self.whole
    }
}

impl Healer {
    /// Whether a blob is read whole for what is missing: it has to fit into memory, too.
    pub(super) fn reads_whole(
        &self,
        metadata: &Metadata,
        missing: &[(ShardIndex, SliverType)],
    ) -> bool {
        let prices = Prices::of(metadata.config(), metadata.symbol_size().get());
        metadata.unencoded_length() <= MAX_WHOLE_BLOB && prices.prefer_whole(missing)
    }

    /// Reads a blob whole, encodes it again and stores what is missing; whether that worked. What does not is for symbols, which also
    /// prove that a blob is inconsistent.
    pub(super) async fn fill_from_whole(
        &self,
        metadata: &Metadata,
        missing: &[(ShardIndex, SliverType)],
    ) -> Result<bool, HealingError> {
        // One blob at a time: it is in memory, and so are all of its slivers.
        let Ok(_turn) = self.whole_blobs.acquire().await else {
            return Ok(false);
        };
        let Some(slivers) = self.read_primary_slivers(metadata).await? else {
            return Ok(false);
        };
        let (this, metadata) = (self.storer(), Arc::clone(metadata));
        let missing = missing.to_vec();
        let encode = move || {
            let mut decoder =
                BlobDecoder::<Primary>::new(*metadata.config(), metadata.unencoded_length())?;
            for sliver in slivers.into_values() {
                decoder.add(sliver);
            }
            let blob = decoder.decode()?;
            let encoded = BlobEncoder::new(*metadata.config(), &blob)?.encode()?;
            drop(blob);
            if encoded.metadata.blob_id() != metadata.blob_id() {
                return Ok(false);
            }
            for (shard, sliver_type) in missing {
                let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
                let found = encoded.pairs.iter().find(|found| found.index() == pair);
                let Some(found) = found else {
                    return Ok(false);
                };
                let payload = match sliver_type {
                    SliverType::Primary => found.primary.to_bcs(),
                    SliverType::Secondary => found.secondary.to_bcs(),
                };
                let new = NewSliver {
                    blob_id: *metadata.blob_id(),
                    sliver_type,
                    payload: &payload,
                };
                this.metrics
                    .shards
                    .recovering(shard, sliver_type)
                    .ended(true);
                this.store(shard, new)?;
            }
            Ok::<_, HealingError>(true)
        };
        self.work.run(encode).await
    }

    /// As many verified primary slivers as decode the blob, own ones first; `None` if the others have too few.
    async fn read_primary_slivers(
        &self,
        metadata: &Metadata,
    ) -> Result<Option<BTreeMap<SliverIndex, SliverData<Primary>>>, HealingError> {
        let needed = usize::from(metadata.config().primary_source_symbols());
        let mut slivers = self.own_primary_slivers(metadata, needed).await?;
        let peers = self.peers.all(&self.holdings.view(), self.node_id);
        // Shard by shard from one peer after the other, so that none is asked for everything.
        let mut questions = Vec::new();
        for peer in peers.into_iter().map(Arc::new) {
            let shards = peer.shards.iter().enumerate();
            questions.extend(shards.map(|(turn, shard)| (turn, Arc::clone(&peer), *shard)));
        }
        questions.sort_by_key(|(turn, _, _)| *turn);
        let mut answers = futures::stream::iter(questions)
            .map(|(_, peer, shard)| self.ask_for_primary(metadata, peer, shard))
            .buffer_unordered(WHOLE_SLIVERS_AT_ONCE);
        while slivers.len() < needed {
            match answers.next().await {
                Some(Some(sliver)) => {
                    slivers.insert(sliver.index, sliver);
                }
                Some(None) => {}
                None => return Ok(None),
            }
        }
        Ok(Some(slivers))
    }

    async fn own_primary_slivers(
        &self,
        metadata: &Metadata,
        needed: usize,
    ) -> Result<BTreeMap<SliverIndex, SliverData<Primary>>, HealingError> {
        let (holdings, metadata) = (self.holdings.clone(), Arc::clone(metadata));
        let read = move || {
            let storage = holdings.storage();
            let mut slivers = BTreeMap::new();
            for shard in storage.shard_states().into_keys() {
                if slivers.len() >= needed {
                    break;
                }
                let stored = storage.sliver(shard, metadata.blob_id(), SliverType::Primary)?;
                if let Some(bytes) = stored {
                    let sliver = SliverData::<Primary>::from_bcs(&bytes, &metadata)?;
                    slivers.insert(sliver.index, sliver);
                }
            }
            Ok::<_, HealingError>(slivers)
        };
        self.work.run(read).await
    }

    async fn ask_for_primary(
        &self,
        metadata: &Metadata,
        peer: Arc<Peer>,
        shard: ShardIndex,
    ) -> Option<SliverData<Primary>> {
        // Never closed.
        let _permit = peer.requests.acquire().await;
        // It may have been found to be so by the request before.
        if self.peers.is_slow(peer.node_id) {
            return None;
        }
        let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
        let asked = peer.client.sliver(metadata, pair, SliverType::Primary);
        let Ok(answer) = timeout(SLIVER_TIME, asked).await else {
            self.peers.was_slow(peer.node_id);
            return None;
        };
        let bytes = answer
            .inspect_err(|error| tracing::debug!(%error, "no sliver"))
            .ok()?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.metrics.recovery_bytes.inc_by(length);
        let metadata = Arc::clone(metadata);
        let verify = move || {
            let sliver = SliverData::<Primary>::from_bcs(&bytes, &metadata)?;
            sliver.verify(&metadata)?;
            Ok::<_, HealingError>(sliver)
        };
        let verified = self.work.run(verify).await;
        verified
            .inspect_err(|error| tracing::warn!(%error, url = peer.client.url(), "bad sliver"))
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(primary: u16, secondary: u16) -> Vec<(ShardIndex, SliverType)> {
        let of = |count, sliver_type| (0..count).map(move |shard| (ShardIndex(shard), sliver_type));
        of(primary, SliverType::Primary)
            .chain(of(secondary, SliverType::Secondary))
            .collect()
    }

    #[test]
    fn symbols_are_cheaper_for_few_slivers_and_whole_ones_for_many() {
        // 34 primary slivers of 67 symbols decode a blob.
        let config = EncodingConfig::new(100).unwrap();
        let large = Prices::of(&config, 60_000);
        assert!(!large.prefer_whole(&missing(1, 1)));
        assert!(!large.prefer_whole(&missing(10, 10)));
        assert!(!large.prefer_whole(&missing(22, 22)));
        assert!(large.prefer_whole(&missing(23, 23)));
        assert!(large.prefer_whole(&missing(100, 100)));
    }

    #[test]
    fn symbols_that_are_smaller_than_their_proofs_are_dearer() {
        let config = EncodingConfig::new(100).unwrap();
        let small = Prices::of(&config, 2);
        assert!(!small.prefer_whole(&missing(1, 0)));
        assert!(small.prefer_whole(&missing(2, 2)));
    }
}
