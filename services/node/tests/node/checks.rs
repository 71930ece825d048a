//! What nodes compare: digests of what is certified, blobs that are whole, the block list.

use crate::support::*;
use tokio::sync::watch;
use twox_hash::XxHash64;
use walrus_core::BlobId;
use walrus_node::checks::digests;
use walrus_service::worker::{Step, Worker as _};
use walrus_sui::{
    Address,
    events::{
        BlobCertified, BlobRegistered, ContractEvent, PooledBlobCertified, PooledBlobRegistered,
        StoragePoolCreated,
    },
};

/// What the digest of these IDs is, by another implementation of the hash.
fn of(seed: u32, ids: &[[u8; 32]]) -> u64 {
    XxHash64::oneshot(u64::from(seed), &ids.concat())
}

fn stored(node: &TestNode, byte: u8, epoch: u32, certified: bool) {
    let (blob_id, object_id) = (BlobId([byte; 32]), Address::new([byte ^ 0xff; 32]));
    node.fold(ContractEvent::BlobRegistered(BlobRegistered {
        epoch,
        blob_id,
        size: 1,
        encoding_type: 1,
        end_epoch: EPOCH + 5,
        deletable: true,
        object_id,
    }));
    if certified {
        node.fold(ContractEvent::BlobCertified(BlobCertified {
            epoch,
            blob_id,
            end_epoch: EPOCH + 5,
            deletable: true,
            object_id,
            is_extension: false,
        }));
    }
}

fn pooled(node: &TestNode, byte: u8, epoch: u32) {
    let (storage_pool_id, object_id) = (Address::new([1; 32]), Address::new([byte; 32]));
    node.fold(ContractEvent::StoragePoolCreated(StoragePoolCreated {
        epoch,
        storage_pool_id,
        reserved_encoded_capacity_bytes: 1,
        start_epoch: epoch,
        end_epoch: EPOCH + 5,
    }));
    node.fold(ContractEvent::PooledBlobRegistered(PooledBlobRegistered {
        epoch,
        blob_id: BlobId([byte; 32]),
        unencoded_size: 1,
        encoding_type: 1,
        deletable: true,
        object_id,
        storage_pool_id,
    }));
    node.fold(ContractEvent::PooledBlobCertified(PooledBlobCertified {
        epoch,
        blob_id: BlobId([byte; 32]),
        deletable: true,
        object_id,
        storage_pool_id,
    }));
}

#[tokio::test]
async fn digests_are_of_what_was_certified_before_the_epoch_in_the_order_of_ids() {
    let node = TestNode::start(&[0]).await;
    let storage = &node.parts.storage;
    let none = digests(storage, EPOCH).unwrap();
    assert_eq!((none.blobs, none.scanned), (of(EPOCH, &[]), 0));

    stored(&node, 9, EPOCH - 1, true);
    stored(&node, 3, EPOCH - 2, true);
    stored(&node, 5, EPOCH - 1, false);
    stored(&node, 4, EPOCH, true);
    pooled(&node, 7, EPOCH - 1);
    let found = digests(storage, EPOCH).unwrap();
    assert_eq!(found.blobs, of(EPOCH, &[[3; 32], [7; 32], [9; 32]]));
    assert_eq!(found.scanned, 3);
    assert_eq!(found.objects, of(EPOCH, &[[0xf6; 32], [0xfc; 32]]));
    assert_eq!(found.pooled_objects, of(EPOCH, &[[7; 32]]));

    // One epoch later the blob of this epoch counts, and the seed is another one.
    let later = digests(storage, EPOCH + 1).unwrap();
    assert_eq!(later.scanned, 4);
    assert_eq!(
        later.blobs,
        of(EPOCH + 1, &[[3; 32], [4; 32], [7; 32], [9; 32]])
    );
    assert_eq!(
        digests(storage, EPOCH + 5).unwrap().objects,
        of(EPOCH + 5, &[])
    );
}

fn metrics(node: &TestNode) -> String {
    node.parts.scrape(None, None).text()
}

#[tokio::test]
async fn blobs_that_are_not_whole_are_counted_unless_they_are_queued() {
    let node = TestNode::start(&[0, 1]).await;
    let storage = &node.parts.storage;
    storage
        .set_node_status(walrus_node::storage::records::NodeStatus::Active)
        .unwrap();
    for byte in [1, 2, 3, 4] {
        stored(&node, byte, EPOCH - 1, true);
    }
    // What is certified is queued; of two, nothing is known to be missing.
    let mut update = storage.update();
    for byte in [1, 2] {
        update.dequeue(&BlobId([byte; 32])).unwrap();
    }
    update.commit().unwrap();
    let (began, receiver) = watch::channel(0);
    node.parts
        .runner
        .spawn(node.parts.existence_check(100, receiver));
    began.send_replace(EPOCH);
    let ratio = format!(
        "walrus_node_blob_data_fully_stored_ratio{{epoch=\"{}\"}} 0",
        EPOCH % 10
    );
    until(|| metrics(&node).lines().any(|line| line == ratio)).await;
    for byte in [1, 2, 3, 4] {
        let blob_id = BlobId([byte; 32]);
        assert!(storage.is_queued(&blob_id).unwrap(), "{blob_id}");
    }
}

async fn is_blocked(node: &TestNode, blob_id: BlobId) -> bool {
    let answer = node.parts.deeds.reads.metadata(blob_id).await;
    answer.unwrap_err().to_string().contains("block list")
}

#[tokio::test]
async fn the_block_list_follows_its_file_and_survives_its_absence() {
    let node = TestNode::start(&[0]).await;
    let path = node.dir.path().join("blocked.yaml");
    let (old, new) = (BlobId([0xbb; 32]), BlobId([0xcc; 32]));
    let mut refresh = node.parts.blocklist_refresh(path.clone());
    for emptied in [None, Some("[]")] {
        if let Some(text) = emptied {
            std::fs::write(&path, text).unwrap();
        }
        refresh.work().await.unwrap();
        assert!(is_blocked(&node, old).await, "no list changes nothing");
    }

    std::fs::write(&path, format!("- {new}\n- {}\n", BlobId([0xdd; 32]))).unwrap();
    refresh.work().await.unwrap();
    assert!(is_blocked(&node, new).await && !is_blocked(&node, old).await);
    assert!(metrics(&node).contains("walrus_blocklist_size 2"));

    std::fs::write(&path, "no list").unwrap();
    let step = refresh.work().await.unwrap();
    assert!(matches!(step, Step::Retry(_)), "{step:?}");
    assert!(is_blocked(&node, new).await, "what was read holds");
}
