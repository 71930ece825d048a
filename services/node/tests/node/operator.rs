//! Operator verbs on a node without a chain.

use walrus_core::ShardIndex;
use walrus_node::{
    operator::{RepairRefused, RepairReport, RepairScope, check_storage},
    storage::records::NodeStatus,
};

use crate::support::*;

async fn repaired(node: &TestNode, scope: RepairScope) -> RepairReport {
    node.parts.order_repair(scope).unwrap();
    until(|| !node.parts.repair_report().running).await;
    let report = node.parts.repair_report();
    assert_eq!(report.failure, None);
    report
}

#[tokio::test]
async fn repair_queues_what_is_missing_and_says_how_much_that_is() {
    let node = TestNode::start(&[0, 1]).await;
    node.parts.runner.spawn(node.parts.repair_worker());
    let blob = encode(b"half of it is here");
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    node.client()
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    node.upload(&blob, &[0]).await;
    let nothing = repaired(&node, RepairScope::AllMissing).await;
    assert_eq!(nothing.checked, 0, "what is not certified need not be here");

    // As if the queue had been lost.
    node.fold(certified(blob_id, false));
    let mut update = node.parts.storage.update();
    update.dequeue(&blob_id).unwrap();
    update.commit().unwrap();

    let whole = repaired(&node, RepairScope::Shard(0)).await;
    assert_eq!((whole.checked, whole.incomplete), (1, 0));
    assert!(!node.parts.storage.is_queued(&blob_id).unwrap());
    for scope in [
        RepairScope::Shard(1),
        RepairScope::AllMissing,
        RepairScope::Blob(blob_id),
    ] {
        let report = repaired(&node, scope).await;
        assert_eq!((report.incomplete, report.missing_slivers), (1, 2));
        assert!(node.parts.storage.is_queued(&blob_id).unwrap());
        let mut update = node.parts.storage.update();
        update.dequeue(&blob_id).unwrap();
        update.commit().unwrap();
    }
    let refused = node.parts.order_repair(RepairScope::Shard(5));
    assert_eq!(refused, Err(RepairRefused::NotOurs(5)));
    assert!(node.parts.storage.shard_state(ShardIndex(5)).is_none());
}

#[tokio::test]
async fn a_check_finds_what_certified_blobs_lack_without_anybody_knowing() {
    let node = TestNode::start(&[0, 1]).await;
    let storage = &node.parts.storage;
    let blob = encode(b"half of it is here");
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    node.client()
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    node.upload(&blob, &[0]).await;
    node.fold(certified(blob_id, false));
    let dequeue = || {
        let mut update = storage.update();
        update.dequeue(&blob_id).unwrap();
        update.set_event_epoch(EPOCH + 1).unwrap();
        update.commit().unwrap();
    };
    dequeue();
    let found = |fix| check_storage(storage, fix).unwrap().found;
    assert_eq!(
        found(false),
        0,
        "nothing can be said of a node that is not in the committee"
    );
    storage.set_node_status(NodeStatus::Active).unwrap();
    let report = check_storage(storage, false).unwrap();
    assert_eq!(report.found, 1, "{report:?}");
    assert!(report.findings[0].contains("lacks 2 slivers"), "{report:?}");
    assert!(!storage.is_queued(&blob_id).unwrap());
    assert_eq!(found(true), 1);
    assert!(storage.is_queued(&blob_id).unwrap());
    assert_eq!(found(false), 0);
}
