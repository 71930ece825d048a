//! Tables: typed keys and values in one database, with batches, pages and a format number.
//!
//! Keys are written so that their bytes sort as they do; values are BCS, or bytes as they are. Every write is part of a
//! [`Batch`], which happens as a whole or not at all. The number of the format is in a table of its own: a database without one
//! is of the first format, or new and empty.

mod batch;
mod copy;
mod database;
mod journal;
mod key;
mod pages;
mod resident;
mod table;

use std::path::PathBuf;

pub use fjall::Slice as Bytes;

pub use self::{
    batch::Batch,
    database::{Database, Format, Migration, Options},
    key::Key,
    pages::{MAX_PAGE_BYTES, Pages},
    table::{Bcs, Cell, Codec, Raw, Table},
};

/// Why a table cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] fjall::Error),
    /// The directory cannot be made.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another program, or another part of this one, has it open.
    #[error(
        "{path} is in use: another process, or another service of this one, has its tables open, and only one can; stop that one, \
         or have this one keep its state in a directory of its own",
        path = path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The working directory is gone, and the database library panics without one, wherever the database is.
    #[error(
        "the working directory of this program cannot be told ({source}), for example because it was deleted: start it in another one"
    )]
    NoWorkingDirectory {
        /// What the system said.
        source: std::io::Error,
    },
    /// A value is not what was written, or cannot be.
    #[error("a value of table {table} is not what it should be: {source}")]
    Value {
        /// The table.
        table: &'static str,
        /// What is wrong.
        source: bcs::Error,
    },
    /// A key is not what was written.
    #[error("a key of table {table} is not what it should be: {length} bytes")]
    Key {
        /// The table.
        table: &'static str,
        /// Its length.
        length: usize,
    },
    /// A newer program has written the database.
    #[error(
        "{path} has format {found}, and this program knows those up to {known}: a newer version has written it; run that one",
        path = path.display()
    )]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
}

impl TableError {
    /// Whether the bytes on disk are not what was written, so that trying again does not help.
    pub fn is_damage(&self) -> bool {
        let is_damage_of_file = |error: &std::io::Error| {
            use std::io::ErrorKind::{InvalidData, InvalidInput, NotFound, UnexpectedEof};
            matches!(
                error.kind(),
                InvalidData | InvalidInput | NotFound | UnexpectedEof
            )
        };
        match self {
            Self::Value { .. } | Self::Key { .. } => true,
            Self::Database(error) => match error {
                fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
                    is_damage_of_file(error)
                }
                // Of another version of the library, or unusable until it is opened again.
                fjall::Error::InvalidVersion(Some(_))
                | fjall::Error::Poisoned
                | fjall::Error::KeyspaceDeleted => false,
                _ => true,
            },
            Self::Io { .. }
            | Self::InUse { .. }
            | Self::NoWorkingDirectory { .. }
            | Self::Newer { .. } => false,
        }
    }
}
