//! Reads from nodes that are down, slow or lie.

use std::time::{Duration, Instant};

use walrus_core::BlobId;
use walrus_sdk::{ClientError, ConsistencyCheck, NoProgress, ReadOptions, read::read_blob};

use crate::network::{Behaviour, FAULTY, NODES, Network, content, encode};

/// Far below any timeout of a request: nobody was waited for.
const PROMPT: Duration = Duration::from_secs(5);

async fn read_with(faulty: Vec<Behaviour>) -> Result<Vec<u8>, ClientError> {
    let blob = encode(&content(0));
    let network = Network::start(Some(&blob), faulty).await;
    let started = Instant::now();
    let options = ReadOptions {
        consistency_check: ConsistencyCheck::Strict,
        ..ReadOptions::default()
    };
    let result = read_blob(
        &network.committee,
        blob.metadata.blob_id(),
        &options,
        &NoProgress,
    )
    .await;
    let elapsed = started.elapsed();
    assert!(elapsed < PROMPT, "the read took {elapsed:?}");
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_nodes_give_the_blob() {
    assert_eq!(read_with(vec![]).await.unwrap(), content(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thirds_of_the_nodes_may_be_down() {
    // Eight shards of twenty answer: as many slivers as decoding needs.
    let down = vec![Behaviour::Down; NODES - 4];
    assert_eq!(read_with(down).await.unwrap(), content(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lying_nodes_cost_nothing_but_time() {
    let liars = vec![Behaviour::CorruptSlivers; FAULTY];
    assert_eq!(read_with(liars).await.unwrap(), content(0));
    let liars = vec![Behaviour::CorruptMetadata; FAULTY];
    assert_eq!(read_with(liars).await.unwrap(), content(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_nodes_are_not_waited_for() {
    let silent = vec![Behaviour::Silent; FAULTY];
    assert_eq!(read_with(silent).await.unwrap(), content(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn secondary_slivers_do_where_primary_ones_are_missing() {
    // Six shards have primary slivers, eight are needed.
    let partial = vec![Behaviour::OnlySecondary; NODES - 3];
    assert_eq!(read_with(partial).await.unwrap(), content(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn too_few_nodes_are_an_error_that_names_the_others() {
    let error = read_with(vec![Behaviour::Down; NODES - 3])
        .await
        .unwrap_err();
    let ClientError::NotEnoughSlivers {
        got,
        needed,
        failures,
        ..
    } = &error
    else {
        panic!("unexpected error: {error}");
    };
    assert_eq!((*got, *needed, failures.len()), (6, 8, NODES - 3));
    assert!(error.to_string().contains("node-"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_nodes_lying_is_an_error() {
    let error = read_with(vec![Behaviour::CorruptSlivers; NODES])
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::NotEnoughSlivers { got: 0, .. }),
        "{error}"
    );
    let error = read_with(vec![Behaviour::CorruptMetadata; NODES])
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::NoMetadataReceived { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_a_quorum_does_not_have_does_not_exist() {
    let error = read_with(vec![Behaviour::Empty; NODES]).await.unwrap_err();
    assert!(
        matches!(error, ClientError::BlobIdDoesNotExist(_)),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_above_the_limit_are_refused_before_slivers_are_read() {
    let blob = encode(&content(0));
    let network = Network::start(Some(&blob), vec![]).await;
    let options = ReadOptions {
        max_blob_size: Some(100),
        ..ReadOptions::default()
    };
    let id: &BlobId = blob.metadata.blob_id();
    let error = read_blob(&network.committee, id, &options, &NoProgress)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClientError::BlobTooLarge {
                size: 50_000,
                max: 100
            }
        ),
        "{error}"
    );
}
