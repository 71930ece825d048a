//! What backups need: copies of the tables, how far segments are written, and samples of slivers.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    path::{Path, PathBuf},
};

use rand::{Rng as _, seq::IndexedRandom as _};
use walrus_core::{BlobId, ShardIndex, SliverType};

use super::{
    Storage, StorageError,
    records::Cursor,
    tables::{SliverKey, Tables},
};

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

    /// Every segment by its path, with the length up to which the index knows it: so far its bytes never change.
    pub(crate) fn written_segments(&self) -> BTreeMap<PathBuf, u64> {
        self.slivers.written_segments()
    }

    /// About so many slivers, from places of the index that are chosen by chance.
    ///
    /// # Errors
    /// [`StorageError`].
    pub(crate) fn sample(
        &self,
        most: usize,
    ) -> Result<Vec<(ShardIndex, SliverType, BlobId)>, StorageError> {
        let shards: Vec<_> = self.shard_states().into_keys().collect();
        let mut found = BTreeSet::new();
        let mut rng = rand::rng();
        // A place may have nothing behind it, or what was found already.
        for _ in 0..most.saturating_mul(4) {
            if found.len() >= most {
                break;
            }
            let Some(shard) = shards.choose(&mut rng).copied() else {
                break;
            };
            let start = SliverKey {
                shard,
                sliver_type: if rng.random() {
                    SliverType::Primary
                } else {
                    SliverType::Secondary
                },
                blob_id: BlobId(rng.random()),
            };
            let places = &self.tables.places;
            let mut behind = places.pages_in((Bound::Included(start), Bound::Unbounded), 1);
            let next = match behind.next().transpose()? {
                Some(page) if !page.is_empty() => page,
                // Behind the last one the first one follows.
                _ => places.pages(1).next().transpose()?.unwrap_or_default(),
            };
            found.extend(
                next.into_iter()
                    .map(|(key, _)| (key.shard, key.sliver_type, key.blob_id)),
            );
        }
        Ok(found.into_iter().collect())
    }
}
