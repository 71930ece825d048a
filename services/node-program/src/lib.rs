#![doc = include_str!("../README.md")]
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod allocator;
mod args;
mod backup;
mod catch_up;
mod config_file;
mod disk;
mod doctor;
mod door;
mod drain;
mod exit;
mod key_gen;
mod local_admin;
mod logging;
mod network;
mod output;
mod receive;
mod register;
mod rejoin;
mod relocate;
mod repair;
mod report;
mod run;
mod scrub;
mod sealed;
mod setup;
mod size;
mod status;
mod stopped;
mod words;
mod worker;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::Parser as _;
use walrus_sui::home::Expand as _;

use crate::{
    args::{Cli, Command},
    exit::Exit,
    output::Output,
};

/// The name of the program.
pub const NAME: &str = "walrus-node";

/// Runs the program with these arguments, the first of which is its name; returns its exit status: 0 fine, 1 failed, 2 wrong
/// arguments, 3 problems found and left, 4 refused because it would not be safe, 5 interrupted.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    allocator::bound_heaps();
    let arguments = arguments.into_iter().map(below_home);
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
            Command::GenerateConfig(args) => config_file::run(args, &output),
            Command::Register(args) => register::run(&args, &output).await,
            Command::Run(args) => run::run(&args, &output, logging).await,
            Command::Status(args) => return status::run(&args, &output).await,
            Command::Doctor(args) => return doctor::run(&args, &output).await,
            Command::Repair(args) => return repair::run(&args, &output).await,
            Command::Backup(args) => return backup::run(args.command, &output).await,
            Command::Restore(args) => return backup::restore(args, &output).await,
            Command::ListDbCheckpoint { path } => return backup::list(&path, &output),
            Command::Move(args) => relocate::run(&args, &output).await,
            Command::Receive(args) => receive::run(&args, &output).await,
            Command::Scrub(args) => return scrub::scrub(args, &output).await,
            Command::Fsck(args) => return scrub::fsck_verb(args, &output).await,
            Command::Disk(args) => return disk::run(args, &output).await,
            Command::Drain(args) => match &args.disk {
                Some(path) => {
                    let config = &args.config.config_path;
                    disk::drain_disk(config, path, args.look.dry_run, &output).await
                }
                None => drain::run(&args, &output).await,
            },
            Command::CatchUp(args) => return catch_up::run(&args, &output).await,
            Command::Rejoin(args) => return rejoin::run(&args, &output).await,
            Command::Report(args) => report::run(&args, &output).await,
            Command::Worker(args) => worker::run(args, &output).await,
            Command::KeyGen(args) => key_gen::run(&args, &output),
            Command::LocalAdmin(args) => local_admin::run(args, &output).await,
        }
        .map(|()| Exit::Fine)
    });
    // What was cut off on a blocking thread must not keep the program.
    runtime.shutdown_background();
    done.map_or_else(|error| failed(&error), ExitCode::from)
}

/// A path, or the value of an option, in which the shell has left a `~` alone: nobody else replaces it.
fn below_home(word: OsString) -> OsString {
    let Some(text) = word.to_str() else {
        return word;
    };
    let is_option = text.starts_with("--");
    let (option, path) = match text.split_once('=').filter(|_| is_option) {
        Some((option, path)) => (format!("{option}="), path),
        None => (String::new(), text),
    };
    match PathBuf::from(path).expand() {
        Ok(expanded) => {
            let mut word = OsString::from(option);
            word.push(expanded);
            word
        }
        // Without a home directory it is a name like any other.
        Err(_) => word,
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    if error.is::<exit::Unread>() {
        return exit::status_of(error);
    }
    let source: &(dyn std::error::Error + 'static) = error.as_ref();
    output::say(format_args!(
        "Error: {}",
        walrus_service::worker::one_line(source)
    ));
    exit::status_of(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_that_the_shell_left_is_the_home_directory() {
        let home = std::env::home_dir().unwrap();
        let expanded = |word: &str| below_home(word.into());
        assert_eq!(expanded("~/node.yaml"), home.join("node.yaml"));
        let mut option = OsString::from("--config-path=");
        option.push(home.join("node.yaml"));
        assert_eq!(expanded("--config-path=~/node.yaml"), option);
        for same in ["status", "--json", "~other", "a~/b", "--name=a=~/b"] {
            assert_eq!(expanded(same), same);
        }
    }
}
