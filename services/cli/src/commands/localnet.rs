//! `walrus localnet`.

use std::fs;

use anyhow::Context;
use walrus_localnet::{Localnet, LocalnetOptions, default_directory};

use crate::{
    args::{GlobalOptions, LocalnetArgs, NetworkArgs},
    network_steps::NetworkSteps,
    report::{Reporter, write_result},
    stop::Stop,
};

/// The options of a network of this size.
pub(crate) fn options(network: &NetworkArgs) -> LocalnetOptions {
    LocalnetOptions {
        nodes: network.nodes,
        shards: network.shards,
        epoch_duration: network.epoch_duration,
        ..LocalnetOptions::default()
    }
}

/// Runs a network until it is told to stop.
pub(crate) async fn run(global: &GlobalOptions, args: LocalnetArgs) -> anyhow::Result<()> {
    let dir = if args.ephemeral {
        None
    } else {
        let dir = args.dir.or_else(default_directory);
        Some(dir.context("there is no home directory; say where the network lives with --dir")?)
    };
    let options = LocalnetOptions {
        dir,
        host: args.host,
        rpc_port: args.rpc_port,
        faucet_port: args.faucet_port,
        blocklist: args.blocklist,
        ..options(&args.network)
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
    let (rest, option) = if ephemeral {
        (
            "nothing of it stays",
            format!("--config {} ", config.display()),
        )
    } else {
        ("what it stores stays", String::new())
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
