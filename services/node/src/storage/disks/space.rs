//! Free space of a file system.

use std::{fmt, io, path::Path, sync::Arc};

/// Tells how many bytes may still be written to the file system of a directory.
#[derive(Clone)]
pub struct FreeSpace(Arc<Probe>);

type Probe = dyn Fn(&Path) -> io::Result<u64> + Send + Sync;

impl FreeSpace {
    /// As somebody else tells it.
    pub fn told_by(probe: impl Fn(&Path) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(probe))
    }

    /// Of the file system of `directory`, in bytes.
    ///
    /// # Errors
    /// If the file system does not tell.
    pub fn of(&self, directory: &Path) -> io::Result<u64> {
        (self.0)(directory)
    }
}

/// As the system tells it.
impl Default for FreeSpace {
    fn default() -> Self {
        Self::told_by(|directory| {
            let found = rustix::fs::statvfs(directory)?;
            Ok(found.f_bavail.saturating_mul(found.f_frsize))
        })
    }
}

impl fmt::Debug for FreeSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FreeSpace").finish_non_exhaustive()
    }
}
