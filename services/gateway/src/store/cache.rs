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
use walrus_sdk::{BlobId, ClientError, QuiltPatch, RemoteBody, SliverCache, SliverIndex};

use crate::limits;

/// Bytes beside a value: key, entry, allocation.
const ENTRY_BYTES: u64 = 256;

/// Bytes of a part of a manifest: blob ID, length, end.
const PART_BYTES: u64 = 48;

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
        let n_shards = opened.reader.blob().metadata().n_shards();
        let hashes = u64::from(n_shards).saturating_mul(2 * 33);
        let parts = opened
            .reader
            .manifest()
            .map_or(0, |m| m.parts().len() as u64);
        let parts = parts.saturating_mul(PART_BYTES);
        ENTRY_BYTES.saturating_add(hashes).saturating_add(parts)
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
    pub(super) reader: RemoteBody,
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
        open: impl Future<Output = Result<RemoteBody, E>>,
    ) -> Result<RemoteBody, E> {
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

/// Blobs that were certified a moment ago.
pub(super) struct Certified {
    since: Cache<BlobId, Instant>,
    believed: Duration,
}

impl Certified {
    pub(super) fn new(believed: Duration) -> Self {
        let since = Cache::new(limits::JUST_CERTIFIED);
        Self { since, believed }
    }

    /// One more; of too many the oldest are forgotten.
    pub(super) fn note(&self, blob_id: BlobId) {
        self.since.insert(blob_id, Instant::now());
    }

    /// Whether it was certified not longer ago than it is believed.
    pub(super) fn has(&self, blob_id: &BlobId) -> bool {
        let since = self.since.get(blob_id);
        since.is_some_and(|since| since.elapsed() <= self.believed)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    const BLOB: BlobId = BlobId([1; 32]);

    /// Nodes that give slivers of so many bytes, each when it is let.
    struct Nodes {
        length: usize,
        asked: AtomicUsize,
        answers: Semaphore,
    }

    impl Nodes {
        fn new(length: usize, answers: usize) -> Arc<Self> {
            Arc::new(Self {
                length,
                asked: AtomicUsize::new(0),
                answers: Semaphore::new(answers),
            })
        }

        async fn fetch(self: Arc<Self>) -> Result<Bytes, ClientError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.answers.acquire().await.unwrap().forget();
            Ok(vec![7; self.length].into())
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::Relaxed)
        }
    }

    fn read(
        slivers: &Arc<Slivers>,
        nodes: &Arc<Nodes>,
        index: u16,
    ) -> impl Future<Output = Result<Bytes, ClientError>> + Send + use<> {
        let (slivers, nodes) = (Arc::clone(slivers), Arc::clone(nodes));
        async move {
            let fetch = Box::pin(nodes.fetch());
            slivers.sliver(&BLOB, SliverIndex(index), fetch).await
        }
    }

    /// Runs whatever is ready.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn identical_reads_at_the_same_time_are_one() {
        // Small ones, and such that are too large to be kept.
        for (length, kept) in [(1_000, true), (90_000, false), (200_000, false)] {
            let (slivers, nodes) = (Slivers::new(100_000), Nodes::new(length, 0));
            let reads: Vec<_> = (0..20)
                .map(|_| tokio::spawn(read(&slivers, &nodes, 3)))
                .collect();
            settle().await;
            assert_eq!(nodes.asked(), 1, "{length}");
            nodes.answers.add_permits(1);
            for read in reads {
                assert_eq!(read.await.unwrap().unwrap().len(), length);
            }
            assert_eq!(nodes.asked(), 1, "{length}");
            nodes.answers.add_permits(1);
            read(&slivers, &nodes, 3).await.unwrap();
            assert_eq!(nodes.asked() == 1, kept, "{length}");
        }
    }

    #[tokio::test]
    async fn whoever_waits_goes_on_when_the_one_who_asked_leaves() {
        let (slivers, nodes) = (Slivers::new(100_000), Nodes::new(1_000, 0));
        let first = tokio::spawn(read(&slivers, &nodes, 3));
        settle().await;
        let second = tokio::spawn(read(&slivers, &nodes, 3));
        settle().await;
        first.abort();
        nodes.answers.add_permits(1);
        assert_eq!(second.await.unwrap().unwrap().len(), 1_000);
        assert_eq!(nodes.asked(), 2);
    }

    #[tokio::test]
    async fn what_is_kept_stays_within_its_bytes() {
        let (slivers, nodes) = (Slivers::new(100_000), Nodes::new(9_000, 1_000));
        for index in 0..200 {
            read(&slivers, &nodes, index).await.unwrap();
            assert!(slivers.weight() <= 100_000);
        }
        assert!(slivers.weight() > 50_000, "{}", slivers.weight());
    }

    #[test]
    fn what_was_just_certified_is_known_for_a_while() {
        let certified = Certified::new(Duration::from_secs(3600));
        assert!(!certified.has(&BLOB));
        certified.note(BLOB);
        assert!(certified.has(&BLOB));
        let forgetful = Certified::new(Duration::ZERO);
        forgetful.note(BLOB);
        while forgetful.has(&BLOB) {
            std::thread::yield_now();
        }
        for number in 0..10 * limits::JUST_CERTIFIED as u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_le_bytes());
            certified.note(BlobId(id));
        }
        assert!(certified.since.len() <= limits::JUST_CERTIFIED);
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let (slivers, nodes) = (Slivers::new(100_000), Nodes::new(1_000, 1));
        let failing = Box::pin(async { Err(ClientError::NoEpochs) });
        let index = SliverIndex(3);
        assert!(slivers.sliver(&BLOB, index, failing).await.is_err());
        assert!(read(&slivers, &nodes, 3).await.is_ok());
    }
}
