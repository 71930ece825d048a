//! Copies of a database that is in use.

use std::path::Path;

use fjall::{KeyspaceCreateOptions, PersistMode, Readable as _};

use super::{Database, TableError, database::sync_directories};

/// A batch ends with the entry that brings it to so many bytes.
const BATCH_BYTES: usize = 8 << 20;

impl Database {
    /// Writes what all tables hold together at this moment into a new database in `directory`, which is made. Others may go on to
    /// write meanwhile. Returns how many entries there are; `goes_on` is asked now and then, and ends the copy early.
    ///
    /// # Errors
    /// If the directory cannot be made, or one of the databases fails.
    pub fn copy_to(
        &self,
        directory: &Path,
        goes_on: impl Fn() -> bool,
    ) -> Result<Option<u64>, TableError> {
        std::fs::create_dir_all(directory).map_err(|source| TableError::Io {
            path: directory.to_owned(),
            source,
        })?;
        let target = fjall::Database::builder(directory)
            .worker_threads(1)
            .open()?;
        let names = self.opened.database.list_keyspace_names();
        let snapshot = self.opened.database.snapshot();
        let mut copied = 0_u64;
        for name in names {
            let options = KeyspaceCreateOptions::default;
            let (from, to) = (
                self.opened.database.keyspace(&name, options)?,
                target.keyspace(&name, options)?,
            );
            let (mut batch, mut bytes) = (target.batch(), 0_usize);
            for entry in snapshot.iter(&from) {
                let (key, value) = entry.into_inner()?;
                bytes = bytes.saturating_add(key.len()).saturating_add(value.len());
                batch.insert(&to, key, value);
                copied = copied.saturating_add(1);
                if bytes >= BATCH_BYTES {
                    if !goes_on() {
                        return Ok(None);
                    }
                    let full = std::mem::replace(&mut batch, target.batch());
                    full.commit()?;
                    bytes = 0;
                }
            }
            batch.commit()?;
        }
        target.persist(PersistMode::SyncAll)?;
        sync_directories(directory)?;
        Ok(Some(copied))
    }
}
