//! `walrus devchain`: the chain itself.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context;
use walrus_localnet::{LocalChain, LocalChainOptions, default_chain_directory};

use super::target::DEFAULT_URL;
use crate::{
    args::{GlobalOptions, devchain::RunArgs},
    invocation,
    report::{Reporter, write_result},
    stop::Stop,
};

/// Runs a chain until it is told to stop.
pub(crate) async fn run(global: &GlobalOptions, args: RunArgs) -> anyhow::Result<()> {
    let dir = if args.ephemeral {
        None
    } else {
        let dir = args.dir.or_else(default_chain_directory);
        Some(dir.context("there is no home directory; say where the chain lives with --dir, or keep it in memory with --ephemeral")?)
    };
    let options = LocalChainOptions {
        dir,
        host: args.listen.host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        rpc_port: args.listen.rpc_port,
        faucet_port: args.listen.faucet_port,
        seed: args.seed,
        accounts: args.accounts,
        epoch_duration: args.epoch_duration,
    };
    let reporter = Reporter::new(global.json);
    // From here on a signal stops what was started, instead of the process in the middle of a write.
    let stop = Stop::on_signals()?;
    let chain = tokio::select! {
        chain = LocalChain::start(&options) => chain?,
        () = stop.clone().wait() => return Ok(()),
    };
    if global.json {
        write_result(format!("{}\n", chain.description()?).as_bytes())?;
    } else {
        describe(&reporter, &chain);
    }
    stop.wait().await;
    reporter.line("Stopping …");
    chain.shutdown().await;
    Ok(())
}

fn describe(reporter: &Reporter, local: &LocalChain) {
    let chain = local.chain();
    reporter.line("Accounts (development keys, known to everybody; each has 1000000 SUI)");
    for (index, account) in chain.accounts().iter().enumerate() {
        reporter.line(format!("  ({index}) {}", account.address));
        reporter.line(format!("      {}", account.private_key));
    }
    reporter.line("Chain");
    reporter.field("gRPC", chain.rpc_url());
    reporter.field("faucet", chain.faucet_url());
    reporter.field("chain ID", chain.chain_id());
    reporter.field("checkpoint", chain.height());
    let rest = match local.path() {
        Some(dir) => {
            reporter.field("directory", dir.display());
            if let Some(bundle) = local.ca_bundle() {
                reporter.field("CA bundle", bundle.display());
            }
            reporter.field("wallet", walrus_localnet::chain_wallet_path(dir).display());
            "what happened on it stays"
        }
        None => "nothing of it stays",
    };
    reporter.line(format!("The chain is up. Ctrl-C stops it; {rest}."));
    reporter.line("Try, in another terminal:");
    let found_by_itself = match local.path() {
        Some(dir) => default_chain_directory().is_some_and(|default| default == dir),
        None => chain.rpc_url() == DEFAULT_URL,
    };
    let option = if found_by_itself {
        String::new()
    } else {
        format!(" --rpc-url {}", chain.rpc_url())
    };
    let program = invocation::program();
    for command in [
        "publish PATH-OF-A-MOVE-PACKAGE",
        "call 0x2::coin::zero --type-arg 0x2::sui::SUI",
    ] {
        reporter.line(format!("  {program} devchain {command}{option}"));
    }
}
