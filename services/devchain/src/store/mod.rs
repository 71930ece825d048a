//! Chain storage: an append-only log of checkpoints, or nothing at all in memory mode
//! (devchain spec 6.5).

mod frame;
mod log;
mod mark;
mod tail;

use std::path::Path;

use sui_sdk_types::Digest;

use crate::error::StoreError;
use crate::record::CheckpointRecord;

pub(crate) use log::read_seed;

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
    Memory,
    Log(log::Log),
}

impl Store {
    /// Opens or creates the log in a directory and hands over what it holds. A torn last record is
    /// cut off; with any other damage it is refused as it is.
    pub(crate) fn open(
        directory: &Path,
        seed: &Digest,
        sync: SyncPolicy,
    ) -> Result<(Self, Vec<CheckpointRecord>), StoreError> {
        let (log, records) = log::Log::open(directory, seed, sync)?;
        Ok((Self::Log(log), records))
    }

    /// Appends a checkpoint; on return it is durable according to the policy.
    pub(crate) fn append(&mut self, record: &CheckpointRecord) -> Result<(), StoreError> {
        match self {
            Self::Memory => Ok(()),
            Self::Log(log) => log.append(record),
        }
    }

    /// Forces everything to disk, whatever the policy.
    pub(crate) fn sync(&mut self) -> Result<(), StoreError> {
        match self {
            Self::Memory => Ok(()),
            Self::Log(log) => log.sync(),
        }
    }
}
