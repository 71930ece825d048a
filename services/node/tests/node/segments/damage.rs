//! Damage: what is served is right, what is lost is queued, and what was deleted stays so.

use std::{fs, os::unix::fs::FileExt as _};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use walrus_core::SliverType;
use walrus_node::{
    operator::check_unused,
    storage::{
        Comparison, Finding, Storage, StorageError,
        records::ShardState,
        segments::{NewSliver, SegmentError},
    },
};
use walrus_service::tables::{Database, Format, Options};

use super::{
    HEADER_BYTES, SHARD, assert_honest, blob, compact, copy, flip, fsck, held, is_queued, open,
    options, populate, put, put_bytes, register, scrub, segments, set_epoch,
};
use crate::support::{EPOCH, N_SHARDS, encode, encoding, sliver};

#[test]
fn a_tail_torn_anywhere_costs_only_the_last_record() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    put_bytes(&storage, 1, &[1; 100]).unwrap();
    drop(storage);
    // The process is killed before the database knows of the second sliver.
    let database = dir.path().join("db.before");
    copy(&dir.path().join("db"), &database);
    let storage = open(dir.path());
    put_bytes(&storage, 2, &[2; 100]).unwrap();
    drop(storage);
    let path = segments(dir.path()).remove(0);
    let whole = fs::read(&path).unwrap();
    assert_eq!(whole.len(), 360);
    for cut in [0, 1, 99, 100, 101, 140, 179] {
        fs::remove_dir_all(dir.path().join("db")).unwrap();
        copy(&database, &dir.path().join("db"));
        // Also as zeros, as after a power failure.
        let mut torn = whole[..360 - cut].to_vec();
        torn.resize(360 + cut, 0);
        fs::write(&path, torn).unwrap();
        let storage = open(dir.path());
        let read = |id| {
            storage
                .sliver(SHARD, &blob(id), SliverType::Primary)
                .unwrap()
        };
        assert_eq!(read(1), Some(vec![1; 100]));
        assert_eq!(read(2), (cut == 0).then(|| vec![2; 100]), "cut {cut}");
        put_bytes(&storage, 3, &[3; 50]).unwrap();
        assert_eq!(read(3), Some(vec![3; 50]));
        let expected = if cut == 0 { 360 + 130 } else { 180 + 130 };
        assert_eq!(
            fs::metadata(&path).unwrap().len(),
            expected,
            "what is torn is written over"
        );
        assert!(!is_queued(&storage, 1));
    }
}

#[test]
fn what_a_shard_was_filled_with_last_is_looked_through_after_a_crash() {
    for (state, is_noticed) in [
        (ShardState::Recovering, true),
        // Nothing of it was left to be made durable later.
        (ShardState::Active, false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let storage = open(dir.path());
        storage.set_shard_state(SHARD, state).unwrap();
        for id in [1, 2] {
            let sliver = NewSliver {
                blob_id: blob(id),
                sliver_type: SliverType::Primary,
                payload: &[id; 100],
            };
            storage.fill_slivers(SHARD, &[sliver]).unwrap();
        }
        storage.sync_shard(SHARD).unwrap();
        drop(storage);
        // A power failure that has cost some bytes, and not the length of the file.
        let path = segments(dir.path()).remove(0);
        flip(&path, 180 + HEADER_BYTES + 50);
        let storage = open(dir.path());
        let holds = |id| {
            storage
                .has_sliver(SHARD, &blob(id), SliverType::Primary)
                .unwrap()
        };
        assert!(holds(1));
        assert_eq!(holds(2), !is_noticed, "{state:?}");
        assert_eq!(is_queued(&storage, 2), is_noticed, "{state:?}");
    }
}

#[test]
fn behind_a_rotten_header_the_later_records_are_found_also_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    put_bytes(&storage, 0, &[9; 100]).unwrap();
    drop(storage);
    let database = dir.path().join("db.before");
    copy(&dir.path().join("db"), &database);
    let storage = open(dir.path());
    for id in 1..6 {
        put_bytes(&storage, id, &[id; 100]).unwrap();
    }
    drop(storage);
    fs::remove_dir_all(dir.path().join("db")).unwrap();
    fs::rename(&database, dir.path().join("db")).unwrap();
    // Of the records that the database does not know the second is rotten.
    let path = segments(dir.path()).remove(0);
    flip(&path, 2 * 180 + 10);
    let storage = open(dir.path());
    for id in [1, 3, 4, 5] {
        let read = storage
            .sliver(SHARD, &blob(id), SliverType::Primary)
            .unwrap();
        assert_eq!(read, Some(vec![id; 100]), "blob {id}");
    }
    assert!(
        !storage
            .has_sliver(SHARD, &blob(2), SliverType::Primary)
            .unwrap()
    );
    assert_eq!(storage.disks()[0].damaged_records, 1);
}

#[test]
fn a_payload_cannot_pretend_to_be_the_record_of_another_blob() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    put_bytes(&storage, 1, &[1; 100]).unwrap();
    let path = segments(dir.path()).remove(0);
    // A whole record, and one of the first format, whose check anybody can compute.
    let mut forged = fs::read(&path).unwrap();
    let mut first = forged[..HEADER_BYTES].to_vec();
    first[4] = 1;
    first[8..40].fill(7);
    let check = blake3::hash(&first[..76]);
    first[76..].copy_from_slice(&check.as_bytes()[..4]);
    first.extend_from_slice(&[1; 100]);
    forged[8..40].fill(8);
    forged.extend_from_slice(&first);
    put_bytes(&storage, 2, &forged).unwrap();
    put_bytes(&storage, 3, &[3; 100]).unwrap();
    drop(storage);
    flip(&path, 180 + 12);
    fs::remove_dir_all(dir.path().join("db")).unwrap();
    let storage = open(dir.path());
    let has = |id| {
        storage
            .has_sliver(SHARD, &blob(id), SliverType::Primary)
            .unwrap()
    };
    assert!(has(1) && has(3));
    assert!(!has(2) && !has(7) && !has(8));
}

#[test]
fn whatever_is_flipped_cut_zeroed_or_deleted_is_served_right_or_queued() {
    let template = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(template.path());
    drop(storage);
    let closed = tempfile::tempdir().unwrap();
    copy(template.path(), closed.path());
    open(closed.path()).close().unwrap();
    for seed in 0..12 {
        let mut rng = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        copy(
            if rng.random() {
                closed.path()
            } else {
                template.path()
            },
            dir.path(),
        );
        for _ in 0..rng.random_range(1..4) {
            let files = segments(dir.path());
            let Some(path) = files.choose(&mut rng) else {
                break;
            };
            let length = fs::metadata(path).unwrap().len();
            if length == 0 {
                continue;
            }
            let at = rng.random_range(0..length);
            let file = fs::File::options().write(true).open(path).unwrap();
            match rng.random_range(0..6) {
                0 | 1 => flip(path, usize::try_from(at).unwrap()),
                2 => file.set_len(at).unwrap(),
                3 => {
                    let zeros = vec![0; rng.random_range(1..400)];
                    file.write_all_at(&zeros, at).unwrap();
                }
                4 => fs::remove_file(path).unwrap(),
                _ => fs::remove_dir_all(path.parent().unwrap()).unwrap(),
            }
        }
        let storage = Storage::open_with(options(dir.path())).unwrap();
        scrub(&storage);
        assert_honest(&storage, &deleted);
        compact(&storage);
        assert_honest(&storage, &deleted);
        assert_eq!(fsck(&storage, false), [], "seed {seed}");
        drop(storage);
        let storage = Storage::open_with(options(dir.path())).unwrap();
        assert_honest(&storage, &deleted);
    }
}

#[test]
fn a_file_cut_before_the_end_of_its_first_record_goes_with_all_its_slivers() {
    for (closes, left) in [(true, 0), (true, 50), (false, 0), (false, 50)] {
        let dir = tempfile::tempdir().unwrap();
        let storage = open(dir.path());
        set_epoch(&storage, EPOCH);
        register(&storage, 1, EPOCH + 3);
        put(&storage, 1);
        if closes {
            storage.close().unwrap();
        }
        drop(storage);
        let path = segments(dir.path()).remove(0);
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(left).unwrap();
        let storage = open(dir.path());
        assert_eq!(held(&storage, 1), 0);
        assert!(is_queued(&storage, 1));
        assert!(!path.exists(), "nothing in it counts");
        put(&storage, 1);
        assert_eq!(held(&storage, 1), 2);
        assert_eq!(fsck(&storage, false), []);
    }
}

#[test]
fn without_any_segment_everything_is_queued_and_the_shards_are_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(dir.path());
    storage.close().unwrap();
    drop(storage);
    fs::remove_dir_all(dir.path().join("shards")).unwrap();
    let storage = open(dir.path());
    assert_honest(&storage, &deleted);
    assert_eq!(storage.shard_state(SHARD), Some(ShardState::Recovering));
    assert!((0..30).all(|id| deleted.contains(&id) || is_queued(&storage, id)));
    put(&storage, 1);
    assert_eq!(held(&storage, 1), 2);
}

#[test]
fn a_database_that_is_damaged_is_set_aside_and_the_index_read_from_the_segments() {
    let template = tempfile::tempdir().unwrap();
    let (storage, _) = populate(template.path());
    // Not closed in order, so that the next start looks at everything.
    drop(storage);
    let mut rebuilt = 0;
    for seed in 0..8 {
        let mut rng = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        copy(template.path(), dir.path());
        let mut files = Vec::new();
        let mut folders = vec![dir.path().join("db")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(path),
                }
            }
        }
        files.retain(|path| fs::metadata(path).unwrap().len() > 0);
        files.sort();
        let path = files.choose(&mut rng).unwrap();
        match rng.random_range(0..3) {
            0 => fs::remove_file(path).unwrap(),
            1 => flip(path, 3),
            _ => fs::write(path, b"nothing").unwrap(),
        }
        let storage = Storage::open_with(options(dir.path())).unwrap();
        if storage.cursor().unwrap().is_none() {
            rebuilt += 1;
            assert_eq!(
                storage.shard_state(SHARD),
                Some(ShardState::Locked),
                "until the chain tells"
            );
        }
        for id in (0..30).filter(|id| id % 4 != 0) {
            assert_eq!(held(&storage, id), 2, "seed {seed}, {}", path.display());
        }
    }
    assert!(rebuilt > 0);
}

#[test]
fn damaged_metadata_is_absent_and_queued() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    let encoded = encode(&[1; 300]);
    let blob_id = *encoded.metadata.blob_id();
    storage.put_metadata(&encoded.metadata).unwrap();
    assert!(storage.has_metadata(&blob_id, &encoding()).unwrap());
    drop(storage);
    let database = Options {
        format: Format::after(&[|_| Ok(()), |_| Ok(()), |_| Ok(())]),
        ..Default::default()
    };
    let database = Database::open(&dir.path().join("db"), &database).unwrap();
    let table = database.raw_table::<[u8; 32]>("metadata").unwrap();
    let mut bytes = table.get(&blob_id.0).unwrap().unwrap().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes[40] ^= 1;
    let mut batch = database.batch();
    batch.insert(&table, &blob_id.0, &bytes.into()).unwrap();
    batch.commit_durably().unwrap();
    drop((database, table));
    let storage = open(dir.path());
    assert!(!storage.has_metadata(&blob_id, &encoding()).unwrap());
    assert!(storage.is_queued(&blob_id).unwrap());
}

#[test]
fn scrub_finds_what_nobody_reads_and_goes_on_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(dir.path());
    assert_eq!(scrub(&storage), 0);
    let path = segments(dir.path()).remove(2);
    flip(&path, HEADER_BYTES + 30);
    let step = storage.scrub_step(None, 1, None).unwrap();
    assert!(step.records <= 1 && step.next.is_some());
    assert_eq!(scrub(&storage), 1);
    assert_eq!(storage.disks()[0].damaged_records, 1);
    assert_honest(&storage, &deleted);
    // What is left of the segment moves.
    compact(&storage);
    assert!(!path.exists());
    assert_honest(&storage, &deleted);
    assert_eq!(scrub(&storage), 0);
    // A file that disappears while the node runs.
    fs::remove_file(segments(dir.path()).remove(1)).unwrap();
    drop(storage);
    let storage = open(dir.path());
    assert_honest(&storage, &deleted);
}

#[test]
fn fsck_finds_what_index_and_segments_do_not_agree_upon() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(dir.path());
    assert_eq!(fsck(&storage, false), []);
    flip(&segments(dir.path()).remove(1), 9);
    let findings = fsck(&storage, false);
    assert!(
        matches!(findings[..], [Finding::Missing { .. }, ..]),
        "{findings:?}"
    );
    assert!(findings[0].to_string().contains("not where the index says"));
    assert_eq!(fsck(&storage, false), findings, "nothing is changed");
    fsck(&storage, true);
    assert_eq!(fsck(&storage, false), []);
    assert_honest(&storage, &deleted);
}

#[test]
fn a_segment_that_is_deleted_while_it_is_open_is_found_and_queued() {
    for by_scrub in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let (storage, deleted) = populate(dir.path());
        // Every file is open, and can be read on after it was deleted.
        assert_honest(&storage, &deleted);
        fs::remove_file(segments(dir.path()).remove(1)).unwrap();
        if by_scrub {
            assert!(scrub(&storage) > 0);
        } else {
            let findings = fsck(&storage, false);
            assert!(
                matches!(findings[..], [Finding::Missing { .. }, ..]),
                "{findings:?}"
            );
            assert_eq!(fsck(&storage, false), findings, "nothing is changed");
            fsck(&storage, true);
        }
        assert_eq!(fsck(&storage, false), []);
        assert_honest(&storage, &deleted);
        storage.close().unwrap();
        drop(storage);
        assert_eq!(check_unused(options(dir.path()), false).unwrap().found, 0);
    }
}

#[test]
fn a_look_at_an_unused_storage_tells_what_a_start_would_lose_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (storage, deleted) = populate(dir.path());
    storage.close().unwrap();
    drop(storage);
    assert_eq!(check_unused(options(dir.path()), false).unwrap().found, 0);
    fs::remove_file(segments(dir.path()).remove(1)).unwrap();
    let report = check_unused(options(dir.path()), false).unwrap();
    assert!(report.found > 0, "{report:?}");
    assert_eq!(
        check_unused(options(dir.path()), false).unwrap(),
        report,
        "nothing is changed"
    );
    let mended = check_unused(options(dir.path()), true).unwrap();
    assert_eq!(mended.found, report.found);
    assert_eq!(check_unused(options(dir.path()), false).unwrap().found, 0);
    assert_honest(&open(dir.path()), &deleted);
}

#[test]
fn where_no_storage_is_none_is_made_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let absent = dir.path().join("not mounted");
    for fix in [false, true] {
        let error = check_unused(options(&absent), fix).unwrap_err();
        assert!(matches!(error, StorageError::NoStorage(_)), "{error}");
        assert!(!absent.exists());
    }
}

#[test]
fn segments_of_a_newer_format_are_refused_and_not_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    put(&storage, 1);
    drop(storage);
    let path = segments(dir.path()).remove(0);
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::File::options().write(true).open(&path).unwrap();
    let mut record = b"WSLV\x03".to_vec();
    record.resize(200, 0x5a);
    file.write_all_at(&record, length).unwrap();
    let error = Storage::open_with(options(dir.path())).unwrap_err();
    assert!(
        matches!(error, StorageError::Segment(SegmentError::Newer { offset, found: 3, known: 2, .. }) if offset == length)
    );
    assert_eq!(fs::metadata(&path).unwrap().len(), length + 200);
}

#[test]
fn an_intact_sliver_that_is_not_that_of_its_blob_is_found_by_comparison_alone() {
    let every = Some(Comparison {
        encoding: encoding(),
        of_10_000: 10_000,
    });
    let dir = tempfile::tempdir().unwrap();
    let storage = open(dir.path());
    let put_sliver = |blob_id, sliver_type, payload: &[u8]| {
        let sliver = NewSliver {
            blob_id,
            sliver_type,
            payload,
        };
        storage.put_slivers(SHARD, &[sliver]).unwrap();
    };
    let [right, wrong] = [&b"as it should be"[..], b"another one's"].map(encode);
    for (blob, source) in [(&right, &right), (&wrong, &right)] {
        let blob_id = *blob.metadata.blob_id();
        storage.put_metadata(&blob.metadata).unwrap();
        let pair = SHARD.to_pair_index(&blob_id, N_SHARDS);
        for sliver_type in [SliverType::Primary, SliverType::Secondary] {
            put_sliver(blob_id, sliver_type, &sliver(source, pair, sliver_type));
        }
    }
    // Nothing can be said of a sliver whose metadata are not there.
    put_bytes(&storage, 9, &[9; 100]).unwrap();

    let records = storage.scrub_step(None, u64::MAX, None).unwrap();
    assert_eq!(
        (records.records, records.compared, records.damaged),
        (5, 0, 0)
    );
    let compared = storage.scrub_step(None, u64::MAX, every).unwrap();
    assert_eq!(
        (compared.records, compared.compared, compared.damaged),
        (5, 4, 2)
    );
    for (blob, is_there) in [(&right, true), (&wrong, false)] {
        let blob_id = blob.metadata.blob_id();
        let has = storage.has_sliver(SHARD, blob_id, SliverType::Primary);
        assert_eq!(has.unwrap(), is_there);
        assert_eq!(storage.is_queued(blob_id).unwrap(), !is_there);
    }
}
