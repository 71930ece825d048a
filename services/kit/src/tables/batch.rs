//! Writes that happen together.

use fjall::PersistMode;
use serde::{Serialize, de::DeserializeOwned};

use super::{Cell, Codec, Key, Table, TableError};

/// Writes to tables of one database that happen together or not at all.
pub struct Batch {
    batch: fjall::OwnedWriteBatch,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("writes", &self.batch.len())
            .finish_non_exhaustive()
    }
}

impl Batch {
    pub(super) fn new(batch: fjall::OwnedWriteBatch) -> Self {
        Self { batch }
    }

    /// Writes a value.
    ///
    /// # Errors
    /// If it has no bytes.
    pub fn insert<K: Key, V, C: Codec<V>>(
        &mut self,
        table: &Table<K, V, C>,
        key: &K,
        value: &V,
    ) -> Result<(), TableError> {
        let value = table.encode(value)?;
        self.batch.insert(&table.keyspace, key.to_bytes(), value);
        Ok(())
    }

    /// Removes a key, if it is there.
    pub fn remove<K: Key, V, C: Codec<V>>(&mut self, table: &Table<K, V, C>, key: &K) {
        self.batch.remove(&table.keyspace, key.to_bytes());
    }

    /// Writes a single record.
    ///
    /// # Errors
    /// If it has no bytes.
    pub fn set<V: Serialize + DeserializeOwned>(
        &mut self,
        cell: &Cell<V>,
        value: &V,
    ) -> Result<(), TableError> {
        self.insert(&cell.table, &cell.name, value)
    }

    /// Removes a single record, if it is there.
    pub fn clear<V: Serialize + DeserializeOwned>(&mut self, cell: &Cell<V>) {
        self.remove(&cell.table, &cell.name);
    }

    /// How many writes it has.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Writes the batch. It survives the death of the process, though perhaps not that of the machine: then later batches are
    /// gone as well.
    ///
    /// # Errors
    /// If the database fails.
    pub fn commit(self) -> Result<(), TableError> {
        self.write(PersistMode::Buffer)
    }

    /// Like [`Batch::commit`], and survives the death of the machine.
    ///
    /// # Errors
    /// If the database fails.
    pub fn commit_durably(self) -> Result<(), TableError> {
        self.write(PersistMode::SyncData)
    }

    fn write(self, mode: PersistMode) -> Result<(), TableError> {
        Ok(self.batch.durability(Some(mode)).commit()?)
    }
}
