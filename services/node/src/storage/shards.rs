//! The shards a node keeps: segment files for the bytes, tables for where they lie and what may be done with them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use walrus_core::{BlobId, ShardIndex, SliverType};

use super::{
    StorageError,
    records::ShardState,
    segments::{Location, NewSliver, SegmentError, ShardSegments},
    tables::Tables,
};

#[derive(Debug, Clone)]
struct Shard {
    state: ShardState,
    segments: Arc<ShardSegments>,
}

/// The shards of one node.
#[derive(Debug)]
pub struct Shards {
    dir: PathBuf,
    shards: RwLock<BTreeMap<ShardIndex, Shard>>,
}

impl Shards {
    pub(super) fn open(dir: PathBuf, tables: &Tables) -> Result<Self, StorageError> {
        let shards = Self {
            dir,
            shards: RwLock::default(),
        };
        for entry in tables.shards.iter() {
            let (key, value) = entry.into_inner()?;
            let Ok(key) = <[u8; 2]>::try_from(&*key) else {
                continue;
            };
            let state = bcs::from_bytes(&value).map_err(|source| StorageError::Record {
                table: "shards",
                source,
            })?;
            let index = ShardIndex(u16::from_be_bytes(key));
            let segments = Arc::new(ShardSegments::open(shards.path(index))?);
            shards.write().insert(index, Shard { state, segments });
        }
        Ok(shards)
    }

    fn path(&self, shard: ShardIndex) -> PathBuf {
        self.dir.join(shard.get().to_string())
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<ShardIndex, Shard>> {
        self.shards.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn segments(&self, shard: ShardIndex) -> Result<Arc<ShardSegments>, StorageError> {
        let shards = self.read();
        let found = shards.get(&shard).ok_or(StorageError::NoShard(shard))?;
        Ok(Arc::clone(&found.segments))
    }

    /// Every shard with its state.
    pub fn states(&self) -> BTreeMap<ShardIndex, ShardState> {
        self.read()
            .iter()
            .map(|(index, shard)| (*index, shard.state))
            .collect()
    }

    /// The state of a shard; `None` if it is not stored here.
    pub fn state(&self, shard: ShardIndex) -> Option<ShardState> {
        self.read().get(&shard).map(|shard| shard.state)
    }

    /// Sets the state of a shard, creating its storage if needed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn set_state(
        &self,
        tables: &Tables,
        shard: ShardIndex,
        state: ShardState,
    ) -> Result<(), StorageError> {
        let segments = match self.segments(shard) {
            Ok(segments) => segments,
            Err(_) => Arc::new(ShardSegments::open(self.path(shard))?),
        };
        let mut batch = tables.batch();
        batch.insert(&tables.shards, &shard.get().to_be_bytes(), &state)?;
        batch.commit()?;
        self.write().insert(shard, Shard { state, segments });
        Ok(())
    }

    /// Removes a shard with everything in it.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn remove(&self, tables: &Tables, shard: ShardIndex) -> Result<(), StorageError> {
        self.write().remove(&shard);
        let mut batch = tables.batch();
        batch.remove(&tables.shards, &shard.get().to_be_bytes());
        for entry in tables.slivers.prefix(shard.get().to_be_bytes()) {
            batch.remove(&tables.slivers, &entry.key()?);
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

    /// Whether a sliver is stored.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn contains(
        &self,
        tables: &Tables,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<bool, StorageError> {
        Ok(tables
            .slivers
            .contains_key(sliver_key(shard, sliver_type, blob_id))?)
    }

    /// The BCS form of a sliver (without tag); `None` if it is absent. A damaged sliver is forgotten, so that it is recovered.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here.
    pub fn get(
        &self,
        tables: &Tables,
        shard: ShardIndex,
        blob_id: &BlobId,
        sliver_type: SliverType,
    ) -> Result<Option<Vec<u8>>, StorageError> {
        let segments = self.segments(shard)?;
        let key = sliver_key(shard, sliver_type, blob_id);
        let Some(location) = tables.get::<Location>(&tables.slivers, &key)? else {
            return Ok(None);
        };
        match segments.read(location, blob_id, sliver_type) {
            Ok(payload) => Ok(Some(payload)),
            Err(error @ (SegmentError::Corrupt { .. } | SegmentError::Missing { .. })) => {
                tracing::error!(%error, %blob_id, %shard, %sliver_type, "a sliver is damaged");
                tables.slivers.remove(key)?;
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stores slivers of one shard; the bytes are durable on return.
    ///
    /// # Errors
    /// [`StorageError`]; [`StorageError::NoShard`] if the shard is not stored here.
    pub fn put(
        &self,
        tables: &Tables,
        shard: ShardIndex,
        slivers: &[NewSliver<'_>],
    ) -> Result<(), StorageError> {
        let locations = self.segments(shard)?.append(slivers)?;
        let mut batch = tables.batch();
        for (sliver, location) in slivers.iter().zip(locations) {
            let key = sliver_key(shard, sliver.sliver_type, &sliver.blob_id);
            batch.insert(&tables.slivers, &key, &location)?;
        }
        // Not synchronized: the index is rebuilt from the segments after a crash.
        batch.commit()
    }

    /// Removes the slivers of a blob from every shard that is not locked.
    pub(super) fn delete_blob(
        &self,
        tables: &Tables,
        blob_id: &BlobId,
    ) -> Result<(), StorageError> {
        let shards: Vec<_> = self
            .read()
            .iter()
            .filter(|(_, shard)| shard.state != ShardState::Locked)
            .map(|(index, shard)| (*index, Arc::clone(&shard.segments)))
            .collect();
        for (index, segments) in shards {
            for sliver_type in [SliverType::Primary, SliverType::Secondary] {
                let key = sliver_key(index, sliver_type, blob_id);
                if tables.slivers.contains_key(key)? {
                    segments.delete(*blob_id, sliver_type)?;
                    tables.slivers.remove(key)?;
                }
            }
        }
        Ok(())
    }

    /// Makes the index agree with the segment files.
    pub(super) fn rebuild_index(&self, tables: &Tables) -> Result<(), StorageError> {
        let shards: Vec<_> = self
            .read()
            .iter()
            .map(|(index, shard)| (*index, Arc::clone(&shard.segments)))
            .collect();
        for (index, segments) in shards {
            let mut found = HashMap::new();
            segments.scan(|record| {
                let key = sliver_key(index, record.sliver_type, &record.blob_id);
                found.insert(key, record.location);
            })?;
            let mut batch = tables.batch();
            for entry in tables.slivers.prefix(index.get().to_be_bytes()) {
                let key = entry.key()?;
                let known = <[u8; SLIVER_KEY]>::try_from(&*key)
                    .is_ok_and(|key| found.get(&key).is_some_and(Option::is_some));
                if !known {
                    batch.remove(&tables.slivers, &key);
                }
            }
            for (key, location) in found {
                if let Some(location) = location {
                    batch.insert(&tables.slivers, &key, &location)?;
                }
            }
            batch.commit()?;
        }
        Ok(())
    }
}

const SLIVER_KEY: usize = 35;

fn sliver_key(shard: ShardIndex, sliver_type: SliverType, blob_id: &BlobId) -> [u8; SLIVER_KEY] {
    let mut key = [0; SLIVER_KEY];
    let (head, tail) = key.split_at_mut(3);
    let [high, low] = shard.get().to_be_bytes();
    head.copy_from_slice(&[high, low, u8::from(sliver_type == SliverType::Secondary)]);
    tail.copy_from_slice(&blob_id.0);
    key
}
