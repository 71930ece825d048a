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
mod tests {
    use std::sync::Arc;

    use walrus_core::{BlobId, ShardIndex, SliverType};

    use super::*;
    use crate::storage::{Storage, records::ShardState, segments::NewSliver};

    const SHARD: ShardIndex = ShardIndex(3);

    fn put(storage: &Storage, number: u8) {
        let slivers = [NewSliver {
            blob_id: BlobId([number; 32]),
            sliver_type: SliverType::Primary,
            payload: &[number; 1000],
        }];
        storage.put_slivers(SHARD, &slivers).unwrap();
    }

    fn has(storage: &Storage, number: u8) -> bool {
        let blob_id = BlobId([number; 32]);
        let found = storage.sliver(SHARD, &blob_id, SliverType::Primary);
        found.unwrap() == Some(vec![number; 1000])
    }

    fn plan(dir: &Path) -> Plan {
        let storage = Storage::open(&dir.join("one"), 1 << 20).unwrap();
        storage.set_shard_state(SHARD, ShardState::Active).unwrap();
        Plan {
            storage: Arc::new(storage),
            node_id: Address::TWO,
            disks: vec![dir.join("one")],
            directory: dir.join("one").join(DIRECTORY),
            keep: 2,
            sealed_keys: None,
        }
    }

    #[test]
    fn what_a_node_in_use_holds_is_there_again_after_a_restore() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        put(&plan.storage, 1);
        fs::write(dir.path().join("one/admin.sock"), "").unwrap();
        assert_eq!(plan.create(&|| true).unwrap().id, 1);
        put(&plan.storage, 2);
        let made = plan.create(&|| true).unwrap();
        assert_eq!((made.id, made.next_event_index), (2, None));
        assert!(
            made.files
                .iter()
                .all(|file| !file.path.ends_with("admin.sock"))
        );
        put(&plan.storage, 3);
        plan.create(&|| true).unwrap();
        let ids: Vec<_> = list(&plan.directory)
            .unwrap()
            .iter()
            .map(|made| made.id)
            .collect();
        assert_eq!(ids, [2, 3], "the oldest is gone");

        let (path, manifest) = find(&plan.directory, Some(2)).unwrap();
        assert_eq!(manifest, made);
        verify(&path, &manifest).unwrap();
        let target = vec![dir.path().join("two")];
        restore(&path, &manifest, &target, false).unwrap();
        assert!(!target[0].exists(), "only looked at");
        restore(&path, &manifest, &target, true).unwrap();
        let restored = Storage::open(&target[0], 1 << 20).unwrap();
        assert!(has(&restored, 1) && has(&restored, 2));
        // What the restored node writes reaches neither the backup nor the first node.
        put(&restored, 9);
        verify(&path, &manifest).unwrap();
        assert!(has(&plan.storage, 3) && !has(&plan.storage, 9));
        let again = restore(&path, &manifest, &target, true).unwrap_err();
        assert!(matches!(again, BackupError::Occupied { .. }), "{again}");
        let other = restore(&path, &manifest, &[], true).unwrap_err();
        assert!(matches!(other, BackupError::Disks { .. }), "{other}");
        let absent = find(&plan.directory, Some(1)).unwrap_err();
        assert!(absent.to_string().contains("[2, 3]"), "{absent}");
    }

    #[test]
    fn backups_in_the_directory_of_the_storage_are_restored_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        put(&plan.storage, 1);
        plan.create(&|| true).unwrap();
        let (path, manifest) = find(&plan.directory, None).unwrap();
        let (target, directory) = (plan.disks.clone(), plan.directory.clone());
        drop(plan);
        let occupied = restore(&path, &manifest, &target, true).unwrap_err();
        assert!(occupied.to_string().contains("--path"), "{occupied}");
        for stored in [TABLES, "shards"] {
            fs::remove_dir_all(target[0].join(stored)).unwrap();
        }
        restore(&path, &manifest, &target, true).unwrap();
        let restored = Storage::open(&target[0], 1 << 20).unwrap();
        assert!(has(&restored, 1));
        verify(&path, &manifest).unwrap();
        assert_eq!(list(&directory).unwrap().len(), 1, "it is still there");
    }

    #[test]
    fn damage_is_found_before_it_is_restored() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        put(&plan.storage, 1);
        let made = plan.create(&|| true).unwrap();
        let (path, manifest) = find(&plan.directory, None).unwrap();
        assert!(made.files.iter().all(|file| file.digest.is_some()));
        let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
        let flip = |bytes: &mut Vec<u8>| bytes[0] ^= 1;
        let damages: [&dyn Fn(&mut Vec<u8>); 2] = [&cut, &flip];
        for victim in [TABLES, DISKS] {
            let is_victim = |file: &&BackupFile| file.path.starts_with(victim) && file.bytes > 0;
            let victim = made.files.iter().find(is_victim).unwrap();
            let file = path.join(&victim.path);
            let intact = fs::read(&file).unwrap();
            for damage in damages {
                let mut damaged = intact.clone();
                damage(&mut damaged);
                // The link must not lead to the node's own file.
                fs::remove_file(&file).unwrap();
                fs::write(&file, damaged).unwrap();
                let error = verify(&path, &manifest).unwrap_err();
                assert!(matches!(error, BackupError::Damaged { .. }), "{error}");
                let target = vec![dir.path().join("two")];
                restore(&path, &manifest, &target, true).unwrap_err();
                assert!(!target[0].exists());
            }
            fs::write(&file, intact).unwrap();
        }
        verify(&path, &manifest).unwrap();
    }

    #[test]
    fn a_check_opens_what_would_be_restored_and_changes_nothing_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        // All over the index, as blob IDs are.
        (1..9).for_each(|number| put(&plan.storage, number * 28));
        plan.create(&|| true).unwrap();
        // Appended since to the same files.
        (9..12).for_each(|number| put(&plan.storage, number));
        let (path, manifest) = find(&plan.directory, None).unwrap();
        let before = files_below(&path, &|_| true).unwrap();
        let read = |file: &PathBuf| fs::read(path.join(file)).unwrap();
        let bytes: Vec<_> = before.iter().map(read).collect();
        let verified = verify(&path, &manifest).unwrap();
        assert_eq!((verified.slivers, verified.missing), (8, 0));
        assert_eq!(files_below(&path, &|_| true).unwrap(), before);
        assert_eq!(before.iter().map(read).collect::<Vec<_>>(), bytes);
        // Of the sample each is what the node has.
        assert_eq!(verified.sample.len(), 8);
        let names: Vec<_> = verified.sample.iter().map(|known| known.name()).collect();
        assert_eq!(digests(&plan.storage, &names).unwrap(), verified.sample);
        plan.storage.delete_data(&BlobId([28; 32])).unwrap();
        let now = digests(&plan.storage, &names).unwrap();
        assert_eq!(now.iter().filter(|known| known.digest.is_none()).count(), 1);
    }

    #[test]
    fn what_an_earlier_backup_has_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        put(&plan.storage, 1);
        let first = plan.create(&|| true).unwrap();
        assert!(first.linked_files > 0);
        // Its digest is taken over, not computed: so it is the manifest's word that comes back.
        let (path, mut known) = find(&plan.directory, None).unwrap();
        let of_slivers =
            |file: &BackupFile| file.path.extension().is_some_and(|it| it == "slivers");
        let told = known
            .files
            .iter_mut()
            .find(|file| of_slivers(file))
            .unwrap();
        told.digest = Some("taken over".to_owned());
        fs::write(path.join(MANIFEST), serde_json::to_vec(&known).unwrap()).unwrap();
        let second = plan.create(&|| true).unwrap();
        let again = second.files.iter().find(|file| of_slivers(file)).unwrap();
        assert_eq!(again.digest.as_deref(), Some("taken over"));
        // One that has grown since is read.
        put(&plan.storage, 2);
        let third = plan.create(&|| true).unwrap();
        let grown = third.files.iter().find(|file| of_slivers(file)).unwrap();
        assert_ne!(grown.digest, again.digest);
        assert!(grown.bytes > again.bytes);
    }

    #[test]
    fn keys_that_are_handed_over_are_kept_as_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan {
            sealed_keys: Some(b"sealed".to_vec()),
            ..plan(dir.path())
        };
        let made = plan.create(&|| true).unwrap();
        assert!(BackupSummary::from(&made).with_keys);
        let (path, manifest) = find(&plan.directory, None).unwrap();
        assert_eq!(fs::read(path.join(SEALED_KEYS)).unwrap(), b"sealed");
        verify(&path, &manifest).unwrap();
        let target = vec![dir.path().join("two")];
        restore(&path, &manifest, &target, true).unwrap();
        assert!(
            !target[0].join(SEALED_KEYS).exists(),
            "no secret is put beside the data"
        );
    }

    #[test]
    fn nothing_is_left_of_a_backup_that_is_cancelled_or_that_a_crash_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(dir.path());
        put(&plan.storage, 1);
        let cancelled = plan.create(&|| false).unwrap_err();
        assert!(matches!(cancelled, BackupError::Cancelled), "{cancelled}");
        fs::create_dir_all(plan.directory.join(".unfinished-7/db")).unwrap();
        assert!(list(&plan.directory).unwrap().is_empty());
        assert_eq!(plan.create(&|| true).unwrap().id, 1);
        assert_eq!(fs::read_dir(&plan.directory).unwrap().count(), 1);
    }
}
