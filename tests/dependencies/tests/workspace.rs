//! Dependency policy of this workspace: `scripts/deny.toml` and the arrows of `ARCHITECTURE.md` hold.

use std::path::Path;

use walrus_dependencies::{Graph, Policy, linked_without_defaults};

const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
const RULES: &str = include_str!("../../../scripts/deny.toml");

/// What a program that links the first never links, from "Who may know whom".
const NEVER: [(&str, &[&str]); 12] = [
    // Its clock is that of tests, its randomness that of a seed.
    ("walrus", &["walrus-simulation", "walrus-e2e"]),
    (
        "walrus-core",
        &[
            "tokio",
            "hyper",
            "reqwest",
            "sui-rpc",
            "sui-sdk-types",
            "walrus-sui",
        ],
    ),
    (
        "walrus-sui",
        &[
            "walrus-node-client",
            "walrus-node",
            "walrus-sdk",
            "walrus-artifacts",
            "sui-devchain-vm",
        ],
    ),
    (
        "walrus-node-client",
        &["walrus-sui", "walrus-sdk", "walrus-node", "sui-rpc"],
    ),
    (
        "walrus-sdk",
        &[
            "walrus-node",
            "walrus-localnet",
            "walrus-artifacts",
            "sui-devchain",
            "sui-devchain-vm",
        ],
    ),
    (
        "walrus-node",
        &[
            "walrus-localnet",
            "walrus-artifacts",
            "sui-devchain",
            "sui-devchain-vm",
        ],
    ),
    (
        "walrus-service",
        &["walrus-sdk", "walrus-node", "walrus-localnet"],
    ),
    (
        "walrus-gateway",
        &[
            "walrus-node",
            "walrus-localnet",
            "walrus-artifacts",
            "sui-devchain",
            "sui-devchain-vm",
        ],
    ),
    ("walrus-core-wasm", &["walrus-sui", "walrus-sdk", "tokio"]),
    (
        "walrus-console",
        &[
            "walrus-sdk",
            "walrus-gateway",
            "walrus-node",
            "walrus-localnet",
        ],
    ),
    (
        "walrus-node-program",
        &["walrus-localnet", "sui-devchain", "sui-devchain-vm"],
    ),
    (
        "sui-devchain-vm",
        &[
            "walrus-core",
            "walrus-sui",
            "walrus-artifacts",
            "sui-devchain",
            "sui-devchain-executor",
        ],
    ),
];

#[test]
fn dependencies_are_allowed() {
    let graph = Graph::of_workspace(Path::new(MANIFEST)).unwrap();
    let complaints = Policy::parse(RULES).unwrap().complaints(&graph);
    let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert!(complaints.is_empty(), "{}", text.join("\n"));
}

#[test]
fn arrows_never_run_back_up() {
    let graph = Graph::of_workspace(Path::new(MANIFEST)).unwrap();
    for (name, never) in NEVER {
        let linked = graph.linked_by(name);
        assert!(!linked.is_empty(), "there is no crate {name}");
        let up: Vec<_> = never.iter().filter(|name| linked.contains(*name)).collect();
        assert!(up.is_empty(), "{name} links {up:?}");
    }
}

/// Whoever stores and reads, or operates a node, need not build a chain and a Move machine.
#[test]
fn the_command_line_without_its_feature_dev_links_no_chain() {
    let linked = linked_without_defaults(Path::new(MANIFEST), "walrus").unwrap();
    for name in ["walrus", "walrus-sdk", "walrus-node-program"] {
        assert!(linked.contains(name), "{name} is missing: {linked:?}");
    }
    let development: Vec<_> = linked
        .iter()
        .filter(|name| name.starts_with("sui-devchain") || *name == "walrus-localnet")
        .collect();
    assert!(development.is_empty(), "{development:?}");
}
