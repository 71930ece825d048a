//! `walrus localnet`.

use std::fs;

use anyhow::Context;
use walrus_localnet::{Localnet, LocalnetOptions, NetworkSize, default_directory};

use crate::{
    args::{GlobalOptions, LocalnetArgs},
    network_steps::NetworkSteps,
    report::{Reporter, write_result},
    stop::Stop,
};

/// Nodes of a new network. The public `@mysten/walrus` divides the number of the others by ten when a node does not know a blob:
/// with fewer than eleven nodes that is a `RangeError`.
const NODES: u16 = 13;
/// Shards of a new network.
const SHARDS: u16 = 100;

/// Runs a network until it is told to stop.
pub(crate) async fn run(global: &GlobalOptions, args: LocalnetArgs) -> anyhow::Result<()> {
    let dir = if args.ephemeral {
        None
    } else {
        let dir = args.dir.or_else(default_directory);
        Some(dir.context("there is no home directory; say where the network lives with --dir")?)
    };
    let there = match &dir {
        Some(dir) => walrus_localnet::network_size(dir)?,
        None => None,
    };
    let size = there.unwrap_or(NetworkSize {
        nodes: NODES,
        shards: SHARDS,
    });
    let options = LocalnetOptions {
        nodes: args.nodes.unwrap_or(size.nodes),
        shards: args.shards.unwrap_or(size.shards),
        epoch_duration: args.epoch_duration,
        dir,
        host: args.host,
        rpc_port: args.rpc_port,
        faucet_port: args.faucet_port,
        blocklist: args.blocklist,
        ..LocalnetOptions::default()
    };
    let reporter = Reporter::new(global.json);
    // From here on a signal stops what was started, instead of the process in the middle of a write.
    let stop = Stop::on_signals()?;
    let steps = NetworkSteps::new(reporter.clone());
    let network = tokio::select! {
        network = Localnet::start(&options, &steps) => network?,
        () = stop.clone().wait() => return Ok(()),
    };
    if global.json {
        let path = walrus_localnet::network_json_path(network.path());
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        write_result(format!("{text}\n").as_bytes())?;
    } else {
        describe(&reporter, &network, args.ephemeral);
    }
    stop.wait().await;
    reporter.line("Stopping …");
    network.shutdown().await
}

fn describe(reporter: &Reporter, network: &Localnet, ephemeral: bool) {
    let config = walrus_localnet::client_config_path(network.path());
    // In another terminal, perhaps in another folder.
    let config = std::path::absolute(&config).unwrap_or(config);
    let rest = if ephemeral {
        "nothing of it stays"
    } else {
        "what it stores stays"
    };
    let found_by_itself = default_directory().is_some_and(|dir| dir == network.path());
    let option = if found_by_itself {
        String::new()
    } else {
        format!("--config {} ", config.display())
    };
    reporter.line(format!("The network is up. Ctrl-C stops it; {rest}."));
    reporter.field("faucet", network.chain().faucet_url());
    reporter.field("client config", config.display());
    reporter.field(
        "for other tools",
        walrus_localnet::network_json_path(network.path()).display(),
    );
    reporter.line("Try, in another terminal:");
    reporter.line(format!("  walrus {option}store README.md --epochs 3"));
}
