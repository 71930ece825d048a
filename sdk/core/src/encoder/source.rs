//! Blob sources: where the bytes of a blob come from.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// A blob that can be read at any position, from several threads at once.
///
/// It must stay the same until the encoding ends; each byte is read about twice.
pub trait BlobSource: Sync {
    /// Length of the blob in bytes.
    fn length(&self) -> u64;

    /// Fills `buffer` with the bytes from `offset`.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if there are not as many, and whatever reading gives.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// The whole blob, if it is in memory: then nothing is copied.
    fn as_slice(&self) -> Option<&[u8]> {
        None
    }

    /// Looks whether the blob is still the one that it was when it was opened; asked at the end.
    ///
    /// # Errors
    /// An error that says what has changed.
    fn check_unchanged(&self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobSource for &[u8] {
    fn length(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let end = start
            .checked_add(buffer.len())
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        let bytes = self.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn as_slice(&self) -> Option<&[u8]> {
        Some(self)
    }
}

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

/// A blob behind anything that reads and seeks, one part at a time.
#[derive(Debug)]
pub struct SeekSource<R> {
    reader: Mutex<R>,
    length: u64,
}

impl<R: Read + Seek> SeekSource<R> {
    /// The whole content of a reader, whatever its position.
    ///
    /// # Errors
    /// Whatever seeking to the end gives.
    pub fn new(mut reader: R) -> io::Result<Self> {
        let length = reader.seek(SeekFrom::End(0))?;
        Ok(Self {
            reader: Mutex::new(reader),
            length,
        })
    }
}

impl<R: Read + Seek + Send> BlobSource for SeekSource<R> {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(offset))?;
        reader.read_exact(buffer)
    }

    fn check_unchanged(&self) -> io::Result<()> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let length = reader.seek(SeekFrom::End(0))?;
        if length == self.length {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "it had {} bytes and has {length}",
            self.length
        )))
    }
}

/// A file that is read and written by position, from several threads.
#[derive(Debug)]
pub(crate) struct PositionalFile {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    file: Mutex<File>,
}

#[cfg(unix)]
impl PositionalFile {
    pub(crate) fn new(file: File) -> Self {
        Self { file }
    }

    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.file, buffer, offset)
    }

    pub(crate) fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.file, data, offset)
    }

    fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.file.metadata()
    }
}

#[cfg(not(unix))]
impl PositionalFile {
    pub(crate) fn new(file: File) -> Self {
        let file = Mutex::new(file);
        Self { file }
    }

    fn at(&self, offset: u64) -> io::Result<std::sync::MutexGuard<'_, File>> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }

    pub(crate) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.at(offset)?.read_exact(buffer)
    }

    pub(crate) fn write_all_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut *self.at(offset)?, data)
    }

    fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .metadata()
    }
}
