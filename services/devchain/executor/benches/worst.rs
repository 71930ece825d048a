//! Worst case of one transaction: loops over everything that takes time, until the gas is used up.
//!
//!     cargo bench -p sui-devchain-executor --bench worst [UNITS] [NAME…]
//!
//! UNITS: gas units to use up, all that a transaction can have by default.
#![allow(clippy::unwrap_used, clippy::expect_used, unreachable_pub)]

#[path = "../tests/executor/world/mod.rs"]
mod world;

use std::time::Instant;

use sui_devchain_executor::{Mode, limits::MAX_GAS_UNITS};
use sui_sdk_types::*;
use world::toys::{dependencies, modules};
use world::{ALICE, Body, World};

const HEAVY: &str = include_str!("../tests/fixtures/move/artifacts/heavy.json");

/// Coordinates and keys that are valid points: base points of the curves.
const ED25519_BASE: &str = "5866666666666666666666666666666666666666666666666666666666666666";
const K1_BASE: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
const R1_BASE: &str = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const ONE_LITTLE: &str = "0100000000000000000000000000000000000000000000000000000000000000";

fn arguments(function: &str) -> Vec<Vec<u8>> {
    let data = vec![b'a'; 16_000];
    let unhex = |parts: &[&str]| hex::decode(parts.concat()).unwrap();
    match function {
        "equal" | "copy_bytes" | "numbers_to_bytes" | "sha2" | "sha3" | "keccak" | "blake2b"
        | "hmac" | "utf8" | "index_of" => vec![data],
        "min_pk" | "min_sig" => vec![b"text".to_vec()],
        "edwards" => vec![unhex(&[ED25519_BASE, ONE_LITTLE]), unhex(&[ED25519_BASE])],
        "k1_verify" => vec![unhex(&[K1_BASE, ONE]), unhex(&["02", K1_BASE])],
        "r1_verify" => vec![unhex(&[R1_BASE, ONE]), unhex(&["03", R1_BASE])],
        "k1_recover" => vec![unhex(&[K1_BASE, ONE, "00"])],
        "r1_recover" => vec![unhex(&[R1_BASE, ONE, "00"])],
        "k1_decompress" => vec![unhex(&["02", K1_BASE])],
        _ => vec![],
    }
}

const FUNCTIONS: [&str; 40] = [
    "spin",
    "count",
    "call",
    "equal",
    "copy_bytes",
    "swap",
    "borrow_deep",
    "numbers_to_bytes",
    "sha2",
    "sha3",
    "keccak",
    "blake2b",
    "small_keccak",
    "hmac",
    "utf8",
    "index_of",
    "min_pk",
    "min_sig",
    "scalar_div",
    "g1_add",
    "g2_add",
    "gt_sub",
    "g1_mul",
    "g2_mul",
    "gt_mul",
    "pairing",
    "hash_to_g1",
    "hash_to_g2",
    "validate_g1",
    "validate_g2",
    "msm_g1",
    "msm_g2",
    "decompress_g1",
    "sum",
    "edwards",
    "k1_verify",
    "r1_verify",
    "k1_recover",
    "r1_recover",
    "k1_decompress",
];

fn main() {
    let mut named: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let units = match named.first().and_then(|text| text.parse().ok()) {
        Some(units) => {
            named.remove(0);
            units
        }
        None => MAX_GAS_UNITS,
    };
    let mut world = World::boot();
    let mut body = Body::new();
    let cap = body.command(Command::Publish(Publish {
        modules: modules(HEAVY),
        dependencies: dependencies(),
    }));
    body.transfer(vec![cap], ALICE);
    let package = world.succeed(body).packages().next().unwrap().object_id();
    println!("| loop | units | milliseconds | ended by |\n| --- | --- | --- | --- |");
    for function in FUNCTIONS {
        if !named.is_empty() && !named.iter().any(|name| name == function) {
            continue;
        }
        let mut body = Body::new();
        let arguments = arguments(function)
            .iter()
            .map(|bytes| body.pure(bytes))
            .collect();
        body.call(package, "heavy", function, arguments);
        let gas = world.coins(ALICE)[0];
        let transaction = world.paid_by(ALICE, body, &[gas], units * 1000 + 100_000_000);
        let start = Instant::now();
        let outcome = world
            .executor
            .execute(&world.store, &world.params, &transaction, Mode::Simulate)
            .unwrap();
        let ExecutionStatus::Failure { error, .. } = outcome.effects.status() else {
            panic!("{function} ended");
        };
        println!(
            "| {function} | {} | {} | {error:?} |",
            outcome.gas.computation_cost / 1000,
            start.elapsed().as_millis()
        );
    }
}
