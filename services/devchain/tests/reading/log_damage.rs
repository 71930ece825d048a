//! Damage to the log: it opens with every record but the last, or it is refused and left byte for byte.

use std::fs;

use super::fixture::{Chain, SEED, address, coin};
use super::{open, open_with};
use crate::error::StoreError;
use crate::record::CheckpointRecord;
use crate::store::SyncPolicy;

const LOG: &str = "chain.log";
const MARK: &str = "chain.mark";
const HEADER: usize = 44;
/// Length and checksum of a record.
const PREFIX: usize = 20;

/// Bytes of a log, where its records begin, and the records.
struct Whole {
    log: Vec<u8>,
    mark: Option<Vec<u8>>,
    starts: Vec<usize>,
    records: Vec<CheckpointRecord>,
}

fn records() -> Vec<CheckpointRecord> {
    let mut chain = Chain::new();
    (0..4)
        .map(|number| {
            let object = coin(100 + number, address(1), number);
            let transaction = chain.transaction(address(1), &[number], vec![object]);
            let record = chain.seal(vec![transaction]);
            chain.apply(record.clone());
            record
        })
        .collect()
}

/// A chain that was killed.
fn whole() -> Whole {
    let directory = tempfile::tempdir().unwrap();
    let records = records();
    let (mut store, _) = open_with(directory.path(), &SEED, SyncPolicy::EveryCheckpoint).unwrap();
    let mut starts = vec![];
    for record in &records {
        starts.push(fs::read(directory.path().join(LOG)).unwrap().len());
        store.append(record).unwrap();
    }
    Whole {
        log: fs::read(directory.path().join(LOG)).unwrap(),
        mark: fs::read(directory.path().join(MARK)).ok(),
        starts,
        records,
    }
}

impl Whole {
    /// As a program wrote it that kept no mark.
    fn without_mark(mut self) -> Self {
        self.mark = None;
        self
    }

    fn last(&self) -> usize {
        *self.starts.last().unwrap()
    }

    /// Opens a directory with these bytes as the log; checks that a refusal changed nothing, that what is found is the beginning
    /// of what was there, and that the log goes on from it.
    fn open(&self, log: Option<&[u8]>) -> Result<usize, StoreError> {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: Option<&[u8]>| {
            if let Some(bytes) = bytes {
                fs::write(directory.path().join(name), bytes).unwrap();
            }
        };
        write(LOG, log);
        write(MARK, self.mark.as_deref());
        let opened = open(directory.path());
        match opened {
            Ok((mut store, found)) => {
                let count = found.len();
                assert_eq!(found, self.records[..count]);
                for record in &self.records[count..] {
                    store.append(record).unwrap();
                }
                drop(store);
                assert_eq!(open(directory.path()).unwrap().1, self.records);
                Ok(count)
            }
            Err(error) => {
                let left = |name: &str| fs::read(directory.path().join(name)).ok();
                assert_eq!(left(LOG).as_deref(), log, "{error}");
                assert_eq!(left(MARK), self.mark, "{error}");
                assert!(error.to_string().contains("chain.log"), "{error}");
                Err(error)
            }
        }
    }

    /// [`Whole::open`] after any single damage.
    fn hold(&self, log: &[u8], what: &str) {
        if let Ok(count) = self.open(Some(log)) {
            assert!(count + 1 >= self.records.len(), "{what}: {count} records");
        }
    }

    /// Every byte of what frames the records, and every seventh of what is in them.
    fn places(&self) -> impl Iterator<Item = usize> {
        let framing = |place: &usize| {
            let start = self.starts.iter().rev().find(|start| *start <= place);
            start.is_none_or(|start| place - start <= PREFIX)
        };
        (0..self.log.len()).filter(move |place| framing(place) || place % 7 == 0)
    }

    fn with(&self, position: usize, bits: u8) -> Vec<u8> {
        let mut log = self.log.clone();
        log[position] ^= bits;
        log
    }
}

#[test]
fn any_byte_may_be_damaged() {
    for whole in [whole(), whole().without_mark()] {
        for position in whole.places() {
            let log = whole.with(position, 1 << (position % 8));
            whole.hold(&log, &format!("byte {position}"));
        }
    }
}

#[test]
fn a_length_may_become_any_other() {
    for whole in [whole(), whole().without_mark()] {
        for start in &whole.starts {
            for bit in 0..32 {
                let log = whole.with(start + bit / 8, 1 << (bit % 8));
                whole.hold(&log, &format!("bit {bit} of the length at {start}"));
                let refused = whole.open(Some(&log)).err();
                let middle = *start != whole.last();
                assert!(
                    !middle || matches!(refused, Some(StoreError::Damaged { .. })),
                    "bit {bit} of the length at {start}: {refused:?}"
                );
            }
        }
    }
}

#[test]
fn the_end_may_be_cut_off_anywhere() {
    let whole = whole();
    for length in whole.places() {
        let opened = whole.open(Some(&whole.log[..length]));
        if length >= whole.last() {
            assert_eq!(opened.unwrap(), 3, "cut at {length}");
        } else {
            assert!(
                matches!(opened, Err(StoreError::Cut { .. })),
                "cut at {length}: {opened:?}"
            );
        }
    }
    assert!(matches!(
        whole.open(None),
        Err(StoreError::Missing {
            acknowledged: 3,
            ..
        })
    ));
}

#[test]
fn a_part_in_the_middle_may_be_missing() {
    let whole = whole();
    for from in (HEADER..whole.last()).step_by(197) {
        for missing in [1, 20, 200] {
            let mut log = whole.log.clone();
            log.drain(from..from + missing);
            whole.hold(&log, &format!("{missing} bytes less at {from}"));
        }
    }
}

#[test]
fn zeros_after_the_last_record_are_a_torn_end() {
    for whole in [whole(), whole().without_mark()] {
        for zeros in [1, 4, 19, 20, 21, 4096, 100_000] {
            let mut log = whole.log.clone();
            log.resize(log.len() + zeros, 0);
            assert_eq!(whole.open(Some(&log)).unwrap(), 4, "{zeros} zeros");
        }
    }
}

#[test]
fn pages_of_the_last_record_that_were_never_written_are_a_torn_end() {
    let whole = whole();
    let (last, end) = (whole.last(), whole.log.len());
    for (from, to) in [
        (last, end),
        (last, last + 100),
        (last + 30, end),
        (last + 400, end),
    ] {
        let mut log = whole.log.clone();
        log[from..to].fill(0);
        assert_eq!(
            whole.open(Some(&log)).unwrap(),
            3,
            "zeros from {from} to {to}"
        );
    }
    // The same in the middle.
    let mut log = whole.log.clone();
    log[whole.starts[1]..whole.starts[2]].fill(0);
    assert!(matches!(
        whole.open(Some(&log)),
        Err(StoreError::Damaged { record: 1, .. })
    ));
}

#[test]
fn garbage_after_the_last_record_costs_no_record() {
    for whole in [whole(), whole().without_mark()] {
        for garbage in [&b"x"[..], &[0xff; 300], &[5, 0, 0, 0], &[7; 64]] {
            let mut log = whole.log.clone();
            log.extend_from_slice(garbage);
            if let Ok(count) = whole.open(Some(&log)) {
                assert_eq!(count, 4);
            }
        }
    }
}

#[test]
fn a_damaged_mark_costs_nothing() {
    let mut whole = whole();
    let mark = whole.mark.clone().unwrap();
    for position in 0..mark.len() {
        let mut damaged = mark.clone();
        damaged[position] ^= 0x10;
        whole.mark = Some(damaged);
        assert_eq!(whole.open(Some(&whole.log)).unwrap(), 4, "byte {position}");
    }
}
