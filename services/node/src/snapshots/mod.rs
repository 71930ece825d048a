//! Snapshots: what is registered at the beginning of an epoch, in a file that is the same on all nodes. Node spec 5.9.
//!
//! * With each epoch a node writes one (`Snapshots`), and offers it to the others until the next.
//! * A node that has seen no event, on a network whose first events the chain has no more, begins with it (`Joining`): it takes the one
//!   that nodes with more than a third of the shards have, so that an honest one is among them, and goes on with the event that began
//!   the epoch.

mod format;
mod joining;
mod kept;

use std::{io, path::PathBuf};

use serde::{Deserialize, Serialize};

pub use self::kept::BeginningOfEpoch;
pub(crate) use self::{
    format::{Record, RecordReader},
    joining::Joining,
    kept::{Reading, Snapshots, Written},
};
use crate::{storage::StorageError, work::WorkError};

/// Why there is no snapshot, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
    /// A file failed.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record has no BCS form, which does not happen, or the bytes are none.
    #[error("a record of the snapshot is malformed: {0}")]
    Record(#[from] bcs::Error),
    /// The bytes are no snapshot.
    #[error("it is no snapshot: {0}")]
    Malformed(&'static str),
    /// Too few nodes have the same one.
    #[error("nodes with {found} shards have the same snapshot, and it takes {needed}")]
    NoAgreement {
        /// The most shards behind one.
        found: u64,
        /// What it takes.
        needed: u64,
    },
    /// Nobody sends the one that was agreed on.
    #[error(
        "none of {asked} nodes sent the snapshot of epoch {epoch} as they all have it; the last said: {last}"
    )]
    NotSent {
        /// The epoch.
        epoch: u32,
        /// Nodes that were asked.
        asked: usize,
        /// Why the last one did not.
        last: String,
    },
}

/// Snapshots of what is registered. Node spec 6.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotConfig {
    /// Whether one is written with each epoch, for others.
    pub enabled: bool,
    /// Whether a node that has seen no event begins with that of others, where the chain has the first events no more.
    pub begin_with: bool,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            begin_with: true,
        }
    }
}
