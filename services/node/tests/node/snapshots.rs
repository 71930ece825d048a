//! Snapshots: what is registered when an epoch begins, written by one node and read by another that has seen no event.

use std::{collections::BTreeSet, sync::Arc};

use walrus_core::BlobId;
use walrus_node::{
    snapshots::{BeginningOfEpoch, SnapshotError},
    storage::{Storage, blob_info::BlobInfo, event_name::EventName, records::NodeStatus},
};
use walrus_sui::{
    Address,
    events::{
        BlobCertified, BlobRegistered, ContractEvent, InvalidBlobId, PooledBlobCertified,
        PooledBlobRegistered, StoragePoolCreated,
    },
};

use crate::support::*;

const BEGINS: BeginningOfEpoch = BeginningOfEpoch {
    event: EventName {
        tx_digest: [5; 32],
        event_seq: 1,
    },
    index: 70,
    checkpoint: 30,
    events_before: Some(2),
};

const POOL: Address = Address::new([0xb0; 32]);

fn blob(byte: u8) -> BlobId {
    BlobId([byte; 32])
}

/// Objects of every kind: permanent, deletable, in a pool, one that is not certified, and one of a blob that is invalid.
fn register_all(storage: &Storage) {
    for (byte, deletable) in [(1, false), (2, true), (3, true), (4, false)] {
        let object_id = Address::new([byte; 32]);
        let (epoch, end_epoch) = (EPOCH, EPOCH + 1 + u32::from(byte));
        fold_event(
            storage,
            ContractEvent::BlobRegistered(BlobRegistered {
                epoch,
                blob_id: blob(byte),
                size: 1,
                encoding_type: 1,
                end_epoch,
                deletable,
                object_id,
            }),
        );
        if byte != 3 {
            fold_event(
                storage,
                ContractEvent::BlobCertified(BlobCertified {
                    epoch,
                    blob_id: blob(byte),
                    end_epoch,
                    deletable,
                    object_id,
                    is_extension: false,
                }),
            );
        }
    }
    fold_event(
        storage,
        ContractEvent::InvalidBlobId(InvalidBlobId {
            epoch: EPOCH,
            blob_id: blob(4),
        }),
    );
    let object_id = Address::new([0x99; 32]);
    for event in [
        ContractEvent::StoragePoolCreated(StoragePoolCreated {
            epoch: EPOCH,
            storage_pool_id: POOL,
            reserved_encoded_capacity_bytes: 1,
            start_epoch: EPOCH,
            end_epoch: EPOCH + 9,
        }),
        ContractEvent::PooledBlobRegistered(PooledBlobRegistered {
            epoch: EPOCH,
            blob_id: blob(1),
            unencoded_size: 1,
            encoding_type: 1,
            deletable: true,
            object_id,
            storage_pool_id: POOL,
        }),
        ContractEvent::PooledBlobCertified(PooledBlobCertified {
            epoch: EPOCH,
            blob_id: blob(1),
            deletable: true,
            object_id,
            storage_pool_id: POOL,
        }),
    ] {
        fold_event(storage, event);
    }
}

fn records(storage: &Storage) -> Vec<(BlobId, BlobInfo)> {
    storage.blob_infos().flat_map(Result::unwrap).collect()
}

/// Three nodes that have seen the same, and one that has seen nothing; all of them in one committee.
async fn network() -> (Vec<TestNode>, TestNode) {
    let mut nodes = Vec::new();
    for (byte, own) in [(1, &[0, 1, 2][..]), (2, &[3, 4, 5]), (3, &[6, 7, 8])] {
        nodes.push(TestNode::start_as(Address::new([byte; 32]), own).await);
    }
    let fresh = TestNode::start_as(Address::new([9; 32]), &[9]).await;
    let mut all: Vec<_> = nodes.iter().collect();
    all.push(&fresh);
    join(&all);
    (nodes, fresh)
}

#[tokio::test]
async fn a_node_begins_with_what_the_others_have_registered() {
    let (nodes, fresh) = network().await;
    for node in &nodes {
        register_all(&node.parts.storage);
        let written = node.parts.write_snapshot(EPOCH + 1, &BEGINS).unwrap();
        assert!(written, "the place of the event is known");
    }
    let offered = nodes[0].client().snapshot().await.unwrap();
    assert_eq!((offered.epoch, offered.checkpoint), (EPOCH + 1, 30));
    let storage = &fresh.parts.storage;
    let begun = fresh.parts.begin_with_snapshot(1).await.unwrap();
    assert_eq!(begun, offered);
    assert_eq!(records(storage), records(&nodes[0].parts.storage));
    let objects =
        |storage: &Arc<Storage>| -> Vec<_> { storage.objects().flat_map(Result::unwrap).collect() };
    assert_eq!(objects(storage), objects(&nodes[0].parts.storage));
    assert!(storage.pool(&POOL).unwrap().is_some());
    assert!(storage.blob_info(&blob(4)).unwrap().unwrap().is_invalid());
    // The event that begins the epoch is the next one: two of its checkpoint are processed.
    let cursor = storage.cursor().unwrap().unwrap();
    assert_eq!(cursor.next_index, 70);
    let (next, processed) = cursor.resume();
    assert_eq!((next.checkpoint, processed), (30, 2));
    assert_eq!(storage.event_epoch().unwrap(), EPOCH);
    assert_eq!(storage.node_status().unwrap(), NodeStatus::RecoveryCatchUp);
}

#[tokio::test]
async fn a_snapshot_that_too_few_have_is_not_begun_with() {
    let (nodes, fresh) = network().await;
    // Of ten shards three may lie, and each of these has as many.
    for (node, byte) in nodes.iter().zip(1..) {
        let storage = &node.parts.storage;
        register_all(storage);
        fold_event(storage, registered(blob(0x40 + byte), false));
        node.parts.write_snapshot(EPOCH + 1, &BEGINS).unwrap();
    }
    let error = fresh.parts.begin_with_snapshot(1).await.unwrap_err();
    assert!(
        matches!(
            error,
            SnapshotError::NoAgreement {
                found: 3,
                needed: 4
            }
        ),
        "{error}"
    );
    assert_eq!(fresh.parts.storage.cursor().unwrap(), None);
}

#[tokio::test]
async fn one_that_sends_something_else_is_not_believed() {
    let (nodes, fresh) = network().await;
    for node in &nodes {
        register_all(&node.parts.storage);
        node.parts.write_snapshot(EPOCH + 1, &BEGINS).unwrap();
    }
    // Two of three have files that are not what they say.
    for node in &nodes[..2] {
        let directory = node.dir.path().join("blob_info_snapshots");
        let path = directory.join(format!("snapshot_epoch_{}.bin", EPOCH + 1));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    fresh.parts.begin_with_snapshot(1).await.unwrap();
    let storage = &nodes[2].parts.storage;
    assert_eq!(records(&fresh.parts.storage), records(storage));
}

#[tokio::test]
async fn only_the_newest_snapshot_is_kept_and_offered() {
    let node = TestNode::start(&[0]).await;
    let client = node.client();
    let error = client.snapshot().await.unwrap_err();
    assert!(error.to_string().contains("SNAPSHOT_NOT_FOUND"), "{error}");
    let unknown = BeginningOfEpoch {
        events_before: None,
        ..BEGINS
    };
    assert!(!node.parts.write_snapshot(EPOCH, &unknown).unwrap());
    for epoch in [EPOCH, EPOCH + 1] {
        node.parts.write_snapshot(epoch, &BEGINS).unwrap();
    }
    let offered = client.snapshot().await.unwrap();
    assert_eq!(offered.epoch, EPOCH + 1);
    let mut answer = client.snapshot_bytes(EPOCH + 1, 4).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        bytes.extend(chunk);
    }
    assert_eq!(bytes.len() as u64, offered.bytes - 4);
    assert!(client.snapshot_bytes(EPOCH, 0).await.is_err());
    let files = std::fs::read_dir(node.dir.path().join("blob_info_snapshots")).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}
