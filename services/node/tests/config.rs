//! The configuration file. Node spec 6.1.
#![allow(clippy::unwrap_used)]

use std::{
    io,
    sync::{Arc, Mutex},
};

use walrus_core::{bls::BlsKeyPair, network_key::NetworkKeyPair};
use walrus_node::{NodeConfig, config::WalletSource};

fn yaml() -> String {
    let mut rng = rand::rng();
    let (protocol, network) = (
        BlsKeyPair::generate(&mut rng),
        NetworkKeyPair::generate(&mut rng),
    );
    let object = format!("0x{}", "ab".repeat(32));
    format!(
        "name: one\nstorage_path: /data\nprotocol_key_pair: {}\nnetwork_key_pair: {}\n\
         public_host: localhost\npublic_port: 9185\nsui:\n  rpc: http://127.0.0.1:9000\n  \
         system_object: \"{object}\"\n  staking_object: \"{object}\"\n  wallet_config: wallet.yaml\n",
        *protocol.to_text(),
        *network.to_text(),
    )
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn parse_logged(text: &str) -> (anyhow::Result<NodeConfig>, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let config = tracing::subscriber::with_default(subscriber, || NodeConfig::parse(text));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (config, logged)
}

#[test]
fn the_keys_of_a_short_file_and_the_defaults_of_the_rest() {
    let (config, log) = parse_logged(&yaml());
    let config = config.unwrap();
    assert!(log.is_empty(), "{log}");
    assert_eq!(config.rest_api_address.to_string(), "0.0.0.0:9185");
    assert_eq!(config.rest_graceful_shutdown_period_secs, Some(60));
    assert_eq!(config.blob_recovery.metadata_request_timeout_secs, 5);
    assert!(!config.garbage_collection.enable_immediate_data_deletion);
    assert_eq!(
        config.sui.wallet_config,
        WalletSource::File("wallet.yaml".into())
    );
    config.protocol_key().unwrap();
    config.network_key().unwrap();
    // What is written is what is read.
    assert_eq!(
        NodeConfig::parse(&config.to_yaml().unwrap()).unwrap(),
        config
    );
}

#[test]
fn null_and_zero_are_different_grace_periods() {
    let grace = |value: &str| {
        let text = format!("{}rest_graceful_shutdown_period_secs: {value}\n", yaml());
        NodeConfig::parse(&text)
            .unwrap()
            .rest_graceful_shutdown_period_secs
    };
    assert_eq!(grace("null"), None);
    assert_eq!(grace("0"), Some(0));
}

#[test]
fn an_unknown_key_gives_a_warning_that_names_it() {
    let (config, log) = parse_logged(&format!("{}future_option: 5\n", yaml()));
    config.unwrap();
    assert!(
        log.contains("WARN") && log.contains("future_option"),
        "{log}"
    );
}

#[test]
fn a_missing_key_gives_an_error_that_names_it() {
    for key in [
        "name",
        "storage_path",
        "protocol_key_pair",
        "network_key_pair",
        "public_host",
        "sui",
    ] {
        let yaml = yaml();
        let mut lines: Vec<_> = yaml.lines().collect();
        let at = lines
            .iter()
            .position(|line| line.starts_with(&format!("{key}:")))
            .unwrap();
        if key == "sui" {
            lines.truncate(at);
        } else {
            lines.remove(at);
        }
        let error = format!("{:#}", NodeConfig::parse(&lines.join("\n")).unwrap_err());
        assert!(error.contains(&format!("`{key}`")), "{error}");
    }
}

#[test]
fn a_wrong_value_gives_an_error() {
    for (from, to) in [
        ("public_port: 9185", "public_port: 99185"),
        ("public_host: localhost", "public_host: localhost:9185"),
        ("wallet_config: wallet.yaml", "wallet_config: 5"),
    ] {
        let text = yaml().replace(from, to);
        assert!(NodeConfig::parse(&text).is_err(), "{to}");
    }
    let config = NodeConfig {
        protocol_key_pair: walrus_node::config::KeySource::InPlace("nonsense".into()),
        ..NodeConfig::parse(&yaml()).unwrap()
    };
    let error = format!("{:#}", config.protocol_key().unwrap_err());
    assert!(error.contains("protocol_key_pair"), "{error}");
}
