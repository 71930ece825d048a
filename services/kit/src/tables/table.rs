//! Tables of one type of key and one type of value, and single records.

use std::{
    fmt,
    marker::PhantomData,
    ops::RangeBounds,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use fjall::Keyspace;
use serde::{Serialize, de::DeserializeOwned};

use super::{Bytes, Key, Pages, TableError, resident::Resident};

/// How values become bytes.
pub trait Codec<V> {
    /// The bytes of a value.
    ///
    /// # Errors
    /// If the value has none.
    fn encode(value: &V) -> Result<Bytes, bcs::Error>;

    /// The value of bytes.
    ///
    /// # Errors
    /// If they are none.
    fn decode(bytes: Bytes) -> Result<V, bcs::Error>;
}

/// Values are BCS.
#[derive(Debug, Clone, Copy)]
pub enum Bcs {}

/// Values are bytes, as they are.
#[derive(Debug, Clone, Copy)]
pub enum Raw {}

impl<V: Serialize + DeserializeOwned> Codec<V> for Bcs {
    fn encode(value: &V) -> Result<Bytes, bcs::Error> {
        bcs::to_bytes(value).map(Bytes::from)
    }

    fn decode(bytes: Bytes) -> Result<V, bcs::Error> {
        bcs::from_bytes(&bytes)
    }
}

impl Codec<Bytes> for Raw {
    fn encode(value: &Bytes) -> Result<Bytes, bcs::Error> {
        Ok(value.clone())
    }

    fn decode(bytes: Bytes) -> Result<Bytes, bcs::Error> {
        Ok(bytes)
    }
}

/// What all handles of one table have in common.
#[derive(Default)]
pub(super) struct Shared {
    resident: Option<Arc<Resident>>,
    searches: AtomicU64,
}

impl Shared {
    /// Of a table that is in memory as well.
    pub(super) fn resident(resident: Arc<Resident>) -> Self {
        Self {
            resident: Some(resident),
            searches: AtomicU64::new(0),
        }
    }
}

/// A table. Copies are the same table.
pub struct Table<K, V, C = Bcs> {
    name: &'static str,
    pub(super) keyspace: Keyspace,
    shared: Arc<Shared>,
    types: PhantomData<fn(K, V, C)>,
}

impl<K, V, C> Clone for Table<K, V, C> {
    fn clone(&self) -> Self {
        Self::new(self.name, self.keyspace.clone(), Arc::clone(&self.shared))
    }
}

impl<K, V, C> fmt::Debug for Table<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Table").field(&self.name).finish()
    }
}

impl<K, V, C> Table<K, V, C> {
    pub(super) fn new(name: &'static str, keyspace: Keyspace, shared: Arc<Shared>) -> Self {
        Self {
            name,
            keyspace,
            shared,
            types: PhantomData,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How often entries were looked for one after the other, in the database and not in memory, since it was opened: each time, those
    /// that were removed may be in the way.
    pub fn searches(&self) -> u64 {
        self.shared.searches.load(Ordering::Relaxed)
    }

    pub(super) fn note_search(&self) {
        self.shared.searches.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn resident(&self) -> Option<&Arc<Resident>> {
        self.shared.resident.as_ref()
    }
}

impl<K: Key, V, C: Codec<V>> Table<K, V, C> {
    /// The value of a key.
    ///
    /// # Errors
    /// If the database fails, or the value is not what was written.
    pub fn get(&self, key: &K) -> Result<Option<V>, TableError> {
        let key = key.to_bytes();
        let known = self.resident().and_then(|resident| resident.get(&key));
        let bytes = match known {
            Some(known) => known,
            None => self.keyspace.get(key)?,
        };
        bytes.map(|bytes| self.decode(bytes)).transpose()
    }

    /// Whether a key has a value.
    ///
    /// # Errors
    /// If the database fails.
    pub fn contains(&self, key: &K) -> Result<bool, TableError> {
        let key = key.to_bytes();
        let known = self.resident().and_then(|resident| resident.get(&key));
        match known {
            Some(known) => Ok(known.is_some()),
            None => Ok(self.keyspace.contains_key(key)?),
        }
    }

    /// How many entries there are, counted up to `limit`: the database's own estimate counts removed ones as well.
    ///
    /// # Errors
    /// If the database fails.
    pub fn count(&self, limit: usize) -> Result<u64, TableError> {
        if let Some(count) = self.resident().and_then(|resident| resident.count()) {
            return Ok(u64::try_from(count.min(limit)).unwrap_or(u64::MAX));
        }
        self.note_search();
        let mut count = 0_u64;
        for entry in self.keyspace.iter().take(limit) {
            entry.key()?;
            count = count.saturating_add(1);
        }
        Ok(count)
    }

    /// All entries in the order of their keys, in pages of at most `limit` entries and about [`super::MAX_PAGE_BYTES`].
    ///
    /// Each page is read when it is asked for, behind the last key of the one before: what is written in the meantime is seen if
    /// it is behind that.
    pub fn pages(&self, limit: usize) -> Pages<'_, K, V, C> {
        self.pages_in(.., limit)
    }

    /// Like [`Table::pages`], with the keys of a range.
    pub fn pages_in(&self, range: impl RangeBounds<K>, limit: usize) -> Pages<'_, K, V, C> {
        let bounds = (
            range.start_bound().map(Key::to_bytes),
            range.end_bound().map(Key::to_bytes),
        );
        Pages::new(self, bounds, limit)
    }

    /// Like [`Table::pages`], with the keys that begin with `prefix`: of a table by `(A, B)`, those of one `A`.
    pub fn pages_with(&self, prefix: &impl Key, limit: usize) -> Pages<'_, K, V, C> {
        Pages::with_prefix(self, prefix.to_bytes(), limit)
    }

    pub(super) fn decode(&self, bytes: Bytes) -> Result<V, TableError> {
        C::decode(bytes).map_err(|source| self.bad_value(source))
    }

    pub(super) fn encode(&self, value: &V) -> Result<Bytes, TableError> {
        C::encode(value).map_err(|source| self.bad_value(source))
    }

    fn bad_value(&self, source: bcs::Error) -> TableError {
        TableError::Value {
            table: self.name,
            source,
        }
    }
}

/// A single record under a name, in a table that may hold others of other types.
pub struct Cell<V> {
    pub(super) table: Table<Name, V>,
    pub(super) name: Name,
}

impl<V> Clone for Cell<V> {
    fn clone(&self) -> Self {
        Self {
            table: self.table.clone(),
            name: self.name,
        }
    }
}

impl<V> fmt::Debug for Cell<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cell").field(&self.name.0).finish()
    }
}

impl<V: Serialize + DeserializeOwned> Cell<V> {
    /// The record, if it was ever written.
    ///
    /// # Errors
    /// If the database fails, or the value is not what was written.
    pub fn get(&self) -> Result<Option<V>, TableError> {
        self.table.get(&self.name)
    }
}

/// The name of a [`Cell`].
#[derive(Clone, Copy)]
pub(super) struct Name(pub(super) &'static str);

impl Key for Name {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.0.as_bytes());
    }

    /// Never: names are only looked up.
    fn decode(_: &mut &[u8]) -> Option<Self> {
        None
    }
}
