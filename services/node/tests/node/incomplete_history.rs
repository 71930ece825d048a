//! A node that catches up changes tables alone; one that does without the beginning of the events is told enough later. Node spec 2.7
//! and 5.5.

use tempfile::TempDir;
use walrus_core::{BlobId, ShardIndex};
use walrus_node::storage::{
    Storage,
    records::{NodeStatus, ShardState},
};
use walrus_sui::{
    Address,
    events::{BlobCertified, BlobDeleted, BlobRegistered, ContractEvent, EpochChangeStart},
};

use crate::support::fold_event;

/// From here on every event is known about what is still stored.
const COMPLETE: u32 = 20;
/// The epoch of the network when the node began.
const START: u32 = 25;

const BLOB: BlobId = BlobId([7; 32]);
const OBJECT: Address = Address::new([8; 32]);

fn node() -> (TempDir, Storage) {
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open(dir.path(), 1 << 20).unwrap();
    storage
        .set_node_status(NodeStatus::RecoveryCatchUpWithIncompleteHistory {
            first_complete_epoch: COMPLETE,
            epoch_at_start: START,
        })
        .unwrap();
    (dir, storage)
}

fn begin(storage: &Storage, epoch: u32) {
    let start = EpochChangeStart { epoch };
    fold_event(storage, ContractEvent::EpochChangeStart(start));
}

fn register(storage: &Storage, end_epoch: u32) {
    fold_event(
        storage,
        ContractEvent::BlobRegistered(BlobRegistered {
            epoch: 19,
            blob_id: BLOB,
            size: 1,
            encoding_type: 1,
            end_epoch,
            deletable: true,
            object_id: OBJECT,
        }),
    );
}

fn certify(storage: &Storage, end_epoch: u32, is_extension: bool) {
    fold_event(
        storage,
        ContractEvent::BlobCertified(BlobCertified {
            epoch: 19,
            blob_id: BLOB,
            end_epoch,
            deletable: true,
            object_id: OBJECT,
            is_extension,
        }),
    );
}

fn delete(storage: &Storage, end_epoch: u32) {
    fold_event(
        storage,
        ContractEvent::BlobDeleted(BlobDeleted {
            epoch: 19,
            blob_id: BLOB,
            end_epoch,
            object_id: OBJECT,
            was_certified: true,
        }),
    );
}

fn is_certified(storage: &Storage) -> bool {
    let info = storage.blob_info(&BLOB).unwrap();
    info.is_some_and(|info| info.is_certified(START))
}

#[test]
fn what_is_before_the_first_complete_epoch_says_nothing() {
    let (_dir, storage) = node();
    begin(&storage, COMPLETE - 1);
    register(&storage, START + 5);
    certify(&storage, START + 5, false);
    assert_eq!(storage.blob_info(&BLOB).unwrap(), None);
    begin(&storage, COMPLETE);
    assert_eq!(storage.event_epoch().unwrap(), COMPLETE);
    register(&storage, START + 5);
    certify(&storage, START + 5, false);
    assert!(is_certified(&storage));
}

#[test]
fn what_ended_before_the_node_began_is_left_out_whole() {
    let (_dir, storage) = node();
    begin(&storage, COMPLETE);
    // Its certification and deletion would not fit if the registration had been seen and they had not.
    certify(&storage, START, false);
    register(&storage, START);
    delete(&storage, START);
    assert_eq!(storage.blob_info(&BLOB).unwrap(), None);
    assert_eq!(storage.object(&OBJECT).unwrap(), None);
}

#[test]
fn an_extension_stands_for_what_was_not_seen() {
    let (_dir, storage) = node();
    begin(&storage, COMPLETE);
    certify(&storage, START + 9, true);
    assert!(is_certified(&storage));
    let object = storage.object(&OBJECT).unwrap().unwrap();
    assert_eq!(
        (object.end_epoch, object.certified_epoch),
        (START + 9, Some(19))
    );
    // The next one is one of an object that is known.
    certify(&storage, START + 11, true);
    let object = storage.object(&OBJECT).unwrap().unwrap();
    assert_eq!(object.end_epoch, START + 11);
    delete(&storage, START + 11);
    assert!(!is_certified(&storage));
}

#[test]
fn a_node_that_has_caught_up_knows_of_every_event_what_it_means() {
    let (_dir, storage) = node();
    storage.set_node_status(NodeStatus::Active).unwrap();
    begin(&storage, COMPLETE - 1);
    register(&storage, START + 5);
    assert!(storage.object(&OBJECT).unwrap().is_some());
}

#[test]
fn nothing_is_queued_for_recovery_before_a_node_has_caught_up() {
    let (_dir, storage) = node();
    let shard = ShardIndex(1);
    storage.set_shard_state(shard, ShardState::Active).unwrap();
    for (status, queued) in [
        (NodeStatus::RecoveryCatchUp, false),
        (NodeStatus::RecoveryInProgress(COMPLETE), true),
    ] {
        storage.set_node_status(status).unwrap();
        register(&storage, START + 5);
        certify(&storage, START + 5, false);
        assert_eq!(storage.is_queued(&BLOB).unwrap(), queued, "{status}");
    }
}
