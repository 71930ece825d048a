//! Keeper of the chain: the store that every checkpoint goes to, and snapshots of what it comes to.

use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use tracing::{info, warn};

use crate::error::StoreError;
use crate::indexes::{Indexes, snapshot};
use crate::limits::{SNAPSHOT_AFTER_BYTES, SNAPSHOT_AFTER_PART, SNAPSHOT_AT_STOP_BYTES};
use crate::record::CheckpointRecord;
use crate::store::{Log, Memory, Place, Position, Store};

/// Where the writer puts checkpoints.
#[derive(Debug)]
pub(crate) struct Keeper {
    store: Store,
    /// In memory there is nothing to start again from.
    snapshots: Option<Snapshots>,
}

impl Keeper {
    pub(crate) fn in_memory(memory: Memory) -> Self {
        Self {
            store: Store::Memory(memory),
            snapshots: None,
        }
    }

    /// Keeps the log in a directory, whose last snapshot is as of a position. Snapshots are made in a thread of their own, or
    /// `in_place`.
    pub(crate) fn on_disk(log: Log, directory: &Path, position: Position, in_place: bool) -> Self {
        let snapshots = Snapshots {
            directory: directory.to_owned(),
            in_place,
            last: position,
            running: None,
        };
        Self {
            store: Store::Log(log),
            snapshots: Some(snapshots),
        }
    }

    /// Appends a checkpoint; on return it is durable according to the policy.
    pub(crate) fn append(&mut self, record: &CheckpointRecord) -> Result<Place, StoreError> {
        self.store.append(record)
    }

    /// To be told after every checkpoint: makes a snapshot when the last one is far behind.
    pub(crate) fn follow(&mut self, indexes: impl FnOnce() -> Indexes) {
        if let Some((snapshots, position)) = self.snapshots.as_mut().zip(self.store.position()) {
            snapshots.follow(indexes, position);
        }
    }

    /// Forces everything to disk, and makes a last snapshot if that saves the next start something.
    pub(crate) fn end(mut self, indexes: Indexes) -> Result<(), StoreError> {
        self.store.sync()?;
        if let Some((snapshots, position)) = self.snapshots.as_mut().zip(self.store.position()) {
            snapshots.end(indexes, position);
        }
        Ok(())
    }
}

/// When a snapshot is made.
#[derive(Debug)]
struct Snapshots {
    directory: PathBuf,
    in_place: bool,
    /// What the newest one, or the one in the making, is of.
    last: Position,
    running: Option<JoinHandle<()>>,
}

impl Snapshots {
    fn follow(&mut self, indexes: impl FnOnce() -> Indexes, position: Position) {
        let part = position.ends() / SNAPSHOT_AFTER_PART;
        if self.behind(position) < part.max(SNAPSHOT_AFTER_BYTES) {
            return;
        }
        if self
            .running
            .as_ref()
            .is_some_and(|running| !running.is_finished())
        {
            return;
        }
        self.last = position;
        let (directory, indexes) = (self.directory.clone(), indexes());
        if self.in_place {
            make(&directory, &indexes, position);
            return;
        }
        let started = thread::Builder::new()
            .name("devchain-snapshot".into())
            .spawn(move || make(&directory, &indexes, position));
        match started {
            Ok(running) => self.running = Some(running),
            Err(error) => warn!(%error, "no thread for a snapshot of the chain"),
        }
    }

    fn end(&mut self, indexes: Indexes, position: Position) {
        if let Some(running) = self.running.take()
            && running.join().is_err()
        {
            warn!("making a snapshot of the chain panicked");
        }
        if self.behind(position) >= SNAPSHOT_AT_STOP_BYTES {
            make(&self.directory, &indexes, position);
        }
    }

    /// Bytes of the log that are not in the last snapshot.
    fn behind(&self, position: Position) -> u64 {
        position.ends().saturating_sub(self.last.ends())
    }
}

/// Makes a snapshot. Without one the chain starts as well, only later.
fn make(directory: &Path, indexes: &Indexes, position: Position) {
    match snapshot::save(directory, indexes, position) {
        Ok(()) => info!(
            checkpoints = position.records(),
            "a snapshot of the chain was made"
        ),
        Err(error) => warn!(%error, "a snapshot of the chain could not be made"),
    }
}
