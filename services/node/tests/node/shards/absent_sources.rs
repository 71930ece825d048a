//! What is recovered from others since nobody sends it as it is.

use std::collections::HashSet;

use walrus_service::worker::State;

use super::*;

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
async fn a_node_without_room_for_a_shard_goes_on() {
    let blobs = blobs(3);
    let full = TestNode::start_capped(SECOND, &[], 1).await;
    let [first, second] = first_and(full, &blobs).await;
    let after = committees_of(&first, &second, &ALL[..9], &[9]);
    assign(&first, &after).await;
    assign(&second, &after).await;
    let patient = ShardSyncConfig {
        shard_sync_retry_min_backoff_secs: 0,
        shard_sync_retry_max_backoff_secs: 0,
        shard_sync_retry_switch_to_recovery_interval_secs: 3600,
        ..ShardSyncConfig::default()
    };
    heal(&second, patient, BlobRecoveryConfig::default());
    let sync = || {
        let mut workers = second.parts.runner.workers().list().into_iter();
        workers.find(|worker| worker.name == "shard-sync").unwrap()
    };
    // It is tried again and again, and stops nobody.
    until(|| sync().errors > 2).await;
    assert_ne!(sync().state, State::Failed);
    let why = sync().last_error.unwrap().message;
    assert!(why.contains("storage_max_bytes"), "{why}");
    assert_eq!(states(&second, &[9]), [Some(ShardState::Recovering)]);
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
        Some(SyncReason::Unrecoverable)
    );
    assert_eq!(second.parts.deeds.metrics.unrecoverable_blobs.get(), 1);
    // It is not waited for by those who wait for the queue.
    assert!(!storage.waits_for_recovery(&HashSet::new()).unwrap());
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
