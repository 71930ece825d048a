#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod args;
mod config_file;
mod key_gen;
mod logging;
mod network;
mod output;
mod register;
mod run;
mod setup;
mod size;
mod status;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser as _;

use crate::{
    args::{Cli, Command},
    output::Output,
};

/// The name of the program.
pub const NAME: &str = "walrus-node";

/// Something is wrong with the node, and was left as it is.
const PROBLEMS_LEFT: u8 = 3;

/// Runs the program with these arguments, the first of which is its name; returns its exit status: 0 fine, 1 failed, 2 wrong
/// arguments, 3 problems found and left.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    // Fails only if a provider was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let logging = logging::start(matches!(cli.command, Command::Run(_)));
    let output = Output::new(cli.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let done = runtime.block_on(async {
        match cli.command {
            Command::Setup(args) => setup::run(args, &output).await,
            Command::GenerateConfig(args) => config_file::run(&args, &output),
            Command::Register(args) => register::run(&args, &output).await,
            Command::Run(args) => run::run(&args, &output, logging).await,
            Command::Status(args) => {
                return status::run(&args, &output).await.map(|ready| {
                    if ready {
                        ExitCode::SUCCESS
                    } else {
                        ExitCode::from(PROBLEMS_LEFT)
                    }
                });
            }
            Command::KeyGen(args) => key_gen::run(&args, &output),
            Command::LocalAdmin(args) => status::local_admin(args, &output).await,
        }
        .map(|()| ExitCode::SUCCESS)
    });
    // What was cut off on a blocking thread must not keep the program.
    runtime.shutdown_background();
    done.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let error: &(dyn std::error::Error + 'static) = error.as_ref();
    output::say(format_args!(
        "Error: {}",
        walrus_service::worker::one_line(error)
    ));
    ExitCode::FAILURE
}
