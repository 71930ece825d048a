//! The nodes drive the epochs; a blob lives as long as it was paid for.

use std::time::Duration;

use walrus_e2e::{TestNetwork, eventually, random_bytes, small};
use walrus_localnet::LocalnetOptions;
use walrus_node_client::BlobStatus;
use walrus_sdk::ClientError;

const EPOCH: Duration = Duration::from_secs(6);
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

#[tokio::test(flavor = "multi_thread")]
async fn blobs_live_through_epoch_changes_until_their_end() {
    let network = TestNetwork::start(LocalnetOptions {
        epoch_duration: EPOCH,
        ..small()
    })
    .await;
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

    until_epoch(&network, end).await;
    let client = network.client().await;
    eventually("the nodes forget the blob", PATIENCE, async || {
        let status = client.blob_status(&id, PATIENCE).await.ok()?;
        (status == BlobStatus::Nonexistent).then_some(())
    })
    .await;
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
    network.stop().await;
}
