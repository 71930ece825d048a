//! Uploads to nodes that are down, behind the chain, or miss slivers.

use std::time::{Duration, Instant};

use walrus_core::{
    bls_bytes::BlsSignature,
    certificate::{ProtocolMessageCertificate, signers_from_bitmap},
    messages::{BlobPersistence, StorageConfirmationBody},
    quorum::is_certificate_quorum,
};
use walrus_sdk::{
    ClientError, NoProgress,
    store::{BlobUpload, CertifiedUpload, Registered, upload_and_confirm, upload_while_stored},
};
use walrus_sui::Address;

use crate::network::{
    Behaviour, EPOCH, FAULTY, N_SHARDS, NODES, Network, SHARDS_PER_NODE, content, encode,
};

const PROMPT: Duration = Duration::from_secs(5);

async fn upload_to(network: &Network) -> Result<CertifiedUpload, ClientError> {
    let upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    let started = Instant::now();
    let result = upload_and_confirm(&network.committee, &upload, &NoProgress).await;
    let elapsed = started.elapsed();
    assert!(elapsed < PROMPT, "the upload took {elapsed:?}");
    result
}

/// Checks a certificate as the contract does; returns the positions of the signers.
fn verify(network: &Network, upload: &CertifiedUpload) -> Vec<u16> {
    let certificate = &upload.certificate;
    let signers = signers_from_bitmap(&certificate.signers_bitmap, NODES as u16).unwrap();
    let weight = signers.len() as u64 * u64::from(SHARDS_PER_NODE);
    assert!(is_certificate_quorum(weight, N_SHARDS), "{signers:?}");
    let keys: Vec<_> = network
        .committee
        .nodes
        .iter()
        .map(|node| *node.public_key().unwrap())
        .collect();
    let signature = BlsSignature::try_from(certificate.signature.as_slice()).unwrap();
    let message = ProtocolMessageCertificate::<StorageConfirmationBody>::from_parts(
        signers.clone(),
        certificate.message.clone(),
        signature,
    )
    .verify(&keys)
    .unwrap();
    assert_eq!(message.epoch, EPOCH);
    assert_eq!(
        message.body.blob_id,
        *encode(&content(1)).metadata.blob_id()
    );
    signers
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_nodes_get_their_slivers_and_sign() {
    let network = Network::start(None, vec![]).await;
    let upload = upload_to(&network).await.unwrap();
    verify(&network, &upload);
    upload.tail.finish().await;
    for node in &network.nodes {
        assert_eq!(
            node.received.lock().unwrap().len(),
            usize::from(SHARDS_PER_NODE) * 2
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_nodes_as_may_fail_are_not_waited_for() {
    for behaviour in [Behaviour::Down, Behaviour::Silent, Behaviour::Refuses] {
        let network = Network::start(None, vec![behaviour; FAULTY]).await;
        let upload = upload_to(&network).await.unwrap();
        assert!(
            verify(&network, &upload)
                .iter()
                .all(|signer| usize::from(*signer) >= FAULTY)
        );
        let started = Instant::now();
        upload.tail.finish().await;
        assert!(started.elapsed() < PROMPT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_more_is_a_prompt_error_that_names_the_nodes() {
    for behaviour in [Behaviour::Down, Behaviour::Refuses] {
        let network = Network::start(None, vec![behaviour; FAULTY + 1]).await;
        let error = upload_to(&network).await.unwrap_err();
        let ClientError::NotEnoughConfirmations {
            got,
            needed,
            failures,
            ..
        } = &error
        else {
            panic!("unexpected error: {error}");
        };
        assert_eq!((*got, *needed, failures.len()), (12, 14, FAULTY + 1));
        for index in 0..=FAULTY {
            assert!(
                error.to_string().contains(&format!("node-{index} at ")),
                "{error}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_confirmations_are_not_counted() {
    let liars = vec![
        Behaviour::WrongKey,
        Behaviour::WrongEpoch,
        Behaviour::WrongBlob,
    ];
    let network = Network::start(None, liars.clone()).await;
    let upload = upload_to(&network).await.unwrap();
    assert!(
        verify(&network, &upload)
            .iter()
            .all(|signer| usize::from(*signer) >= FAULTY)
    );

    let more = liars.into_iter().chain([Behaviour::WrongKey]).collect();
    let network = Network::start(None, more).await;
    let error = upload_to(&network).await.unwrap_err();
    assert!(
        matches!(error, ClientError::NotEnoughConfirmations { got: 12, .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("invalid confirmation"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_are_behind_the_chain_are_asked_again() {
    let network = Network::start(None, vec![Behaviour::Behind(4); NODES]).await;
    verify(&network, &upload_to(&network).await.unwrap());
}

/// Nodes answer for storage that is over as for a registration that they have not seen.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_ends_with_the_storage_it_is_for() {
    let network = Network::start(None, vec![Behaviour::Behind(u32::MAX); NODES]).await;
    let upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    let registered = Registered {
        blob_id: *upload.blob_id(),
        object_id: Address::new([5; 32]),
        end_epoch: EPOCH + 2,
    };
    let (epoch, epochs) = tokio::sync::watch::channel(EPOCH);
    let attempt = || {
        let epochs = epochs.clone();
        upload_while_stored(&network.committee, &upload, registered, epochs, &NoProgress)
    };
    let changes = async {
        network.nodes[0].asked_for_metadata(2).await;
        epoch.send(EPOCH + 1).unwrap();
        // The storage covers this epoch, so the node is asked further.
        network.nodes[0].asked_for_metadata(4).await;
        epoch.send(EPOCH + 2).unwrap();
    };
    let during = tokio::time::timeout(PROMPT, async { tokio::join!(attempt(), changes).0 }).await;
    // Another attempt does not begin.
    let asked = network.nodes[0].metadata_requests();
    let after = tokio::time::timeout(PROMPT, attempt()).await;
    assert!(network.nodes[0].metadata_requests() <= asked + 1);
    for result in [during, after] {
        let error = result.unwrap().unwrap_err();
        assert!(
            matches!(error, ClientError::StorageEnded { object_id, end_epoch, .. }
                if object_id == registered.object_id && end_epoch == EPOCH + 2),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_that_lasts_changes_nothing_about_an_upload() {
    let network = Network::start(None, vec![]).await;
    let upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    let registered = Registered {
        blob_id: *upload.blob_id(),
        object_id: Address::new([5; 32]),
        end_epoch: EPOCH + 1,
    };
    // Nobody tells the epoch any more.
    let (_, epoch) = tokio::sync::watch::channel(EPOCH);
    let certified =
        upload_while_stored(&network.committee, &upload, registered, epoch, &NoProgress).await;
    verify(&network, &certified.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_miss_slivers_get_them_again() {
    let network = Network::start(None, vec![Behaviour::LosesSliversOnce; NODES]).await;
    verify(&network, &upload_to(&network).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn slivers_are_sent_only_to_nodes_that_miss_them() {
    let network = Network::start(None, vec![]).await;
    let mut upload = BlobUpload::new(encode(&content(1)), BlobPersistence::Permanent);
    upload.stored_already = true;
    // The nodes have nothing after all, and say so.
    let certified = upload_and_confirm(&network.committee, &upload, &NoProgress)
        .await
        .unwrap();
    verify(&network, &certified);
    certified.tail.finish().await;
    // Now they do.
    for node in &network.nodes {
        node.received
            .lock()
            .unwrap()
            .insert((u16::MAX, walrus_core::SliverType::Primary));
    }
    let again = upload_and_confirm(&network.committee, &upload, &NoProgress)
        .await
        .unwrap();
    verify(&network, &again);
}
