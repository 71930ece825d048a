//! Disks: one may be full, lost, or somebody else's.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
};

use tempfile::TempDir;
use walrus_node::storage::{
    Storage, StorageError, StorageOptions,
    disks::{AtCap, DiskError, DiskState, FreeSpace},
    records::ShardState,
};

use super::{
    INVALID, SHARD, blob, compact, fsck, held, is_queued, options, put, put_bytes, register, scrub,
    segments,
};
use crate::support::{EPOCH, encode};

/// Free space as a test sets it, by directory.
#[derive(Clone, Default)]
struct Gauge(Arc<Mutex<BTreeMap<PathBuf, u64>>>);

impl Gauge {
    fn set(&self, dir: &Path, free: u64) {
        self.0.lock().unwrap().insert(dir.to_owned(), free);
    }

    fn probe(&self) -> FreeSpace {
        let this = self.clone();
        FreeSpace::told_by(move |dir| {
            Ok(this.0.lock().unwrap().get(dir).copied().unwrap_or(1 << 30))
        })
    }
}

fn two_disks(first: &TempDir, second: &TempDir, gauge: &Gauge) -> StorageOptions {
    StorageOptions {
        disks: vec![second.path().join("mounted")],
        reserve_bytes: 10_000,
        free_space: gauge.probe(),
        ..options(first.path())
    }
}

#[test]
fn without_room_slivers_are_refused_and_the_rest_goes_on_until_there_is_room_again() {
    let dir = tempfile::tempdir().unwrap();
    let gauge = Gauge::default();
    let options = StorageOptions {
        reserve_bytes: 10_000,
        free_space: gauge.probe(),
        max_bytes: Some(50_000),
        ..options(dir.path())
    };
    let storage = Storage::open_with(options).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    put(&storage, 1);
    gauge.set(dir.path(), 10_100);
    let error = put_bytes(&storage, 2, &[2; 100]).unwrap_err();
    assert!(error.is_full());
    assert!(
        matches!(&error, StorageError::Full { disk, free: 10_100, needed: 180, reserve: 10_000 } if disk == dir.path())
    );
    assert!(
        error.to_string().contains("10100 bytes are free"),
        "{error}"
    );
    let metadata = encode(&[1; 300]).metadata;
    assert!(storage.put_metadata(&metadata).unwrap_err().is_full());
    // Reads, events and deletions go on.
    assert_eq!(storage.disks()[0].state, DiskState::Ready);
    gauge.set(dir.path(), 9_999);
    assert_eq!(storage.disks()[0].state, DiskState::Full);
    assert_eq!(held(&storage, 1), 2);
    register(&storage, 2, EPOCH + 1);
    storage.delete_data(&blob(1)).unwrap();
    gauge.set(dir.path(), 10_180);
    put_bytes(&storage, 2, &[2; 100]).unwrap();
    // The cap of the node.
    gauge.set(dir.path(), 1 << 30);
    let error = put_bytes(&storage, 3, &vec![3; 50_000]).unwrap_err();
    assert!(
        matches!(
            error,
            StorageError::AtCapacity {
                used: 180,
                needed: 50_080,
                cap: 50_000
            }
        ),
        "{error}"
    );
    put_bytes(&storage, 3, &vec![3; 49_000]).unwrap();
    assert!(
        put_bytes(&storage, 4, &vec![4; 1000])
            .unwrap_err()
            .is_full()
    );
    let status = &storage.disks()[0];
    assert_eq!(status.state, DiskState::Full);
    let at_cap = AtCap {
        used: 49_260,
        cap: 50_000,
    };
    assert_eq!(status.at_cap, Some(at_cap));
    storage.delete_data(&blob(3)).unwrap();
    assert_eq!(storage.disks()[0].state, DiskState::Ready);
    put_bytes(&storage, 4, &vec![4; 1000]).unwrap();
}

#[test]
fn a_lost_disk_costs_its_slivers_and_nothing_else() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gauge = Gauge::default();
    let mounted = second.path().join("mounted");
    let open = || Storage::open_with(two_disks(&first, &second, &gauge)).unwrap();
    let storage = open();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    for id in 0..40 {
        register(&storage, id, EPOCH + 5);
        // New segments go where there is more room.
        let (here, there) = if id < 20 {
            (20_000, 90_000)
        } else {
            (90_000, 20_000)
        };
        gauge.set(first.path(), here);
        gauge.set(&mounted, there);
        put(&storage, id);
    }
    assert!(!segments(first.path()).is_empty() && !segments(&mounted).is_empty());
    storage.close().unwrap();
    drop(storage);

    // Not mounted: the empty directory beneath is not written to.
    let away = second.path().join("away");
    fs::rename(&mounted, &away).unwrap();
    fs::create_dir(&mounted).unwrap();
    gauge.set(&mounted, 1 << 40);
    let storage = open();
    let states: Vec<_> = storage.disks().iter().map(|disk| disk.state).collect();
    assert_eq!(states, [DiskState::Ready, DiskState::Missing]);
    assert_eq!(storage.shard_state(SHARD), Some(ShardState::Active));
    let lost: Vec<u8> = (0..40).filter(|id| held(&storage, *id) < 2).collect();
    assert!(!lost.is_empty() && lost.len() < 40);
    assert!(lost.iter().all(|id| is_queued(&storage, *id)));
    assert!((0..40).all(|id| lost.contains(&id) || !is_queued(&storage, id)));
    put(&storage, 50);
    assert_eq!(fs::read_dir(&mounted).unwrap().count(), 0);
    // What is deleted meanwhile does not come back with the disk.
    let deleted = lost[0];
    let mut update = storage.update();
    update.put_blob_info(&blob(deleted), &INVALID).unwrap();
    update.commit().unwrap();
    put(&storage, lost[1]);
    drop(storage);

    fs::remove_dir(&mounted).unwrap();
    fs::rename(&away, &mounted).unwrap();
    let storage = open();
    assert_eq!(held(&storage, deleted), 0);
    for id in (0..40).filter(|id| *id != deleted) {
        assert_eq!(held(&storage, id), 2, "blob {id}");
    }
    assert_eq!(fsck(&storage, false), []);
}

#[test]
fn a_disk_that_is_drained_gives_everything_to_the_others() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gauge = Gauge::default();
    let mounted = second.path().join("mounted");
    let storage = Storage::open_with(two_disks(&first, &second, &gauge)).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    gauge.set(first.path(), 20_000);
    for id in 0..30 {
        put(&storage, id);
    }
    assert!(!segments(&mounted).is_empty());
    gauge.set(first.path(), 1 << 30);
    assert!(storage.set_draining(&mounted, true).unwrap());
    assert!(!storage.set_draining(Path::new("/elsewhere"), true).unwrap());
    put(&storage, 30);
    compact(&storage);
    assert_eq!(segments(&mounted), [] as [PathBuf; 0]);
    assert_eq!(storage.disks()[1].state, DiskState::Draining);
    assert!((0..=30).all(|id| held(&storage, id) == 2));
}

/// Files below a directory that are unlinked and still held open by this process.
fn unlinked_and_open(dir: &Path) -> Vec<PathBuf> {
    let open = fs::read_dir("/proc/self/fd").into_iter().flatten();
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    targets
        .filter(|target| target.starts_with(dir) && target.to_string_lossy().ends_with("(deleted)"))
        .collect()
}

#[test]
fn slivers_that_move_while_they_are_read_are_served_and_not_taken_for_lost() {
    const SLIVERS: u8 = 12;
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mounted = second.path().join("mounted");
    let storage = Storage::open_with(two_disks(&first, &second, &Gauge::default())).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    for id in 0..SLIVERS {
        put(&storage, id);
    }
    let moved = AtomicBool::new(false);
    let reads = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !moved.load(Ordering::Relaxed) {
                    for id in 0..SLIVERS {
                        let held = held(&storage, id);
                        reads.fetch_add(1, Ordering::Relaxed);
                        assert_eq!(held, 2, "blob {id}");
                    }
                }
            });
        }
        scope.spawn(|| {
            while !moved.load(Ordering::Relaxed) {
                assert_eq!(scrub(&storage), 0);
                assert_eq!(fsck(&storage, false), []);
            }
        });
        // Joined before it may fail here: the others end in either case.
        let moving = scope.spawn(|| {
            for _ in 0..6 {
                for (from, to) in [(first.path(), &*mounted), (&*mounted, first.path())] {
                    storage.set_draining(to, false).unwrap();
                    storage.set_draining(from, true).unwrap();
                    compact(&storage);
                    assert_eq!(segments(from), [] as [PathBuf; 0]);
                    assert!(!segments(to).is_empty());
                }
            }
        });
        let result = moving.join();
        moved.store(true, Ordering::Relaxed);
        result.unwrap();
    });
    assert!(reads.load(Ordering::Relaxed) > 0);
    assert!((0..SLIVERS).all(|id| !is_queued(&storage, id)));
    assert!(storage.disks().iter().all(|disk| disk.damaged_records == 0));
    for dir in [first.path(), &*mounted] {
        assert_eq!(unlinked_and_open(dir), [] as [PathBuf; 0]);
    }
}

#[test]
fn disks_of_others_and_the_same_twice_are_refused() {
    let (first, second, other) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    let gauge = Gauge::default();
    drop(Storage::open_with(two_disks(&first, &second, &gauge)).unwrap());
    let error = Storage::open_with(two_disks(&other, &second, &gauge)).unwrap_err();
    assert!(
        matches!(error, StorageError::Disk(DiskError::Foreign(_))),
        "{error}"
    );
    let mut twice = two_disks(&first, &second, &gauge);
    twice.disks.push(second.path().join("mounted/../mounted"));
    let error = Storage::open_with(twice).unwrap_err();
    assert!(
        matches!(error, StorageError::Disk(DiskError::Twice(_))),
        "{error}"
    );
    // One that is not configured any more is missing, not forgotten.
    let storage = Storage::open_with(options(first.path())).unwrap();
    assert_eq!(storage.disks().len(), 2);
    assert_eq!(storage.disks()[1].state, DiskState::Missing);
    assert!(!storage.forget_disk(first.path()).unwrap());
    assert!(storage.forget_disk(&second.path().join("mounted")).unwrap());
    assert_eq!(storage.disks().len(), 1);
}

#[test]
fn a_disk_that_fails_to_tell_its_room_is_no_reason_to_refuse() {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let dir = tempfile::tempdir().unwrap();
    let storage = Storage::open_with(StorageOptions {
        free_space: FreeSpace::told_by(|_| {
            ASKED.fetch_add(1, Ordering::Relaxed);
            Err(std::io::ErrorKind::Unsupported.into())
        }),
        ..options(dir.path())
    })
    .unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    put(&storage, 1);
    assert!(ASKED.load(Ordering::Relaxed) > 0);
    assert_eq!(storage.disks()[0].free_bytes, None);
}

#[test]
fn a_disk_that_refuses_writes_leaves_them_to_the_others() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let gauge = Gauge::default();
    let mounted = second.path().join("mounted");
    let storage = Storage::open_with(two_disks(&first, &second, &gauge)).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    gauge.set(first.path(), 20_000);
    // Nobody can make a directory there.
    fs::write(mounted.join("shards"), "").unwrap();
    put_bytes(&storage, 1, &[1; 100]).unwrap();
    assert_eq!(storage.disks()[1].state, DiskState::Failing);
    assert_eq!(segments(first.path()).len(), 1);
}
