//! The bytes of a blob, in memory or in a file: what is stored, and what was read.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use walrus_core::{blob_source::BlobSource, encoder::FileSource};

use crate::file_part::{FilePart, SourceReader};

/// The bytes of a blob that is to be stored.
#[derive(Debug, Clone)]
pub enum BlobData {
    /// In memory.
    Bytes(Bytes),
    /// A regular file. It is read about twice while it is encoded; that it changes meanwhile is an error.
    Path(PathBuf),
    /// An open regular file from its start, whatever its position; otherwise the same.
    File(Arc<File>),
    /// A part of an open regular file.
    FilePart(FilePart),
}

impl Default for BlobData {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl From<Vec<u8>> for BlobData {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&[u8]> for BlobData {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(Bytes::copy_from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for BlobData {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(bytes.as_slice())
    }
}

impl From<Bytes> for BlobData {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<PathBuf> for BlobData {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

impl From<&Path> for BlobData {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<Arc<File>> for BlobData {
    fn from(file: Arc<File>) -> Self {
        Self::File(file)
    }
}

impl BlobData {
    /// Length in bytes, of a file as it is now.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is no regular file, and whatever the system says.
    pub fn length(&self) -> io::Result<u64> {
        let metadata = match self {
            Self::Bytes(bytes) => return Ok(bytes.len() as u64),
            Self::Path(path) => std::fs::metadata(path)?,
            Self::File(file) => file.metadata()?,
            Self::FilePart(part) => return Ok(part.length()),
        };
        if metadata.is_file() {
            return Ok(metadata.len());
        }
        let message = match metadata.is_dir() {
            true => "it is a directory",
            false => "it is no regular file",
        };
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    }

    /// Reads the blob from its start; of an open file one reader at a time.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn reader(&self) -> io::Result<Box<dyn io::Read + Send>> {
        Ok(match self {
            Self::Bytes(bytes) => Box::new(io::Cursor::new(bytes.clone())),
            Self::Path(path) => Box::new(File::open(path)?),
            Self::File(file) => {
                let mut file = file.try_clone()?;
                file.rewind()?;
                Box::new(file)
            }
            Self::FilePart(part) => Box::new(SourceReader::new(part.source()?)),
        })
    }

    /// The bytes for an encoder; `length` is what [`Self::length`] said before.
    pub(crate) fn open(&self, length: u64) -> io::Result<OpenBlob> {
        let source = match self {
            Self::Bytes(bytes) => return Ok(OpenBlob::Bytes(bytes.clone())),
            Self::Path(path) => FileSource::open(path)?,
            Self::File(file) => FileSource::new(file.try_clone()?)?,
            Self::FilePart(part) => return Ok(OpenBlob::File(Box::new(part.source()?))),
        };
        if source.length() == length {
            return Ok(OpenBlob::File(Box::new(source)));
        }
        Err(io::Error::other(format!(
            "it had {length} bytes and has {}",
            source.length()
        )))
    }
}

/// The bytes of a blob while it is encoded.
pub(crate) enum OpenBlob {
    Bytes(Bytes),
    File(Box<dyn BlobSource + Send>),
}

impl OpenBlob {
    /// All bytes, in memory.
    pub(crate) fn into_bytes(self) -> io::Result<Bytes> {
        let source = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            Self::File(source) => source,
        };
        let length = usize::try_from(source.length()).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        source
            .read_at(0, &mut bytes)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    io::Error::new(error.kind(), "it was truncated while being read")
                }
                _ => error,
            })?;
        source.check_unchanged()?;
        Ok(bytes.into())
    }

    /// Something to read from at any position.
    pub(crate) fn with_source<T>(&self, use_it: impl FnOnce(&dyn BlobSource) -> T) -> T {
        match self {
            Self::Bytes(bytes) => use_it(&&bytes[..]),
            Self::File(source) => use_it(&**source),
        }
    }
}

impl fmt::Debug for OpenBlob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "OpenBlob::Bytes({} bytes)", bytes.len()),
            Self::File(source) => write!(f, "OpenBlob::File({} bytes)", source.length()),
        }
    }
}

/// A blob that was read and checked.
pub enum BlobContent {
    /// In memory.
    Bytes(Vec<u8>),
    /// In a file without a name, at its start.
    File(File),
}

impl BlobContent {
    /// Length in bytes.
    ///
    /// # Errors
    /// Whatever the system says about the file.
    pub fn length(&self) -> io::Result<u64> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(file) => Ok(file.metadata()?.len()),
        }
    }

    /// All bytes, in memory.
    ///
    /// # Errors
    /// Whatever reading the file gives.
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        let mut file = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            Self::File(file) => file,
        };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the blob from its start.
    pub fn into_reader(self) -> Box<dyn io::Read + Send> {
        match self {
            Self::Bytes(bytes) => Box::new(io::Cursor::new(bytes)),
            Self::File(file) => Box::new(file),
        }
    }
}

impl fmt::Debug for BlobContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "BlobContent::Bytes({} bytes)", bytes.len()),
            Self::File(file) => f.debug_tuple("BlobContent::File").field(file).finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_what_it_was_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, [7; 100]).unwrap();
        let data = BlobData::from(path.as_path());
        assert_eq!(data.length().unwrap(), 100);
        assert_eq!(data.open(100).unwrap().into_bytes().unwrap(), [7; 100][..]);

        let opened = data.open(100).unwrap();
        std::fs::write(&path, [7; 99]).unwrap();
        let shrunk = opened.into_bytes().unwrap_err().to_string();
        assert_eq!(shrunk, "it was truncated while being read");
        let shorter = data.open(100).err().unwrap().to_string();
        assert_eq!(shorter, "it had 100 bytes and has 99");

        let opened = data.open(99).unwrap();
        std::fs::write(&path, [7; 101]).unwrap();
        let grown = opened.into_bytes().unwrap_err().to_string();
        assert_eq!(grown, "it had 99 bytes and has 101");
    }

    #[test]
    fn what_is_no_regular_file_is_refused() {
        let text = |path: &str| BlobData::from(Path::new(path)).length().unwrap_err();
        assert_eq!(text("/").to_string(), "it is a directory");
        assert_eq!(text("/dev/null").to_string(), "it is no regular file");
        assert_eq!(text("/nonexistent").kind(), io::ErrorKind::NotFound);
    }
}
