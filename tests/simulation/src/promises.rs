//! Promises: what a node has confirmed is there after a failure of power, whoever else is there or not, and is handed out.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use walrus_node_client::Held;

use crate::{contents, model::Model, network::Network, oracle};

/// A node that has just come up has all that it had of the blobs that it has confirmed, as far as they are live and the shards are its
/// own, and were an epoch before.
///
/// # Errors
/// What it lacks.
pub(crate) async fn kept(
    network: &Network,
    model: &Model,
    index: u16,
    promised: &BTreeMap<String, Held>,
) -> anyhow::Result<()> {
    let committees = network.reader.committees().await?;
    let n_shards = committees.current.n_shards;
    let shards_in = |committee: &_| network.shards(committee).remove(&index).unwrap_or_default();
    let before = committees.previous.as_ref().map(shards_in);
    let before: BTreeSet<_> = before.into_iter().flatten().collect();
    let mut shards = shards_in(&committees.current);
    shards.retain(|shard| committees.epoch == 1 || before.contains(shard));
    for blob in model.live(committees.epoch) {
        let Some(then) = promised.get(&blob.blob_id.to_string()) else {
            continue;
        };
        let now = oracle::held(network, index, &blob.blob_id).await?;
        let now = now.with_context(|| format!("node {index} does not tell what it has"))?;
        // It may have ended meanwhile.
        let (epoch, _) = network.epoch().await?;
        if !model
            .get(blob.number)
            .is_some_and(|blob| blob.is_live(epoch))
        {
            continue;
        }
        let number = blob.number;
        ensure!(
            now.metadata,
            "node {index} has confirmed blob {number} and has lost its metadata with the power"
        );
        for shard in &shards {
            let pair = shard.to_pair_index(&blob.blob_id, n_shards);
            ensure!(
                oracle::has(&now, pair) || !oracle::has(then, pair),
                "node {index} has confirmed blob {number} and has lost its slivers of shard {shard} with the power"
            );
        }
    }
    contents::right(network, model, &[index]).await
}
