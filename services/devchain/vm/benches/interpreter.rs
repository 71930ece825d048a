//! Instructions per second: a vector is summed up by a Move loop (`probe::sum`), and a function calls itself (`probe::down`).
//!
//! `cargo bench -p sui-devchain-vm`
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/vm/support/mod.rs"]
mod support;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use sui_devchain_vm::{Argument, LinkageEntry, Value, Vm, package::Module};
use support::{World, artifact_modules, framework, id, linkage, package, session};

/// Every figure is the best of this many.
const RUNS: usize = 10;

fn world() -> World {
    let mut world = framework();
    let at = id(0x9999);
    let mut modules = Vec::new();
    for (_, _, bytes) in artifact_modules(include_str!("../tests/move/artifacts/probe.json")) {
        let mut module = Module::parse(&bytes).unwrap();
        module.set_self_address(at);
        modules.push(module.to_bytes());
    }
    let entry = |number| {
        (
            id(number),
            LinkageEntry {
                storage_id: id(number),
                version: 1,
            },
        )
    };
    let linked = BTreeMap::from([1, 2].map(entry));
    world
        .packages
        .insert(at, Arc::new(package(at, &modules, linked)));
    world
}

fn main() {
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let (vm, world) = (Vm::default(), world());
    for (what, function, argument) in [
        (
            "loop over a vector",
            "sum",
            Value::Vector((0..100_000).map(Value::U64).collect()),
        ),
        ("recursion", "down", Value::U64(1000)),
    ] {
        let (mut best, mut executed) = (Duration::MAX, 0);
        for _ in 0..RUNS {
            let mut session = session(&vm, &world, Some(u64::MAX));
            let arguments = vec![Argument::Value(argument.clone())];
            let linked = linkage(&world);
            let start = Instant::now();
            session
                .call(&linked, id(0x9999), "probe", function, &[], arguments)
                .unwrap();
            best = best.min(start.elapsed());
            executed = session.instructions();
        }
        let rate = executed as f64 / best.as_secs_f64() / 1e6;
        println!("{what:<24} {executed:>9} instructions {rate:>8.1} million per second");
    }
}
