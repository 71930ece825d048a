//! Opening the database. One that is damaged is set aside: the node starts with empty tables, reads its segments and the chain again.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use walrus_service::{tables::TableError, worker::panic_message};

use super::{StorageError, tables::Tables};

/// Opens the tables in `directory`. After a crash everything in them is read, so that damage is found now and not by an event.
pub(super) fn open(directory: &Path, cache_bytes: u64) -> Result<Tables, StorageError> {
    let path = directory.join("db");
    let attempt = || -> Result<Tables, TableError> {
        let tables = Tables::open(&path, cache_bytes)?;
        if !tables.was_closed()? {
            tables.check()?;
        }
        Ok(tables)
    };
    // The database library panics at some bytes that it does not expect.
    let why = match catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(Ok(tables)) => return Ok(tables),
        Ok(Err(error)) if !error.is_damage() => return Err(error.into()),
        Ok(Err(error)) => error.to_string(),
        Err(panic) => panic_message(&*panic).to_owned(),
    };
    let aside = directory.join("db.damaged");
    tracing::error!(
        path = %path.display(), kept = %aside.display(), why,
        "the database is damaged; segments and the chain are read again"
    );
    set_aside(&path, &aside).map_err(|source| StorageError::Io {
        path: path.clone(),
        source,
    })?;
    Ok(Tables::open(&path, cache_bytes)?)
}

/// Opens the tables in `directory` as they are; one without tables gets none.
pub(super) fn inspect(directory: &Path, cache_bytes: u64) -> Result<Tables, StorageError> {
    let path = directory.join("db");
    let is_there = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
    if !is_there {
        return Err(StorageError::NoStorage(directory.to_owned()));
    }
    Ok(Tables::open(&path, cache_bytes)?)
}

/// Keeps the last damaged database, for whoever wants to know.
fn set_aside(path: &Path, aside: &Path) -> std::io::Result<()> {
    if aside.exists() {
        fs::remove_dir_all(aside)?;
    }
    fs::rename(path, aside)
}
