//! Pending uploads: what came before the registration of its blob, in memory. Node spec 4.3.
//!
//! Only verified data enter: metadata that hashes to its blob ID, slivers that match cached metadata.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use walrus_core::{BlobId, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId};

use crate::config::{PendingMetadataCacheConfig, PendingSliverCacheConfig};

/// A cached sliver: its BCS form by pair and sliver type.
type Slivers = HashMap<(SliverPairIndex, SliverType), Vec<u8>>;

#[derive(Debug)]
struct PendingSlivers {
    slivers: Slivers,
    touched: Instant,
}

#[derive(Debug, Default)]
struct Entries {
    metadata: HashMap<BlobId, (VerifiedBlobMetadataWithId, Instant)>,
    slivers: HashMap<BlobId, PendingSlivers>,
    sliver_count: usize,
    sliver_bytes: usize,
}

/// Whether something could be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cached {
    /// It is new.
    New,
    /// It was there already.
    Existing,
    /// There is no room.
    Saturated,
}

/// Everything that is cached of one blob.
#[derive(Debug)]
pub(crate) struct PendingBlob {
    pub(crate) metadata: Option<VerifiedBlobMetadataWithId>,
    pub(crate) slivers: Slivers,
}

/// The caches of one node.
#[derive(Debug)]
pub(crate) struct PendingCache {
    sliver_limits: PendingSliverCacheConfig,
    metadata_limits: PendingMetadataCacheConfig,
    entries: Mutex<Entries>,
}

impl PendingCache {
    pub(crate) fn new(
        sliver_limits: PendingSliverCacheConfig,
        metadata_limits: PendingMetadataCacheConfig,
    ) -> Self {
        Self {
            sliver_limits,
            metadata_limits,
            entries: Mutex::default(),
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let ttl = Duration::from_secs(self.metadata_limits.cache_ttl);
        entries
            .metadata
            .retain(|_, (_, inserted)| inserted.elapsed() < ttl);
        entries
    }

    pub(crate) fn metadata(&self, blob_id: &BlobId) -> Option<VerifiedBlobMetadataWithId> {
        let entries = self.entries();
        entries
            .metadata
            .get(blob_id)
            .map(|(metadata, _)| metadata.clone())
    }

    pub(crate) fn has_sliver(
        &self,
        blob_id: &BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
    ) -> bool {
        let entries = self.entries();
        entries
            .slivers
            .get(blob_id)
            .is_some_and(|pending| pending.slivers.contains_key(&(pair, sliver_type)))
    }

    /// Whether anything of the blob is cached.
    pub(crate) fn holds(&self, blob_id: &BlobId) -> bool {
        let entries = self.entries();
        entries.metadata.contains_key(blob_id) || entries.slivers.contains_key(blob_id)
    }

    pub(crate) fn insert_metadata(&self, metadata: VerifiedBlobMetadataWithId) -> Cached {
        let mut entries = self.entries();
        let blob_id = *metadata.blob_id();
        if entries.metadata.contains_key(&blob_id) {
            return Cached::Existing;
        }
        if self.metadata_limits.cache_ttl == 0
            || entries.metadata.len() >= self.metadata_limits.max_cached_entries
        {
            return Cached::Saturated;
        }
        entries.metadata.insert(blob_id, (metadata, Instant::now()));
        Cached::New
    }

    pub(crate) fn insert_sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        bytes: Vec<u8>,
    ) -> Cached {
        let mut entries = self.entries();
        let limits = &self.sliver_limits;
        let entry = entries.slivers.get(&blob_id);
        if entry.is_some_and(|pending| pending.slivers.contains_key(&(pair, sliver_type))) {
            return Cached::Existing;
        }
        let fits = |entries: &Entries| {
            entries.sliver_count < limits.max_cached_slivers
                && entries.sliver_bytes.saturating_add(bytes.len()) <= limits.max_cached_bytes
        };
        if limits.cache_ttl == 0 || bytes.len() > limits.max_cached_sliver_bytes {
            return Cached::Saturated;
        }
        if !fits(&entries) {
            entries.drop_expired(Duration::from_secs(limits.cache_ttl));
        }
        if !fits(&entries) {
            return Cached::Saturated;
        }
        entries.add(blob_id, (pair, sliver_type), bytes);
        Cached::New
    }

    /// Takes everything of a blob out.
    pub(crate) fn take(&self, blob_id: &BlobId) -> PendingBlob {
        let mut entries = self.entries();
        let metadata = entries
            .metadata
            .remove(blob_id)
            .map(|(metadata, _)| metadata);
        let slivers = entries.remove_slivers(blob_id);
        PendingBlob { metadata, slivers }
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back(&self, blob_id: BlobId, blob: PendingBlob) {
        let mut entries = self.entries();
        if let Some(metadata) = blob.metadata {
            entries.metadata.insert(blob_id, (metadata, Instant::now()));
        }
        for (key, bytes) in blob.slivers {
            entries.add(blob_id, key, bytes);
        }
    }
}

impl Entries {
    fn add(&mut self, blob_id: BlobId, key: (SliverPairIndex, SliverType), bytes: Vec<u8>) {
        let length = bytes.len();
        let pending = self
            .slivers
            .entry(blob_id)
            .or_insert_with(|| PendingSlivers {
                slivers: HashMap::new(),
                touched: Instant::now(),
            });
        pending.touched = Instant::now();
        if pending.slivers.insert(key, bytes).is_none() {
            self.sliver_count = self.sliver_count.saturating_add(1);
            self.sliver_bytes = self.sliver_bytes.saturating_add(length);
        }
    }

    fn remove_slivers(&mut self, blob_id: &BlobId) -> Slivers {
        let slivers = self
            .slivers
            .remove(blob_id)
            .map(|pending| pending.slivers)
            .unwrap_or_default();
        let bytes = slivers.values().map(Vec::len).sum();
        self.sliver_count = self.sliver_count.saturating_sub(slivers.len());
        self.sliver_bytes = self.sliver_bytes.saturating_sub(bytes);
        slivers
    }

    fn drop_expired(&mut self, ttl: Duration) {
        let expired: Vec<_> = self
            .slivers
            .iter()
            .filter(|(_, pending)| pending.touched.elapsed() >= ttl)
            .map(|(blob_id, _)| *blob_id)
            .collect();
        for blob_id in expired {
            self.remove_slivers(&blob_id);
        }
    }
}
