//! Shards that come and go: what is queued for them, how they get from one node to another, and what does not hold them up.

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
    config::{BlobRecoveryConfig, LiveUploadDeferralConfig, ShardSyncConfig},
    healing::{Deferrals, InvalidityReporter},
    storage::{
        records::{NodeStatus, ShardState, SyncReason},
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
    CommitteeView::new(committees.clone(), &node.protocol_key.public_key())
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
    let deferrals = Deferrals::new(LiveUploadDeferralConfig {
        enabled: false,
        ..LiveUploadDeferralConfig::default()
    });
    let sync = node.parts.shard_sync(sync, &blobs);
    let recovery = node
        .parts
        .recovery(blobs, Arc::new(deferrals), Arc::new(NoReports));
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
    let nodes = [
        TestNode::start_as(FIRST, &ALL).await,
        TestNode::start_as(SECOND, &[]).await,
    ];
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

#[tokio::test]
async fn a_node_without_shards_queues_nothing_and_one_that_gains_some_queues_all() {
    let blob_id = *encode(&[3; 2000]).metadata.blob_id();
    let node = TestNode::start(&[]).await;
    node.register(blob_id, false);
    node.fold(certified(blob_id, false));
    let storage = &node.parts.storage;
    assert!(!storage.is_queued(&blob_id).unwrap());
    let view = view(&[4], &node.protocol_key.public_key());
    let turn = node.parts.shards.turn().await;
    node.parts.shards.assign(&view, &turn).unwrap();
    let reason = storage.queued_for(&blob_id).unwrap();
    assert_eq!(reason, Some(SyncReason::FillShards));
    // From then on it queues as the others do.
    let later = *encode(&[4; 2000]).metadata.blob_id();
    node.register(later, false);
    node.fold(certified(later, false));
    let reason = storage.queued_for(&later).unwrap();
    assert_eq!(reason, Some(SyncReason::Certified));
}

#[tokio::test]
async fn a_queue_that_a_node_without_shards_has_is_emptied() {
    let blob_id = *encode(&[3; 2000]).metadata.blob_id();
    let node = TestNode::start(&[]).await;
    node.register(blob_id, false);
    node.fold(certified(blob_id, false));
    let storage = &node.parts.storage;
    let mut update = storage.update();
    update.queue(&blob_id, SyncReason::Certified).unwrap();
    update.commit().unwrap();
    heal(
        &node,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    until(|| !storage.is_queued(&blob_id).unwrap()).await;
}

/// A request of the second node, and what is asked with it.
fn request(shard: u16, kind: SliverType, first: BlobId, count: u64) -> SyncShardRequestV1 {
    SyncShardRequestV1 {
        shard_index: ShardIndex(shard),
        sliver_type: kind,
        starting_blob_id: first,
        sliver_count: count,
        epoch: EPOCH,
    }
}

fn signed(node: &TestNode, request: SyncShardRequestV1) -> SignedMessage<SyncShardRequest> {
    let message = ProtocolMessage::new(request.epoch, SyncShardRequest::V1(request));
    node.protocol_key.sign(&message)
}

#[tokio::test]
async fn a_shard_is_sent_to_its_new_owner_by_ascending_blob_id() {
    let blobs = blobs(4);
    let [first, second] = two_nodes(&blobs).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    // One that was certified in this epoch does not go with the shard: the new owner was sent it, or recovers it.
    let fresh = encode(&[9; 77]);
    first.register(*fresh.metadata.blob_id(), false);
    first.fold(certified(*fresh.metadata.blob_id(), false));
    let ask = async |request: SyncShardRequestV1| {
        let answer = first
            .raw()
            .post(first.url("/v1/migrate/sync_shard"))
            .header(
                "authorization",
                second.protocol_key.public_key().to_string(),
            )
            .body(signed(&second, request).to_bcs())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/octet-stream");
        answer.bytes().await.unwrap()
    };
    let expected = |kind, range: std::ops::Range<usize>| {
        let slivers = blobs[range].iter().map(|blob| {
            let blob_id = *blob.metadata.blob_id();
            let pair = ShardIndex(9).to_pair_index(&blob_id, N_SHARDS);
            let bytes = sliver(blob, pair, kind);
            let sliver = Sliver::from_untagged_bcs(&bytes, kind, &blob.metadata);
            (blob_id, sliver.unwrap())
        });
        bcs::to_bytes(&SyncShardResponse::V1(slivers.collect())).unwrap()
    };
    for kind in BOTH {
        let all = ask(request(9, kind, BlobId([0; 32]), 100)).await;
        assert_eq!(all, expected(kind, 0..4));
        let second_id = *blobs[1].metadata.blob_id();
        let two = ask(request(9, kind, second_id, 2)).await;
        assert_eq!(two, expected(kind, 1..3));
        let none = ask(request(9, kind, BlobId([0xff; 32]), 2)).await;
        assert_eq!(none, expected(kind, 0..0));
    }
}

#[tokio::test]
async fn who_may_not_have_a_shard_is_told_the_first_reason() {
    let [first, second] = two_nodes(&[]).await;
    let stranger = TestNode::start_as(Address::new([3; 32]), &[]).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    let good = || request(9, SliverType::Primary, BlobId([0; 32]), 1);
    let refused = async |caller: &TestNode, signer: &TestNode, request: SyncShardRequestV1| {
        let key = caller.protocol_key.public_key();
        let signed = signed(signer, request);
        let answer = first.client().sync_shard(&key, &signed, 1 << 20).await;
        answer.map(drop).unwrap_err()
    };
    let wrong_epoch = || SyncShardRequestV1 {
        epoch: EPOCH - 1,
        shard_index: ShardIndex(3),
        sliver_count: 1 << 40,
        ..good()
    };
    let cases = [
        (
            &stranger,
            &second,
            wrong_epoch(),
            Reason::RequestUnauthorized,
        ),
        (
            &second,
            &stranger,
            wrong_epoch(),
            Reason::MessageVerificationFailed,
        ),
        (&second, &second, wrong_epoch(), Reason::InvalidEpoch),
        (
            &second,
            &second,
            SyncShardRequestV1 {
                epoch: EPOCH,
                ..wrong_epoch()
            },
            Reason::RequestUnauthorized,
        ),
        (
            &second,
            &second,
            SyncShardRequestV1 {
                sliver_count: 100_001,
                ..good()
            },
            Reason::SliverCountExceedsLimit,
        ),
    ];
    for (caller, signer, request, reason) in cases {
        let error = refused(caller, signer, request).await;
        assert!(error.is_reason(reason), "{reason:?}: {error}");
    }
    let error = refused(&second, &second, wrong_epoch()).await.to_string();
    assert!(error.contains("20") && error.contains("21"), "{error}");
    first.parts.storage.remove_shard(ShardIndex(9)).unwrap();
    let error = refused(&second, &second, good()).await;
    assert!(error.is_reason(Reason::ShardNotAssigned), "{error}");
    let bare = first.raw().post(first.url("/v1/migrate/sync_shard")).send();
    assert_eq!(bare.await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_gained_shard_comes_from_its_previous_owner_and_what_that_lacks_from_the_others() {
    let blobs = blobs(5);
    let [first, second] = two_nodes(&blobs).await;
    let after = committees_of(&first, &second, &ALL[..7], &ALL[7..]);
    assign(&first, &after).await;
    // The previous owner has lost one sliver, which is recovered from those of its other shards.
    let lost = ShardIndex(8);
    for file in std::fs::read_dir(first.dir.path().join("shards/8")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    assign(&second, &after).await;
    assert_eq!(
        states(&second, &[7, 8, 9]),
        [Some(ShardState::Recovering); 3]
    );
    let config = ShardSyncConfig {
        sliver_count_per_sync_request: 2,
        ..ShardSyncConfig::default()
    };
    heal(&second, config, BlobRecoveryConfig::default());
    until(|| states(&second, &[7, 8, 9]) == [Some(ShardState::Active); 3]).await;
    for blob in &blobs {
        assert_holds(&second, blob, &[7, 8, 9]);
    }
    let metrics = &second.parts.deeds.metrics;
    assert_eq!(
        metrics.synced_slivers.get(),
        5 * 2 * 3 - 1,
        "{lost} lacks one"
    );
    assert_eq!(metrics.recovered_slivers.get(), 1);
    assert_eq!(second.parts.storage.count_queued(10).unwrap(), 0);
}

#[tokio::test]
async fn slivers_that_do_not_verify_are_not_stored() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(&[]).await;
    let blob_id = *blob.metadata.blob_id();
    for node in [&first, &second] {
        know_old(node, blob_id);
    }
    store(&first, &blob, &ALL[..9]).await;
    // In the place of its last primary sliver the first node holds that of another shard.
    let (own, other) = (ShardIndex(9), ShardIndex(0));
    let pair = |shard: ShardIndex| shard.to_pair_index(&blob_id, N_SHARDS);
    for (sliver_type, payload) in [
        (
            SliverType::Primary,
            sliver(&blob, pair(other), SliverType::Primary),
        ),
        (
            SliverType::Secondary,
            sliver(&blob, pair(own), SliverType::Secondary),
        ),
    ] {
        let new = NewSliver {
            blob_id,
            sliver_type,
            payload: &payload,
        };
        first.parts.storage.put_slivers(own, &[new]).unwrap();
    }
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assign(&second, &after).await;
    heal(
        &second,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    until(|| states(&second, &[9]) == [Some(ShardState::Active)]).await;
    assert_holds(&second, &blob, &[9]);
    assert_eq!(second.parts.deeds.metrics.synced_slivers.get(), 1);
}

#[tokio::test]
async fn a_shard_of_the_next_epoch_comes_before_it_begins() {
    let blobs = blobs(3);
    let [first, second] = two_nodes(&blobs).await;
    let mut before = committees_of(&first, &second, &ALL, &[]);
    before.next = Some(committee(
        EPOCH + 1,
        &[(&first, &ALL[..8]), (&second, &[8, 9])],
    ));
    for node in [&first, &second] {
        node.parts.committees.set(view_of(node, &before));
    }
    heal(
        &second,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    let metrics = &second.parts.deeds.metrics;
    until(|| metrics.synced_slivers.get() == 3 * 2 * 2).await;
    // What was certified in between is the difference that is moved when the epoch begins.
    let fresh = encode(&[9; 77]);
    for node in [&first, &second] {
        node.register(*fresh.metadata.blob_id(), false);
        node.fold(certified(*fresh.metadata.blob_id(), false));
    }
    store(&first, &fresh, &ALL).await;
    let after = Committees {
        epoch: EPOCH + 1,
        previous: Some(before.current.clone()),
        current: before.next.clone().unwrap(),
        next: None,
        ..before
    };
    for node in [&first, &second] {
        let mut update = node.parts.storage.update();
        update.set_event_epoch(EPOCH + 1).unwrap();
        update.commit().unwrap();
        assign(node, &after).await;
    }
    let storage = &second.parts.storage;
    let queued = storage.queued_for(blobs[0].metadata.blob_id()).unwrap();
    assert_eq!(queued, None, "nothing of it is missing");
    until(|| states(&second, &[8, 9]) == [Some(ShardState::Active); 2]).await;
    assert_holds(&second, &fresh, &[8, 9]);
    assert_eq!(metrics.synced_slivers.get(), 4 * 2 * 2);
}

#[tokio::test]
async fn a_shard_of_the_next_epoch_is_not_complete_because_nothing_is_queued_for_it() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let mut before = committees_of(&first, &second, &ALL, &[]);
    before.next = Some(committee(
        EPOCH + 1,
        &[(&first, &ALL[..9]), (&second, &[9])],
    ));
    second.parts.committees.set(view_of(&second, &before));
    // Its transfer has begun, and brought nothing yet.
    let (storage, shard) = (&second.parts.storage, ShardIndex(9));
    storage
        .set_shard_state(shard, ShardState::Recovering)
        .unwrap();
    let finish = || {
        let committees = &second.parts.committees;
        second.parts.shards.finish_filling(committees).unwrap();
        states(&second, &[9])
    };
    assert_eq!(finish(), [Some(ShardState::Recovering)]);
    let after = Committees {
        epoch: EPOCH + 1,
        previous: Some(before.current.clone()),
        current: before.next.clone().unwrap(),
        next: None,
        ..before
    };
    // After a restart the committees are those of the chain, before its events are processed.
    second.parts.committees.set(view_of(&second, &after));
    assert_eq!(finish(), [Some(ShardState::Recovering)]);
    // Nor does it count as complete if it was called so before it was the node's.
    storage.set_shard_state(shard, ShardState::Active).unwrap();
    let mut update = storage.update();
    update.set_event_epoch(EPOCH + 1).unwrap();
    update.commit().unwrap();
    assign(&second, &after).await;
    let reason = storage.queued_for(blob.metadata.blob_id()).unwrap();
    assert_eq!(reason, Some(SyncReason::FillShards));
    assert_eq!(finish(), [Some(ShardState::Recovering)]);
    // Somebody has the blob repaired, which fills the shard all the same.
    let mut update = storage.update();
    let blob_id = blob.metadata.blob_id();
    update.queue(blob_id, SyncReason::Certified).unwrap();
    update.commit().unwrap();
    assert_eq!(finish(), [Some(ShardState::Recovering)]);
    let view = second.parts.committees.get();
    assert_eq!(second.parts.shards.epoch_to_attest(&view).unwrap(), None);
}

#[tokio::test]
async fn a_lost_shard_is_read_from_for_one_epoch_and_then_gone() {
    let blob = encode(&[3; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assert_eq!(
        states(&first, &[8, 9]),
        [Some(ShardState::Active), Some(ShardState::Locked)]
    );
    let pair = ShardIndex(9).to_pair_index(&blob_id, N_SHARDS);
    let client = first.client();
    let read = client
        .sliver(&blob.metadata, pair, SliverType::Primary)
        .await;
    assert_eq!(read.unwrap(), sliver(&blob, pair, SliverType::Primary));
    let later = Committees {
        previous: Some(after.current.clone()),
        ..after
    };
    assign(&first, &later).await;
    assert_eq!(states(&first, &[8, 9]), [Some(ShardState::Active), None]);
    assert!(!first.dir.path().join("shards/9").exists());
}

#[tokio::test]
async fn a_shard_whose_previous_owner_is_gone_is_recovered_from_the_others() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let gone = TestNode::start_as(Address::new([3; 32]), &[]).await;
    let after = Committees {
        previous: Some(committee(EPOCH - 1, &[(&first, &ALL[..9]), (&gone, &[9])])),
        current: committee(EPOCH, &[(&first, &ALL[..9]), (&second, &[9])]),
        ..committees(vec![])
    };
    gone.server.shutdown(Some(Duration::ZERO)).await;
    assign(&first, &after).await;
    assign(&second, &after).await;
    let config = ShardSyncConfig {
        shard_sync_retry_switch_to_recovery_interval_secs: 0,
        ..ShardSyncConfig::default()
    };
    heal(&second, config, BlobRecoveryConfig::default());
    until(|| states(&second, &[9]) == [Some(ShardState::Active)]).await;
    assert_holds(&second, &blob, &[9]);
}

#[tokio::test]
async fn a_shard_whose_transfer_waits_holds_up_no_other_shard() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let gone = TestNode::start_as(Address::new([3; 32]), &[]).await;
    gone.server.shutdown(Some(Duration::ZERO)).await;
    // Nobody has had shard 8, and who has had shard 9 does not answer.
    let before: [(&TestNode, &[u16]); 2] = [(&first, &ALL[..8]), (&gone, &[9])];
    let after = Committees {
        previous: Some(committee(EPOCH - 1, &before)),
        current: committee(EPOCH, &[(&first, &ALL[..8]), (&second, &[8, 9])]),
        ..committees(vec![])
    };
    assign(&first, &after).await;
    assign(&second, &after).await;
    let patient = ShardSyncConfig {
        shard_sync_retry_switch_to_recovery_interval_secs: 3600,
        ..ShardSyncConfig::default()
    };
    heal(&second, patient, BlobRecoveryConfig::default());
    let (storage, blob_id) = (&second.parts.storage, *blob.metadata.blob_id());
    let has_both = |shard: u16| {
        let mut kinds = BOTH.into_iter();
        kinds.all(|kind| {
            let sliver = storage.sliver(ShardIndex(shard), &blob_id, kind);
            sliver.unwrap().is_some()
        })
    };
    until(|| has_both(8)).await;
    assert_holds(&second, &blob, &[8]);
    // What is about to come is not recovered, and goes on waiting in the queue.
    assert!(!has_both(9) && storage.is_queued(&blob_id).unwrap());
    assert_eq!(second.parts.deeds.metrics.recovered_slivers.get(), 2);
}

#[tokio::test]
async fn a_blob_that_nobody_has_holds_up_no_shard_and_is_named() {
    let (blob, lost) = (encode(&[3; 2000]), encode(&[4; 2000]));
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let lost_id = *lost.metadata.blob_id();
    for node in [&first, &second] {
        know_old(node, lost_id);
    }
    // Its metadata is there, and next to none of its slivers.
    store(&first, &lost, &ALL[..2]).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assign(&second, &after).await;
    let blobs = BlobRecoveryConfig {
        retry_interval_min_secs: 0,
        retry_interval_max_secs: 0,
        unrecoverable_patience_secs: 0,
        ..BlobRecoveryConfig::default()
    };
    heal(&second, ShardSyncConfig::default(), blobs);
    until(|| states(&second, &[9]) == [Some(ShardState::Active)]).await;
    assert_holds(&second, &blob, &[9]);
    let storage = &second.parts.storage;
    assert_eq!(
        storage.queued_for(&lost_id).unwrap(),
        Some(SyncReason::Certified)
    );
    assert_eq!(second.parts.deeds.metrics.unrecoverable_blobs.get(), 1);
    let workers = second.parts.runner.workers();
    until(|| {
        let recovery = workers
            .list()
            .into_iter()
            .find(|info| info.name == "recovery");
        let note = recovery.and_then(|info| info.status.note);
        note.is_some_and(|note| note.contains(&lost_id.to_string()))
    })
    .await;
    // It is not given up: once it can be recovered, it is.
    first.upload(&lost, &ALL[..9]).await;
    until(|| !storage.is_queued(&lost_id).unwrap()).await;
    assert_holds(&second, &lost, &[9]);
    until(|| second.parts.deeds.metrics.unrecoverable_blobs.get() == 0).await;
}

#[tokio::test]
async fn a_node_that_was_away_longer_than_an_epoch_attests_nothing_before_it_is_filled() {
    let blob = encode(&[3; 2000]);
    let [first, second] = two_nodes(std::slice::from_ref(&blob)).await;
    let storage = &second.parts.storage;
    // It had the shard before, and so it has the state of one that is complete.
    storage
        .set_shard_state(ShardIndex(9), ShardState::Active)
        .unwrap();
    storage
        .set_node_status(NodeStatus::RecoveryCatchUp)
        .unwrap();
    let members: [(&TestNode, &[u16]); 2] = [(&first, &ALL[..9]), (&second, &[9])];
    let after = Committees {
        previous: Some(committee(EPOCH - 1, &members)),
        current: committee(EPOCH, &members),
        ..committees(vec![])
    };
    assign(&first, &after).await;
    assign(&second, &after).await;
    assert_eq!(
        storage.node_status().unwrap(),
        NodeStatus::RecoveryInProgress(EPOCH)
    );
    let to_attest = || {
        let view = second.parts.committees.get();
        second.parts.shards.epoch_to_attest(&view).unwrap()
    };
    assert_eq!(to_attest(), None);
    // The same once more, as after a crash, changes nothing.
    assign(&second, &after).await;
    assert_eq!(
        storage.node_status().unwrap(),
        NodeStatus::RecoveryInProgress(EPOCH)
    );
    heal(
        &second,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    until(|| to_attest() == Some(EPOCH)).await;
    assert_holds(&second, &blob, &[9]);
    assert_eq!(storage.node_status().unwrap(), NodeStatus::Active);
}

#[tokio::test]
async fn no_more_symbols_than_needed_are_fetched_for_a_sliver() {
    let blob = encode(&vec![3; 300_000]);
    let blob_id = *blob.metadata.blob_id();
    let nodes = [
        TestNode::start_as(FIRST, &[0, 1, 2]).await,
        TestNode::start_as(SECOND, &[3, 4, 5]).await,
        TestNode::start_as(Address::new([3; 32]), &[6, 7, 8]).await,
        TestNode::start_as(Address::new([4; 32]), &[9]).await,
    ];
    join(&nodes.each_ref());
    for node in &nodes {
        node.register(blob_id, false);
        node.fold(certified(blob_id, false));
    }
    for (node, own) in nodes.iter().zip([[0, 1, 2], [3, 4, 5], [6, 7, 8]]) {
        store(node, &blob, &own).await;
    }
    let [.., last] = &nodes;
    heal(
        last,
        ShardSyncConfig::default(),
        BlobRecoveryConfig::default(),
    );
    until(|| !last.parts.storage.is_queued(&blob_id).unwrap()).await;
    assert_holds(last, &blob, &[9]);
    // A primary sliver takes 7 symbols and a secondary one 4 (n - f and n - 2f), each of 300 000 / 28 bytes and its proof.
    let theory = 11 * 300_000 / 28;
    let fetched = last.parts.deeds.metrics.recovery_bytes.get();
    assert!(
        fetched * 10 >= theory * 9 && fetched * 10 <= theory * 11,
        "{fetched} for {theory}"
    );
}
