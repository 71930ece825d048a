//! Database of tables, and the number of its format.

use std::path::{Path, PathBuf};

use fjall::{KeyspaceCreateOptions, PersistMode};

use super::{Batch, Cell, Table, TableError, table::Name};

/// Table and record that hold the number of the format.
const FORMAT: &str = "format";
const NUMBER: &str = "number";

/// Where the library has the directories of the tables.
const TABLES_DIRECTORY: &str = "keyspaces";

/// Brings the tables from one format to the next. One that a crash cuts off begins anew: it must bear what it has done already.
pub type Migration = fn(&Database) -> Result<(), TableError>;

/// The format of a set of tables.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    migrations: &'static [Migration],
}

impl Format {
    /// The first, which is also that of databases without a number.
    pub const FIRST: Self = Self { migrations: &[] };

    /// The format behind these migrations: the first of them leads from format 1 to 2.
    pub const fn after(migrations: &'static [Migration]) -> Self {
        Self { migrations }
    }

    /// Its number.
    pub fn number(self) -> u32 {
        u32::try_from(self.migrations.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1)
    }
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The format of its tables.
    pub format: Format,
    /// Memory for blocks that were read.
    pub cache_bytes: u64,
    /// Memory of one table for what was written, before it goes to a file.
    pub memtable_bytes: u64,
    /// The write-ahead log of all tables.
    pub journal_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            format: Format::FIRST,
            cache_bytes: 32 << 20,
            memtable_bytes: 8 << 20,
            journal_bytes: 128 << 20,
        }
    }
}

/// A directory with tables. Copies are the same database.
#[derive(Clone)]
pub struct Database {
    pub(super) database: fjall::Database,
    path: PathBuf,
    memtable_bytes: u64,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.path).finish()
    }
}

impl Database {
    /// Opens the directory, creating it if needed, and brings its tables to the format that `options` name.
    ///
    /// # Errors
    /// If the directory is not usable or of a newer format, the working directory was deleted, or a migration fails.
    pub fn open(path: &Path, options: &Options) -> Result<Self, TableError> {
        std::env::current_dir().map_err(|source| TableError::NoWorkingDirectory { source })?;
        std::fs::create_dir_all(path).map_err(|source| TableError::Io {
            path: path.to_owned(),
            source,
        })?;
        let database = fjall::Database::builder(path)
            .cache_size(options.cache_bytes)
            .worker_threads(1)
            .max_journaling_size(options.journal_bytes)
            .open()?;
        let this = Self {
            database,
            path: path.to_owned(),
            memtable_bytes: options.memtable_bytes,
        };
        this.bring_to(options.format)?;
        Ok(this)
    }

    fn bring_to(&self, format: Format) -> Result<(), TableError> {
        let is_new = self
            .database
            .list_keyspace_names()
            .iter()
            .all(|name| &**name == FORMAT);
        let number = self.cell::<u32>(FORMAT, NUMBER)?;
        let known = format.number();
        let stored = number.get()?;
        let found = match stored {
            Some(found) => found,
            None if is_new => known,
            None => Format::FIRST.number(),
        };
        if found > known {
            return Err(TableError::Newer {
                path: self.path.clone(),
                found,
                known,
            });
        }
        if stored.is_none() {
            self.note_format(&number, found)?;
        }
        for (next, migrate) in (2_u32..).zip(format.migrations) {
            if next > found {
                tracing::info!(path = %self.path.display(), format = next, "the tables are brought to a new format");
                migrate(self)?;
                self.note_format(&number, next)?;
            }
        }
        Ok(())
    }

    fn note_format(&self, number: &Cell<u32>, format: u32) -> Result<(), TableError> {
        let mut batch = self.batch();
        batch.set(number, &format)?;
        batch.commit()?;
        self.sync()
    }

    /// A table, created if needed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn table<K, V>(&self, name: &'static str) -> Result<Table<K, V>, TableError> {
        self.open_table(name)
    }

    /// A table whose values are bytes as they are, created if needed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn raw_table<K>(
        &self,
        name: &'static str,
    ) -> Result<Table<K, super::Bytes, super::Raw>, TableError> {
        self.open_table(name)
    }

    /// A single record of a table that holds nothing but such; the table is created if needed.
    ///
    /// # Errors
    /// If the database fails.
    pub fn cell<V>(&self, table: &'static str, name: &'static str) -> Result<Cell<V>, TableError> {
        Ok(Cell {
            table: self.open_table(table)?,
            name: Name(name),
        })
    }

    fn open_table<K, V, C>(&self, name: &'static str) -> Result<Table<K, V, C>, TableError> {
        let is_new = !self.database.keyspace_exists(name);
        let keyspace = self.database.keyspace(name, || {
            KeyspaceCreateOptions::default().max_memtable_size(self.memtable_bytes)
        })?;
        if is_new {
            sync_directories(&self.path)?;
        }
        Ok(Table::new(name, keyspace))
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch::new(self.database.batch())
    }

    /// Makes everything that was written survive the death of the machine.
    ///
    /// # Errors
    /// If the database fails.
    pub fn sync(&self) -> Result<(), TableError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the directories of a database's tables durable, and its own. The library syncs what is in the directory of a table and not
/// its name; a table without directory is one that it has never heard of, and what its journal has of it is skipped.
pub(super) fn sync_directories(path: &Path) -> Result<(), TableError> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let parent = parent.unwrap_or(Path::new("."));
    for path in [parent.to_owned(), path.join(TABLES_DIRECTORY)] {
        let sync = || std::fs::File::open(&path)?.sync_all();
        sync().map_err(|source| TableError::Io { path, source })?;
    }
    Ok(())
}
