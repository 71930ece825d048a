//! `walrus localnet`.

use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    pin::pin,
    time::Duration,
};

use anyhow::{Context, ensure};
use tokio::time::MissedTickBehavior;
use walrus_localnet::{Localnet, LocalnetOptions, NetworkShape, Order, Orders};
use walrus_sui::local_network::{client_config_path, default_directory};

use super::localnet_node;
use crate::{
    args::{GlobalOptions, LocalnetArgs, LocalnetCommand},
    invocation,
    network_steps::NetworkSteps,
    report::{Reporter, count, say, write_result},
    stop::Stop,
};

/// Nodes of a new network. The public `@mysten/walrus` divides the number of the others by ten when a node does not know a blob:
/// with fewer than eleven nodes that is a `RangeError`.
const NODES: u16 = 13;
/// Shards of a new network.
const SHARDS: u16 = 100;
/// Length of its epochs.
const EPOCH: Duration = Duration::from_secs(24 * 3600);

/// How often the network looks whether nodes have left.
const TEND_INTERVAL: Duration = Duration::from_secs(5);

/// Runs a network until it is told to stop.
pub(crate) async fn run(global: &GlobalOptions, args: LocalnetArgs) -> anyhow::Result<()> {
    if let Some(LocalnetCommand::Node(args)) = args.command {
        return localnet_node::run(global, args).await;
    }
    let dir = if args.ephemeral {
        None
    } else {
        let dir = args.dir.or_else(default_directory);
        Some(dir.context("there is no home directory; say where the network lives with --dir, or keep nothing with --ephemeral")?)
    };
    let there = match &dir {
        Some(dir) => walrus_localnet::network_shape(dir)?,
        None => None,
    };
    let shape = there.unwrap_or(NetworkShape {
        nodes: NODES,
        shards: SHARDS,
        epoch_duration: EPOCH,
        host: IpAddr::V4(Ipv4Addr::LOCALHOST),
    });
    let options = LocalnetOptions {
        nodes: args.nodes.unwrap_or(shape.nodes),
        shards: args.shards.unwrap_or(shape.shards),
        epoch_duration: args.epoch_duration.unwrap_or(shape.epoch_duration),
        dir,
        host: args.listen.host.unwrap_or(shape.host),
        rpc_port: args.listen.rpc_port,
        faucet_port: args.listen.faucet_port,
        blocklist: args.blocklist,
        processes: own_program(args.processes)?,
        gateway: true,
        ..LocalnetOptions::default()
    };
    let reporter = Reporter::new(global.json);
    // From here on a signal stops what was started, instead of the process in the middle of a write.
    let stop = Stop::on_signals()?;
    let steps = NetworkSteps::new(reporter.clone());
    let mut network = tokio::select! {
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
    let failed = watch(&mut network, stop).await;
    reporter.line("Stopping …");
    network.shutdown().await?;
    ensure!(
        failed.is_empty(),
        "{} failed by themselves while the network was up: {}",
        count(failed.len() as u64, "node"),
        failed.join(", ")
    );
    Ok(())
}

/// Waits until the network is to stop, and tells of nodes that fail until then. The others go on: a network bears that.
async fn watch(network: &mut Localnet, stop: Stop) -> Vec<String> {
    let mut failed = Vec::new();
    let mut stopping = pin!(stop.wait());
    let mut orders = network
        .listen_for_orders()
        .inspect_err(|error| say(format_args!("Warning: {error:#}")))
        .ok();
    let mut tending = tokio::time::interval(TEND_INTERVAL);
    tending.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stopping => return failed,
            node = network.failed() => {
                say(format_args!("Error: {node}; the others go on"));
                failed.push(node.index.to_string());
                // That it ends with an error is what was just said.
                let _ = network.stop_node(node.index).await;
            }
            order = next_order(&mut orders) => network.carry_out(order).await,
            _ = tending.tick() => tend(network).await,
        }
    }
}

async fn next_order(orders: &mut Option<Orders>) -> Order {
    match orders {
        Some(orders) => orders.next().await,
        None => std::future::pending().await,
    }
}

/// Does what is due; what fails is tried again.
async fn tend(network: &mut Localnet) {
    match network.tend().await {
        Ok(gone) => {
            for name in gone {
                say(format_args!("{name} has left the network and is stopped"));
            }
        }
        Err(error) => say(format_args!("Warning: {error:#}")),
    }
}

/// This program, which runs a node when it is called so.
fn own_program(processes: bool) -> anyhow::Result<Option<PathBuf>> {
    let program = processes.then(env::current_exe).transpose();
    program.context("cannot find this program to run the nodes with")
}

fn describe(reporter: &Reporter, network: &Localnet, ephemeral: bool) {
    let config = client_config_path(network.path());
    let rest = if ephemeral {
        "nothing of it stays"
    } else {
        "what it stores stays"
    };
    reporter.line(format!("The network is up. Ctrl-C stops it; {rest}."));
    reporter.field("faucet", network.chain().faucet_url());
    if let Some((aggregator, publisher)) = network.gateway_urls() {
        reporter.field("aggregator", aggregator);
        reporter.field("publisher", publisher);
    }
    if let Some(console) = network.console_url() {
        reporter.field("console", console);
    }
    reporter.field("client config", config.display());
    reporter.field("CA bundle", network.ca_bundle().display());
    reporter.field(
        "for other tools",
        walrus_localnet::network_json_path(network.path()).display(),
    );
    reporter.line("Try, in another terminal:");
    // From any folder: one with a configuration of its own, and one without any file to store.
    reporter.line(format!(
        "  echo hello | {} --config {} store - --epochs 3",
        invocation::program(),
        invocation::quoted(&config)
    ));
}
