//! Oracle: what has to hold, at all times and when the faults are over.
//!
//! * A blob that is certified and has not ended can be read, by any client, with its bytes ([`crate::load`]).
//! * A node that confirms a blob stores all slivers of it that are its own.
//! * No background job of a node fails.
//! * Every change of the epoch ends in time; each member reports its shards at most once for an epoch.
//! * When the faults are over, every member has both slivers of every live blob for each of its shards, and soon nothing of blobs
//!   that have ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use axum::body::Body;
use http::Request;
use tokio::time::Instant;
use tower::ServiceExt as _;
use walrus_core::{Epoch, ShardIndex, SliverType, parameters::max_faulty};
use walrus_node_client::{Held, PieceName, SuccessEnvelope};
use walrus_service::worker::State;
use walrus_sui::{
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition, ShardsReceived},
};

use crate::{model::Model, network::Network, wire::Confirmed};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Longest change of the epoch.
const LONGEST_CHANGE: Duration = Duration::from_secs(150);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// Shards of each member.
type Shards = BTreeMap<u16, Vec<ShardIndex>>;

/// Looks on, until something is wrong.
pub(crate) async fn watch(network: Arc<Network>) -> anyhow::Result<()> {
    let mut changing: Option<(Epoch, Instant)> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let (epoch, is_over) = network.epoch().await?;
        changing = match changing {
            _ if is_over => None,
            Some((same, since)) if same == epoch => {
                let takes = since.elapsed();
                ensure!(
                    takes < LONGEST_CHANGE,
                    "the change to epoch {epoch} takes {takes:?}"
                );
                Some((same, since))
            }
            _ => Some((epoch, Instant::now())),
        };
        look_at_confirmations(&network).await?;
        look_at_jobs(&network).await?;
    }
}

/// Those that have been confirmed since the last look were stored, as far as the shards had been the node's for an epoch.
async fn look_at_confirmations(network: &Network) -> anyhow::Result<()> {
    let confirmed = network.site.wires.take_confirmed();
    if confirmed.is_empty() {
        return Ok(());
    }
    let committees = network.reader.committees().await?;
    let current = network.shards(&committees.current);
    let previous = committees.previous.as_ref();
    let previous = previous.map_or_else(Shards::new, |previous| network.shards(previous));
    let n_shards = committees.current.n_shards;
    for Confirmed {
        node,
        blob_id,
        held,
    } in confirmed
    {
        let blob_id = blob_id.parse()?;
        let before: BTreeSet<_> = previous.get(&node).into_iter().flatten().collect();
        let now = current.get(&node).into_iter().flatten();
        for shard in now.filter(|shard| before.contains(shard)) {
            ensure!(
                has(&held, shard.to_pair_index(&blob_id, n_shards)),
                "node {node} has confirmed {blob_id} without its slivers of shard {shard}: {held:?}"
            );
        }
    }
    Ok(())
}

fn has(held: &Held, pair: walrus_core::SliverPairIndex) -> bool {
    [SliverType::Primary, SliverType::Secondary]
        .into_iter()
        .all(|sliver_type| held.has(PieceName::Sliver(pair, sliver_type)))
}

async fn look_at_jobs(network: &Network) -> anyhow::Result<()> {
    for index in network.indexes() {
        let node = network.node(index).await?;
        let Some(running) = node.running() else {
            continue;
        };
        for worker in running.view().workers().list() {
            if worker.state == State::Failed {
                let error = worker.last_error.map(|error| error.message);
                bail!(
                    "{} of node {index} failed: {}",
                    worker.name,
                    error.unwrap_or_default()
                );
            }
        }
    }
    Ok(())
}

/// Waits until `node`, or else every member, has all that it should of every live blob.
///
/// # Errors
/// It takes more than `longest`; or what is wrong with a node.
pub(crate) async fn whole(
    network: &Network,
    model: &Model,
    node: Option<u16>,
    longest: Duration,
) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let missing = missing(network, model, node).await?;
        match missing {
            None => return Ok(()),
            Some(missing) if start.elapsed() > longest => {
                bail!("after {longest:?} without faults, {missing}")
            }
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// The first thing that is missing.
async fn missing(
    network: &Network,
    model: &Model,
    only: Option<u16>,
) -> anyhow::Result<Option<String>> {
    let committees = network.reader.committees().await?;
    let (epoch, n_shards) = (committees.epoch, committees.current.n_shards);
    let mut members = network.shards(&committees.current);
    members.retain(|index, _| only.is_none_or(|only| only == *index));
    for (index, shards) in members {
        for blob in model.live(epoch) {
            let (number, blob_id) = (blob.number, &blob.blob_id);
            let Some(held) = held(network, index, blob_id).await? else {
                return Ok(Some(format!("node {index} does not tell what it has")));
            };
            if !held.metadata {
                return Ok(Some(format!(
                    "node {index} lacks the metadata of blob {number}"
                )));
            }
            let lacks = |shard: &&ShardIndex| !has(&held, shard.to_pair_index(blob_id, n_shards));
            if let Some(shard) = shards.iter().find(lacks) {
                let sentence =
                    format!("node {index} lacks blob {number} ({blob_id}) in shard {shard}");
                return Ok(Some(sentence));
            }
        }
    }
    Ok(None)
}

/// What a node has of a blob; `None` if it is down or refuses to tell.
async fn held(
    network: &Network,
    index: u16,
    blob_id: &walrus_core::BlobId,
) -> anyhow::Result<Option<Held>> {
    let router = match network.node(index).await?.running() {
        Some(node) => node.router(),
        None => return Ok(None),
    };
    let asked = Request::get(format!("/v1/blobs/{blob_id}/have")).body(Body::empty())?;
    let Ok(answer) = router.oneshot(asked).await;
    if !answer.status().is_success() {
        return Ok(None);
    }
    let body = axum::body::to_bytes(answer.into_body(), MAX_ANSWER).await?;
    let held: SuccessEnvelope<Held> =
        serde_json::from_slice(&body).context("a node tells nonsense of what it has")?;
    Ok(Some(held.success.data))
}

/// Waits until no member has a sliver of a blob that has ended.
///
/// # Errors
/// It takes more than `longest`.
pub(crate) async fn nothing_left(
    network: &Network,
    model: &Model,
    longest: Duration,
) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let committees = network.reader.committees().await?;
        let members = network.shards(&committees.current);
        let mut left = None;
        for index in members.into_keys() {
            for blob in model.gone(committees.epoch) {
                let held = held(network, index, &blob.blob_id).await?;
                let is_left = |held: Held| !held.primary.is_empty() || !held.secondary.is_empty();
                if held.is_some_and(is_left) {
                    left = Some((index, blob.number));
                }
            }
        }
        match left {
            None => return Ok(()),
            Some((index, number)) if start.elapsed() > longest => {
                bail!(
                    "{longest:?} later, node {index} still has slivers of blob {number}, which has ended"
                )
            }
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Reads all events of the contract again: no member has reported the same shards twice for an epoch, and every epoch before the last was
/// reported by a quorum.
///
/// # Errors
/// Who has, or what was not.
pub(crate) async fn reported_once(network: &Network) -> anyhow::Result<()> {
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
    for epoch in 2..current {
        let shards: usize = reported
            .get(&epoch)
            .into_iter()
            .flatten()
            .map(Vec::len)
            .sum();
        let quorum = usize::from(network.plan.shards() - max_faulty(network.plan.shards()));
        ensure!(
            shards >= quorum,
            "only {shards} shards were reported for epoch {epoch}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::Journal,
        machine,
        model::{Blob, Content},
        plan::{EPOCH, Plan},
        snapshot::Snapshot,
    };

    #[test]
    fn what_is_missing_or_was_confirmed_falsely_is_noticed() {
        let plan = Plan::small(9);
        let snapshot = Snapshot::of(&plan).unwrap();
        let run = move || async move {
            let network = Network::start(plan, snapshot, Journal::new(false)).await?;
            let content = Content::draw(&mut plan.draw("blob"));
            let client = network.client(0).await?;
            let stored = client.store(content.bytes()).epochs(9).await?;
            let model = Model::default();
            let blob_id = stored.blob_id();
            model.add(Blob::new(0, blob_id, stored.end_epoch(), content));
            whole(&network, &model, None, EPOCH).await?;

            // Node 3 is down, and comes back without slivers, which it fetches.
            network.node(3).await?.kill(&network.site);
            assert!(missing(&network, &model, Some(3)).await?.is_some());
            assert!(missing(&network, &model, Some(2)).await?.is_none());
            let mut node = network.node(3).await?;
            tokio::time::sleep(LOOK).await;
            node.lose_slivers()?;
            node.start(&network.site).await?;
            drop(node);
            whole(&network, &model, Some(3), EPOCH).await?;

            // What was true before is believed; what is not there was not stored.
            network.epoch_changed_by(2, EPOCH * 2).await?;
            let held = held(&network, 3, &blob_id).await?.unwrap();
            let confirmed = |held| Confirmed {
                node: 3,
                blob_id: blob_id.to_string(),
                held,
            };
            network.site.wires.note(confirmed(held.clone()));
            look_at_confirmations(&network).await?;
            let less = Held {
                secondary: Vec::new(),
                ..held
            };
            network.site.wires.note(confirmed(less));
            let false_one = look_at_confirmations(&network).await.unwrap_err();
            assert!(
                false_one.to_string().contains("has confirmed"),
                "{false_one}"
            );
            network.stop().await
        };
        machine::run(plan.seed, run).unwrap();
    }
}
