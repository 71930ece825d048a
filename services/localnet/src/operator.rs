//! The operator of one storage node: keys, wallet, registration.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::{ContractObjects, ContractReader},
    objects::NodeMetadata,
    transactions::{ContractWriter, NodeRegistration},
    wallet::{Environment, Keypair, Wallet},
};

use crate::directory::write_atomically;

/// What nodes of a test network vote for. Contracts spec 12.2.
const STORAGE_PRICE_VOTE: u64 = 100_000;
const WRITE_PRICE_VOTE: u64 = 20_000;
const TOTAL_CAPACITY_BYTES: u64 = 1_000_000_000_000;

/// The epoch in which the operators of a new network register.
const REGISTRATION_EPOCH: u32 = 0;

/// The keys of a node, and where its service listens.
pub(crate) struct Operator {
    pub(crate) index: u16,
    pub(crate) address: SocketAddr,
    pub(crate) wallet: Arc<Keypair>,
    pub(crate) protocol_key: BlsKeyPair,
    pub(crate) network_key: NetworkKeyPair,
}

/// File names in a node's directory.
pub(crate) const PROTOCOL_KEY_FILE: &str = "protocol.key";
pub(crate) const NETWORK_KEY_FILE: &str = "network.key";
pub(crate) const WALLET_FILE: &str = "client.yaml";

impl Operator {
    /// An operator with fresh keys.
    pub(crate) fn generate(index: u16, address: SocketAddr) -> Self {
        let mut rng = rand::rng();
        Self {
            index,
            address,
            wallet: Arc::new(Keypair::generate()),
            protocol_key: BlsKeyPair::generate(&mut rng),
            network_key: NetworkKeyPair::generate(&mut rng),
        }
    }

    /// The display name on chain.
    pub(crate) fn name(&self) -> String {
        format!("node-{}", self.index)
    }

    /// Writes the two key files of the node into `dir`.
    pub(crate) fn write_keys(&self, dir: &Path) -> anyhow::Result<()> {
        write_atomically(
            &dir.join(PROTOCOL_KEY_FILE),
            self.protocol_key.to_text().as_bytes(),
        )?;
        write_atomically(
            &dir.join(NETWORK_KEY_FILE),
            self.network_key.to_text().as_bytes(),
        )
    }

    /// Writes the wallet of the node into `dir`.
    pub(crate) fn write_wallet(&self, dir: &Path, rpc_url: &str) -> anyhow::Result<()> {
        let key = Keypair::parse(&self.wallet.to_base64())?;
        Wallet::create(&dir.join(WALLET_FILE), environment(rpc_url), key)?;
        Ok(())
    }

    /// Registers the node as a candidate; returns its node ID and the ID of its capability.
    pub(crate) async fn register(
        &self,
        chain: &ChainClient,
        objects: ContractObjects,
        nodes: u16,
    ) -> anyhow::Result<Registered> {
        let reader = ContractReader::new(chain.clone(), objects).await?;
        let writer = ContractWriter::new(reader, Arc::clone(&self.wallet));
        let sender = self.wallet.address().into_inner();
        let proof = self
            .protocol_key
            .prove_possession(REGISTRATION_EPOCH, sender);
        let cap = writer
            .register_node(&NodeRegistration {
                name: self.name(),
                network_address: self.address.to_string(),
                metadata: NodeMetadata::default(),
                public_key: self.protocol_key.public_key().0.to_vec(),
                network_public_key: self.network_key.public_key().0.to_vec(),
                proof_of_possession: proof.signature().0.to_vec(),
                commission_rate: 0,
                storage_price: STORAGE_PRICE_VOTE,
                write_price: WRITE_PRICE_VOTE,
                node_capacity: TOTAL_CAPACITY_BYTES / u64::from(nodes.max(1)),
            })
            .await
            .with_context(|| format!("cannot register {}", self.name()))?;
        Ok(Registered {
            node_id: cap.node_id,
            cap_id: cap.id,
        })
    }
}

/// The network as Sui wallets name it.
pub(crate) fn environment(rpc_url: &str) -> Environment {
    Environment {
        alias: "localnet".to_owned(),
        rpc: rpc_url.to_owned(),
        ws: None,
        basic_auth: None,
    }
}

/// What the chain knows a node by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registered {
    pub(crate) node_id: Address,
    pub(crate) cap_id: Address,
}
