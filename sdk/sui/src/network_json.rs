//! `network.json`: what a running local network is made of, for other programs.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use sui_sdk_types::Address;
use walrus_core::network_key::NetworkPublicKey;

/// The descriptor of a local network. Keys are in camel case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkDescriptor {
    /// URL of the RPC server.
    pub rpc_url: String,
    /// URL of the same server for clients that always use TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc_tls_url: Option<String>,
    /// The certificate of the network's authority, PEM: whoever trusts it can speak TLS with the nodes and the RPC server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_bundle: Option<PathBuf>,
    /// URL of the faucet, without `/v2/gas`.
    pub faucet_url: Option<String>,
    /// Base58 digest of the genesis checkpoint.
    pub chain_id: String,
    /// The packages by name: their IDs.
    pub packages: BTreeMap<String, Address>,
    /// `system::System`.
    pub system_object: Address,
    /// `staking::Staking`.
    pub staking_object: Address,
    /// `wal::ProtectedTreasury`.
    #[serde(default)]
    pub treasury_object: Option<Address>,
    /// `wal_exchange::Exchange` objects, where WAL is had for SUI.
    #[serde(default)]
    pub exchange_objects: Vec<Address>,
    /// `walrus_subsidies::WalrusSubsidies`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subsidies_object: Option<Address>,
    /// URL of an aggregator: reads over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregator_url: Option<String>,
    /// URL of a publisher: stores over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher_url: Option<String>,
    /// URL of an upload relay: blobs of others, to the nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_url: Option<String>,
    /// URL of a web page that stores files, plays them and verifies them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console_url: Option<String>,
    /// The storage nodes, in the order of their numbers.
    #[serde(default)]
    pub nodes: Vec<NetworkNode>,
    /// Funded accounts.
    #[serde(default)]
    pub accounts: Vec<NetworkAccount>,
}

/// A storage node of a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkNode {
    /// Its name, such as `node-3`; none for a node that joined the network from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `https://host:port`.
    pub url: String,
    /// The key of its certificate: standard base64 of the compressed P-256 point (33 bytes).
    pub network_public_key: NetworkPublicKey,
    /// Where the node serves its metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_url: Option<String>,
}

/// A funded account; the key is meant for tests.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAccount {
    /// Its address.
    pub address: Address,
    /// `suiprivkey1…`.
    pub private_key: String,
}

impl std::fmt::Debug for NetworkAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NetworkAccount({})", self.address)
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use walrus_core::network_key::NetworkKeyPair;

    use super::*;

    #[test]
    fn a_network_descriptor_is_read_in_camel_case() {
        let key = NetworkKeyPair::generate(&mut rand::rng()).public_key();
        let text = format!(
            r#"{{"rpcUrl":"http://127.0.0.1:9000","faucetUrl":null,"chainId":"abc",
            "packages":{{"wal":"0x1","walrus":"0x2"}},"systemObject":"0x3","stakingObject":"0x4",
            "nodes":[{{"url":"https://127.0.0.1:1","networkPublicKey":"{}"}}],
            "accounts":[{{"address":"0x6","privateKey":"suiprivkey-secret"}}]}}"#,
            STANDARD.encode(key.0)
        );
        let descriptor: NetworkDescriptor = serde_json::from_str(&text).unwrap();
        assert_eq!(descriptor.nodes[0].url, "https://127.0.0.1:1");
        assert_eq!(descriptor.nodes[0].network_public_key, key);
        assert!(!format!("{descriptor:?}").contains("secret"));
        let again = serde_json::to_string(&descriptor).unwrap();
        assert_eq!(
            serde_json::from_str::<NetworkDescriptor>(&again).unwrap(),
            descriptor
        );
    }
}
