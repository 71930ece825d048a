//! Staged output: a file that is there with everything in it, or not at all.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::Path,
};

use walrus_core::io_failure::IoFailure;
use walrus_sui::staged::StagedFile;

use super::space;
use crate::ClientError;

/// A file to be; an older one of its name stays until [`Output::commit`]. See [`StagedFile`].
#[derive(Debug)]
pub struct Output(StagedFile);

impl Output {
    /// An empty file that is to become `path`.
    ///
    /// # Errors
    /// [`ClientError::Output`] if there is something at `path` that is no file, or none can be made.
    pub fn create(path: &Path) -> Result<Self, ClientError> {
        Self::create_at(path).map_err(|error| output_error(path, error))
    }

    fn create_at(path: &Path) -> io::Result<Self> {
        let target = std::path::absolute(path)?;
        let invalid = |message| Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        if target.is_dir() {
            return invalid("it is a directory");
        }
        if target.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return invalid("it is the name of a directory");
        }
        let (Some(_), Some(directory)) = (target.file_name(), target.parent()) else {
            return invalid("it is no name of a file");
        };
        if target.exists() && !target.is_file() {
            return invalid("it is no regular file");
        }
        if !directory.is_dir() {
            let kind = io::ErrorKind::NotFound;
            return Err(io::Error::new(kind, "its directory does not exist"));
        }
        // As for any new file, less what the process masks.
        Ok(Self(StagedFile::create(&target, 0o666)?))
    }

    /// The file, for reading and writing.
    pub fn file(&self) -> &File {
        self.0.file()
    }

    /// Takes room for `bytes`.
    ///
    /// # Errors
    /// [`ClientError::Output`] if the disk has not as much.
    pub fn reserve(&self, bytes: u64) -> Result<(), ClientError> {
        space::reserve(self.file(), bytes).map_err(|error| self.failed(error))
    }

    /// Makes `content` all that is in the file.
    ///
    /// # Errors
    /// [`ClientError::Output`].
    pub(crate) fn write(&self, content: &[u8]) -> Result<(), ClientError> {
        let mut file = self.file();
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(content));
        written.map_err(|error| self.failed(error))
    }

    /// Waits until the content is on disk, which may take a while.
    ///
    /// # Errors
    /// [`ClientError::Output`].
    pub fn sync(&self) -> Result<(), ClientError> {
        let synced = self.file().sync_all();
        synced.map_err(|error| self.failed(error))
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`ClientError::Output`]; then nothing is left behind.
    pub fn commit(&self) -> Result<(), ClientError> {
        self.0.replace().map_err(|error| self.failed(error))
    }

    /// What writing the file failed with.
    pub fn failed(&self, error: impl Into<IoFailure>) -> ClientError {
        output_error(self.0.target(), error)
    }
}

fn output_error(path: &Path, error: impl Into<IoFailure>) -> ClientError {
    ClientError::Output {
        path: path.to_owned(),
        error: error.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_else_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        for content in [b"first".as_slice(), b"second"] {
            let output = Output::create(&path).unwrap();
            output.reserve(1000).unwrap();
            output.write(content).unwrap();
            output.sync().unwrap();
            output.commit().unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
            assert_eq!(count(directory.path()), 1);
        }
        let plain = directory.path().join("plain");
        fs::write(&plain, "").unwrap();
        let mode = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&path), mode(&plain), "as any other new file");
    }

    #[test]
    fn an_output_that_is_given_up_leaves_the_older_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out");
        fs::write(&path, "older").unwrap();
        let output = Output::create(&path).unwrap();
        output.write(b"newer").unwrap();
        drop(output);
        assert_eq!(fs::read(&path).unwrap(), b"older");
        assert_eq!(count(directory.path()), 1);
    }

    #[test]
    fn what_cannot_be_a_file_is_refused_before_anything_is_made() {
        let directory = tempfile::tempdir().unwrap();
        let text = |path: &Path| Output::create(path).unwrap_err().to_string();
        assert!(text(directory.path()).ends_with("it is a directory"));
        let device = text(Path::new("/dev/null"));
        assert_eq!(device, "cannot write /dev/null: it is no regular file");
        let slash = text(&directory.path().join("new/"));
        assert!(slash.ends_with("it is the name of a directory"), "{slash}");
        let absent = directory.path().join("absent").join("out");
        assert!(text(&absent).ends_with("its directory does not exist"));
        assert_eq!(count(directory.path()), 0);
    }
}
