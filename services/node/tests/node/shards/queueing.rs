//! What is queued for gained shards, and when a node may say that it has them.

use walrus_core::bls::BlsKeyPair;

use super::*;

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
async fn a_node_that_the_chain_knows_by_its_next_key_keeps_its_shards_and_reports_them() {
    let node = TestNode::start_as(FIRST, &ALL).await;
    enter_epoch(&node);
    let mut after = Committees {
        previous: Some(committee(EPOCH - 1, &[(&node, &ALL)])),
        current: committee(EPOCH, &[(&node, &ALL)]),
        ..committees(vec![])
    };
    // It has been started with the one before, and starts again with this one in a moment.
    let next = BlsKeyPair::generate(&mut rand::rng()).public_key();
    for member in &mut after.current.members {
        member.public_key = Some(next);
    }
    assign(&node, &after).await;
    assert_eq!(states(&node, &ALL), [Some(ShardState::Active); 10]);
    let view = view_of(&node, &after);
    let reported = node.parts.shards.epoch_to_attest(&view).unwrap();
    assert_eq!(reported, Some(EPOCH));
}
