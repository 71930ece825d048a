//! The configuration file. Node spec 6.1.

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
    let config =
        tracing::subscriber::with_default(subscriber, || NodeConfig::parse(text, "node.yaml"));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (config, logged)
}

#[test]
fn keys_in_place_are_neither_in_errors_nor_in_the_debug_form() {
    let text = yaml().replace(
        "wallet_config: wallet.yaml",
        "wallet_config: {key: suiprivkey1secret}",
    );
    let config = parse_logged(&text).0.unwrap();
    let keys = text.lines().filter_map(|line| {
        let (name, key) = line.split_once(": ")?;
        name.ends_with("_key_pair").then_some(key)
    });
    let keys: Vec<_> = keys.chain(["suiprivkey1secret"]).collect();
    let shown = format!("{config:?}");
    assert_eq!(keys.len(), 3);
    assert_eq!(shown.matches("hidden").count(), 3, "{shown}");
    for key in keys {
        assert!(!shown.contains(key), "{shown}");
    }
    let number = text.replace("{key: suiprivkey1secret}", "777333");
    let said = format!("{:#}", parse_logged(&number).0.unwrap_err());
    assert!(
        said.contains("wallet_config") && !said.contains("777333"),
        "{said}"
    );
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
    // What is written is what is read, and no section that nobody chose.
    let written = config.to_yaml().unwrap();
    assert_eq!(NodeConfig::parse(&written, "again").unwrap(), config);
    for absent in ["blob_recovery", "pending_", "tls", "drive_epochs", "null"] {
        assert!(!written.contains(absent), "{absent}: {written}");
    }
    let built = NodeConfig::new(
        config.name.clone(),
        config.storage_path.clone(),
        config.protocol_key_pair.clone(),
        config.network_key_pair.clone(),
        config.public_host.clone(),
        config.public_port,
        config.sui.clone(),
    );
    assert_eq!(built, config);
}

#[test]
fn null_and_zero_are_different_grace_periods() {
    let grace = |value: &str| {
        let text = format!("{}rest_graceful_shutdown_period_secs: {value}\n", yaml());
        NodeConfig::parse(&text, "text")
            .unwrap()
            .rest_graceful_shutdown_period_secs
    };
    assert_eq!(grace("null"), None);
    assert_eq!(grace("0"), Some(0));
}

#[test]
fn keys_that_nothing_reads_give_one_warning_that_names_them() {
    let nested = yaml().replace(
        "wallet_config: wallet.yaml",
        "wallet_config: {path: wallet.yaml, colour: red}\n  request_timeout: 5",
    );
    let keys = "shard_sync_config: {colour: red}\ntls: {colour: red}\n\
        live_upload_deferral: {buckets: [{max_unencoded_bytes: 1, defer_secs: 1, colour: red}]}\n\
        rest_server: {http2_adaptive_window: true}\n";
    let (config, log) = parse_logged(&format!("{nested}{keys}"));
    config.unwrap();
    assert_eq!(log.matches("WARN").count(), 1, "{log}");
    for key in [
        "node.yaml",
        "shard_sync_config.colour",
        "tls.colour",
        "live_upload_deferral.buckets.0.colour",
        "rest_server.http2_adaptive_window",
        "sui.request_timeout",
        "sui.wallet_config.colour",
    ] {
        assert!(log.contains(key), "{key}: {log}");
    }
    let (config, log) = parse_logged(&yaml().replace("9185", "9185\nprotocol: 1"));
    config.unwrap();
    assert!(
        log.contains("sets protocol: this version does not read it"),
        "{log}"
    );
}

#[test]
fn a_tilde_in_any_path_is_the_home_directory() {
    let home = std::env::home_dir().unwrap();
    let paths = yaml()
        .replace("/data", "~/data")
        .lines()
        .filter(|line| !line.contains("_key_pair"))
        .collect::<Vec<_>>()
        .join("\n");
    let keys = "\nprotocol_key_pair: {path: ~/protocol.key}\nnetwork_key_pair: {path: ~/network.key}\n\
        blocklist_path: ~/blocked.yaml\ntls: {certificate_path: ~/chain.pem}\n";
    for wallet in ["~/wallet.yaml", "{path: ~/wallet.yaml}"] {
        let paths = paths.replace("wallet.yaml", wallet);
        let config = NodeConfig::parse(&format!("{paths}{keys}"), "text").unwrap();
        let written = config.to_yaml().unwrap();
        assert!(!written.contains('~'), "{written}");
        let home = format!("{}/", home.display());
        assert_eq!(written.matches(&home).count(), 6, "{written}");
    }
}

#[test]
fn a_wallet_is_a_key_or_a_file() {
    let with = |wallet: &str| {
        let text = yaml().replace("wallet.yaml", wallet);
        NodeConfig::parse(&text, "text").map(|config| config.sui.wallet_config)
    };
    assert_eq!(
        with("{key: k}").unwrap(),
        WalletSource::Key { key: "k".into() }
    );
    for wrong in ["{}", "{key: k, path: w}", "{key: k, active_env: e}", "[w]"] {
        assert!(with(wrong).is_err(), "{wrong}");
    }
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
        let error = format!(
            "{:#}",
            NodeConfig::parse(&lines.join("\n"), "text").unwrap_err()
        );
        assert!(error.contains(&format!("`{key}`")), "{error}");
    }
}

#[test]
fn a_wrong_value_gives_an_error() {
    for (from, to) in [
        ("public_port: 9185", "public_port: 99185"),
        ("public_host: localhost", "public_host: localhost:9185"),
        ("public_host: localhost", "public_host: \"[::1]:9185\""),
        (
            "public_host: localhost",
            "public_host: \"[localhost]:9185\"",
        ),
        ("wallet_config: wallet.yaml", "wallet_config: 5"),
    ] {
        let text = yaml().replace(from, to);
        assert!(NodeConfig::parse(&text, "text").is_err(), "{to}");
    }
    let config = NodeConfig {
        protocol_key_pair: walrus_node::config::KeySource::InPlace("nonsense".into()),
        ..NodeConfig::parse(&yaml(), "text").unwrap()
    };
    let error = format!("{:#}", config.protocol_key().unwrap_err());
    assert!(error.contains("protocol_key_pair"), "{error}");
}

#[test]
fn a_host_may_be_an_address_of_either_family() {
    for host in ["127.0.0.1", "::1", "[::1]", "2001:db8::7"] {
        let text = yaml().replace(
            "public_host: localhost",
            &format!("public_host: \"{host}\""),
        );
        assert_eq!(NodeConfig::parse(&text, "text").unwrap().public_host, host);
    }
}
