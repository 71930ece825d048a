//! Slivers on disk: what is put is kept, what ends gives its room back, and damage costs what is damaged.

mod ahead;
mod damage;
mod disks;
mod room;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use walrus_core::{BlobId, Epoch, ShardIndex, SliverType};
use walrus_node::storage::{
    Finding, Storage, StorageError, StorageOptions, blob_info::BlobInfo, event_name::EventName,
    records::ShardState, segments::NewSliver,
};
use walrus_sui::{
    Address,
    events::{BlobRegistered, ContractEvent},
};

use crate::support::{EPOCH, fold_event};

const TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];
const SHARD: ShardIndex = ShardIndex(3);
const SEGMENT_BYTES: u64 = 4096;
const HEADER_BYTES: usize = 80;
/// What nobody pays for.
const INVALID: BlobInfo = BlobInfo::Invalid {
    epoch: EPOCH,
    event: EventName {
        tx_digest: [7; 32],
        event_seq: 0,
    },
};

fn options(dir: &Path) -> StorageOptions {
    StorageOptions {
        segment_bytes: SEGMENT_BYTES,
        ..StorageOptions::new(dir, 1 << 20)
    }
}

fn open(dir: &Path) -> Storage {
    let storage = Storage::open_with(options(dir)).unwrap();
    if storage.shard_state(SHARD).is_none() {
        storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    }
    storage
}

fn blob(id: u8) -> BlobId {
    BlobId([id; 32])
}

fn payload(id: u8, sliver_type: SliverType) -> Vec<u8> {
    let length = 100 + usize::from(id) * 7;
    let first = u8::from(sliver_type == SliverType::Secondary);
    (0..length).map(|at| first ^ id ^ (at as u8)).collect()
}

/// With an object for each end.
fn register(storage: &Storage, id: u8, end_epoch: Epoch) {
    let mut object_id = [id; 32];
    object_id[..4].copy_from_slice(&end_epoch.to_be_bytes());
    fold_event(
        storage,
        ContractEvent::BlobRegistered(BlobRegistered {
            epoch: EPOCH,
            blob_id: blob(id),
            size: 1,
            encoding_type: 1,
            end_epoch,
            deletable: false,
            object_id: Address::new(object_id),
        }),
    );
}

fn set_epoch(storage: &Storage, epoch: Epoch) {
    let mut update = storage.update();
    update.set_event_epoch(epoch).unwrap();
    update.commit().unwrap();
}

/// Deletes blobs that nobody pays for any more.
fn delete(storage: &Storage, blobs: &[BlobId]) {
    let mut update = storage.update();
    for blob_id in blobs {
        update.put_blob_info(blob_id, &INVALID).unwrap();
    }
    update.commit().unwrap();
    storage.delete_data_of(blobs).unwrap();
}

fn put_bytes(storage: &Storage, id: u8, payload: &[u8]) -> Result<(), StorageError> {
    let sliver = NewSliver {
        blob_id: blob(id),
        sliver_type: SliverType::Primary,
        payload,
    };
    storage.put_slivers(SHARD, &[sliver])
}

fn put_in(storage: &Storage, shard: ShardIndex, id: u8) {
    for sliver_type in TYPES {
        let payload = payload(id, sliver_type);
        let sliver = NewSliver {
            blob_id: blob(id),
            sliver_type,
            payload: &payload,
        };
        storage.put_slivers(shard, &[sliver]).unwrap();
    }
}

fn put(storage: &Storage, id: u8) {
    put_in(storage, SHARD, id);
}

/// How many slivers of the blob are there; they are the right ones.
fn held_in(storage: &Storage, shard: ShardIndex, id: u8) -> usize {
    let read = TYPES.map(|sliver_type| {
        let found = storage.sliver(shard, &blob(id), sliver_type).unwrap();
        if let Some(found) = &found {
            assert_eq!(*found, payload(id, sliver_type), "blob {id}");
        }
        usize::from(found.is_some())
    });
    read.iter().sum()
}

fn held(storage: &Storage, id: u8) -> usize {
    held_in(storage, SHARD, id)
}

fn is_queued(storage: &Storage, id: u8) -> bool {
    storage.is_queued(&blob(id)).unwrap()
}

/// The segment files below a directory.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for shard in fs::read_dir(dir.join("shards")).into_iter().flatten() {
        for file in fs::read_dir(shard.unwrap().path()).unwrap() {
            found.push(file.unwrap().path());
        }
    }
    found.sort();
    found
}

fn bytes_in(dir: &Path) -> u64 {
    let files = segments(dir);
    files
        .iter()
        .map(|path| fs::metadata(path).unwrap().len())
        .sum()
}

/// Copies a directory; the journal of a database is mostly room for what is to come.
fn copy(from: &Path, to: &Path) {
    const ZEROS: [u8; 4096] = [0; 4096];
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let empty = bytes.rchunks(ZEROS.len());
        let empty = empty.take_while(|chunk| **chunk == ZEROS[..chunk.len()]);
        let used = bytes.len() - empty.map(<[u8]>::len).sum::<usize>();
        fs::write(&to, &bytes[..used]).unwrap();
        let file = fs::File::options().write(true).open(&to).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn scrub(storage: &Storage) -> u64 {
    let (mut position, mut damaged) = (None, 0);
    loop {
        let step = storage.scrub_step(position, 300, None).unwrap();
        damaged += step.damaged;
        position = step.next;
        if position.is_none() {
            return damaged;
        }
    }
}

fn fsck(storage: &Storage, repair: bool) -> Vec<Finding> {
    let (mut position, mut findings) = (None, Vec::new());
    loop {
        let step = storage.fsck_step(position, repair).unwrap();
        findings.extend(step.findings);
        position = step.next;
        if position.is_none() {
            return findings;
        }
    }
}

fn compact(storage: &Storage) {
    while storage.compact_step(500).unwrap().more {}
}

/// A storage of several shards and classes, some blobs of which were deleted.
fn populate(dir: &Path) -> (Storage, BTreeSet<u8>) {
    let storage = open(dir);
    storage
        .set_shard_state(ShardIndex(5), ShardState::Active)
        .unwrap();
    set_epoch(&storage, EPOCH);
    for id in 0..30 {
        register(&storage, id, EPOCH + 1 + Epoch::from(id % 3));
        put_in(&storage, SHARD, id);
        put_in(&storage, ShardIndex(5), id);
    }
    let deleted: BTreeSet<u8> = (0..30).step_by(4).collect();
    let ids: Vec<_> = deleted.iter().map(|id| blob(*id)).collect();
    delete(&storage, &ids);
    (storage, deleted)
}

/// What is served is right; what is lost is queued; what was deleted stays deleted.
fn assert_honest(storage: &Storage, deleted: &BTreeSet<u8>) {
    for id in 0..30 {
        for shard in [SHARD, ShardIndex(5)] {
            let held = held_in(storage, shard, id);
            if deleted.contains(&id) {
                assert_eq!(held, 0, "blob {id} was deleted");
            } else if held < 2 {
                assert!(
                    is_queued(storage, id),
                    "blob {id} lacks slivers in shard {shard}"
                );
            }
            let missing = storage.missing_slivers(&blob(id), [shard]).unwrap().len();
            assert_eq!(missing, 2 - held, "blob {id} in shard {shard}");
        }
    }
}

#[test]
fn slivers_survive_reopening_and_rolling_over() {
    let dir = tempfile::tempdir().unwrap();
    for closes in [true, false] {
        let storage = open(dir.path());
        for id in 0..20 {
            put(&storage, id);
        }
        assert!(
            segments(dir.path()).len() > 1,
            "several segments were needed"
        );
        if closes {
            storage.close().unwrap();
        }
        drop(storage);
        let storage = open(dir.path());
        for id in 0..20 {
            assert_eq!(held(&storage, id), 2);
        }
        assert_eq!(fsck(&storage, false), []);
        let status = storage.disks().pop().unwrap();
        assert_eq!(status.used_bytes, bytes_in(dir.path()));
        assert_eq!(status.live_bytes, status.used_bytes);
    }
}

#[test]
fn a_sliver_that_is_put_again_and_again_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| put(&storage, 1));
        }
    });
    let length: usize = TYPES
        .iter()
        .map(|t| payload(1, *t).len() + HEADER_BYTES)
        .sum();
    assert_eq!(bytes_in(dir.path()), length as u64);
}

#[test]
fn what_is_left_of_removed_shards_goes_and_locked_ones_lose_what_is_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(dir.path());
    storage.set_shard_state(SHARD, ShardState::Locked).unwrap();
    storage.delete_data(&blob(1)).unwrap();
    assert_eq!(held(&storage, 1), 0);
    // A crash between the batch and the removal of files.
    let left = dir.path().join("left");
    copy(&dir.path().join("shards/5"), &left);
    storage.remove_shard(ShardIndex(5)).unwrap();
    assert!(!dir.path().join("shards/5").exists());
    drop(storage);
    fs::rename(&left, dir.path().join("shards/5")).unwrap();
    let storage = open(dir.path());
    assert!(!dir.path().join("shards/5").exists());
    assert_eq!(storage.shard_state(ShardIndex(5)), None);
    assert!(matches!(
        storage.sliver(ShardIndex(5), &blob(2), TYPES[0]),
        Err(StorageError::NoShard(_))
    ));
    assert!((2..30).all(|id| deleted.contains(&id) || held(&storage, id) == 2));
}
