//! A file that is there with everything in it, or not at all.

use std::{
    fs::{self, File},
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use walrus_core::io_failure::IoFailure;

use super::space;
use crate::ClientError;

/// A file to be; an older one of its name stays until [`Output::commit`].
///
/// Where the system can do that, it has no name until then, so that nothing is left behind however the process ends. Elsewhere
/// it is called `.NAME.partial-…` and goes when this is dropped.
#[derive(Debug)]
pub struct Output {
    target: PathBuf,
    staged: Staged,
}

#[derive(Debug)]
enum Staged {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

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
        let (Some(name), Some(directory)) = (target.file_name(), target.parent()) else {
            return invalid("it is no name of a file");
        };
        if target.exists() && !target.is_file() {
            return invalid("it is no regular file");
        }
        if !directory.is_dir() {
            let kind = io::ErrorKind::NotFound;
            return Err(io::Error::new(kind, "its directory does not exist"));
        }
        let staged = Staged::new(directory, &name.to_string_lossy())?;
        Ok(Self { target, staged })
    }

    /// The file, for reading and writing.
    pub fn file(&self) -> &File {
        match &self.staged {
            #[cfg(target_os = "linux")]
            Staged::Unnamed(file) => file,
            Staged::Named(file) => file.as_file(),
        }
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
        self.rename().map_err(|error| self.failed(error))
    }

    fn rename(&self) -> io::Result<()> {
        match &self.staged {
            #[cfg(target_os = "linux")]
            Staged::Unnamed(file) => {
                let partial = partial_name(&self.target);
                unnamed::link(file, &partial)?;
                fs::rename(&partial, &self.target).inspect_err(|_| {
                    // Nobody is left to tell; the name says that the file is worthless.
                    let _ = fs::remove_file(&partial);
                })
            }
            // Its old name is looked for once more when it is dropped, in vain.
            Staged::Named(file) => fs::rename(file.path(), &self.target),
        }
    }

    /// What writing the file failed with.
    pub fn failed(&self, error: impl Into<IoFailure>) -> ClientError {
        output_error(&self.target, error)
    }
}

fn output_error(path: &Path, error: impl Into<IoFailure>) -> ClientError {
    ClientError::Output {
        path: path.to_owned(),
        error: error.into(),
    }
}

impl Staged {
    fn new(directory: &Path, name: &str) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(directory)? {
            return Ok(Self::Unnamed(file));
        }
        let file = tempfile::Builder::new()
            .prefix(&format!(".{name}.partial-"))
            // As for any new file, less what the process masks.
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .tempfile_in(directory)?;
        Ok(Self::Named(file))
    }
}

#[cfg(target_os = "linux")]
fn partial_name(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.partial-{:016x}", rand::random::<u64>()))
}

/// Files without a name that get one later.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::{fs::File, io, os::fd::AsRawFd, path::Path};

    use rustix::{
        fs::{AtFlags, CWD, Mode, OFlags, linkat, open},
        io::Errno,
    };

    /// A file in `directory`; `None` if the system cannot make one, or could not name it later.
    pub(super) fn create(directory: &Path) -> io::Result<Option<File>> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        // As for any new file, less what the process masks.
        match open(directory, flags, Mode::from_raw_mode(0o666)) {
            Ok(file) => {
                let file = File::from(file);
                Ok(Path::new(&handle(&file)).exists().then_some(file))
            }
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
        linkat(CWD, handle(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        Ok(())
    }

    fn handle(file: &File) -> String {
        format!("/proc/self/fd/{}", file.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

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
    fn a_file_with_a_name_on_the_way_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let staged = || {
            let file = tempfile::Builder::new().tempfile_in(directory.path());
            Output {
                target: directory.path().join("out"),
                staged: Staged::Named(file.unwrap()),
            }
        };
        drop(staged());
        assert_eq!(count(directory.path()), 0);
        let output = staged();
        output.write(b"content").unwrap();
        output.commit().unwrap();
        assert_eq!(fs::read(directory.path().join("out")).unwrap(), b"content");
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
