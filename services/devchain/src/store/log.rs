//! Log file: a header, then records of `length (u32, little endian) ‖ checksum (16 bytes) ‖ BCS`.
//!
//! The checksum is the first half of the BLAKE2b-256 digest of the length and the BCS bytes.
//! Records are written with one call and never changed, so a crash can only leave a torn tail.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sui_sdk_types::Digest;
use sui_sdk_types::hash::Hasher;
use tracing::warn;

use super::SyncPolicy;
use crate::error::StoreError;
use crate::limits::MAX_RECORD_BYTES;
use crate::record::CheckpointRecord;

const FILE_NAME: &str = "chain.log";
const MAGIC: [u8; 8] = *b"SUIDEVCH";
/// Format of the file. Other formats are refused.
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 32;
const CHECKSUM_BYTES: usize = 16;
const PREFIX_BYTES: usize = 4 + CHECKSUM_BYTES;

#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    end: u64,
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

/// `None` for a file too short for a header: its creation was interrupted.
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

impl Log {
    pub(crate) fn open(
        directory: &Path,
        seed: &Digest,
        sync: SyncPolicy,
    ) -> Result<(Self, Vec<CheckpointRecord>), StoreError> {
        let path = directory.join(FILE_NAME);
        let io = |source| StoreError::Io {
            path: path.clone(),
            source,
        };
        std::fs::create_dir_all(directory).map_err(io)?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { path }),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        match read_header(&mut file, &path)? {
            Some(found) if found != *seed => return Err(StoreError::OtherSeed { path }),
            Some(_) => {}
            None => {
                write_header(&mut file, seed).map_err(io)?;
                // The directory entry has to survive as well.
                File::open(directory)
                    .and_then(|directory| directory.sync_all())
                    .map_err(io)?;
            }
        }
        let (records, end) = read_records(&file, &path)?;
        let length = file.metadata().map_err(io)?.len();
        if length > end {
            warn!(
                path = %path.display(),
                torn_bytes = length - end,
                "cutting off a torn record at the end of the log"
            );
            file.set_len(end).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        file.seek(SeekFrom::Start(end)).map_err(io)?;
        let log = Self {
            path,
            file,
            end,
            sync,
        };
        Ok((log, records))
    }

    pub(crate) fn append(&mut self, record: &CheckpointRecord) -> Result<(), StoreError> {
        let body = bcs::to_bytes(record)?;
        let length = u32::try_from(body.len())
            .ok()
            .filter(|length| *length <= MAX_RECORD_BYTES)
            .ok_or(StoreError::TooLarge {
                bytes: body.len(),
                limit: MAX_RECORD_BYTES,
            })?;
        let mut bytes = Vec::with_capacity(PREFIX_BYTES + body.len());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&checksum(length, &body));
        bytes.extend_from_slice(&body);
        if let Err(source) = self.write(&bytes) {
            // Leave no half record in the middle of the file should a later append succeed.
            let _ = self.file.set_len(self.end);
            let _ = self.file.seek(SeekFrom::Start(self.end));
            return Err(StoreError::Io {
                path: self.path.clone(),
                source,
            });
        }
        self.end += bytes.len() as u64;
        Ok(())
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
        })
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

fn checksum(length: u32, body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = Hasher::new();
    hasher.update(length.to_le_bytes());
    hasher.update(body);
    let digest = hasher.finalize().into_inner();
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    checksum
}

/// All intact records from the position after the header, and the offset where they end.
fn read_records(file: &File, path: &Path) -> Result<(Vec<CheckpointRecord>, u64), StoreError> {
    let length = file
        .metadata()
        .map_err(|source| StoreError::Io {
            path: path.to_owned(),
            source,
        })?
        .len();
    let mut reader = BufReader::new(file);
    let mut records = Vec::new();
    let mut end = HEADER_BYTES as u64;
    loop {
        match read_record(&mut reader, length.saturating_sub(end)) {
            Ok(Found::Record(record, bytes)) => {
                records.push(*record);
                end += bytes;
            }
            Ok(Found::End) => return Ok((records, end)),
            Ok(Found::Damaged) => {
                return Err(StoreError::BrokenChain {
                    path: path.to_owned(),
                    index: records.len() as u64,
                    reason: "damaged, and more records follow it".into(),
                });
            }
            Err(source) => {
                return Err(StoreError::Io {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

/// What the next bytes of the log are.
enum Found {
    /// An intact record and its size.
    Record(Box<CheckpointRecord>, u64),
    /// The end of the file, or a torn last record.
    End,
    /// A broken record with bytes after it: not the trace of a crash.
    Damaged,
}

fn read_record(reader: &mut impl Read, available: u64) -> io::Result<Found> {
    if available < PREFIX_BYTES as u64 {
        return Ok(Found::End);
    }
    let mut length = [0; 4];
    let mut expected = [0; CHECKSUM_BYTES];
    reader.read_exact(&mut length)?;
    reader.read_exact(&mut expected)?;
    let length = u32::from_le_bytes(length);
    let total = PREFIX_BYTES as u64 + u64::from(length);
    if length > MAX_RECORD_BYTES || total > available {
        return Ok(Found::End);
    }
    let mut body = vec![0; length as usize];
    reader.read_exact(&mut body)?;
    let record = (checksum(length, &body) == expected)
        .then(|| bcs::from_bytes(&body).ok())
        .flatten();
    Ok(match record {
        Some(record) => Found::Record(Box::new(record), total),
        None if total < available => Found::Damaged,
        None => Found::End,
    })
}
