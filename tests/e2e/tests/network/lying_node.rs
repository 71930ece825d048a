//! Byzantine nodes: nodes that falsify slivers, metadata, statuses or confirmations change nothing but the time.

use std::time::{Duration, Instant};

use walrus_e2e::{Impostor, Lie, TestNetwork, eventually, random_bytes};
use walrus_localnet::LocalnetOptions;
use walrus_node::{NodeConfig, RunningNode};
use walrus_sdk::{ClientError, EpochsAhead, StoreOptions};

const QUICK: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(60);
const SHARDS: u16 = 31;
/// f for 31 shards.
const MAX_FAULTY: u16 = 10;

/// Network with one liar for each lie given, liars of at most f shards together.
async fn network_of_liars(
    lies: &[Lie],
    data: &[u8],
) -> (TestNetwork, walrus_core::BlobId, Vec<Impostor>) {
    let mut network = TestNetwork::start(LocalnetOptions {
        nodes: 10,
        shards: SHARDS,
        ..LocalnetOptions::default()
    })
    .await;
    let blob = network.store(data, 3).await;
    let places = network.at_most(MAX_FAULTY, network.indices()).await;
    assert!(places.len() >= lies.len());
    let mut liars = Vec::new();
    for (index, lie) in places.into_iter().zip(lies) {
        liars.push(Impostor::replace(&mut network, index, *lie).await);
    }
    (network, blob.blob_id, liars)
}

/// Reads until every liar has been asked at least once; every read must be right. The client asks nodes in random order and
/// takes the first answer that is right, so it may take some reads until a liar is among the quick ones.
async fn reads_are_right(
    network: &TestNetwork,
    blob: &walrus_core::BlobId,
    data: &[u8],
    liars: &[Impostor],
) {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let started = Instant::now();
        network.assert_reads(blob, data).await;
        assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
        if liars.iter().all(|liar| liar.lies_told() > 0) {
            return;
        }
    }
    panic!("a liar was never asked within {PATIENCE:?}");
}

async fn stop(network: TestNetwork, liars: Vec<Impostor>) {
    for liar in liars {
        liar.stop().await;
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_slivers_are_not_used() {
    let data = random_bytes(150_000);
    let lies = [Lie::FlippedSlivers, Lie::SwappedSlivers, Lie::ShortSlivers];
    let (mut network, blob, liars) = network_of_liars(&lies, &data).await;
    reads_are_right(&network, &blob, &data, &liars).await;

    // Nodes of f shards more are down: the honest ones that are left suffice.
    let others = network.indices().skip(lies.len());
    let down = network.at_most(MAX_FAULTY, others).await;
    network.stop_nodes(&down).await;
    reads_are_right(&network, &blob, &data, &liars).await;
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slivers_without_end_or_content_are_not_used() {
    let data = random_bytes(150_000);
    let lies = [Lie::EndlessSlivers, Lie::EmptySlivers, Lie::EndlessSlivers];
    let (network, blob, liars) = network_of_liars(&lies, &data).await;
    reads_are_right(&network, &blob, &data, &liars).await;
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn corrupt_metadata_are_not_used() {
    let data = random_bytes(30_000);
    let lies = [
        Lie::FlippedMetadata,
        Lie::LongerMetadata,
        Lie::GarbledMetadata,
    ];
    let (network, blob, liars) = network_of_liars(&lies, &data).await;
    reads_are_right(&network, &blob, &data, &liars).await;
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_deny_a_blob_or_call_it_invalid_are_outvoted() {
    let data = random_bytes(30_000);
    let lies = [Lie::Denial, Lie::InvalidStatus, Lie::Denial];
    let (network, blob, liars) = network_of_liars(&lies, &data).await;
    reads_are_right(&network, &blob, &data, &liars).await;
    let client = network.client().await;
    for _ in 0..5 {
        let status = client.blob_status(&blob, QUICK).await.unwrap();
        assert!(status.initial_certified_epoch().is_some(), "{status:?}");
    }
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_confirmations_do_not_spoil_a_certificate() {
    let data = random_bytes(30_000);
    let lies = [Lie::ForgedConfirmations; 3];
    let (mut network, blob, liars) = network_of_liars(&lies, &data).await;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let other = random_bytes(5_000);
        let started = Instant::now();
        let stored = network.store(&other, 2).await;
        assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
        network.assert_reads(&stored.blob_id, &other).await;
        if liars.iter().any(|liar| liar.lies_told() > 0) {
            break;
        }
    }
    assert!(liars.iter().any(|liar| liar.lies_told() > 0));
    network.assert_reads(&blob, &data).await;

    // Without one of the honest nodes it takes a liar's confirmation, and none of them counts.
    let honest = u16::try_from(lies.len()).unwrap();
    network.stop_nodes(&[honest]).await;
    let mut options = StoreOptions::new(EpochsAhead::Count(2));
    options.deletable = false;
    let started = Instant::now();
    let failed = network
        .try_store(&random_bytes(5_000), &options)
        .await
        .unwrap_err();
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
    let ClientError::NotEnoughConfirmations {
        got,
        needed,
        failures,
        ..
    } = failed
    else {
        panic!("{failed}");
    };
    assert!(got < needed && needed == SHARDS - MAX_FAULTY);
    for index in 0..=honest {
        let name = format!("node-{index}");
        assert!(
            failures.iter().any(|failure| failure.node.contains(&name)),
            "{failures:?}"
        );
    }
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_never_answer_hold_nobody_up() {
    let data = random_bytes(30_000);
    let (network, blob, liars) = network_of_liars(&[Lie::Silence; 3], &data).await;
    reads_are_right(&network, &blob, &data, &liars).await;
    let other = random_bytes(40_000);
    let started = Instant::now();
    let stored = network.store(&other, 2).await;
    assert!(started.elapsed() < QUICK, "{:?}", started.elapsed());
    reads_are_right(&network, &stored.blob_id, &other, &liars).await;
    stop(network, liars).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_recovers_from_peers_of_which_some_lie() {
    let mut network = TestNetwork::start(LocalnetOptions {
        nodes: 10,
        shards: SHARDS,
        ..LocalnetOptions::default()
    })
    .await;
    // The one that misses the store and the ones that lie have f shards together.
    let mut faulty = network.at_most(MAX_FAULTY, network.indices()).await;
    let late = faulty.pop().unwrap();
    network.stop_nodes(&[late]).await;
    let data = random_bytes(100_000);
    let blob = network.store(&data, 2).await.blob_id;
    let lies = [Lie::FlippedSymbols, Lie::FlippedMetadata];
    assert_eq!(faulty.len(), lies.len());
    let mut liars = Vec::new();
    for (index, lie) in faulty.into_iter().zip(lies) {
        liars.push(Impostor::replace(&mut network, index, lie).await);
    }
    let mut config = NodeConfig::load(&network.node_config_path(late)).unwrap();
    config.live_upload_deferral.enabled = false;
    let node = RunningNode::start(config).await.unwrap();
    let member = network.member(late).await;
    eventually("the node recovers what it missed", PATIENCE, async || {
        member.holds_everything(&blob).await.then_some(())
    })
    .await;
    let symbols = liars.first().unwrap();
    assert!(
        symbols.lies_told() > 0,
        "the liar was not asked for symbols"
    );
    node.shutdown().await.unwrap();
    stop(network, liars).await;
}
