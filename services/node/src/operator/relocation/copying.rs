//! Copying a storage file by file: what is there already stays, what shares its bytes goes on sharing them, and every copy is compared.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{Moved, RelocationError, book::DigestBook, remote::BOOK, remove_if_there};

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
    /// What was hashed, on both sides.
    book: DigestBook,
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
    /// Into a directory that is there.
    pub(super) fn new(from: &'a Path, to: &'a Path) -> Result<Self, RelocationError> {
        Ok(Self {
            from,
            to,
            shared: BTreeMap::new(),
            book: DigestBook::open(&to.join(BOOK))?,
            moved: Moved::default(),
        })
    }

    /// Copies a file, under a name that it may have for itself in the new place.
    pub(super) fn take(&mut self, file: &Path) -> Result<(), RelocationError> {
        match self.place(file)? {
            Placed::There => Ok(()),
            Placed::NotShared => self.copy(&self.from.join(file), &self.to.join(file)),
        }
    }

    /// Copies a file that may grow meanwhile, or be removed, as far as it is written. What is the same when the storage is copied as a whole is
    /// not read again then.
    pub(super) fn ahead(&mut self, file: &Path) -> Result<(), RelocationError> {
        let from = self.from.join(file);
        match self.copy(&from, &self.to.join(file)) {
            // The node has removed it.
            Err(RelocationError::Io { path, source })
                if path == from && source.kind() == io::ErrorKind::NotFound =>
            {
                Ok(())
            }
            copied => copied,
        }
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
            self.copy(&from, &to)?;
            return Ok(Placed::There);
        };
        let Some(first) = self.shared.get(&key) else {
            self.copy(&from, &to)?;
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

    /// Copies as much of a file as is written when it is begun, and compares.
    fn copy(&mut self, from: &Path, to: &Path) -> Result<(), RelocationError> {
        let (length, expected) = self.book.digest(from)?;
        self.moved.files = self.moved.files.saturating_add(1);
        self.moved.bytes = self.moved.bytes.saturating_add(length);
        let is_as_long = fs::metadata(to).is_ok_and(|there| there.len() == length);
        if is_as_long && self.book.digest(to)?.1 == expected {
            self.moved.kept = self.moved.kept.saturating_add(1);
            return Ok(());
        }
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(RelocationError::io(parent))?;
        }
        // A link that a move that was cut off has made must not carry the new bytes into another file.
        remove_if_there(to)?;
        self.book.forget(to);
        let source = fs::File::open(from).map_err(RelocationError::io(from))?;
        let write = || {
            let mut target = fs::File::create(to)?;
            target.set_permissions(source.metadata()?.permissions())?;
            io::copy(&mut source.take(length), &mut target)?;
            target.sync_all()
        };
        write().map_err(RelocationError::io(to))?;
        if self.book.digest(to)? == (length, expected) {
            Ok(())
        } else {
            Err(RelocationError::Different(to.to_owned()))
        }
    }
}
