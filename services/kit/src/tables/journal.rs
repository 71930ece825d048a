//! Journal: one synchronization for all batches that wait for one, and a journal that a start after an orderly end need not read.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use fjall::PersistMode;

use super::TableError;

/// Files of the library's journal.
const EXTENSION: &str = "jnl";
/// Journals with fewer bytes are read at a start: that costs less than to write tables.
const WORTH_BYTES: u64 = 256 << 10;

/// What becomes of the journal of a database. Dropped after the database, it empties a journal of which everything is in tables.
#[derive(Debug)]
pub(super) struct Journal {
    directory: PathBuf,
    /// Bytes that are in it, about.
    bytes: AtomicU64,
    /// Batches whose writing has begun, and has ended.
    begun: AtomicU64,
    ended: AtomicU64,
    /// How many had begun when all of them were in tables; that many and one, so that zero is never.
    in_tables: AtomicU64,
    syncs: Mutex<Syncs>,
    synced: Condvar,
}

/// Synchronizations, in the order in which they begin.
#[derive(Debug, Default)]
struct Syncs {
    begun: u64,
    /// The last one that succeeded.
    done: u64,
    running: bool,
}

impl Journal {
    /// That of a database which is in `directory`.
    pub(super) fn of(directory: &Path) -> Self {
        let files = files(directory).unwrap_or_default();
        let bytes = files.iter().filter_map(|path| fs::metadata(path).ok());
        // The rest of a file that was made longer in advance is a hole.
        let bytes = bytes.map(|metadata| metadata.blocks().saturating_mul(512));
        Self {
            directory: directory.to_owned(),
            bytes: AtomicU64::new(bytes.sum()),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            in_tables: AtomicU64::new(0),
            syncs: Mutex::default(),
            synced: Condvar::new(),
        }
    }

    /// Whether it is worth a while to write tables, so that it need not be read.
    pub(super) fn is_long(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) >= WORTH_BYTES
    }

    /// A batch of so many bytes is about to be written.
    pub(super) fn begin(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// A batch was written, or was not.
    pub(super) fn end(&self) {
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// How many batches there are; `None` while one is being written.
    pub(super) fn batches(&self) -> Option<u64> {
        let ended = self.ended.load(Ordering::SeqCst);
        (self.begun.load(Ordering::SeqCst) == ended).then_some(ended)
    }

    /// Everything of the first batches is in tables, durably.
    pub(super) fn note_in_tables(&self, batches: u64) {
        self.in_tables
            .store(batches.saturating_add(1), Ordering::SeqCst);
    }

    fn syncs(&self) -> MutexGuard<'_, Syncs> {
        self.syncs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes durable what was written before, with one synchronization for all who wait for one: whoever comes while one runs needs the
    /// next, and one of them begins it for all.
    pub(super) fn sync(&self, database: &fjall::Database) -> Result<(), TableError> {
        let mut syncs = self.syncs();
        let needed = syncs.begun.saturating_add(1);
        while syncs.done < needed {
            if syncs.running {
                syncs = self
                    .synced
                    .wait(syncs)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            syncs.begun = syncs.begun.saturating_add(1);
            syncs.running = true;
            let this = syncs.begun;
            drop(syncs);
            let synced = database.persist(PersistMode::SyncData);
            syncs = self.syncs();
            syncs.running = false;
            if synced.is_ok() {
                syncs.done = this;
            }
            self.synced.notify_all();
            synced?;
        }
        Ok(())
    }

    /// Empties the journal. The last file stays, with nothing in it: without one, the library would number its batches from zero.
    fn empty(&self) -> io::Result<()> {
        let mut files = files(&self.directory)?;
        files.sort_by_key(|path| number(path));
        let Some(last) = files.pop() else {
            return Ok(());
        };
        for path in files {
            fs::remove_file(path)?;
        }
        let last = File::options().write(true).open(last)?;
        last.set_len(0)?;
        last.sync_all()?;
        File::open(&self.directory)?.sync_all()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let in_tables = self.in_tables.load(Ordering::SeqCst).checked_sub(1);
        if in_tables.is_none() || in_tables != self.batches() {
            return;
        }
        if let Err(error) = self.empty() {
            tracing::warn!(path = %self.directory.display(), %error, "the journal of the database is not emptied, and read at the next start");
        }
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == EXTENSION) {
            files.push(path);
        }
    }
    Ok(files)
}

fn number(path: &Path) -> Option<u64> {
    path.file_stem()?.to_str()?.parse().ok()
}
