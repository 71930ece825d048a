//! Copies of the tables, for backups.

use std::path::Path;

use super::{Storage, StorageError, records::Cursor, tables::Tables};

/// Memory for blocks of a copy that is only looked at.
const CACHE_BYTES: u64 = 1 << 20;

impl Storage {
    /// Copies the tables of this moment into a new database in `directory`, and returns the cursor that is in it. Nothing if `goes_on`
    /// said no.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn copy_tables(
        &self,
        directory: &Path,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<Option<Cursor>>, StorageError> {
        if self.tables.copy_to(directory, goes_on)?.is_none() {
            return Ok(None);
        }
        Self::cursor_of_copy(directory).map(Some)
    }

    /// The cursor in a copy of the tables that is nobody's storage.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn cursor_of_copy(directory: &Path) -> Result<Option<Cursor>, StorageError> {
        Ok(Tables::open(directory, CACHE_BYTES)?.cursor.get()?)
    }
}
