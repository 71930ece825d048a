//! Snapshot of the indexes: what a fold over the whole log comes to, so that a start needs only what follows in it.
//!
//! A snapshot adds nothing to the log, which alone is the truth: one that is damaged, of another format or not of this log is
//! ignored, and made anew later. It holds the live objects, from which most maps follow, and the tables of the history.

use std::path::Path;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sui_sdk_types::{Address, Digest, Object, TypeTag, Version};
use tracing::warn;

use super::{Epoch, Indexes};
use crate::error::StoreError;
use crate::history::{Checkpoint, Fixed, Ordinal, Spot, Tables};
use crate::store::{Opening, Place, Position, SectionReader, SectionWriter, Unusable};

/// Kinds of sections, in this order; those of objects, balances and tables may come several times.
const HEAD: u8 = 1;
const OBJECTS: u8 = 2;
const BALANCES: u8 = 3;
const SPOTS: u8 = 4;
const CHECKPOINTS: u8 = 5;
const TRANSACTIONS: u8 = 6;
const VERSIONS: u8 = 7;
/// A section ends with the entry that makes it longer than this.
const SECTION_BYTES: usize = 256 * 1024;

/// What it is a snapshot of, and what is small.
#[derive(Serialize, Deserialize)]
struct Head {
    /// Records of the log that are in it.
    records: u64,
    /// Where the last of them begins and ends.
    begins: u64,
    ends: u64,
    /// Digest of the last checkpoint.
    tip: Digest,
    randomness_round: Option<u64>,
    epochs: Vec<Epoch>,
}

/// Writes the snapshot of indexes, which are the fold over the log up to a position. The log is forced to disk before.
///
/// # Errors
/// It could not be written. The one before it is still there.
pub(crate) fn save(
    directory: &Path,
    indexes: &Indexes,
    position: Position,
) -> Result<(), StoreError> {
    let Some(tip) = indexes.tip() else {
        return Ok(());
    };
    indexes.history.sync()?;
    let mut writer = SectionWriter::create(directory)?;
    let head = Head {
        records: position.records(),
        begins: position.begins(),
        ends: position.ends(),
        tip: tip.digest,
        randomness_round: indexes.randomness_round,
        epochs: indexes.epochs.iter().copied().collect(),
    };
    writer.section(HEAD, &bcs::to_bytes(&head)?)?;
    sequence(
        &mut writer,
        OBJECTS,
        indexes.live.values().map(|object| &**object),
    )?;
    sequence(&mut writer, BALANCES, indexes.address_balances.iter())?;
    let tables = indexes.history.tables();
    table(&mut writer, SPOTS, tables.spots.iter())?;
    table(&mut writer, CHECKPOINTS, tables.checkpoints.iter())?;
    table(&mut writer, TRANSACTIONS, tables.transactions.iter())?;
    table(&mut writer, VERSIONS, tables.versions.iter())?;
    writer.finish()
}

/// Sections of BCS values, one after the other.
fn sequence<T: Serialize>(
    writer: &mut SectionWriter,
    kind: u8,
    values: impl Iterator<Item = T>,
) -> Result<(), StoreError> {
    let mut bytes = Vec::with_capacity(SECTION_BYTES);
    for value in values {
        let value = bcs::to_bytes(&value)?;
        // The length before each: a reader of BCS has to know where a value ends.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&value);
        if bytes.len() >= SECTION_BYTES {
            writer.section(kind, &bytes)?;
            bytes.clear();
        }
    }
    writer.section(kind, &bytes)
}

/// Sections of entries of fixed size.
fn table<'a, T: Fixed + 'a>(
    writer: &mut SectionWriter,
    kind: u8,
    entries: impl Iterator<Item = &'a T>,
) -> Result<(), StoreError> {
    let mut bytes = Vec::with_capacity(SECTION_BYTES);
    for entry in entries {
        entry.put(&mut bytes);
        if bytes.len() >= SECTION_BYTES {
            writer.section(kind, &bytes)?;
            bytes.clear();
        }
    }
    writer.section(kind, &bytes)
}

/// The indexes as of the snapshot beside a log, and from where on the log has to be read; `None` without one that is of use.
///
/// # Errors
/// The log cannot be read.
pub(crate) fn restore(
    directory: &Path,
    opening: &Opening,
) -> Result<Option<(Indexes, Position)>, StoreError> {
    let indexes = Indexes::new(opening.archive()?);
    match load(directory, opening, indexes) {
        Ok(restored) => Ok(restored),
        Err(unusable) => {
            warn!(
                directory = %directory.display(), %unusable,
                "the snapshot of the chain is ignored, and all of the log is read instead"
            );
            Ok(None)
        }
    }
}

fn load(
    directory: &Path,
    opening: &Opening,
    mut indexes: Indexes,
) -> Result<Option<(Indexes, Position)>, Unusable> {
    let Some(mut sections) = SectionReader::open(directory)? else {
        return Ok(None);
    };
    let Some((HEAD, bytes)) = sections.next()? else {
        return Err(Unusable::Damaged("it has no head"));
    };
    let head: Head = decode(&bytes)?;
    let (position, place, tip) = tip(&head, opening)?;
    let mut read = Entries::default();
    while let Some((kind, bytes)) = sections.next()? {
        match kind {
            OBJECTS => each(&bytes, |object: Object| indexes.write(&Arc::new(object)))?,
            BALANCES => each(&bytes, |(key, amount): ((Address, TypeTag), u128)| {
                indexes.address_balances.insert_mut(key, amount);
            })?,
            SPOTS => entries(&bytes, &mut read.spots)?,
            CHECKPOINTS => entries(&bytes, &mut read.checkpoints)?,
            TRANSACTIONS => entries(&bytes, &mut read.transactions)?,
            VERSIONS => entries(&bytes, &mut read.versions)?,
            _ => return Err(Unusable::Damaged("a section is of no known kind")),
        }
    }
    if read.spots.len() as u64 != head.records {
        return Err(Unusable::Damaged("it lacks checkpoints"));
    }
    indexes.randomness_round = head.randomness_round;
    indexes.epochs = head.epochs.into_iter().collect();
    indexes.history.resume(read.into(), tip, place);
    Ok(Some((indexes, position)))
}

/// What is read of the tables.
#[derive(Default)]
struct Entries {
    spots: Vec<(u64, Spot)>,
    checkpoints: Vec<(Digest, u64)>,
    transactions: Vec<(Digest, Ordinal)>,
    versions: Vec<((Address, Version), Ordinal)>,
}

impl From<Entries> for Tables {
    fn from(read: Entries) -> Self {
        let mut tables = Self::default();
        tables.spots.extend(read.spots);
        tables.checkpoints.extend(read.checkpoints);
        tables.transactions.extend(read.transactions);
        tables.versions.extend(read.versions);
        tables
    }
}

/// The last checkpoint that is in the snapshot, which has to be where it says in the log.
fn tip(head: &Head, opening: &Opening) -> Result<(Position, Place, Arc<Checkpoint>), Unusable> {
    let position = Position::behind(head.records, head.begins, head.ends)
        .ok_or(Unusable::Damaged("it has no records"))?;
    let record = opening
        .record_before(position)?
        .ok_or(Unusable::Foreign("its last record is not there"))?;
    let checkpoint = Checkpoint::new(record);
    if checkpoint.digest != head.tip {
        return Err(Unusable::Foreign("its last record is another"));
    }
    let place = Place {
        offset: position.begins(),
        bytes: position.ends().saturating_sub(position.begins()),
    };
    Ok((position, place, Arc::new(checkpoint)))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unusable> {
    bcs::from_bytes(bytes).map_err(|_| Unusable::Damaged("a value cannot be read"))
}

/// Hands over the values that [`sequence`] wrote.
fn each<T: DeserializeOwned>(bytes: &[u8], mut take: impl FnMut(T)) -> Result<(), Unusable> {
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (value, after) = after
            .split_at_checked(length)
            .ok_or(Unusable::Damaged("a value is cut off"))?;
        take(decode(value)?);
        rest = after;
    }
    rest.is_empty()
        .then_some(())
        .ok_or(Unusable::Damaged("a value is cut off"))
}

/// Takes in the entries that [`table`] wrote.
fn entries<T: Fixed>(bytes: &[u8], table: &mut Vec<T>) -> Result<(), Unusable> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (entry, after) = T::take(rest).ok_or(Unusable::Damaged("an entry is cut off"))?;
        table.push(entry);
        rest = after;
    }
    Ok(())
}

#[cfg(test)]
impl PartialEq for Indexes {
    fn eq(&self, other: &Self) -> bool {
        fn sorted<K: Ord + Copy, V: Copy>(table: &crate::history::Runs<K, V>) -> Vec<(K, V)> {
            let mut entries: Vec<_> = table.iter().copied().collect();
            entries.sort_by_key(|(key, _)| *key);
            entries
        }
        let (tables, others) = (self.history.tables(), other.history.tables());
        let digest = |indexes: &Self| indexes.tip().map(|tip| tip.digest);
        self.live == other.live
            && self.owned == other.owned
            && self.children == other.children
            && self.coin_facts == other.coin_facts
            && self.address_balances == other.address_balances
            && self.packages == other.packages
            && self.randomness_round == other.randomness_round
            && self.epochs == other.epochs
            && digest(self) == digest(other)
            && sorted(&tables.spots) == sorted(&others.spots)
            && sorted(&tables.checkpoints) == sorted(&others.checkpoints)
            && sorted(&tables.transactions) == sorted(&others.transactions)
            && sorted(&tables.versions) == sorted(&others.versions)
    }
}
