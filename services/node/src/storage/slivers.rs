//! Sliver store: segment files for the bytes of the shards a node keeps, tables for where they lie and what may be done with
//! them.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use walrus_core::{BlobId, ShardIndex, SliverType};
use walrus_service::tables::Batch;

use super::{
    Storage, StorageError,
    records::{ShardState, SyncReason},
    segments::{NewSliver, SegmentError, ShardSegments},
    tables::{ShardKey, SliverKey, Tables},
};
use crate::limits::SCAN_BATCH;

const SLIVER_TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

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

    /// The BCS form of a sliver (without tag); `None` if it is absent. A damaged sliver is forgotten and queued for recovery.
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
            for sliver_type in SLIVER_TYPES {
                if !self.has_sliver(shard, blob_id, sliver_type)? {
                    missing.push((shard, sliver_type));
                }
            }
        }
        Ok(missing)
    }
}

impl SliverStore {
    /// Opens every shard. Those whose directory is gone are filled again, as those that the node has just gained.
    pub(super) fn open(dir: PathBuf, tables: Tables) -> Result<Self, StorageError> {
        let closed = tables.was_closed()?;
        let mut states = BTreeMap::new();
        for page in tables.shards.pages(SCAN_BATCH) {
            states.extend(
                page?
                    .into_iter()
                    .map(|(ShardKey(index), state)| (index, state)),
            );
        }
        let mut this = Self {
            dir,
            tables,
            shards: RwLock::default(),
        };
        // Before any directory is made: one that is there again does not tell what it has lost.
        for (shard, state) in &mut states {
            let path = this.path(*shard);
            if !path.is_dir() {
                tracing::error!(%shard, path = %path.display(), "a shard has lost its directory");
                *state = this.lose_shard(*shard, *state)?;
            }
        }
        let mut shards = BTreeMap::new();
        for (shard, state) in states {
            let path = this.path(shard);
            let segments = Arc::new(if closed {
                ShardSegments::open_closed(path)?
            } else {
                ShardSegments::open(path)?
            });
            shards.insert(shard, Shard { state, segments });
        }
        this.shards = RwLock::new(shards);
        Ok(this)
    }

    /// Takes every sliver of a shard out of the index, and has an active one filled again; returns its state.
    fn lose_shard(&self, shard: ShardIndex, state: ShardState) -> Result<ShardState, StorageError> {
        let state = match state {
            ShardState::Active => ShardState::Recovering,
            other => other,
        };
        let mut batch = self.tables.batch();
        for page in self.tables.slivers.pages_with(&ShardKey(shard), SCAN_BATCH) {
            for (key, _) in page? {
                self.lose(&mut batch, &key, SyncReason::FillShards)?;
            }
        }
        batch.insert(&self.tables.shards, &ShardKey(shard), &state)?;
        batch.commit_durably()?;
        Ok(state)
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
                let mut batch = self.tables.batch();
                self.lose(&mut batch, &key, SyncReason::Certified)?;
                batch.commit()?;
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
            for sliver_type in SLIVER_TYPES {
                let key = SliverKey {
                    shard,
                    sliver_type,
                    blob_id: *blob_id,
                };
                if self.tables.slivers.contains(&key)? {
                    segments.delete(*blob_id, sliver_type)?;
                    let mut batch = self.tables.batch();
                    batch.remove(&self.tables.slivers, &key);
                    batch.commit()?;
                }
            }
        }
        Ok(())
    }

    /// Takes a sliver whose bytes are not there any more out of the index, and queues its blob, so that it is recovered.
    fn lose(
        &self,
        batch: &mut Batch,
        key: &SliverKey,
        reason: SyncReason,
    ) -> Result<(), StorageError> {
        batch.remove(&self.tables.slivers, key);
        self.tables.queue_lost(batch, &key.blob_id, reason)
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

    /// Makes the index agree with the segment files. What it knew of and they do not have is queued for recovery.
    pub(super) fn rebuild_index(&self) -> Result<(), StorageError> {
        for (shard, _) in self.snapshot(|_| true) {
            self.index_shard(shard)?;
        }
        Ok(())
    }

    /// Makes the index of one shard agree with its segment files.
    fn index_shard(&self, shard: ShardIndex) -> Result<(), StorageError> {
        let mut found = HashMap::new();
        self.segments(shard)?.scan(|record| {
            let key = SliverKey {
                shard,
                sliver_type: record.sliver_type,
                blob_id: record.blob_id,
            };
            found.insert(key, record.location);
        })?;
        let (mut batch, slivers) = (self.tables.batch(), &self.tables.slivers);
        for page in slivers.pages_with(&ShardKey(shard), SCAN_BATCH) {
            for (key, _) in page? {
                match found.get(&key) {
                    Some(Some(_)) => {}
                    Some(None) => batch.remove(slivers, &key),
                    None => self.lose(&mut batch, &key, SyncReason::Certified)?,
                }
            }
        }
        for (key, location) in found {
            if let Some(location) = location {
                batch.insert(slivers, &key, &location)?;
            }
        }
        Ok(batch.commit()?)
    }
}

/// The name of a shard's directory.
fn folder(shard: ShardIndex) -> String {
    shard.get().to_string()
}
