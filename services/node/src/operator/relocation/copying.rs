//! Copying a storage file by file: what is there already stays, what shares its bytes goes on sharing them, and every copy is compared.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Moved, RelocationError, remove_if_there};

/// What one file is known by that has several names; `None` if it has one.
#[cfg(unix)]
pub(super) fn shared(metadata: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.nlink() > 1).then(|| (metadata.dev(), metadata.ino()))
}

/// What one file is known by that has several names: that cannot be told.
#[cfg(not(unix))]
pub(super) fn shared(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}

/// A copy that is made of a directory.
pub(super) struct Copying<'a> {
    from: &'a Path,
    to: &'a Path,
    /// Where files with several names are in the new place.
    shared: BTreeMap<(u64, u64), PathBuf>,
    pub(super) moved: Moved,
}

/// How a file came to the new place.
enum Placed {
    /// Copied, or linked to a copy.
    There,
    /// It shares its bytes with another file, and cannot in the new place.
    NotShared,
}

impl<'a> Copying<'a> {
    pub(super) fn new(from: &'a Path, to: &'a Path) -> Self {
        Self {
            from,
            to,
            shared: BTreeMap::new(),
            moved: Moved::default(),
        }
    }

    /// Copies a file, under a name that it may have for itself in the new place.
    pub(super) fn take(&mut self, file: &Path) -> Result<(), RelocationError> {
        match self.place(file)? {
            Placed::There => Ok(()),
            Placed::NotShared => copy(&self.from.join(file), &self.to.join(file), &mut self.moved),
        }
    }

    /// Copies a file that may grow, as far as it is written, or be removed meanwhile. It is compared when the storage is copied as a whole. Only
    /// looks unless `really`.
    pub(super) fn ahead(&mut self, file: &Path, really: bool) -> Result<(), RelocationError> {
        let (from, to) = (self.from.join(file), self.to.join(file));
        let length = match fs::metadata(&from) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(RelocationError::io(&from)(error)),
        };
        self.moved.files = self.moved.files.saturating_add(1);
        self.moved.bytes = self.moved.bytes.saturating_add(length);
        if fs::metadata(&to).is_ok_and(|there| there.len() == length) {
            self.moved.kept = self.moved.kept.saturating_add(1);
            return Ok(());
        }
        if !really {
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(RelocationError::io(parent))?;
        }
        let source = match fs::File::open(&from) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(RelocationError::io(&from)(error)),
        };
        let write = || io::copy(&mut source.take(length), &mut fs::File::create(&to)?);
        write().map(drop).map_err(RelocationError::io(&to))
    }

    /// Copies backups, each as a whole; returns the files of those. One that cannot share its files with the storage stays behind.
    pub(super) fn backups(&mut self, files: Vec<PathBuf>) -> Result<Vec<PathBuf>, RelocationError> {
        let mut by_backup: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
        for file in files {
            let backup = file.iter().take(2).collect();
            by_backup.entry(backup).or_default().push(file);
        }
        let mut taken = Vec::new();
        'backups: for (backup, files) in by_backup {
            for file in &files {
                if let Placed::NotShared = self.place(file)? {
                    let path = self.to.join(&backup);
                    fs::remove_dir_all(&path).map_err(RelocationError::io(&path))?;
                    self.moved.backups_left = self.moved.backups_left.saturating_add(1);
                    continue 'backups;
                }
            }
            taken.extend(files);
        }
        Ok(taken)
    }

    fn place(&mut self, file: &Path) -> Result<Placed, RelocationError> {
        let (from, to) = (self.from.join(file), self.to.join(file));
        let metadata = fs::metadata(&from).map_err(RelocationError::io(&from))?;
        let Some(key) = shared(&metadata) else {
            copy(&from, &to, &mut self.moved)?;
            return Ok(Placed::There);
        };
        let Some(first) = self.shared.get(&key) else {
            copy(&from, &to, &mut self.moved)?;
            self.shared.insert(key, to);
            return Ok(Placed::There);
        };
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(RelocationError::io(parent))?;
        }
        // What is there may be a link to what was copied before, or be cut off.
        remove_if_there(&to)?;
        if fs::hard_link(first, &to).is_err() {
            return Ok(Placed::NotShared);
        }
        self.moved.files = self.moved.files.saturating_add(1);
        Ok(Placed::There)
    }
}

fn copy(from: &Path, to: &Path, moved: &mut Moved) -> Result<(), RelocationError> {
    let length = fs::metadata(from).map_err(RelocationError::io(from))?.len();
    moved.files = moved.files.saturating_add(1);
    moved.bytes = moved.bytes.saturating_add(length);
    let expected = digest(from)?;
    if fs::metadata(to).is_ok_and(|there| there.len() == length) && expected == digest(to)? {
        moved.kept = moved.kept.saturating_add(1);
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(RelocationError::io(parent))?;
    }
    // A link that a move that was cut off has made must not carry the new bytes into another file.
    remove_if_there(to)?;
    let write = || {
        fs::copy(from, to)?;
        fs::File::open(to)?.sync_all()
    };
    write().map_err(RelocationError::io(to))?;
    if expected == digest(to)? {
        Ok(())
    } else {
        Err(RelocationError::Different(to.to_owned()))
    }
}

fn digest(path: &Path) -> Result<blake3::Hash, RelocationError> {
    let file = fs::File::open(path).map_err(RelocationError::io(path))?;
    let mut hasher = blake3::Hasher::new();
    let read = hasher.update_reader(file);
    Ok(read.map_err(RelocationError::io(path))?.finalize())
}
