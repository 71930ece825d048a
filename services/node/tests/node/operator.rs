//! Operator verbs on a node without a chain.

use walrus_core::{BlobId, ShardIndex};
use walrus_node::{
    operator::{RepairRefused, RepairReport, RepairScope, check_storage},
    storage::{
        Storage,
        blob_info::{BlobInfo, Change},
        event_name::EventName,
        records::NodeStatus,
    },
};
use walrus_sui::{Address, events::ContractEvent};

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

/// Writes records of blobs that are not what their objects come to; returns the blobs, and the records as they were.
fn differ(storage: &Storage) -> Vec<(BlobId, Option<BlobInfo>)> {
    let mut before = Vec::new();
    for (byte, deletable) in [(1, false), (2, true)] {
        let blob_id = BlobId([byte; 32]);
        let object_id = Address::new([byte; 32]);
        for event in [
            registered(blob_id, deletable),
            certified(blob_id, deletable),
        ] {
            fold_event(storage, with_object(event, object_id));
        }
        before.push((blob_id, storage.blob_info(&blob_id).unwrap()));
    }
    let counted_twice = BlobInfo::after(
        before[0].1,
        Change::RegisterPermanent { end_epoch: 1 },
        EventName::default(),
    );
    let mut update = storage.update();
    let wrong = counted_twice.unwrap().unwrap();
    update.put_blob_info(&before[0].0, &wrong).unwrap();
    update.commit().unwrap();
    // As if it had been lost.
    storage.forget_blob(&before[1].0).unwrap();
    before
}

fn with_object(mut event: ContractEvent, id: Address) -> ContractEvent {
    match &mut event {
        ContractEvent::BlobRegistered(event) => event.object_id = id,
        ContractEvent::BlobCertified(event) => event.object_id = id,
        _ => {}
    }
    event
}

#[tokio::test]
async fn a_check_finds_records_that_are_not_what_their_objects_come_to() {
    let node = TestNode::start(&[0]).await;
    let storage = &node.parts.storage;
    assert_eq!(check_storage(storage, false).unwrap().found, 0);
    let before = differ(storage);
    let report = check_storage(storage, false).unwrap();
    assert_eq!(report.found, 2, "{report:?}");
    let findings = report.findings.join("\n");
    for says in [
        "1 permanent (1 certified), 0 deletable",
        "has no record",
        "1 deletable (1 certified)",
    ] {
        assert!(findings.contains(says), "{says} in {findings}");
    }
    assert_ne!(storage.blob_info(&before[0].0).unwrap(), before[0].1);
    assert_eq!(check_storage(storage, true).unwrap().found, 2);
    for (blob_id, record) in before {
        assert_eq!(storage.blob_info(&blob_id).unwrap(), record);
    }
    assert_eq!(check_storage(storage, false).unwrap().found, 0);
}
