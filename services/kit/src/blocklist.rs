//! Block list: blobs that a service does not serve. Node spec 1.5, client spec 1.11.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock},
};

use walrus_core::BlobId;
use walrus_sui::config::read_document;

/// Largest block list, in bytes: some 700 000 blob IDs.
const MAX_BYTES: u64 = 32 << 20;

/// A block list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// The file cannot be read.
    #[error("cannot read the block list {path}: {source}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is too large.
    #[error("the block list {path} has more than {MAX_BYTES} bytes", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The file is no list of blob IDs.
    #[error("the block list {path} is not a YAML list of blob IDs: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

/// Blobs that are not served.
#[derive(Debug, Default)]
pub struct Blocklist(RwLock<HashSet<BlobId>>);

/// The blob is not served, although it may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the blob is on the block list")]
pub struct Blocked;

impl Blocklist {
    /// Refuses what is on the list.
    ///
    /// # Errors
    /// [`Blocked`].
    pub fn check(&self, blob_id: &BlobId) -> Result<(), Blocked> {
        let blobs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if blobs.contains(blob_id) {
            return Err(Blocked);
        }
        Ok(())
    }

    /// How many blobs are on it.
    pub fn len(&self) -> usize {
        let blobs = self.0.read().unwrap_or_else(PoisonError::into_inner);
        blobs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts other blobs on it; whether that changed anything.
    pub fn replace(&self, blobs: HashSet<BlobId>) -> bool {
        let mut old = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = *old != blobs;
        *old = blobs;
        changed
    }
}

impl FromIterator<BlobId> for Blocklist {
    fn from_iter<I: IntoIterator<Item = BlobId>>(blobs: I) -> Self {
        Self(RwLock::new(blobs.into_iter().collect()))
    }
}

/// Reads a block list, a YAML list of blob IDs.
///
/// # Errors
/// [`BlocklistError`].
pub fn read_blocklist(path: &Path) -> Result<HashSet<BlobId>, BlocklistError> {
    let unreadable = |source| BlocklistError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    let mut bounded = file.take(MAX_BYTES.saturating_add(1));
    bounded.read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(BlocklistError::TooLarge {
            path: path.to_owned(),
        });
    }
    let (ids, _) = read_document(&text).map_err(|error| BlocklistError::Malformed {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_blob_ids_is_read_and_anything_else_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("list");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_blocklist(&path)
        };
        let id = "A".repeat(43);
        assert_eq!(read(&format!("- {id}\n")).unwrap().len(), 1);
        assert!(read("[]").unwrap().is_empty());
        for malformed in ["a: 1", "- no-blob-id", "["] {
            let said = read(malformed).unwrap_err().to_string();
            assert!(said.contains("is not a YAML list of blob IDs"), "{said}");
        }
        let said = read_blocklist(directory.path()).unwrap_err().to_string();
        assert!(said.contains("cannot read the block list"), "{said}");
    }
}
