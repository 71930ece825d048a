//! Client configuration files.

use walrus_sdk::config::{
    ClientConfig, CommunicationConfig, ConfigError, LoadedConfig, Origin, PublicNetwork,
    UploadMode, WalletConfig, load, parse,
};

const SINGLE: &str =
    "system_object: \"0x1\"\nstaking_object: \"0x2\"\nrpc_urls: [\"http://127.0.0.1:9000\"]\n";

#[test]
fn a_minimal_file_has_the_defaults_of_the_specification() {
    let (config, unread) = parse(SINGLE, "test", None).unwrap();
    assert!(unread.is_empty());
    assert_eq!(config.cache_ttl_secs, 10);
    assert_eq!(config.communication_config, CommunicationConfig::default());
    assert_eq!(
        config,
        ClientConfig::for_network(config.objects(), config.rpc_urls.clone())
    );
}

#[test]
fn what_a_program_writes_is_what_it_chose_and_reads_back() {
    let written = |config: &ClientConfig| serde_yaml::to_string(config).unwrap();
    let (minimal, _) = parse(SINGLE, "test", None).unwrap();
    let keys = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.starts_with(['-', ' ']));
        lines
            .filter_map(|line| Some(line.split_once(':')?.0.to_owned()))
            .collect()
    };
    assert_eq!(
        keys(&written(&minimal)),
        ["system_object", "staking_object", "rpc_urls"]
    );
    let chosen = ClientConfig {
        n_shards: Some(10),
        cache_ttl_secs: 11,
        exchange_objects: vec![minimal.system_object],
        wallet_config: Some(WalletConfig::Path("/w/client.yaml".into())),
        communication_config: CommunicationConfig {
            max_concurrent_writes: Some(1),
            ..CommunicationConfig::default()
        },
        ..minimal.clone()
    };
    for config in [minimal, chosen] {
        let (again, unread) = parse(&written(&config), "written", None).unwrap();
        assert!(unread.is_empty(), "{unread:?}");
        assert_eq!(again, config);
    }
}

#[test]
fn a_file_that_is_missing_is_told_with_what_it_is_for() {
    let absent = std::path::Path::new("/nonexistent/client_config.yaml");
    let said = load(absent, None).unwrap_err().to_string();
    let expected = "cannot read the client configuration /nonexistent/client_config.yaml: ";
    assert!(said.starts_with(expected), "{said}");
}

/// Every key of client spec 5.3 besides those of the contract and the wallet, as `key: value` below its groups.
const TUNING: &str = "
credits_object: \"0x1\"
communication_config:
  max_concurrent_writes: 1
  max_concurrent_sliver_reads: 2
  max_concurrent_metadata_reads: 3
  max_concurrent_status_reads: 4
  max_data_in_flight: 5
  reqwest_config:
    total_timeout_millis: 6
    pool_idle_timeout_millis: 7
    http2_keep_alive_timeout_millis: 8
    http2_keep_alive_interval_millis: 9
    http2_keep_alive_while_idle: true
  request_rate_config:
    max_node_connections: 10
    backoff_config: {min_backoff_millis: 1, max_backoff_millis: 2, max_retries: 3}
  disable_proxy: true
  disable_native_certs: true
  sliver_write_extra_time: {factor: 0.25, base_millis: 11}
  sliver_status_check_threshold: 12
  tail_handling: detached
  data_in_flight_auto_tune: {enabled: true}
  upload_mode: conservative
  pending_uploads_enabled: true
  pending_upload_grace_millis: 1
  confirmation_long_poll_millis: 1
  optimistic_upload_max_blob_bytes: 1
  registration_delay_millis: 1
  max_total_blob_size: 1
  committee_change_backoff: {min_backoff_millis: 1}
  sui_client_request_timeout_millis: 1
  checkpoint_wait_timeout_millis: 1
refresh_config: {refresh_grace_period_secs: 1}
quilt_client_config: {timeout_secs: 1}
byte_range_read_client_config: {timeout_secs: 1}
streaming_config: {prefetch_count: 1}
";

#[test]
fn keys_of_the_specification_have_an_effect_or_are_named() {
    let (config, mut unread) = parse(&format!("{SINGLE}{TUNING}"), "test", None).unwrap();
    unread.sort();
    let expected = "byte_range_read_client_config communication_config.checkpoint_wait_timeout_millis \
        communication_config.committee_change_backoff \
        communication_config.data_in_flight_auto_tune communication_config.disable_native_certs \
        communication_config.disable_proxy communication_config.max_concurrent_status_reads \
        communication_config.max_total_blob_size communication_config.optimistic_upload_max_blob_bytes \
        communication_config.pending_upload_grace_millis communication_config.pending_uploads_enabled \
        communication_config.registration_delay_millis communication_config.request_rate_config.backoff_config \
        communication_config.sui_client_request_timeout_millis communication_config.tail_handling \
        credits_object quilt_client_config refresh_config streaming_config";
    assert_eq!(unread, expected.split_whitespace().collect::<Vec<_>>());
    let tuning = &config.communication_config;
    assert_eq!(tuning.max_concurrent_writes, Some(1));
    assert_eq!(tuning.upload_mode, Some(UploadMode::Conservative));
    assert_eq!(tuning.reqwest_config.total_timeout_millis, Some(6));
    assert_eq!(tuning.sliver_write_extra_time.factor, Some(0.25));
}

#[test]
fn keys_that_nothing_reads_are_named_wherever_they_are() {
    let text = format!(
        "{SINGLE}colour: red\nwallet_config: {{path: /w, colour: red}}\n\
         communication_config:\n  upload_mode: null\n  reqwest_config: {{speed: 3}}\n"
    );
    let (config, unread) = parse(&text, "test", None).unwrap();
    assert_eq!(
        unread,
        [
            "colour",
            "wallet_config.colour",
            "communication_config.reqwest_config.speed"
        ]
    );
    assert_eq!(config.communication_config.upload_mode, None);
    let several =
        "contexts:\n  a: {system_object: \"0xa\", staking_object: \"0x1\"}\ndefault_contxt: a\n";
    let (_, unread) = parse(several, "test", Some("a")).unwrap();
    assert_eq!(unread, ["default_contxt"]);
}

#[test]
fn a_tilde_in_a_path_is_the_home_directory() {
    let home = std::env::home_dir().unwrap();
    for text in [
        "wallet_config: ~/w.yaml",
        "wallet_config: {path: ~/w.yaml, active_env: x}",
    ] {
        let (config, _) = parse(&format!("{SINGLE}{text}\n"), "test", None).unwrap();
        let selection = config.wallet_config.unwrap().selection();
        assert_eq!(selection.path, Some(home.join("w.yaml")), "{text}");
    }
    let (config, _) = parse(&format!("{SINGLE}wallet_config: {{}}\n"), "test", None).unwrap();
    assert_eq!(config.wallet_config.unwrap().selection().path, None);
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
    let built_in = PublicNetwork::Testnet.config();
    assert_eq!(
        built_in.communication_config.upload_mode,
        Some(UploadMode::Aggressive)
    );
    let text = format!(
        "system_object: \"{}\"\nstaking_object: \"{}\"\ncommunication_config: {{max_concurrent_writes: 7}}\n",
        built_in.system_object, built_in.staking_object
    );
    let (config, unread) = parse(&text, "test", None).unwrap();
    assert!(unread.is_empty(), "{unread:?}");
    assert_eq!(config.communication_config.max_concurrent_writes, Some(7));
    assert_eq!(
        config.communication_config.upload_mode,
        Some(UploadMode::Aggressive)
    );
    assert_eq!(config.exchange_objects.len(), 4);
    assert_eq!(config.rpc_urls, ["https://fullnode.testnet.sui.io:443"]);
}

#[test]
fn public_networks_have_names_and_are_known_by_their_servers() {
    for network in PublicNetwork::ALL {
        assert_eq!(network.name().parse(), Ok(network));
        let built_in = LoadedConfig::built_in(network);
        assert_eq!(built_in.origin, Origin::BuiltIn(network));
        assert_eq!(built_in.config.n_shards, Some(1000));
        let url = &built_in.config.rpc_urls[0];
        assert_eq!(PublicNetwork::of_rpc_url(url), Some(network));
    }
    assert!("devnet".parse::<PublicNetwork>().is_err());
    let other = PublicNetwork::of_rpc_url("https://fullnode.devnet.sui.io:443");
    assert_eq!(other, None);
}

#[test]
fn a_file_is_where_its_configuration_is_from() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("client_config.yaml");
    std::fs::write(&path, format!("{SINGLE}refresh_config: {{}}\n")).unwrap();
    let loaded = load(&path, None).unwrap();
    assert_eq!(loaded.unread_keys, ["refresh_config"]);
    assert_eq!(loaded.origin, Origin::File(path));
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
fn a_wrong_value_is_named_with_key_line_and_column_whatever_is_around_it() {
    let built_in = PublicNetwork::Testnet.config();
    let tuning = "communication_config: {upload_mode: fast}\n";
    let known = format!(
        "system_object: \"{}\"\nstaking_object: \"{}\"\n",
        built_in.system_object, built_in.staking_object
    );
    for (text, said) in [
        (
            format!("\u{feff}{SINGLE}{tuning}"),
            "communication_config.upload_mode: unknown variant `fast`, expected one of `conservative`, `balanced`, `aggressive` \
             at line 4 column 37",
        ),
        (
            format!("{known}n_shards: -1\n"),
            "n_shards: invalid value: integer `-1`, expected u16 at line 3 column 11",
        ),
        (
            "contexts:\n  a:\n    system_object: \"0x1\"\n    staking_object: here\n".to_owned(),
            "contexts.a.staking_object: ",
        ),
    ] {
        let context = text.contains("contexts").then_some("a");
        let error = parse(&text, "the-file", context).unwrap_err().to_string();
        let start = format!("the-file is not a client configuration: {said}");
        assert!(error.starts_with(&start), "{error}");
        assert!(error.contains(" at line "), "{error}");
    }
    let empty = parse("contexts: {}", "the-file", None).unwrap_err();
    assert!(
        matches!(empty, ConfigError::EmptyContexts { .. }),
        "{empty}"
    );
    assert!(parse(&format!("\u{feff}{SINGLE}"), "test", None).is_ok());
}
