//! Making a backup: the tables of one moment, then the files of slivers.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use walrus_service::clock::Clock;
use walrus_sui::Address;

use super::{
    BackupError, BackupFile, DISKS, MANIFEST, Manifest, TABLES, UNFINISHED, VERSION, digest,
    files_below, list, numbers,
};
use crate::storage::Storage;

/// Everything that a backup is made of.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) storage: Arc<Storage>,
    pub(crate) node_id: Address,
    /// The directories of the disks.
    pub(crate) disks: Vec<PathBuf>,
    /// Where backups are.
    pub(crate) directory: PathBuf,
    /// Of more than so many the oldest go.
    pub(crate) keep: usize,
}

impl Plan {
    /// Makes a backup. What a crash leaves of one is removed by the next. `goes_on` is asked now and then.
    ///
    /// # Errors
    /// [`BackupError`]; then nothing is left of it.
    pub(crate) fn create(&self, goes_on: &dyn Fn() -> bool) -> Result<Manifest, BackupError> {
        let directory = &self.directory;
        fs::create_dir_all(directory).map_err(BackupError::io(directory))?;
        remove_unfinished(directory)?;
        let id = numbers(directory)?.last().map_or(1, |last| last + 1);
        let unfinished = directory.join(format!("{UNFINISHED}{id}"));
        let made = self.make(&unfinished, id, goes_on).and_then(|manifest| {
            let complete = directory.join(id.to_string());
            fs::rename(&unfinished, &complete).map_err(BackupError::io(&complete))?;
            sync_directory(directory)?;
            Ok(manifest)
        });
        if made.is_err() {
            let _ = fs::remove_dir_all(&unfinished);
        }
        let manifest = made?;
        self.prune()?;
        Ok(manifest)
    }

    fn make(
        &self,
        target: &Path,
        id: u64,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Manifest, BackupError> {
        let created_ms = Clock::system().unix_ms();
        let tables = target.join(TABLES);
        let cursor = self.storage.copy_tables(&tables, goes_on)?;
        let cursor = cursor.ok_or(BackupError::Cancelled)?;
        let mut files = Vec::new();
        for file in files_below(&tables, &|_| true)? {
            let path = Path::new(TABLES).join(file);
            files.push(with_digest(target, path)?);
        }
        for (number, disk) in self.disks.iter().enumerate() {
            let inner = Path::new(DISKS).join(number.to_string());
            let place = target.join(&inner);
            fs::create_dir_all(&place).map_err(BackupError::io(&place))?;
            for file in files_below(disk, &|path| self.is_of_slivers(disk, path))? {
                if !goes_on() {
                    return Err(BackupError::Cancelled);
                }
                let path = inner.join(&file);
                files.extend(take(&disk.join(&file), target, path)?);
            }
        }
        let manifest = Manifest {
            version: VERSION,
            id,
            created_ms,
            node_id: self.node_id,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            next_event_index: cursor.map(|cursor| cursor.next_index),
            disks: self.disks.len(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files,
        };
        let path = target.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&manifest);
        let text = text.map_err(|source| BackupError::Manifest {
            path: path.clone(),
            source,
        })?;
        let write = || {
            let file = fs::File::create(&path)?;
            io::Write::write_all(&mut &file, &text)?;
            file.sync_all()
        };
        write().map_err(BackupError::io(&path))?;
        sync_below(target)?;
        Ok(manifest)
    }

    /// Whether a file or directory of a disk has slivers, or says whose they are: everything but the tables, what steers the
    /// process, and backups.
    fn is_of_slivers(&self, disk: &Path, path: &Path) -> bool {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden
            && !super::super::is_of_the_process(path)
            && !self.directory.starts_with(disk.join(path))
    }

    fn prune(&self) -> Result<(), BackupError> {
        let known = list(&self.directory)?;
        let surplus = known.len().saturating_sub(self.keep.max(1));
        for old in known.iter().take(surplus) {
            let path = self.directory.join(old.id.to_string());
            // Whole or not at all, also for who reads at that moment.
            let hidden = self.directory.join(format!("{UNFINISHED}{}", old.id));
            fs::rename(&path, &hidden).map_err(BackupError::io(&path))?;
            fs::remove_dir_all(&hidden).map_err(BackupError::io(&hidden))?;
        }
        Ok(())
    }
}

fn remove_unfinished(directory: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(directory).map_err(BackupError::io(directory))? {
        let entry = entry.map_err(BackupError::io(directory))?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let path = entry.path();
            fs::remove_dir_all(&path).map_err(BackupError::io(&path))?;
        }
    }
    Ok(())
}

/// Links a file into the backup, or copies it; nothing if it is gone meanwhile, since what it had is needed no more.
fn take(from: &Path, target: &Path, path: PathBuf) -> Result<Option<BackupFile>, BackupError> {
    let to = target.join(&path);
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(BackupError::io(parent))?;
    }
    match fs::hard_link(from, &to) {
        Ok(()) => {
            let bytes = fs::metadata(&to).map_err(BackupError::io(&to))?.len();
            let digest = None;
            Ok(Some(BackupFile {
                path,
                bytes,
                digest,
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Another disk, or a file system without links.
        Err(_) => match fs::copy(from, &to) {
            Ok(_) => with_digest(target, path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BackupError::io(&to)(error)),
        },
    }
}

fn with_digest(target: &Path, path: PathBuf) -> Result<BackupFile, BackupError> {
    let file = target.join(&path);
    let bytes = fs::metadata(&file).map_err(BackupError::io(&file))?.len();
    let digest = Some(digest(&file, bytes)?);
    Ok(BackupFile {
        path,
        bytes,
        digest,
    })
}

/// Makes every file and directory below `path`, and that itself, survive the death of the machine: before a backup is called
/// complete and older ones go.
pub(super) fn sync_below(path: &Path) -> Result<(), BackupError> {
    for entry in fs::read_dir(path).map_err(BackupError::io(path))? {
        let entry = entry.map_err(BackupError::io(path))?;
        let inner = entry.path();
        let kind = entry.file_type().map_err(BackupError::io(&inner))?;
        if kind.is_dir() {
            sync_below(&inner)?;
        } else {
            let sync = || fs::File::open(&inner)?.sync_all();
            sync().map_err(BackupError::io(&inner))?;
        }
    }
    sync_directory(path)
}

pub(super) fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let sync = || fs::File::open(path)?.sync_all();
    sync().map_err(BackupError::io(path))
}
