//! Operator of one storage node: keys, wallet, registration.

use std::{net::SocketAddr, path::Path, sync::Arc};

use anyhow::Context;
use walrus_node::operator::{KeyFormat, MetadataConfig, NodeKeys, Offer, VotingParams};
use walrus_sui::{
    Address,
    chain::ChainClient,
    contract::{ContractObjects, ContractReader},
    transactions::ContractWriter,
    wallet::{Environment, Keypair, Wallet},
};

/// What nodes of a test network offer together. Contracts spec 12.2.
const TOTAL_CAPACITY_BYTES: u64 = 1_000_000_000_000;

/// The epoch in which the operators of a new network register.
pub(crate) const REGISTRATION_EPOCH: u32 = 0;

/// The keys of a node, and where its service listens.
pub(crate) struct Operator {
    pub(crate) index: u16,
    pub(crate) address: SocketAddr,
    pub(crate) wallet: Arc<Keypair>,
    pub(crate) keys: NodeKeys,
}

/// File name in a node's directory.
pub(crate) const WALLET_FILE: &str = "client.yaml";

/// What a node is called.
pub(crate) fn node_name(index: impl std::fmt::Display) -> String {
    format!("node-{index}")
}

impl Operator {
    /// An operator with fresh keys.
    pub(crate) fn generate(index: u16, address: SocketAddr) -> Self {
        Self {
            index,
            address,
            wallet: Arc::new(Keypair::generate()),
            keys: NodeKeys::generate(),
        }
    }

    /// The display name on chain.
    pub(crate) fn name(&self) -> String {
        node_name(self.index)
    }

    /// Writes the two key files of the node into `dir`.
    pub(crate) fn write_keys(&self, dir: &Path) -> anyhow::Result<()> {
        Ok(self.keys.write(dir, KeyFormat::Tagged)?)
    }

    /// Writes the wallet of the node into `dir`.
    pub(crate) fn write_wallet(&self, dir: &Path, rpc_url: &str) -> anyhow::Result<()> {
        let key = Keypair::parse(&self.wallet.to_base64())?;
        Wallet::create(&dir.join(WALLET_FILE), environment(rpc_url), key)?;
        Ok(())
    }

    /// Registers the node as a candidate, in the current epoch of a network of so many nodes; returns its node ID and the ID of its capability.
    pub(crate) async fn register(
        &self,
        chain: &ChainClient,
        objects: ContractObjects,
        nodes: u16,
        epoch: u32,
    ) -> anyhow::Result<Registered> {
        let reader = ContractReader::new(chain.clone(), objects).await?;
        let writer = ContractWriter::new(reader, Arc::clone(&self.wallet));
        let offer = Offer {
            name: self.name(),
            network_address: self.address.to_string(),
            metadata: MetadataConfig::default(),
            commission_rate: 0,
            voting_params: VotingParams {
                node_capacity: TOTAL_CAPACITY_BYTES / u64::from(nodes.max(1)),
                ..VotingParams::default()
            },
        };
        let NodeKeys { protocol, network } = &self.keys;
        let sender = self.wallet.address();
        let registration = offer.registration(protocol, network, epoch, sender);
        let cap = writer
            .register_node(&registration)
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
