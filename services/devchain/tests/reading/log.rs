//! Log file: what was appended comes back, and a torn record is cut off.

use std::fs::OpenOptions;
use std::path::Path;

use super::fixture::{Chain, SEED, address, coin};
use super::{open, open_with};
use crate::error::StoreError;
use crate::record::CheckpointRecord;
use crate::store::{SyncPolicy, read_seed};

fn records(count: u64) -> Vec<CheckpointRecord> {
    let mut chain = Chain::new();
    (0..count)
        .map(|number| {
            let object = coin(100 + number, address(1), number);
            let transaction = chain.transaction(address(1), &[number], vec![object]);
            let record = chain.seal(vec![transaction]);
            chain.apply(record.clone());
            record
        })
        .collect()
}

fn write(directory: &Path, records: &[CheckpointRecord]) -> u64 {
    let (mut store, found) = open(directory).unwrap();
    assert!(found.is_empty());
    let mut last = 0;
    for record in records {
        last = length(directory);
        store.append(record).unwrap();
    }
    last
}

fn length(directory: &Path) -> u64 {
    std::fs::metadata(directory.join("chain.log"))
        .unwrap()
        .len()
}

#[test]
fn what_was_appended_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(read_seed(directory.path()).unwrap(), None);
    let records = records(3);
    write(directory.path(), &records);
    assert_eq!(read_seed(directory.path()).unwrap(), Some(SEED));
    assert_eq!(open(directory.path()).unwrap().1, records);
}

#[test]
fn a_record_torn_anywhere_is_cut_off_and_the_log_goes_on() {
    let records = records(3);
    let scratch = tempfile::tempdir().unwrap();
    let start = write(scratch.path(), &records);
    let end = length(scratch.path());
    for cut in (start..end)
        .step_by(37)
        .chain([start + 1, start + 19, end - 1])
    {
        let directory = tempfile::tempdir().unwrap();
        let copy = directory.path().join("chain.log");
        std::fs::copy(scratch.path().join("chain.log"), &copy).unwrap();
        OpenOptions::new()
            .write(true)
            .open(&copy)
            .unwrap()
            .set_len(cut)
            .unwrap();
        let (mut store, found) = open(directory.path()).unwrap();
        assert_eq!(found, records[..2], "cut at {cut}");
        store.append(&records[2]).unwrap();
        drop(store);
        assert_eq!(open(directory.path()).unwrap().1, records);
    }
}

#[test]
fn two_chains_cannot_share_a_log() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(StoreError::Locked { .. })
    ));
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn foreign_files_and_foreign_chains_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &records(1));
    let other = sui_sdk_types::Digest::new([8; 32]);
    assert!(matches!(
        open_with(directory.path(), &other, SyncPolicy::Never),
        Err(StoreError::OtherSeed { .. })
    ));
    std::fs::write(directory.path().join("chain.log"), [b'x'; 100]).unwrap();
    assert!(matches!(
        open(directory.path()),
        Err(StoreError::Format { .. })
    ));
}
