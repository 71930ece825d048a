//! Blob file, the source of an encoder.

use std::{fs::File, io, path::Path, time::SystemTime};

use super::PositionalFile;
use crate::blob_source::BlobSource;

/// A blob in a file, read by position; of a Unix file several parts at once.
#[derive(Debug)]
pub struct FileSource {
    file: PositionalFile,
    length: u64,
    modified: Option<SystemTime>,
}

impl FileSource {
    /// Opens a regular file.
    ///
    /// # Errors
    /// Whatever opening gives, and [`io::ErrorKind::InvalidInput`] if it is no regular file.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// The content of an open file, from its start.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is no regular file, and whatever the system says.
    pub fn new(file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file",
            ));
        }
        Ok(Self {
            file: PositionalFile::new(file),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

impl BlobSource for FileSource {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(offset, buffer)
    }

    fn check_unchanged(&self) -> io::Result<()> {
        let metadata = self.file.metadata()?;
        if metadata.len() != self.length {
            return Err(io::Error::other(format!(
                "it had {} bytes and has {}",
                self.length,
                metadata.len()
            )));
        }
        if metadata.modified().ok() != self.modified {
            return Err(io::Error::other("the file was modified"));
        }
        Ok(())
    }
}
