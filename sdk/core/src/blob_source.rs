//! Blob sources: where the bytes of a blob come from.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::{Mutex, PoisonError},
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
