//! Audit: certified blobs are read all the time, one after the other, and all of them are counted sliver by sliver now and then.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::ensure;
use walrus_core::{ShardIndex, parameters::max_faulty};

use crate::{
    load::Worker,
    model::{Blob, Model},
    network::Network,
    oracle,
    snapshot::CLIENTS,
};

/// How often one of the blobs is read.
const PAUSE: Duration = Duration::from_secs(5);
/// After so many reads all blobs are counted.
const READS_PER_COUNT: u32 = 12;

/// Audits, until something is wrong.
pub(crate) async fn go_on(network: Arc<Network>, model: Arc<Model>) -> anyhow::Result<()> {
    let number = CLIENTS.saturating_add(1);
    let reader = Worker {
        client: network.client(number).await?,
        draw: network.plan.draw("auditor"),
        network: Arc::clone(&network),
        model: Arc::clone(&model),
        number,
    };
    let (mut last, mut reads) = (None, 0_u32);
    loop {
        tokio::time::sleep(PAUSE).await;
        let (epoch, _) = network.epoch().await?;
        let live = model.live(epoch);
        let next = live.iter().find(|blob| Some(blob.number) > last);
        let Some(next) = next.or_else(|| live.first()) else {
            continue;
        };
        last = Some(next.number);
        reader.read(next).await?;
        reads = reads.saturating_add(1);
        if reads.is_multiple_of(READS_PER_COUNT) {
            for blob in live {
                is_recoverable(&network, &model, &blob).await?;
            }
        }
    }
}

/// Of so many shards at least somebody who is up has both slivers that they make the blob, whoever else never comes back.
async fn is_recoverable(network: &Network, model: &Model, blob: &Blob) -> anyhow::Result<()> {
    let n_shards = network.plan.shards();
    let mut found = BTreeSet::new();
    for index in network.indexes() {
        let Some(held) = oracle::held(network, index, &blob.blob_id).await? else {
            continue;
        };
        let shards = (0..n_shards).map(ShardIndex);
        found.extend(shards.filter(|shard| {
            let pair = shard.to_pair_index(&blob.blob_id, n_shards);
            oracle::has(&held, pair)
        }));
    }
    let needed = usize::from(n_shards.saturating_sub(max_faulty(n_shards).saturating_mul(2)));
    let (epoch, _) = network.epoch().await?;
    let still = model.get(blob.number);
    ensure!(
        found.len() >= needed || still.is_none_or(|blob| !blob.is_live(epoch)),
        "blob {} is live, and its slivers are there in {} shards of {n_shards}, of which {needed} are needed",
        blob.number,
        found.len()
    );
    Ok(())
}
