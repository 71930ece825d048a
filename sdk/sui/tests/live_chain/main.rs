//! Everything against the embedded chain, over gRPC: faucet, transfers, deployment, nodes, epochs, blobs,
//! events.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod payments;
mod scripted_events;
mod staking;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sui_sdk_types::{Address, PersonalMessage, Transaction, UserSignature};
use walrus_core::{BlobId, EncodingType, bls::BlsKeyPair};
use walrus_deploy::{DeployParameters, Deployment, deploy, faucet};
use walrus_sui::{
    chain::{ChainClient, ChainError},
    contract::{Committee, ContractPackages, ContractReader, Keys},
    event_stream::{EventSource, EventStream, StreamItem},
    events::{ContractEvent, EventPosition},
    money::Coin,
    objects::{CommitteeShards, NodeMetadata, VecMap, VecMapEntry},
    transactions::{
        BlobRegistration, ContractWriter, NodeParameterUpdate, NodeRegistration, StorageSource,
        TransactionError, TransactionExecutor,
    },
    wallet::{Keypair, SignatureError, SuiSigner, TransactionSigner},
};

const PATIENCE: Duration = Duration::from_secs(60);

async fn network() -> (sui_devchain::RunningChain, TransactionExecutor) {
    let chain = sui_devchain::Devchain::builder()
        .seed("walrus-sui")
        .start()
        .await
        .unwrap();
    let key = Arc::new(Keypair::generate());
    faucet::request(&chain.faucet_url(), key.address())
        .await
        .unwrap();
    let client = ChainClient::connect(&chain.rpc_url()).await.unwrap();
    (chain, TransactionExecutor::new(client, key))
}

async fn deployed(executor: &TransactionExecutor) -> (Deployment, ContractWriter) {
    let parameters = DeployParameters {
        epoch_zero_duration_ms: 0,
        epoch_duration_ms: 3_600_000,
        n_shards: 10,
        max_epochs_ahead: 53,
        threshold_stake: 0,
    };
    let deployment = deploy(executor, parameters).await.unwrap();
    let reader = ContractReader::new(executor.chain().clone(), deployment.objects())
        .await
        .unwrap();
    (
        deployment,
        ContractWriter::with_executor(reader, executor.clone()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn sui_is_sent_and_missing_funds_are_named() {
    let (chain, executor) = network().await;
    let client = executor.chain();
    assert_eq!(client.chain_id().await.unwrap(), chain.chain_id());
    let recipient = Keypair::generate();
    let executed = executor
        .send_sui(&[(recipient.address(), 5), (recipient.address(), 6)])
        .await
        .unwrap();
    assert_eq!(executed.created("coin", "Coin").len(), 2);
    assert!(executed.checkpoint.is_some());
    assert_eq!(client.sui_balance(recipient.address()).await.unwrap(), 11);

    let too_much = executor.send_sui(&[(recipient.address(), u64::MAX)]).await;
    assert!(matches!(
        too_much,
        Err(TransactionError::InsufficientFunds {
            coin: Coin::Sui,
            ..
        })
    ));
    let poor = TransactionExecutor::new(client.clone(), Arc::new(Keypair::generate()));
    let broke = poor
        .transfer_objects(&[Address::from([9; 32])], recipient.address())
        .await;
    assert!(broke.is_err());
    let missing = client.object(Address::from([9; 32])).await;
    assert!(matches!(missing, Err(ChainError::ObjectNotFound { .. })));
    chain.shutdown().await;
}

/// A device that has to be unlocked before it signs.
struct Device {
    key: Keypair,
    unlocked: Arc<AtomicBool>,
}

impl SuiSigner for Device {
    fn sign_transaction(&self, transaction: &Transaction) -> Result<UserSignature, SignatureError> {
        match self.unlocked.load(Ordering::SeqCst) {
            true => self.key.sign_transaction(transaction),
            false => Err(SignatureError::from_source("it is locked")),
        }
    }

    fn sign_personal_message(
        &self,
        message: &PersonalMessage<'_>,
    ) -> Result<UserSignature, SignatureError> {
        self.key.sign_personal_message(message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_signs_can_send() {
    let (chain, rich) = network().await;
    let (key, unlocked) = (Keypair::generate(), Arc::new(AtomicBool::new(false)));
    let address = key.address();
    rich.send_sui(&[(address, 1_000_000_000)]).await.unwrap();
    let device = Device {
        key,
        unlocked: Arc::clone(&unlocked),
    };
    let signer = TransactionSigner::new(address, device);
    let executor = TransactionExecutor::new(rich.chain().clone(), signer);
    let refused = executor.send_sui(&[(rich.sender(), 5)]).await.unwrap_err();
    assert!(
        matches!(&refused, TransactionError::Unsigned(_))
            && refused.to_string().contains("it is locked"),
        "{refused}"
    );
    unlocked.store(true, Ordering::SeqCst);
    let sent = executor.send_sui(&[(rich.sender(), 5)]).await.unwrap();
    assert!(sent.checkpoint.is_some());
    chain.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_deployment_is_found_and_read() {
    let (chain, executor) = network().await;
    let (deployment, writer) = deployed(&executor).await;
    let reader = writer.reader();
    let ContractPackages {
        origin,
        current,
        wal_type,
    } = reader.packages();
    assert_eq!(
        (origin, current),
        (deployment.walrus_package, deployment.walrus_package)
    );
    assert_eq!(
        wal_type.to_string(),
        format!("{}::wal::WAL", deployment.wal_package)
    );
    let state = reader.system_state().await.unwrap();
    assert_eq!(
        (state.committee.epoch, state.future_accounting.length),
        (0, 53)
    );
    let committees = reader.committees().await.unwrap();
    assert_eq!((committees.epoch, committees.current.members.len()), (0, 0));
    let wal = reader.wal_balance(writer.address()).await.unwrap();
    assert_eq!(wal, 5_000_000_000_000_000_000);

    let client = executor.chain();
    let published = client.checkpoint_of_last_change(origin).await.unwrap();
    let system = deployment.system_object;
    let initialised = client.checkpoint_of_last_change(system).await.unwrap();
    assert!(
        0 < published && published < initialised,
        "{published} and {initialised}"
    );
    let originals = client
        .original_packages(&[current, Address::TWO])
        .await
        .unwrap();
    assert_eq!(originals, [origin, Address::TWO]);

    let recipient = Keypair::generate().address();
    writer.send_wal(&[(recipient, 7)]).await.unwrap();
    assert_eq!(reader.wal_balance(recipient).await.unwrap(), 7);
    // Without stake nobody can be selected.
    let error = writer.voting_end().await.unwrap_err();
    assert!(
        error
            .move_abort()
            .is_some_and(|a| a.is("staking_inner", "ENoStake")),
        "{error}"
    );
    chain.shutdown().await;
}

fn registration(operator: Address, keys: &BlsKeyPair) -> NodeRegistration {
    let public_key = keys.public_key();
    let proof = keys.prove_possession(0, operator.into());
    NodeRegistration {
        name: "node".into(),
        network_address: "127.0.0.1:9185".into(),
        metadata: NodeMetadata::default(),
        public_key: public_key.0.to_vec(),
        network_public_key: vec![2; 33],
        proof_of_possession: proof.signature().0.to_vec(),
        commission_rate: 0,
        storage_price: 100_000,
        write_price: 20_000,
        node_capacity: 1_000_000_000_000,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_epochs_and_blobs_are_seen_in_the_event_stream() {
    let (chain, executor) = network().await;
    let (_, writer) = deployed(&executor).await;
    let reader = writer.reader().clone();
    // Several keys, so that both signs of y occur.
    let keys: Vec<_> = (0..8)
        .map(|_| BlsKeyPair::generate(&mut rand::rng()))
        .collect();
    let mut caps = Vec::new();
    for key in &keys {
        caps.push(
            writer
                .register_node(&registration(writer.address(), key))
                .await
                .unwrap(),
        );
    }
    let ids: Vec<_> = caps.iter().map(|cap| cap.node_id).collect();
    let pools = reader.pools(&ids).await.unwrap();
    let shards = CommitteeShards(VecMap {
        contents: ids
            .iter()
            .map(|id| VecMapEntry {
                key: *id,
                value: Vec::new(),
            })
            .collect(),
    });
    let members = Committee::new(0, 10, &shards, &pools, Keys::OfPools).members;
    let compressed: Vec<_> = members.iter().map(|m| m.public_key.unwrap()).collect();
    assert_eq!(
        compressed,
        keys.iter().map(BlsKeyPair::public_key).collect::<Vec<_>>()
    );
    let cap = &caps[0];
    writer
        .stake(&[(cap.node_id, 1_000_000_000_000)])
        .await
        .unwrap();
    writer.voting_end().await.unwrap();
    // Announced too late for the committee that was just selected.
    let next = BlsKeyPair::generate(&mut rand::rng());
    let proof = next.prove_possession(0, writer.address().into());
    let update = NodeParameterUpdate {
        next_public_key: Some((next.public_key().0.to_vec(), proof.signature().0.to_vec())),
        ..NodeParameterUpdate::default()
    };
    writer.update_node(cap.id, &update).await.unwrap();
    writer.initiate_epoch_change().await.unwrap();
    writer.epoch_sync_done(cap.id, 1).await.unwrap();

    let committees = reader.committees().await.unwrap();
    assert_eq!(committees.epoch, 1);
    assert_eq!(committees.current.members[0].weight, 10);
    assert_eq!(
        committees.current.members[0].public_key,
        Some(keys[0].public_key()),
        "the key that certificates are checked with"
    );
    assert_eq!(
        committees.current.members[0].network_address,
        "127.0.0.1:9185"
    );

    let blob_id = BlobId::from_root(
        &walrus_core::merkle::Node::Digest([5; 32]),
        walrus_core::EncodingType::RS2,
        1,
    );
    let wanted = BlobRegistration {
        blob_id,
        root_hash: [5; 32],
        unencoded_size: 1,
        encoded_size: 6_940,
        encoding_type: EncodingType::RS2,
        deletable: true,
        storage: StorageSource::Buy { epochs_ahead: 3 },
        attributes: vec![("k".into(), "v".into())],
    };
    let before = reader.wal_balance(writer.address()).await.unwrap();
    let registered = writer
        .register_blobs(&[wanted.clone(), wanted])
        .await
        .unwrap();
    let paid = before - reader.wal_balance(writer.address()).await.unwrap();
    let prices = reader.prices().await.unwrap();
    assert_eq!(
        paid,
        3 * prices.storage_price_per_unit + 2 * prices.write_price_per_unit,
        "both fit the same started MiB"
    );
    let blob = &registered.blobs[0];
    assert_eq!((blob.blob_id, blob.storage.end_epoch), (blob_id, 4));
    assert_eq!(reader.blob(blob.id).await.unwrap(), *blob);
    assert_eq!(reader.owned_blobs(writer.address()).await.unwrap().len(), 2);
    let attributes = reader.blob_attributes(blob.id).await.unwrap().unwrap();
    assert_eq!(
        attributes.metadata.get(&"k".to_owned()),
        Some(&"v".to_owned())
    );
    writer
        .remove_attributes(blob.id, &["k".to_owned()])
        .await
        .unwrap();
    writer.delete_blobs(&[blob.id]).await.unwrap();
    assert_eq!(
        reader.owned_storage(writer.address()).await.unwrap().len(),
        1
    );

    let all = collect(&executor, &reader, EventPosition::GENESIS).await;
    let names: Vec<_> = all
        .iter()
        .filter_map(|(_, e)| e.encode().map(|(name, _)| name))
        .collect();
    assert_eq!(
        names,
        [
            "EpochParametersSelected",
            "EpochChangeStart",
            "PricesUpdated",
            "EpochChangeDone",
            "ShardsReceived",
            "BlobRegistered",
            "BlobRegistered",
            "BlobDeleted",
        ]
    );
    // Resumed behind the first registration, the second one is the next event.
    let rest = collect(&executor, &reader, all[5].0.next()).await;
    assert_eq!(rest, all[6..]);
    chain.shutdown().await;
}

/// All events from `cursor` up to the first deletion.
async fn collect(
    executor: &TransactionExecutor,
    reader: &ContractReader,
    cursor: EventPosition,
) -> Vec<(EventPosition, ContractEvent)> {
    let source = EventSource::from(&reader.packages());
    let mut stream = EventStream::start(executor.chain().clone(), source, cursor);
    let mut events = Vec::new();
    tokio::time::timeout(PATIENCE, async {
        while let Some(item) = stream.next_item().await {
            if let StreamItem::Event {
                position, event, ..
            } = item
            {
                let last = matches!(event, ContractEvent::BlobDeleted(_));
                events.push((position, event));
                if last {
                    break;
                }
            }
        }
    })
    .await
    .unwrap();
    events
}
