//! Quilts: which slivers a patch takes, and what becomes of it when they are not to be had.

use std::{collections::BTreeSet, sync::Arc};

use walrus_core::{
    SliverPairIndex, SliverType,
    encoder::EncodedBlob,
    quilt::{Identifier, NewPatch, QuiltLayout},
};
use walrus_sdk::{
    BlobId, ClientError, PatchBody, PatchColumns, Quilt, QuiltPatchId, QuiltProblem, ReadBudget,
    Spool, Tags,
};

use crate::network::{Behaviour, FAULTY, NODES, Network, SHARDS_PER_NODE, config, content, encode};

/// Names of the patches, and which part of the test's content each has.
const PATCHES: [(&str, std::ops::Range<usize>); 4] = [
    ("a", 0..1),
    ("b", 1_000..9_000),
    ("c", 0..0),
    ("d", 10_000..30_000),
];

fn data(name: &str) -> Vec<u8> {
    let (_, range) = PATCHES.iter().find(|(one, _)| *one == name).unwrap();
    content(0)[range.clone()].to_vec()
}

fn quilt() -> (QuiltLayout, Arc<EncodedBlob>) {
    let patches = PATCHES.iter().map(|(name, range)| NewPatch {
        identifier: Identifier::new(*name).unwrap(),
        tags: Tags::new([("first".to_owned(), (*name == "a").to_string())].into()).unwrap(),
        length: range.len() as u64,
    });
    let layout = QuiltLayout::plan(config(), patches.collect()).unwrap();
    let content = content(0);
    let open = |input: usize| Ok(&content[PATCHES[input].1.clone()]);
    let blob = encode(&layout.assemble_in_memory(open).unwrap());
    (layout, blob)
}

fn spool() -> Spool {
    Spool::default()
}

async fn open(network: &Network, blob: &EncodedBlob) -> Result<Quilt, ClientError> {
    Quilt::open(
        &network.committee,
        *blob.metadata.blob_id(),
        &spool(),
        &ReadBudget::default(),
    )
    .await
}

/// All patches by name, read one by one.
async fn read_all(quilt: &Quilt) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for patch in quilt.patches() {
        let body = quilt.read(patch).await.unwrap();
        assert_eq!(body.head().identifier, patch.identifier);
        assert_eq!(body.head().tags, patch.tags);
        assert_eq!(body.id(), patch.id(quilt.id()));
        let bytes = body.into_bytes(u64::MAX).await.unwrap();
        all.push((patch.identifier.clone(), bytes));
    }
    all
}

fn expected() -> Vec<(String, Vec<u8>)> {
    PATCHES
        .iter()
        .map(|(name, _)| ((*name).to_owned(), data(name)))
        .collect()
}

/// Slivers that nodes were asked for since the last time.
fn wanted(network: &Network) -> Vec<(SliverPairIndex, SliverType)> {
    let nodes = network.nodes.iter();
    nodes
        .flat_map(|node| std::mem::take(&mut *node.wanted.lock().unwrap()))
        .collect()
}

/// The columns of secondary slivers, each once; there must be no primary ones.
fn columns(wanted: Vec<(SliverPairIndex, SliverType)>) -> BTreeSet<u16> {
    let count = wanted.len();
    let columns: BTreeSet<u16> = wanted
        .into_iter()
        .map(|(pair, sliver_type)| {
            assert_eq!(sliver_type, SliverType::Secondary);
            pair.to_sliver_index(sliver_type, config().n_shards()).0
        })
        .collect();
    assert_eq!(columns.len(), count, "a sliver was asked for twice");
    columns
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_takes_its_own_slivers_and_no_others() {
    let (layout, blob) = quilt();
    let network = Network::start(Some(&blob), vec![]).await;
    let quilt = open(&network, &blob).await.unwrap();
    assert_eq!(quilt.index(), layout.index());
    let first = layout.index().patches()[0].columns.start;
    assert_eq!(columns(wanted(&network)), (0..first).collect());
    for patch in quilt.patches() {
        let body = quilt.read(patch).await.unwrap();
        let bytes = body.into_bytes(u64::MAX).await.unwrap();
        assert_eq!(bytes, data(&patch.identifier));
        let own = (patch.columns.start..patch.columns.end).collect();
        assert_eq!(columns(wanted(&network)), own, "{}", patch.identifier);
        // The ID is enough: neither the index nor another patch is looked at.
        let id = patch.id(quilt.id());
        let body = PatchBody::open(&network.committee, id, &spool(), &ReadBudget::default())
            .await
            .unwrap();
        assert_eq!(body.head().identifier, patch.identifier);
        assert_eq!(
            body.into_bytes(u64::MAX).await.unwrap(),
            data(&patch.identifier)
        );
        assert_eq!(columns(wanted(&network)), own_of(id));
    }
}

fn own_of(id: QuiltPatchId) -> BTreeSet<u16> {
    (id.columns.start..id.columns.end).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_down_or_lie_are_replaced_by_symbols_of_the_others() {
    let (_, blob) = quilt();
    for behaviour in [
        Behaviour::Down,
        Behaviour::CorruptSlivers,
        Behaviour::Empty,
        Behaviour::Silent,
    ] {
        let network = Network::start(Some(&blob), vec![behaviour.clone(); FAULTY]).await;
        let quilt = open(&network, &blob).await.unwrap();
        assert_eq!(read_all(&quilt).await, expected(), "{behaviour:?}");
        // Recovered, not decoded from all of the blob.
        assert!(
            wanted(&network)
                .iter()
                .all(|(_, of)| *of == SliverType::Secondary)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_quilt_is_read_where_symbols_are_too_few() {
    let (_, blob) = quilt();
    let network = Network::start(Some(&blob), vec![Behaviour::OnlyPrimary; NODES]).await;
    let quilt = open(&network, &blob).await.unwrap();
    assert_eq!(read_all(&quilt).await, expected());
    quilt.decode().await.unwrap();
    wanted(&network);
    assert_eq!(read_all(&quilt).await, expected());
    assert!(wanted(&network).is_empty(), "it is all there");
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_count_towards_a_budget_until_they_are_handed_out() {
    let (layout, blob) = quilt();
    let network = Network::start(Some(&blob), vec![]).await;
    // For one column at a time.
    let budget = ReadBudget::new(layout.geometry().column_size());
    let quilt_id = *blob.metadata.blob_id();
    let quilt = Quilt::open(&network.committee, quilt_id, &spool(), &budget)
        .await
        .unwrap();
    assert_eq!(budget.in_use(), 0);
    let patch = quilt.by_identifier("d").unwrap().clone();
    let first = quilt.read(&patch).await.unwrap();
    assert!(budget.in_use() > 0, "the column with the head");
    // Others wait for room, and go on when it is read.
    let others = futures::future::join(read_all(&quilt), read_all(&quilt));
    let (others, first) = futures::future::join(others, first.into_bytes(u64::MAX)).await;
    assert_eq!(others.0, others.1);
    assert_eq!(others.0.len(), PATCHES.len());
    assert_eq!(first.unwrap(), data("d"));
    assert_eq!(budget.in_use(), 0);
    // Who has had all of one holds nothing, though it is not over.
    let mut bodies = Vec::new();
    for patch in quilt.patches() {
        let mut body = quilt.read(patch).await.unwrap();
        let mut left = body.head().data_length;
        while left > 0 {
            left -= body.next().await.unwrap().unwrap().len() as u64;
        }
        bodies.push(body);
    }
    assert_eq!((bodies.len(), budget.in_use()), (PATCHES.len(), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_an_error_that_names_the_nodes() {
    let (_, blob) = quilt();
    let network = Network::start(Some(&blob), vec![Behaviour::Down; NODES - 3]).await;
    let (layout, quilt_id) = (quilt().0, *blob.metadata.blob_id());
    // It has more columns than there are shards left.
    let columns = layout.index().by_identifier("d").unwrap().columns;
    assert!(columns.count() > 3 * SHARDS_PER_NODE, "{columns}");
    let id = QuiltPatchId { quilt_id, columns };
    let read = async {
        let body =
            PatchBody::open(&network.committee, id, &spool(), &ReadBudget::default()).await?;
        body.into_bytes(u64::MAX).await
    };
    let error = read.await.unwrap_err();
    let ClientError::NotEnoughSlivers { failures, .. } = &error else {
        panic!("unexpected error: {error}");
    };
    assert_eq!(failures.len(), NODES - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_that_are_no_quilts_and_patches_that_are_not_there_say_so() {
    let blob = encode(&content(0));
    let network = Network::start(Some(&blob), vec![]).await;
    let error = open(&network, &blob).await.map(|_| ()).unwrap_err();
    let problem = QuiltProblem::Unreadable {
        quilt_id: *blob.metadata.blob_id(),
        source: walrus_core::quilt::QuiltError::WrongLength {
            length: 50_000,
            symbols: 8 * 14,
        },
    };
    assert!(
        matches!(&error, ClientError::Quilt(found) if *found == problem),
        "{error}"
    );

    let (layout, blob) = quilt();
    let network = Network::start(Some(&blob), vec![]).await;
    let quilt = open(&network, &blob).await.unwrap();
    assert!(quilt.by_identifier("b").is_ok());
    let error = quilt.by_identifier("e").unwrap_err();
    assert!(error.to_string().contains("no patch \"e\""), "{error}");
    let patch = &layout.index().patches()[1];
    let (start, end) = (patch.columns.start, patch.columns.end);
    assert!(end - start > 1, "{patch:?}");
    for (start, end) in [
        (start, end - 1),
        (start + 1, end),
        (end, start),
        (start, start),
        (start, 60_000),
    ] {
        let id = QuiltPatchId {
            quilt_id: quilt.id(),
            columns: PatchColumns { start, end },
        };
        let opened =
            PatchBody::open(&network.committee, id, &spool(), &ReadBudget::default()).await;
        let error = opened.map(|_| ()).unwrap_err();
        assert!(
            matches!(error, ClientError::Quilt(_)),
            "{start}..{end}: {error}"
        );
    }
    let body = quilt.read(patch).await.unwrap();
    let error = body.into_bytes(7_999).await.unwrap_err();
    assert!(
        error.to_string().contains("8000 bytes; at most 7999"),
        "{error}"
    );
    let unknown = Quilt::open(
        &network.committee,
        BlobId([1; 32]),
        &spool(),
        &ReadBudget::default(),
    )
    .await;
    assert!(unknown.is_err());
}
