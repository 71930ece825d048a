//! Spool for what does not fit in memory: files without a name, which the system removes with the process, however it ends.

use std::{
    fmt,
    fs::File,
    path::{Path, PathBuf},
};

use walrus_core::io_failure::IoFailure;

use super::space;

/// Where slivers of large blobs are while a blob is stored or read, and from which size on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    /// Where files are made. They have no names.
    pub directory: PathBuf,
    /// Bytes of slivers that one store (of all its blobs together) or one read keeps in memory. What goes beyond is in a file.
    pub in_memory: u64,
}

impl Spool {
    /// Bytes of slivers kept in memory unless told otherwise.
    pub const IN_MEMORY: u64 = 128 << 20;

    /// Files in this directory.
    pub fn in_directory(directory: impl AsRef<Path>) -> Self {
        Self {
            directory: directory.as_ref().to_owned(),
            in_memory: Self::IN_MEMORY,
        }
    }

    /// The directory used unless told otherwise: that for temporary files (`TMPDIR`, or `/tmp`). If files there are kept in
    /// memory and `TMPDIR` is not set, `/var/tmp`, where systems keep larger ones.
    pub fn default_directory() -> PathBuf {
        let usual = std::env::temp_dir();
        let larger = Path::new("/var/tmp");
        let on_disk = std::env::var_os("TMPDIR").is_some() || !space::is_memory(&usual);
        if on_disk || space::is_memory(larger) || tempfile::tempfile_in(larger).is_err() {
            return usual;
        }
        larger.to_owned()
    }

    /// An empty file without a name, for reading and writing.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn file(&self) -> Result<File, SpoolError> {
        tempfile::tempfile_in(&self.directory).map_err(|error| self.failed(error))
    }

    /// A file as [`Self::file`] makes it, with room for `bytes`.
    ///
    /// # Errors
    /// [`SpoolError::NoSpace`] if the disk has not as much.
    pub fn file_of(&self, bytes: u64) -> Result<File, SpoolError> {
        self.require(bytes)?;
        let file = self.file()?;
        space::reserve(&file, bytes).map_err(|error| self.failed(error))?;
        Ok(file)
    }

    /// Bytes that the disk has room for now.
    ///
    /// # Errors
    /// [`SpoolError::Failed`].
    pub fn available(&self) -> Result<u64, SpoolError> {
        space::available(&self.directory).map_err(|error| self.failed(error))
    }

    /// Looks whether the disk has room for `bytes`.
    ///
    /// # Errors
    /// [`SpoolError::NoSpace`] if not.
    pub fn require(&self, bytes: u64) -> Result<(), SpoolError> {
        let available = self.available()?;
        if bytes <= available {
            return Ok(());
        }
        Err(SpoolError::NoSpace {
            directory: self.directory.clone(),
            needed: bytes,
            available,
        })
    }

    /// What a file in this directory failed with.
    pub(crate) fn failed(&self, error: impl Into<IoFailure>) -> SpoolError {
        SpoolError::Failed {
            directory: self.directory.clone(),
            error: error.into(),
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self::in_directory(Self::default_directory())
    }
}

/// There is no room for what does not fit in memory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpoolError {
    /// The disk is too full.
    #[error(
        "{} of temporary files are needed in {}, which has {} left",
        Bytes(*.needed), .directory.display(), Bytes(*.available)
    )]
    NoSpace {
        /// The directory.
        directory: PathBuf,
        /// Bytes needed.
        needed: u64,
        /// Bytes there.
        available: u64,
    },
    /// A file cannot be made, written or read.
    #[error("temporary files in {}: {error}", .directory.display())]
    Failed {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        error: IoFailure,
    },
}

/// A number of bytes for people.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        match UNITS.iter().find(|(_, unit)| self.0 >= *unit) {
            // For display only, so the loss of precision does not matter.
            Some((name, unit)) => write!(f, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};

    use super::*;

    #[test]
    fn files_have_no_names_and_the_length_asked_for() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::in_directory(directory.path());
        let mut file = spool.file_of(10_000).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 10_000);
        file.write_all(b"content").unwrap();
        file.rewind().unwrap();
        let mut read = [0; 7];
        file.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"content");
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(spool.file().unwrap().metadata().unwrap().len(), 0);
        assert_eq!(spool.file_of(0).unwrap().metadata().unwrap().len(), 0);
    }

    #[test]
    fn more_than_the_disk_has_is_an_error_with_numbers() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::in_directory(directory.path());
        let error = spool.file_of(1 << 60).unwrap_err();
        assert!(
            matches!(error, SpoolError::NoSpace { needed, available, .. } if available < needed),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.starts_with("1073741824.0 GiB of"), "{text}");
        assert!(
            text.contains(&directory.path().display().to_string()),
            "{text}"
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let spool = Spool::in_directory("/nonexistent/spool");
        let error = spool.file_of(1).unwrap_err().to_string();
        assert!(
            error.contains("/nonexistent/spool: No such file"),
            "{error}"
        );
    }

    #[test]
    fn sizes_have_units() {
        let text = |bytes| Bytes(bytes).to_string();
        assert_eq!(text(1023), "1023 bytes");
        assert_eq!(text(1536), "1.5 KiB");
        assert_eq!(text(5 << 30), "5.0 GiB");
    }
}
