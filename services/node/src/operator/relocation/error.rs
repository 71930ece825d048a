//! Why a storage is not moved, or not used.

use std::{
    io,
    path::{Path, PathBuf},
};

use walrus_sui::{Address, wallet::FileError};

/// Why a storage is not moved, or not used.
#[derive(Debug, thiserror::Error)]
pub enum RelocationError {
    /// A file operation failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has been moved.
    #[error("the storage in {} was moved to {}: the node starts there, and only there (name a directory in storage_path). Starting here again would be a second node with the same keys; only if the other one is gone for good, remove moved.json here", from.display(), to.display())]
    Gone {
        /// The old directory.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// It is being moved here, and not all of it is there.
    #[error("{} was to take a storage that was moved, and the move was cut off: `walrus-node move --to {} --yes`, with the old directory in storage_path, goes on; or name the old one in storage_path, start there, and remove this one", .0.display(), .0.display())]
    Unfinished(PathBuf),
    /// A tombstone or a mark is not what was written.
    #[error("{path} is not what was written there: {reason}", path = path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is nothing to move.
    #[error("there is no storage in {}", .0.display())]
    Nothing(PathBuf),
    /// One is in the other.
    #[error("{to} is in {from}, or the other way round", from = from.display(), to = to.display())]
    Nested {
        /// The old directory.
        from: PathBuf,
        /// The new one.
        to: PathBuf,
    },
    /// Something else is there.
    #[error("{path} holds {found}, which is no part of this move: choose an empty directory", path = path.display())]
    Occupied {
        /// The new directory.
        path: PathBuf,
        /// What is in it.
        found: String,
    },
    /// It is the storage of another node.
    #[error("the storage is that of the node {found}, and here is the place of {expected}")]
    OtherNode {
        /// Whose it may be.
        expected: Address,
        /// Whose it is.
        found: Address,
    },
    /// The other end has more or fewer disks.
    #[error("the storage is on {there} disks, and {here} are configured here")]
    OtherDisks {
        /// How many are configured at the receiver.
        here: usize,
        /// How many the storage is on.
        there: usize,
    },
    /// A storage was moved away from where this one is to go.
    #[error("a storage was moved away from {} at {at_ms} (milliseconds since 1970){}: empty the directory first", path.display(), if *is_newer { ", and the one that is sent is older than that: look for the newest one" } else { "" })]
    MovedAway {
        /// The directory.
        path: PathBuf,
        /// When, in milliseconds since 1970.
        at_ms: u64,
        /// Whether that was after the storage came to where it is sent from.
        is_newer: bool,
    },
    /// The receiver refuses.
    #[error("the receiver refuses: {0}")]
    Refused(String),
    /// The receiver cannot be reached, or does not do what it should.
    #[error("{to}: {reason}")]
    Remote {
        /// The receiver.
        to: String,
        /// What went wrong.
        reason: String,
    },
    /// No storage has such a file, or it is not there.
    #[error("{} is no file of the storage that is moved", .0.display())]
    NoSuchFile(PathBuf),
    /// A thread that works on files has failed.
    #[error("the work on files was cut off: {0}")]
    Work(String),
    /// The copy is not what was copied.
    #[error("{} was written and does not read the same: is the new disk sound?", .0.display())]
    Different(PathBuf),
}

impl RelocationError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// Whether nothing was done because it would not be safe.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Gone { .. }
                | Self::Unfinished(_)
                | Self::Nothing(_)
                | Self::Nested { .. }
                | Self::Occupied { .. }
                | Self::OtherNode { .. }
                | Self::OtherDisks { .. }
                | Self::MovedAway { .. }
                | Self::Refused(_)
        )
    }
}
