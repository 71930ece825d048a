//! Snapshots: with one a chain is what it is without, and one that is not whole, or not of this log, changes nothing.

use std::fs;
use std::path::Path;

use sui_sdk_types::hash::Hasher;
use sui_sdk_types::{Identifier, Object, ObjectData, Owner, StructTag, TypeTag};

use super::fixture::{Chain, SEED, address, coin};
use super::open_with;
use crate::error::StoreError;
use crate::indexes::{Indexes, snapshot};
use crate::record::{Amount, CheckpointRecord};
use crate::store::{Log, Opening, Position, SectionWriter, SyncPolicy};

const LOG: &str = "chain.log";
const MARK: &str = "chain.mark";
const SNAPSHOT: &str = "chain.snapshot";
/// Directories as earlier programs left them.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reading");
const UNFINISHED: &str = "chain.snapshot.new";

/// An object that another one owns.
fn child(id: u64, parent: u64) -> Object {
    let free = coin(id, address(1), id);
    let ObjectData::Struct(data) = free.data().clone() else {
        unreachable!("a coin is no package");
    };
    let owner = Owner::Object(address(parent));
    Object::new(
        ObjectData::Struct(data),
        owner,
        free.previous_transaction(),
        0,
    )
}

/// Checkpoints that write, own, remove, pay and hang objects below each other.
fn records() -> Vec<CheckpointRecord> {
    let mut chain = Chain::new();
    (0..8)
        .map(|number| {
            let written = vec![
                coin(100 + number, address(number % 3), number),
                child(200 + number, number % 2),
            ];
            let mut transaction = chain.transaction(address(1), &[number], written);
            if number % 4 == 3 {
                transaction.removed = vec![address(100 + number - 1)];
            }
            transaction.address_balance_changes = vec![Amount {
                address: address(number % 2),
                coin_type: TypeTag::from(StructTag::new(
                    address(2),
                    Identifier::from_static("sui"),
                    Identifier::from_static("SUI"),
                    vec![],
                )),
                amount: 5 + i128::from(number),
            }];
            let other = chain.transaction(address(2), &[], vec![]);
            let record = chain.seal(vec![transaction, other]);
            chain.apply(record.clone());
            record
        })
        .collect()
}

/// What a start finds.
struct Opened {
    log: Log,
    indexes: Indexes,
    /// Records that were read of the log itself.
    read: u64,
}

fn open(directory: &Path) -> Result<Opened, StoreError> {
    let opening = Opening::begin(directory, &SEED)?;
    let restored = snapshot::restore(directory, &opening)?;
    let (mut indexes, position) = match restored {
        Some(restored) => restored,
        None => (Indexes::new(opening.archive()?), Position::START),
    };
    let mut read = 0;
    let log = opening.read(position, SyncPolicy::Never, &mut |record, place| {
        read += 1;
        indexes.apply(record, place);
        Ok(())
    })?;
    Ok(Opened { log, indexes, read })
}

/// A chain whose snapshot is `behind` records behind its log.
fn chain(directory: &Path, records: &[CheckpointRecord], behind: usize) {
    let Opened {
        mut log,
        mut indexes,
        ..
    } = open(directory).unwrap();
    for (number, record) in records.iter().enumerate() {
        let place = log.append(record).unwrap();
        indexes.apply(record.clone(), place);
        if number + 1 + behind == records.len() {
            snapshot::save(directory, &indexes, log.position()).unwrap();
        }
    }
    log.sync().unwrap();
}

/// The same chain without its snapshot.
fn replayed(directory: &Path) -> Indexes {
    let other = tempfile::tempdir().unwrap();
    for name in [LOG, MARK] {
        fs::copy(directory.join(name), other.path().join(name)).unwrap();
    }
    open(other.path()).unwrap().indexes
}

fn same_history(indexes: &Indexes, records: &[CheckpointRecord]) {
    for record in records {
        let number = record.summary.sequence_number;
        let found = indexes.checkpoint(number).unwrap().unwrap();
        assert_eq!(found.summary, record.summary);
        assert_eq!(indexes.checkpoint_number(&found.digest), Some(number));
        for transaction in &record.transactions {
            let executed = indexes.transaction(&transaction.digest()).unwrap().unwrap();
            assert_eq!(executed.checkpoint, number);
            for object in &transaction.written {
                let (id, version) = (object.object_id(), object.version());
                let found = indexes.at_version(&id, version).unwrap().unwrap();
                assert_eq!(*found, *object);
            }
        }
    }
}

#[test]
fn a_chain_with_a_snapshot_is_the_chain_without() {
    let records = records();
    for behind in 0..records.len() {
        let directory = tempfile::tempdir().unwrap();
        chain(directory.path(), &records, behind);
        let opened = open(directory.path()).unwrap();
        assert_eq!(opened.read, behind as u64);
        assert!(
            opened.indexes == replayed(directory.path()),
            "{behind} behind"
        );
        same_history(&opened.indexes, &records);
    }
}

#[test]
fn the_log_goes_on_after_a_snapshot() {
    let records = records();
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records[..5], 2);
    let Opened {
        mut log,
        mut indexes,
        read,
    } = open(directory.path()).unwrap();
    assert_eq!(read, 2);
    for record in &records[5..] {
        let place = log.append(record).unwrap();
        indexes.apply(record.clone(), place);
    }
    same_history(&indexes, &records);
    log.sync().unwrap();
    drop(log);
    assert_eq!(
        open_with(directory.path(), &SEED, SyncPolicy::Never)
            .unwrap()
            .1,
        records
    );
    assert!(open(directory.path()).unwrap().indexes == indexes);
}

/// Opens a chain whose snapshot holds these bytes; whether it was used.
fn used(directory: &Path, bytes: &[u8], expected: &Indexes) -> bool {
    fs::write(directory.join(SNAPSHOT), bytes).unwrap();
    let opened = open(directory).unwrap();
    assert!(opened.indexes == *expected);
    opened.read < 8
}

#[test]
fn a_damaged_snapshot_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records(), 3);
    let whole = fs::read(directory.path().join(SNAPSHOT)).unwrap();
    let expected = replayed(directory.path());
    assert!(used(directory.path(), &whole, &expected));
    let edges =
        |place: &usize| *place < 64 || *place + 64 > whole.len() || place.is_multiple_of(41);
    for place in (0..whole.len()).filter(edges) {
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << (place % 8);
        assert!(!used(directory.path(), &damaged, &expected), "byte {place}");
        assert!(
            !used(directory.path(), &whole[..place], &expected),
            "cut at {place}"
        );
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(!used(directory.path(), &longer, &expected));
    assert!(used(directory.path(), &whole, &expected));
}

/// A crash at any moment while a snapshot is written leaves the one before it.
#[test]
fn an_interrupted_snapshot_is_as_if_it_had_not_been_begun() {
    let records = records();
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records, 3);
    let older = fs::read(directory.path().join(SNAPSHOT)).unwrap();
    let Opened { log, indexes, .. } = open(directory.path()).unwrap();
    snapshot::save(directory.path(), &indexes, log.position()).unwrap();
    drop(log);
    let newer = fs::read(directory.path().join(SNAPSHOT)).unwrap();
    let expected = replayed(directory.path());
    for cut in (0..newer.len()).step_by(97).chain([newer.len()]) {
        fs::write(directory.path().join(SNAPSHOT), &older).unwrap();
        fs::write(directory.path().join(UNFINISHED), &newer[..cut]).unwrap();
        let opened = open(directory.path()).unwrap();
        assert_eq!(opened.read, 3, "cut at {cut}");
        assert!(opened.indexes == expected, "cut at {cut}");
        assert!(!directory.path().join(UNFINISHED).exists());
    }
}

#[test]
fn a_snapshot_that_could_not_be_finished_takes_no_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = SectionWriter::create(directory.path()).unwrap();
    writer.section(1, &[7; 100_000]).unwrap();
    assert!(directory.path().join(UNFINISHED).exists());
    drop(writer);
    assert!(!directory.path().join(UNFINISHED).exists());
}

/// The log is the truth: after its end was lost, a snapshot that has seen more is of no use.
#[test]
fn a_snapshot_that_is_ahead_of_the_log_is_ignored() {
    let records = records();
    for kept in 1..records.len() {
        let directory = tempfile::tempdir().unwrap();
        chain(directory.path(), &records[..kept], 0);
        let log = fs::read(directory.path().join(LOG)).unwrap();
        let directory = tempfile::tempdir().unwrap();
        chain(directory.path(), &records, 0);
        fs::write(directory.path().join(LOG), &log).unwrap();
        // As the error about what is missing says.
        fs::remove_file(directory.path().join(MARK)).unwrap();
        let opened = open(directory.path()).unwrap();
        assert_eq!(opened.read, kept as u64);
        same_history(&opened.indexes, &records[..kept]);
        assert_eq!(
            opened.indexes.checkpoint(kept as u64).unwrap().map(|_| ()),
            None
        );
    }
}

#[test]
fn a_snapshot_of_another_chain_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records(), 0);
    let other = tempfile::tempdir().unwrap();
    let mut foreign = Chain::new();
    let records: Vec<_> = (0..8)
        .map(|number| {
            let transaction = foreign.transaction(address(9), &[number], vec![]);
            let record = foreign.seal(vec![transaction]);
            foreign.apply(record.clone());
            record
        })
        .collect();
    chain(other.path(), &records, 0);
    fs::copy(other.path().join(SNAPSHOT), directory.path().join(SNAPSHOT)).unwrap();
    let opened = open(directory.path()).unwrap();
    assert_eq!(opened.read, 8);
    assert!(opened.indexes == replayed(directory.path()));
}

/// With the checksum that it would have.
#[test]
fn a_snapshot_of_another_format_is_ignored() {
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records(), 0);
    let mut bytes = fs::read(directory.path().join(SNAPSHOT)).unwrap();
    bytes.truncate(bytes.len() - 32);
    let checksum = Hasher::digest(&bytes);
    bytes.extend_from_slice(checksum.inner());
    let expected = replayed(directory.path());
    assert!(used(directory.path(), &bytes, &expected));
    bytes.truncate(bytes.len() - 32);
    bytes[8] += 1;
    let checksum = Hasher::digest(&bytes);
    bytes.extend_from_slice(checksum.inner());
    assert!(!used(directory.path(), &bytes, &expected));
}

/// What was whole when it was written, and is read back after it was damaged, is an error, not an answer.
#[test]
fn damage_to_what_a_snapshot_covers_is_told_when_it_is_read() {
    let records = records();
    let directory = tempfile::tempdir().unwrap();
    chain(directory.path(), &records, 0);
    let mut log = fs::read(directory.path().join(LOG)).unwrap();
    let second =
        44 + usize::try_from(u32::from_le_bytes(log[44..48].try_into().unwrap())).unwrap() + 20;
    log[second + 100] ^= 1;
    fs::write(directory.path().join(LOG), &log).unwrap();
    let indexes = open(directory.path()).unwrap().indexes;
    let refused = indexes.checkpoint(1).unwrap_err().to_string();
    assert!(
        refused.contains("checkpoint 1") && refused.contains(LOG),
        "{refused}"
    );
    let lost = &records[1].transactions[0];
    assert!(indexes.transaction(&lost.digest()).is_err());
    assert!(indexes.checkpoint(0).unwrap().is_some());
    assert!(indexes.checkpoint(2).unwrap().is_some());
}

/// Opens a copy of a directory that an earlier program left; how many records it reads of the log.
fn open_kept(name: &str) -> u64 {
    let kept = Path::new(KEPT).join(name);
    let directory = tempfile::tempdir().unwrap();
    for name in [LOG, MARK, SNAPSHOT] {
        fs::copy(kept.join(name), directory.path().join(name)).unwrap();
    }
    let opened = open(directory.path()).unwrap();
    assert!(opened.indexes == replayed(directory.path()));
    same_history(&opened.indexes, &records());
    opened.read
}

#[test]
fn directories_of_all_formats_open() {
    assert_eq!(open_kept("format-2"), 2);
    // Its snapshot is of no use any more.
    assert_eq!(open_kept("format-1"), 8);
}

/// Makes the directory of the test before this one anew, for a format that is not out yet.
#[test]
#[ignore = "writes into the sources"]
fn write_a_directory_of_format_2() {
    let kept = Path::new(KEPT).join("format-2");
    fs::remove_dir_all(&kept).ok();
    chain(&kept, &records(), 2);
}
