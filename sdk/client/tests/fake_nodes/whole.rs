//! Nodes that take a blob in one request, alone and among others.

use std::{sync::atomic::Ordering, time::Duration};

use walrus_core::{EncodingConfig, encoder::BlobEncoder, messages::BlobPersistence};
use walrus_node_client::BlobStatus;
use walrus_sdk::{
    ClientError, FailureCounts, FailureKind, NoProgress, ReadOptions,
    read::{NoWitness, blob_status, read_blob, status_before_store},
    store::{BlobUpload, CertifiedUpload, upload_and_confirm},
};

use crate::network::{Behaviour, Network, content, encode};

const TIMEOUT: Duration = Duration::from_secs(5);

async fn upload_to(network: &Network) -> Result<CertifiedUpload, ClientError> {
    let upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    upload_and_confirm(&network.committee, &upload, &NoProgress).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_over_a_hundred_nodes_takes_about_one_request_for_each() {
    let network = Network::start_of(100, 1, None, vec![Behaviour::Whole; 100]).await;
    let config = EncodingConfig::new(100).unwrap();
    let blob = BlobEncoder::new(config, &content(1)).unwrap().encode();
    let blob = std::sync::Arc::new(blob.unwrap());
    let blob_id = *blob.metadata.blob_id();
    let status = status_before_store(&network.committee, &blob_id, TIMEOUT, &NoWitness).await;
    assert_eq!(status.unwrap(), BlobStatus::Nonexistent);
    let upload = BlobUpload::new(blob, BlobPersistence::Permanent);
    let certified = upload_and_confirm(&network.committee, &upload, &NoProgress).await;
    certified.unwrap().tail.finish().await;
    let asked = network
        .nodes
        .iter()
        .map(|node| node.asked.load(Ordering::Relaxed));
    let asked: u32 = asked.sum();
    assert!((100..=110).contains(&asked), "{asked} requests");
    for node in &network.nodes {
        assert_eq!(node.received.lock().unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn among_others_each_node_gets_its_part_the_way_it_takes_it() {
    let whole = vec![Behaviour::Whole; 5];
    for knows in [false, true] {
        let network = Network::start(None, whole.clone()).await;
        let blob_id = *encode(&content(1)).metadata.blob_id();
        if knows {
            let status = status_before_store(&network.committee, &blob_id, TIMEOUT, &NoWitness);
            status.await.unwrap();
        }
        upload_to(&network).await.unwrap().tail.finish().await;
        for (index, node) in network.nodes.iter().enumerate() {
            assert_eq!(node.received.lock().unwrap().len(), 4, "node {index}");
            let requests = node.pieces.lock().unwrap().len();
            assert_eq!(requests, usize::from(index < whole.len()), "node {index}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_interruption_the_rest_is_sent() {
    let network = Network::start(None, vec![Behaviour::WholeInterrupted; 10]).await;
    upload_to(&network).await.unwrap().tail.finish().await;
    for node in &network.nodes {
        assert_eq!(node.received.lock().unwrap().len(), 4);
        let pieces = node.pieces.lock().unwrap().clone();
        assert!(pieces.len() == 1 && pieces[0] < 4, "{pieces:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_without_space_are_told_at_once_and_counted() {
    let network = Network::start(None, vec![Behaviour::Full; 10]).await;
    let error = tokio::time::timeout(TIMEOUT, upload_to(&network)).await;
    let Err(ClientError::NotEnoughConfirmations { failures, .. }) = error.unwrap() else {
        panic!("it was stored");
    };
    let counts = FailureCounts::of(&failures);
    assert_eq!(counts.get(FailureKind::Full), failures.len());
    assert!(counts.to_string().ends_with("out of space"), "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slivers_of_one_node_come_in_one_answer() {
    use Behaviour::{Honest, Whole, WholeCorrupt, WholeInterrupted};
    let blob = encode(&content(0));
    let blob_id = *blob.metadata.blob_id();
    for (first, most) in [
        (Whole, 10),
        (Honest, 16),
        (WholeInterrupted, 16),
        (WholeCorrupt, 16),
    ] {
        let nodes = vec![first.clone(), Whole, Whole, Whole, Whole];
        let network = Network::start_of(5, 4, Some(&blob), nodes).await;
        // What all of them answer tells what they offer.
        let status = blob_status(&network.committee, &blob_id, TIMEOUT, &NoWitness).await;
        status.unwrap();
        let asked = || -> u32 {
            let nodes = network.nodes.iter();
            nodes.map(|node| node.asked.load(Ordering::Relaxed)).sum()
        };
        let before = asked();
        let options = ReadOptions::default();
        let read = read_blob(&network.committee, &blob_id, &options, &NoProgress).await;
        assert_eq!(read.unwrap(), content(0), "{first:?}");
        let asked = asked() - before;
        assert!(asked <= most, "{asked} requests: {first:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_with_an_upload_sends_what_nodes_lack_alone() {
    let behaviours = [vec![Behaviour::Whole; 5], vec![Behaviour::Honest; 5]].concat();
    let network = Network::start(None, behaviours).await;
    upload_to(&network).await.unwrap().tail.finish().await;
    let lost = {
        let mut received = network.nodes[2].received.lock().unwrap();
        let lost = *received.iter().next().unwrap();
        received.remove(&lost);
        lost
    };
    for node in &network.nodes {
        node.pieces.lock().unwrap().clear();
    }
    let mut upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    upload.resumes = true;
    let certified = upload_and_confirm(&network.committee, &upload, &NoProgress).await;
    certified.unwrap().tail.finish().await;
    for (index, node) in network.nodes.iter().enumerate().take(5) {
        let pieces: usize = node.pieces.lock().unwrap().iter().sum();
        assert_eq!(pieces, usize::from(index == 2), "node {index}");
    }
    assert!(network.nodes[2].received.lock().unwrap().contains(&lost));
}
