//! `localnet`, and the other commands against it.

mod commands;
mod gateway;
mod interrupted;
mod kills;
mod life;
mod manifests;
mod objects;
mod quilts;
mod relayed;
mod staking;

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
