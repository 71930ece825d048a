//! The snapshot that a node keeps: written when an epoch begins, and offered until the next one is there.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use walrus_core::{BlobId, Epoch};
use walrus_node_client::SnapshotInfo;
use xxhash_rust::xxh64::Xxh64;

use super::{
    SnapshotError,
    format::{Head, Record, Section, head_bytes, write_record, write_section},
};
use crate::{
    limits::MAX_SNAPSHOT_READERS,
    storage::{
        Storage, StorageError, blob_info::BlobInfo, disks::sync_directory, event_name::EventName,
    },
};

/// What the file with the description of a snapshot is called.
const INFO: &str = "snapshot.json";

/// The event that begins an epoch, and its place among the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginningOfEpoch {
    /// The event.
    pub event: EventName,
    /// Its element index.
    pub index: u64,
    /// Its checkpoint.
    pub checkpoint: u64,
    /// How many elements the checkpoint has before it; unknown if the node began in the middle.
    pub events_before: Option<u64>,
}

/// Keeps the newest snapshot in a directory.
#[derive(Debug)]
pub(crate) struct Snapshots {
    directory: Option<PathBuf>,
    offered: Mutex<Option<SnapshotInfo>>,
    readers: Arc<Semaphore>,
}

/// What a snapshot came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its bytes.
    pub(crate) bytes: u64,
    /// XXH64 of the sections of the specification, with seed 0.
    pub(crate) xxh64: u64,
}

/// A snapshot that is being read, by one of those who may do so at once.
#[derive(Debug)]
pub(crate) struct Reading {
    /// The file.
    pub(crate) file: File,
    /// How many bytes it has.
    pub(crate) bytes: u64,
    /// To be kept until the last byte is sent.
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl Snapshots {
    /// Those in a directory, which is made with the first; without one nothing is kept or offered.
    pub(crate) fn in_directory(directory: Option<PathBuf>) -> Self {
        let offered = directory.as_deref().and_then(described);
        Self {
            directory,
            offered: Mutex::new(offered),
            readers: Arc::new(Semaphore::new(MAX_SNAPSHOT_READERS)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<SnapshotInfo>> {
        self.offered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The snapshot that is offered.
    pub(crate) fn offered(&self) -> Option<SnapshotInfo> {
        self.lock().clone()
    }

    /// Where snapshots of others are brought to.
    pub(crate) fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Opens the snapshot of an epoch, if it is offered, and if not too many read it. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub(crate) fn open(&self, epoch: Epoch) -> Result<Option<Reading>, SnapshotError> {
        let Some((directory, info)) = self.directory.as_deref().zip(self.offered()) else {
            return Ok(None);
        };
        let Ok(permit) = Arc::clone(&self.readers).try_acquire_owned() else {
            return Ok(None);
        };
        if info.epoch != epoch {
            return Ok(None);
        }
        let path = file_of(directory, epoch);
        let file = File::open(&path).map_err(|source| SnapshotError::Io { path, source })?;
        Ok(Some(Reading {
            file,
            bytes: info.bytes,
            _permit: permit,
        }))
    }

    /// Writes what is registered when an epoch begins, once what ends with it is gone and before the event is applied, and offers it
    /// instead of the one before. Does nothing where nothing is kept, or where the place of the event is not known. Blocks.
    ///
    /// # Errors
    /// [`SnapshotError`]; then the one before is still offered.
    pub(crate) fn write(
        &self,
        storage: &Storage,
        epoch: Epoch,
        begins: &BeginningOfEpoch,
    ) -> Result<Option<Written>, SnapshotError> {
        let Some((directory, events_before)) = self.directory.as_deref().zip(begins.events_before)
        else {
            return Ok(None);
        };
        let path = file_of(directory, epoch);
        let io = |source| SnapshotError::Io {
            path: path.clone(),
            source,
        };
        fs::create_dir_all(directory).map_err(io)?;
        let mut file = tempfile::NamedTempFile::new_in(directory).map_err(io)?;
        let mut tally = Tally::new(BufWriter::new(file.as_file_mut()));
        let head = Head {
            epoch,
            event: begins.event,
            next_index: begins.index.saturating_add(1),
        };
        tally.write_all(&head_bytes(&head)?).map_err(io)?;
        write_all(storage, &mut tally).map_err(|error| error.at(&path))?;
        let (written, digest) = tally.finish().map_err(io)?;
        file.as_file().sync_all().map_err(io)?;
        file.persist(&path).map_err(|error| io(error.error))?;
        let info = SnapshotInfo {
            epoch,
            checkpoint: begins.checkpoint,
            events_before,
            bytes: written.bytes,
            digest,
        };
        describe(directory, &info).map_err(io)?;
        self.lock().replace(info);
        remove_others(directory, epoch);
        Ok(Some(written))
    }
}

fn file_of(directory: &Path, epoch: Epoch) -> PathBuf {
    directory.join(format!("snapshot_epoch_{epoch}.bin"))
}

/// The snapshot that a directory has, if it is whole.
fn described(directory: &Path) -> Option<SnapshotInfo> {
    let bytes = fs::read(directory.join(INFO)).ok()?;
    let info: SnapshotInfo = serde_json::from_slice(&bytes).ok()?;
    let file = fs::metadata(file_of(directory, info.epoch)).ok()?;
    (file.len() == info.bytes).then_some(info)
}

fn describe(directory: &Path, info: &SnapshotInfo) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(&serde_json::to_vec(info)?)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(INFO))
        .map_err(|error| error.error)?;
    sync_directory(directory)
}

/// Removes every other snapshot, and what is left of any that was not finished.
fn remove_others(directory: &Path, epoch: Epoch) {
    let keep = [file_of(directory, epoch), directory.join(INFO)];
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| !keep.contains(&entry.path()))
    {
        if let Err(error) = fs::remove_file(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "a snapshot that nobody needs stays");
        }
    }
}

/// Why records were not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Record(#[from] bcs::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl WriteError {
    fn at(self, path: &Path) -> SnapshotError {
        match self {
            Self::Storage(error) => error.into(),
            Self::Record(error) => error.into(),
            Self::Io(source) => SnapshotError::Io {
                path: path.to_owned(),
                source,
            },
        }
    }
}

/// Writes every section. Nobody changes what is read meanwhile.
fn write_all<W: Write>(storage: &Storage, out: &mut Tally<W>) -> Result<(), WriteError> {
    let objects = || {
        storage.objects().map(|page| {
            let records = page?.into_iter();
            Ok(records
                .map(|(id, record)| Record::Object(id, record))
                .collect())
        })
    };
    write_pages(out, Section::Objects, objects)?;
    let pools = || {
        storage.pools().map(|page| {
            let records = page?.into_iter();
            Ok(records
                .map(|(id, record)| Record::Pool(id, record))
                .collect())
        })
    };
    write_pages(out, Section::Pools, pools)?;
    let pooled = || {
        storage.pooled_objects().map(|page| {
            let records = page?.into_iter();
            Ok(records
                .map(|(id, record)| Record::PooledObject(id, record))
                .collect())
        })
    };
    write_pages(out, Section::PooledObjects, pooled)?;
    let invalid = || {
        storage.blob_infos().map(|page| {
            let records = page?.into_iter();
            let records = records.filter_map(|(blob_id, info)| invalid_record(blob_id, &info));
            Ok(records.collect())
        })
    };
    if invalid().any(|page: Page| page.is_ok_and(|page| !page.is_empty())) {
        // The specification ends here.
        out.leave_out_of_xxh64();
        write_pages(out, Section::Invalid, invalid)?;
    }
    Ok(())
}

type Page = Result<Vec<Record>, StorageError>;

fn invalid_record(blob_id: BlobId, info: &BlobInfo) -> Option<Record> {
    match info {
        BlobInfo::Invalid { epoch, event } => Some(Record::Invalid(blob_id, *epoch, *event)),
        BlobInfo::Valid(_) => None,
    }
}

/// Writes a section: its records are counted first.
fn write_pages<W: Write, I: Iterator<Item = Page>>(
    out: &mut Tally<W>,
    section: Section,
    pages: impl Fn() -> I,
) -> Result<(), WriteError> {
    let mut count = 0_u64;
    for page in pages() {
        count = count.saturating_add(page?.len() as u64);
    }
    write_section(out, section, count)?;
    for page in pages() {
        for record in page? {
            write_record(out, &record)??;
        }
    }
    Ok(())
}

/// Counts and hashes what it passes on.
struct Tally<W> {
    out: W,
    bytes: u64,
    blake3: blake3::Hasher,
    xxh64: Xxh64,
    is_in_xxh64: bool,
}

impl<W: Write> Tally<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            bytes: 0,
            blake3: blake3::Hasher::new(),
            xxh64: Xxh64::new(0),
            is_in_xxh64: true,
        }
    }

    fn leave_out_of_xxh64(&mut self) {
        self.is_in_xxh64 = false;
    }

    /// What was written, and its BLAKE3 in hexadecimal digits.
    fn finish(mut self) -> io::Result<(Written, String)> {
        self.out.flush()?;
        let written = Written {
            bytes: self.bytes,
            xxh64: self.xxh64.digest(),
        };
        Ok((written, self.blake3.finalize().to_hex().to_string()))
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.blake3.update(bytes);
        if self.is_in_xxh64 {
            self.xxh64.update(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
