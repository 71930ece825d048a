//! Tables of a publisher: jobs, small bodies, what accounts have spent, and the objects that they have.

use std::path::Path;

use serde::{Deserialize, Serialize};
use walrus_sdk::{Address, BlobId};
use walrus_service::tables::{Bytes, Database, Format, Options, Raw, Table, TableError};

use super::record::Record;

/// What an account has had.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// FROST for storage.
    pub(crate) frost: u64,
    /// Bytes of blobs, before encoding.
    pub(crate) bytes: u64,
    /// Stores.
    pub(crate) stores: u64,
}

/// A blob object that was made at the expense of an account, and that the publisher's wallet keeps for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holding {
    /// The blob.
    pub(crate) blob_id: BlobId,
    /// Its bytes.
    pub(crate) size: u64,
    /// Whether it may be deleted.
    pub(crate) deletable: bool,
    /// First epoch in which it is no longer stored.
    pub(crate) end_epoch: u32,
    /// When it was stored, in milliseconds since 1970.
    pub(crate) stored_ms: u64,
}

/// All tables. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) database: Database,
    /// By the ID of the job.
    pub(crate) jobs: Table<[u8; 16], Record>,
    /// Bodies that are no files, by the ID of the job.
    pub(crate) bodies: Table<[u8; 16], Bytes, Raw>,
    /// By account.
    pub(crate) usage: Table<[u8; 16], Usage>,
    /// By account and object.
    pub(crate) holdings: Table<([u8; 16], [u8; 32]), Holding>,
}

impl Tables {
    /// Opens the tables in `directory`, making them if needed.
    pub(crate) fn open(directory: &Path) -> Result<Self, TableError> {
        let options = Options {
            format: Format::FIRST,
            cache_bytes: 4 << 20,
            memtable_bytes: 4 << 20,
            journal_bytes: 64 << 20,
        };
        let database = Database::open(directory, &options)?;
        Ok(Self {
            jobs: database.table("jobs")?,
            bodies: database.raw_table("bodies")?,
            usage: database.table("usage")?,
            holdings: database.table("holdings")?,
            database,
        })
    }
}

/// The key of an object of an account.
pub(crate) fn holding_key(account: super::Account, object: Address) -> ([u8; 16], [u8; 32]) {
    (account.bytes(), object.into_inner())
}
