//! Storage confirmations: a node confirms a blob only after it has seen the registration on chain and holds every sliver of its shards.

use std::time::Duration;

use walrus_core::{BlobId, SliverType, messages::BlobPersistence};
use walrus_e2e::{Encoded, Member, TestNetwork, eventually, random_bytes, small};
use walrus_node_client::{NodeError, Reason, Stored};

const PATIENCE: Duration = Duration::from_secs(20);
const SLIVER_TYPES: [SliverType; 2] = [SliverType::Primary, SliverType::Secondary];

async fn refusal(member: &Member, blob: &BlobId, persistence: &BlobPersistence) -> NodeError {
    member
        .client
        .confirmation(blob, persistence, None)
        .await
        .unwrap_err()
}

/// Waits until the node refuses for another reason than that it does not know the blob.
async fn until_registered(member: &Member, blob: &BlobId, persistence: &BlobPersistence) {
    eventually(
        "the node sees the registration",
        PATIENCE,
        async || match member.client.confirmation(blob, persistence, None).await {
            Err(error) if error.is_reason(Reason::NotRegistered) => None,
            _ => Some(()),
        },
    )
    .await;
}

/// Gives the node everything it has to hold.
async fn upload(member: &Member, encoded: &Encoded) {
    let id = encoded.id();
    let metadata = encoded.blob.metadata.metadata();
    member.client.store_metadata(&id, metadata).await.unwrap();
    for pair in member.pairs(&id) {
        for sliver_type in SLIVER_TYPES {
            let sliver = encoded.sliver(pair, sliver_type);
            member
                .client
                .store_sliver(&id, pair, sliver_type, sliver)
                .await
                .unwrap();
        }
    }
}

/// Registers a blob, then gives the node one sliver after another: it confirms after the last one and not before.
async fn confirms_only_when_complete(network: &TestNetwork, deletable: bool) {
    let encoded = Encoded::new(&random_bytes(10_000), 13);
    let id = encoded.id();
    let member = network.member(2).await;
    let unregistered = refusal(&member, &id, &BlobPersistence::Permanent).await;
    assert!(
        unregistered.is_reason(Reason::NotRegistered),
        "{unregistered}"
    );
    let early = member
        .client
        .store_metadata(&id, encoded.blob.metadata.metadata())
        .await;
    assert!(early.unwrap_err().is_reason(Reason::NotRegistered));

    let registered = network
        .writer()
        .register_blobs(&[encoded.registration(deletable)])
        .await;
    let object = registered.unwrap().blobs.first().unwrap().id;
    let persistence = if deletable {
        BlobPersistence::Deletable {
            object_id: object.into_inner(),
        }
    } else {
        BlobPersistence::Permanent
    };
    until_registered(&member, &id, &persistence).await;

    let empty = refusal(&member, &id, &persistence).await;
    assert!(empty.is_reason(Reason::MissingSlivers), "{empty}");
    let stored = member
        .client
        .store_metadata(&id, encoded.blob.metadata.metadata())
        .await;
    assert_eq!(stored.unwrap(), Stored::New);
    for pair in member.pairs(&id) {
        for sliver_type in SLIVER_TYPES {
            let incomplete = refusal(&member, &id, &persistence).await;
            assert!(incomplete.is_reason(Reason::MissingSlivers), "{incomplete}");
            let sliver = encoded.sliver(pair, sliver_type);
            let stored = member
                .client
                .store_sliver(&id, pair, sliver_type, sliver)
                .await;
            assert_eq!(stored.unwrap(), Stored::New);
        }
    }
    let confirmation = member
        .client
        .confirmation(&id, &persistence, None)
        .await
        .unwrap();
    let epoch = network.reader().epoch().await.unwrap();
    let key = member.info.public_key.unwrap();
    confirmation.verify(&key, epoch, &id, persistence).unwrap();
    let again = member
        .client
        .confirmation(&id, &persistence, None)
        .await
        .unwrap();
    assert_eq!(again, confirmation, "the same question gets the same bytes");

    // Neither the registration nor the slivers of this node say anything about the next one.
    let other = network.member(0).await;
    until_registered(&other, &id, &persistence).await;
    let refused = refusal(&other, &id, &persistence).await;
    assert!(refused.is_reason(Reason::MissingSlivers), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_confirms_a_permanent_blob_only_when_it_is_registered_and_complete() {
    let network = TestNetwork::start(small()).await;
    confirms_only_when_complete(&network, false).await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_confirms_a_deletable_blob_only_for_its_object() {
    let network = TestNetwork::start(small()).await;
    confirms_only_when_complete(&network, true).await;

    // The object of one blob confirms nothing about another blob.
    let first = Encoded::new(&random_bytes(100), 13);
    let second = Encoded::new(&random_bytes(100), 13);
    let registrations = [first.registration(true), second.registration(true)];
    let registered = network
        .writer()
        .register_blobs(&registrations)
        .await
        .unwrap();
    let persistence = |position: usize| BlobPersistence::Deletable {
        object_id: registered.blobs.get(position).unwrap().id.into_inner(),
    };
    let member = network.member(1).await;
    until_registered(&member, &first.id(), &persistence(0)).await;
    until_registered(&member, &second.id(), &persistence(1)).await;
    upload(&member, &first).await;
    let confirmed = member
        .client
        .confirmation(&first.id(), &persistence(0), None)
        .await;
    confirmed.unwrap();
    let refused = refusal(&member, &first.id(), &persistence(1)).await;
    assert!(refused.is_reason(Reason::NotRegistered), "{refused}");
    let no_object = BlobPersistence::Deletable { object_id: [7; 32] };
    let refused = refusal(&member, &first.id(), &no_object).await;
    assert!(refused.is_reason(Reason::NotRegistered), "{refused}");
    network.stop().await;
}
