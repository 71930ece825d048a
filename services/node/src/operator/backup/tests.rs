//! What a backup keeps, and what is found of one that was damaged.

use std::sync::Arc;

use walrus_core::{BlobId, ShardIndex, SliverType};

use super::*;
use crate::storage::{Storage, records::ShardState, segments::NewSliver};

const SHARD: ShardIndex = ShardIndex(3);

fn put(storage: &Storage, number: u8) {
    let slivers = [NewSliver {
        blob_id: BlobId([number; 32]),
        sliver_type: SliverType::Primary,
        payload: &[number; 1000],
    }];
    storage.put_slivers(SHARD, &slivers).unwrap();
}

fn has(storage: &Storage, number: u8) -> bool {
    let blob_id = BlobId([number; 32]);
    let found = storage.sliver(SHARD, &blob_id, SliverType::Primary);
    found.unwrap() == Some(vec![number; 1000])
}

fn plan(dir: &Path) -> Plan {
    let storage = Storage::open(&dir.join("one"), 1 << 20).unwrap();
    storage.set_shard_state(SHARD, ShardState::Active).unwrap();
    Plan {
        storage: Arc::new(storage),
        node_id: Address::TWO,
        disks: vec![dir.join("one")],
        directory: dir.join("one").join(DIRECTORY),
        keep: 2,
        sealed_keys: None,
    }
}

#[test]
fn what_a_node_in_use_holds_is_there_again_after_a_restore() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    put(&plan.storage, 1);
    fs::write(dir.path().join("one/admin.sock"), "").unwrap();
    let fetched = dir.path().join("one/events/recovery");
    fs::create_dir_all(&fetched).unwrap();
    fs::write(fetched.join("blob"), "fetched").unwrap();
    assert_eq!(plan.create(&|| true).unwrap().id, 1);
    put(&plan.storage, 2);
    let made = plan.create(&|| true).unwrap();
    assert_eq!((made.id, made.next_event_index), (2, None));
    assert!(made.files.iter().all(|file| {
        ["admin.sock", "blob"]
            .iter()
            .all(|name| !file.path.ends_with(name))
    }));
    put(&plan.storage, 3);
    plan.create(&|| true).unwrap();
    let ids: Vec<_> = list(&plan.directory)
        .unwrap()
        .iter()
        .map(|made| made.id)
        .collect();
    assert_eq!(ids, [2, 3], "the oldest is gone");

    let (path, manifest) = find(&plan.directory, Some(2)).unwrap();
    assert_eq!(manifest, made);
    verify(&path, &manifest).unwrap();
    let target = vec![dir.path().join("two")];
    restore(&path, &manifest, &target, false).unwrap();
    assert!(!target[0].exists(), "only looked at");
    restore(&path, &manifest, &target, true).unwrap();
    let restored = Storage::open(&target[0], 1 << 20).unwrap();
    assert!(has(&restored, 1) && has(&restored, 2));
    // What the restored node writes reaches neither the backup nor the first node.
    put(&restored, 9);
    verify(&path, &manifest).unwrap();
    assert!(has(&plan.storage, 3) && !has(&plan.storage, 9));
    let again = restore(&path, &manifest, &target, true).unwrap_err();
    assert!(matches!(again, BackupError::Occupied { .. }), "{again}");
    let other = restore(&path, &manifest, &[], true).unwrap_err();
    assert!(matches!(other, BackupError::Disks { .. }), "{other}");
    let absent = find(&plan.directory, Some(1)).unwrap_err();
    assert!(absent.to_string().contains("[2, 3]"), "{absent}");
}

#[test]
fn backups_in_the_directory_of_the_storage_are_restored_into_it() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    put(&plan.storage, 1);
    plan.create(&|| true).unwrap();
    let (path, manifest) = find(&plan.directory, None).unwrap();
    let (target, directory) = (plan.disks.clone(), plan.directory.clone());
    drop(plan);
    let occupied = restore(&path, &manifest, &target, true).unwrap_err();
    assert!(occupied.to_string().contains("--path"), "{occupied}");
    for stored in [TABLES, "shards"] {
        fs::remove_dir_all(target[0].join(stored)).unwrap();
    }
    restore(&path, &manifest, &target, true).unwrap();
    let restored = Storage::open(&target[0], 1 << 20).unwrap();
    assert!(has(&restored, 1));
    verify(&path, &manifest).unwrap();
    assert_eq!(list(&directory).unwrap().len(), 1, "it is still there");
}

#[test]
fn damage_is_found_before_it_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    put(&plan.storage, 1);
    let made = plan.create(&|| true).unwrap();
    let (path, manifest) = find(&plan.directory, None).unwrap();
    assert!(made.files.iter().all(|file| file.digest.is_some()));
    let cut = |bytes: &[u8]| bytes[..bytes.len() - 1].to_vec();
    let flip = |bytes: &[u8]| [&[bytes[0] ^ 1], &bytes[1..]].concat();
    type Damage = fn(&[u8]) -> Vec<u8>;
    let damages: [Damage; 2] = [cut, flip];
    for victim in [TABLES, DISKS] {
        let is_victim = |file: &&BackupFile| file.path.starts_with(victim) && file.bytes > 0;
        let victim = made.files.iter().find(is_victim).unwrap();
        let file = path.join(&victim.path);
        let intact = fs::read(&file).unwrap();
        for damage in damages {
            let damaged = damage(&intact);
            // The link must not lead to the node's own file.
            fs::remove_file(&file).unwrap();
            fs::write(&file, damaged).unwrap();
            let error = verify(&path, &manifest).unwrap_err();
            assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
            let target = vec![dir.path().join("two")];
            restore(&path, &manifest, &target, true).unwrap_err();
            assert!(!target[0].exists());
        }
        fs::write(&file, intact).unwrap();
    }
    verify(&path, &manifest).unwrap();
}

#[test]
fn a_check_opens_what_would_be_restored_and_changes_nothing_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    // All over the index, as blob IDs are.
    (1..9).for_each(|number| put(&plan.storage, number * 28));
    plan.create(&|| true).unwrap();
    // Appended since to the same files.
    (9..12).for_each(|number| put(&plan.storage, number));
    let (path, manifest) = find(&plan.directory, None).unwrap();
    let before = files_below(&path, &|_| true).unwrap();
    let read = |file: &PathBuf| fs::read(path.join(file)).unwrap();
    let bytes: Vec<_> = before.iter().map(read).collect();
    let verified = verify(&path, &manifest).unwrap();
    assert_eq!((verified.slivers, verified.missing), (8, 0));
    assert_eq!(files_below(&path, &|_| true).unwrap(), before);
    assert_eq!(before.iter().map(read).collect::<Vec<_>>(), bytes);
    // Of the sample each is what the node has.
    assert_eq!(verified.sample.len(), 8);
    let names: Vec<_> = verified.sample.iter().map(|known| known.name()).collect();
    assert_eq!(digests(&plan.storage, &names).unwrap(), verified.sample);
    plan.storage.delete_data(&BlobId([28; 32])).unwrap();
    let now = digests(&plan.storage, &names).unwrap();
    assert_eq!(now.iter().filter(|known| known.digest.is_none()).count(), 1);
}

#[test]
fn what_an_earlier_backup_has_is_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    put(&plan.storage, 1);
    let first = plan.create(&|| true).unwrap();
    assert!(first.linked_files > 0);
    // Its digest is taken over, not computed: so it is the manifest's word that comes back.
    let (path, mut known) = find(&plan.directory, None).unwrap();
    let of_slivers = |file: &BackupFile| file.path.extension().is_some_and(|it| it == "slivers");
    let told = known
        .files
        .iter_mut()
        .find(|file| of_slivers(file))
        .unwrap();
    told.digest = Some("taken over".to_owned());
    fs::write(path.join(MANIFEST), serde_json::to_vec(&known).unwrap()).unwrap();
    let second = plan.create(&|| true).unwrap();
    let again = second.files.iter().find(|file| of_slivers(file)).unwrap();
    assert_eq!(again.digest.as_deref(), Some("taken over"));
    // One that has grown since is read.
    put(&plan.storage, 2);
    let third = plan.create(&|| true).unwrap();
    let grown = third.files.iter().find(|file| of_slivers(file)).unwrap();
    assert_ne!(grown.digest, again.digest);
    assert!(grown.bytes > again.bytes);
}

#[cfg(target_os = "linux")]
#[test]
fn on_another_file_system_what_stays_the_same_is_copied_once_and_damage_is_not_taken_over() {
    use std::os::unix::fs::MetadataExt as _;
    let dir = tempfile::tempdir().unwrap();
    let Ok(other) = tempfile::tempdir_in("/dev/shm") else {
        return;
    };
    let device = |path: &Path| fs::metadata(path).unwrap().dev();
    if device(dir.path()) == device(other.path()) {
        // This machine has only one.
        return;
    }
    let plan = Plan {
        directory: other.path().join("backups"),
        keep: 9,
        ..plan(dir.path())
    };
    put(&plan.storage, 1);
    let copied = |plan: &Plan| {
        let made = plan.create(&|| true).unwrap();
        assert_eq!(made.linked_files, 0);
        let (path, manifest) = find(&plan.directory, None).unwrap();
        verify(&path, &manifest).unwrap();
        let is_segment =
            |file: &&BackupFile| file.path.extension().is_some_and(|it| it == "slivers");
        let segment = manifest.files.iter().find(is_segment).unwrap();
        path.join(&segment.path)
    };
    let node = |path: &Path| fs::metadata(path).unwrap().ino();
    let (first, second) = (copied(&plan), copied(&plan));
    assert_eq!(node(&first), node(&second));
    fs::write(&first, vec![0; 2000]).unwrap();
    let third = copied(&plan);
    assert_ne!(node(&first), node(&third));
}

#[test]
fn keys_that_are_handed_over_are_kept_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan {
        sealed_keys: Some(b"sealed".to_vec()),
        ..plan(dir.path())
    };
    let made = plan.create(&|| true).unwrap();
    assert!(BackupSummary::from(&made).with_keys);
    let (path, manifest) = find(&plan.directory, None).unwrap();
    assert_eq!(fs::read(path.join(SEALED_KEYS)).unwrap(), b"sealed");
    verify(&path, &manifest).unwrap();
    let target = vec![dir.path().join("two")];
    restore(&path, &manifest, &target, true).unwrap();
    assert!(
        !target[0].join(SEALED_KEYS).exists(),
        "no secret is put beside the data"
    );
}

#[test]
fn nothing_is_left_of_a_backup_that_is_cancelled_or_that_a_crash_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(dir.path());
    put(&plan.storage, 1);
    let cancelled = plan.create(&|| false).unwrap_err();
    assert!(matches!(cancelled, BackupError::Cancelled), "{cancelled}");
    fs::create_dir_all(plan.directory.join(".unfinished-7/db")).unwrap();
    assert!(list(&plan.directory).unwrap().is_empty());
    assert_eq!(plan.create(&|| true).unwrap().id, 1);
    assert_eq!(fs::read_dir(&plan.directory).unwrap().count(), 1);
}
