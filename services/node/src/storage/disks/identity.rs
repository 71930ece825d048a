//! Identity of a disk: a small file that tells which storage a directory belongs to, and which of its disks it is. A directory that
//! is not mounted has none, and is therefore not taken for an empty disk.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

use super::DiskError;

/// The name of the file.
pub(crate) const FILE_NAME: &str = "walrus-disk";

const TITLE: &str = "walrus-disk 1";

/// A random number that names a storage or a disk.
pub(in crate::storage) type Id = [u8; 16];

/// What the file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::storage) struct Identity {
    /// The storage to which the disk belongs.
    pub(in crate::storage) storage: Id,
    /// The disk.
    pub(in crate::storage) disk: Id,
}

impl Identity {
    /// A new disk of a storage.
    pub(super) fn of_new_disk(storage: Id) -> Self {
        Self {
            storage,
            disk: rand::random(),
        }
    }

    /// That of a directory; `None` if it has none.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, DiskError> {
        let path = directory.join(FILE_NAME);
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(DiskError::Io { path, source }),
        };
        Self::parse(&text)
            .ok_or(DiskError::Identity { path })
            .map(Some)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != TITLE {
            return None;
        }
        let mut id = |key: &str| {
            let number = lines.next()?.strip_prefix(key)?.trim_start();
            Some(u128::from_str_radix(number, 16).ok()?.to_be_bytes())
        };
        Some(Self {
            storage: id("storage")?,
            disk: id("disk")?,
        })
    }

    /// Writes the file, as a whole or not at all, and durably.
    pub(super) fn write(&self, directory: &Path) -> Result<(), DiskError> {
        let [storage, disk] = [self.storage, self.disk].map(u128::from_be_bytes);
        let text = format!("{TITLE}\nstorage {storage:032x}\ndisk {disk:032x}\n");
        let path = directory.join(FILE_NAME);
        let write = || {
            let mut file = tempfile::NamedTempFile::new_in(directory)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            super::sync_directory(directory)
        };
        write().map_err(|source| DiskError::Io {
            path: path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_come_back_and_damaged_ones_are_errors() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Identity::read(dir.path()).unwrap(), None);
        let identity = Identity::of_new_disk([1; 16]);
        identity.write(dir.path()).unwrap();
        assert_eq!(Identity::read(dir.path()).unwrap(), Some(identity));
        for text in [
            "",
            "walrus-disk 2\nstorage 1\ndisk 2\n",
            "walrus-disk 1\nstorage x\n",
        ] {
            fs::write(dir.path().join(FILE_NAME), text).unwrap();
            let error = Identity::read(dir.path()).unwrap_err();
            assert!(matches!(error, DiskError::Identity { .. }), "{text:?}");
        }
    }
}
