//! Recovery between nodes, and what becomes of blobs that were encoded wrongly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::support::*;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use walrus_core::{
    BlobId, BlobMetadata, BlsPublicKey, BlsSignature, ShardIndex, SliverPairIndex, SliverType,
    VerifiedBlobMetadataWithId,
    certificate::{ProtocolMessageCertificate, signers_from_bitmap},
    encoder::EncodedBlob,
    messages,
};
use walrus_node::{
    config::BlobRecoveryConfig,
    healing::{InvalidityReporter, Recovery},
    storage::records::{ShardState, SyncReason},
};
use walrus_node_client::BlobStatus;
use walrus_service::worker::{State, Worker as _};
use walrus_sui::{
    Address,
    events::{BlobDeleted, ContractEvent, InvalidBlobId},
    transactions::BlobCertificate,
};

/// Hands certificates to the test instead of the chain.
struct Reports(mpsc::UnboundedSender<BlobCertificate>);

impl InvalidityReporter for Reports {
    fn report(&self, certificate: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move { Ok(self.0.send(certificate)?) })
    }
}

/// Three nodes; a blob that is certified; the last node has nothing of it.
async fn network(blob: &EncodedBlob) -> [TestNode; 3] {
    let nodes = [
        TestNode::start_as(Address::new([1; 32]), &[0, 1, 2, 3]).await,
        TestNode::start_as(Address::new([2; 32]), &[4, 5, 6]).await,
        TestNode::start_as(Address::new([3; 32]), &[7, 8, 9]).await,
    ];
    join(&nodes.each_ref());
    let blob_id = *blob.metadata.blob_id();
    for node in &nodes {
        node.register(blob_id, false);
        node.fold(certified(blob_id, false));
    }
    for node in &nodes[..2] {
        let client = node.client();
        client
            .store_metadata(&blob_id, blob.metadata.metadata())
            .await
            .unwrap();
        for shard in node.parts.storage.shard_states().into_keys() {
            node.upload(blob, &[shard.get()]).await;
        }
    }
    nodes
}

/// Panics at the first certificate.
struct PanicsOnce(AtomicBool, Reports);

impl InvalidityReporter for PanicsOnce {
    fn report(&self, certificate: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>> {
        assert!(self.0.swap(true, Ordering::SeqCst), "the first one");
        self.1.report(certificate)
    }
}

/// Takes a certificate and never comes back.
struct Hangs(mpsc::UnboundedSender<BlobCertificate>);

impl InvalidityReporter for Hangs {
    fn report(&self, certificate: BlobCertificate) -> BoxFuture<'_, anyhow::Result<()>> {
        Box::pin(async move {
            self.0.send(certificate)?;
            std::future::pending().await
        })
    }
}

/// Recovers what the node lacks from now on.
fn recover(node: &TestNode, reports: impl InvalidityReporter) {
    recover_with(node, BlobRecoveryConfig::default(), reports);
}

fn recover_with(node: &TestNode, blobs: BlobRecoveryConfig, reports: impl InvalidityReporter) {
    let recovery = node.parts.recovery(blobs, Arc::new(reports));
    node.parts.runner.spawn(recovery);
}

#[tokio::test]
async fn a_node_without_anything_recovers_the_blob_from_its_peers() {
    let blob = encode(&[3; 20_000]);
    let blob_id = *blob.metadata.blob_id();
    let nodes = network(&blob).await;
    let (sender, mut reports) = mpsc::unbounded_channel();
    recover(&nodes[2], Reports(sender));
    let storage = &nodes[2].parts.storage;
    until(|| !storage.is_queued(&blob_id).unwrap()).await;
    for shard in [7, 8, 9].map(ShardIndex) {
        let pair = shard.to_pair_index(&blob_id, N_SHARDS);
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            let stored = storage.sliver(shard, &blob_id, sliver_type);
            assert_eq!(stored.unwrap().unwrap(), sliver(&blob, pair, sliver_type));
        }
    }
    assert!(reports.try_recv().is_err());
}

#[tokio::test]
async fn a_sliver_that_is_damaged_on_disk_comes_back_from_peers() {
    let blob = encode(&[3; 20_000]);
    let blob_id = *blob.metadata.blob_id();
    let nodes = network(&blob).await;
    let (sender, _reports) = mpsc::unbounded_channel();
    recover(&nodes[2], Reports(sender));
    let storage = &nodes[2].parts.storage;
    until(|| !storage.is_queued(&blob_id).unwrap()).await;
    for file in std::fs::read_dir(nodes[2].dir.path().join("shards/7")).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        for byte in bytes.iter_mut().skip(80).step_by(64) {
            *byte ^= 1;
        }
        std::fs::write(&path, bytes).unwrap();
    }
    let shard = ShardIndex(7);
    let pair = shard.to_pair_index(&blob_id, N_SHARDS);
    let damaged = storage.sliver(shard, &blob_id, SliverType::Primary);
    assert!(damaged.unwrap().is_none());
    // The other one is noticed when it is read, here or by the recovery of the first.
    for sliver_type in [SliverType::Primary, SliverType::Secondary] {
        let whole = sliver(&blob, pair, sliver_type);
        until(|| {
            storage
                .sliver(shard, &blob_id, sliver_type)
                .unwrap()
                .as_ref()
                == Some(&whole)
        })
        .await;
    }
}

#[tokio::test]
async fn the_health_document_tells_of_recovery() {
    let blob = encode(&[3; 2000]);
    let nodes = network(&blob).await;
    let (sender, _reports) = mpsc::unbounded_channel();
    recover(&nodes[2], Reports(sender));
    let storage = &nodes[2].parts.storage;
    until(|| !storage.is_queued(blob.metadata.blob_id()).unwrap()).await;
    until(|| {
        let workers = nodes[2].parts.deeds.health.document(false).unwrap().workers;
        workers.first().is_some_and(|worker| worker.done == Some(1))
    })
    .await;
    let health = nodes[2].client().health(false).await.unwrap();
    let [recovery] = health.workers.as_slice() else {
        panic!("{:?}", health.workers)
    };
    assert_eq!(recovery.name, "recovery");
    assert_eq!((recovery.errors, &recovery.last_error), (0, &None));
    assert!(
        nodes[0]
            .client()
            .health(false)
            .await
            .unwrap()
            .workers
            .is_empty()
    );
}

/// Metadata that claims another hash for the primary sliver of one of the third node's shards.
fn inconsistent() -> EncodedBlob {
    let mut blob = encode(&[4; 20_000]);
    // The rotation depends on the blob ID, and so on the changed pair: find one that lands in shard 7, 8 or 9.
    for pair in 0..N_SHARDS {
        let mut hashes = blob.metadata.metadata().hashes().to_vec();
        let other = hashes[usize::from(pair)].secondary_hash;
        hashes[usize::from(pair)].primary_hash = other;
        let metadata = BlobMetadata::new(blob.metadata.unencoded_length(), hashes);
        let metadata = VerifiedBlobMetadataWithId::from_metadata(metadata, &encoding()).unwrap();
        let shard = SliverPairIndex(pair).to_shard_index(metadata.blob_id(), N_SHARDS);
        if shard.get() >= 7 {
            blob.metadata = metadata;
            return blob;
        }
    }
    panic!("no pair of this blob is stored in the last three shards")
}

#[tokio::test]
async fn an_inconsistent_blob_ends_as_a_certificate_that_a_quorum_signed() {
    let blob = inconsistent();
    let blob_id = *blob.metadata.blob_id();
    let nodes = network(&blob).await;
    let (sender, mut reports) = mpsc::unbounded_channel();
    recover(&nodes[2], Reports(sender));
    let report = tokio::time::timeout(Duration::from_secs(20), reports.recv());
    let report = report.await.unwrap().unwrap();

    let keys: Vec<BlsPublicKey> = nodes.iter().map(|n| n.protocol_key.public_key()).collect();
    let signers = signers_from_bitmap(&report.signers_bitmap, 3).unwrap();
    let certificate = ProtocolMessageCertificate::<messages::InvalidBlobId>::from_parts(
        signers.clone(),
        report.message,
        BlsSignature(report.signature.try_into().unwrap()),
    );
    let message = certificate.verify(&keys).unwrap();
    assert_eq!(message.epoch, EPOCH);
    assert_eq!(message.body, messages::InvalidBlobId { blob_id });
    let weight = |signer: &u16| [4, 3, 3][usize::from(*signer)];
    assert!(signers.iter().map(weight).sum::<u32>() >= 7, "{signers:?}");
    // It is not tried again.
    let storage = &nodes[2].parts.storage;
    until(|| !storage.is_queued(&blob_id).unwrap()).await;
}

#[tokio::test]
async fn a_recovery_that_panics_is_told_and_tried_again() {
    let blob = inconsistent();
    let nodes = network(&blob).await;
    let (sender, mut reports) = mpsc::unbounded_channel();
    let config = BlobRecoveryConfig {
        retry_interval_min_secs: 0,
        ..BlobRecoveryConfig::default()
    };
    let reporter = PanicsOnce(AtomicBool::new(false), Reports(sender));
    recover_with(&nodes[2], config, reporter);
    let report = tokio::time::timeout(Duration::from_secs(20), reports.recv());
    assert!(report.await.unwrap().is_some());
    let storage = &nodes[2].parts.storage;
    until(|| !storage.is_queued(blob.metadata.blob_id()).unwrap()).await;
    let workers = nodes[2].parts.runner.workers().list();
    let error = workers[0].last_error.as_ref().unwrap();
    assert!(
        error.message.contains("panicked: the first one"),
        "{error:?}"
    );
    assert_eq!(workers[0].errors, 1);
}

#[tokio::test]
async fn recovery_can_be_paused_while_more_is_queued_than_there_is_room_for() {
    let blob = inconsistent();
    let nodes = network(&blob).await;
    // Blobs of which nobody has anything: with room for them they fail.
    let others = [BlobId([0; 32]), BlobId([0xff; 32])];
    for blob_id in others {
        nodes[2].register(blob_id, false);
        nodes[2].fold(certified(blob_id, false));
    }
    let (sender, mut reports) = mpsc::unbounded_channel();
    let config = BlobRecoveryConfig {
        max_concurrent_blob_syncs: 1,
        retry_interval_min_secs: 3600,
        ..BlobRecoveryConfig::default()
    };
    recover_with(&nodes[2], config, Hangs(sender));
    let report = tokio::time::timeout(Duration::from_secs(20), reports.recv());
    assert!(report.await.unwrap().is_some());
    // There is no more room now, and that of the failed one is told.
    let workers = nodes[2].parts.runner.workers();
    until(|| workers.list()[0].state == State::Waiting).await;
    let info = &workers.list()[0];
    assert_eq!((info.errors, info.status.left), (1, Some(3)), "{info:?}");
    workers.pause("recovery").unwrap();
    until(|| workers.list()[0].state == State::Paused).await;
}

#[tokio::test]
async fn the_data_of_an_invalid_blob_goes_even_if_the_node_dies_in_between() {
    let blob = encode(&[4; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let [node, ..] = network(&blob).await;
    // The event is folded, and then the process dies: only the tables know.
    node.fold(ContractEvent::InvalidBlobId(InvalidBlobId {
        epoch: EPOCH,
        blob_id,
    }));
    let storage = &node.parts.storage;
    assert!(storage.has_metadata(&blob_id, &encoding()).unwrap());
    // What the event processing does at its start.
    node.parts.expiry.delete_invalid().unwrap();
    assert_absent(&node, &blob);
    assert!(storage.invalid().next().is_none());
    let status = node.client().blob_status(&blob_id).await.unwrap();
    assert!(matches!(status, BlobStatus::Invalid { .. }));
}

fn assert_absent(node: &TestNode, blob: &EncodedBlob) {
    let (storage, blob_id) = (&node.parts.storage, blob.metadata.blob_id());
    assert!(!storage.has_metadata(blob_id, &encoding()).unwrap());
    let shards = [0, 1, 2, 3].map(ShardIndex);
    assert_eq!(storage.missing_slivers(blob_id, shards).unwrap().len(), 8);
}

#[tokio::test]
async fn a_deleted_blob_goes_at_once_when_configured_and_nothing_is_registered_any_more() {
    let node = TestNode::start(&[0, 1, 2, 3]).await;
    let blob = encode(&[6; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let storage = &node.parts.storage;
    let delete_data = |at_once| {
        let expiry = &node.parts.expiry;
        expiry.after_deletion(&blob_id, EPOCH, at_once).unwrap();
    };
    let delete = || {
        node.fold(ContractEvent::BlobDeleted(BlobDeleted {
            epoch: EPOCH,
            blob_id,
            end_epoch: EPOCH + 5,
            object_id: Address::new(OBJECT),
            was_certified: false,
        }));
    };
    // Two objects of the same blob.
    node.register(blob_id, true);
    node.register(blob_id, true);
    storage.put_metadata(&blob.metadata).unwrap();
    node.upload(&blob, &[0, 1, 2, 3]).await;
    delete();
    delete_data(true);
    assert!(storage.has_metadata(&blob_id, &encoding()).unwrap());
    delete();
    delete_data(false);
    assert!(storage.has_metadata(&blob_id, &encoding()).unwrap());
    delete_data(true);
    assert_absent(&node, &blob);
}

#[tokio::test]
async fn a_blob_stays_queued_for_a_gained_shard_before_the_new_committee_is_known() {
    let blob = encode(&[3; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let node = TestNode::start(&[0, 1]).await;
    node.register(blob_id, false);
    node.fold(certified(blob_id, false));
    let metadata = blob.metadata.metadata();
    node.client()
        .store_metadata(&blob_id, metadata)
        .await
        .unwrap();
    node.upload(&blob, &[0, 1]).await;
    let (parts, (sender, _reports)) = (&node.parts, mpsc::unbounded_channel());
    let mut recovery = parts.recovery(BlobRecoveryConfig::default(), Arc::new(Reports(sender)));

    let next = view(&[0, 1, 2], &node.protocol_key.public_key());
    let turn = parts.shards.turn().await;
    parts.shards.assign(&next, &turn).unwrap();
    // For the shards of the committee that the node still knows, nothing is missing.
    take_steps(&mut recovery).await;
    assert!(parts.storage.is_queued(&blob_id).unwrap());
    parts.committees.set(next);
    drop(turn);
    take_steps(&mut recovery).await;
    let mut queued: Vec<_> = parts.storage.queued().flat_map(Result::unwrap).collect();
    queued.dedup();
    assert_eq!(queued, [(blob_id, SyncReason::FillShards)]);
    let state = parts.storage.shard_state(ShardIndex(2));
    assert_eq!(state, Some(ShardState::Recovering));
}

#[tokio::test]
async fn no_shard_counts_as_filled_while_shards_are_assigned() {
    let node = TestNode::start(&[0]).await;
    let (shards, storage) = (&node.parts.shards, &node.parts.storage);
    let (shard, recovering) = (ShardIndex(1), ShardState::Recovering);
    storage.set_shard_state(shard, recovering).unwrap();
    let committees = &node.parts.committees;
    committees.set(view(&[0, 1], &node.protocol_key.public_key()));
    let mut update = storage.update();
    update.set_event_epoch(EPOCH).unwrap();
    update.commit().unwrap();
    let turn = shards.turn().await;
    shards.finish_filling(committees).unwrap();
    assert_eq!(storage.shard_state(shard), Some(recovering));
    drop(turn);
    shards.finish_filling(committees).unwrap();
    assert_eq!(storage.shard_state(shard), Some(ShardState::Active));
}

/// Has the queue walked through, and what is started carried on until it waits for something.
async fn take_steps(recovery: &mut Recovery) {
    for _ in 0..4 {
        let _ = recovery.work().await;
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }
}
