//! Measures all entry points and writes `GAS.md`.
#![allow(clippy::expect_used)]

use walrus_contract_tests::gas::{SIZES, measure, render};

fn main() {
    let costs = SIZES.map(|nodes| {
        eprintln!("measuring {nodes} nodes");
        measure(nodes).costs
    });
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/GAS.md");
    std::fs::write(path, render(&costs)).expect("GAS.md can be written");
}
