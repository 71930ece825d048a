//! The queue of recoveries: what it names, when that goes, and how it is brought here.

use std::collections::HashSet;

use walrus_node::operator::RepairScope;

use super::*;

/// The second node has just these shards, the first one the others, and both know of the blob.
async fn lacking(blob: &EncodedBlob, own: &[u16]) -> [TestNode; 2] {
    let others: Vec<_> = ALL
        .into_iter()
        .filter(|shard| !own.contains(shard))
        .collect();
    let nodes = [
        TestNode::start_as(FIRST, &others).await,
        TestNode::start_as(SECOND, own).await,
    ];
    join(&nodes.each_ref());
    for node in &nodes {
        node.register(*blob.metadata.blob_id(), false);
        node.fold(certified(*blob.metadata.blob_id(), false));
    }
    nodes
}

fn queued(node: &TestNode, blob: &EncodedBlob) -> Vec<(Part, SyncReason)> {
    let queued = node.parts.storage.queued_of(blob.metadata.blob_id());
    let parts = queued.unwrap().parts.into_iter();
    parts.map(|(part, record)| (part, record.reason)).collect()
}

fn restless() -> BlobRecoveryConfig {
    BlobRecoveryConfig {
        retry_interval_min_secs: 0,
        retry_interval_max_secs: 0,
        ..BlobRecoveryConfig::default()
    }
}

#[tokio::test]
async fn slivers_leave_the_queue_one_by_one_and_what_cannot_be_had_stays() {
    let blob = encode(&vec![3; 300_000]);
    let [first, second] = lacking(&blob, &[9]).await;
    // What an event queues is not looked at yet.
    assert_eq!(
        queued(&second, &blob),
        [(Part::Whole, SyncReason::Certified)]
    );
    // A secondary sliver takes four primary ones, a primary sliver seven secondary ones.
    store(&first, &blob, &ALL[..5]).await;
    heal(&second, ShardSyncConfig::default(), restless());
    let primary = Part::Sliver(ShardIndex(9), SliverType::Primary);
    until(|| queued(&second, &blob) == [(primary, SyncReason::Certified)]).await;
    let storage = &second.parts.storage;
    let blob_id = *blob.metadata.blob_id();
    let secondary = storage.sliver(ShardIndex(9), &blob_id, SliverType::Secondary);
    assert!(secondary.unwrap().is_some());
    assert!(storage.waits_for_recovery(&HashSet::new()).unwrap());
    // A client may still be uploading it.
    let uploading = HashSet::from([blob_id]);
    assert!(!storage.waits_for_recovery(&uploading).unwrap());
    let scrape = second.parts.scrape(None, None);
    let entries = "walrus_node_repair_queue_entries{reason=\"certified\"} 1";
    until(|| scrape.text().lines().any(|line| line == entries)).await;
    // With the others it can be had, and nothing of it is left.
    first.upload(&blob, &ALL[5..9]).await;
    until(|| queued(&second, &blob).is_empty()).await;
    assert_holds(&second, &blob, &[9]);
    assert!(!storage.waits_for_recovery(&HashSet::new()).unwrap());
    until(|| !scrape.text().contains("walrus_node_repair_queue_entries{")).await;
    assert!(
        scrape
            .text()
            .contains("walrus_node_repair_queue_eta_seconds 0")
    );
}

#[tokio::test]
async fn a_blob_of_which_much_is_missing_is_read_whole() {
    let blob = encode(&vec![3; 300_000]);
    let own = &ALL[4..];
    let [first, second] = lacking(&blob, own).await;
    store(&first, &blob, &ALL[..4]).await;
    heal(&second, ShardSyncConfig::default(), restless());
    until(|| queued(&second, &blob).is_empty()).await;
    assert_holds(&second, &blob, own);
    // Four primary slivers are the blob; the symbols of twelve slivers would be more than twice as much.
    let metrics = &second.parts.deeds.metrics;
    let (fetched, theory) = (metrics.recovery_bytes.get(), 300_000);
    assert!(fetched * 10 <= theory * 11, "{fetched} for {theory}");
    assert_eq!(metrics.recovered_slivers.get(), 12);
    assert!(metrics.recovered_bytes.get() > 600_000);
}

#[tokio::test]
async fn each_entry_says_why_it_is_there_and_keeps_its_age() {
    let blob = encode(&[3; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let [_first, second] = lacking(&blob, &[9]).await;
    let storage = &second.parts.storage;
    let since = |part: Part| storage.queued_of(&blob_id).unwrap().parts[&part].since_ms;
    let begun = since(Part::Whole);
    assert!(begun > 0);
    // Queued again it is as old as before; a sliver that is named takes its age over.
    let mut update = storage.update();
    update.queue(&blob_id, SyncReason::Lost).unwrap();
    update.commit().unwrap();
    assert_eq!(
        queued(&second, &blob),
        [(Part::Whole, SyncReason::Certified)]
    );
    let missing = BOTH.map(|kind| Part::Sliver(ShardIndex(9), kind));
    let mut update = storage.update();
    update
        .settle_queue(&blob_id, &missing.into_iter().collect())
        .unwrap();
    update.commit().unwrap();
    assert_eq!(
        queued(&second, &blob),
        missing.map(|part| (part, SyncReason::Certified))
    );
    assert_eq!(missing.map(since), [begun; 2]);
    // What the operator orders and what fills shards is told apart.
    let mut update = storage.update();
    update.dequeue(&blob_id).unwrap();
    update.commit().unwrap();
    second.parts.runner.spawn(second.parts.repair_worker());
    second
        .parts
        .order_repair(RepairScope::Blob(blob_id))
        .unwrap();
    until(|| storage.queued_for(&blob_id).unwrap() == Some(SyncReason::Ordered)).await;
    let mut update = storage.update();
    update.queue(&blob_id, SyncReason::FillShards).unwrap();
    update.commit().unwrap();
    assert_eq!(
        storage.queued_for(&blob_id).unwrap(),
        Some(SyncReason::FillShards)
    );
}

#[tokio::test]
async fn a_page_of_the_queue_never_cuts_a_blob_in_two() {
    let blob_ids = [1, 2, 3].map(|byte| BlobId([byte; 32]));
    let node = TestNode::start(&[]).await;
    let storage = &node.parts.storage;
    let mut update = storage.update();
    for blob_id in &blob_ids {
        for shard in 0..900 {
            let part = Part::Sliver(ShardIndex(shard), SliverType::Primary);
            update.queue_part(blob_id, part, SyncReason::Lost).unwrap();
        }
    }
    update.commit().unwrap();
    let (mut found, mut last) = (vec![], None);
    while let Some(behind) = {
        let page = storage.queued_behind(last).unwrap();
        found.extend(
            page.iter()
                .map(|queued| (queued.blob_id, queued.parts.len())),
        );
        page.last().map(|queued| queued.blob_id)
    } {
        last = Some(behind);
    }
    assert_eq!(found, blob_ids.map(|blob_id| (blob_id, 900)));
    assert_eq!(storage.count_queued(2).unwrap(), 2);
    assert_eq!(storage.count_queued(10).unwrap(), 3);
}

#[tokio::test]
async fn a_queue_that_much_went_through_is_not_searched_on_disk() {
    let node = TestNode::start(&[4]).await;
    let storage = &node.parts.storage;
    heal(&node, ShardSyncConfig::default(), restless());
    // Nothing of them is missing, since nobody has certified them.
    let go_through = |round: u8| {
        let mut update = storage.update();
        for number in 0..100 {
            let mut blob_id = [round; 32];
            blob_id[0] = number;
            let part = Part::Sliver(ShardIndex(4), SliverType::Primary);
            let reason = SyncReason::Lost;
            update.queue_part(&BlobId(blob_id), part, reason).unwrap();
        }
        update.commit().unwrap();
    };
    let searches = storage.queue_searches();
    for round in 0..4 {
        go_through(round);
        assert!(storage.count_queued(1000).unwrap() > 0);
        until(|| storage.count_queued(1000).unwrap() == 0).await;
        assert!(!storage.waits_for_recovery(&HashSet::new()).unwrap());
    }
    assert_eq!(storage.queue_searches(), searches);
}

#[tokio::test]
async fn a_blob_of_which_nothing_is_missing_is_not_queued() {
    let blob = encode(&[3; 2000]);
    let blob_id = *blob.metadata.blob_id();
    let node = TestNode::start(&[4, 9]).await;
    let storage = &node.parts.storage;
    storage
        .set_shard_state(ShardIndex(2), ShardState::Locked)
        .unwrap();
    node.register(blob_id, false);
    store(&node, &blob, &[4, 9]).await;
    node.fold(certified(blob_id, false));
    assert!(!storage.is_queued(&blob_id).unwrap());
    // A shard that is only begun counts.
    storage
        .set_shard_state(ShardIndex(7), ShardState::Recovering)
        .unwrap();
    node.fold(certified(blob_id, false));
    assert_eq!(
        storage.queued_for(&blob_id).unwrap(),
        Some(SyncReason::Certified)
    );
}
