//! Output targets: files, which are replaced whole, and devices and pipes, which can only be written to.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use walrus_sdk::BlobContent;

use crate::standard_output;

/// What the name of an output stands for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Standard output, by the name `-`.
    StandardOutput,
    /// A file that is there or can be made: not a link to it, which must stay one.
    File(PathBuf),
    /// A device, a pipe or the like.
    Special,
}

impl Target {
    /// Looks at what is there.
    pub(crate) fn of(out: &Path) -> Self {
        if out == Path::new("-") {
            return Self::StandardOutput;
        }
        match fs::metadata(out) {
            Ok(found) if !found.is_file() && !found.is_dir() => Self::Special,
            Ok(found) if found.is_file() && out.is_symlink() => {
                Self::File(out.canonicalize().unwrap_or_else(|_| out.to_owned()))
            }
            _ => Self::File(out.to_owned()),
        }
    }
}

/// Writes a blob to standard output. May wait for whoever reads it for ever.
pub(crate) fn write_to_standard_output(content: BlobContent) -> anyhow::Result<()> {
    standard_output::stream(|out| io::copy(&mut content.into_reader(), out).map(drop))
}

/// Writes a blob into a device or a pipe. May wait for whoever reads it for ever.
pub(crate) fn write_into(out: &Path, content: BlobContent) -> anyhow::Result<()> {
    let unwritable = || format!("cannot write {}", out.display());
    let mut file = File::options()
        .write(true)
        .open(out)
        .with_context(unwritable)?;
    io::copy(&mut content.into_reader(), &mut file).with_context(unwritable)?;
    Ok(())
}

/// A directory that is to be made or is empty, and those above it that are to be made for it.
#[derive(Debug)]
pub(crate) struct NewDirectory {
    path: PathBuf,
    /// From the outermost to the innermost.
    missing: Vec<PathBuf>,
}

impl NewDirectory {
    /// Looks whether there can be such a directory, and makes nothing.
    ///
    /// # Errors
    /// A sentence on what is in the way.
    pub(crate) fn check(out: &Path) -> anyhow::Result<Self> {
        let name = out.display();
        let unwritable = || format!("cannot write to {name}");
        if out.is_dir() {
            let path = out.canonicalize().with_context(unwritable)?;
            if fs::read_dir(&path)
                .with_context(unwritable)?
                .next()
                .is_some()
            {
                bail!("{name} is not empty; name a new directory with --out");
            }
            let missing = Vec::new();
            return Ok(Self { path, missing });
        }
        if out.is_symlink() || out.exists() {
            bail!("{name} is no directory; name a new directory with --out");
        }
        let path = std::path::absolute(out).with_context(unwritable)?;
        let above = out.ancestors().skip(1);
        let above = above.filter(|above| !above.as_os_str().is_empty());
        let mut missing = Vec::new();
        for directory in above.take_while(|above| !above.is_dir()) {
            if directory.is_symlink() || directory.exists() {
                let directory = directory.display();
                bail!("cannot write to {name}: {directory} is no directory");
            }
            missing.push(std::path::absolute(directory).with_context(unwritable)?);
        }
        missing.reverse();
        Ok(Self { path, missing })
    }

    /// Where it is, whatever links lead there.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what was made for it.
    pub(crate) fn keep(mut self) {
        self.missing.clear();
    }
}

impl Drop for NewDirectory {
    fn drop(&mut self) {
        for directory in self.missing.iter().rev() {
            // Not if somebody else has put something there meanwhile.
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_to_a_file_stands_for_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let (file, link) = (top.join("file"), top.join("link"));
        symlink("file", &link).unwrap();
        assert_eq!(Target::of(&link), Target::File(link.clone()));
        fs::write(&file, b"text").unwrap();
        assert_eq!(Target::of(&link), Target::File(file.clone()));
        assert_eq!(Target::of(&file), Target::File(file));
        assert_eq!(Target::of(Path::new("/dev/null")), Target::Special);
        assert_eq!(Target::of(Path::new("-")), Target::StandardOutput);
        let named = Path::new("./-");
        assert_eq!(Target::of(named), Target::File(named.to_owned()));
    }

    #[test]
    fn directories_that_were_made_in_vain_go_and_others_stay() {
        let directory = tempfile::tempdir().unwrap();
        let (new, out) = (
            directory.path().join("new"),
            directory.path().join("new/a/b"),
        );
        let made = NewDirectory::check(&out).unwrap();
        fs::create_dir_all(new.join("a")).unwrap();
        drop(made);
        assert!(!new.exists());

        let made = NewDirectory::check(&out).unwrap();
        fs::create_dir_all(&out).unwrap();
        made.keep();
        assert!(out.exists());

        fs::remove_dir(&out).unwrap();
        let made = NewDirectory::check(&new.join("other/b")).unwrap();
        fs::create_dir(new.join("other")).unwrap();
        fs::write(new.join("other/file"), b"of somebody else").unwrap();
        drop(made);
        assert!(new.join("other/file").exists());
        assert!(new.join("a").exists());
    }
}
