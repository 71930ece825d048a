//! Making a backup: the tables of one moment, then the files of slivers.
//!
//! Every file has a digest in the manifest. That of a segment is of as much of it as the index knew: those bytes never change, though more
//! may be appended. A segment that an earlier backup has is not read again where it is the same file, and not copied again where it
//! is a copy that still has its digest: so what a backup costs is what is new.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use walrus_service::clock::Clock;
use walrus_sui::Address;

use super::{
    BackupError, BackupFile, DISKS, MANIFEST, Manifest, SEALED_KEYS, TABLES, UNFINISHED, VERSION,
    digest, files_below, find, list, numbers,
};
use crate::storage::{Storage, segments::name::SegmentName};

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
    /// Keys and configuration, encrypted by whoever orders the backup; nothing here can read them.
    pub(crate) sealed_keys: Option<Vec<u8>>,
}

/// What an earlier backup has.
#[derive(Debug, Default)]
struct Earlier {
    root: PathBuf,
    files: BTreeMap<PathBuf, BackupFile>,
}

impl Earlier {
    /// The newest in a directory, if it can be read.
    fn newest(directory: &Path) -> Self {
        let Ok((root, manifest)) = find(directory, None) else {
            return Self::default();
        };
        let files = manifest.files.into_iter();
        Self {
            root,
            files: files.map(|file| (file.path.clone(), file)).collect(),
        }
    }

    /// The digest of so many bytes of the file at `path`, if it is known of the very same file.
    fn digest_of(&self, path: &Path, file: &Path, bytes: u64) -> Option<String> {
        let known = self.files.get(path).filter(|known| known.bytes == bytes)?;
        let digest = known.digest.clone()?;
        is_same_file(&self.root.join(path), file).then_some(digest)
    }

    /// The copy of a segment in this backup, if it is as long as it has to be, and still what was copied.
    fn copy_of(
        &self,
        path: &Path,
        bytes: u64,
        goes_on: &dyn Fn() -> bool,
    ) -> Option<(PathBuf, BackupFile)> {
        let known = self.files.get(path).filter(|known| known.bytes == bytes)?;
        // Others may be written anew under their name.
        let name = path.file_name()?.to_str().and_then(SegmentName::parse)?;
        name.salt?;
        let copy = self.root.join(path);
        let found = digest(&copy, bytes, goes_on).ok()?;
        (Some(&found) == known.digest.as_ref()).then(|| (copy, known.clone()))
    }
}

/// What a backup is made of so far.
struct Making<'a> {
    target: &'a Path,
    earlier: Earlier,
    goes_on: &'a dyn Fn() -> bool,
    files: Vec<BackupFile>,
    /// Files that the node has as well.
    linked: u64,
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
        let mut making = Making {
            target,
            earlier: Earlier::newest(&self.directory),
            goes_on,
            files: Vec::new(),
            linked: 0,
        };
        let tables = target.join(TABLES);
        let cursor = self.storage.copy_tables(&tables, goes_on)?;
        let cursor = cursor.ok_or(BackupError::Cancelled)?;
        for file in files_below(&tables, &|_| true)? {
            making.note(Path::new(TABLES).join(file), None)?;
        }
        if let Some(sealed) = &self.sealed_keys {
            let path = target.join(SEALED_KEYS);
            fs::write(&path, sealed).map_err(BackupError::io(&path))?;
            making.note(PathBuf::from(SEALED_KEYS), None)?;
        }
        // Before the files are linked: each is at least that long.
        let written = self.storage.written_segments();
        for (number, disk) in self.disks.iter().enumerate() {
            let inner = Path::new(DISKS).join(number.to_string());
            let place = target.join(&inner);
            fs::create_dir_all(&place).map_err(BackupError::io(&place))?;
            for file in files_below(disk, &|path| self.is_of_slivers(disk, path))? {
                let from = disk.join(&file);
                let bytes = written.get(&from).copied();
                making.take(&from, inner.join(&file), bytes)?;
            }
        }
        let Making { files, linked, .. } = making;
        let manifest = Manifest {
            version: VERSION,
            id,
            created_ms,
            node_id: self.node_id,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            next_event_index: cursor.map(|cursor| cursor.next_index),
            disks: self.disks.len(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            linked_files: linked,
            files,
        };
        write_manifest(&target.join(MANIFEST), &manifest)?;
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

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), BackupError> {
    let text = serde_json::to_vec_pretty(manifest);
    let text = text.map_err(|source| BackupError::Manifest {
        path: path.to_owned(),
        source,
    })?;
    let write = || {
        let file = fs::File::create(path)?;
        io::Write::write_all(&mut &file, &text)?;
        file.sync_all()
    };
    write().map_err(BackupError::io(path))
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

impl Making<'_> {
    /// Links a file into the backup, or copies it; nothing if it is gone meanwhile, since what it had is needed no more. Of a segment
    /// so many bytes count.
    fn take(&mut self, from: &Path, path: PathBuf, bytes: Option<u64>) -> Result<(), BackupError> {
        let to = self.target.join(&path);
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(BackupError::io(parent))?;
        }
        match fs::hard_link(from, &to) {
            Ok(()) => {
                self.linked = self.linked.saturating_add(1);
                return self.note(path, bytes);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            // Another disk, or a file system without links.
            Err(_) => {}
        }
        if let Some((copy, known)) =
            bytes.and_then(|bytes| self.earlier.copy_of(&path, bytes, self.goes_on))
            && fs::hard_link(&copy, &to).is_ok()
        {
            self.files.push(known);
            return Ok(());
        }
        match fs::copy(from, &to) {
            Ok(_) => self.note(path, bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(BackupError::io(&to)(error)),
        }
    }

    /// Notes a file that is there, with the digest of all of it, or of so many bytes.
    fn note(&mut self, path: PathBuf, bytes: Option<u64>) -> Result<(), BackupError> {
        let file = self.target.join(&path);
        let length = fs::metadata(&file).map_err(BackupError::io(&file))?.len();
        let bytes = bytes.map_or(length, |bytes| bytes.min(length));
        let digest = match self.earlier.digest_of(&path, &file, bytes) {
            Some(known) => known,
            None => digest(&file, bytes, self.goes_on)?,
        };
        self.files.push(BackupFile {
            path,
            bytes,
            digest: Some(digest),
        });
        Ok(())
    }
}

/// Whether two paths lead to one file.
#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let [Ok(one), Ok(other)] = [one, other].map(fs::metadata) else {
        return false;
    };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Whether two paths lead to one file: that cannot be told.
#[cfg(not(unix))]
fn is_same_file(_: &Path, _: &Path) -> bool {
    false
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
