//! Part of a file, stored as a blob of its own.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    sync::Arc,
    time::SystemTime,
};

use walrus_core::{blob_source::BlobSource, encoder::FileSource};

/// Some bytes of an open regular file, which must stay what it was when this was made.
#[derive(Debug, Clone)]
pub struct FilePart {
    file: Arc<File>,
    range: Range<u64>,
    /// Of the whole file.
    length: u64,
    modified: Option<SystemTime>,
}

impl FilePart {
    /// All of a file, to be cut.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if it is no regular file, and whatever the system says.
    pub fn whole(file: Arc<File>) -> io::Result<Self> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            let message = "it is no regular file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        Ok(Self {
            range: 0..metadata.len(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
            file,
        })
    }

    /// These bytes of the part; what of the range lies behind its end is left out.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Self {
        let place = |position: u64| {
            let position = self.range.start.saturating_add(position);
            position.min(self.range.end)
        };
        Self {
            range: place(range.start)..place(range.end),
            ..self.clone()
        }
    }

    /// Bytes of it.
    pub fn length(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// The bytes for an encoder.
    ///
    /// # Errors
    /// If the file is not what it was, and whatever the system says.
    pub fn source(&self) -> io::Result<FilePartSource> {
        let source = FilePartSource {
            file: FileSource::new(self.file.try_clone()?)?,
            part: self.clone(),
        };
        source.check_unchanged()?;
        Ok(source)
    }
}

/// A part of a file while it is read by position.
#[derive(Debug)]
pub struct FilePartSource {
    file: FileSource,
    part: FilePart,
}

impl BlobSource for FilePartSource {
    fn length(&self) -> u64 {
        self.part.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let end = offset.saturating_add(buffer.len() as u64);
        if end > self.length() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let place = self.part.range.start.saturating_add(offset);
        self.file.read_at(place, buffer)
    }

    fn check_unchanged(&self) -> io::Result<()> {
        let metadata = self.part.file.metadata()?;
        let (was, is) = (self.part.length, metadata.len());
        if was != is {
            return Err(io::Error::other(format!("it had {was} bytes and has {is}")));
        }
        if metadata.modified().ok() != self.part.modified {
            return Err(io::Error::other("the file was modified"));
        }
        Ok(())
    }
}

/// Reads a source from its start to its end.
#[derive(Debug)]
pub(crate) struct SourceReader<S> {
    source: S,
    position: u64,
}

impl<S: BlobSource> SourceReader<S> {
    pub(crate) fn new(source: S) -> Self {
        let position = 0;
        Self { source, position }
    }
}

impl<S: BlobSource> Read for SourceReader<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.source.length().saturating_sub(self.position);
        let count = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..count) else {
            return Ok(0);
        };
        self.source.read_at(self.position, buffer)?;
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::BlobData;

    fn file(content: &[u8]) -> (tempfile::NamedTempFile, FilePart) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let whole = FilePart::whole(Arc::new(file.reopen().unwrap())).unwrap();
        (file, whole)
    }

    #[test]
    fn a_part_is_its_bytes_and_no_others() {
        let (_file, whole) = file(b"0123456789");
        for (range, expected) in [
            (0..10, "0123456789"),
            (3..7, "3456"),
            (8..100, "89"),
            (50..60, ""),
        ] {
            let part = whole.slice(range);
            assert_eq!(part.length(), expected.len() as u64);
            let data = BlobData::FilePart(part.clone());
            let mut read = String::new();
            data.reader().unwrap().read_to_string(&mut read).unwrap();
            assert_eq!(read, expected);
            let source = part.source().unwrap();
            let one_more = &mut vec![0; expected.len() + 1];
            assert!(source.read_at(0, one_more).is_err());
        }
        let nested = whole.slice(2..8).slice(1..3);
        let mut read = String::new();
        let mut reader = SourceReader::new(nested.source().unwrap());
        reader.read_to_string(&mut read).unwrap();
        assert_eq!(read, "34");
    }

    #[test]
    fn a_file_that_changes_between_two_parts_is_refused() {
        let (file, whole) = file(b"0123456789");
        let first = whole.slice(0..5).source().unwrap();
        first.check_unchanged().unwrap();
        file.as_file().set_len(9).unwrap();
        let text = first.check_unchanged().unwrap_err().to_string();
        assert_eq!(text, "it had 10 bytes and has 9");
        assert!(whole.slice(5..10).source().is_err());
        file.as_file().set_len(10).unwrap();
        let earlier = SystemTime::UNIX_EPOCH;
        file.as_file().set_modified(earlier).unwrap();
        let text = whole.slice(5..10).source().unwrap_err().to_string();
        assert_eq!(text, "the file was modified");
    }
}
