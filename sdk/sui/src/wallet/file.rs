//! Files that hold secrets: bounded reads; atomic, private, never overwriting writes.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use crate::{limits::MAX_FILE_BYTES, staged::StagedFile};

/// The mode of a file that holds secrets: nobody but its owner reads it.
const PRIVATE: u32 = 0o600;

/// A file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system does not give it.
    #[error("cannot read {purpose} {path}: {source}", path = path.display())]
    Unreadable {
        /// What the file is for, such as `the wallet`.
        purpose: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operating system does not take it.
    #[error("cannot write {path}: {source}", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file already.
    #[error("{path} exists and is not overwritten", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is larger than any file of its kind.
    #[error("{path} is larger than {limit} bytes, which is too much for {purpose}", path = path.display())]
    TooLarge {
        /// What the file is for.
        purpose: &'static str,
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: u64,
    },
}

impl FileError {
    fn unwritable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Unwritable { path, source }
    }
}

/// Reads a text file of at most [`MAX_FILE_BYTES`]. `purpose` tells in errors what it is for, such as `the wallet`: who did not name
/// it would not know.
///
/// # Errors
/// [`FileError`].
pub fn read_bounded(purpose: &'static str, path: &Path) -> Result<String, FileError> {
    let unreadable = |source| FileError::Unreadable {
        purpose,
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES.saturating_add(1))
        .read_to_string(&mut text)
        .map_err(unreadable)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(FileError::TooLarge {
            purpose,
            path: path.to_owned(),
            limit: MAX_FILE_BYTES,
        });
    }
    Ok(text)
}

/// Writes a file that only its owner can read (mode 0600). It appears complete or not at all, and an existing
/// file is never touched.
///
/// # Errors
/// [`FileError`].
pub fn write_private(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    let placed = stage(path, contents)?.place();
    placed.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => FileError::Exists {
            path: path.to_owned(),
        },
        _ => FileError::unwritable(path)(error),
    })
}

/// Replaces a file of ours atomically, with mode 0600; one that is not there appears.
///
/// # Errors
/// [`FileError`].
pub fn replace_private(path: &Path, contents: &[u8]) -> Result<(), FileError> {
    let replaced = stage(path, contents)?.replace();
    replaced.map_err(FileError::unwritable(path))
}

/// A file with these contents, on disk, that is to become `path`; its mode is 0600.
fn stage(path: &Path, contents: &[u8]) -> Result<StagedFile, FileError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(FileError::unwritable(parent))?;
    let write = || {
        let staged = StagedFile::create(path, PRIVATE)?;
        let mut file = staged.file();
        file.write_all(contents)?;
        file.sync_all()?;
        Ok(staged)
    };
    write().map_err(FileError::unwritable(path))
}
