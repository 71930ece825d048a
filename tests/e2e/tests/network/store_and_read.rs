//! Store and read: blobs come back as they were, the chain agrees with what the client reports, and stores cost what they say.

use std::time::Duration;

use walrus_e2e::{Encoded, TestNetwork, eventually, random_bytes, small};
use walrus_localnet::LocalnetOptions;
use walrus_node_client::BlobStatus;
use walrus_sdk::{
    BlobToStore, Client, ConsistencyCheck, EpochsAhead, EventOrObject, ReadOptions,
    ResourceOperation, StoreOptions, Stored,
};

const PATIENCE: Duration = Duration::from_secs(20);

fn options(deletable: bool) -> StoreOptions {
    let mut options = StoreOptions::new(EpochsAhead::Count(3));
    options.deletable = deletable;
    options
}

/// Stores `data` as a new blob, checks chain, status and balance, and reads it back.
async fn store_check_and_read(network: &TestNetwork, data: &[u8], deletable: bool) {
    let client = network.client().await;
    let blobs = vec![BlobToStore::new("file", data.to_vec())];
    let estimate = client
        .store_many(blobs.clone())
        .options(options(deletable))
        .dry_run()
        .await
        .unwrap();
    let estimate = estimate.first().unwrap();
    let before = network.balance().await;
    let report = client
        .store_many(blobs)
        .options(options(deletable))
        .await
        .unwrap();
    let spent = before - network.balance().await;

    let outcome = report.outcomes.first().unwrap();
    let Ok(Stored::NewlyCreated {
        blob_object,
        resource_operation,
        cost,
        shared_blob_object: None,
    }) = &outcome.result
    else {
        panic!("{:?}", outcome.result);
    };
    assert_eq!(spent, *cost, "the wallet pays exactly the reported cost");
    assert_eq!(estimate.cost, *cost, "a dry run tells the price");
    assert_eq!(estimate.storage_cost, *cost, "nothing is owned");
    assert_eq!(estimate.end_epoch, blob_object.storage.end_epoch);
    assert_eq!(estimate.blob_id, blob_object.blob_id);
    assert_eq!(estimate.encoded_size, outcome.encoded_size);
    assert_eq!(
        *resource_operation,
        ResourceOperation::RegisterFromScratch {
            encoded_length: outcome.encoded_size,
            epochs_ahead: 3
        }
    );
    assert_eq!(outcome.label, "file");
    assert_eq!(outcome.unencoded_size, data.len() as u64);
    assert!(outcome.register_digest.is_some() && outcome.certify_digest.is_some());

    let on_chain = network.reader().blob(blob_object.id).await.unwrap();
    let epoch = network.reader().epoch().await.unwrap();
    assert_eq!(on_chain.certified_epoch, Some(epoch), "certified on chain");
    assert_eq!(blob_object.certified_epoch, Some(epoch));
    assert_eq!(on_chain.blob_id, blob_object.blob_id);
    assert_eq!(on_chain.size, data.len() as u64);
    assert_eq!(on_chain.deletable, deletable);
    assert_eq!(on_chain.storage.end_epoch, epoch + 3);
    assert_eq!(on_chain.storage.storage_size, outcome.encoded_size);

    assert_status(&client, blob_object.blob_id, deletable, epoch).await;
    network.assert_reads(&blob_object.blob_id, data).await;
}

/// The nodes learn of the certification from the chain, a moment after the store.
async fn assert_status(client: &Client, blob: walrus_core::BlobId, deletable: bool, epoch: u32) {
    let certified = |status: &BlobStatus| status.initial_certified_epoch().is_some();
    let status = eventually("the nodes know the certification", PATIENCE, async || {
        client
            .blob_status(&blob, PATIENCE)
            .await
            .ok()
            .filter(certified)
    })
    .await;
    match status {
        BlobStatus::Permanent {
            end_epoch,
            is_certified: true,
            initial_certified_epoch,
            deletable_counts,
            ..
        } if !deletable => {
            assert_eq!(end_epoch, epoch + 3);
            assert_eq!(initial_certified_epoch, Some(epoch));
            assert_eq!(deletable_counts.count_deletable_total, 0);
        }
        BlobStatus::Deletable {
            initial_certified_epoch,
            deletable_counts,
        } if deletable => {
            assert_eq!(initial_certified_epoch, Some(epoch));
            assert_eq!(deletable_counts.count_deletable_total, 1);
            assert_eq!(deletable_counts.count_deletable_certified, 1);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blobs_of_every_size_and_kind_come_back_as_they_were() {
    let network = TestNetwork::start(small()).await;
    store_check_and_read(&network, &[], false).await;
    for size in [1, 1 << 10, 1 << 20] {
        for deletable in [false, true] {
            // One random byte twice may be the same blob.
            let mut data = random_bytes(size);
            if size == 1 {
                data = vec![u8::from(deletable)];
            }
            store_check_and_read(&network, &data, deletable).await;
        }
    }
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_the_default_size_stores_and_reads() {
    let network = TestNetwork::start(LocalnetOptions::default()).await;
    assert_eq!(network.committee().await.n_shards, 100);
    store_check_and_read(&network, &random_bytes(1 << 20), false).await;
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_blobs_share_one_store() {
    let network = TestNetwork::start(small()).await;
    let client = network.client().await;
    let contents: Vec<_> = [0, 17, 5_000, 300_000].map(random_bytes).into();
    let blobs: Vec<_> = contents
        .iter()
        .enumerate()
        .map(|(index, data)| BlobToStore::new(format!("file {index}"), data.clone()))
        .collect();
    let before = network.balance().await;
    let report = client
        .store_many(blobs)
        .options(options(false))
        .await
        .unwrap();
    let spent = before - network.balance().await;
    let mut total = 0;
    let mut transactions = Vec::new();
    assert_eq!(report.outcomes.len(), contents.len());
    for (index, (outcome, data)) in report.outcomes.iter().zip(&contents).enumerate() {
        let Ok(Stored::NewlyCreated {
            blob_object, cost, ..
        }) = &outcome.result
        else {
            panic!("{:?}", outcome.result);
        };
        assert_eq!(outcome.label, format!("file {index}"), "in the order given");
        total += cost;
        transactions.push((
            outcome.register_digest.unwrap(),
            outcome.certify_digest.unwrap(),
        ));
        let on_chain = network.reader().blob(blob_object.id).await.unwrap();
        assert!(on_chain.certified_epoch.is_some());
        network.assert_reads(&blob_object.blob_id, data).await;
    }
    assert_eq!(spent, total);
    transactions.dedup();
    assert_eq!(
        transactions.len(),
        1,
        "one registration and one certification for all"
    );
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_store_of_a_permanent_blob_finds_it_certified() {
    let network = TestNetwork::start(small()).await;
    let data = random_bytes(4_000);
    let first = network.store(&data, 3).await;
    let client = network.client().await;
    assert_status(&client, first.blob_id, false, first.registered_epoch).await;
    let before = network.balance().await;
    let report = network.try_store(&data, &options(false)).await.unwrap();
    let outcome = report.outcomes.first().unwrap();
    let Ok(Stored::AlreadyCertified {
        blob_id,
        event_or_object: EventOrObject::Event(event),
        end_epoch,
    }) = &outcome.result
    else {
        panic!("{:?}", outcome.result);
    };
    assert_eq!(*blob_id, first.blob_id);
    assert_eq!(*end_epoch, first.storage.end_epoch);
    assert_ne!(event.tx_digest, [0; 32]);
    assert_eq!(network.balance().await, before, "nothing is paid");

    // Forced, it is stored again.
    let mut forced = options(false);
    forced.check_status = false;
    forced.reuse_resources = false;
    let report = network.try_store(&data, &forced).await.unwrap();
    let outcome = report.outcomes.first().unwrap();
    let Ok(Stored::NewlyCreated {
        blob_object, cost, ..
    }) = &outcome.result
    else {
        panic!("{:?}", outcome.result);
    };
    assert_ne!(blob_object.id, first.id);
    assert_eq!(before - network.balance().await, *cost);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_nobody_stored_does_not_exist() {
    let network = TestNetwork::start(small()).await;
    let unknown = walrus_core::BlobId(random_bytes(32).try_into().unwrap());
    let error = network.try_read(&unknown).await.unwrap_err();
    assert!(
        matches!(error, walrus_sdk::ClientError::BlobIdDoesNotExist(blob) if blob == unknown),
        "{error}"
    );
    let status = network
        .client()
        .await
        .blob_status(&unknown, PATIENCE)
        .await
        .unwrap();
    assert_eq!(status, BlobStatus::Nonexistent);
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_consistency_check_accepts_an_honest_blob_and_the_size_limit_holds() {
    let network = TestNetwork::start(small()).await;
    let data = random_bytes(70_000);
    let blob = network.store(&data, 1).await;
    let client = network.client().await;
    for consistency_check in [
        ConsistencyCheck::Default,
        ConsistencyCheck::Strict,
        ConsistencyCheck::Skip,
    ] {
        let options = ReadOptions {
            consistency_check,
            max_blob_size: Some(70_000),
        };
        let read = client.read(blob.blob_id).options(options).await.unwrap();
        assert!(read == data);
    }
    let options = ReadOptions {
        max_blob_size: Some(69_999),
        ..ReadOptions::default()
    };
    let error = client
        .read(blob.blob_id)
        .options(options)
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            walrus_sdk::ClientError::BlobTooLarge { max: 69_999, .. }
        ),
        "{error}"
    );
    network.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_with_and_without_extensions_get_their_parts() {
    let options = LocalnetOptions {
        plain_nodes: [0, 1].into(),
        ..small()
    };
    let network = TestNetwork::start(options).await;
    for deletable in [false, true] {
        let data = random_bytes(300_000);
        store_check_and_read(&network, &data, deletable).await;
        let blob_id = Encoded::new(&data, 13).id();
        for (index, member) in network.members().await.into_iter().enumerate() {
            eventually("every node has its slivers", PATIENCE, async || {
                member.holds_everything(&blob_id).await.then_some(())
            })
            .await;
            let extensions = member.client.extensions().unwrap();
            assert_eq!(extensions.upload, index > 1);
        }
    }
    network.stop().await;
}
