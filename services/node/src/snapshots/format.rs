//! Snapshot format: a header and sections of records, which are BCS in the order of their keys. Node spec 5.9.
//!
//! ```text
//! file    = magic u32 BE, version u32 BE, length ULEB128, header
//!           section 1 (objects), 2 (storage pools), 3 (objects in pools), 4 (invalid blobs; absent if there is none)
//! section = tag u8, count u64 BE, then for each record: length ULEB128, key, length ULEB128, value
//! ```
//!
//! Section 4 is an extension: the records of objects do not tell that their blob was proven inconsistent.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use walrus_core::{BlobId, Epoch, bounded_bcs::uleb};
use walrus_sui::Address;

use super::SnapshotError;
use crate::storage::{
    event_name::EventName,
    records::{ObjectRecord, PoolRecord, PooledObjectRecord},
};

const MAGIC: u32 = 0xB10B_1F05;
const VERSION: u32 = 1;
/// The longest header or value, in bytes.
const MAX_LENGTH: usize = 256;

/// The sections in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Objects,
    Pools,
    PooledObjects,
    Invalid,
}

impl Section {
    fn tag(self) -> u8 {
        match self {
            Self::Objects => 1,
            Self::Pools => 2,
            Self::PooledObjects => 3,
            Self::Invalid => 4,
        }
    }

    fn of_tag(tag: u8) -> Option<Self> {
        let all = [
            Self::Objects,
            Self::Pools,
            Self::PooledObjects,
            Self::Invalid,
        ];
        all.into_iter().find(|section| section.tag() == tag)
    }

    fn after(before: Option<Self>) -> Option<Self> {
        match before {
            None => Some(Self::Objects),
            Some(Self::Objects) => Some(Self::Pools),
            Some(Self::Pools) => Some(Self::PooledObjects),
            Some(Self::PooledObjects) => Some(Self::Invalid),
            Some(Self::Invalid) => None,
        }
    }
}

/// What stands at the beginning of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// The epoch that begins.
    pub(crate) epoch: Epoch,
    /// The event that says so.
    pub(crate) event: EventName,
    /// The element index of the element behind it.
    pub(crate) next_index: u64,
}

/// A record of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// An object with a lifetime of its own.
    Object(Address, ObjectRecord),
    /// A storage pool.
    Pool(Address, PoolRecord),
    /// An object in one.
    PooledObject(Address, PooledObjectRecord),
    /// A blob that was proven inconsistent: when, and by which event.
    Invalid(BlobId, Epoch, EventName),
}

/// The ID of an event: its digest has a length.
#[derive(Serialize, Deserialize)]
struct EventIdForm {
    digest: Vec<u8>,
    sequence: u64,
}

impl From<EventName> for EventIdForm {
    fn from(name: EventName) -> Self {
        Self {
            digest: name.tx_digest.to_vec(),
            sequence: name.event_seq,
        }
    }
}

impl TryFrom<EventIdForm> for EventName {
    type Error = SnapshotError;

    fn try_from(form: EventIdForm) -> Result<Self, SnapshotError> {
        let tx_digest = form.digest.try_into();
        Ok(Self {
            tx_digest: tx_digest.map_err(|_| SnapshotError::Malformed("a digest has 32 bytes"))?,
            event_seq: form.sequence,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct HeadForm {
    epoch: Epoch,
    cursor: CursorForm,
}

#[derive(Serialize, Deserialize)]
enum CursorForm {
    V1(EventIdForm, u64),
}

#[derive(Serialize, Deserialize)]
enum ObjectForm {
    V1 {
        blob_id: BlobId,
        registered_epoch: Epoch,
        certified_epoch: Option<Epoch>,
        end_epoch: Epoch,
        deletable: bool,
        event: EventIdForm,
        // Records of deleted objects are not kept here.
        deleted: bool,
    },
}

#[derive(Serialize, Deserialize)]
enum PoolForm {
    V1(Epoch, Epoch),
}

#[derive(Serialize, Deserialize)]
enum PooledObjectForm {
    V1 {
        blob_id: BlobId,
        registered_epoch: Epoch,
        certified_epoch: Option<Epoch>,
        pool_id: Address,
        event: EventIdForm,
    },
}

#[derive(Serialize, Deserialize)]
enum InvalidForm {
    V1(Epoch, EventIdForm),
}

impl Record {
    #[cfg(test)]
    fn section(&self) -> Section {
        match self {
            Self::Object(..) => Section::Objects,
            Self::Pool(..) => Section::Pools,
            Self::PooledObject(..) => Section::PooledObjects,
            Self::Invalid(..) => Section::Invalid,
        }
    }

    fn key(&self) -> [u8; 32] {
        match self {
            Self::Object(id, _) | Self::Pool(id, _) | Self::PooledObject(id, _) => id.into_inner(),
            Self::Invalid(blob_id, ..) => blob_id.0,
        }
    }

    fn value(&self) -> Result<Vec<u8>, bcs::Error> {
        match self {
            Self::Object(_, record) => bcs::to_bytes(&ObjectForm::V1 {
                blob_id: record.blob_id,
                registered_epoch: record.registered_epoch,
                certified_epoch: record.certified_epoch,
                end_epoch: record.end_epoch,
                deletable: record.deletable,
                event: record.event.into(),
                deleted: false,
            }),
            Self::Pool(_, record) => {
                bcs::to_bytes(&PoolForm::V1(record.start_epoch, record.end_epoch))
            }
            Self::PooledObject(_, record) => bcs::to_bytes(&PooledObjectForm::V1 {
                blob_id: record.blob_id,
                registered_epoch: record.registered_epoch,
                certified_epoch: record.certified_epoch,
                pool_id: record.pool_id,
                event: record.event.into(),
            }),
            Self::Invalid(_, epoch, event) => {
                bcs::to_bytes(&InvalidForm::V1(*epoch, (*event).into()))
            }
        }
    }

    fn read(section: Section, key: [u8; 32], value: &[u8]) -> Result<Self, SnapshotError> {
        let id = Address::new(key);
        Ok(match section {
            Section::Objects => {
                let ObjectForm::V1 {
                    blob_id,
                    registered_epoch,
                    certified_epoch,
                    end_epoch,
                    deletable,
                    event,
                    ..
                } = from_bcs(value)?;
                let record = ObjectRecord {
                    blob_id,
                    registered_epoch,
                    certified_epoch,
                    end_epoch,
                    deletable,
                    event: event.try_into()?,
                };
                Self::Object(id, record)
            }
            Section::Pools => {
                let PoolForm::V1(start_epoch, end_epoch) = from_bcs(value)?;
                let record = PoolRecord {
                    start_epoch,
                    end_epoch,
                };
                Self::Pool(id, record)
            }
            Section::PooledObjects => {
                let PooledObjectForm::V1 {
                    blob_id,
                    registered_epoch,
                    certified_epoch,
                    pool_id,
                    event,
                } = from_bcs(value)?;
                let record = PooledObjectRecord {
                    blob_id,
                    registered_epoch,
                    certified_epoch,
                    pool_id,
                    event: event.try_into()?,
                };
                Self::PooledObject(id, record)
            }
            Section::Invalid => {
                let InvalidForm::V1(epoch, event) = from_bcs(value)?;
                Self::Invalid(BlobId(key), epoch, event.try_into()?)
            }
        })
    }
}

fn from_bcs<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SnapshotError> {
    Ok(bcs::from_bytes(bytes)?)
}

/// The bytes at the beginning of a snapshot.
pub(super) fn head_bytes(head: &Head) -> Result<Vec<u8>, SnapshotError> {
    let form = bcs::to_bytes(&HeadForm {
        epoch: head.epoch,
        cursor: CursorForm::V1(head.event.into(), head.next_index),
    })?;
    let mut bytes = MAGIC.to_be_bytes().to_vec();
    bytes.extend(VERSION.to_be_bytes());
    bytes.extend(uleb(form.len()));
    bytes.extend(form);
    Ok(bytes)
}

/// Writes what stands before the records of a section.
pub(super) fn write_section(out: &mut impl Write, section: Section, count: u64) -> io::Result<()> {
    out.write_all(&[section.tag()])?;
    out.write_all(&count.to_be_bytes())
}

/// Writes a record.
pub(super) fn write_record(
    out: &mut impl Write,
    record: &Record,
) -> Result<io::Result<()>, bcs::Error> {
    let (key, value) = (record.key(), record.value()?);
    let mut bytes = uleb(key.len());
    bytes.extend(key);
    bytes.extend(uleb(value.len()));
    bytes.extend(value);
    Ok(out.write_all(&bytes))
}

/// Reads the records of a snapshot one after the other. Their order is checked, and that nothing is left behind the last.
#[derive(Debug)]
pub(crate) struct RecordReader<R> {
    input: R,
    head: Head,
    section: Option<Section>,
    /// Records of the section that are still to come.
    left: u64,
    last: Option<[u8; 32]>,
    is_over: bool,
}

impl<R: Read> RecordReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub(crate) fn new(mut input: R) -> Result<Self, SnapshotError> {
        let magic = u32::from_be_bytes(array(&mut input)?);
        let version = u32::from_be_bytes(array(&mut input)?);
        if magic != MAGIC || version != VERSION {
            return Err(SnapshotError::Malformed(
                "another format, or another version",
            ));
        }
        let form: HeadForm = from_bcs(&counted(&mut input)?)?;
        let CursorForm::V1(event, next_index) = form.cursor;
        Ok(Self {
            input,
            head: Head {
                epoch: form.epoch,
                event: event.try_into()?,
                next_index,
            },
            section: None,
            left: 0,
            last: None,
            is_over: false,
        })
    }

    /// What stands at the beginning.
    pub(crate) fn head(&self) -> Head {
        self.head
    }

    fn record(&mut self) -> Result<Option<Record>, SnapshotError> {
        while self.left == 0 {
            let Some(next) = Section::after(self.section) else {
                return self.end();
            };
            // The last section may be absent, and no other.
            let Some(tag) = byte(&mut self.input)? else {
                return match next {
                    Section::Invalid => Ok(None),
                    _ => Err(SnapshotError::Malformed("a section is missing")),
                };
            };
            if Section::of_tag(tag) != Some(next) {
                return Err(SnapshotError::Malformed("a section is not in its place"));
            }
            self.section = Some(next);
            self.left = u64::from_be_bytes(array(&mut self.input)?);
            self.last = None;
        }
        let Some(section) = self.section else {
            return Err(SnapshotError::Malformed("a record outside of any section"));
        };
        let key: [u8; 32] = counted(&mut self.input)?
            .try_into()
            .map_err(|_| SnapshotError::Malformed("a key has 32 bytes"))?;
        if self.last.is_some_and(|last| key <= last) {
            return Err(SnapshotError::Malformed("keys are not in order"));
        }
        self.last = Some(key);
        self.left = self.left.saturating_sub(1);
        let value = counted(&mut self.input)?;
        Record::read(section, key, &value).map(Some)
    }

    fn end(&mut self) -> Result<Option<Record>, SnapshotError> {
        match byte(&mut self.input)? {
            None => Ok(None),
            Some(_) => Err(SnapshotError::Malformed("something is behind its end")),
        }
    }
}

impl<R: Read> Iterator for RecordReader<R> {
    type Item = Result<Record, SnapshotError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let record = self.record().transpose();
        self.is_over = !matches!(record, Some(Ok(_)));
        record
    }
}

fn short(_: io::Error) -> SnapshotError {
    SnapshotError::Malformed("it breaks off, or cannot be read")
}

fn array<const N: usize>(input: &mut impl Read) -> Result<[u8; N], SnapshotError> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

/// The next byte; `None` at the end.
fn byte(input: &mut impl Read) -> Result<Option<u8>, SnapshotError> {
    let mut bytes = [0; 1];
    Ok(match input.read(&mut bytes).map_err(short)? {
        0 => None,
        _ => Some(bytes[0]),
    })
}

/// Bytes behind their length, of which two bytes are enough.
fn counted(input: &mut impl Read) -> Result<Vec<u8>, SnapshotError> {
    let [low] = array(input)?;
    let length = match low < 128 {
        true => usize::from(low),
        false => {
            let [high] = array::<1>(input)?;
            usize::from(low & 127) | usize::from(high).saturating_mul(128)
        }
    };
    if length > MAX_LENGTH {
        return Err(SnapshotError::Malformed("a record is too long"));
    }
    let mut bytes = vec![0; length];
    input.read_exact(&mut bytes).map_err(short)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head {
        epoch: 7,
        event: EventName {
            tx_digest: [9; 32],
            event_seq: 3,
        },
        next_index: 41,
    };

    fn records() -> Vec<Record> {
        let event = HEAD.event;
        let object = ObjectRecord {
            blob_id: BlobId([1; 32]),
            registered_epoch: 2,
            certified_epoch: Some(3),
            end_epoch: 9,
            deletable: true,
            event,
        };
        let pool = PoolRecord {
            start_epoch: 1,
            end_epoch: 8,
        };
        let pooled = PooledObjectRecord {
            blob_id: BlobId([2; 32]),
            registered_epoch: 5,
            certified_epoch: None,
            pool_id: Address::new([6; 32]),
            event,
        };
        vec![
            Record::Object(Address::new([3; 32]), object),
            Record::Object(Address::new([4; 32]), object),
            Record::Pool(Address::new([6; 32]), pool),
            Record::PooledObject(Address::new([5; 32]), pooled),
            Record::Invalid(BlobId([1; 32]), 6, event),
        ]
    }

    fn written(records: &[Record]) -> Vec<u8> {
        let mut bytes = head_bytes(&HEAD).unwrap();
        let mut section = None;
        while let Some(next) = Section::after(section) {
            section = Some(next);
            let of_it = records.iter().filter(|record| record.section() == next);
            let count = of_it.clone().count() as u64;
            if next == Section::Invalid && count == 0 {
                break;
            }
            write_section(&mut bytes, next, count).unwrap();
            for record in of_it {
                write_record(&mut bytes, record).unwrap().unwrap();
            }
        }
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Record>, SnapshotError> {
        let reader = RecordReader::new(bytes)?;
        assert_eq!(reader.head(), HEAD);
        reader.collect()
    }

    #[test]
    fn records_survive_and_the_header_is_that_of_the_specification() {
        let bytes = written(&records());
        assert_eq!(bytes[..8], [0xb1, 0x0b, 0x1f, 0x05, 0, 0, 0, 1]);
        // Epoch, tag of the cursor, digest with its length, sequence number, index.
        assert_eq!(usize::from(bytes[8]), 4 + 1 + 33 + 8 + 8);
        assert_eq!(bytes[9..15], [7, 0, 0, 0, 0, 32]);
        let section = 9 + usize::from(bytes[8]);
        assert_eq!(bytes[section..section + 9], [1, 0, 0, 0, 0, 0, 0, 0, 2]);
        assert_eq!(read(&bytes).unwrap(), records());
        let without = written(&records()[..4]);
        assert_eq!(read(&without).unwrap(), records()[..4]);
        assert_eq!(read(&written(&[])).unwrap(), []);
    }

    #[test]
    fn whatever_is_cut_off_changed_or_added_is_no_snapshot() {
        let bytes = written(&records());
        let whole = written(&records()[..4]).len();
        for length in 0..bytes.len() {
            // Up to the last section it is one without it.
            let cut = RecordReader::new(&bytes[..length]);
            let is_whole = cut.is_ok_and(|reader| reader.into_iter().all(|record| record.is_ok()));
            assert_eq!(is_whole, length == whole, "{length}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(read(&longer).is_err());
        let mut swapped = records();
        swapped.swap(0, 1);
        assert!(read(&written(&swapped)).is_err());
        let mut other = bytes;
        other[7] = 2;
        assert!(RecordReader::new(&other[..]).is_err());
    }
}
