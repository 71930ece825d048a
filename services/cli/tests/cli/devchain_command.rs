//! `devchain`: the chain alone.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::program::Home;
use serde_json::{Value, json};
use sui_rpc::proto::sui::rpc::v2::GetServiceInfoRequest;
use walrus_sui::{Address, chain::ChainClient};

const PATIENCE: Duration = Duration::from_secs(60);
const ANY_PORTS: [&str; 4] = ["--rpc-port", "0", "--faucet-port", "0"];

fn devchain<'a>(options: &[&'a str]) -> Vec<&'a str> {
    [&["devchain", "--json"], &ANY_PORTS[..], options].concat()
}

/// One HTTP request; status and body.
fn post(url: &str, path: &str, body: &Value) -> (u16, Value) {
    let host = url.strip_prefix("http://").unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

fn balance(rpc_url: &str, owner: &str) -> u64 {
    let owner: Address = owner.parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let chain = ChainClient::connect(rpc_url).await.unwrap();
        chain.sui_balance(owner).await.unwrap()
    })
}

fn epoch(rpc_url: &str) -> u64 {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let chain = ChainClient::connect(rpc_url).await.unwrap();
        let request = GetServiceInfoRequest::default();
        let mut rpc = chain.rpc();
        let info = rpc.ledger_client().get_service_info(request).await.unwrap();
        info.get_ref().epoch()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn an_ephemeral_chain_has_the_same_accounts_every_time_and_leaves_nothing_behind() {
    let home = Home::new();
    let mut seen = Vec::new();
    for signal in ["INT", "TERM", "KILL"] {
        let chain = home.start(&devchain(&["--ephemeral", "--accounts", "3"]));
        let description = chain.wait_for_json();
        let accounts = description["accounts"].as_array().unwrap().clone();
        assert_eq!(accounts.len(), 3);
        for account in &accounts {
            assert!(text(&account["privateKey"]).starts_with("suiprivkey1"));
            let rpc_url = text(&description["rpcUrl"]);
            assert_eq!(
                balance(rpc_url, text(&account["address"])),
                1_000_000_000_000_000
            );
        }
        seen.push((description["chainId"].clone(), accounts));
        let ended = chain.stop_with(signal);
        assert_eq!(ended.success(), signal != "KILL", "{signal}: {ended}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
        assert!(home.leftovers().is_empty());
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:?}");

    let other = home.start(&devchain(&["--ephemeral", "--seed", "another"]));
    let other = other.wait_for_json();
    assert_ne!(other["chainId"], seen[0].0);
    assert_ne!(other["accounts"][0], seen[0].1[0]);
}

#[test]
fn the_hint_names_a_chain_that_would_not_be_found() {
    let home = Home::new();
    let arguments = [&["devchain"], &ANY_PORTS[..]].concat();
    for option in [&[][..], &["--ephemeral"], &["--dir", "chain"]] {
        let chain = home.start(&[&arguments[..], option].concat());
        let hint = chain.wait_for_line("walrus devchain publish PATH");
        let url = hint
            .lines()
            .find_map(|line| line.trim().strip_prefix("gRPC"));
        let named = hint.ends_with(&format!(" --rpc-url {}\n", url.unwrap().trim()));
        // Only what has a place of its own has an authority that can be trusted.
        assert_eq!(
            hint.contains("tls/authority.pem"),
            option != ["--ephemeral"],
            "{hint}"
        );
        assert_eq!(named, !option.is_empty(), "{hint}");
        assert!(chain.stop_with("INT").success());
    }
}

#[test]
fn the_faucet_takes_both_public_forms() {
    let home = Home::new();
    let chain = home.start(&devchain(&["--ephemeral"]));
    let description = chain.wait_for_json();
    let faucet = text(&description["faucetUrl"]);
    let recipient = format!("0x{}", "ab".repeat(32));
    let request = json!({"FixedAmountRequest": {"recipient": recipient}});

    let (status, answer) = post(faucet, "/v2/gas", &request);
    assert!((200..=202).contains(&status), "{answer}");
    assert_eq!(answer["status"], "Success");
    let sent: u64 = amounts(&answer["coins_sent"]);
    let (status, answer) = post(faucet, "/gas", &request);
    assert!((200..=202).contains(&status), "{answer}");
    assert!(answer["error"].is_null());
    let sent_then: u64 = amounts(&answer["transferredGasObjects"]);
    assert!(sent > 0 && sent_then > 0);
    let rpc_url = text(&description["rpcUrl"]);
    assert_eq!(balance(rpc_url, &recipient), sent + sent_then);

    let (status, answer) = post(faucet, "/v2/gas", &json!({"recipient": recipient}));
    assert_eq!(status, 400);
    assert!(
        answer["status"]["Failure"]["Internal"].is_string(),
        "{answer}"
    );
}

fn amounts(coins: &Value) -> u64 {
    let coins = coins.as_array().unwrap();
    coins
        .iter()
        .map(|coin| coin["amount"].as_u64().unwrap())
        .sum()
}

#[test]
fn a_chain_in_a_directory_survives_being_killed() {
    let home = Home::new();
    let dir = home.path().join("chain");
    let dir = dir.to_str().unwrap();
    let recipient = format!("0x{}", "cd".repeat(32));
    let request = json!({"FixedAmountRequest": {"recipient": recipient}});

    let made = ["--dir", dir, "--seed", "mine", "--accounts", "3"];
    let chain = home.start(&devchain(&made));
    let first = chain.wait_for_json();
    let bundle = || fs::read(text(&first["caBundle"])).unwrap();
    let first_bundle = bundle();
    let (status, _) = post(text(&first["faucetUrl"]), "/v2/gas", &request);
    assert_eq!(status, 201);
    let sent = balance(text(&first["rpcUrl"]), &recipient);
    assert!(sent > 0);
    // Two chains in one directory would overwrite one another.
    let refused = home.fail(&devchain(&["--dir", dir]));
    assert!(refused.contains("already running"), "{refused}");
    assert!(!chain.stop_with("KILL").success());

    // Seed, accounts and authority are those of the chain that is there.
    let chain = home.start(&devchain(&["--dir", dir]));
    let again = chain.wait_for_json();
    assert_eq!(again["chainId"], first["chainId"]);
    assert_eq!(again["accounts"], first["accounts"]);
    assert_eq!(again["accounts"].as_array().map(Vec::len), Some(3));
    assert_eq!(bundle(), first_bundle);
    assert_eq!(balance(text(&again["rpcUrl"]), &recipient), sent);
    let written: Value =
        serde_json::from_slice(&fs::read(home.path().join("chain/devchain.json")).unwrap())
            .unwrap();
    assert_eq!(written, again);
    let wallet = fs::read_to_string(home.path().join("chain/wallet/client.yaml")).unwrap();
    assert!(wallet.contains(text(&again["rpcUrl"])), "{wallet}");
    assert!(chain.stop_with("INT").success());

    let other = home.fail(&devchain(&["--dir", dir, "--seed", "theirs"]));
    assert!(other.contains("seed"), "{other}");
    let other = home.fail(&devchain(&["--dir", dir, "--accounts", "4"]));
    assert!(other.contains("has 3 accounts, not 4"), "{other}");
    let network = home.fail(&["localnet", "--dir", dir]);
    assert!(network.contains("holds no local network"), "{network}");
}

#[test]
fn epochs_of_the_chain_end_by_themselves_when_asked_to() {
    let home = Home::new();
    let chain = home.start(&devchain(&["--ephemeral", "--epoch-duration", "200ms"]));
    let description = chain.wait_for_json();
    let recipient = format!("0x{}", "ef".repeat(32));
    let request = json!({"FixedAmountRequest": {"recipient": recipient}});
    let started = Instant::now();
    // An epoch ends with a checkpoint, and each grant makes one.
    while epoch(text(&description["rpcUrl"])) < 2 {
        assert!(started.elapsed() < PATIENCE, "no epoch ends");
        let (status, answer) = post(text(&description["faucetUrl"]), "/v2/gas", &request);
        assert_eq!(status, 201, "{answer}");
    }
}

#[test]
fn people_see_accounts_and_addresses() {
    let home = Home::new();
    let chain = home.start(&["devchain", "--rpc-port", "0", "--faucet-port", "0"]);
    let text = chain.wait_for_line("The chain is up");
    for expected in [
        "(9) 0x",
        "suiprivkey1",
        "gRPC",
        "faucet",
        "http://127.0.0.1:",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(chain.stop_with("TERM").success());
    assert!(home.path().join(".walrus/devchain/devchain.json").exists());
    let help = home.succeed(&["devchain", "--help"]);
    assert!(
        help.contains("Examples:") && help.contains("--ephemeral"),
        "{help}"
    );
}
