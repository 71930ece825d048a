//! Segment files: whatever a disk made of them, the storage opens, gives back no wrong byte, and takes new slivers.

use std::{
    fs,
    path::{Path, PathBuf},
};

use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_fuzz::edited;
use walrus_node::storage::{
    Storage, StorageError,
    records::ShardState,
    segments::{NewSliver, SegmentError},
};

const SHARD: ShardIndex = ShardIndex(0);
/// Blobs of which there may be slivers.
const BLOBS: std::ops::RangeInclusive<u8> = 1..=9;

/// Opens a directory that has lost its database, or never had one: what the segments say is all there is.
fn open(directory: &Path) -> Result<Storage, StorageError> {
    let storage = Storage::open(directory, 1 << 20)?;
    if storage.shard_state(SHARD).is_none() {
        storage.set_shard_state(SHARD, ShardState::Active)?;
    }
    Ok(storage)
}

/// The payload that every sliver of this blob has here.
fn payload(blob: u8) -> Vec<u8> {
    vec![blob; 40 + usize::from(blob)]
}

fn put(storage: &Storage, blob: u8) {
    let sliver = NewSliver {
        blob_id: BlobId([blob; 32]),
        sliver_type: SliverType::Primary,
        payload: &payload(blob),
    };
    storage.put_slivers(SHARD, &[sliver]).unwrap();
}

/// Name and bytes of a segment with three slivers.
fn seed(directory: &Path) -> (PathBuf, Vec<u8>) {
    let storage = open(directory).unwrap();
    for blob in 1..=3 {
        put(&storage, blob);
    }
    let mut files = fs::read_dir(directory.join("shards/0")).unwrap();
    let path = files.next().unwrap().unwrap().path();
    let name = path.strip_prefix(directory).unwrap().to_owned();
    (name, fs::read(path).unwrap())
}

/// The blobs whose slivers can be read.
fn readable(storage: &Storage) -> Vec<u8> {
    let mut blobs: Vec<u8> = BLOBS.collect();
    blobs.retain(|blob| {
        let read = storage.sliver(SHARD, &BlobId([*blob; 32]), SliverType::Primary);
        let read = read.unwrap();
        if let Some(read) = &read {
            assert_eq!(*read, payload(*blob), "a wrong sliver was returned");
        }
        read.is_some()
    });
    blobs
}

#[test]
fn segments() {
    let directory = tempfile::tempdir().unwrap();
    let (name, bytes) = seed(directory.path());
    let seeds = [bytes];
    super::fuzz!(50, move |bytes: &[u8]| {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(&name);
        let data = edited(&seeds, bytes);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &data).unwrap();
        let storage = match open(directory.path()) {
            // Bytes that a newer program may have written stay as they are.
            Err(StorageError::Segment(SegmentError::Newer { .. })) => {
                return assert_eq!(fs::read(&file).unwrap(), data);
            }
            opened => opened.unwrap(),
        };
        let mut before = readable(&storage);
        put(&storage, 9);
        drop(storage);
        before.push(9);
        let storage = open(directory.path()).unwrap();
        assert_eq!(
            readable(&storage),
            before,
            "what could be read can be read after a restart"
        );
    });
}
