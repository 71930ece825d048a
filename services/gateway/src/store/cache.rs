//! Caches with a budget of bytes: slivers of hot blobs, and blobs that were opened.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use walrus_sdk::{BlobId, ClientError, QuiltPatch, RemoteBlob, SliverCache, SliverIndex};

use crate::limits;

/// Bytes beside a value: key, entry, allocation.
const ENTRY_BYTES: u64 = 256;

/// Weighs by bytes.
#[derive(Clone)]
struct ByBytes;

type SliverKey = (BlobId, SliverIndex);

impl Weighter<SliverKey, Bytes> for ByBytes {
    fn weight(&self, _: &SliverKey, sliver: &Bytes) -> u64 {
        ENTRY_BYTES.saturating_add(sliver.len() as u64)
    }
}

impl Weighter<BlobId, Opened> for ByBytes {
    fn weight(&self, _: &BlobId, opened: &Opened) -> u64 {
        // Two hashes for each shard.
        let hashes = u64::from(opened.reader.metadata().n_shards()).saturating_mul(2 * 33);
        ENTRY_BYTES.saturating_add(hashes)
    }
}

impl Weighter<BlobId, Arc<[QuiltPatch]>> for ByBytes {
    fn weight(&self, _: &BlobId, patches: &Arc<[QuiltPatch]>) -> u64 {
        let of_patch = |patch: &QuiltPatch| {
            let tags = patch.tags.iter();
            let tags = tags.map(|(key, value)| key.len().saturating_add(value.len()));
            let text = tags.fold(patch.identifier.len(), usize::saturating_add);
            ENTRY_BYTES.saturating_add(text as u64)
        };
        patches
            .iter()
            .map(of_patch)
            .fold(ENTRY_BYTES, u64::saturating_add)
    }
}

type Bounded<K, V> = Cache<K, V, ByBytes, DefaultHashBuilder, DefaultLifecycle<K, V>>;

/// A cache of so many bytes. It is one shard: an entry may be as large as the whole.
fn bounded<K, V>(bytes: u64, least_entry: u64) -> Bounded<K, V>
where
    K: Eq + std::hash::Hash + Clone,
    V: Clone,
    ByBytes: Weighter<K, V>,
{
    let items = usize::try_from(bytes / least_entry.max(1)).unwrap_or(usize::MAX);
    let mut options = OptionsBuilder::new();
    options
        .shards(1)
        .estimated_items_capacity(items.max(1))
        .weight_capacity(bytes);
    let (hasher, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
    match options.build() {
        Ok(options) => Cache::with_options(options, ByBytes, hasher, lifecycle),
        // Not reached: what must be set is set. The same with more shards would do, too.
        Err(_) => Cache::with(items, bytes, ByBytes, hasher, lifecycle),
    }
}

/// Slivers of hot blobs.
pub(super) struct Slivers {
    kept: Bounded<SliverKey, Bytes>,
    bytes: u64,
}

impl Slivers {
    pub(super) fn new(bytes: u64) -> Arc<Self> {
        // Slivers of the smallest blobs are far smaller, but those do not fill a cache.
        let kept = bounded(bytes, 64 << 10);
        Arc::new(Self { kept, bytes })
    }

    /// Bytes that are kept now.
    pub(super) fn weight(&self) -> u64 {
        self.kept.weight()
    }
}

impl SliverCache for Slivers {
    fn sliver<'a>(
        &'a self,
        blob_id: &'a BlobId,
        index: SliverIndex,
        fetch: BoxFuture<'a, Result<Bytes, ClientError>>,
    ) -> BoxFuture<'a, Result<Bytes, ClientError>> {
        Box::pin(async move {
            let key = (*blob_id, index);
            let sliver = self.kept.get_or_insert_async(&key, fetch).await?;
            if sliver.len() as u64 > self.bytes / limits::SLIVER_CACHE_PART {
                self.kept.remove(&key);
            }
            Ok(sliver)
        })
    }
}

/// A blob that was opened, and when it was last found certified.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) reader: RemoteBlob,
    pub(super) certified_at: Instant,
}

/// Blobs that were opened a while ago.
pub(super) struct Readers {
    kept: Bounded<BlobId, Opened>,
    believed: Duration,
}

impl Readers {
    pub(super) fn new(bytes: u64, believed: Duration) -> Self {
        let kept = bounded(bytes, 6600);
        Self { kept, believed }
    }

    /// The reader of a blob, opened by `open` if it is not kept, or was kept for too long; once for all who ask at the same time.
    pub(super) async fn get<E>(
        &self,
        blob_id: &BlobId,
        open: impl Future<Output = Result<RemoteBlob, E>>,
    ) -> Result<RemoteBlob, E> {
        self.kept.remove_if(blob_id, |opened| {
            opened.certified_at.elapsed() > self.believed
        });
        let open = async {
            Ok(Opened {
                reader: open.await?,
                certified_at: Instant::now(),
            })
        };
        let opened = self.kept.get_or_insert_async(blob_id, open).await?;
        Ok(opened.reader)
    }

    /// Bytes that are kept now.
    pub(super) fn weight(&self) -> u64 {
        self.kept.weight()
    }
}

/// Indexes of quilts, which never change.
pub(super) struct Indexes(Bounded<BlobId, Arc<[QuiltPatch]>>);

impl Indexes {
    pub(super) fn new(bytes: u64) -> Self {
        Self(bounded(bytes, 1 << 10))
    }

    /// The index of a quilt, read by `read` if it is not kept; once for all who ask at the same time.
    pub(super) async fn get<E>(
        &self,
        quilt_id: &BlobId,
        read: impl Future<Output = Result<Arc<[QuiltPatch]>, E>>,
    ) -> Result<Arc<[QuiltPatch]>, E> {
        self.0.get_or_insert_async(quilt_id, read).await
    }

    /// Bytes that are kept now.
    pub(super) fn weight(&self) -> u64 {
        self.0.weight()
    }
}
