//! A blob in one request, slivers in one answer, and what requests may take of a node. Node spec 1.17 and 1.18.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use axum::{body::Bytes, http::HeaderMap};
use walrus_core::{
    BlobId, ShardIndex, SliverPairIndex, SliverType,
    encoder::EncodedBlob,
    messages::BlobPersistence,
    network_key::{NetworkKeyPair, NetworkPublicKey},
    signed_message::StorageConfirmation,
};
use walrus_node::{api::CommitteePeers, config::RestServerConfig};
use walrus_node_client::{
    Extensions, INTRODUCTION, Introduction, NodeClient, NodeError, PIECE_HEADER_BYTES, PieceHeader,
    PieceName, Reason, routes,
};
use walrus_service::server::Peers as _;
use walrus_sui::Address;

use crate::support::*;

const OWN: [u16; 3] = [0, 4, 7];
const PERMANENT: BlobPersistence = BlobPersistence::Permanent;
const TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

fn pair(blob_id: &BlobId, shard: u16) -> SliverPairIndex {
    ShardIndex(shard).to_pair_index(blob_id, N_SHARDS)
}

/// The metadata and the slivers of these shards.
fn pieces(blob: &EncodedBlob, shards: &[u16]) -> Vec<(PieceName, Vec<u8>)> {
    let blob_id = blob.metadata.blob_id();
    let metadata = (PieceName::Metadata, blob.metadata.metadata().to_bcs());
    let slivers = shards.iter().flat_map(|shard| {
        let pair = pair(blob_id, *shard);
        TYPES.map(|each| (PieceName::Sliver(pair, each), sliver(blob, pair, each)))
    });
    std::iter::once(metadata).chain(slivers).collect()
}

/// As they are sent.
fn parts(pieces: Vec<(PieceName, Vec<u8>)>) -> Vec<Bytes> {
    let parts = pieces.into_iter().flat_map(|(name, payload)| {
        let header = PieceHeader::of(name, &payload).unwrap();
        header.parts(payload.into())
    });
    parts.collect()
}

async fn send(
    client: &NodeClient,
    blob_id: &BlobId,
    parts: Vec<Bytes>,
) -> Result<StorageConfirmation, NodeError> {
    let stream = futures::stream::iter(parts.into_iter().map(Ok::<_, Infallible>));
    let upload = client.upload(blob_id, &PERMANENT, Duration::ZERO, 1 << 20, stream);
    upload.await
}

fn refused<T: std::fmt::Debug>(result: Result<T, NodeError>, reason: Reason) -> String {
    let error = result.unwrap_err();
    assert!(error.is_reason(reason), "{error}");
    error.to_string()
}

/// Whether the metrics of a node have this line.
fn is_counted(node: &TestNode, wanted: &str) -> bool {
    let text = node.parts.scrape(None, None).text();
    text.lines().any(|line| line == wanted)
}

#[tokio::test]
async fn a_blob_goes_into_a_node_in_one_request_and_is_confirmed() {
    let node = TestNode::start(&OWN).await;
    let (client, blob) = (node.client(), encode(&[9; 50_000]));
    let blob_id = *blob.metadata.blob_id();
    assert_eq!(client.extensions(), None);
    let mut all = pieces(&blob, &OWN);
    // Any order will do.
    all.reverse();
    let early = send(&client, &blob_id, parts(all.clone())).await;
    refused(early, Reason::NotRegistered);
    assert_eq!(client.extensions(), Some(Extensions::ALL));
    assert_eq!(client.held(&blob_id).await.unwrap(), Default::default());

    node.register(blob_id, false);
    let confirmation = send(&client, &blob_id, parts(all)).await.unwrap();
    let key = node.protocol_key.public_key();
    confirmation
        .verify(&key, EPOCH, &blob_id, PERMANENT)
        .unwrap();
    let held = client.held(&blob_id).await.unwrap();
    assert!(held.registered && held.metadata);
    let pairs: BTreeSet<_> = OWN.map(|shard| pair(&blob_id, shard)).into();
    for found in [&held.primary, &held.secondary] {
        assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), pairs);
    }
    // There is nothing left to send.
    send(&client, &blob_id, Vec::new()).await.unwrap();
    let health = client.health(false).await.unwrap();
    assert_eq!(health.extensions, ["upload", "slivers"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_piece_is_told_and_what_was_right_stays() {
    let node = TestNode::start(&OWN).await;
    let (client, blob) = (node.client(), encode(&[9; 50_000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    let all = pieces(&blob, &OWN);
    let without_metadata = parts(all.get(1..).unwrap().to_vec());
    let result = send(&client, &blob_id, without_metadata).await;
    refused(result, Reason::MetadataRequired);

    let mut damaged = parts(all.clone());
    let last = damaged.pop().unwrap();
    let mut changed = last.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    damaged.push(changed.into());
    let told = refused(
        send(&client, &blob_id, damaged).await,
        Reason::InvalidContentType,
    );
    assert!(told.contains("secondary sliver of pair"), "{told}");
    // The others need not come again.
    while client.held(&blob_id).await.unwrap().secondary.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut wrong = all.clone();
    wrong.last_mut().unwrap().1[100] ^= 1;
    let result = send(&client, &blob_id, parts(wrong)).await;
    refused(result, Reason::InvalidSliver);
    let foreign = parts(pieces(&blob, &[5]));
    refused(
        send(&client, &blob_id, foreign).await,
        Reason::ShardNotAssigned,
    );
    let result = send(&client, &blob_id, Vec::new()).await;
    refused(result, Reason::MissingSlivers);

    let held = client.held(&blob_id).await.unwrap();
    let rest = all.into_iter().filter(|(name, _)| !held.has(*name));
    let rest: Vec<_> = rest.collect();
    assert_eq!(rest.len(), 1);
    send(&client, &blob_id, parts(rest)).await.unwrap();
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_where_it_was() {
    let node = TestNode::start(&OWN).await;
    let (client, blob) = (node.client(), encode(&[9; 50_000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    let parts = parts(pieces(&blob, &OWN));
    // The metadata, the first sliver and the name of the second one come, then the connection breaks.
    let whole = blob.metadata.sliver_bcs_length(TYPES[0]);
    let needed = parts[..2].iter().map(Bytes::len).sum::<usize>() + 2 * PIECE_HEADER_BYTES + whole;
    let mut sum = 0;
    let count = parts.iter().take_while(|part| {
        sum += part.len();
        sum <= needed
    });
    let came: Vec<_> = parts[..count.count()].iter().cloned().map(Ok).collect();
    let memory = node.parts.deeds.memory.uploads.clone();
    let broken = futures::stream::once(async move {
        // For what has come and for what is about to.
        until(|| memory.in_use() > whole + (4 << 10)).await;
        Err(std::io::Error::other("the line is dead"))
    });
    let stream = futures::StreamExt::chain(futures::stream::iter(came), broken);
    let upload = client.upload(&blob_id, &PERMANENT, Duration::ZERO, 1, stream);
    upload.await.unwrap_err();
    loop {
        let held = client.held(&blob_id).await.unwrap();
        if held.metadata && held.primary.len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn several_slivers_come_in_one_answer() {
    let node = TestNode::start(&OWN).await;
    let (client, blob) = (node.client(), encode(&[9; 50_000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    send(&client, &blob_id, parts(pieces(&blob, &[0, 7])))
        .await
        .unwrap_err();
    let pairs = [7, 4, 0].map(|shard| pair(&blob_id, shard));
    let mut answer = client
        .slivers(&blob.metadata, SliverType::Secondary, &pairs)
        .await
        .unwrap();
    for shard in [7, 0] {
        let (found, bytes) = answer.next().await.unwrap().unwrap();
        assert_eq!(found, pair(&blob_id, shard));
        assert_eq!(bytes, sliver(&blob, found, SliverType::Secondary));
    }
    assert!(answer.next().await.unwrap().is_none());
    let twice = "walrus_slivers_retrieved_total{sliver_type=\"secondary\"} 2";
    assert!(is_counted(&node, twice));
    let outside = [SliverPairIndex(N_SHARDS)];
    let result = client.slivers(&blob.metadata, SliverType::Primary, &outside);
    refused(result.await, Reason::IndexOutOfRange);
}

#[tokio::test]
async fn a_node_without_the_extensions_says_so() {
    let rest = RestServerConfig {
        extensions: false,
        ..RestServerConfig::default()
    };
    let node = TestNode::start_with(NODE_ID, &OWN, rest).await;
    let client = node.client();
    let error = client.held(&BlobId([1; 32])).await.unwrap_err();
    assert!(error.is_not_offered(), "{error}");
    assert_eq!(client.extensions(), Some(Extensions::default()));
    let absent = client.metadata(&BlobId([1; 32]), &encoding()).await;
    assert!(!absent.unwrap_err().is_not_offered());
}

#[tokio::test]
async fn bodies_that_do_not_come_hold_no_more_memory_than_their_senders_share() {
    let rest = RestServerConfig {
        max_upload_bytes_in_flight: 400 << 10,
        max_bytes_in_flight_per_address: 100 << 10,
        ..RestServerConfig::default()
    };
    let node = TestNode::start_with(NODE_ID, &OWN, rest).await;
    let blob = encode(&[9; 300_000]);
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    let client = node.client();
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    let pair = pair(&blob_id, 4);
    let path = routes::SLIVER
        .replace("{blob_id}", &blob_id.to_string())
        .replace("{pair}", &pair.to_string())
        .replace("{sliver_type}", "primary");
    let raw = node.raw();
    let memory = &node.parts.deeds.memory.uploads;
    let mut held = tokio::task::JoinSet::new();
    for _ in 0..30 {
        let begun = futures::stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"sliver"))]);
        let body = futures::StreamExt::chain(begun, futures::stream::pending());
        let request = raw
            .put(node.url(&path))
            .body(reqwest::Body::wrap_stream(body));
        held.spawn(request.send());
    }
    until(|| memory.in_use() > 50 << 10).await;
    // Whoever comes from elsewhere is served, as often as he likes.
    let elsewhere = node.raw_at([127, 0, 0, 2]);
    for _ in 0..3 {
        let body = sliver(&blob, pair, SliverType::Primary);
        let answer = elsewhere
            .put(node.url(&path))
            .body(body)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        assert!(memory.in_use() <= 100 << 10, "{}", memory.in_use());
    }
    held.shutdown().await;
    until(|| memory.in_use() == 0).await;
}

#[tokio::test]
async fn who_may_not_upload_is_told_before_the_body_is_read() {
    let node = TestNode::start(&OWN).await;
    let path = routes::METADATA.replace("{blob_id}", &BlobId([1; 32]).to_string());
    let body = futures::stream::pending::<Result<Bytes, Infallible>>();
    let request = node.raw().put(node.url(&path));
    let answer = request.body(reqwest::Body::wrap_stream(body)).send();
    let answer = tokio::time::timeout(Duration::from_secs(20), answer);
    assert_eq!(answer.await.unwrap().unwrap().status(), 400);
    assert_eq!(node.parts.deeds.memory.uploads.in_use(), 0);
}

#[tokio::test]
async fn a_sliver_that_comes_several_times_at_once_is_written_once() {
    let node = TestNode::start(&OWN).await;
    let (client, blob) = (node.client(), encode(&[9; 50_000]));
    let blob_id = *blob.metadata.blob_id();
    node.register(blob_id, false);
    client
        .store_metadata(&blob_id, blob.metadata.metadata())
        .await
        .unwrap();
    let pair = pair(&blob_id, 4);
    let puts = (0..16).map(|_| {
        let bytes = sliver(&blob, pair, SliverType::Primary);
        client.store_sliver(&blob_id, pair, SliverType::Primary, bytes.into())
    });
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }
    let once = "walrus_slivers_stored_total{sliver_type=\"primary\"} 1";
    assert!(is_counted(&node, once));
}

#[tokio::test]
async fn members_that_introduce_themselves_are_peers_and_nobody_else() {
    let (node, other) = (
        TestNode::start(&OWN).await,
        TestNode::start_as(Address::new([2; 32]), &[1, 2]).await,
    );
    join(&[&node, &other]);
    let committees = Arc::clone(&node.parts.committees);
    let own = node.network_key.public_key();
    let peers = CommitteePeers::new(committees, own);
    let recognised = |from: &NetworkKeyPair, to: &NetworkPublicKey| {
        let mut headers = HeaderMap::new();
        let text = Introduction::new(from, to).to_text();
        headers.insert(INTRODUCTION, text.parse().unwrap());
        // What was verified once counts again.
        assert_eq!(peers.recognise(&headers), peers.recognise(&headers));
        peers.recognise(&headers)
    };
    let stranger = NetworkKeyPair::generate(&mut rand::rng());
    let member = other.network_key.public_key();
    assert_eq!(recognised(&other.network_key, &own), Some(member.0));
    assert_eq!(recognised(&other.network_key, &member), None);
    assert_eq!(recognised(&stranger, &own), None);
    assert_eq!(peers.recognise(&HeaderMap::new()), None);
}

#[tokio::test]
async fn a_large_piece_of_a_blob_that_nobody_paid_for_gets_no_memory() {
    let node = TestNode::start(&OWN).await;
    let blob_id = BlobId([9; 32]);
    let piece = |shard| {
        let name = PieceName::Sliver(pair(&blob_id, shard), SliverType::Primary);
        (name, vec![0; 400_000])
    };
    // The payload of the third does not follow: the answer must not wait for it.
    let mut parts = parts(OWN.map(piece).to_vec());
    parts.pop();
    let head = futures::stream::iter(parts.into_iter().map(Ok::<_, Infallible>));
    let stream = futures::StreamExt::chain(head, futures::stream::pending());
    let client = node.client();
    let upload = client.upload(&blob_id, &PERMANENT, Duration::ZERO, 4 << 20, stream);
    let error = upload.await.unwrap_err();
    assert!(error.is_reason(Reason::NotRegistered), "{error}");
    until(|| node.parts.deeds.memory.uploads.in_use() == 0).await;
}
