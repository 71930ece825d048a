//! Event blobs: the nodes write the contract's events down as blobs and certify them, and a node for which the chain has too little
//! left catches up by them.

use std::{
    io::Cursor,
    num::NonZeroU64,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;
use tokio::process::Command;
use walrus_core::BlobId;
use walrus_e2e::{NodeProcess, TestNetwork, eventually, random_bytes, small};
use walrus_localnet::{LocalnetOptions, node_config_path};
use walrus_node::NodeConfig;
use walrus_sdk::ConsistencyCheck;
use walrus_sui::{
    event_blobs::{Content, Element, EventBlob},
    events::ContractEvent,
    objects,
};

/// Checkpoints in an event blob. Certifying one takes a checkpoint for each node: more than that, or there was no end to it.
const CHECKPOINTS: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

/// What a verb of `walrus-node` answers about a node of the network.
async fn verb(network: &TestNetwork, index: u16, args: &[&str]) -> Value {
    verb_of(&node_config_path(network.path(), index), args).await
}

/// What it answers about the node with a configuration.
async fn verb_of(config: &Path, args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_storage-node"))
        .arg("--json")
        .args(args)
        .arg("--config-path")
        .arg(config)
        .output()
        .await
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until every node holds all of these blobs.
async fn all_hold(network: &TestNetwork, blobs: &[BlobId]) {
    let members = network.members().await;
    for blob_id in blobs {
        eventually("the nodes have what they missed", PATIENCE, async || {
            for member in &members {
                if !member.holds_everything(blob_id).await {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }
}

async fn start() -> TestNetwork {
    start_with(CHECKPOINTS).await
}

async fn start_with(checkpoints: u64) -> TestNetwork {
    TestNetwork::start(LocalnetOptions {
        event_blob_checkpoints: NonZeroU64::new(checkpoints),
        ..small()
    })
    .await
}

/// A stopped node as a process of its own, with another configuration; and that.
async fn start_apart(
    network: &TestNetwork,
    index: u16,
    change: impl FnOnce(&mut NodeConfig),
) -> (NodeProcess, PathBuf) {
    let mut config = NodeConfig::load(&network.node_config_path(index)).unwrap();
    change(&mut config);
    let path = network.path().join("apart.yaml");
    std::fs::write(&path, config.to_yaml().unwrap()).unwrap();
    let process = NodeProcess::start(env!("CARGO_BIN_EXE_storage-node"), &path);
    let member = network.member(index).await;
    eventually("the node answers", PATIENCE, async || {
        assert!(process.is_alive(), "the node ended by itself");
        member.client.health(false).await.ok()
    })
    .await;
    (process, path)
}

async fn newest(network: &TestNetwork) -> Option<objects::EventBlob> {
    let state = network.reader().system_state().await.unwrap();
    state.event_blob_certification_state.latest_certified_blob
}

/// Makes checkpoints until the network has certified an event blob with the events up to `checkpoint`.
async fn certified_with(network: &TestNetwork, checkpoint: u64) -> objects::EventBlob {
    eventually("an event blob is certified", PATIENCE, async || {
        let found = newest(network)
            .await
            .filter(|blob| blob.ending_checkpoint_sequence_number >= checkpoint);
        if found.is_none() {
            let moment = Duration::from_millis(1);
            network.chain().advance_clock(moment).await.unwrap();
        }
        found
    })
    .await
}

/// The event blobs from the first one to this one, read as any blob is.
async fn read_back(network: &TestNetwork, newest: BlobId) -> Vec<Vec<u8>> {
    let client = network.client().await;
    let mut blobs = Vec::new();
    let mut next = Some(newest);
    while let Some(blob_id) = next {
        // Of the newest one the nodes may not know yet.
        let bytes = eventually("the event blob is read", PATIENCE, async || {
            let reading = client.read(blob_id);
            let reading = reading.consistency_check(ConsistencyCheck::Strict);
            reading.await.ok()
        })
        .await;
        let blob = EventBlob::open(Cursor::new(&bytes)).unwrap();
        next = blob.header().previous();
        blobs.push(bytes);
    }
    blobs.reverse();
    blobs
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nodes_certify_what_happened_and_anybody_reads_it() {
    let network = start().await;
    let client = network.client().await;
    let stored = client.store(random_bytes(1000)).epochs(3).await.unwrap();
    let blob_id = stored.blob_id();
    certified_with(&network, network.chain().height()).await;
    // The next one has that this one was certified.
    let newest = certified_with(&network, network.chain().height()).await;
    let blobs = read_back(&network, newest.blob_id).await;
    assert!(blobs.len() > 1, "the history is in several event blobs");
    let mut elements: Vec<Element> = Vec::new();
    for bytes in &blobs {
        let blob = EventBlob::open(Cursor::new(bytes)).unwrap();
        let last = blob.last_checkpoint();
        assert_eq!(last + 1 - blob.first_checkpoint(), CHECKPOINTS);
        elements.extend(blob.map(Result::unwrap));
        let end = elements.last().unwrap();
        assert!(end.is_boundary() && end.checkpoint == last);
    }
    for (index, element) in (0..).zip(&elements) {
        assert_eq!(element.index, index);
    }
    let of_blob = |element: &&Element| match &element.content {
        Content::Event {
            event: ContractEvent::BlobRegistered(event),
            ..
        } => event.blob_id == blob_id,
        Content::Event {
            event: ContractEvent::BlobCertified(event),
            ..
        } => event.blob_id == blob_id,
        _ => false,
    };
    assert_eq!(elements.iter().filter(of_blob).count(), 2);
    // An event blob tells of those before it, as of any other blob.
    let certifies = |element: &Element| {
        matches!(&element.content, Content::Event { event: ContractEvent::BlobCertified(event), .. }
            if !event.deletable && event.blob_id != blob_id)
    };
    assert!(elements.iter().any(certifies));
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_catches_up_though_the_chain_has_forgotten_what_it_missed() {
    let mut network = start().await;
    let client = network.client().await;
    certified_with(&network, 0).await;
    let absent = 3;
    network.stop_node(absent).await.unwrap();
    let permanent = client.store(random_bytes(5000)).epochs(3).permanent();
    let permanent = permanent.await.unwrap();
    let deletable = client.store(random_bytes(700)).epochs(3).await.unwrap();
    let newest = certified_with(&network, network.chain().height()).await;
    let lowest = newest.ending_checkpoint_sequence_number + 1;
    network.chain().prune(lowest);
    let gap = verb(&network, absent, &["rejoin"]).await;
    assert_eq!(gap["way"], "eventBlobs", "{gap}");
    assert!(gap["nextCheckpoint"].as_u64().unwrap() < lowest, "{gap}");
    let blobs = [permanent.blob_id(), deletable.blob_id()];
    network.start_node(absent).await.unwrap();
    all_hold(&network, &blobs).await;
    // It goes on with the others: without it, the votes of two nodes would not do.
    network.stop_node(0).await.unwrap();
    certified_with(&network, network.chain().height()).await;
    network.start_node(0).await.unwrap();
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_tables_begins_with_the_first_event_blob_and_keeps_its_slivers() {
    let mut network = start().await;
    let client = network.client().await;
    let stored = client.store(random_bytes(3000)).epochs(3).await.unwrap();
    let blobs = [stored.blob_id()];
    all_hold(&network, &blobs).await;
    let newest = certified_with(&network, network.chain().height()).await;
    network
        .chain()
        .prune(newest.ending_checkpoint_sequence_number);
    let index = 2;
    network.stop_node(index).await.unwrap();
    let fresh = verb(&network, index, &["rejoin", "--fresh", "--yes"]).await;
    assert_eq!(fresh["done"], true, "{fresh}");
    let gap = verb(&network, index, &["rejoin"]).await;
    assert_eq!(
        (&gap["way"], &gap["nextCheckpoint"]),
        (&"eventBlobs".into(), &0.into())
    );
    // Not with a snapshot, which the others have as well.
    let without = network.path().join("without.yaml");
    let mut config = NodeConfig::load(&network.node_config_path(index)).unwrap();
    config.blob_info_snapshot.begin_with = false;
    std::fs::write(&without, config.to_yaml().unwrap()).unwrap();
    let reached = verb_of(&without, &["catchup"]).await;
    assert_eq!(reached["done"], true, "{reached}");
    let gap = verb(&network, index, &["rejoin"]).await;
    assert!(gap["way"] == "chain" || gap["way"] == "upToDate", "{gap}");
    network.start_node(index).await.unwrap();
    all_hold(&network, &blobs).await;
    network.stop().await;
}

/// What a node has received it processes from memory; this is more.
const RECEIVED: usize = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_falls_behind_while_it_runs_catches_up_by_event_blobs() {
    let mut network = start_with(100).await;
    let client = network.client().await;
    let slow = 3;
    network.stop_node(slow).await.unwrap();
    let (_process, config) = start_apart(&network, slow, |config| {
        config.admin_socket_path = Some(network.path().join("apart.sock"));
        config.event_processor_config.runtime_catchup_lag_threshold = 50;
        config
            .event_processor_config
            .runtime_lag_check_interval_secs = 1;
    })
    .await;
    let metrics = NodeConfig::load(&config).unwrap().metrics_address.unwrap();
    // The HTTP client comes without any.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let fetched = async || {
        let answer = reqwest::get(format!("http://{metrics}/metrics"));
        let text = answer.await.unwrap().text().await.unwrap();
        text.contains("walrus_event_catchup_manager_event_blob_fetched{")
    };
    verb_of(&config, &["worker", "pause", "events"]).await;
    for _ in 0..RECEIVED {
        let moment = Duration::from_millis(1);
        network.chain().advance_clock(moment).await.unwrap();
    }
    let stored = client.store(random_bytes(700)).epochs(3).await.unwrap();
    certified_with(&network, network.chain().height()).await;
    verb_of(&config, &["worker", "resume", "events"]).await;
    all_hold(&network, &[stored.blob_id()]).await;
    assert!(fetched().await, "it has read event blobs");
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_tables_begins_with_a_snapshot_where_the_history_is_gone() {
    let mut network = TestNetwork::start(LocalnetOptions {
        epoch_duration: Duration::from_secs(8),
        ..small()
    })
    .await;
    let client = network.client().await;
    let permanent = client.store(random_bytes(3000)).epochs(50).permanent();
    let permanent = permanent.await.unwrap();
    let deletable = client.store(random_bytes(700)).epochs(50).await.unwrap();
    let member = network.member(0).await;
    // The snapshot of the next epoch has both.
    let before = network.reader().epoch().await.unwrap();
    let snapshot = eventually("a snapshot is written", PATIENCE, async || {
        let offered = member.client.snapshot().await.ok();
        offered.filter(|snapshot| snapshot.epoch > before)
    })
    .await;
    let later = client.store(random_bytes(900)).epochs(50).await.unwrap();
    let index = 2;
    network.stop_node(index).await.unwrap();
    network.chain().prune(snapshot.checkpoint);
    verb(&network, index, &["rejoin", "--fresh", "--yes"]).await;
    network.start_node(index).await.unwrap();
    let blobs = [permanent.blob_id(), deletable.blob_id(), later.blob_id()];
    all_hold(&network, &blobs).await;
    network.ready().await;
    network.stop().await;
}
