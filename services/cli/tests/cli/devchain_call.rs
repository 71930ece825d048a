//! `devchain call` on functions of the framework: what it shows, and what it says about arguments that are wrong.

use crate::program::{Home, Running};
use serde_json::Value;

const CALL: [&str; 2] = ["devchain", "call"];
/// Coins of any type may have no value; those of SUI would soon be used up as gas.
const OF_CLOCKS: [&str; 2] = ["--type-arg", "0x2::clock::Clock"];

struct Chain {
    home: Home,
    running: Running,
    url: String,
}

impl Chain {
    fn start() -> Self {
        let home = Home::new();
        let ports = ["--rpc-port", "0", "--faucet-port", "0"];
        let running = home.start(&[&["devchain", "--ephemeral", "--json"], &ports[..]].concat());
        let url = running.wait_for_json()["rpcUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        Self { home, running, url }
    }

    fn arguments<'a>(&'a self, call: &[&'a str]) -> Vec<&'a str> {
        [&CALL, call, &["--rpc-url", &self.url]].concat()
    }

    fn new_coin(&self) -> String {
        let call = [&["0x2::coin::zero", "--json"], &OF_CLOCKS[..]].concat();
        let made: Value = self.home.json(&self.arguments(&call));
        made["created"][0]["objectId"].as_str().unwrap().to_owned()
    }
}

#[test]
fn what_a_call_made_is_shown_with_short_types() {
    let chain = Chain::start();
    let call = [&["0x2::coin::zero"], &OF_CLOCKS[..]].concat();
    let said = chain.home.succeed(&chain.arguments(&call));
    assert!(
        said.contains(" 0x2::coin::Coin<0x2::clock::Clock>\n"),
        "{said}"
    );
    let coins = (chain.new_coin(), chain.new_coin());
    let join = [&["0x2::coin::join", &coins.0, &coins.1], &OF_CLOCKS[..]].concat();
    chain.home.succeed(&chain.arguments(&join));
    assert!(chain.running.stop_with("INT").success());
}

#[test]
fn what_a_call_returns_is_shown_and_a_call_without_effects_costs_nothing() {
    let chain = Chain::start();
    // It needs no SUI.
    let poor = walrus_sui::wallet::Keypair::generate()
        .to_suiprivkey()
        .unwrap();
    let max = ["0x2::math::max", "5", "6", "--private-key", &poor];
    let said = chain.home.succeed(&chain.arguments(&max));
    assert!(said.contains("returns          u64 6\n"), "{said}");
    assert!(
        said.contains("it changes nothing, and costs nothing"),
        "{said}"
    );
    let json = [&max[..], &["--json"]].concat();
    let answer: Value = chain.home.json(&chain.arguments(&json));
    assert!(answer["digest"].is_null(), "{answer}");
    assert_eq!(answer["gasUsed"], 0);
    let value = &answer["returnValues"][0];
    assert_eq!(value["type"], "u64");
    assert_eq!(value["value"], "6");
    assert_eq!(value["bcs"], "0x0600000000000000");

    // A value of an object, the object itself unchanged.
    let coin = chain.new_coin();
    let value = [&["0x2::coin::value", &coin, "--json"], &OF_CLOCKS[..]].concat();
    let answer: Value = chain.home.json(&chain.arguments(&value));
    assert!(answer["digest"].is_null(), "{answer}");
    assert_eq!(answer["returnValues"][0]["value"], "0");

    // Something changes, and something else comes back that nobody keeps.
    let spend = [
        &["0x2::coin::into_balance", &coin, "--json"],
        &OF_CLOCKS[..],
    ]
    .concat();
    let stuck = chain.home.fail(&chain.arguments(&spend));
    for said in [
        "coin::into_balance returns a 0x2::balance::Balance (result 1 of 1)",
        "Another call of the same transaction has to take it",
    ] {
        assert!(stuck.contains(said), "{stuck}");
    }
    let split = [&["0x2::coin::split", &coin, "0", "--json"], &OF_CLOCKS[..]].concat();
    let answer: Value = chain.home.json(&chain.arguments(&split));
    assert!(answer["digest"].is_string(), "{answer}");
    // The new coin is shown once, as what was created.
    assert_eq!(answer["returnValues"], serde_json::json!([]));
    assert_eq!(answer["created"].as_array().unwrap().len(), 1);
}

/// A transaction would not let it return the reference, whatever the code says.
#[test]
fn an_abort_of_a_function_that_returns_a_reference_is_named() {
    let chain = Chain::start();
    let borrow = |option| ["0x1::option::borrow", option, "--type-arg", "u64"];
    let said = chain.home.succeed(&chain.arguments(&borrow("some:7")));
    assert!(said.contains("u64 7\n"), "{said}");
    let said = chain.home.fail(&chain.arguments(&borrow("none")));
    assert!(said.contains("aborted in option::borrow"), "{said}");
    assert!(said.contains("code 262145"), "{said}");
}

#[test]
fn arguments_that_are_wrong_are_named() {
    let chain = Chain::start();
    let coin = chain.new_coin();
    for (call, why) in [
        (
            &[
                "0x2::coin::join",
                &coin,
                "0x9999",
                OF_CLOCKS[0],
                OF_CLOCKS[1],
            ][..],
            "argument 2: there is no object 0x0",
        ),
        (
            &["0x2::coin::value", "0x6", OF_CLOCKS[0], OF_CLOCKS[1]],
            "is a 0x2::clock::Clock, the function takes a 0x2::coin::Coin<0x2::clock::Clock>",
        ),
        (
            &["0x2::coin::value", "0x2", OF_CLOCKS[0], OF_CLOCKS[1]],
            "is a package, not an object",
        ),
        (
            &[
                "0x2::pay::join_vec",
                &coin,
                "[0x9999]",
                OF_CLOCKS[0],
                OF_CLOCKS[1],
            ],
            "argument 2: there is no object 0x0",
        ),
        (
            &["0x2::coin::split", &coin, OF_CLOCKS[0], OF_CLOCKS[1]],
            "coin::split takes 2 arguments (0x2::coin::Coin<0x2::clock::Clock>, u64), 1 were given",
        ),
        (
            &["0x2::coin::nothing"],
            "there is no function 0x2::coin::nothing",
        ),
        (
            &["0x2::math::max", "5", "6", "--private-key", "wrong"],
            "--private-key, or WALRUS_PRIVATE_KEY: not a private key",
        ),
        (
            &["0x2::math::divide_and_round_up", "1", "0"],
            "MOVE_PRIMITIVE_RUNTIME_ERROR in command 0: arithmetic error in 0x1::u64::divide_and_round_up at 6; that is no abort",
        ),
    ] {
        let said = chain.home.fail(&chain.arguments(call));
        assert!(said.contains(why), "{said}");
    }
    // A signer without SUI.
    let poor = walrus_sui::wallet::Keypair::generate()
        .to_suiprivkey()
        .unwrap();
    let call = [
        "0x2::coin::zero",
        OF_CLOCKS[0],
        OF_CLOCKS[1],
        "--private-key",
        &poor,
    ];
    let said = chain.home.fail(&chain.arguments(&call));
    assert!(said.contains("ask the faucet for SUI"), "{said}");
    assert!(said.contains("has 0 SUI of the "), "{said}");
}
