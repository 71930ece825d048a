//! `walrus devchain`: a chain alone, and Move packages on it.

mod aborts;
mod arguments;
mod call;
mod objects;
mod outcome;
mod package_digest;
mod publish;
mod results;
mod returns;
mod run;
mod short_addresses;
mod simulation;
mod sources;
mod target;

pub(crate) use self::package_digest::package_digest;
use crate::args::{
    GlobalOptions,
    devchain::{DevchainArgs, DevchainCommand},
};

/// Runs the subcommand, or a chain when there is none.
pub(crate) async fn run(global: &GlobalOptions, args: DevchainArgs) -> anyhow::Result<()> {
    match args.command {
        None => run::run(global, args.run).await,
        Some(DevchainCommand::Publish(args)) => publish::run(global, args).await,
        Some(DevchainCommand::Call(args)) => call::run(global, args).await,
    }
}
