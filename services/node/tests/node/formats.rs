//! Directories of older and newer programs: the older are opened with everything in them, the newer are refused as they are.
//!
//! `tests/fixtures/format-1-*.tar` are directories of the node as it was before tables had a number of their format; one was closed,
//! the other belonged to a process that was killed. They are never made again: a new format gets a new one beside them.

use std::{fs, os::unix::fs::FileExt as _, path::Path};

use crate::support::*;
use tempfile::TempDir;
use walrus_core::{BlobId, ShardIndex, SliverType, bls::BlsKeyPair, encoder::EncodedBlob};
use walrus_node::storage::{
    Storage, StorageError,
    records::{NodeStatus, ShardState, SyncReason},
    repairs::Part,
    segments::SegmentError,
};
use walrus_node_client::BlobStatus;
use walrus_service::tables::{Database, Format, Options, TableError};
use walrus_sui::Address;

/// A blob of which the third format names a missing sliver.
const NAMED: BlobId = BlobId([0xf3; 32]);
/// A blob of which the fourth format has a small sliver.
const AHEAD: BlobId = BlobId([0xf4; 32]);
const SLIVER_TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

fn unpack(name: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let file = fs::File::open(path.join(name)).unwrap();
    tar::Archive::new(file).unpack(dir.path()).unwrap();
    dir
}

fn open(dir: &TempDir) -> Result<Storage, StorageError> {
    Storage::open(dir.path(), 1 << 20)
}

fn id_of(blob: &EncodedBlob) -> BlobId {
    *blob.metadata.blob_id()
}

/// The blob is there with both slivers of these shards, and with no others.
fn assert_holds(storage: &Storage, blob: &EncodedBlob, shards: &[u16]) {
    let blob_id = id_of(blob);
    let metadata = storage.metadata(&blob_id, &encoding()).unwrap();
    assert_eq!(metadata.as_ref(), Some(&blob.metadata));
    for shard in [0, 4, 7, 9] {
        let pair = ShardIndex(shard).to_pair_index(&blob_id, N_SHARDS);
        for sliver_type in SLIVER_TYPES {
            let stored = storage
                .sliver(ShardIndex(shard), &blob_id, sliver_type)
                .unwrap();
            let expected = shards
                .contains(&shard)
                .then(|| sliver(blob, pair, sliver_type));
            assert_eq!(stored, expected, "shard {shard}, {sliver_type}");
        }
    }
}

#[tokio::test]
async fn directories_of_each_format_are_opened_with_everything_in_them() {
    for name in [
        "format-1-closed.tar",
        "format-1-killed.tar",
        "format-2-closed.tar",
        "format-2-killed.tar",
        "format-3-closed.tar",
        "format-3-killed.tar",
        "format-4-closed.tar",
        "format-4-killed.tar",
    ] {
        let dir = unpack(name);
        // Twice: what the first opening has written is read as well.
        for _ in 0..2 {
            let storage = open(&dir).unwrap();
            assert_records(&storage);
            assert_blobs(&storage);
            // The first that knew what is missing of a blob.
            let named = storage.queued_of(&NAMED).unwrap().parts;
            let named: Vec<_> = named.into_keys().collect();
            let expected = [Part::Sliver(ShardIndex(4), SliverType::Secondary)];
            let is_named = name.starts_with("format-3") || name.starts_with("format-4");
            assert_eq!(named, if is_named { &expected[..] } else { &[] }, "{name}");
            // The first that has small slivers in the database before they are durable in their segments: that of the killed one is cut off.
            let ahead = storage.sliver(ShardIndex(4), &AHEAD, SliverType::Primary);
            let expected = name.starts_with("format-4").then(|| vec![0xf4; 300]);
            assert_eq!(ahead.unwrap(), expected, "{name}");
            storage.close().unwrap();
        }
        // It goes on where it was.
        let key = BlsKeyPair::generate(&mut rand::rng());
        let parts = open_parts(dir.path(), &[0, 4], &key);
        let permanent = id_of(&encode(&[1; 3000]));
        let persistence = walrus_core::messages::BlobPersistence::Permanent;
        let confirmations = &parts.deeds.confirmations;
        confirmations
            .confirm(permanent, persistence, None)
            .await
            .unwrap();
        parts.expiry.delete_invalid().unwrap();
        let invalid = encode(&[5; 100]);
        assert!(
            !parts
                .storage
                .has_metadata(&id_of(&invalid), &encoding())
                .unwrap()
        );
        assert!(parts.storage.invalid().next().is_none());
    }
}

fn assert_records(storage: &Storage) {
    let cursor = storage.cursor().unwrap().unwrap();
    assert_eq!((cursor.next.checkpoint, cursor.next_index), (13, 13));
    assert_eq!(cursor.events_in_transaction, 1);
    assert_eq!(storage.event_epoch().unwrap(), EPOCH);
    assert_eq!(storage.node_status().unwrap(), NodeStatus::RecoverMetadata);
    let states: Vec<_> = storage.shard_states().into_iter().collect();
    let shard = |index, state| (ShardIndex(index), state);
    let expected = [
        shard(0, ShardState::Active),
        shard(4, ShardState::Active),
        shard(7, ShardState::Recovering),
        shard(9, ShardState::Locked),
    ];
    assert_eq!(states, expected);
    let object = storage.object(&Address::new([1; 32])).unwrap().unwrap();
    assert_eq!(object.blob_id, id_of(&encode(&[1; 3000])));
    assert_eq!(object.certified_epoch, Some(EPOCH));
    assert!(!object.deletable);
    assert_eq!(storage.object(&Address::new([6; 32])).unwrap(), None);
    let count = storage.objects().map(|page| page.unwrap().len());
    assert_eq!(count.sum::<usize>(), 4);
    let pooled = storage.pooled_object(&Address::new([3; 32]));
    let pool_id = pooled.unwrap().unwrap().pool_id;
    assert_eq!(pool_id, Address::new([30; 32]));
    let pool = storage.pool(&pool_id).unwrap().unwrap();
    assert_eq!((pool.start_epoch, pool.end_epoch), (EPOCH, EPOCH + 3));
}

fn assert_blobs(storage: &Storage) {
    assert_holds(storage, &encode(&[1; 3000]), &[0, 4, 7, 9]);
    assert_holds(storage, &encode(&[2; 200]), &[0]);
    assert_holds(storage, &encode(&[3; 500]), &[0, 4]);
    assert_holds(storage, &encode(&[5; 100]), &[4]);
    let deleted = id_of(&encode(&[6; 100]));
    assert!(!storage.has_metadata(&deleted, &encoding()).unwrap());
    let missing = storage.missing_slivers(&deleted, [0, 4].map(ShardIndex));
    assert_eq!(missing.unwrap().len(), 4);

    let status = |content: &[u8]| {
        let info = storage.blob_info(&id_of(&encode(content))).unwrap();
        info.unwrap().status(EPOCH)
    };
    assert!(matches!(
        status(&[1; 3000]),
        BlobStatus::Permanent {
            is_certified: true,
            ..
        }
    ));
    assert!(matches!(status(&[2; 200]), BlobStatus::Deletable { .. }));
    assert!(matches!(status(&[3; 500]), BlobStatus::Deletable { .. }));
    assert!(matches!(status(&[5; 100]), BlobStatus::Invalid { .. }));
    assert_eq!(status(&[6; 100]), BlobStatus::Nonexistent);

    let mut queued: Vec<_> = storage.queued().flat_map(Result::unwrap).collect();
    queued.retain(|(blob_id, _)| *blob_id != NAMED);
    queued.sort_by_key(|(_, reason)| *reason == SyncReason::FillShards);
    let lacking = id_of(&encode(&[4; 100]));
    assert_eq!(
        queued,
        [
            (lacking, SyncReason::Certified),
            (BlobId([0xf1; 32]), SyncReason::FillShards)
        ]
    );
    let invalid: Vec<_> = storage.invalid().flat_map(Result::unwrap).collect();
    assert_eq!(invalid, [id_of(&encode(&[5; 100]))]);
}

#[test]
fn what_the_files_have_lost_is_queued_for_recovery() {
    // A whole shard, while the node was not running.
    let dir = unpack("format-1-closed.tar");
    fs::remove_dir_all(dir.path().join("shards/4")).unwrap();
    let storage = open(&dir).unwrap();
    let (permanent, pooled) = (id_of(&encode(&[1; 3000])), id_of(&encode(&[3; 500])));
    let reason = |storage: &Storage, blob_id| {
        let queued: Vec<_> = storage.queued().flat_map(Result::unwrap).collect();
        let found = queued.into_iter().find(|(id, _)| *id == blob_id);
        found.map(|(_, reason)| reason)
    };
    assert_eq!(
        storage.shard_state(ShardIndex(4)),
        Some(ShardState::Recovering)
    );
    for blob_id in [permanent, pooled] {
        assert_eq!(reason(&storage, blob_id), Some(SyncReason::FillShards));
        let missing = storage.missing_slivers(&blob_id, [0, 4].map(ShardIndex));
        let of_4 = SLIVER_TYPES.map(|sliver_type| (ShardIndex(4), sliver_type));
        assert_eq!(missing.unwrap(), of_4);
    }

    // What a power failure took from a file.
    let dir = unpack("format-1-killed.tar");
    let path = dir.path().join("shards/0/0000000000.slivers");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(100).unwrap();
    let storage = open(&dir).unwrap();
    for blob_id in [permanent, pooled] {
        assert_eq!(reason(&storage, blob_id), Some(SyncReason::Lost));
    }
    let deleted = id_of(&encode(&[6; 100]));
    assert_eq!(reason(&storage, deleted), None, "nobody wants it back");
}

#[test]
fn tables_of_a_newer_format_are_refused_with_a_sentence() {
    let dir = unpack("format-1-closed.tar");
    let options = Options {
        format: Format::after(&[|_| Ok(()), |_| Ok(()), |_| Ok(()), |_| Ok(())]),
        ..Options::default()
    };
    drop(Database::open(&dir.path().join("db"), &options).unwrap());
    let error = open(&dir).unwrap_err();
    assert!(matches!(
        error,
        StorageError::Tables(TableError::Newer {
            found: 5,
            known: 4,
            ..
        })
    ));
    let sentence = error.to_string();
    assert!(sentence.contains("has format 5"), "{sentence}");
    assert!(sentence.contains("newer version"), "{sentence}");
}

#[test]
fn segments_of_a_newer_format_are_refused_and_not_cut_off() {
    let dir = unpack("format-1-closed.tar");
    let path = dir.path().join("shards/0/0000000000.slivers");
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // A record of which this version knows the first five bytes.
    let mut record = b"WSLV\x03".to_vec();
    record.resize(200, 0x5a);
    file.write_all_at(&record, length).unwrap();
    let error = open(&dir).unwrap_err();
    assert!(matches!(
        error,
        StorageError::Segment(SegmentError::Newer {
            offset,
            found: 3,
            known: 2,
            ..
        }) if offset == length
    ));
    let sentence = error.to_string();
    assert!(sentence.contains("newer version"), "{sentence}");
    assert_eq!(fs::metadata(&path).unwrap().len(), length + 200);
}

#[test]
fn a_lost_directory_is_told_also_by_a_start_that_failed() {
    let dir = unpack("format-1-closed.tar");
    fs::remove_dir_all(dir.path().join("shards/4")).unwrap();
    // The last shard stops the first start.
    let path = dir.path().join("shards/9/0000000000.slivers");
    let whole = fs::read(&path).unwrap();
    let mut newer = b"WSLV\x03".to_vec();
    newer.resize(200, 0x5a);
    fs::write(&path, [whole.clone(), newer].concat()).unwrap();
    assert!(open(&dir).is_err());
    fs::write(&path, whole).unwrap();

    let storage = open(&dir).unwrap();
    let state = storage.shard_state(ShardIndex(4));
    assert_eq!(state, Some(ShardState::Recovering));
    let permanent = id_of(&encode(&[1; 3000]));
    let missing = storage.missing_slivers(&permanent, [ShardIndex(4)]);
    assert_eq!(missing.unwrap().len(), 2);
    let queued: Vec<_> = storage.queued().flat_map(Result::unwrap).collect();
    assert!(queued.contains(&(permanent, SyncReason::FillShards)));
}

#[test]
fn a_rotten_header_costs_no_other_sliver_after_an_orderly_close() {
    let dir = unpack("format-1-closed.tar");
    let path = dir.path().join("shards/0/0000000000.slivers");
    let mut bytes = fs::read(&path).unwrap();
    bytes[10] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let storage = open(&dir).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "nothing is cut off");
    let (mut read, mut damaged) = (0, 0);
    for content in [[1; 3000].as_slice(), &[2; 200], &[3; 500]] {
        let blob_id = id_of(&encode(content));
        for sliver_type in SLIVER_TYPES {
            match storage
                .sliver(ShardIndex(0), &blob_id, sliver_type)
                .unwrap()
            {
                Some(_) => read += 1,
                None => {
                    damaged += 1;
                    assert!(storage.is_queued(&blob_id).unwrap());
                }
            }
        }
    }
    assert_eq!((read, damaged), (5, 1));
}
