//! Positional file, read and written from several threads.

use std::{fs::File, io};
#[cfg(not(unix))]
use std::{
    io::{Read as _, Seek as _, SeekFrom},
    sync::{Mutex, PoisonError},
};

use crate::decoder::BlobSink;

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

    pub(super) fn metadata(&self) -> io::Result<std::fs::Metadata> {
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

    pub(super) fn metadata(&self) -> io::Result<std::fs::Metadata> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .metadata()
    }
}

impl BlobSink for PositionalFile {
    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.write_all_at(offset, data)
    }
}
