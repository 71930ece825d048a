//! Crash recovery: a node is killed in the middle of a store; the store goes on without it, and the node catches up after its restart.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use walrus_core::BlobId;
use walrus_e2e::{NodeProcess, TestNetwork, eventually, random_bytes};
use walrus_localnet::LocalnetOptions;
use walrus_node::NodeConfig;
use walrus_sdk::{BlobToStore, EpochsAhead, Progress, ProgressEvent, StoreOptions, Stored};

const PATIENCE: Duration = Duration::from_secs(60);
const VICTIM: u16 = 0;
const SHARDS: u16 = 13;
/// n - 2f for 13 shards: what a read needs.
const READ_NEEDS: u16 = 5;

/// A moment of a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The blob is registered, no sliver is on its way.
    Registered,
    /// The first node has its slivers, the others are getting theirs.
    Uploading,
}

/// Kills a process at a moment of a store.
struct Killer<'a> {
    victim: &'a NodeProcess,
    moment: Moment,
    killed: AtomicBool,
}

impl Progress for Killer<'_> {
    fn on_event(&self, event: ProgressEvent) {
        let in_the_middle = match event {
            ProgressEvent::Registered { .. } => self.moment == Moment::Registered,
            ProgressEvent::Uploaded { .. } => self.moment == Moment::Uploading,
            _ => false,
        };
        if in_the_middle && !self.killed.swap(true, Ordering::SeqCst) {
            self.victim.kill();
        }
    }
}

/// The configuration of the victim, with recovery that does not wait for uploads that may still be running.
fn impatient_config(network: &TestNetwork) -> PathBuf {
    let mut config = NodeConfig::load(&network.node_config_path(VICTIM)).unwrap();
    config.live_upload_deferral.enabled = false;
    let path = network.path().join("victim.yaml");
    std::fs::write(&path, config.to_yaml().unwrap()).unwrap();
    path
}

async fn start_victim(network: &TestNetwork, config: &std::path::Path) -> NodeProcess {
    let process = NodeProcess::start(env!("CARGO_BIN_EXE_storage-node"), config);
    let member = network.member(VICTIM).await;
    eventually("the external node answers", PATIENCE, async || {
        assert!(process.is_alive(), "the node process ended by itself");
        member.client.health(false).await.ok()
    })
    .await;
    process
}

/// Stores a blob, killing the node in the middle; the store must succeed all the same.
async fn store_and_kill(
    network: &TestNetwork,
    data: &[u8],
    victim: &NodeProcess,
    moment: Moment,
) -> BlobId {
    let killer = Killer {
        victim,
        moment,
        killed: AtomicBool::new(false),
    };
    let mut options = StoreOptions::new(EpochsAhead::Count(3));
    options.deletable = false;
    let blobs = vec![BlobToStore::new("blob", data.to_vec())];
    let client = network.client().await;
    let report = client
        .store_many(blobs)
        .options(&options)
        .progress(&killer)
        .await
        .unwrap();
    assert!(killer.killed.load(Ordering::SeqCst) && !victim.is_alive());
    match &report.outcomes.first().unwrap().result {
        Ok(Stored::NewlyCreated { blob_object, .. }) => blob_object.blob_id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_catches_up_and_its_slivers_count() {
    let mut network = TestNetwork::start(LocalnetOptions {
        nodes: 4,
        shards: SHARDS,
        external_nodes: BTreeSet::from([VICTIM]),
        ..LocalnetOptions::default()
    })
    .await;
    let config = impatient_config(&network);
    let victim = start_victim(&network, &config).await;
    network.ready().await;
    let member = network.member(VICTIM).await;

    // What it confirmed before it is killed must be there afterwards.
    let early = random_bytes(50_000);
    let early_blob = network.store(&early, 3).await.blob_id;
    eventually("the node holds the first blob", PATIENCE, async || {
        member.holds_everything(&early_blob).await.then_some(())
    })
    .await;

    let data = random_bytes(2 << 20);
    let blob = store_and_kill(&network, &data, &victim, Moment::Registered).await;
    network.assert_reads(&blob, &data).await;
    // Further blobs while the node is away, one of them with nothing in it.
    let missed = random_bytes(10_000);
    let missed_blob = network.store(&missed, 3).await.blob_id;
    let empty_blob = network.store(&[], 3).await.blob_id;

    let victim = start_victim(&network, &config).await;
    let torn = random_bytes(2 << 20);
    let torn_blob = store_and_kill(&network, &torn, &victim, Moment::Uploading).await;

    let victim = start_victim(&network, &config).await;
    assert!(
        member.holds_everything(&early_blob).await,
        "what was confirmed before the kill is on disk"
    );
    for id in [blob, missed_blob, empty_blob, torn_blob] {
        eventually(
            "the node recovers all slivers of its shards",
            PATIENCE,
            async || {
                assert!(victim.is_alive());
                member.holds_everything(&id).await.then_some(())
            },
        )
        .await;
    }

    // Two of the others go: what is left of them is too little for a read without the node that was killed.
    let others: Vec<_> = network.indices().filter(|index| *index != VICTIM).collect();
    let (gone, stay) = others.split_at(2);
    assert!(network.weight(stay).await < READ_NEEDS);
    assert!(network.weight(stay).await + member.info.weight >= READ_NEEDS);
    network.stop_nodes(gone).await;
    network.assert_reads(&early_blob, &early).await;
    network.assert_reads(&blob, &data).await;
    network.assert_reads(&torn_blob, &torn).await;
    network.assert_reads(&missed_blob, &missed).await;
    network.assert_reads(&empty_blob, &[]).await;

    victim.kill();
    network.try_read(&blob).await.unwrap_err();
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_again_and_again_loses_nothing_it_has_stored() {
    let network = TestNetwork::start(LocalnetOptions {
        nodes: 4,
        shards: SHARDS,
        external_nodes: BTreeSet::from([VICTIM]),
        ..LocalnetOptions::default()
    })
    .await;
    let config = impatient_config(&network);
    let mut victim = start_victim(&network, &config).await;
    network.ready().await;
    let member = network.member(VICTIM).await;
    let mut blobs = Vec::new();
    for round in 0..4_usize {
        let data = random_bytes(20_000 + round);
        let blob = network.store(&data, 3).await.blob_id;
        blobs.push((blob, data));
        // Whatever it is doing now.
        victim.kill();
        victim = start_victim(&network, &config).await;
    }
    for (blob, data) in &blobs {
        eventually("the node holds every blob", PATIENCE, async || {
            member.holds_everything(blob).await.then_some(())
        })
        .await;
        network.assert_reads(blob, data).await;
    }
    victim.kill();
    network.stop().await;
}
