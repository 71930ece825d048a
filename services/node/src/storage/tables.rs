//! The tables, all on one screen. Node spec 3.2.

use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    StorageError,
    records::{Cursor, NodeStatus},
};

/// Every table. Keys are fixed-width and big-endian; values are BCS.
#[derive(Clone)]
pub struct Tables {
    db: Database,
    /// `cursor`, `epoch`, `status`, `closed`: one record each.
    pub node: Keyspace,
    /// blob ID → metadata.
    pub metadata: Keyspace,
    /// blob ID → [`crate::blob_info::BlobInfo`].
    pub blob_info: Keyspace,
    /// object ID → [`super::records::ObjectRecord`].
    pub objects: Keyspace,
    /// object ID → [`super::records::PooledObjectRecord`].
    pub pooled_objects: Keyspace,
    /// pool ID → [`super::records::PoolRecord`].
    pub pools: Keyspace,
    /// shard (2), axis (1), blob ID → [`super::segments::Location`].
    pub slivers: Keyspace,
    /// shard (2) → [`super::records::ShardState`].
    pub shards: Keyspace,
    /// blob ID → [`super::records::SyncReason`]: blobs whose slivers are to be completed.
    pub blob_syncs: Keyspace,
    /// blob ID → nothing: invalid blobs whose data is still to be deleted.
    pub deletions: Keyspace,
}

const CURSOR: &str = "cursor";
const EPOCH: &str = "epoch";
const STATUS: &str = "status";
const CLOSED: &str = "closed";

/// Memory a table may hold before it is written out.
const MEMTABLE_BYTES: u64 = 8 << 20;
/// The write-ahead log of all tables.
const JOURNAL_BYTES: u64 = 128 << 20;

impl std::fmt::Debug for Tables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl Tables {
    /// Opens the database, creating it if needed.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub fn open(path: &Path, cache_bytes: u64) -> Result<Self, StorageError> {
        std::fs::create_dir_all(path).map_err(|source| StorageError::Io {
            path: path.to_owned(),
            source,
        })?;
        let db = Database::builder(path)
            .cache_size(cache_bytes)
            .worker_threads(1)
            .max_journaling_size(JOURNAL_BYTES)
            .open()?;
        let table = |name: &str| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
            })
        };
        Ok(Self {
            node: table("node")?,
            metadata: table("metadata")?,
            blob_info: table("blob_info")?,
            objects: table("objects")?,
            pooled_objects: table("pooled_objects")?,
            pools: table("pools")?,
            slivers: table("slivers")?,
            shards: table("shards")?,
            blob_syncs: table("blob_syncs")?,
            deletions: table("deletions")?,
            db,
        })
    }

    /// A record.
    ///
    /// # Errors
    /// [`StorageError`], also for a record that cannot be decoded.
    pub fn get<T: DeserializeOwned>(
        &self,
        table: &Keyspace,
        key: &[u8],
    ) -> Result<Option<T>, StorageError> {
        table.get(key)?.map(|bytes| decode(&bytes)).transpose()
    }

    /// Up to `limit` entries after the key `after`, in key order.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn page<T: DeserializeOwned>(
        &self,
        table: &Keyspace,
        after: Option<[u8; 32]>,
        limit: usize,
    ) -> Result<Vec<([u8; 32], T)>, StorageError> {
        use std::ops::Bound;
        let start = after.map_or(Bound::Unbounded, |key| Bound::Excluded(key.to_vec()));
        let mut page = Vec::new();
        for entry in table
            .range::<Vec<u8>, _>((start, Bound::Unbounded))
            .take(limit)
        {
            let (key, value) = entry.into_inner()?;
            if let Ok(key) = <[u8; 32]>::try_from(&*key) {
                page.push((key, decode(&value)?));
            }
        }
        Ok(page)
    }

    /// How many records a table has, counted up to `limit`. The database's own estimate counts removed records as well.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub fn count(&self, table: &Keyspace, limit: usize) -> Result<u64, StorageError> {
        let mut count = 0u64;
        for entry in table.iter().take(limit) {
            entry.key()?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// An empty batch.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            tables: self,
            batch: self.db.batch(),
        }
    }

    /// How far events are processed; `None` before the first.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn cursor(&self) -> Result<Option<Cursor>, StorageError> {
        self.get(&self.node, CURSOR.as_bytes())
    }

    /// The epoch of the last processed `EpochChangeStart`.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn event_epoch(&self) -> Result<u32, StorageError> {
        Ok(self.get(&self.node, EPOCH.as_bytes())?.unwrap_or_default())
    }

    /// The status of the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn node_status(&self) -> Result<NodeStatus, StorageError> {
        Ok(self.get(&self.node, STATUS.as_bytes())?.unwrap_or_default())
    }

    /// Writes the status of the node.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_node_status(&self, status: NodeStatus) -> Result<(), StorageError> {
        let mut batch = self.batch();
        batch.insert(&self.node, STATUS.as_bytes(), &status)?;
        batch.commit()
    }

    /// Whether [`Tables::mark_closed`] was the last thing that happened.
    pub(super) fn was_closed(&self) -> Result<bool, StorageError> {
        Ok(self.node.contains_key(CLOSED)?)
    }

    pub(super) fn mark_open(&self) -> Result<(), StorageError> {
        self.node.remove(CLOSED)?;
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }

    pub(super) fn mark_closed(&self) -> Result<(), StorageError> {
        self.db.persist(PersistMode::SyncAll)?;
        self.node.insert(CLOSED, "")?;
        Ok(self.db.persist(PersistMode::SyncAll)?)
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StorageError> {
    bcs::from_bytes(bytes).map_err(|source| StorageError::Record {
        table: std::any::type_name::<T>(),
        source,
    })
}

/// Writes to several tables that happen together or not at all. Written to the system (and so safe from the death of the
/// process) when `commit` returns.
pub struct Batch<'a> {
    tables: &'a Tables,
    batch: fjall::OwnedWriteBatch,
}

impl Batch<'_> {
    /// Writes a record.
    ///
    /// # Errors
    /// If the value cannot be encoded.
    pub fn insert<T: Serialize>(
        &mut self,
        table: &Keyspace,
        key: &[u8],
        value: &T,
    ) -> Result<(), StorageError> {
        let bytes = bcs::to_bytes(value).map_err(|source| StorageError::Record {
            table: std::any::type_name::<T>(),
            source,
        })?;
        self.insert_raw(table, key, bytes);
        Ok(())
    }

    /// Writes bytes.
    pub fn insert_raw(&mut self, table: &Keyspace, key: &[u8], bytes: Vec<u8>) {
        self.batch.insert(table, key, bytes);
    }

    /// Removes a record.
    pub fn remove(&mut self, table: &Keyspace, key: &[u8]) {
        self.batch.remove(table, key);
    }

    /// Moves the event cursor.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn set_cursor(&mut self, cursor: &Cursor) -> Result<(), StorageError> {
        self.insert(&self.tables.node, CURSOR.as_bytes(), cursor)
    }

    /// Sets the event epoch.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn set_event_epoch(&mut self, epoch: u32) -> Result<(), StorageError> {
        self.insert(&self.tables.node, EPOCH.as_bytes(), &epoch)
    }

    /// Writes the batch; it survives the death of the process, though perhaps not that of the machine (then the chain is
    /// replayed from the older cursor that goes with the older records).
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub fn commit(self) -> Result<(), StorageError> {
        Ok(self.batch.durability(Some(PersistMode::Buffer)).commit()?)
    }

    /// Like [`Batch::commit`], and survives the death of the machine.
    ///
    /// # Errors
    /// [`StorageError::Database`].
    pub fn commit_durably(self) -> Result<(), StorageError> {
        Ok(self
            .batch
            .durability(Some(PersistMode::SyncData))
            .commit()?)
    }
}
