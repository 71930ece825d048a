//! Staged writer: files and directories that are there whole or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is to become `target`: until then it is beside it, called `.NAME.partial-…`, and goes when this is dropped.
#[derive(Debug)]
pub(super) struct Staged {
    target: PathBuf,
    partial: PathBuf,
    committed: bool,
}

impl Staged {
    /// A place that nothing else has. The caller makes what is there.
    pub(super) fn beside(target: PathBuf) -> Self {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let unique = format!(".{name}.partial-{:016x}", rand::random::<u64>());
        let partial = target.with_file_name(unique);
        Self {
            target,
            partial,
            committed: false,
        }
    }

    /// Where it is until then.
    pub(super) fn path(&self) -> &Path {
        &self.partial
    }

    /// Gives it its name.
    pub(super) fn commit(&mut self) -> io::Result<()> {
        fs::rename(&self.partial, &self.target)?;
        self.committed = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if self.committed {
            return;
        }
        // Nobody is left to tell; the name says that the rest is worthless.
        let _ = match self.partial.is_dir() {
            true => fs::remove_dir_all(&self.partial),
            false => fs::remove_file(&self.partial),
        };
    }
}
