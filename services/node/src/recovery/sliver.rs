//! One missing sliver: from the shard's previous owner, or from symbols of everybody else's slivers. Node spec 5.3.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::bail;
use futures::StreamExt as _;
use walrus_core::{
    Axis, Primary, Secondary, ShardIndex, Sliver, SliverIndex, SliverType,
    VerifiedBlobMetadataWithId,
    recovery::{GeneralRecoverySymbol, Recovered, RecoverySymbol, recover_sliver_or_prove},
};
use walrus_node_client::NodeClient;

use super::{Recovery, invalidity::Proof};
use crate::{
    limits::PEERS_AT_ONCE, refusal::Refusal, storage::segments::NewSliver, symbols::SymbolSelection,
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

impl Recovery {
    /// Obtains and stores one sliver.
    pub(super) async fn recover(
        &self,
        metadata: &Metadata,
        shard: ShardIndex,
        axis: SliverType,
    ) -> anyhow::Result<Outcome> {
        let decoded = match self.fetch_from_previous_owner(metadata, shard, axis).await {
            Some(sliver) => Decoded::Sliver(sliver),
            None => {
                let n_shards = metadata.n_shards();
                let pair = shard.to_pair_index(metadata.blob_id(), n_shards);
                let target = pair.to_sliver_index(axis, n_shards);
                match axis {
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
        let blob_id = *metadata.blob_id();
        let stored = self.state.blocking(move |state| {
            // Its data may have been deleted in the meantime.
            if !state.is_registered(&blob_id)? {
                return Ok(());
            }
            let new = NewSliver {
                blob_id,
                sliver_type: axis,
                payload: &sliver,
            };
            state
                .storage
                .shards
                .put(&state.storage.tables, shard, &[new])?;
            Ok(())
        });
        if let Err(error) = stored.await {
            bail!("cannot store a recovered sliver: {error:?}");
        }
        self.state.metrics.recovered_slivers.inc();
        Ok(Outcome::Stored)
    }

    /// The BCS form of the sliver, verified.
    async fn fetch_from_previous_owner(
        &self,
        metadata: &Metadata,
        shard: ShardIndex,
        axis: SliverType,
    ) -> Option<Vec<u8>> {
        let view = self.state.committees.get();
        let client = self
            .peers
            .previous_owner(&view, shard, self.state.node_id)?;
        let pair = shard.to_pair_index(metadata.blob_id(), metadata.n_shards());
        let bytes = client.sliver(metadata, pair, axis).await.ok()?;
        let metadata = Arc::clone(metadata);
        let verified = self.state.blocking(move |state| {
            let sliver =
                Sliver::from_untagged_bcs(&bytes, axis, &metadata).map_err(Refusal::internal)?;
            let expected = pair.to_sliver_index(axis, state.encoding.n_shards());
            if sliver.index() != expected {
                return Err(Refusal::internal("another sliver than asked for"));
            }
            sliver.verify(&metadata).map_err(Refusal::internal)?;
            Ok(bytes.to_vec())
        });
        verified.await.ok()
    }

    /// The sliver, decoded from symbols and verified.
    async fn decode_from_symbols<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
    ) -> anyhow::Result<Decoded> {
        let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
        let mut symbols: BTreeMap<SliverIndex, RecoverySymbol<T>> = BTreeMap::new();
        let selection = SymbolSelection::Target(target, T::TYPE);
        let own =
            self.state
                .recovery_symbols(*metadata.blob_id(), selection, Some(T::TYPE.orthogonal()));
        if let Ok(own) = own.await {
            self.add_verified(metadata, target, own, &mut symbols).await;
        }
        let view = self.state.committees.get();
        let peers = self.peers.all(&view, self.state.node_id);
        let mut answers = futures::stream::iter(peers)
            .map(|client| ask::<T>(client, Arc::clone(metadata), target))
            .buffer_unordered(PEERS_AT_ONCE);
        while symbols.len() < needed {
            let Some(answer) = answers.next().await else {
                bail!(
                    "{} of the {needed} symbols for {} sliver {target} were found",
                    symbols.len(),
                    T::TYPE
                );
            };
            self.add_verified(metadata, target, answer, &mut symbols)
                .await;
        }
        drop(answers);
        let metadata = Arc::clone(metadata);
        let recovered = self.state.blocking(move |_| {
            recover_sliver_or_prove(&metadata, symbols.into_values(), target)
                .map_err(Refusal::internal)
        });
        match recovered.await {
            Ok(Recovered::Sliver(sliver)) => Ok(Decoded::Sliver(sliver.to_bcs())),
            Ok(Recovered::Inconsistent(proof)) => Ok(Decoded::Inconsistent(Proof {
                axis: T::TYPE,
                bytes: proof.to_bcs().into(),
            })),
            Err(error) => bail!("recovery failed: {error:?}"),
        }
    }

    async fn add_verified<T: Axis>(
        &self,
        metadata: &Metadata,
        target: SliverIndex,
        answer: Vec<GeneralRecoverySymbol>,
        symbols: &mut BTreeMap<SliverIndex, RecoverySymbol<T>>,
    ) {
        let metadata = Arc::clone(metadata);
        let verified = self.state.blocking(move |_| {
            Ok(answer
                .into_iter()
                .filter(|symbol| symbol.verify(&metadata, T::TYPE, target).is_ok())
                .filter_map(GeneralRecoverySymbol::into_recovery_symbol::<T>)
                .collect::<Vec<_>>())
        });
        for symbol in verified.await.unwrap_or_default() {
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
