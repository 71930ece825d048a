//! Room: epochs that end and blobs that are deleted give theirs back.

use std::{fs, path::PathBuf};

use walrus_core::Epoch;

use super::{
    blob, bytes_in, compact, copy, delete, fsck, held, open, put, register, segments, set_epoch,
};
use crate::support::EPOCH;

#[test]
fn an_epoch_that_ends_gives_its_room_back() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    set_epoch(&storage, EPOCH);
    for id in 0..40 {
        register(&storage, id, EPOCH + 1 + Epoch::from(id % 2) * 3);
        put(&storage, id);
    }
    let before = bytes_in(dir.path());
    let ended: Vec<_> = (0..40).step_by(2).map(blob).collect();
    storage.delete_data_of(&ended).unwrap();
    let after = bytes_in(dir.path());
    assert!(
        after < before * 6 / 10,
        "{after} of {before} bytes are left"
    );
    // All that is left counts: nothing had to be copied for it.
    let status = storage.disks().pop().unwrap();
    assert_eq!((status.used_bytes, status.live_bytes), (after, after));
    drop(storage);
    let storage = open(dir.path());
    for id in 0..40 {
        assert_eq!(held(&storage, id), usize::from(id % 2) * 2);
    }
    storage
        .delete_data_of(&(0..40).map(blob).collect::<Vec<_>>())
        .unwrap();
    assert_eq!(segments(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn what_was_extended_moves_on_and_the_rest_of_its_file_goes() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    set_epoch(&storage, EPOCH);
    for id in 0..40 {
        register(&storage, id, EPOCH + 1);
        put(&storage, id);
    }
    let before = segments(dir.path());
    // Two objects keep single blobs of every file.
    let kept = [3, 17, 25, 33];
    for id in kept {
        register(&storage, id, EPOCH + 9);
    }
    set_epoch(&storage, EPOCH + 1);
    let ended: Vec<_> = (0..40).filter(|id| !kept.contains(id)).map(blob).collect();
    storage.delete_data_of(&ended).unwrap();
    compact(&storage);
    assert!(
        segments(dir.path())
            .iter()
            .all(|path| !before.contains(path))
    );
    let status = storage.disks().pop().unwrap();
    assert_eq!(status.used_bytes, status.live_bytes);
    assert_eq!(status.used_bytes, bytes_in(dir.path()));
    assert_eq!(fsck(&storage, false), []);
    // Also if the process is killed now.
    drop(storage);
    let storage = open(dir.path());
    for id in 0..40 {
        assert_eq!(held(&storage, id), if kept.contains(&id) { 2 } else { 0 });
    }
}

#[test]
fn a_crash_in_the_middle_of_compaction_loses_nothing_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    set_epoch(&storage, EPOCH);
    for id in 0..40 {
        register(&storage, id, EPOCH + 1);
        put(&storage, id);
    }
    let kept = [3, 17, 25, 33];
    let ended: Vec<_> = (0..40).filter(|id| !kept.contains(id)).map(blob).collect();
    delete(&storage, &ended);
    drop(storage);
    let before = tempfile::tempdir().unwrap();
    copy(dir.path(), before.path());
    let storage = open(dir.path());
    compact(&storage);
    drop(storage);
    // The files of before and after with the database of before: as if the batch, or the removal, had not happened yet.
    let after = tempfile::tempdir().unwrap();
    copy(dir.path(), after.path());
    for (database, files) in [(&before, &after), (&after, &after), (&before, &before)] {
        let mixed = tempfile::tempdir().unwrap();
        copy(&database.path().join("db"), &mixed.path().join("db"));
        copy(&before.path().join("shards"), &mixed.path().join("shards"));
        copy(&files.path().join("shards"), &mixed.path().join("shards"));
        fs::copy(
            before.path().join("walrus-disk"),
            mixed.path().join("walrus-disk"),
        )
        .unwrap();
        let storage = open(mixed.path());
        for id in 0..40 {
            assert_eq!(held(&storage, id), if kept.contains(&id) { 2 } else { 0 });
        }
        compact(&storage);
        let status = storage.disks().pop().unwrap();
        assert_eq!(
            status.used_bytes,
            bytes_in(mixed.path()),
            "no file is forgotten"
        );
    }
}
