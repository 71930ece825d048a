//! Chain storage: an append-only log of checkpoints, or their bytes in memory; the file of a snapshot (devchain spec 6.5).

mod archive;
mod frame;
mod log;
mod mark;
mod sections;
mod tail;

use crate::error::StoreError;
use crate::record::CheckpointRecord;

pub(crate) use archive::{Archive, Memory, Place};
pub(crate) use log::{Log, Opening, Position, read_seed};
pub(crate) use sections::{SectionReader, SectionWriter, Unusable};

/// When the log is forced to disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SyncPolicy {
    /// After every checkpoint: an answered transaction survives a power failure.
    #[default]
    EveryCheckpoint,
    /// Left to the operating system: an answered transaction survives `kill -9`, not a power failure.
    Never,
}

/// Where checkpoints go before they are applied to the indexes.
#[derive(Debug)]
pub(crate) enum Store {
    Memory(Memory),
    Log(Log),
}

impl Store {
    /// Appends a checkpoint; on return it is durable according to the policy.
    pub(crate) fn append(&mut self, record: &CheckpointRecord) -> Result<Place, StoreError> {
        match self {
            Self::Memory(memory) => memory.append(record),
            Self::Log(log) => log.append(record),
        }
    }

    /// Behind the last record of the log; `None` in memory.
    pub(crate) fn position(&self) -> Option<Position> {
        match self {
            Self::Memory(_) => None,
            Self::Log(log) => Some(log.position()),
        }
    }

    /// Forces everything to disk, whatever the policy.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Log(log) => log.sync(),
        }
    }
}
