//! Registering and certifying blobs on a deployed Walrus contract with a committee of 100 nodes.

use std::sync::Arc;

use sui_devchain::RunningChain;
use sui_sdk_types::{Address, Identifier, ObjectReference};
use sui_transaction_builder::{Argument, Function, ObjectInput, TransactionBuilder};
use walrus_core::{
    BlobId, BlsSignature,
    bls::BlsKeyPair,
    messages::{BlobPersistence, ProtocolMessage, StorageConfirmationBody},
};
use walrus_deploy::{DeployParameters, Deployment, deploy};
use walrus_sui::{
    chain::ChainClient,
    contract::ContractReader,
    objects::NodeMetadata,
    transactions::{ContractWriter, NodeRegistration, TransactionExecutor},
    wallet::Keypair,
};

use crate::{
    Keeping, RUNS,
    clients::{Payer, build, request, submit_all},
    payments::gas_coins,
};

/// Nodes of the committee, all of which sign.
const NODES: usize = 100;
/// Blobs of one run.
const COUNT: usize = 1000;
/// Certifications of one run (every one needs 100 signatures made beforehand).
const CERTIFIED: usize = 200;
/// Coins of one payment.
const COINS_PER_PAYMENT: usize = 250;

pub(crate) struct Found {
    pub(crate) register: f64,
    pub(crate) certify: f64,
}

struct Contract {
    payer: Payer,
    deployment: Deployment,
    writer: ContractWriter,
    keys: Vec<BlsKeyPair>,
    /// Version at which the system object became shared.
    system_version: u64,
}

/// Best rates of some runs.
pub(crate) async fn measure(keeping: Keeping) -> Found {
    let (chain, _directory) = keeping.start().await;
    let contract = Contract::deploy(&chain).await;
    let mut found = Found {
        register: 0.0,
        certify: 0.0,
    };
    for run in 0..RUNS {
        let payer = &contract.payer;
        let requests = contract.registrations(&chain, payer, run).await;
        found.register = found
            .register
            .max(submit_all(&chain.rpc_url(), requests).await);
        let requests = contract.certifications(&chain, payer, run).await;
        found.certify = found
            .certify
            .max(submit_all(&chain.rpc_url(), requests).await);
    }
    chain.shutdown().await;
    found
}

fn blob_id(run: usize, index: usize) -> BlobId {
    let mut root = [7; 32];
    root[..8].copy_from_slice(&((run * COUNT + index) as u64).to_le_bytes());
    BlobId::from_root(
        &walrus_core::merkle::Node::Digest(root),
        walrus_core::EncodingType::RS2,
        1,
    )
}

fn root_of(run: usize, index: usize) -> [u8; 32] {
    let mut root = [7; 32];
    root[..8].copy_from_slice(&((run * COUNT + index) as u64).to_le_bytes());
    root
}

impl Contract {
    async fn deploy(chain: &RunningChain) -> Self {
        let payer = Payer::new(chain).await;
        let key = Arc::new(Keypair::from_ed25519(Payer::SECRET));
        assert_eq!(key.address(), payer.address);
        let client = ChainClient::connect(&chain.rpc_url())
            .await
            .expect("a client");
        let executor = TransactionExecutor::new(client.clone(), key);
        let parameters = DeployParameters {
            epoch_zero_duration_ms: 0,
            epoch_duration_ms: 3_600_000,
            n_shards: 1000,
            max_epochs_ahead: 53,
            threshold_stake: 0,
        };
        let deployment = deploy(&executor, parameters).await.expect("a deployment");
        let reader = ContractReader::new(client, deployment.objects())
            .await
            .expect("a reader");
        let writer = ContractWriter::with_executor(reader, executor);
        let keys: Vec<_> = (0..NODES)
            .map(|_| BlsKeyPair::generate(&mut rand::rng()))
            .collect();
        let mut stakes = Vec::new();
        for key in &keys {
            let cap = writer
                .register_node(&registration(writer.address(), key))
                .await
                .expect("a node");
            stakes.push((cap.node_id, 1_000_000_000_000));
        }
        writer.stake(&stakes).await.expect("stake");
        writer.voting_end().await.expect("end of voting");
        writer.initiate_epoch_change().await.expect("epoch 1");
        let committee = writer.reader().committees().await.expect("committees");
        assert_eq!(committee.current.members.len(), NODES);
        let system_version = initial_version(chain, deployment.system_object).await;
        Self {
            payer,
            deployment,
            writer,
            keys,
            system_version,
        }
    }

    fn system(&self, builder: &mut TransactionBuilder, mutable: bool) -> Argument {
        builder.object(ObjectInput::shared(
            self.deployment.system_object,
            self.system_version,
            mutable,
        ))
    }

    fn call(
        &self,
        builder: &mut TransactionBuilder,
        name: &str,
        arguments: Vec<Argument>,
    ) -> Argument {
        let name = Identifier::new(name).expect("a name");
        let function = Function::new(
            self.deployment.walrus_package,
            Identifier::from_static("system"),
            name,
        );
        builder.move_call(function, arguments)
    }

    async fn wal_coins(&self, count: usize) -> Vec<ObjectReference> {
        let owner = self.writer.address();
        let mut coins = Vec::new();
        while coins.len() < count {
            let payments = vec![(owner, 1_000_000_000); COINS_PER_PAYMENT];
            let executed = self.writer.send_wal(&payments).await.expect("WAL");
            let ids = executed.created("coin", "Coin");
            let objects = self
                .writer
                .reader()
                .chain()
                .objects(&ids)
                .await
                .expect("objects");
            coins.extend(
                objects
                    .into_iter()
                    .flatten()
                    .map(|object| object.reference()),
            );
        }
        coins.truncate(count);
        coins
    }

    async fn registrations(
        &self,
        chain: &RunningChain,
        payer: &Payer,
        run: usize,
    ) -> Vec<sui_rpc::proto::sui::rpc::v2::ExecuteTransactionRequest> {
        let wal = self.wal_coins(COUNT).await;
        let gas = gas_coins(chain, payer.address, COUNT).await;
        let pairs = wal.iter().zip(&gas).enumerate();
        let build_one = |(index, (wal, gas)): (usize, (&ObjectReference, &ObjectReference))| {
            let mut builder = TransactionBuilder::new();
            let system = self.system(&mut builder, true);
            let payment = builder.object(ObjectInput::owned(
                *wal.object_id(),
                wal.version(),
                *wal.digest(),
            ));
            let bytes = builder.pure(&66_034_000u64);
            let epochs = builder.pure(&3u32);
            let storage = self.call(
                &mut builder,
                "reserve_space",
                vec![system, bytes, epochs, payment],
            );
            let arguments = vec![
                system,
                storage,
                builder.pure(&blob_id(run, index).0),
                builder.pure(&root_of(run, index)),
                builder.pure(&1u64),
                builder.pure(&1u8),
                builder.pure(&false),
                payment,
            ];
            let blob = self.call(&mut builder, "register_blob", arguments);
            let owner = builder.pure(&payer.address);
            builder.transfer_objects(vec![blob], owner);
            request(build(builder, payer.address, gas), &payer.key)
        };
        pairs.map(build_one).collect()
    }

    async fn certifications(
        &self,
        chain: &RunningChain,
        payer: &Payer,
        run: usize,
    ) -> Vec<sui_rpc::proto::sui::rpc::v2::ExecuteTransactionRequest> {
        let wanted: Vec<BlobId> = (0..CERTIFIED).map(|index| blob_id(run, index)).collect();
        let blobs = self
            .writer
            .reader()
            .owned_blobs(payer.address)
            .await
            .expect("blobs");
        let ids: Vec<Address> = wanted
            .iter()
            .map(|id| {
                blobs
                    .iter()
                    .find(|blob| blob.blob_id == *id)
                    .expect("the blob")
                    .id
            })
            .collect();
        let objects = self
            .writer
            .reader()
            .chain()
            .objects(&ids)
            .await
            .expect("objects");
        let gas = gas_coins(chain, payer.address, CERTIFIED).await;
        let mut bitmap = vec![0xffu8; NODES / 8];
        bitmap.push(((1u16 << (NODES % 8)) - 1) as u8);
        let mut requests = Vec::new();
        for ((object, id), gas) in objects.into_iter().flatten().zip(wanted).zip(&gas) {
            let message = ProtocolMessage::new(
                1,
                StorageConfirmationBody {
                    blob_id: id,
                    persistence: BlobPersistence::Permanent,
                },
            )
            .to_bytes();
            let signatures: Vec<BlsSignature> = self
                .keys
                .iter()
                .map(|key| key.sign_bytes(&message))
                .collect();
            let signature = BlsSignature::aggregate(&signatures).expect("an aggregate");
            let mut builder = TransactionBuilder::new();
            let system = self.system(&mut builder, false);
            let blob = builder.object(ObjectInput::owned(object.id, object.version, object.digest));
            let arguments = vec![
                system,
                blob,
                builder.pure(&signature.0.to_vec()),
                builder.pure(&bitmap),
                builder.pure(&message),
            ];
            self.call(&mut builder, "certify_blob", arguments);
            requests.push(request(build(builder, payer.address, gas), &payer.key));
        }
        assert_eq!(requests.len(), CERTIFIED);
        requests
    }
}

fn registration(operator: Address, keys: &BlsKeyPair) -> NodeRegistration {
    let proof = keys.prove_possession(0, operator.into());
    NodeRegistration {
        name: "node".into(),
        network_address: "127.0.0.1:9185".into(),
        metadata: NodeMetadata::default(),
        public_key: keys.public_key().0.to_vec(),
        network_public_key: vec![2; 33],
        proof_of_possession: proof.signature().0.to_vec(),
        commission_rate: 0,
        storage_price: 1000,
        write_price: 200,
        node_capacity: 1 << 50,
    }
}

async fn initial_version(chain: &RunningChain, id: Address) -> u64 {
    use sui_rpc::field::{FieldMask, FieldMaskUtil};
    let mut client = sui_rpc::Client::new(chain.rpc_url()).expect("a client");
    let request = sui_rpc::proto::sui::rpc::v2::GetObjectRequest::new(&id)
        .with_read_mask(FieldMask::from_paths(["owner"]));
    let response = client
        .ledger_client()
        .get_object(request)
        .await
        .expect("an object");
    let owner = response
        .into_inner()
        .object
        .and_then(|object| object.owner)
        .expect("an owner");
    owner.version.expect("a version")
}
