//! Which configuration a command takes, and what the program says of itself: without any network.

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use crate::program::Home;
use serde_json::{Value, json};
use walrus_sui::wallet::{Environment, Keypair, Wallet};

const OBJECTS: &str = "system_object: \"0x1\"\nstaking_object: \"0x2\"\n";

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asks for the blob ID of a file, which takes the number of shards out of the configuration; the answer and what was said.
fn blob_id(home: &Home, options: &[&str]) -> (Value, String) {
    home.file("note", b"a short note");
    let output = home.run(&[&["blob-id", "note", "--json"], options].concat());
    assert!(output.status.success(), "{options:?}: {}", said(&output));
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        said(&output),
    )
}

#[test]
fn a_wallet_that_cannot_be_read_is_named() {
    let home = Home::new();
    let path = home.path().join(".sui/sui_config/client.yaml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "keystore: [").unwrap();
    let output = home.run(&["info"]);
    assert!(!output.status.success());
    let said = said(&output);
    assert!(said.contains("the wallet, which is of no use: "), "{said}");
    assert!(said.contains("client.yaml"), "{said}");
}

fn wallet(home: &Home, rpc: &str) {
    let path = home.path().join(".sui/sui_config/client.yaml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let environment = Environment {
        alias: "public".into(),
        rpc: rpc.into(),
        ws: None,
        basic_auth: None,
    };
    Wallet::create(&path, environment, Keypair::generate()).unwrap();
}

#[test]
fn public_networks_need_no_file() {
    let home = Home::new();
    let (expected, _) = blob_id(&home, &["--n-shards", "1000"]);
    for name in ["mainnet", "testnet"] {
        let (found, said) = blob_id(&home, &["--context", name]);
        assert_eq!((found, &*said), (expected.clone(), ""));
    }
    let wrong = home.fail(&["info", "--context", "devnet"]);
    // What is wrong comes before where else was looked.
    let network = wrong.find("no public network devnet; there are mainnet and testnet");
    assert!(network.is_some(), "{wrong}");
    assert!(network < wrong.find("client_config.yaml"), "{wrong}");
    // Nothing listens there, and nobody starts a public network.
    let nowhere = [
        "info",
        "--context",
        "testnet",
        "--rpc-url",
        "http://127.0.0.1:1",
    ];
    let unreachable = home.fail(&nowhere);
    assert!(
        unreachable.contains("; check the connection, or name another RPC server with --rpc-url"),
        "{unreachable}"
    );
    let none = home.fail(&["blob-id", "note"]);
    assert!(
        none.contains("--context testnet") && none.contains("walrus localnet"),
        "{none}"
    );

    // The wallet says which one it is for.
    wallet(&home, "https://fullnode.mainnet.sui.io:443");
    let (found, said) = blob_id(&home, &[]);
    assert_eq!(found, expected);
    assert_eq!(
        said,
        "Using the configuration of mainnet that is built in\n"
    );

    // A file of the user's own wins, and must have the context.
    home.file(
        "client_config.yaml",
        format!("{OBJECTS}n_shards: 13\n").as_bytes(),
    );
    let (other, said) = blob_id(&home, &[]);
    assert_ne!(other["blobId"], expected["blobId"]);
    assert_eq!(said, "Using the configuration ./client_config.yaml\n");
    let single = home.fail(&["blob-id", "note", "--context", "testnet"]);
    assert!(single.contains("single configuration"), "{single}");
}

#[test]
fn a_local_network_that_is_down_is_named() {
    let home = Home::new();
    let dir = home.path().join(".walrus/localnet");
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join("client_config.yaml"), OBJECTS).unwrap();
    // Nobody may pay on Mainnet because the local network is down.
    wallet(&home, "https://fullnode.mainnet.sui.io:443");
    let down = home.fail(&["info"]);
    for part in [
        dir.to_str().unwrap(),
        "is not running",
        "`walrus localnet`",
        "--context mainnet",
    ] {
        assert!(down.contains(part), "{part}: {down}");
    }
    blob_id(&home, &["--context", "mainnet"]);
}

#[test]
fn keys_without_effect_are_named_and_a_tilde_is_the_home_directory() {
    let home = Home::new();
    let text = format!(
        "{OBJECTS}n_shards: 1000\nrefresh_config: {{}}\ncommunication_config: {{tail_handling: detached}}\n\
         rpc_urls: [\"http://127.0.0.1:1\"]\nwallet_config: ~/wallet.yaml\n"
    );
    home.file("c.yaml", text.as_bytes());
    let (_, said) = blob_id(&home, &["--config=~/c.yaml"]);
    let expected =
        "sets communication_config.tail_handling, refresh_config: this version does not read them";
    let other =
        "sets refresh_config, communication_config.tail_handling: this version does not read them";
    assert!(said.contains(expected) || said.contains(other), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn the_version_has_the_revision_where_there_is_one() {
    let home = Home::new();
    let version = home.succeed(&["--version"]);
    let version = version.trim().strip_prefix("walrus ").unwrap();
    let git = Command::new("git")
        .args(["rev-parse", "--show-prefix", "--short=12", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    // An archive may lie inside the repository of something else.
    let said = git.map(|output| String::from_utf8(output.stdout).unwrap());
    let expected = match said.unwrap_or_default().strip_prefix("services/cli/\n") {
        Some(revision) => format!("0.1.0-{}", revision.trim()),
        None => "0.1.0".to_owned(),
    };
    assert_eq!(version, expected);
}

#[test]
fn shells_complete_commands_and_options() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.succeed(&["completion", "--shell", shell]);
        assert!(
            script.contains("blob-status") && script.contains("epochs"),
            "{shell}"
        );
        assert_eq!(home.succeed(&["completion", shell]), script);
    }
    let mut named = home.command(&["completion"]);
    let named = named.env("SHELL", "/usr/bin/fish").output().unwrap();
    let fish = home.succeed(&["completion", "--shell", "fish"]);
    assert_eq!(String::from_utf8(named.stdout).unwrap(), fish);
    let mut unknown = home.command(&["completion"]);
    let unknown = unknown.env("SHELL", "/bin/unheard-of").output().unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        said(&unknown).contains("walrus completion bash"),
        "{}",
        said(&unknown)
    );
}

#[test]
fn commands_are_json_objects_for_programs() {
    let home = Home::new();
    let (expected, _) = blob_id(&home, &["--n-shards", "1000"]);
    let object = json!({"context": "testnet", "command": {"blobId": {"file": "note"}}}).to_string();
    assert_eq!(home.json(&["json", &object]), expected);
    // From standard input, with an option of all commands from outside.
    let object = json!({"command": {"blobId": {"file": "note"}}}).to_string();
    let mut command = home.command(&["json", "--context", "mainnet"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(object.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        expected
    );

    for (object, why) in [
        ("{", "the JSON object is not a command: EOF"),
        (r#"{"command": {"fly": {}}}"#, "there is no command `fly`"),
        (
            r#"{"command": {"store": {"files": ["note"]}}}"#,
            "required arguments were not provided: <--epochs",
        ),
        (
            r#"{"command": {"store": {"files": ["note"], "epochs": 0}}}"#,
            "at least 1 epoch",
        ),
    ] {
        let refused = home.fail(&["json", object]);
        assert!(refused.contains(why), "{object}: {refused}");
    }
}
