//! Oracle: what has to hold, at all times and when the faults are over.
//!
//! * A blob that is certified and has not ended can be read, by any client, with its bytes ([`crate::load`], [`crate::audit`]).
//! * A node that confirms a blob stores all slivers of it that are its own, and still does after a failure of power
//!   ([`crate::promises`]).
//! * No background job of a node fails.
//! * Epochs begin and their changes end in time; each member reports its shards exactly once for an epoch ([`crate::reports`]).
//! * When the faults are over, every member has both slivers of every live blob for each of its shards, and soon nothing of blobs
//!   that have ended, nor a file for them or for shards that are others'.
//! * What nodes say that they have they hand out, byte for byte ([`crate::contents`]).
//! * No WAL comes from nowhere, and none is lost ([`crate::money`]).

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use anyhow::{Context as _, bail, ensure};
use axum::body::Body;
use http::Request;
use tokio::time::Instant;
use tower::ServiceExt as _;
use walrus_core::{Epoch, ShardIndex, SliverType};
use walrus_node_client::{Held, PieceName, SuccessEnvelope};
use walrus_service::worker::State;

use crate::{history::Shards, model::Model, network::Network, plan::EPOCH, wire::Confirmed};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(5);
/// Longest change of the epoch.
const LONGEST_CHANGE: Duration = Duration::from_secs(150);
/// How late an epoch may begin: nodes look now and then whether it is time.
const LATE: Duration = Duration::from_secs(60);
/// Most bytes of an answer.
const MAX_ANSWER: usize = 1 << 20;

/// Looks on, until something is wrong.
pub(crate) async fn watch(network: Arc<Network>) -> anyhow::Result<()> {
    let mut changing: Option<(Epoch, Instant)> = None;
    let mut settled: Option<(Epoch, Instant)> = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let (epoch, is_over) = network.epoch().await?;
        let (now, trouble) = (Instant::now(), &network.nodes_in_trouble);
        if !network.history.knows(epoch) {
            let committees = network.reader.committees().await?;
            let members = network.shards(&committees.current);
            network.history.begins(committees.epoch, members);
        }
        changing = match changing {
            _ if is_over => None,
            Some((same, since)) if same == epoch && !trouble.since(since) => {
                let takes = since.elapsed();
                ensure!(
                    takes < LONGEST_CHANGE,
                    "the change to epoch {epoch} takes {takes:?}"
                );
                Some((same, since))
            }
            _ => Some((epoch, now)),
        };
        settled = match settled {
            Some((same, since)) if same == epoch => {
                let due = since.checked_add(EPOCH).unwrap_or(since);
                ensure!(
                    now.saturating_duration_since(due) < LATE || trouble.since(due),
                    "epoch {epoch} does not end"
                );
                settled
            }
            _ => is_over.then_some((epoch, now)),
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

pub(crate) fn has(held: &Held, pair: walrus_core::SliverPairIndex) -> bool {
    [SliverType::Primary, SliverType::Secondary]
        .into_iter()
        .all(|sliver_type| held.has(PieceName::Sliver(pair, sliver_type)))
}

async fn look_at_jobs(network: &Network) -> anyhow::Result<()> {
    for index in network.indexes() {
        let node = network.node(index).await?;
        let running = node.running().filter(|_| !node.is_without_power());
        let Some(running) = running else {
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
pub(crate) async fn held(
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

/// Waits until no member has a sliver of a blob that has ended, and no node a file for slivers that have, or for shards that it has not.
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
        let left = match left_of_ended(network, model).await? {
            None => left_over(network).await?,
            left => left,
        };
        match left {
            None => return Ok(()),
            Some(left) if start.elapsed() > longest => {
                bail!("{longest:?} later, {left}")
            }
            Some(_) => tokio::time::sleep(LOOK).await,
        }
    }
}

/// A sliver that should have gone.
async fn left_of_ended(network: &Network, model: &Model) -> anyhow::Result<Option<String>> {
    let committees = network.reader.committees().await?;
    for index in network.shards(&committees.current).into_keys() {
        for blob in model.gone(committees.epoch) {
            let held = held(network, index, &blob.blob_id).await?;
            let is_left = |held: Held| !held.primary.is_empty() || !held.secondary.is_empty();
            if held.is_some_and(is_left) {
                let number = blob.number;
                return Ok(Some(format!(
                    "node {index} still has slivers of blob {number}, which has ended"
                )));
            }
        }
    }
    Ok(None)
}

/// A file that should have gone.
async fn left_over(network: &Network) -> anyhow::Result<Option<String>> {
    let committees = network.reader.committees().await?;
    let others = [&committees.previous, &committees.next];
    let counting = others.into_iter().flatten().chain([&committees.current]);
    // Shards that went to others are kept for one epoch more.
    let mut own = Shards::new();
    for committee in counting {
        for (index, shards) in network.shards(committee) {
            own.entry(index).or_default().extend(shards);
        }
    }
    for index in network.indexes() {
        let node = network.node(index).await?;
        if !node.is_up() {
            continue;
        }
        let own = own.get(&index).map(Vec::as_slice).unwrap_or_default();
        if let Some(left) = node.seen_files().left_over(committees.epoch, own)? {
            return Ok(Some(format!("node {index} still has {left}")));
        }
    }
    Ok(None)
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
            node.files()?.lose_slivers()?;
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
