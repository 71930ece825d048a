//! Public networks: their built-in configurations, and files of a user that lie over one of them (client spec 5.1, 5.2).

use std::{fmt, str::FromStr};

use serde_yaml::Value;
use walrus_sui::Address;

use super::ClientConfig;

const MAINNET: &str = r#"
system_object: "0x2134d52768ea07e8c43570ef975eb3e4c27a39fa6396bef985b5abc58d03ddd2"
staking_object: "0x10b9d30c28448939ce6c4d6c6e0ffce4a7f8a4ada8248bdad09ef8b70e4a3904"
n_shards: 1000
max_epochs_ahead: 53
rpc_urls: ["https://fullnode.mainnet.sui.io:443"]
"#;

// The keys of client spec 5.2 that have no effect here are left out.
const TESTNET: &str = r#"
system_object: "0x6c2547cbbc38025cf3adac45f63cb0a8d12ecf777cdc75a4971612bf97fdf6af"
staking_object: "0xbe46180321c30aab2f8b3501e24048377287fa708018a5b7c2792b35fe339ee3"
exchange_objects:
  - "0xf4d164ea2def5fe07dc573992a029e010dba09b1a8dcbc44c5c2e79567f39073"
  - "0x19825121c52080bb1073662231cfea5c0e4d905fd13e95f21e9a018f2ef41862"
  - "0x83b454e524c71f30803f4d6c302a86fb6a39e96cdfb873c2d1e93bc1c26a3bc5"
  - "0x8d63209cf8589ce7aef8f262437163c67577ed09f3e636a9d8e0813843fb8bf1"
n_shards: 1000
max_epochs_ahead: 53
rpc_urls: ["https://fullnode.testnet.sui.io:443"]
communication_config:
  upload_mode: aggressive
"#;

/// A public network, whose configuration is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicNetwork {
    /// Walrus Mainnet.
    Mainnet,
    /// Walrus Testnet.
    Testnet,
}

/// There is no public network of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no public network {0}; there are mainnet and testnet")]
pub struct UnknownNetwork(pub String);

impl PublicNetwork {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mainnet, Self::Testnet];

    /// As it is called in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
        }
    }

    /// The network that a wallet means by the address of an RPC server.
    pub fn of_rpc_url(url: &str) -> Option<Self> {
        let is_at = |network: &Self| url.contains(&format!("{}.sui.io", network.name()));
        Self::ALL.into_iter().find(is_at)
    }

    /// Its configuration.
    pub fn config(self) -> ClientConfig {
        #[allow(clippy::expect_used)]
        serde_yaml::from_str(self.text()).expect("a test reads both")
    }

    fn text(self) -> &'static str {
        match self {
            Self::Mainnet => MAINNET,
            Self::Testnet => TESTNET,
        }
    }
}

impl fmt::Display for PublicNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PublicNetwork {
    type Err = UnknownNetwork;

    fn from_str(name: &str) -> Result<Self, UnknownNetwork> {
        let is_it = |network: &Self| network.name() == name;
        let found = Self::ALL.into_iter().find(is_it);
        found.ok_or_else(|| UnknownNetwork(name.to_owned()))
    }
}

/// Puts a configuration over the built-in one of the same network, if there is one.
pub(super) fn over_built_in(config: Value) -> Value {
    for network in PublicNetwork::ALL {
        let Ok(base) = serde_yaml::from_str::<Value>(network.text()) else {
            continue;
        };
        let same =
            |key| address(&base, key).is_some() && address(&base, key) == address(&config, key);
        if same("system_object") && same("staking_object") {
            return merge(base, config);
        }
    }
    config
}

/// An object ID however it is written.
fn address(config: &Value, key: &str) -> Option<Address> {
    config.get(key)?.as_str()?.parse().ok()
}

/// Maps are merged recursively, everything else is replaced.
fn merge(base: Value, over: Value) -> Value {
    match (base, over) {
        (Value::Mapping(mut base), Value::Mapping(over)) => {
            for (key, value) in over {
                let merged = match base.remove(&key) {
                    Some(before) => merge(before, value),
                    None => value,
                };
                base.insert(key, merged);
            }
            Value::Mapping(base)
        }
        (_, over) => over,
    }
}
