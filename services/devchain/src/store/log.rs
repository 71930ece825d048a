//! Log file: a header, then the records, each in its [`frame`].
//!
//! Records are written with one call and never changed, so a crash can only leave a torn last record, which is cut off. A log
//! that is damaged in any other way is not opened, and not changed: what it is lacking may be in a copy of it. Whoever has a state
//! as of some record ([`Position`]) opens the log from there on, and what is before it is not looked at.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sui_sdk_types::Digest;
use tracing::warn;

use super::SyncPolicy;
use super::archive::{self, Archive, Place};
use super::frame::{self, PREFIX_BYTES, Prefix};
use super::mark::{self, Acknowledged, Mark};
use super::tail::{self, End, Tail};
use crate::error::StoreError;
use crate::record::CheckpointRecord;

const FILE_NAME: &str = "chain.log";
const MAGIC: [u8; 8] = *b"SUIDEVCH";
/// Format of the file. Other formats are refused.
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 32;

#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    mark: Mark,
    /// Where the last record begins, and how many are before it.
    last: Acknowledged,
    /// Where the next one goes, and how many there are.
    end: Acknowledged,
    sync: SyncPolicy,
}

/// The seed in the header of an existing log; `None` when there is no log yet.
pub(crate) fn read_seed(directory: &Path) -> Result<Option<Digest>, StoreError> {
    let path = directory.join(FILE_NAME);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::Io { path, source }),
    };
    read_header(&mut file, &path)
}

/// `None` for a file whose header is too short, or all zeros: its creation was interrupted.
fn read_header(file: &mut File, path: &Path) -> Result<Option<Digest>, StoreError> {
    let mut header = [0; HEADER_BYTES];
    match file.read_exact(&mut header) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(source) => {
            return Err(StoreError::Io {
                path: path.to_owned(),
                source,
            });
        }
    }
    if header == [0; HEADER_BYTES] {
        return Ok(None);
    }
    let (magic, rest) = header.split_at(8);
    let (format, seed) = rest.split_at(4);
    let found = u32::from_le_bytes(format.try_into().unwrap_or_default());
    if magic != MAGIC || found != FORMAT {
        return Err(StoreError::Format {
            path: path.to_owned(),
            expected: FORMAT,
            found: if magic == MAGIC {
                format!("format {found}")
            } else {
                "another kind of file".into()
            },
        });
    }
    Ok(Digest::from_bytes(seed).ok())
}

/// Where a record begins and where it ends, and how many records there are up to either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    last: Acknowledged,
    end: Acknowledged,
}

impl Position {
    /// Before the first record.
    pub(crate) const START: Self = {
        let start = Acknowledged {
            records: 0,
            bytes: HEADER_BYTES as u64,
        };
        Self {
            last: start,
            end: start,
        }
    };

    /// Behind `records` records, the last of which begins and ends at these bytes.
    pub(crate) fn behind(records: u64, begins: u64, ends: u64) -> Option<Self> {
        Some(Self {
            last: Acknowledged {
                records: records.checked_sub(1)?,
                bytes: begins,
            },
            end: Acknowledged {
                records,
                bytes: ends,
            },
        })
    }

    /// How many records are before it.
    pub(crate) fn records(self) -> u64 {
        self.end.records
    }

    /// Where the last record begins.
    pub(crate) fn begins(self) -> u64 {
        self.last.bytes
    }

    /// Where the last record ends.
    pub(crate) fn ends(self) -> u64 {
        self.end.bytes
    }
}

/// A log that this process has for itself, and whose records are still to be read.
#[derive(Debug)]
pub(crate) struct Opening {
    directory: PathBuf,
    path: PathBuf,
    file: File,
    marked: Option<Acknowledged>,
}

impl Opening {
    /// Takes the log in a directory, and begins it unless there was one.
    pub(crate) fn begin(directory: &Path, seed: &Digest) -> Result<Self, StoreError> {
        let path = directory.join(FILE_NAME);
        std::fs::create_dir_all(directory).map_err(|source| StoreError::Io {
            path: path.clone(),
            source,
        })?;
        let mut file = lock(directory, &path)?;
        let marked = mark::read(directory)?;
        let found = read_header(&mut file, &path)?;
        match found {
            Some(found) if found != *seed => return Err(StoreError::OtherSeed { path }),
            Some(_) => {}
            None => begin(&mut file, &path, directory, seed, marked)?,
        }
        Ok(Self {
            directory: directory.to_owned(),
            path,
            file,
            marked,
        })
    }

    /// What reads records of this log.
    pub(crate) fn archive(&self) -> Result<Archive, StoreError> {
        Archive::of_log(&self.path)
    }

    /// The record that ends at a position; `None` if there is no such one.
    pub(crate) fn record_before(&self, position: Position) -> io::Result<Option<CheckpointRecord>> {
        let found = archive::read_at(&self.file, position.begins())?;
        let ends = |bytes| position.begins().checked_add(bytes) == Some(position.ends());
        Ok(found
            .filter(|(_, bytes)| ends(*bytes))
            .map(|(record, _)| record))
    }

    /// Hands over the records that follow a position, one by one, and opens the log behind them. A torn last record is cut off;
    /// with any other damage it is refused as it is, and so it is when `take` refuses a record.
    pub(crate) fn read(
        self,
        from: Position,
        sync: SyncPolicy,
        take: &mut dyn FnMut(CheckpointRecord, Place) -> Result<(), StoreError>,
    ) -> Result<Log, StoreError> {
        let Self {
            directory,
            path,
            mut file,
            marked,
        } = self;
        let Position { last, end } = read_records(&file, &path, from, take)?;
        check_end(&file, &path, &directory, end, marked)?;
        let io = |source| StoreError::Io {
            path: path.clone(),
            source,
        };
        file.seek(SeekFrom::Start(end.bytes)).map_err(io)?;
        let mut mark = Mark::open(&directory)?;
        let vouched = match sync {
            SyncPolicy::EveryCheckpoint => {
                file.sync_data().map_err(io)?;
                Some(last)
            }
            // What was read may be nowhere but in memory.
            SyncPolicy::Never => marked.map(|marked| marked.min(last)),
        };
        if let Some(vouched) = vouched {
            mark.write(vouched)?;
        }
        Ok(Log {
            path,
            file,
            mark,
            last,
            end,
            sync,
        })
    }
}

impl Log {
    /// Behind the last record.
    pub(crate) fn position(&self) -> Position {
        Position {
            last: self.last,
            end: self.end,
        }
    }

    pub(crate) fn append(&mut self, record: &CheckpointRecord) -> Result<Place, StoreError> {
        let bytes = frame::encode(record)?;
        // All before this record is on disk.
        if self.sync == SyncPolicy::EveryCheckpoint {
            self.mark.write(self.end)?;
        }
        if let Err(source) = self.write(&bytes) {
            // Leave no half record in the middle of the file should a later append succeed.
            let _ = self.file.set_len(self.end.bytes);
            let _ = self.file.seek(SeekFrom::Start(self.end.bytes));
            return Err(StoreError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.last = self.end;
        self.end.records += 1;
        self.end.bytes += bytes.len() as u64;
        Ok(Place {
            offset: self.last.bytes,
            bytes: bytes.len() as u64,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        match self.sync {
            SyncPolicy::EveryCheckpoint => self.file.sync_data(),
            SyncPolicy::Never => Ok(()),
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync_all().map_err(|source| StoreError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.mark.write(self.last)?;
        self.mark.sync()
    }
}

/// Opens the log for this process alone, and makes it unless there was one.
fn lock(directory: &Path, path: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(marked) = mark::read(directory)? {
                return Err(cut(path, directory, None, marked));
            }
            options.create(true).truncate(false).open(path)
        }
        opened => opened,
    }
    .map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked {
            path: path.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

/// Begins a log whose creation was interrupted, or is just happening.
fn begin(
    file: &mut File,
    path: &Path,
    directory: &Path,
    seed: &Digest,
    marked: Option<Acknowledged>,
) -> Result<(), StoreError> {
    let io = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let bytes = file.metadata().map_err(io)?.len();
    if let Some(marked) = marked {
        let nothing = Acknowledged { records: 0, bytes };
        return Err(cut(path, directory, Some(nothing), marked));
    }
    if bytes >= HEADER_BYTES as u64 && !tail::is_zero(file, 0).map_err(io)? {
        return Err(StoreError::Format {
            path: path.to_owned(),
            expected: FORMAT,
            found: "its header is gone".into(),
        });
    }
    write_header(file, seed).map_err(io)?;
    // The directory entry has to survive as well.
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io)
}

/// Cuts off what a crash left after the whole records, and refuses everything else.
fn check_end(
    file: &File,
    path: &Path,
    directory: &Path,
    end: Acknowledged,
    marked: Option<Acknowledged>,
) -> Result<(), StoreError> {
    let io = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let length = file.metadata().map_err(io)?.len();
    if length > end.bytes {
        let place = End {
            records: end.records,
            offset: end.bytes,
            length,
        };
        let begun = marked.map(|marked| marked.bytes);
        if let Tail::Damaged(reason) = tail::judge(file, place, begun).map_err(io)? {
            return Err(StoreError::Damaged {
                path: path.to_owned(),
                record: end.records,
                offset: end.bytes,
                length,
                reason,
            });
        }
    }
    if let Some(marked) = marked
        && end.bytes < marked.bytes
    {
        return Err(cut(path, directory, Some(end), marked));
    }
    if length > end.bytes {
        warn!(
            path = %path.display(),
            torn_bytes = length - end.bytes,
            "cutting off a torn record at the end of the log"
        );
        file.set_len(end.bytes).map_err(io)?;
        file.sync_all().map_err(io)?;
    }
    Ok(())
}

/// `found`: the whole records of the file; `None` without a file.
fn cut(
    path: &Path,
    directory: &Path,
    found: Option<Acknowledged>,
    marked: Acknowledged,
) -> StoreError {
    let (path, mark) = (path.to_owned(), mark::path(directory));
    match found {
        None => StoreError::Missing {
            path,
            mark,
            acknowledged: marked.records,
        },
        Some(found) => StoreError::Cut {
            path,
            mark,
            records: found.records,
            bytes: found.bytes,
            acknowledged: marked.records,
            acknowledged_bytes: marked.bytes,
        },
    }
}

fn write_header(file: &mut File, seed: &Digest) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    let mut header = Vec::with_capacity(HEADER_BYTES);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&FORMAT.to_le_bytes());
    header.extend_from_slice(seed.inner());
    file.write_all(&header)?;
    file.sync_all()
}

/// Hands over all whole records from a position on; the position behind them.
fn read_records(
    file: &File,
    path: &Path,
    from: Position,
    take: &mut dyn FnMut(CheckpointRecord, Place) -> Result<(), StoreError>,
) -> Result<Position, StoreError> {
    let io = |source| StoreError::Io {
        path: path.to_owned(),
        source,
    };
    let length = file.metadata().map_err(io)?.len();
    let mut file = file;
    file.seek(SeekFrom::Start(from.end.bytes)).map_err(io)?;
    let mut reader = BufReader::new(file);
    let Position { mut last, mut end } = from;
    let next =
        |reader: &mut _, end: Acknowledged| read_record(reader, length.saturating_sub(end.bytes));
    while let Some((record, bytes)) = next(&mut reader, end).map_err(io)? {
        let offset = end.bytes;
        take(record, Place { offset, bytes })?;
        last = end;
        end.records += 1;
        end.bytes += bytes;
    }
    Ok(Position { last, end })
}

/// The next record and its bytes in the file; `None` where no whole record is.
fn read_record(
    reader: &mut impl Read,
    available: u64,
) -> io::Result<Option<(CheckpointRecord, u64)>> {
    if available < PREFIX_BYTES as u64 {
        return Ok(None);
    }
    let mut prefix = [0; PREFIX_BYTES];
    reader.read_exact(&mut prefix)?;
    let prefix = Prefix::decode(&prefix);
    if !prefix.fits(available) {
        return Ok(None);
    }
    let record = prefix.read(reader)?;
    Ok(record.map(|record| (record, prefix.total())))
}
