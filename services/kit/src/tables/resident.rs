//! Resident tables: entries that are in memory as well, so that nobody searches for the few that are left among all that were removed.
//!
//! A log-structured database keeps what was removed until it is compacted: whoever looks through a queue that is nearly empty reads all that
//! has ever been in it. Of a resident table, pages and single entries come from memory, up to a bound; above it they are read from the
//! database until there are fewer again.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use fjall::Keyspace;

use super::{Bytes, TableError};

/// A key and its value, as they are written.
pub(super) type Entry = (Vec<u8>, Bytes);

/// What of a table is in memory.
pub(super) struct Resident {
    keyspace: Keyspace,
    /// Entries above which none is in memory.
    most: usize,
    state: RwLock<State>,
}

struct State {
    /// All entries; `None` while there are too many.
    entries: Option<BTreeMap<Vec<u8>, Bytes>>,
    /// Entries that were removed since there were too many.
    removed: usize,
}

/// The right to change what is in memory, had from before a batch is written until it is applied: so both have the same order.
pub(super) struct Changing<'a> {
    resident: &'a Resident,
    state: RwLockWriteGuard<'a, State>,
}

impl Resident {
    /// Reads a table into memory, if it has at most so many entries.
    pub(super) fn new(keyspace: Keyspace, most: usize) -> Result<Self, TableError> {
        let entries = load(&keyspace, most)?;
        Ok(Self {
            keyspace,
            most,
            state: RwLock::new(State {
                entries,
                removed: 0,
            }),
        })
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // Poisoning is harmless: what is in memory changes after the database has.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value of a key, if it is in memory whether there is one.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let state = self.read();
        let entries = state.entries.as_ref()?;
        Some(entries.get(key).cloned())
    }

    /// The first entries of a range, which is not empty; `None` if they are not in memory.
    pub(super) fn page(
        &self,
        range: (Bound<&[u8]>, Bound<&[u8]>),
        limit: usize,
    ) -> Option<Vec<Entry>> {
        let state = self.read();
        let found = state.entries.as_ref()?.range::<[u8], _>(range);
        let page = found.take(limit);
        Some(
            page.map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        )
    }

    /// How many entries there are; `None` if they are not in memory.
    pub(super) fn count(&self) -> Option<usize> {
        self.read().entries.as_ref().map(BTreeMap::len)
    }

    /// The right to change what is in memory.
    pub(super) fn change(&self) -> Changing<'_> {
        let state = self.state.write();
        Changing {
            resident: self,
            state: state.unwrap_or_else(PoisonError::into_inner),
        }
    }
}

impl Changing<'_> {
    /// A key has this value in the database, or none.
    pub(super) fn apply(&mut self, key: &[u8], value: Option<&Bytes>) {
        let Some(entries) = &mut self.state.entries else {
            let removed = usize::from(value.is_none());
            self.state.removed = self.state.removed.saturating_add(removed);
            return;
        };
        match value {
            Some(value) => entries.insert(key.to_vec(), value.clone()),
            None => entries.remove(key),
        };
        if entries.len() > self.resident.most {
            self.state.entries = None;
            self.state.removed = 0;
        }
    }

    /// Reads the table again, once as many were removed as there may be: now there may be few enough.
    pub(super) fn finish(mut self) -> Result<(), TableError> {
        if self.state.entries.is_none() && self.state.removed >= self.resident.most {
            self.state.removed = 0;
            self.state.entries = load(&self.resident.keyspace, self.resident.most)?;
        }
        Ok(())
    }
}

/// All entries of a table, if there are at most so many.
fn load(keyspace: &Keyspace, most: usize) -> Result<Option<BTreeMap<Vec<u8>, Bytes>>, TableError> {
    let mut entries = BTreeMap::new();
    for entry in keyspace.iter() {
        if entries.len() >= most {
            return Ok(None);
        }
        let (key, value) = entry.into_inner()?;
        entries.insert(key.to_vec(), value);
    }
    Ok(Some(entries))
}
