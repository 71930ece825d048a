//! Recovery of one sliver from symbols of the other nodes. Client spec 1.10.5.

use std::{collections::BTreeMap, sync::Arc};

use rand::seq::SliceRandom as _;
use tokio::task::JoinSet;
use walrus_core::{
    Axis, SliverData, SliverIndex, VerifiedBlobMetadataWithId,
    recovery::{self, DecodingSymbol, GeneralRecoverySymbol, RecoveryError},
};

use crate::{
    ClientError, NodeFailure, NodeProblem, limits,
    nodes::{NodeCommittee, StorageNode},
    patience::within,
};

type Answer = (
    Arc<StorageNode>,
    Result<Vec<GeneralRecoverySymbol>, NodeProblem>,
);

/// Asks nodes in random order, as many as have enough symbols and some more, until enough proven ones are there.
///
/// # Errors
/// [`ClientError::SliverUnavailable`] if there are too few; [`ClientError::InvalidBlob`] if they make another sliver than the
/// metadata commits to, which only whoever encoded the blob can have done.
pub(super) async fn recover<T: Axis>(
    committee: &NodeCommittee,
    metadata: &Arc<VerifiedBlobMetadataWithId>,
    target: SliverIndex,
) -> Result<SliverData<T>, ClientError> {
    let needed = usize::from(metadata.config().symbols_per_sliver(T::TYPE));
    let mut nodes = committee.nodes.to_vec();
    nodes.shuffle(&mut rand::rng());
    let mut nodes = nodes.into_iter();
    let mut asking = JoinSet::<Answer>::new();
    let mut symbols = BTreeMap::<SliverIndex, DecodingSymbol<T>>::new();
    let mut failures = Vec::new();
    // Symbols of nodes that were asked and have not answered.
    let mut expected = 0_usize;
    let mut slack = (needed / 8).max(1);
    while symbols.len() < needed {
        while symbols.len().saturating_add(expected) < needed.saturating_add(slack)
            && let Some(node) = nodes.next()
        {
            expected = expected.saturating_add(node.weight.into());
            asking.spawn(ask::<T>(node, Arc::clone(metadata), target));
        }
        let answer = tokio::time::timeout(limits::HEDGE_AFTER, asking.join_next()).await;
        match answer {
            Err(_) => slack = slack.saturating_add((needed / 4).max(1)),
            Ok(None) => break,
            Ok(Some(Err(_))) => {}
            Ok(Some(Ok((node, answer)))) => {
                expected = expected.saturating_sub(node.weight.into());
                match answer.and_then(|found| proven(found, metadata, target, &mut symbols)) {
                    Ok(()) => {}
                    Err(problem) => failures.push(node.failure(problem)),
                }
            }
        }
    }
    drop(asking);
    finish(metadata, target, symbols, failures).await
}

async fn ask<T: Axis>(
    node: Arc<StorageNode>,
    metadata: Arc<VerifiedBlobMetadataWithId>,
    target: SliverIndex,
) -> Answer {
    let answer = match node.client() {
        Ok(client) => {
            let symbols = client.recovery_symbols(&metadata, target, T::TYPE);
            within(limits::SMALL_REQUEST, symbols).await
        }
        Err(problem) => Err(problem),
    };
    (node, answer)
}

/// Takes symbols whose proofs are right.
fn proven<T: Axis>(
    found: Vec<GeneralRecoverySymbol>,
    metadata: &VerifiedBlobMetadataWithId,
    target: SliverIndex,
    symbols: &mut BTreeMap<SliverIndex, DecodingSymbol<T>>,
) -> Result<(), NodeProblem> {
    for symbol in found {
        symbol.verify(metadata, T::TYPE, target).map_err(|error| {
            NodeProblem::WrongAnswer(format!("it sent a wrong symbol: {error}"))
        })?;
        let symbol = symbol.into_decoding_symbol::<T>();
        symbols.insert(symbol.index, symbol);
    }
    Ok(())
}

async fn finish<T: Axis>(
    metadata: &Arc<VerifiedBlobMetadataWithId>,
    target: SliverIndex,
    symbols: BTreeMap<SliverIndex, DecodingSymbol<T>>,
    failures: Vec<NodeFailure>,
) -> Result<SliverData<T>, ClientError> {
    let blob_id = *metadata.blob_id();
    let metadata = Arc::clone(metadata);
    let recovered = tokio::task::spawn_blocking(move || {
        recovery::recover_sliver(&metadata, symbols.into_values(), target)
    });
    let recovered = recovered
        .await
        .map_err(|error| ClientError::Interrupted(error.to_string()))?;
    recovered.map_err(|error| match error {
        RecoveryError::Sliver(_) => ClientError::InvalidBlob(blob_id),
        _ => ClientError::SliverUnavailable {
            blob_id,
            sliver_type: T::TYPE,
            index: target,
            failures,
        },
    })
}
