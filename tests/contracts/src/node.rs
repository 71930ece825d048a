//! A storage node as the contract knows it.

use sui_sdk_types::Address;
use walrus_core::bls::BlsKeyPair;

use crate::Account;
use crate::account::{network_key, protocol_key};

/// What a node registers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// Commission in basis points.
    pub commission_rate: u16,
    /// Vote: FROST per MiB and epoch.
    pub storage_price: u64,
    /// Vote: FROST per MiB.
    pub write_price: u64,
    /// Vote: bytes the node offers.
    pub node_capacity: u64,
}

impl Default for NodeOptions {
    /// What test networks vote for (contracts spec 12.2), with a capacity for any number of nodes.
    fn default() -> Self {
        Self {
            commission_rate: 0,
            storage_price: 100_000,
            write_price: 20_000,
            node_capacity: 1_000_000_000_000,
        }
    }
}

/// A registered node with its keys.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name; keys follow from it.
    pub name: String,
    /// The operator.
    pub account: Account,
    /// The key that signs for the node.
    pub protocol_key: BlsKeyPair,
    /// Node ID: the ID of its pool.
    pub id: Address,
    /// Its `StorageNodeCap`.
    pub cap: Address,
}

/// The keys of a node that is not registered yet.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) account: Account,
    pub(crate) protocol_key: BlsKeyPair,
    pub(crate) network_key: Vec<u8>,
}

impl Candidate {
    pub(crate) fn new(name: &str, account: Account) -> Self {
        Self {
            name: name.to_owned(),
            account,
            protocol_key: protocol_key(name),
            network_key: network_key(name).public_key().0.to_vec(),
        }
    }
}
