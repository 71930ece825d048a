//! Sliver store: segment files for the bytes of the shards a node keeps, tables for where they lie and what may be done with
//! them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use walrus_core::{BlobId, ShardIndex, SliverType};

use super::{
    Storage, StorageError,
    records::ShardState,
    segments::{NewSliver, SegmentError, ShardSegments},
    tables::{ShardKey, SliverKey, Tables},
};
use crate::limits::SCAN_BATCH;

const AXES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

#[derive(Debug, Clone)]
struct Shard {
    state: ShardState,
    segments: Arc<ShardSegments>,
}

/// The shards of one node.
#[derive(Debug)]
pub(super) struct SliverStore {
    dir: PathBuf,
    tables: Tables,
    shards: RwLock<BTreeMap<ShardIndex, Shard>>,
}

/// Shards and slivers.
impl Storage {
    /// Every shard with its state.
    pub fn shard_states(&self) -> BTreeMap<ShardIndex, ShardState> {
        let shards = self.slivers.read();
        let states = shards.iter().map(|(index, shard)| (*index, shard.state));
        states.collect()
    }

    /// The state of a shard; `None` if it is not stored here.
    pub fn shard_state(&self, shard: ShardIndex) -> Option<ShardState> {
        self.slivers.read().get(&shard).map(|shard| shard.state)
    }

    /// Sets the state of a shard, creating its storage if needed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_shard_state(
        &self,
        shard: ShardIndex,
        state: ShardState,
    ) -> Result<(), StorageError> {
        self.slivers.set_state(shard, state)
    }

    /// Removes a shard with everything in it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn remove_shard(&self, shard: ShardIndex) -> Result<(), StorageError> {
        self.slivers.remove(shard)
    }

    /// Whether a sliver is stored.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn has_sliver(
        &self,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<bool, StorageError> {
        let key = SliverKey {
            shard,
            sliver_type,
            blob_id: *blob_id,
        };
        Ok(self.tables.slivers.contains(&key)?)
    }

    /// The BCS form of a sliver (without tag); `None` if it is absent. A damaged sliver is forgotten, so that it is recovered.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here.
    pub fn sliver(
        &self,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        self.slivers.get(SliverKey {
            shard,
            sliver_type,
            blob_id: *blob_id,
        })
    }

    /// Stores slivers of one shard; the bytes are durable on return.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here.
    pub fn put_slivers(
        &self,
        shard: ShardIndex,
        slivers: &[NewSliver<'_>],
    ) -> Result<(), StorageError> {
        self.slivers.put(shard, slivers)
    }

    /// The slivers of `shards` that are missing of the blob.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn missing_slivers(
        &self,
        blob_id: &BlobId,
        shards: impl IntoIterator<Item = ShardIndex>,
    ) -> Result<Vec<(ShardIndex, SliverType)>, StorageError> {
        let mut missing = Vec::new();
        for shard in shards {
            for sliver_type in AXES {
                if !self.has_sliver(shard, blob_id, sliver_type)? {
                    missing.push((shard, sliver_type));
                }
            }
        }
        Ok(missing)
    }
}

impl SliverStore {
    pub(super) fn open(dir: PathBuf, tables: Tables) -> Result<Self, StorageError> {
        let mut shards = BTreeMap::new();
        for page in tables.shards.pages(SCAN_BATCH) {
            for (ShardKey(index), state) in page? {
                let segments = Arc::new(ShardSegments::open(dir.join(folder(index)))?);
                shards.insert(index, Shard { state, segments });
            }
        }
        Ok(Self {
            dir,
            tables,
            shards: RwLock::new(shards),
        })
    }

    fn path(&self, shard: ShardIndex) -> PathBuf {
        self.dir.join(folder(shard))
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn segments(&self, shard: ShardIndex) -> Result<Arc<ShardSegments>, StorageError> {
        let shards = self.read();
        let found = shards.get(&shard).ok_or(StorageError::NoShard(shard))?;
        Ok(Arc::clone(&found.segments))
    }

    fn set_state(&self, shard: ShardIndex, state: ShardState) -> Result<(), StorageError> {
        let segments = match self.segments(shard) {
            Ok(segments) => segments,
            Err(_) => Arc::new(ShardSegments::open(self.path(shard))?),
        };
        let mut batch = self.tables.batch();
        batch.insert(&self.tables.shards, &ShardKey(shard), &state)?;
        batch.commit()?;
        self.write().insert(shard, Shard { state, segments });
        Ok(())
    }

    fn remove(&self, shard: ShardIndex) -> Result<(), StorageError> {
        self.write().remove(&shard);
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.shards, &ShardKey(shard));
        let slivers = &self.tables.slivers;
        for page in slivers.pages_with(&ShardKey(shard), SCAN_BATCH) {
            for (key, _) in page? {
                batch.remove(slivers, &key);
            }
        }
        batch.commit()?;
        let path = self.path(shard);
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(StorageError::Io { path, source })
            }
            _ => Ok(()),
        }
    }

    fn get(&self, key: SliverKey) -> Result<Option<Vec<u8>>, StorageError> {
        let SliverKey {
            shard,
            sliver_type,
            blob_id,
        } = key;
        let segments = self.segments(shard)?;
        let Some(location) = self.tables.slivers.get(&key)? else {
            return Ok(None);
        };
        match segments.read(location, &blob_id, sliver_type) {
            Ok(payload) => Ok(Some(payload)),
            Err(error @ (SegmentError::Corrupt { .. } | SegmentError::Missing { .. })) => {
                tracing::error!(%error, %blob_id, %shard, %sliver_type, "a sliver is damaged");
                self.forget(&key)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn put(&self, shard: ShardIndex, slivers: &[NewSliver<'_>]) -> Result<(), StorageError> {
        let locations = self.segments(shard)?.append(slivers)?;
        let mut batch = self.tables.batch();
        for (sliver, location) in slivers.iter().zip(&locations) {
            let key = SliverKey {
                shard,
                sliver_type: sliver.sliver_type,
                blob_id: sliver.blob_id,
            };
            batch.insert(&self.tables.slivers, &key, location)?;
        }
        // Not synchronized: the index is rebuilt from the segments after a crash.
        Ok(batch.commit()?)
    }

    /// Removes the slivers of a blob from every shard that is not locked.
    pub(super) fn delete_blob(&self, blob_id: &BlobId) -> Result<(), StorageError> {
        for (shard, segments) in self.snapshot(|state| state != ShardState::Locked) {
            for sliver_type in AXES {
                let key = SliverKey {
                    shard,
                    sliver_type,
                    blob_id: *blob_id,
                };
                if self.tables.slivers.contains(&key)? {
                    segments.delete(*blob_id, sliver_type)?;
                    self.forget(&key)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a sliver out of the index.
    fn forget(&self, key: &SliverKey) -> Result<(), StorageError> {
        let mut batch = self.tables.batch();
        batch.remove(&self.tables.slivers, key);
        Ok(batch.commit()?)
    }

    /// The segments of shards in certain states, without holding the lock.
    fn snapshot(
        &self,
        wanted: impl Fn(ShardState) -> bool,
    ) -> Vec<(ShardIndex, Arc<ShardSegments>)> {
        let shards = self.read();
        shards
            .iter()
            .filter(|(_, shard)| wanted(shard.state))
            .map(|(index, shard)| (*index, Arc::clone(&shard.segments)))
            .collect()
    }

    /// Makes the index agree with the segment files.
    pub(super) fn rebuild_index(&self) -> Result<(), StorageError> {
        let slivers = &self.tables.slivers;
        for (shard, segments) in self.snapshot(|_| true) {
            let mut found = HashMap::new();
            segments.scan(|record| {
                let key = SliverKey {
                    shard,
                    sliver_type: record.sliver_type,
                    blob_id: record.blob_id,
                };
                found.insert(key, record.location);
            })?;
            let mut batch = self.tables.batch();
            for page in slivers.pages_with(&ShardKey(shard), SCAN_BATCH) {
                for (key, _) in page? {
                    if !found.get(&key).is_some_and(Option::is_some) {
                        batch.remove(slivers, &key);
                    }
                }
            }
            for (key, location) in found {
                if let Some(location) = location {
                    batch.insert(slivers, &key, &location)?;
                }
            }
            batch.commit()?;
        }
        Ok(())
    }
}

/// The name of a shard's directory.
fn folder(shard: ShardIndex) -> String {
    shard.get().to_string()
}
