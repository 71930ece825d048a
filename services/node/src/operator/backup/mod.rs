//! Backups: a copy of the tables, and hard links to the files of slivers.
//!
//! A backup is a directory under a number, with a manifest, `db/` and one directory of files for each disk. Files of slivers only
//! grow until they are removed as a whole: a hard link keeps what they hold, and costs no room until the node removes the
//! original. Where a link is not possible (another disk), the file is copied. Records that were appended after the tables were
//! copied do no harm: a node that opens a restored backup brings its index in line with the files, reads the events that it
//! missed, and recovers what it lacks.
//!
//! What is linked is one file with two names. It is kept though the node removes it, and is damaged for both by a bad sector, or by
//! whoever writes into it: the manifest says how many files are so.
//!
//! Keys, wallet and configuration are in it only if whoever orders it hands them over, encrypted: they are few and small, and belong
//! somewhere else than the data.

mod create;
mod restore;
mod sample;
mod verify;
mod worker;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use walrus_service::tables::TableError;
use walrus_sui::Address;

pub(crate) use self::sample::digests;
pub(crate) use self::{
    create::Plan,
    worker::{BackupWorker, Backups, Schedule},
};
pub use self::{
    restore::restore,
    sample::{SliverDigest, SliverName},
    verify::{Verified, verify},
};
use crate::{storage::StorageError, work::WorkError};

/// The number of the form of manifests.
const VERSION: u32 = 1;
/// Where backups are in the storage directory, unless it is said where.
pub(crate) const DIRECTORY: &str = "checkpoints";
/// The name of the manifest.
const MANIFEST: &str = "manifest.json";
/// Where the tables are.
const TABLES: &str = "db";
/// Where the files of each disk are, by its place in the configuration.
const DISKS: &str = "disks";
/// Keys and configuration, as an age file.
const SEALED_KEYS: &str = "keys.age";
/// What a backup is called that is not complete.
const UNFINISHED: &str = ".unfinished-";
/// So much is read of a file before it is asked whether to go on.
const DIGEST_PIECE: u64 = 1 << 20;
/// Largest manifest: some hundred bytes for each file.
const MAX_MANIFEST_BYTES: u64 = 1 << 30;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The number of this form.
    pub version: u32,
    /// The number of the backup.
    pub id: u64,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// The node.
    pub node_id: Address,
    /// The version of the program that made it.
    pub program: String,
    /// The next event element of the node at that time; absent before the first.
    pub next_event_index: Option<u64>,
    /// How many disks the node had.
    pub disks: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files that are hard links to those of the node: what damages one damages both.
    #[serde(default)]
    pub linked_files: u64,
    /// Every file.
    pub files: Vec<BackupFile>,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupFile {
    /// Where it is in the backup.
    pub path: PathBuf,
    /// Its length when it was taken; files of slivers may have grown since.
    pub bytes: u64,
    /// BLAKE3 of so many bytes, in hexadecimal digits; absent for linked files of slivers in backups of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// A backup in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackupSummary {
    /// The number of the backup.
    pub id: u64,
    /// When it was begun, in milliseconds since 1970.
    pub created_ms: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// How many files.
    pub files: usize,
    /// How many of them are hard links to those of the node.
    #[serde(default)]
    pub linked_files: u64,
    /// Whether keys and configuration are in it, encrypted.
    #[serde(default)]
    pub with_keys: bool,
    /// The next event element of the node at that time; absent before the first.
    pub next_event_index: Option<u64>,
    /// The version of the program that made it.
    pub program: String,
}

impl From<&Manifest> for BackupSummary {
    fn from(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id,
            created_ms: manifest.created_ms,
            bytes: manifest.bytes,
            files: manifest.files.len(),
            linked_files: manifest.linked_files,
            with_keys: manifest
                .files
                .iter()
                .any(|file| file.path == Path::new(SEALED_KEYS)),
            next_event_index: manifest.next_event_index,
            program: manifest.program.clone(),
        }
    }
}

/// Why a backup cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file operation failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A manifest is not what was written.
    #[error("{path} is no manifest of a backup: {source}", path = path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A newer program made it.
    #[error("{path} has version {found}, and this program knows those up to {known}: a newer one made it; use that one", path = path.display(), known = VERSION)]
    Newer {
        /// The manifest.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// There is no such backup.
    #[error("there is no backup {id} in {path}; there are {known:?}", path = path.display())]
    NoSuch {
        /// The number that was asked for.
        id: u64,
        /// Where.
        path: PathBuf,
        /// Those that there are.
        known: Vec<u64>,
    },
    /// There is none at all.
    #[error("there is no backup in {}", .0.display())]
    Empty(PathBuf),
    /// The target holds something.
    #[error("{path} holds {found}: a backup is restored where nothing is stored; move it aside (a backup that lies in it goes along: name it with --path), or remove everything in it but the backups", path = path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
        /// Something that is in it.
        found: String,
    },
    /// The backup has files of more or fewer disks.
    #[error("the backup is of {expected} disks, and {found} are configured")]
    Disks {
        /// How many it has.
        expected: usize,
        /// How many are configured.
        found: usize,
    },
    /// A file is not what was taken.
    #[error("{path} is not what was backed up: {reason}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// It was cancelled.
    #[error("the backup was cancelled")]
    Cancelled,
    /// The tables cannot be copied, or read.
    #[error(transparent)]
    Tables(#[from] TableError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

impl BackupError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}

/// The backups under `directory`, the oldest first.
///
/// # Errors
/// If the directory or a manifest cannot be read.
pub fn list(directory: &Path) -> Result<Vec<Manifest>, BackupError> {
    let mut found = Vec::new();
    for id in numbers(directory)? {
        found.push(manifest(&directory.join(id.to_string()))?);
    }
    Ok(found)
}

/// The backup with this number, or the newest.
///
/// # Errors
/// [`BackupError::NoSuch`], [`BackupError::Empty`] and those of [`list`].
pub fn find(directory: &Path, id: Option<u64>) -> Result<(PathBuf, Manifest), BackupError> {
    let known = numbers(directory)?;
    let id = match id {
        Some(id) if known.contains(&id) => id,
        Some(id) => {
            let path = directory.to_owned();
            return Err(BackupError::NoSuch { id, path, known });
        }
        None => *known
            .last()
            .ok_or_else(|| BackupError::Empty(directory.to_owned()))?,
    };
    let path = directory.join(id.to_string());
    let manifest = manifest(&path)?;
    Ok((path, manifest))
}

/// The numbers of the complete ones.
fn numbers(directory: &Path) -> Result<Vec<u64>, BackupError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(BackupError::io(directory)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(BackupError::io(directory))?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn manifest(backup: &Path) -> Result<Manifest, BackupError> {
    use io::Read as _;
    let path = backup.join(MANIFEST);
    let file = fs::File::open(&path).map_err(BackupError::io(&path))?;
    let mut text = String::new();
    let mut bounded = file.take(MAX_MANIFEST_BYTES);
    bounded
        .read_to_string(&mut text)
        .map_err(BackupError::io(&path))?;
    let parsed: Result<Manifest, _> = serde_json::from_str(&text);
    let manifest = parsed.map_err(|source| BackupError::Manifest {
        path: path.clone(),
        source,
    })?;
    if manifest.version > VERSION {
        let found = manifest.version;
        return Err(BackupError::Newer { path, found });
    }
    Ok(manifest)
}

/// BLAKE3 of the first `bytes` of a file, in hexadecimal digits. `goes_on` is asked now and then.
fn digest(path: &Path, bytes: u64, goes_on: &dyn Fn() -> bool) -> Result<String, BackupError> {
    use io::Read as _;
    let mut file = fs::File::open(path).map_err(BackupError::io(path))?;
    let mut hasher = blake3::Hasher::new();
    let mut left = bytes;
    while left > 0 {
        if !goes_on() {
            return Err(BackupError::Cancelled);
        }
        let piece = left.min(DIGEST_PIECE);
        hasher
            .update_reader(file.by_ref().take(piece))
            .map_err(BackupError::io(path))?;
        left = left.saturating_sub(piece);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Every file below `root` that `wanted` wants, by its path from there, in order.
fn files_below(root: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>, BackupError> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let directory = root.join(&inner);
        for entry in fs::read_dir(&directory).map_err(BackupError::io(&directory))? {
            let entry = entry.map_err(BackupError::io(&directory))?;
            let path = inner.join(entry.file_name());
            if !wanted(&path) {
                continue;
            }
            let kind = entry.file_type().map_err(BackupError::io(&directory))?;
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
