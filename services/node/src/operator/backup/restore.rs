//! Restoring a backup into empty directories.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    BackupError, DISKS, Manifest, TABLES,
    create::{sync_below, sync_directory},
    verify::check,
};
use crate::storage::disks::DISK_IDENTITY;

/// Puts the files of the backup at `path` into the directories of a node's disks, the first of which is that of its storage, after they were
/// checked. Files are copied, never linked: what the node does to them must not reach the backup. The tables come last, so that a
/// restore that is cut off is no storage yet; it begins anew where the directories are emptied. Nothing is written unless `really`.
///
/// # Errors
/// [`BackupError`]; [`BackupError::Occupied`] if something is there.
pub fn restore(
    path: &Path,
    manifest: &Manifest,
    disks: &[PathBuf],
    really: bool,
) -> Result<(), BackupError> {
    let Some(storage) = disks.first().filter(|_| disks.len() == manifest.disks) else {
        return Err(BackupError::Disks {
            expected: manifest.disks,
            found: disks.len(),
        });
    };
    for disk in disks {
        check_empty(disk)?;
    }
    for file in &manifest.files {
        check(path, file)?;
    }
    if !really {
        return Ok(());
    }
    let tables = Path::new(TABLES);
    let (of_tables, of_disks): (Vec<_>, Vec<_>) = manifest
        .files
        .iter()
        .partition(|file| file.path.starts_with(tables));
    for (number, disk) in disks.iter().enumerate() {
        fs::create_dir_all(disk).map_err(BackupError::io(disk))?;
        let inner = Path::new(DISKS).join(number.to_string());
        for file in &of_disks {
            if let Ok(name) = file.path.strip_prefix(&inner) {
                copy(&path.join(&file.path), &disk.join(name))?;
            }
        }
    }
    let unfinished = storage.join(".db-unfinished");
    for file in of_tables {
        let name = file.path.strip_prefix(tables).unwrap_or(&file.path);
        copy(&path.join(&file.path), &unfinished.join(name))?;
    }
    // What makes a storage of it comes after all it names.
    for disk in disks {
        sync_restored(disk)?;
    }
    let complete = storage.join(TABLES);
    fs::rename(&unfinished, &complete).map_err(BackupError::io(&complete))?;
    sync_directory(storage)
}

/// Makes the directories of a disk survive the death of the machine; what else lies there is not touched.
fn sync_restored(disk: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(disk).map_err(BackupError::io(disk))? {
        let entry = entry.map_err(BackupError::io(disk))?;
        let is_ours = !super::super::is_of_the_process(Path::new(&entry.file_name()));
        if is_ours && entry.path().is_dir() {
            sync_below(&entry.path())?;
        }
    }
    sync_directory(disk)
}

/// What steers a process may lie there, backups, and which disk it is, nothing that was stored.
fn check_empty(disk: &Path) -> Result<(), BackupError> {
    let entries = match fs::read_dir(disk) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::io(disk)(error)),
    };
    for entry in entries {
        let name = entry.map_err(BackupError::io(disk))?.file_name();
        let is_tables = name == TABLES;
        let may_stay = name == DISK_IDENTITY || super::super::is_of_the_process(Path::new(&name));
        if is_tables || !may_stay {
            return Err(BackupError::Occupied {
                path: disk.to_owned(),
                found: name.to_string_lossy().into_owned(),
            });
        }
    }
    Ok(())
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(BackupError::io(parent))?;
    }
    // What may still be there can be the backup's own file, linked: writing into it would empty both.
    match fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BackupError::io(to)(error));
        }
        _ => {}
    }
    fs::copy(from, to).map_err(BackupError::io(to))?;
    let sync = || fs::File::open(to)?.sync_all();
    sync().map_err(BackupError::io(to))
}
