//! Parts of a blob: which slivers they take, and what becomes of them when those are not to be had.

use std::{collections::BTreeSet, ops::Range};

use walrus_core::SliverType;
use walrus_sdk::{ClientError, RemoteBlob, Spool};

use crate::network::{Behaviour, FAULTY, NODES, Network, content, encode};

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
