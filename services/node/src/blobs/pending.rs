//! Pending uploads: what came before the registration of its blob, in memory. Node spec 4.3.
//!
//! Only verified data enter: metadata that hashes to its blob ID, slivers that match cached metadata. Each piece counts for whoever
//! sent it, so that nobody fills the cache alone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use walrus_core::{BlobId, SliverPairIndex, SliverType, VerifiedBlobMetadataWithId};
use walrus_service::{
    server::Caller,
    worker::{Failure, Step, Worker},
};

use crate::{
    config::{PendingMetadataCacheConfig, PendingSliverCacheConfig},
    limits::PENDING_SWEEP,
};

/// Cached slivers: their BCS form by pair and type.
type Slivers = HashMap<(SliverPairIndex, SliverType), Piece<Vec<u8>>>;

/// Something that somebody sent.
#[derive(Debug, Clone)]
pub(crate) struct Piece<T> {
    pub(crate) content: T,
    /// Who sent it.
    caller: Caller,
    /// What it counts for.
    bytes: usize,
}

#[derive(Debug)]
struct PendingSlivers {
    slivers: Slivers,
    touched: Instant,
}

#[derive(Debug, Default)]
struct Entries {
    metadata: HashMap<BlobId, (Piece<VerifiedBlobMetadataWithId>, Instant)>,
    slivers: HashMap<BlobId, PendingSlivers>,
    sliver_count: usize,
    sliver_bytes: usize,
    /// Bytes of each caller, metadata included.
    callers: HashMap<Caller, usize>,
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

/// How much is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PendingCounts {
    pub(crate) slivers: usize,
    /// Of slivers.
    pub(crate) bytes: usize,
    /// Those of which slivers are cached.
    pub(crate) blobs: usize,
    pub(crate) metadata: usize,
}

/// Everything that is cached of one blob.
#[derive(Debug)]
pub(crate) struct PendingBlob {
    pub(crate) metadata: Option<Piece<VerifiedBlobMetadataWithId>>,
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
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what has been waiting for too long.
    pub(crate) fn sweep(&self) {
        let metadata = Duration::from_secs(self.metadata_limits.cache_ttl);
        let slivers = Duration::from_secs(self.sliver_limits.cache_ttl);
        self.entries().drop_expired(metadata, slivers);
    }

    pub(crate) fn metadata(&self, blob_id: &BlobId) -> Option<VerifiedBlobMetadataWithId> {
        let ttl = Duration::from_secs(self.metadata_limits.cache_ttl);
        let entries = self.entries();
        let (metadata, inserted) = entries.metadata.get(blob_id)?;
        (inserted.elapsed() < ttl).then(|| metadata.content.clone())
    }

    /// The pairs and types of the slivers that are cached of a blob.
    pub(crate) fn slivers(&self, blob_id: &BlobId) -> Vec<(SliverPairIndex, SliverType)> {
        let entries = self.entries();
        let pending = entries.slivers.get(blob_id);
        pending.map_or_else(Vec::new, |pending| {
            pending.slivers.keys().copied().collect()
        })
    }

    pub(crate) fn counts(&self) -> PendingCounts {
        let entries = self.entries();
        PendingCounts {
            slivers: entries.sliver_count,
            bytes: entries.sliver_bytes,
            blobs: entries.slivers.len(),
            metadata: entries.metadata.len(),
        }
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

    /// Whether one caller may have so many bytes more.
    fn has_share(&self, entries: &Entries, caller: Caller, bytes: usize) -> bool {
        let used = entries.callers.get(&caller).copied().unwrap_or_default();
        used.saturating_add(bytes) <= self.sliver_limits.max_cached_bytes_per_address
    }

    pub(crate) fn insert_metadata(
        &self,
        metadata: VerifiedBlobMetadataWithId,
        caller: Caller,
    ) -> Cached {
        self.sweep();
        let mut entries = self.entries();
        let blob_id = *metadata.blob_id();
        if entries.metadata.contains_key(&blob_id) {
            return Cached::Existing;
        }
        let bytes = size_of_val(metadata.metadata().hashes());
        if self.metadata_limits.cache_ttl == 0
            || entries.metadata.len() >= self.metadata_limits.max_cached_entries
            || !self.has_share(&entries, caller, bytes)
        {
            return Cached::Saturated;
        }
        let piece = Piece {
            content: metadata,
            caller,
            bytes,
        };
        entries.add_metadata(blob_id, piece);
        Cached::New
    }

    pub(crate) fn insert_sliver(
        &self,
        blob_id: BlobId,
        pair: SliverPairIndex,
        sliver_type: SliverType,
        content: Vec<u8>,
        caller: Caller,
    ) -> Cached {
        self.sweep();
        let mut entries = self.entries();
        let limits = &self.sliver_limits;
        let entry = entries.slivers.get(&blob_id);
        if entry.is_some_and(|pending| pending.slivers.contains_key(&(pair, sliver_type))) {
            return Cached::Existing;
        }
        let bytes = content.len();
        let fits = limits.cache_ttl > 0
            && bytes <= limits.max_cached_sliver_bytes
            && entries.sliver_count < limits.max_cached_slivers
            && entries.sliver_bytes.saturating_add(bytes) <= limits.max_cached_bytes
            && self.has_share(&entries, caller, bytes);
        if !fits {
            return Cached::Saturated;
        }
        let piece = Piece {
            content,
            caller,
            bytes,
        };
        entries.add_sliver(blob_id, (pair, sliver_type), piece);
        Cached::New
    }

    /// Takes everything of a blob out.
    pub(crate) fn take(&self, blob_id: &BlobId) -> PendingBlob {
        let mut entries = self.entries();
        let metadata = entries.remove_metadata(blob_id);
        let slivers = entries.remove_slivers(blob_id);
        PendingBlob { metadata, slivers }
    }

    /// Puts back what could not be stored.
    pub(crate) fn put_back(&self, blob_id: BlobId, blob: PendingBlob) {
        let mut entries = self.entries();
        if let Some(metadata) = blob.metadata {
            entries.add_metadata(blob_id, metadata);
        }
        for (key, piece) in blob.slivers {
            entries.add_sliver(blob_id, key, piece);
        }
    }
}

impl Entries {
    fn charge(&mut self, caller: Caller, bytes: usize) {
        let used = self.callers.entry(caller).or_default();
        *used = used.saturating_add(bytes);
    }

    fn discharge(&mut self, caller: Caller, bytes: usize) {
        if let Some(used) = self.callers.get_mut(&caller) {
            *used = used.saturating_sub(bytes);
            if *used == 0 {
                self.callers.remove(&caller);
            }
        }
    }

    fn add_metadata(&mut self, blob_id: BlobId, piece: Piece<VerifiedBlobMetadataWithId>) {
        self.remove_metadata(&blob_id);
        self.charge(piece.caller, piece.bytes);
        self.metadata.insert(blob_id, (piece, Instant::now()));
    }

    fn remove_metadata(&mut self, blob_id: &BlobId) -> Option<Piece<VerifiedBlobMetadataWithId>> {
        let (piece, _) = self.metadata.remove(blob_id)?;
        self.discharge(piece.caller, piece.bytes);
        Some(piece)
    }

    fn add_sliver(
        &mut self,
        blob_id: BlobId,
        key: (SliverPairIndex, SliverType),
        piece: Piece<Vec<u8>>,
    ) {
        let (caller, bytes) = (piece.caller, piece.bytes);
        let pending = self
            .slivers
            .entry(blob_id)
            .or_insert_with(|| PendingSlivers {
                slivers: HashMap::new(),
                touched: Instant::now(),
            });
        pending.touched = Instant::now();
        if let Some(before) = pending.slivers.insert(key, piece) {
            self.discharge(before.caller, before.bytes);
            self.sliver_bytes = self.sliver_bytes.saturating_sub(before.bytes);
        } else {
            self.sliver_count = self.sliver_count.saturating_add(1);
        }
        self.sliver_bytes = self.sliver_bytes.saturating_add(bytes);
        self.charge(caller, bytes);
    }

    fn remove_slivers(&mut self, blob_id: &BlobId) -> Slivers {
        let slivers = self
            .slivers
            .remove(blob_id)
            .map(|pending| pending.slivers)
            .unwrap_or_default();
        for piece in slivers.values() {
            self.discharge(piece.caller, piece.bytes);
            self.sliver_bytes = self.sliver_bytes.saturating_sub(piece.bytes);
        }
        self.sliver_count = self.sliver_count.saturating_sub(slivers.len());
        slivers
    }

    fn drop_expired(&mut self, metadata: Duration, slivers: Duration) {
        let expired: Vec<_> = self
            .metadata
            .iter()
            .filter(|(_, (_, inserted))| inserted.elapsed() >= metadata)
            .map(|(blob_id, _)| *blob_id)
            .collect();
        for blob_id in expired {
            self.remove_metadata(&blob_id);
        }
        let expired: Vec<_> = self
            .slivers
            .iter()
            .filter(|(_, pending)| pending.touched.elapsed() >= slivers)
            .map(|(blob_id, _)| *blob_id)
            .collect();
        for blob_id in expired {
            self.remove_slivers(&blob_id);
        }
    }
}

/// Forgets pending uploads when their time is over, also while nobody asks.
#[derive(Debug)]
pub(crate) struct PendingSweep(pub(crate) Arc<PendingCache>);

impl Worker for PendingSweep {
    fn name(&self) -> &'static str {
        "pending-uploads"
    }

    async fn work(&mut self) -> Result<Step, Failure> {
        self.0.sweep();
        Ok(Step::WaitAtMost(PENDING_SWEEP))
    }
}

#[cfg(test)]
mod tests {
    use walrus_core::{EncodingConfig, encoder::BlobEncoder};

    use super::*;

    const PRIMARY: SliverType = SliverType::Primary;

    fn caller(last: u8) -> Caller {
        Caller::at([10, 0, 0, last].into())
    }

    fn cache(ttl: u64) -> PendingCache {
        let slivers = PendingSliverCacheConfig {
            max_cached_bytes: 300,
            max_cached_bytes_per_address: 200,
            cache_ttl: ttl,
            ..PendingSliverCacheConfig::default()
        };
        PendingCache::new(slivers, PendingMetadataCacheConfig::default())
    }

    fn insert(cache: &PendingCache, blob: u8, pair: u16, from: u8) -> Cached {
        let pair = SliverPairIndex(pair);
        cache.insert_sliver(
            BlobId([blob; 32]),
            pair,
            PRIMARY,
            vec![0; 100],
            caller(from),
        )
    }

    #[test]
    fn nobody_fills_the_cache_alone() {
        let cache = cache(60);
        assert_eq!(insert(&cache, 1, 0, 1), Cached::New);
        assert_eq!(insert(&cache, 1, 0, 1), Cached::Existing);
        assert_eq!(insert(&cache, 2, 0, 1), Cached::New);
        assert_eq!(insert(&cache, 2, 1, 1), Cached::Saturated);
        assert_eq!(insert(&cache, 2, 1, 2), Cached::New);
        assert_eq!(insert(&cache, 2, 2, 2), Cached::Saturated);
        let taken = cache.take(&BlobId([2; 32]));
        assert_eq!(insert(&cache, 3, 0, 1), Cached::New);
        cache.put_back(BlobId([2; 32]), taken);
        cache.take(&BlobId([1; 32]));
        cache.take(&BlobId([2; 32]));
        cache.take(&BlobId([3; 32]));
        let entries = cache.entries();
        assert!(entries.callers.is_empty());
        assert_eq!((entries.sliver_bytes, entries.sliver_count), (0, 0));
    }

    #[test]
    fn metadata_counts_for_its_sender_too() {
        let cache = cache(60);
        let config = EncodingConfig::new(10).unwrap();
        let metadata = BlobEncoder::new(config, b"blob").unwrap();
        let metadata = metadata.compute_metadata().unwrap();
        // It has 66 bytes for each of ten shards.
        let saturated = cache.insert_metadata(metadata, caller(1));
        assert_eq!(saturated, Cached::Saturated);
    }

    #[test]
    fn what_has_waited_for_too_long_is_forgotten_without_being_asked_for() {
        let cache = cache(60);
        insert(&cache, 1, 0, 1);
        let mut entries = cache.entries();
        entries.drop_expired(Duration::ZERO, Duration::ZERO);
        assert!(entries.slivers.is_empty() && entries.callers.is_empty());
    }
}
