//! Files that people write: configurations, key stores, keys. What is wrong is an error; what is right is written and read again.

use walrus_fuzz::edited;
use walrus_node::NodeConfig;
use walrus_sdk::config;
use walrus_sui::wallet::{Keypair, Keystore};

const NODE: &str = include_str!("node.yaml");
const CLIENT: &str = include_str!("client.yaml");

#[test]
fn configuration() {
    assert!(NodeConfig::parse(NODE, "the seed").is_ok());
    assert!(config::parse(CLIENT, "the seed", None).is_ok());
    let key = Keypair::from_ed25519([7; 32]);
    let seeds = [
        NODE.as_bytes().to_vec(),
        CLIENT.as_bytes().to_vec(),
        Keystore::new([key.clone()]).to_json().into_bytes(),
        key.to_suiprivkey().unwrap().into_bytes(),
        key.to_base64().into_bytes(),
    ];
    super::fuzz!(1000, move |bytes: &[u8]| {
        let data = edited(&seeds, bytes);
        let text = String::from_utf8_lossy(&data);
        if let Ok(read) = NodeConfig::parse(&text, "a fuzzer") {
            let written = read.to_yaml().unwrap();
            NodeConfig::parse(&written, "what was written").unwrap();
        }
        for context in [None, Some("testnet")] {
            let _ = config::parse(&text, "a fuzzer", context);
        }
        let _ = Keystore::parse(&text);
        let _ = Keypair::parse(&text);
    });
}
