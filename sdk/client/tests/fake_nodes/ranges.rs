//! Parts of a blob: which slivers they take, and what becomes of them when those are not to be had.

use std::{
    collections::BTreeSet,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::{BoxFuture, join_all};
use walrus_core::{BlobId, SliverIndex, SliverType};
use walrus_sdk::{ClientError, ReadBudget, RemoteBlob, SliverCache, Spool};

use crate::network::{Behaviour, FAULTY, NODES, Network, content, encode};

/// Far below any timeout of a request: nobody was waited for.
const PROMPT: Duration = Duration::from_secs(5);

/// Bytes of a primary sliver: 14 symbols of 448 bytes.
const SLIVER: u64 = 14 * 448;

async fn read(network: &Network, range: Range<u64>) -> Result<Vec<u8>, ClientError> {
    let id = *network.nodes[0].blob().metadata.blob_id();
    let blob = RemoteBlob::open(&network.committee, id, &Spool::default()).await?;
    assert_eq!(blob.length(), 50_000);
    blob.range(range)?.into_bytes().await
}

fn wanted(network: &Network) -> BTreeSet<u16> {
    let nodes = network.nodes.iter();
    let all = nodes.flat_map(|node| std::mem::take(&mut *node.wanted.lock().unwrap()));
    all.map(|(pair, sliver_type)| {
        assert_eq!(sliver_type, SliverType::Primary);
        pair.0
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_takes_the_slivers_that_cover_it() {
    let (content, blob) = (content(0), encode(&content(0)));
    let network = Network::start(Some(&blob), vec![]).await;
    for (range, slivers) in [
        (0..1, 0..1),
        (0..SLIVER, 0..1),
        (0..SLIVER + 1, 0..2),
        (SLIVER - 1..SLIVER + 1, 0..2),
        (SLIVER..2 * SLIVER, 1..2),
        (49_999..50_000, 7..8),
        (0..50_000, 0..8),
        (7..7, 0..0),
        (50_000..50_000, 0..0),
    ] {
        let expected = &content[range.start as usize..range.end as usize];
        assert_eq!(
            read(&network, range.clone()).await.unwrap(),
            expected,
            "{range:?}"
        );
        assert_eq!(wanted(&network), slivers.collect(), "{range:?}");
    }
    for (start, end) in [(0, 50_001), (50_001, 50_001), (2, 1), (0, u64::MAX)] {
        let error = read(&network, Range { start, end }).await.unwrap_err();
        assert!(
            matches!(
                error,
                ClientError::RangeNotSatisfiable { length: 50_000, .. }
            ),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slivers_of_nodes_that_are_down_or_lie_are_recovered() {
    let (content, blob) = (content(0), encode(&content(0)));
    for behaviour in [
        Behaviour::Down,
        Behaviour::CorruptSlivers,
        Behaviour::Empty,
        Behaviour::OnlySecondary,
    ] {
        let network = Network::start(Some(&blob), vec![behaviour.clone(); FAULTY]).await;
        assert_eq!(
            read(&network, 0..50_000).await.unwrap(),
            content,
            "{behaviour:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_read_as_long_as_the_blob_is() {
    let (content, blob) = (content(0), encode(&content(0)));
    // Recovered from symbols of secondary slivers.
    let network = Network::start(Some(&blob), vec![Behaviour::OnlySecondary; NODES]).await;
    assert_eq!(read(&network, 0..10).await.unwrap(), &content[..10]);
    // Eight shards of twenty decode the blob, and recover none of its slivers.
    let network = Network::start(Some(&blob), vec![Behaviour::Down; NODES - 4]).await;
    assert_eq!(
        read(&network, 10..49_000).await.unwrap(),
        &content[10..49_000]
    );
    let network = Network::start(Some(&blob), vec![Behaviour::Down; NODES - 3]).await;
    let error = read(&network, 0..50_000).await.unwrap_err();
    assert!(
        matches!(error, ClientError::NotEnoughSlivers { got: 6, .. }),
        "{error}"
    );
}

async fn open(data: &[u8], faulty: Vec<Behaviour>) -> (Network, RemoteBlob) {
    let blob = encode(data);
    let network = Network::start(Some(&blob), faulty).await;
    let id = *blob.metadata.blob_id();
    let blob = RemoteBlob::open(&network.committee, id, &Spool::default()).await;
    (network, blob.unwrap())
}

async fn bytes_of(blob: &RemoteBlob, range: Range<u64>) -> Result<Vec<u8>, ClientError> {
    blob.range(range)?.into_bytes().await
}

async fn all_of(blob: &RemoteBlob) -> Result<Vec<u8>, ClientError> {
    bytes_of(blob, 0..blob.length()).await
}

/// Ranges around the edges of slivers, and of the blob.
fn edges(blob: &RemoteBlob) -> Vec<Range<u64>> {
    let (size, length) = (blob.length(), blob.sliver_length());
    let edges = [
        0,
        1,
        length - 1,
        length,
        length + 1,
        3 * length,
        size - 1,
        size,
    ];
    let pairs = edges.iter().flat_map(|start| {
        let ends = edges.iter().filter(move |end| start <= *end);
        ends.map(move |end| *start..*end)
    });
    pairs.collect()
}

async fn every_range_is_right(blob: &RemoteBlob, data: &[u8]) {
    for range in edges(blob) {
        let expected = &data[range.start as usize..range.end as usize];
        let found = bytes_of(blob, range.clone()).await.unwrap();
        assert!(found == expected, "{range:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_range_is_that_of_the_blob() {
    let (_network, blob) = open(&content(0), vec![]).await;
    every_range_is_right(&blob, &content(0)).await;
    // One byte short of whole slivers, and the smallest blobs.
    for length in [0, 1, 2, 3, 223, 224, 225] {
        let data = &content(1)[..length];
        let (_network, blob) = open(data, vec![]).await;
        assert_eq!(all_of(&blob).await.unwrap(), data);
    }
    // Decoded, where too little is left to recover slivers.
    let (_network, blob) = open(&content(0), vec![Behaviour::Down; NODES - 4]).await;
    every_range_is_right(&blob, &content(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_nodes_are_not_waited_for() {
    let started = Instant::now();
    let (_network, blob) = open(&content(0), vec![Behaviour::Silent; FAULTY]).await;
    assert!(all_of(&blob).await.unwrap() == content(0));
    let elapsed = started.elapsed();
    assert!(elapsed < PROMPT, "it took {elapsed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_give_their_memory_back() {
    let budget = ReadBudget::new(1 << 10);
    let (_network, blob) = open(&content(0), vec![]).await;
    let blob = blob.with_budget(budget.clone());
    // More readers than the budget has room for, in turns.
    for found in join_all((0..8).map(|_| all_of(&blob))).await {
        assert!(found.unwrap() == content(0));
    }
    assert_eq!(budget.in_use(), 0);
    let mut dropped = blob.range(0..blob.length()).unwrap();
    dropped.next().await.unwrap().unwrap();
    assert_eq!(budget.in_use(), 1 << 10);
    drop(dropped);
    assert_eq!(budget.in_use(), 0);
}

/// Has the second sliver, and counts.
#[derive(Default)]
struct Counting(AtomicU32);

impl SliverCache for Counting {
    fn sliver<'a>(
        &'a self,
        _: &'a BlobId,
        index: SliverIndex,
        fetch: BoxFuture<'a, Result<Bytes, ClientError>>,
    ) -> BoxFuture<'a, Result<Bytes, ClientError>> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if index == SliverIndex(1) {
            return Box::pin(std::future::ready(Ok(Bytes::from_static(b"kept"))));
        }
        fetch
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_cache_keeps_is_not_asked_for() {
    let cache = Arc::new(Counting::default());
    let (network, blob) = open(&content(0), vec![]).await;
    let blob = blob.with_cache(cache.clone());
    let found = bytes_of(&blob, SLIVER..SLIVER + 4).await.unwrap();
    assert_eq!(found, b"kept");
    assert_eq!(bytes_of(&blob, 0..1).await.unwrap(), content(0)[..1]);
    assert_eq!(cache.0.load(Ordering::Relaxed), 2);
    assert_eq!(wanted(&network), BTreeSet::from([0]));
}

/// Lets the first slivers pass, and none behind them.
struct UpTo(u16);

impl SliverCache for UpTo {
    fn sliver<'a>(
        &'a self,
        _: &'a BlobId,
        index: SliverIndex,
        fetch: BoxFuture<'a, Result<Bytes, ClientError>>,
    ) -> BoxFuture<'a, Result<Bytes, ClientError>> {
        match index.0 < self.0 {
            true => fetch,
            false => Box::pin(std::future::pending()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_is_handed_out_before_the_last_sliver_is_there() {
    let (_network, blob) = open(&content(0), vec![]).await;
    let mut body = blob.with_cache(Arc::new(UpTo(1))).range(0..50_000).unwrap();
    let first = body.next().await.unwrap().unwrap();
    assert_eq!(first, content(0)[..first.len()]);
    assert_eq!(first.len() as u64, SLIVER);
}
