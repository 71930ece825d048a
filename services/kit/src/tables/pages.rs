//! Reading a table in pages of bounded size.

use std::{marker::PhantomData, ops::Bound};

use super::{Codec, Key, Table, TableError, resident::Entry};

/// A page ends with the entry that brings its values to so many bytes.
pub const MAX_PAGE_BYTES: usize = 8 << 20;

/// The pages of a table: an iterator that reads the next one when asked. After an error it ends.
#[derive(Debug)]
pub struct Pages<'a, K, V, C> {
    table: &'a Table<K, V, C>,
    start: Bound<Vec<u8>>,
    end: Bound<Vec<u8>>,
    limit: usize,
    ended: bool,
    types: PhantomData<fn() -> (K, V)>,
}

impl<'a, K: Key, V, C: Codec<V>> Pages<'a, K, V, C> {
    pub(super) fn new(
        table: &'a Table<K, V, C>,
        (start, end): (Bound<Vec<u8>>, Bound<Vec<u8>>),
        limit: usize,
    ) -> Self {
        Self {
            table,
            start,
            end,
            limit: limit.max(1),
            ended: false,
            types: PhantomData,
        }
    }

    pub(super) fn with_prefix(table: &'a Table<K, V, C>, prefix: Vec<u8>, limit: usize) -> Self {
        let end = match behind(prefix.clone()) {
            Some(end) => Bound::Excluded(end),
            None => Bound::Unbounded,
        };
        Self::new(table, (Bound::Included(prefix), end), limit)
    }

    fn read(&mut self) -> Result<Vec<(K, V)>, TableError> {
        if is_empty(&self.start, &self.end) {
            return Ok(Vec::new());
        }
        let bounds = (bytes_of(&self.start), bytes_of(&self.end));
        let resident = self.table.resident();
        if let Some(found) = resident.and_then(|resident| resident.page(bounds, self.limit)) {
            return self.take(found.into_iter().map(Ok));
        }
        self.table.note_search();
        let range = (self.start.clone(), self.end.clone());
        let found = self.table.keyspace.range(range).take(self.limit);
        self.take(found.map(|entry| {
            let (key, value) = entry.into_inner()?;
            Ok((key.to_vec(), value))
        }))
    }

    /// What of these entries a page has.
    fn take(
        &mut self,
        entries: impl Iterator<Item = Result<Entry, TableError>>,
    ) -> Result<Vec<(K, V)>, TableError> {
        let mut page = Vec::new();
        let mut bytes = 0_usize;
        for entry in entries {
            let (key, value) = entry?;
            bytes = bytes.saturating_add(value.len());
            let typed = K::from_bytes(&key).ok_or(TableError::Key {
                table: self.table.name(),
                length: key.len(),
            })?;
            page.push((typed, self.table.decode(value)?));
            self.start = Bound::Excluded(key);
            if bytes >= MAX_PAGE_BYTES {
                break;
            }
        }
        Ok(page)
    }
}

impl<K: Key, V, C: Codec<V>> Iterator for Pages<'_, K, V, C> {
    type Item = Result<Vec<(K, V)>, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let page = self.read();
        self.ended = page.as_ref().map_or(true, Vec::is_empty);
        match page {
            Ok(page) if page.is_empty() => None,
            page => Some(page),
        }
    }
}

fn bytes_of(bound: &Bound<Vec<u8>>) -> Bound<&[u8]> {
    bound.as_ref().map(Vec::as_slice)
}

/// The first bytes behind everything that begins with `prefix`.
fn behind(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

/// Whether nothing lies between the bounds; the database must not be asked for such a range.
fn is_empty(start: &Bound<Vec<u8>>, end: &Bound<Vec<u8>>) -> bool {
    match (start, end) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(start), Bound::Included(end)) => start > end,
        (
            Bound::Included(start) | Bound::Excluded(start),
            Bound::Included(end) | Bound::Excluded(end),
        ) => start >= end,
    }
}
