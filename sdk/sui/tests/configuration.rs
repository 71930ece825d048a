//! Client configuration files.

use walrus_sui::config::{
    ClientConfig, ConfigError, NetworkDescriptor, TailHandling, UploadMode, parse,
};

const SINGLE: &str =
    "system_object: \"0x1\"\nstaking_object: \"0x2\"\nrpc_urls: [\"http://127.0.0.1:9000\"]\n";

#[test]
fn a_minimal_file_has_the_defaults_of_the_specification() {
    let (config, unknown) = parse(SINGLE, "test", None).unwrap();
    assert!(unknown.is_empty());
    assert_eq!(config.cache_ttl_secs, 10);
    let communication = &config.communication_config;
    assert_eq!(communication.max_data_in_flight, Some(12_500_000));
    assert_eq!(communication.upload_mode, Some(UploadMode::Balanced));
    assert_eq!(
        communication
            .request_rate_config
            .backoff_config
            .max_backoff_millis,
        30_000
    );
    assert_eq!(
        communication.committee_change_backoff.max_backoff_millis,
        5000
    );
    assert_eq!(
        config,
        ClientConfig::for_network(config.objects(), config.rpc_urls.clone())
    );
}

#[test]
fn unknown_keys_are_reported_and_ignored() {
    let text = format!(
        "{SINGLE}colour: red\ncommunication_config:\n  upload_mode: null\n  reqwest_config: {{speed: 3}}\n"
    );
    let (config, unknown) = parse(&text, "test", None).unwrap();
    assert_eq!(
        unknown,
        ["colour", "communication_config.reqwest_config.speed"]
    );
    assert_eq!(config.communication_config.upload_mode, None);
}

#[test]
fn contexts_are_chosen_by_name_or_default() {
    let text = "contexts:\n  a: {system_object: \"0xa\", staking_object: \"0x1\"}\n  \
                b: {system_object: \"0xb\", staking_object: \"0x1\"}\ndefault_context: b\n";
    let system =
        |context| parse(text, "test", context).map(|(config, _)| config.system_object.to_string());
    assert!(system(None).unwrap().ends_with("0b"));
    assert!(system(Some("a")).unwrap().ends_with("0a"));
    let error = system(Some("c")).unwrap_err();
    assert!(
        matches!(&error, ConfigError::UnknownContext { known, .. } if known == "a, b"),
        "{error}"
    );
    let single = parse(SINGLE, "test", Some("a"));
    assert!(matches!(single, Err(ConfigError::SingleConfig { .. })));
}

#[test]
fn files_of_known_networks_lie_over_the_built_in_ones() {
    let built_in = ClientConfig::built_in("testnet").unwrap();
    assert_eq!(
        built_in.communication_config.tail_handling,
        TailHandling::Detached
    );
    let text = format!(
        "system_object: \"{}\"\nstaking_object: \"{}\"\ncommunication_config: {{max_concurrent_writes: 7}}\n",
        built_in.system_object, built_in.staking_object
    );
    let (config, _) = parse(&text, "test", None).unwrap();
    assert_eq!(config.communication_config.max_concurrent_writes, Some(7));
    assert!(config.communication_config.data_in_flight_auto_tune.enabled);
    assert_eq!(config.exchange_objects.len(), 4);
    assert_eq!(config.rpc_urls, ["https://fullnode.testnet.sui.io:443"]);
    assert!(ClientConfig::built_in("devnet").is_none());
}

#[test]
fn wallets_are_a_path_or_a_selection() {
    for (text, env) in [
        ("wallet_config: /w.yaml", None),
        ("wallet_config: {path: /w.yaml, active_env: x}", Some("x")),
    ] {
        let (config, _) = parse(&format!("{SINGLE}{text}\n"), "test", None).unwrap();
        let selection = config.wallet_config.unwrap().selection();
        assert_eq!(selection.path.unwrap().to_str(), Some("/w.yaml"));
        assert_eq!(selection.active_env.as_deref(), env);
    }
}

#[test]
fn bad_files_are_errors_that_name_the_file() {
    for text in [
        "",
        "- 1",
        "system_object: 5",
        "contexts: 3",
        "system_object: \"0x1\"",
        "a: [",
        "contexts: {}",
    ] {
        let error = parse(text, "the-file", None).unwrap_err();
        assert!(error.to_string().contains("the-file"), "{text}: {error}");
    }
}

#[test]
fn a_network_descriptor_is_read_in_camel_case() {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let key = walrus_core::network_key::NetworkKeyPair::generate(&mut rand::rng()).public_key();
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
