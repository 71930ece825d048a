//! Sliver recovery: from the shard's previous owner, or from symbols of everybody else's slivers. Node spec 5.3.

use std::{collections::BTreeMap, sync::Arc};

use futures::StreamExt as _;
use walrus_core::{
    Axis, Primary, Secondary, ShardIndex, Sliver, SliverIndex, SliverType,
    VerifiedBlobMetadataWithId,
    recovery::{GeneralRecoverySymbol, Recovered, RecoverySymbol, recover_sliver_or_prove},
};
use walrus_node_client::NodeClient;

use super::{Healer, HealingError, invalidity::Proof};
use crate::{
    blobs::SymbolSelection, limits::PEERS_AT_ONCE, storage::segments::NewSliver, work::WorkError,
};

type Metadata = Arc<VerifiedBlobMetadataWithId>;

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
        let (blob_id, holdings) = (*metadata.blob_id(), self.holdings.clone());
        let store = move || -> Result<(), HealingError> {
            // Its data may have been deleted in the meantime.
            if !holdings.is_registered(&blob_id)? {
                return Ok(());
            }
            let new = NewSliver {
                blob_id,
                sliver_type,
                payload: &sliver,
            };
            Ok(holdings.storage().put_slivers(shard, &[new])?)
        };
        self.work.run(store).await?;
        self.metrics.recovered_slivers.inc();
        Ok(Outcome::Stored)
    }

    /// The BCS form of the sliver, verified.
    async fn fetch_from_previous_owner(
        &self,
        metadata: &Metadata,
        shard: ShardIndex,
        sliver_type: SliverType,
    ) -> Option<Vec<u8>> {
        let view = self.holdings.view();
        let client = self.peers.previous_owner(&view, shard, self.node_id)?;
        let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
        let bytes = client.sliver(metadata, pair, sliver_type).await.ok()?;
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
        let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
        let mut symbols: BTreeMap<SliverIndex, RecoverySymbol<T>> = BTreeMap::new();
        let selection = SymbolSelection::Target(target, T::TYPE);
        let proof_type = Some(T::TYPE.orthogonal());
        let own = self
            .symbols
            .recovery(*metadata.blob_id(), selection, proof_type);
        if let Ok(own) = own.await {
            self.add_verified(metadata, target, own, &mut symbols).await;
        }
        let peers = self.peers.all(&self.holdings.view(), self.node_id);
        let mut answers = futures::stream::iter(peers)
            .map(|client| ask::<T>(client, Arc::clone(metadata), target))
            .buffer_unordered(PEERS_AT_ONCE);
        while symbols.len() < needed {
            let Some(answer) = answers.next().await else {
                return Err(HealingError::TooFewSymbols {
                    found: symbols.len(),
                    needed,
                    target_type: T::TYPE,
                    target,
                });
            };
            self.add_verified(metadata, target, answer, &mut symbols)
                .await;
        }
        drop(answers);
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

    async fn add_verified<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
        answer: Vec<GeneralRecoverySymbol>,
        symbols: &mut BTreeMap<SliverIndex, RecoverySymbol<T>>,
    ) {
        let metadata = Arc::clone(metadata);
        let verify = move || {
            let verified = answer
                .into_iter()
                .filter(|symbol| symbol.verify(&metadata, T::TYPE, target).is_ok())
                .filter_map(GeneralRecoverySymbol::into_recovery_symbol::<T>);
            Ok::<_, WorkError>(verified.collect::<Vec<_>>())
        };
        for symbol in self.work.run(verify).await.unwrap_or_default() {
            symbols.insert(symbol.symbol.index, symbol);
        }
    }
}

async fn ask<T: Axis>(
    client: NodeClient,
    metadata: Metadata,
    target: SliverIndex,
) -> Vec<GeneralRecoverySymbol> {
    client
        .recovery_symbols(&metadata, target, T::TYPE)
        .await
        .inspect_err(|error| tracing::debug!(%error, "no symbols"))
        .unwrap_or_default()
}
