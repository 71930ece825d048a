//! `localnet`, and the other commands against it.
#![allow(clippy::unwrap_used)]

mod commands;
mod life;
#[path = "../program/mod.rs"]
mod program;

const SHAPE: [&str; 9] = [
    "localnet",
    "--nodes",
    "4",
    "--shards",
    "13",
    "--rpc-port",
    "0",
    "--faucet-port",
    "0",
];

const UP: &str = "The network is up";
