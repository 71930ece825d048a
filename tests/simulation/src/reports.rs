//! Reports: what members have told the chain of their shards.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{bail, ensure};
use walrus_core::{Epoch, ShardIndex, parameters::max_faulty};
use walrus_sui::{
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition, ShardsReceived},
};

use crate::network::Network;

/// A member with which nothing is wrong for so long within an epoch reports its shards.
const LONG_ENOUGH: Duration = Duration::from_secs(150);

/// Reads all events of the contract again: each member has reported its shards exactly once for every epoch that has ended and in which
/// nothing kept it from that, none has twice, and every such epoch was reported by a quorum.
///
/// # Errors
/// Who has, or what was not.
pub(crate) async fn once(network: &Network) -> anyhow::Result<()> {
    let (reported, current) = all(network).await?;
    let n_shards = network.plan.shards();
    let quorum = usize::from(n_shards.saturating_sub(max_faulty(n_shards)));
    let none = BTreeSet::new();
    for epoch in 2..current {
        let reported = reported.get(&epoch).unwrap_or(&none);
        let shards: usize = reported.iter().map(Vec::len).sum();
        ensure!(
            shards >= quorum,
            "only {shards} shards were reported for epoch {epoch}"
        );
        for (node, mut shards) in network.history.well(epoch, LONG_ENOUGH) {
            shards.sort();
            ensure!(
                reported.contains(&shards),
                "node {node} has not reported its shards for epoch {epoch}"
            );
        }
    }
    Ok(())
}

/// The shards that were reported together, for each epoch; and the epoch.
async fn all(
    network: &Network,
) -> anyhow::Result<(BTreeMap<Epoch, BTreeSet<Vec<ShardIndex>>>, Epoch)> {
    let source = EventSource::new(network.reader.packages().origin);
    let chain = network.reader.chain().clone();
    let newest = chain.latest_checkpoint().await?;
    let mut events = EventStream::start(chain, source, EventPosition::default());
    let mut reported: BTreeMap<Epoch, BTreeSet<Vec<ShardIndex>>> = BTreeMap::new();
    let mut current = 0;
    while let Some(item) = events.next_item().await {
        match item {
            StreamItem::Event { event, .. } => match event {
                ContractEvent::ShardsReceived(ShardsReceived { epoch, mut shards }) => {
                    shards.sort();
                    let is_first = reported.entry(epoch).or_default().insert(shards.clone());
                    ensure!(
                        is_first,
                        "shards {shards:?} were reported twice for epoch {epoch}"
                    );
                }
                ContractEvent::EpochChangeStart(start) => current = start.epoch,
                _ => {}
            },
            StreamItem::Watermark { checkpoint, .. } if checkpoint >= newest => break,
            // Elements come from event blobs, and this is the chain.
            StreamItem::Watermark { .. } | StreamItem::Element(_) => {}
            StreamItem::Malformed { reason, .. } => bail!("a malformed event: {reason}"),
            StreamItem::Ahead { cursor, latest } => bail!("{cursor} is ahead of {latest}"),
            StreamItem::Pruned { cursor, lowest } => bail!("{cursor} is gone, {lowest} is not"),
        }
    }
    Ok((reported, current))
}
