//! Checking a backup: every file against the manifest, and the tables by opening a copy of them.

use std::{fs, path::Path};

use super::{BackupError, BackupFile, Manifest, TABLES, digest};
use crate::storage::Storage;

/// Reads the backup at `path` again: lengths and digests of its files, and the cursor of its tables, which are opened in a directory
/// for temporary files.
///
/// # Errors
/// [`BackupError::Damaged`] names the first file that is not what was taken.
pub fn verify(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    for file in &manifest.files {
        check(path, file)?;
    }
    let scratch =
        tempfile::tempdir().map_err(BackupError::io(Path::new("a temporary directory")))?;
    let tables = Path::new(TABLES);
    for file in &manifest.files {
        if !file.path.starts_with(tables) {
            continue;
        }
        let to = scratch.path().join(&file.path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(BackupError::io(parent))?;
        }
        fs::copy(path.join(&file.path), &to).map_err(BackupError::io(&to))?;
    }
    let cursor = Storage::cursor_of_copy(&scratch.path().join(tables))?;
    let found = cursor.map(|cursor| cursor.next_index);
    if found != manifest.next_event_index {
        return Err(BackupError::Damaged {
            path: path.join(tables),
            reason: format!(
                "its events end before {found:?}, those of the manifest before {:?}",
                manifest.next_event_index
            ),
        });
    }
    Ok(())
}

/// Whether a file is what was taken.
pub(super) fn check(backup: &Path, file: &BackupFile) -> Result<(), BackupError> {
    let path = backup.join(&file.path);
    let damaged = |reason| BackupError::Damaged {
        path: path.clone(),
        reason,
    };
    let length = fs::metadata(&path).map_err(BackupError::io(&path))?.len();
    if length < file.bytes {
        return Err(damaged(format!("it has {length} of {} bytes", file.bytes)));
    }
    let Some(expected) = &file.digest else {
        return Ok(());
    };
    if digest(&path, file.bytes)? == *expected {
        Ok(())
    } else {
        Err(damaged("its bytes are others".to_owned()))
    }
}
