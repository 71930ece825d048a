//! Registration: what a node offers the network, and the proof that it has its key. Contracts spec 7.10, node spec 6.1.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::{
    Address,
    objects::{NodeMetadata, VecMap, VecMapEntry},
    transactions::NodeRegistration,
};

use crate::config::NodeConfig;

/// The only currency in which prices can be voted for so far.
const FROST: &str = "FROST";

/// What a node votes for. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VotingParams {
    /// Currency of the prices: `FROST`.
    pub currency: String,
    /// Price of storage, per MiB and epoch.
    pub storage_price: u64,
    /// Price of a write, per MiB.
    pub write_price: u64,
    /// What the node offers, in bytes.
    pub node_capacity: u64,
}

impl Default for VotingParams {
    fn default() -> Self {
        Self {
            currency: FROST.to_owned(),
            storage_price: 100_000,
            write_price: 20_000,
            node_capacity: 250_000_000_000,
        }
    }
}

/// What the chain tells people about a node. Node spec 6.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MetadataConfig {
    /// Logo.
    pub image_url: String,
    /// Site of the operator.
    pub project_url: String,
    /// Text.
    pub description: String,
    /// Anything else.
    pub extra_fields: BTreeMap<String, String>,
}

/// Why a node cannot be registered as configured.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// Prices in a currency that is not supported.
    #[error("voting_params.currency is `{0}`; this version votes in FROST only")]
    Currency(String),
    /// More than all of the reward.
    #[error("commission_rate is {0} basis points; 10000 is everything")]
    Commission(u16),
}

/// What a node offers the network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Display name.
    pub name: String,
    /// `host:port` under which others reach it.
    pub network_address: String,
    /// What the chain tells people about it.
    pub metadata: MetadataConfig,
    /// Its share of the stake's reward, in basis points.
    pub commission_rate: u16,
    /// What it votes for.
    pub voting_params: VotingParams,
}

impl Offer {
    /// The offer of a configuration.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn of(config: &NodeConfig) -> Result<Self, OfferError> {
        if !config.voting_params.currency.eq_ignore_ascii_case(FROST) {
            return Err(OfferError::Currency(config.voting_params.currency.clone()));
        }
        if config.commission_rate > 10_000 {
            return Err(OfferError::Commission(config.commission_rate));
        }
        Ok(Self {
            name: config.name.clone(),
            network_address: config.public_address(),
            metadata: config.metadata.clone(),
            commission_rate: config.commission_rate,
            voting_params: config.voting_params.clone(),
        })
    }

    /// The registration that `sender` makes in `epoch`, with the proof that the node has its BLS key.
    pub fn registration(
        self,
        protocol_key: &BlsKeyPair,
        network_key: &NetworkKeyPair,
        epoch: u32,
        sender: Address,
    ) -> NodeRegistration {
        let proof = protocol_key.prove_possession(epoch, sender.into_inner());
        let extra_fields = self.metadata.extra_fields.into_iter();
        let extra_fields = extra_fields.map(|(key, value)| VecMapEntry { key, value });
        NodeRegistration {
            name: self.name,
            network_address: self.network_address,
            metadata: NodeMetadata {
                image_url: self.metadata.image_url,
                project_url: self.metadata.project_url,
                description: self.metadata.description,
                extra_fields: VecMap {
                    contents: extra_fields.collect(),
                },
            },
            public_key: protocol_key.public_key().0.to_vec(),
            network_public_key: network_key.public_key().0.to_vec(),
            proof_of_possession: proof.signature().0.to_vec(),
            commission_rate: self.commission_rate,
            storage_price: self.voting_params.storage_price,
            write_price: self.voting_params.write_price,
            node_capacity: self.voting_params.node_capacity,
        }
    }
}
