//! Writes that happen together.

use std::sync::Arc;

use fjall::PersistMode;
use serde::{Serialize, de::DeserializeOwned};

use super::{Bytes, Cell, Codec, Key, Table, TableError, database::Opened, resident::Resident};

/// Writes to tables of one database that happen together or not at all.
pub struct Batch {
    batch: fjall::OwnedWriteBatch,
    /// Those to tables that are in memory as well, in their order.
    resident: Vec<(Arc<Resident>, Vec<u8>, Option<Bytes>)>,
    /// Bytes of keys and values.
    bytes: u64,
    // Last: what it does at its end comes after that of the batch.
    opened: Arc<Opened>,
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("writes", &self.batch.len())
            .finish_non_exhaustive()
    }
}

impl Batch {
    pub(super) fn new(opened: Arc<Opened>) -> Self {
        Self {
            batch: opened.database.batch(),
            resident: Vec::new(),
            bytes: 0,
            opened,
        }
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
        let (key, value) = (key.to_bytes(), table.encode(value)?);
        self.count(key.len().saturating_add(value.len()));
        if let Some(resident) = table.resident() {
            let write = (Arc::clone(resident), key.clone(), Some(value.clone()));
            self.resident.push(write);
        }
        self.batch.insert(&table.keyspace, key, value);
        Ok(())
    }

    /// Removes a key, if it is there.
    pub fn remove<K: Key, V, C: Codec<V>>(&mut self, table: &Table<K, V, C>, key: &K) {
        let key = key.to_bytes();
        self.count(key.len());
        if let Some(resident) = table.resident() {
            self.resident
                .push((Arc::clone(resident), key.clone(), None));
        }
        self.batch.remove(&table.keyspace, key);
    }

    fn count(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(bytes);
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
        self.write().map(drop)
    }

    /// Like [`Batch::commit`], and survives the death of the machine. Those that are committed at the same time share a synchronization;
    /// what is in the batch is seen by others a moment before it is durable.
    ///
    /// # Errors
    /// If the database fails.
    pub fn commit_durably(self) -> Result<(), TableError> {
        let opened = self.write()?;
        opened.journal.sync(&opened.database)
    }

    fn write(self) -> Result<Arc<Opened>, TableError> {
        let Self {
            batch,
            resident: writes,
            bytes,
            opened,
        } = self;
        let mut tables: Vec<&Arc<Resident>> = writes.iter().map(|(table, ..)| table).collect();
        // Always in the same order, so that nobody waits for who waits for him.
        tables.sort_by_key(|table| Arc::as_ptr(table));
        tables.dedup_by_key(|table| Arc::as_ptr(table));
        let changing = tables.iter().map(|table| table.change());
        let mut changing: Vec<_> = changing.collect();
        opened.journal.begin(bytes);
        let written = batch.durability(Some(PersistMode::Buffer)).commit();
        opened.journal.end();
        written?;
        for (table, key, value) in &writes {
            let found = tables.iter().zip(&mut changing);
            for (_, changing) in found.filter(|(other, _)| Arc::ptr_eq(other, table)) {
                changing.apply(key, value.as_ref());
            }
        }
        for changing in changing {
            changing.finish()?;
        }
        Ok(opened)
    }
}
