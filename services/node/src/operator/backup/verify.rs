//! Checking a backup: every file against the manifest, and all of it by opening what a restore would make of it.

use std::{fs, path::Path};

use super::{BackupError, BackupFile, DISKS, Manifest, SliverDigest, TABLES, digest, sample};
use crate::storage::{Finding, FsckPosition, Storage, StorageError, StorageOptions};

/// Memory for blocks of tables that are only looked at.
const CACHE_BYTES: u64 = 1 << 20;

/// What a backup was found to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Slivers that would be there after a restore.
    pub slivers: u64,
    /// Slivers of the index that would not: the node removed or moved them while the backup was made. A restored node recovers what of
    /// them is still needed.
    pub missing: u64,
    /// Files without a digest: linked ones in a backup of an older version. Of those only the length was compared.
    pub without_digest: u64,
    /// Some slivers, to be compared with those of the running node.
    pub sample: Vec<SliverDigest>,
}

/// Reads the backup at `path` again: lengths and digests of its files, and the cursor of its tables. Then opens what a restore would make
/// of it, without changing anything in the backup: the tables are copied into a directory for temporary files, which shares the
/// files of slivers with the backup and is only looked at.
///
/// # Errors
/// [`BackupError::Damaged`] names the first file that is not what was taken.
pub fn verify(path: &Path, manifest: &Manifest) -> Result<Verified, BackupError> {
    for file in &manifest.files {
        check(path, file)?;
    }
    let scratch =
        tempfile::tempdir().map_err(BackupError::io(Path::new("a temporary directory")))?;
    let options = restore_to_look_at(path, manifest, scratch.path())?;
    check_cursor(path, manifest, scratch.path())?;
    let storage = Storage::inspect(options)?;
    let (slivers, missing) = count(&storage)?;
    let sample = sample::take(&storage)?;
    let without_digest = manifest.files.iter().filter(|file| file.digest.is_none());
    Ok(Verified {
        slivers,
        missing,
        without_digest: without_digest.count() as u64,
        sample,
    })
}

/// Makes a storage of the backup that is only looked at.
fn restore_to_look_at(
    path: &Path,
    manifest: &Manifest,
    scratch: &Path,
) -> Result<StorageOptions, BackupError> {
    let tables = Path::new(TABLES);
    for file in &manifest.files {
        if !file.path.starts_with(tables) {
            continue;
        }
        let to = scratch.join(&file.path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(BackupError::io(parent))?;
        }
        fs::copy(path.join(&file.path), &to).map_err(BackupError::io(&to))?;
    }
    let disk = |number: usize| path.join(DISKS).join(number.to_string());
    share(&disk(0), scratch)?;
    Ok(StorageOptions {
        disks: (1..manifest.disks).map(disk).collect(),
        ..StorageOptions::new(scratch, CACHE_BYTES)
    })
}

/// Puts what is in `from` under the same names into `to`, without copying it.
#[cfg(unix)]
fn share(from: &Path, to: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(from).map_err(BackupError::io(from))? {
        let entry = entry.map_err(BackupError::io(from))?;
        let path = std::path::absolute(entry.path()).map_err(BackupError::io(from))?;
        std::os::unix::fs::symlink(path, to.join(entry.file_name()))
            .map_err(BackupError::io(to))?;
    }
    Ok(())
}

/// Puts what is in `from` under the same names into `to`.
#[cfg(not(unix))]
fn share(from: &Path, to: &Path) -> Result<(), BackupError> {
    for file in super::files_below(from, &|_| true)? {
        super::restore::copy(&from.join(&file), &to.join(&file))?;
    }
    Ok(())
}

/// Whether the tables are of the moment that the manifest names.
fn check_cursor(path: &Path, manifest: &Manifest, scratch: &Path) -> Result<(), BackupError> {
    let tables = Path::new(TABLES);
    let cursor = Storage::cursor_of_copy(&scratch.join(tables))?;
    let found = cursor.map(|cursor| cursor.next_index);
    if found == manifest.next_event_index {
        return Ok(());
    }
    Err(BackupError::Damaged {
        path: path.join(tables),
        reason: format!(
            "its events end before {found:?}, those of the manifest before {:?}",
            manifest.next_event_index
        ),
    })
}

/// How many slivers the index knows and finds, and how many it knows and does not find.
fn count(storage: &Storage) -> Result<(u64, u64), StorageError> {
    let (mut known, mut missing) = (0_u64, 0_u64);
    let mut position = None;
    while matches!(position, None | Some(FsckPosition::Index { .. })) {
        let step = storage.fsck_step(position, false)?;
        known = known.saturating_add(step.checked);
        let is_missing = |finding: &&Finding| matches!(finding, Finding::Missing { .. });
        let lost = step.findings.iter().filter(is_missing).count() as u64;
        missing = missing.saturating_add(lost);
        position = step.next;
        if position.is_none() {
            break;
        }
    }
    Ok((known.saturating_sub(missing), missing))
}

/// Whether a file is what was taken.
pub(super) fn check(backup: &Path, file: &BackupFile) -> Result<(), BackupError> {
    let path = backup.join(&file.path);
    let damaged = |reason| BackupError::Damaged {
        path: path.clone(),
        reason,
    };
    let length = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(damaged("it is not there".to_owned()));
        }
        Err(error) => return Err(BackupError::io(&path)(error)),
    };
    if length < file.bytes {
        return Err(damaged(format!("it has {length} of {} bytes", file.bytes)));
    }
    let Some(expected) = &file.digest else {
        return Ok(());
    };
    if digest(&path, file.bytes, &|| true)? == *expected {
        Ok(())
    } else {
        Err(damaged("its bytes are others".to_owned()))
    }
}
