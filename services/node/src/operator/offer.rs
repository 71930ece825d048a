//! Registration: what a node offers the network, and the proof that it has its key. Contracts spec 7.10, node spec 6.1.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_sui::{
    Address,
    objects::{NodeMetadata, VecMap, VecMapEntry},
    transactions::NodeRegistration,
};

use crate::{config::NodeConfig, prices::Usd};

/// The currency in which the chain has prices.
const FROST: &str = "FROST";
/// The one of which feeds say what it is in FROST.
const NANO_USD: &str = "NanoUsd";

/// What a node votes for. Node spec 6.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VotingParams {
    /// Currency of the prices: `FROST`, or `NanoUsd` for billionths of a US dollar.
    pub currency: String,
    /// Price of storage, per MiB and epoch.
    pub storage_price: u64,
    /// Price of a write, per MiB.
    pub write_price: u64,
    /// What the node offers, in bytes.
    pub node_capacity: u64,
    /// In `NanoUsd` alone: by so many percent a price has to differ from the vote before the vote is changed.
    pub price_update_threshold_percent: u8,
}

impl Default for VotingParams {
    fn default() -> Self {
        Self {
            currency: FROST.to_owned(),
            storage_price: 100_000,
            write_price: 20_000,
            node_capacity: 250_000_000_000,
            price_update_threshold_percent: 10,
        }
    }
}

impl VotingParams {
    /// Whether prices are in billionths of a US dollar.
    pub fn is_in_dollars(&self) -> bool {
        self.currency.eq_ignore_ascii_case(NANO_USD)
    }

    /// The same with prices in FROST, where a WAL costs `wal`.
    fn in_frost(&self, wal: Option<Usd>) -> Result<Self, OfferError> {
        if self.currency.eq_ignore_ascii_case(FROST) {
            return Ok(self.clone());
        }
        if !self.is_in_dollars() {
            return Err(OfferError::Currency(self.currency.clone()));
        }
        let wal = wal.ok_or(OfferError::NoPrice)?;
        let frost = |nano_usd| {
            let too_much = OfferError::TooMuch { nano_usd, wal };
            wal.frost(nano_usd).ok_or(too_much)
        };
        Ok(Self {
            currency: FROST.to_owned(),
            storage_price: frost(self.storage_price)?,
            write_price: frost(self.write_price)?,
            ..self.clone()
        })
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
    #[error("voting_params.currency is `{0}`; it is FROST or NanoUsd")]
    Currency(String),
    /// Nobody says what a WAL costs.
    #[error(
        "voting_params.currency is NanoUsd, and what a WAL costs is not known; name who says it in wal_price_monitor.feeds, or vote in FROST"
    )]
    NoPrice,
    /// More than there is.
    #[error(
        "a price of {nano_usd} NanoUsd is more FROST than there can be, where a WAL costs {wal}"
    )]
    TooMuch {
        /// The price.
        nano_usd: u64,
        /// What a WAL costs.
        wal: Usd,
    },
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
    /// The offer of a configuration, with prices in FROST. Where it has them in dollars, `wal` has to be known.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn of(config: &NodeConfig, wal: Option<Usd>) -> Result<Self, OfferError> {
        let voting_params = config.voting_params.in_frost(wal)?;
        if config.commission_rate > 10_000 {
            return Err(OfferError::Commission(config.commission_rate));
        }
        Ok(Self {
            name: config.name.clone(),
            network_address: config.public_address(),
            metadata: config.metadata.clone(),
            commission_rate: config.commission_rate,
            voting_params,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_in_dollars_become_frost_where_the_price_of_a_wal_is_known() {
        let votes = VotingParams {
            currency: "nanousd".to_owned(),
            storage_price: 1_000,
            write_price: 333,
            ..VotingParams::default()
        };
        let wal = Usd::try_from(0.5).ok();
        let frost = votes.in_frost(wal).unwrap();
        assert_eq!((frost.storage_price, frost.write_price), (2_000, 666));
        assert_eq!(frost.in_frost(None).unwrap(), frost);
        let error = votes.in_frost(None).unwrap_err();
        assert!(matches!(error, OfferError::NoPrice), "{error}");
        let worthless = Usd::try_from(1e-9).ok();
        let dear = VotingParams {
            storage_price: u64::MAX,
            ..votes
        };
        let error = dear.in_frost(worthless).unwrap_err();
        assert!(matches!(error, OfferError::TooMuch { .. }), "{error}");
        let shells = VotingParams {
            currency: "shells".to_owned(),
            ..VotingParams::default()
        };
        let error = shells.in_frost(wal).unwrap_err().to_string();
        assert!(error.contains("`shells`"), "{error}");
    }
}
