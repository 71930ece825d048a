//! Epoch changes: the nodes drive them, whatever happens to most of them; a blob lives as long as it was paid for.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use walrus_e2e::{TestNetwork, eventually, random_bytes, small};
use walrus_localnet::{LocalnetOptions, STAKE_PER_NODE};
use walrus_node_client::BlobStatus;
use walrus_sdk::{ClientError, ProgressEvent};
use walrus_sui::{
    objects::WalrusSubsidiesInnerV1,
    transactions::{CloseEpochChangeError, SubsidyRates},
};

use crate::gateway::Gateway;

const EPOCH: Duration = Duration::from_secs(6);
const WAL: u64 = 1_000_000_000;
/// Several epochs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

async fn until_epoch(network: &TestNetwork, epoch: u32) {
    eventually(
        "the nodes bring the next epoch about",
        PATIENCE,
        async || (network.reader().epoch().await.unwrap() >= epoch).then_some(()),
    )
    .await;
    network.ready().await;
}

/// Subsidies of 1 WAL per node and epoch and of half of what users pay, with funds.
async fn subsidize(network: &TestNetwork) {
    let writer = network.writer();
    let side = network.side_packages().unwrap();
    let (subsidies, cap) = (side.subsidies_object, side.subsidies_admin_cap);
    let rates = SubsidyRates {
        system_rate: 5_000,
        base: WAL,
        per_shard: 0,
    };
    writer
        .set_subsidy_rates(subsidies, cap, rates)
        .await
        .unwrap();
    writer.fund_subsidies(subsidies, 1_000 * WAL).await.unwrap();
}

async fn subsidies(network: &TestNetwork) -> WalrusSubsidiesInnerV1 {
    let id = network.side_packages().unwrap().subsidies_object;
    network.reader().subsidies(id).await.unwrap().state
}

/// The nodes have paid themselves for the epochs that have passed, and subsidized what users have paid.
async fn assert_subsidized(network: &TestNetwork) {
    let epoch = network.reader().epoch().await.unwrap();
    eventually("the epoch before is paid", PATIENCE, async || {
        let state = subsidies(network).await;
        (state.latest_epoch + 1 >= epoch).then_some(())
    })
    .await;
    let ids: Vec<_> = network
        .members()
        .await
        .iter()
        .map(|member| member.info.node_id)
        .collect();
    let pools = network.reader().pools(&ids).await.unwrap();
    let commission: u64 = pools.values().map(|pool| pool.commission).sum();
    assert!(pools.values().all(|pool| pool.commission >= WAL));
    let state = subsidies(network).await;
    assert!(state.subsidy_pool + commission < 1_000 * WAL, "{state:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_live_through_epoch_changes_until_their_end() {
    let network = TestNetwork::start(LocalnetOptions {
        epoch_duration: EPOCH,
        side_packages: true,
        gateway: true,
        ..small()
    })
    .await;
    let gateway = Gateway::of(&network);
    let over = gateway.store("?epochs=2", b"for two epochs").await;
    let over = &over["newlyCreated"]["blobObject"]["blobId"];
    let over = format!("/v1/blobs/{}", over.as_str().unwrap());
    subsidize(&network).await;
    let candidates = network.reader().active_set().await.unwrap();
    assert_eq!(candidates.threshold_stake, STAKE_PER_NODE / 2);
    let data = random_bytes(40_000);
    let blob = network.store(&data, 3).await;
    let id = blob.blob_id;
    let end = blob.storage.end_epoch;
    assert_eq!(end, blob.registered_epoch + 3);

    until_epoch(&network, blob.registered_epoch + 1).await;
    network.assert_reads(&id, &data).await;
    let committees = network.reader().committees().await.unwrap();
    assert!(committees.epoch > blob.registered_epoch);
    assert_eq!(committees.current.members.len(), 4);
    // The nodes confirm for the new epoch.
    let other = random_bytes(9_000);
    let later = network.store(&other, 2).await;
    assert!(later.registered_epoch > blob.registered_epoch);
    network.assert_reads(&later.blob_id, &other).await;
    assert_told_that_storage_is_over(&network).await;

    until_epoch(&network, end).await;
    let client = network.client().await;
    eventually("the nodes forget the blob", PATIENCE, async || {
        let status = client.blob_status(&id, PATIENCE).await.ok()?;
        (status == BlobStatus::Nonexistent).then_some(())
    })
    .await;
    let told = eventually(
        "the gateway says that a blob is over",
        PATIENCE,
        async || {
            let refusal = gateway.refusal(&over).await;
            refusal.filter(|(_, reason)| reason == "BLOB_EXPIRED")
        },
    )
    .await;
    assert_eq!(told.0, 404);
    let gone = network.try_read(&id).await.unwrap_err();
    assert!(
        matches!(gone, ClientError::BlobIdDoesNotExist(blob) if blob == id),
        "{gone}"
    );
    // Its slivers are given back, not only hidden.
    for member in network.members().await {
        eventually("the slivers are removed", PATIENCE, async || {
            (member.stored_slivers(&id).await == 0).then_some(())
        })
        .await;
    }
    assert_subsidized(&network).await;
    network.stop().await;
}

/// A store whose only epoch ends before it is certified says so at once, with what it has registered.
async fn assert_told_that_storage_is_over(network: &TestNetwork) {
    let client = network.client().await;
    let mut storing = client.store(random_bytes(7_000)).epochs(1).start();
    let mut over = None;
    while let Some(event) = storing.next().await {
        if matches!(event, ProgressEvent::Registered { .. }) {
            let epoch = network.reader().epoch().await.unwrap();
            until_epoch(network, epoch + 1).await;
            over = Some(Instant::now());
        }
    }
    let error = storing.await.unwrap_err();
    assert!(matches!(error, ClientError::StorageEnded { .. }), "{error}");
    let waited = over.unwrap().elapsed();
    assert!(waited < Duration::from_secs(10), "told after {waited:?}");
}

/// Otherwise nothing would ever happen again in a network that has lost its quorum, even after most nodes are back: nobody buys
/// storage, votes or changes its stake for good.
#[tokio::test(flavor = "multi_thread")]
async fn one_node_of_four_closes_an_epoch_change_that_is_overdue() {
    let mut network = TestNetwork::start(LocalnetOptions {
        epoch_duration: Duration::from_secs(4),
        ..small()
    })
    .await;
    network.stop_nodes(&[1, 2, 3]).await;
    let epoch = network.reader().epoch().await.unwrap();
    eventually("the next epoch begins", PATIENCE, async || {
        (network.reader().epoch().await.unwrap() > epoch).then_some(())
    })
    .await;
    let early = network.writer().close_epoch_change().await.unwrap_err();
    assert!(
        matches!(early, CloseEpochChangeError::NotOverdue { epoch: of, .. } if of == epoch + 1),
        "{early}"
    );
    until_epoch(&network, epoch + 1).await;
    until_epoch(&network, epoch + 2).await;
    network.stop().await;
}
