//! History: checkpoints, transactions and versions of objects, from the first one on (devchain spec 6.5).
//!
//! What was is in the log and stays there. In memory there is where to find it, some 350 bytes for a transaction, and as much of it
//! as was asked for lately. A copy is cheap and stays as it is while the original goes on.

mod marks;
mod runs;
mod sealed;
mod tables;

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sui_sdk_types::{Address, Digest, Object, Version};

use crate::error::StoreError;
use crate::limits::HISTORY_CACHE_BYTES;
use crate::store::{Archive, Place};

pub(crate) use marks::{Key, Marks, Path};
pub(crate) use runs::Runs;
pub(crate) use sealed::{Checkpoint, Executed};
pub(crate) use tables::{Fixed, Ordinal, Spot, Tables};

/// A checkpoint of the log that cannot be read any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("checkpoint {number} cannot be read back from the log: {reason}")]
pub(crate) struct Unreadable {
    number: u64,
    reason: String,
}

/// What the chain remembers.
#[derive(Clone, Debug)]
pub(crate) struct History {
    past: Arc<Past>,
    tip: Option<Arc<Checkpoint>>,
    tables: Tables,
}

/// The records, and what was read of them lately. All copies share it.
#[derive(Debug)]
struct Past {
    archive: Archive,
    recent: Cache<u64, Recent, Bytes>,
}

/// A checkpoint and the bytes of its record.
#[derive(Clone, Debug)]
struct Recent {
    checkpoint: Arc<Checkpoint>,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<u64, Recent> for Bytes {
    fn weight(&self, _: &u64, recent: &Recent) -> u64 {
        recent.bytes
    }
}

impl History {
    /// Nothing yet, of a chain whose records go where the archive reads them.
    pub(crate) fn new(archive: Archive) -> Self {
        // More of the smallest checkpoints than there is room for: it is the bytes that are to bound it.
        let items = usize::try_from(HISTORY_CACHE_BYTES / 2048).unwrap_or_default();
        Self {
            past: Arc::new(Past {
                archive,
                recent: Cache::with_weighter(items, HISTORY_CACHE_BYTES, Bytes),
            }),
            tip: None,
            tables: Tables::default(),
        }
    }

    /// Adds the next checkpoint, whose record is at this place.
    pub(crate) fn add(&mut self, checkpoint: Arc<Checkpoint>, place: Place) {
        let number = checkpoint.summary.sequence_number;
        let mut transactions = Vec::with_capacity(checkpoint.transactions.len());
        let mut versions = Vec::new();
        for executed in &checkpoint.transactions {
            let ordinal = Ordinal {
                checkpoint: number,
                index: executed.index,
            };
            transactions.push((executed.digest, ordinal));
            let written = executed.written.iter();
            versions
                .extend(written.map(|object| ((object.object_id(), object.version()), ordinal)));
        }
        let spot = Spot {
            offset: place.offset,
            weight: checkpoint.weight(),
            marks: Marks::of(&checkpoint),
        };
        self.tables.spots.extend(vec![(number, spot)]);
        self.tables
            .checkpoints
            .extend(vec![(checkpoint.digest, number)]);
        self.tables.transactions.extend(transactions);
        self.tables.versions.extend(versions);
        self.past.keep(&checkpoint, place.bytes);
        self.tip = Some(checkpoint);
    }

    /// Goes on where a history with these tables ended, whose last checkpoint is this one.
    pub(crate) fn resume(&mut self, tables: Tables, tip: Arc<Checkpoint>, place: Place) {
        self.tables = tables;
        self.past.keep(&tip, place.bytes);
        self.tip = Some(tip);
    }

    /// Where what was is found.
    pub(crate) fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Forces the records to disk.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.past.archive.sync()
    }

    /// The newest checkpoint; `None` only before genesis.
    pub(crate) fn tip(&self) -> Option<&Arc<Checkpoint>> {
        self.tip.as_ref()
    }

    /// The checkpoint with this sequence number.
    pub(crate) fn checkpoint(&self, number: u64) -> Result<Option<Arc<Checkpoint>>, Unreadable> {
        if let Some(tip) = &self.tip
            && tip.summary.sequence_number == number
        {
            return Ok(Some(Arc::clone(tip)));
        }
        let spot = self.spot(number);
        let read = spot.map(|spot| self.past.checkpoint(number, spot.offset));
        read.transpose().map_err(|error| Unreadable {
            number,
            reason: error.to_string(),
        })
    }

    /// What is known of a checkpoint without reading it.
    pub(crate) fn spot(&self, number: u64) -> Option<Spot> {
        self.tables.spots.get(&number)
    }

    /// The number of the checkpoint with this digest.
    pub(crate) fn number(&self, digest: &Digest) -> Option<u64> {
        self.tables.checkpoints.get(digest)
    }

    /// The transaction with this digest.
    pub(crate) fn transaction(&self, digest: &Digest) -> Result<Option<Arc<Executed>>, Unreadable> {
        match self.tables.transactions.get(digest) {
            Some(ordinal) => self.executed(ordinal),
            None => Ok(None),
        }
    }

    /// The transaction that stands there.
    pub(crate) fn executed(&self, ordinal: Ordinal) -> Result<Option<Arc<Executed>>, Unreadable> {
        let checkpoint = self.checkpoint(ordinal.checkpoint)?;
        Ok(checkpoint.and_then(|checkpoint| checkpoint.transaction(ordinal.index).cloned()))
    }

    /// One version of an object, whether it is still alive or not.
    pub(crate) fn version(
        &self,
        id: &Address,
        version: Version,
    ) -> Result<Option<Arc<Object>>, Unreadable> {
        let Some(ordinal) = self.tables.versions.get(&(*id, version)) else {
            return Ok(None);
        };
        let executed = self.executed(ordinal)?;
        Ok(executed.and_then(|executed| executed.object(id, version).cloned()))
    }
}

impl Past {
    fn keep(&self, checkpoint: &Arc<Checkpoint>, bytes: u64) {
        let recent = Recent {
            checkpoint: Arc::clone(checkpoint),
            bytes,
        };
        self.recent
            .insert(checkpoint.summary.sequence_number, recent);
    }

    fn checkpoint(&self, number: u64, offset: u64) -> Result<Arc<Checkpoint>, StoreError> {
        if let Some(recent) = self.recent.get(&number) {
            return Ok(recent.checkpoint);
        }
        let (record, bytes) = self.archive.read(number, offset)?;
        let checkpoint = Arc::new(Checkpoint::new(record));
        self.keep(&checkpoint, bytes);
        Ok(checkpoint)
    }
}
