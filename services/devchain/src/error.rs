//! Errors: why the chain could not start or could not take a transaction.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use sui_devchain_executor::AdmissionError;
use sui_devchain_executor::genesis::GenesisError;
use thiserror::Error;

use crate::history::Unreadable;

/// Why a chain did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another program listens on the address, or it is not an address of this machine.
    #[error(
        "cannot listen on {address} for {purpose}: {source} (is another chain running? stop it, or choose another port)"
    )]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Which service wanted it.
        purpose: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// Genesis could not be made.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The log on disk could not be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain ran into trouble before it served anything.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A key could not be derived from the seed.
    #[error("key derivation: {0}")]
    Key(String),
    /// A thread or task could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Trouble with the log on disk (devchain spec 6.5).
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// An operating system error.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a chain log, or of a format this program does not know.
    #[error("{path} is not a chain log of format {expected}: {found}")]
    Format {
        /// The file.
        path: PathBuf,
        /// The format this program writes.
        expected: u32,
        /// What was found.
        found: String,
    },
    /// Another process (or another chain of this one) has the log.
    #[error("{path} is in use by another chain")]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// The log belongs to a chain with another seed.
    #[error("{path} belongs to a chain with another seed")]
    OtherSeed {
        /// The file.
        path: PathBuf,
    },
    /// The seed in the header is not the one that the chain was made with: its first checkpoint is signed by another key.
    #[error(
        "the seed in the header of the log in {path} is damaged: checkpoint 0 is signed by another key than the one that follows from \
         it. Nothing was changed. Restore the file from a copy, or start with the seed that the chain was made with"
    )]
    Seed {
        /// The directory of the chain.
        path: PathBuf,
    },
    /// A record is intact but does not continue the chain.
    #[error("{path}: record {index} does not continue the chain: {reason}")]
    BrokenChain {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 0.
        index: u64,
        /// What does not fit.
        reason: String,
    },
    /// A record is damaged in a way that no crash leaves. The file was not changed.
    #[error(
        "{path}: record {record}, at byte {offset} of {length}, is damaged, and {reason}: no crash does that, so nothing was cut \
         off and nothing changed. Restore the file from a copy, or move the directory away to begin with a new chain"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 0.
        record: u64,
        /// Where it begins.
        offset: u64,
        /// Length of the file.
        length: u64,
        /// What speaks against a crash.
        reason: String,
    },
    /// A record was whole when it was written, and is not any more. Nothing was changed.
    #[error(
        "{path}: record {record}, at byte {offset}, is damaged. The chain goes on without it; stop it and restore the file from a copy"
    )]
    Decayed {
        /// The file.
        path: PathBuf,
        /// Number of the record, from 0.
        record: u64,
        /// Where it begins.
        offset: u64,
    },
    /// Records that were acknowledged are not in the file any more. It was not changed.
    #[error(
        "{path} holds {records} whole records, which end at byte {bytes}, but at least {acknowledged} were acknowledged, up to byte \
         {acknowledged_bytes}: it was cut off or replaced. Nothing was changed. Restore it from a copy, or delete {mark} to go on \
         without what is lost"
    )]
    Cut {
        /// The file.
        path: PathBuf,
        /// The file that tells what was acknowledged.
        mark: PathBuf,
        /// Whole records in the file.
        records: u64,
        /// Where they end.
        bytes: u64,
        /// Records that have to be there.
        acknowledged: u64,
        /// Where they ended.
        acknowledged_bytes: u64,
    },
    /// There is no log, but there was one.
    #[error(
        "{path} is missing, although {mark} tells of a chain of more than {acknowledged} records. Restore it from a copy, or delete \
         {mark} to begin with a new chain"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The file that tells what was acknowledged.
        mark: PathBuf,
        /// Records that have to be there.
        acknowledged: u64,
    },
    /// A record is too large to be written.
    #[error("a checkpoint record of {bytes} bytes exceeds the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The bound.
        limit: u32,
    },
    /// Encoding failed.
    #[error("encoding: {0}")]
    Encoding(#[from] bcs::Error),
}

/// Why the ledger did not take a transaction or make a checkpoint.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The transaction was refused before execution; nothing changed.
    #[error(transparent)]
    Refused(#[from] AdmissionError),
    /// The writer has stopped.
    #[error("the chain is shutting down")]
    Stopped,
    /// A bug, or the log could not be written.
    #[error("internal error: {0}")]
    Internal(String),
}

impl From<Unreadable> for LedgerError {
    fn from(error: Unreadable) -> Self {
        Self::Internal(error.to_string())
    }
}
