//! Snapshot file: sections of bytes behind a header and before a checksum of all of them. It is there as a whole or not at all.
//!
//! `magic (8) ‖ format (u32) ‖ sections ‖ checksum (32)`, a section `kind (u8) ‖ length (u32) ‖ bytes`, numbers little endian. The
//! last section is of kind 0 and empty. The checksum is the BLAKE2b-256 digest of what is before it.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sui_sdk_types::hash::Hasher;

use crate::error::StoreError;
use crate::limits::MAX_SNAPSHOT_SECTION_BYTES;

const FILE_NAME: &str = "chain.snapshot";
/// What is being written; it becomes the other when it is complete.
const UNFINISHED_NAME: &str = "chain.snapshot.new";
const MAGIC: [u8; 8] = *b"SUIDEVSN";
/// Format of file and sections. Other formats are not used: the log has all that is in them. Format 1 had no marks of checkpoints.
const FORMAT: u32 = 2;
const END: u8 = 0;

/// Why a snapshot is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it is of format {0}, and this program knows format {FORMAT}")]
    Format(u32),
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("it is not of this log: {0}")]
    Foreign(&'static str),
}

/// Writes a snapshot.
pub(crate) struct SectionWriter {
    directory: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Hasher,
}

impl SectionWriter {
    pub(crate) fn create(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join(UNFINISHED_NAME);
        let file = File::create(&path).map_err(|source| StoreError::Io {
            path: path.clone(),
            source,
        })?;
        let mut writer = Self {
            directory: directory.to_owned(),
            path,
            file: BufWriter::new(file),
            hasher: Hasher::new(),
        };
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&FORMAT.to_le_bytes());
        writer.put(&header)?;
        Ok(writer)
    }

    /// Adds a section; kinds begin with 1.
    pub(crate) fn section(&mut self, kind: u8, bytes: &[u8]) -> Result<(), StoreError> {
        let length = u32::try_from(bytes.len())
            .ok()
            .filter(|length| *length <= MAX_SNAPSHOT_SECTION_BYTES)
            .ok_or(StoreError::TooLarge {
                bytes: bytes.len(),
                limit: MAX_SNAPSHOT_SECTION_BYTES,
            })?;
        self.put(&[kind])?;
        self.put(&length.to_le_bytes())?;
        self.put(bytes)
    }

    /// Puts the snapshot where the next start finds it.
    pub(crate) fn finish(mut self) -> Result<(), StoreError> {
        self.section(END, &[])?;
        let checksum = std::mem::take(&mut self.hasher).finalize();
        let directory = self.directory.clone();
        let placed = self
            .file
            .write_all(checksum.inner())
            .and_then(|()| self.file.flush())
            .and_then(|()| self.file.get_ref().sync_all())
            .and_then(|()| fs::rename(&self.path, directory.join(FILE_NAME)))
            .and_then(|()| File::open(&directory)?.sync_all());
        placed.map_err(|source| self.error(source))
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.hasher.update(bytes);
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> StoreError {
        StoreError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

/// What was not finished takes no room, least of all on a disk that is full. After [`SectionWriter::finish`] there is no such file.
impl Drop for SectionWriter {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Reads a snapshot. Only after the last section is it certain that the others are what was written.
pub(crate) struct SectionReader {
    file: BufReader<File>,
    hasher: Hasher,
}

impl SectionReader {
    /// Opens the snapshot in a directory; `None` without one. What an interrupted [`SectionWriter`] has left is removed.
    pub(crate) fn open(directory: &Path) -> Result<Option<Self>, Unusable> {
        match fs::remove_file(directory.join(UNFINISHED_NAME)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let file = match File::open(directory.join(FILE_NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut reader = Self {
            file: BufReader::with_capacity(128 * 1024, file),
            hasher: Hasher::new(),
        };
        if reader.array::<8>()? != MAGIC {
            return Err(Unusable::Damaged("another kind of file"));
        }
        match u32::from_le_bytes(reader.array()?) {
            FORMAT => Ok(Some(reader)),
            format => Err(Unusable::Format(format)),
        }
    }

    /// The next section, kind and bytes; `None` after the last one, when the checksum is right.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, Unusable> {
        let [kind] = self.array()?;
        let length = u32::from_le_bytes(self.array()?);
        if kind == END {
            return self.end(length).map(|()| None);
        }
        if length > MAX_SNAPSHOT_SECTION_BYTES {
            return Err(Unusable::Damaged("a section is too long"));
        }
        let mut bytes = Vec::new();
        (&mut self.file)
            .take(u64::from(length))
            .read_to_end(&mut bytes)?;
        if bytes.len() as u64 != u64::from(length) {
            return Err(Unusable::Damaged("a section is cut off"));
        }
        self.hasher.update(&bytes);
        Ok(Some((kind, bytes)))
    }

    fn end(&mut self, length: u32) -> Result<(), Unusable> {
        let found = std::mem::take(&mut self.hasher).finalize();
        let mut checksum = [0; 32];
        self.exact(&mut checksum)?;
        let rest = (&mut self.file).take(1).read_to_end(&mut Vec::new())?;
        if length != 0 || rest != 0 || checksum != *found.inner() {
            return Err(Unusable::Damaged("its checksum is another"));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unusable> {
        let mut bytes = [0; N];
        self.exact(&mut bytes)?;
        self.hasher.update(bytes);
        Ok(bytes)
    }

    fn exact(&mut self, bytes: &mut [u8]) -> Result<(), Unusable> {
        match self.file.read_exact(bytes) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Unusable::Damaged("it is cut off"))
            }
            read => Ok(read?),
        }
    }
}
