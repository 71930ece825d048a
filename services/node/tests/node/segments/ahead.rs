//! Small slivers are durable before their segments are: what a power failure takes from those comes back from the database.

use walrus_service::tables::{Database, Format, Options};

use super::*;

const SHARDS: [ShardIndex; 3] = [ShardIndex(1), ShardIndex(3), ShardIndex(8)];

fn open_shards(dir: &Path) -> Storage {
    let storage = Storage::open_with(options(dir)).unwrap();
    for shard in SHARDS {
        if storage.shard_state(shard).is_none() {
            storage.set_shard_state(shard, ShardState::Active).unwrap();
        }
    }
    storage
}

/// Stores both slivers of a blob in every shard; returns how many were not there.
fn put_together(storage: &Storage, id: u8) -> usize {
    let payloads = TYPES.map(|sliver_type| payload(id, sliver_type));
    let of_shard = |shard| {
        let both = TYPES.into_iter().zip(&payloads);
        both.map(move |(sliver_type, payload)| (shard, sliver_type, payload.as_slice()))
    };
    let slivers: Vec<_> = SHARDS.into_iter().flat_map(of_shard).collect();
    let stored = storage.put_together(&blob(id), None, &slivers);
    stored.unwrap().len()
}

fn held(storage: &Storage, id: u8) -> usize {
    let held = SHARDS.map(|shard| held_in(storage, shard, id));
    held.into_iter().sum()
}

/// The segments of a shard, by its directory.
fn segments_in(shard: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(shard).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn cut(path: &Path, length: u64) {
    let file = fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(length).unwrap();
}

#[test]
fn what_a_power_failure_takes_from_segments_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open_shards(dir.path());
    assert_eq!(put_together(&storage, 1), 6);
    assert_eq!(put_together(&storage, 1), 0);
    put_in(&storage, SHARDS[0], 2);
    assert_eq!(put_together(&storage, 2), 4, "two are there already");
    assert_eq!(put_together(&storage, 3), 6);
    drop(storage);
    // One has lost all of it, one a part, and one has other bytes in its place.
    let [first, second, third] = SHARDS.map(|shard| {
        let shard = dir.path().join("shards").join(shard.get().to_string());
        segments_in(&shard).remove(0)
    });
    let whole = [&first, &second, &third].map(|path| fs::read(path).unwrap());
    cut(&first, 0);
    cut(&second, 1000);
    fs::write(&third, vec![0; whole[2].len()]).unwrap();
    for _ in 0..2 {
        let storage = open_shards(dir.path());
        let missing = held_in(&storage, SHARDS[0], 2);
        // That one was durable where it was, and nobody has another copy.
        assert_eq!(missing, 0);
        assert_eq!([1, 2, 3].map(|id| held(&storage, id)), [6, 4, 6]);
        assert!(storage.is_queued(&blob(2)).unwrap());
        assert!(!storage.is_queued(&blob(1)).unwrap() && !storage.is_queued(&blob(3)).unwrap());
    }
    let restored = [&second, &third].map(|path| fs::read(path).unwrap());
    assert_eq!(restored, whole[1..]);
}

#[test]
fn the_database_keeps_no_more_than_a_few_of_them_and_none_after_an_orderly_close() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open_shards(dir.path());
    put_together(&storage, 1);
    storage.close().unwrap();
    drop(storage);
    let path = segments_in(&dir.path().join("shards/3")).remove(0);
    let bytes = fs::read(&path).unwrap();
    cut(&path, 0);
    let storage = open_shards(dir.path());
    assert_eq!(held(&storage, 1), 4, "nothing brings them back");
    drop(storage);
    fs::write(&path, bytes).unwrap();

    // So much that the first are in their segments alone.
    let storage = open_shards(dir.path());
    let large = vec![7; 100_000];
    for id in 100..160 {
        let slivers = [(SHARDS[0], SliverType::Primary, large.as_slice())];
        let stored = storage.put_together(&BlobId([id; 32]), None, &slivers);
        assert_eq!(stored.unwrap().len(), 1);
    }
    drop(storage);
    let database = dir.path().join("db");
    let rows = rows_ahead(&database);
    assert!((1..45).contains(&rows), "{rows}");
}

/// How many rows the database has of what may not be durable elsewhere.
fn rows_ahead(database: &Path) -> u64 {
    let format = Format::after(&[|_| Ok(()), |_| Ok(()), |_| Ok(())]);
    let options = Options {
        format,
        ..Options::default()
    };
    let database = Database::open(database, &options).unwrap();
    let rows = database.raw_table::<u64>("ahead").unwrap();
    rows.count(10_000).unwrap()
}

#[test]
fn rows_of_a_segment_that_is_gone_are_in_nobodys_way() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open_shards(dir.path());
    for id in [1, 2] {
        put_together(&storage, id);
    }
    storage.remove_shard(SHARDS[2]).unwrap();
    delete(&storage, &[blob(1), blob(2)]);
    put_together_in(&storage, SHARDS[0], 3);
    drop(storage);
    fs::remove_dir_all(dir.path().join("shards/1")).unwrap();
    let storage = open_shards(dir.path());
    assert_eq!(
        [1, 2, 3].map(|id| held_in(&storage, SHARDS[0], id)),
        [0, 0, 0]
    );
    assert!(storage.is_queued(&blob(3)).unwrap());
    assert!(!storage.is_queued(&blob(1)).unwrap());
    assert_eq!(rows_after(storage, dir.path()), 0);
}

fn put_together_in(storage: &Storage, shard: ShardIndex, id: u8) {
    let payload = payload(id, SliverType::Primary);
    let slivers = [(shard, SliverType::Primary, payload.as_slice())];
    storage.put_together(&blob(id), None, &slivers).unwrap();
}

fn rows_after(storage: Storage, dir: &Path) -> u64 {
    drop(storage);
    rows_ahead(&dir.join("db"))
}
