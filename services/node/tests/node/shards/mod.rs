//! Shards that come and go: what is queued for them, how they get from one node to another, and what does not hold them up.

mod absent_sources;
mod hostile_sources;
mod queueing;
mod repair_queue;
mod serving;
mod transfers;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use walrus_core::{
    BlobId, ShardIndex, Sliver, SliverType,
    encoder::EncodedBlob,
    messages::{ProtocolMessage, SyncShardRequest, SyncShardRequestV1, SyncShardResponse},
    signed_message::SignedMessage,
};
use walrus_node::{
    committee::CommitteeView,
    config::{BlobRecoveryConfig, ShardSyncConfig},
    healing::InvalidityReporter,
    storage::{
        records::{NodeStatus, ShardState, SyncReason},
        repairs::Part,
        segments::NewSliver,
    },
};
use walrus_node_client::Reason;
use walrus_sui::{
    Address,
    contract::{Committee, CommitteeMember, Committees},
    events::{BlobCertified, BlobRegistered, ContractEvent},
    transactions::BlobCertificate,
};

use crate::support::*;

const BOTH: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];
const FIRST: Address = Address::new([1; 32]);
const SECOND: Address = Address::new([2; 32]);
const ALL: [u16; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// Nobody reports anything in these tests.
struct NoReports;

impl InvalidityReporter for NoReports {
    fn report(&self, _: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async { anyhow::bail!("no blob is inconsistent here") })
    }
}

fn shards(indices: &[u16]) -> Vec<ShardIndex> {
    indices.iter().copied().map(ShardIndex).collect()
}

fn member_of(node: &TestNode, own: &[u16]) -> CommitteeMember {
    CommitteeMember {
        network_public_key: Some(node.network_key.public_key()),
        network_address: node.server.address().to_string(),
        ..member(
            node.parts.node_id,
            Some(&node.protocol_key.public_key()),
            shards(own),
        )
    }
}

/// A committee in which each node has these shards.
fn committee(epoch: u32, members: &[(&TestNode, &[u16])]) -> Committee {
    let members = members.iter().filter(|(_, own)| !own.is_empty());
    Committee {
        epoch,
        n_shards: N_SHARDS,
        members: members.map(|(node, own)| member_of(node, own)).collect(),
    }
}

fn view_of(node: &TestNode, committees: &Committees) -> CommitteeView {
    CommitteeView::new(committees.clone(), node.parts.node_id)
}

/// Folds in a blob that was certified in the epoch before, and that lives on.
fn know_old(node: &TestNode, blob_id: BlobId) {
    let (epoch, end_epoch) = (EPOCH - 1, EPOCH + 5);
    let object_id = Address::new(blob_id.0);
    node.fold(ContractEvent::BlobRegistered(BlobRegistered {
        epoch,
        blob_id,
        size: 1,
        encoding_type: 1,
        end_epoch,
        deletable: false,
        object_id,
    }));
    node.fold(ContractEvent::BlobCertified(BlobCertified {
        epoch,
        blob_id,
        end_epoch,
        deletable: false,
        object_id,
        is_extension: false,
    }));
}

/// The node has processed the beginning of [`EPOCH`].
fn enter_epoch(node: &TestNode) {
    let mut update = node.parts.storage.update();
    update.set_event_epoch(EPOCH).unwrap();
    update.commit().unwrap();
}

async fn assign(node: &TestNode, committees: &Committees) {
    let view = view_of(node, committees);
    let turn = node.parts.shards.turn().await;
    node.parts.shards.assign(&view, &turn).unwrap();
    node.parts.committees.set(view);
    drop(turn);
}

/// Starts the workers that fill shards.
fn heal(node: &TestNode, sync: ShardSyncConfig, blobs: BlobRecoveryConfig) {
    let sync = node.parts.shard_sync(sync, &blobs);
    let recovery = node.parts.recovery(blobs, Arc::new(NoReports));
    node.parts.runner.spawn(sync);
    node.parts.runner.spawn(recovery);
}

async fn store(node: &TestNode, blob: &EncodedBlob, own: &[u16]) {
    let metadata = blob.metadata.metadata();
    let client = node.client();
    let stored = client.store_metadata(blob.metadata.blob_id(), metadata);
    stored.await.unwrap();
    node.upload(blob, own).await;
}

fn states(node: &TestNode, shards: &[u16]) -> Vec<Option<ShardState>> {
    let states = shards.iter().map(|shard| ShardIndex(*shard));
    states
        .map(|shard| node.parts.storage.shard_state(shard))
        .collect()
}

fn assert_holds(node: &TestNode, blob: &EncodedBlob, own: &[u16]) {
    let blob_id = blob.metadata.blob_id();
    for shard in shards(own) {
        let pair = shard.to_pair_index(blob_id, N_SHARDS);
        for kind in BOTH {
            let stored = node.parts.storage.sliver(shard, blob_id, kind).unwrap();
            assert_eq!(stored, Some(sliver(blob, pair, kind)), "{shard} {kind}");
        }
    }
}

/// The first node has had every shard and some blobs; the second knows of them, and has nothing.
async fn two_nodes(blobs: &[EncodedBlob]) -> [TestNode; 2] {
    let second = TestNode::start_as(SECOND, &[]).await;
    first_and(second, blobs).await
}

/// The first node, which has these blobs in all shards, and another one that has none yet.
async fn first_and(second: TestNode, blobs: &[EncodedBlob]) -> [TestNode; 2] {
    let nodes = [TestNode::start_as(FIRST, &ALL).await, second];
    for node in &nodes {
        for blob in blobs {
            know_old(node, *blob.metadata.blob_id());
        }
        enter_epoch(node);
    }
    let [first, second] = &nodes;
    let before = committees_of(first, second, &ALL, &[]);
    for node in &nodes {
        node.parts.committees.set(view_of(node, &before));
    }
    for blob in blobs {
        store(first, blob, &ALL).await;
    }
    nodes
}

/// The committees after an epoch in which the first node had every shard.
fn committees_of(first: &TestNode, second: &TestNode, kept: &[u16], moved: &[u16]) -> Committees {
    Committees {
        previous: Some(committee(EPOCH - 1, &[(first, &ALL)])),
        current: committee(EPOCH, &[(first, kept), (second, moved)]),
        ..committees(vec![])
    }
}

fn blobs(count: u8) -> Vec<EncodedBlob> {
    let mut blobs: Vec<_> = (0..count)
        .map(|blob| encode(&vec![blob; 500 * usize::from(blob)]))
        .collect();
    blobs.sort_by_key(|blob| *blob.metadata.blob_id());
    blobs
}
