//! Staged file: one that is there with everything in it, or not at all.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// A file to be; an older one of its name stays until [`StagedFile::replace`].
///
/// Where the system can do that, it has no name until then, so that nothing is left behind however the process ends. Elsewhere
/// it is called `.NAME.partial-…` and goes when this is dropped.
#[derive(Debug)]
pub struct StagedFile {
    target: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    #[cfg(target_os = "linux")]
    Unnamed(File),
    Named(NamedTempFile),
}

impl StagedFile {
    /// An empty file, for reading and writing, that is to become `target`. Its mode is `mode` less what the process masks.
    ///
    /// # Errors
    /// If the directory of `target` takes no file.
    pub fn create(target: &Path, mode: u32) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = unnamed::create(directory_of(target), mode)? {
            return Ok(Self {
                target: target.to_owned(),
                content: Content::Unnamed(file),
            });
        }
        Self::named(target, mode)
    }

    fn named(target: &Path, mode: u32) -> io::Result<Self> {
        let file = tempfile::Builder::new()
            .prefix(&partial_prefix(target))
            .permissions(fs::Permissions::from_mode(mode))
            .tempfile_in(directory_of(target))?;
        Ok(Self {
            target: target.to_owned(),
            content: Content::Named(file),
        })
    }

    /// The file.
    pub fn file(&self) -> &File {
        match &self.content {
            #[cfg(target_os = "linux")]
            Content::Unnamed(file) => file,
            Content::Named(file) => file.as_file(),
        }
    }

    /// What it is to become.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Gives the file its name; an older one of that name is gone.
    ///
    /// # Errors
    /// Whatever the system says; then nothing is left behind.
    pub fn replace(&self) -> io::Result<()> {
        match &self.content {
            #[cfg(target_os = "linux")]
            Content::Unnamed(file) => {
                let name = format!(
                    "{}{:016x}",
                    partial_prefix(&self.target),
                    rand::random::<u64>()
                );
                let partial = self.target.with_file_name(name);
                unnamed::link(file, &partial)?;
                fs::rename(&partial, &self.target).inspect_err(|_| {
                    // Nobody is left to tell; the name says that the file is worthless.
                    let _ = fs::remove_file(&partial);
                })
            }
            // Its old name is looked for once more when it is dropped, in vain.
            Content::Named(file) => fs::rename(file.path(), &self.target),
        }
    }

    /// Gives the file its name, which must be free.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] if there is something of that name, and whatever the system says.
    pub fn place(self) -> io::Result<()> {
        match self.content {
            #[cfg(target_os = "linux")]
            Content::Unnamed(file) => unnamed::link(&file, &self.target),
            Content::Named(file) => match file.persist_noclobber(&self.target) {
                Ok(_) => Ok(()),
                Err(failed) => Err(failed.error),
            },
        }
    }
}

fn directory_of(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn partial_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.partial-")
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
    pub(super) fn create(directory: &Path, mode: u32) -> io::Result<Option<File>> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match open(directory, flags, Mode::from_raw_mode(mode)) {
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
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn count(directory: &Path) -> usize {
        fs::read_dir(directory).unwrap().count()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_whether_or_not_it_had_one_before() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        for create in [StagedFile::create, StagedFile::named] {
            let given_up = create(&target, 0o600).unwrap();
            given_up.file().write_all(b"worthless").unwrap();
            drop(given_up);
            assert_eq!(count(directory.path()), 0);

            let staged = create(&target, 0o600).unwrap();
            staged.file().write_all(b"first").unwrap();
            staged.place().unwrap();
            let mode = fs::metadata(&target).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);

            let staged = create(&target, 0o600).unwrap();
            staged.file().write_all(b"second").unwrap();
            let refused = create(&target, 0o600).unwrap().place().unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
            assert_eq!(fs::read(&target).unwrap(), b"first");
            staged.replace().unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"second");
            drop(staged);
            assert_eq!(count(directory.path()), 1);
            fs::remove_file(&target).unwrap();
        }
    }
}
