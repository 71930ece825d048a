//! Database of tables, and the number of its format.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use fjall::{Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{
    Batch, Cell, Table, TableError,
    journal::Journal,
    resident::Resident,
    table::{Name, Shared},
};

/// Table and record that hold the number of the format.
const FORMAT: &str = "format";
const NUMBER: &str = "number";

/// Where the library has the directories of the tables.
const TABLES_DIRECTORY: &str = "keyspaces";

/// How often it is looked whether tables are written, and for how long at the most.
const TABLES_POLL: Duration = Duration::from_millis(1);
const TABLES_PATIENCE: Duration = Duration::from_secs(30);

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
    pub(super) opened: Arc<Opened>,
}

/// A database that is open. Whatever writes to it holds it, so that nothing is written once it is dropped.
pub(super) struct Opened {
    pub(super) database: fjall::Database,
    path: PathBuf,
    memtable_bytes: u64,
    /// What the handles of a table have in common, by its name.
    tables: Mutex<HashMap<&'static str, Arc<Shared>>>,
    // Last: what it does at its end comes after that of the database.
    pub(super) journal: Journal,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Database").field(&self.opened.path).finish()
    }
}

impl Database {
    /// Opens the directory, creating it if needed, and brings its tables to the format that `options` name.
    ///
    /// # Errors
    /// If the directory is not usable, in use or of a newer format, the working directory was deleted, or a migration fails.
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
            .open()
            .map_err(|error| match error {
                fjall::Error::Locked => TableError::InUse {
                    path: path.to_owned(),
                },
                error => error.into(),
            })?;
        let opened = Opened {
            database,
            path: path.to_owned(),
            memtable_bytes: options.memtable_bytes,
            tables: Mutex::default(),
            journal: Journal::of(path),
        };
        let this = Self {
            opened: Arc::new(opened),
        };
        this.bring_to(options.format)?;
        Ok(this)
    }

    fn bring_to(&self, format: Format) -> Result<(), TableError> {
        let is_new = self
            .opened
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
                path: self.opened.path.clone(),
                found,
                known,
            });
        }
        if stored.is_none() {
            self.note_format(&number, found)?;
        }
        for (next, migrate) in (2_u32..).zip(format.migrations) {
            if next > found {
                tracing::info!(path = %self.opened.path.display(), format = next, "the tables are brought to a new format");
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

    /// A table of which everything is in memory as well, while it has at most `most` entries: for queues, of which far more was removed
    /// than is left. Other handles of it read from memory, too, if they are opened later.
    ///
    /// # Errors
    /// If the database fails.
    pub fn resident_table<K, V>(
        &self,
        name: &'static str,
        most: usize,
    ) -> Result<Table<K, V>, TableError> {
        let keyspace = self.keyspace(name)?;
        let resident = Arc::new(Resident::new(keyspace.clone(), most)?);
        let shared = Arc::new(Shared::resident(resident));
        self.tables().insert(name, Arc::clone(&shared));
        Ok(Table::new(name, keyspace, shared))
    }

    fn open_table<K, V, C>(&self, name: &'static str) -> Result<Table<K, V, C>, TableError> {
        let keyspace = self.keyspace(name)?;
        let shared = Arc::clone(self.tables().entry(name).or_default());
        Ok(Table::new(name, keyspace, shared))
    }

    fn tables(&self) -> std::sync::MutexGuard<'_, HashMap<&'static str, Arc<Shared>>> {
        let tables = self.opened.tables.lock();
        tables.unwrap_or_else(PoisonError::into_inner)
    }

    fn keyspace(&self, name: &str) -> Result<Keyspace, TableError> {
        let opened = &self.opened;
        let is_new = !opened.database.keyspace_exists(name);
        let keyspace = opened.database.keyspace(name, || {
            KeyspaceCreateOptions::default().max_memtable_size(opened.memtable_bytes)
        })?;
        if is_new {
            sync_directories(&opened.path)?;
        }
        Ok(keyspace)
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch {
        Batch::new(Arc::clone(&self.opened))
    }

    /// Makes everything that was written survive the death of the machine.
    ///
    /// # Errors
    /// If the database fails.
    pub fn sync(&self) -> Result<(), TableError> {
        Ok(self.opened.database.persist(PersistMode::SyncAll)?)
    }

    /// Makes every batch that was committed survive the death of the machine. Those who ask at the same time share a synchronization.
    ///
    /// # Errors
    /// If the database fails.
    pub fn sync_shared(&self) -> Result<(), TableError> {
        self.opened.journal.sync(&self.opened.database)
    }

    /// Writes what is only in the journal to tables, so that the next start need not read it: once this database is dropped, the journal
    /// is emptied, if nothing was written in between. Does nothing if there is little in it, or somebody is writing.
    ///
    /// # Errors
    /// If the database fails.
    pub fn shorten_start(&self) -> Result<(), TableError> {
        let (database, journal) = (&self.opened.database, &self.opened.journal);
        let Some(batches) = journal.batches().filter(|_| journal.is_long()) else {
            return Ok(());
        };
        let mut names = database.list_keyspace_names();
        names.sort();
        let mut written = Vec::with_capacity(names.len());
        for name in names {
            let keyspace = database.keyspace(&name, KeyspaceCreateOptions::default)?;
            keyspace.rotate_memtable()?;
            written.push(keyspace);
        }
        let begun = Instant::now();
        while written
            .iter()
            .any(|table| table.sealed_memtable_count() > 0)
        {
            // Fails if whoever writes the tables did.
            database.persist(PersistMode::Buffer)?;
            if begun.elapsed() > TABLES_PATIENCE {
                return Ok(());
            }
            std::thread::sleep(TABLES_POLL);
        }
        journal.note_in_tables(batches);
        Ok(())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.opened.path
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
