//! The `walrus` command line: store and read blobs, look at the network, run a local one.
// Nothing from outside can panic, or be cut short.
#![cfg_attr(
    not(test),
    warn(clippy::indexing_slicing, clippy::cast_possible_truncation)
)]

mod advice;
mod age;
mod args;
mod command_line;
mod commands;
mod consent;
mod context;
mod cost;
#[cfg(feature = "dev")]
mod devchain;
mod encoding;
mod input;
#[cfg(feature = "dev")]
mod invocation;
mod lifetime;
mod named_files;
#[cfg(feature = "dev")]
mod network_steps;
mod node_table;
mod output;
mod parts;
mod printable;
mod progress;
mod report;
mod shared_options;
mod sliver_files;
mod standard_output;
mod standard_streams;
mod stop;
mod table;
mod terminal;
mod trace;
mod upload_relay;

use std::{path::Path, process::ExitCode};

use tracing_subscriber::{
    EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

#[cfg(feature = "dev")]
use crate::args::devchain::DevchainCommand;
use crate::{
    args::{Cli, Command, GlobalOptions, StakeCommand},
    output::Target,
    report::say,
    standard_output::Effect,
};

fn main() -> ExitCode {
    // Under the name of the other program, this is the other program.
    let name = std::env::args_os().next();
    let name = name.as_deref().map(Path::new).and_then(Path::file_name);
    if name.is_some_and(|name| name == walrus_node_program::NAME) {
        return walrus_node_program::main(std::env::args_os());
    }
    run_walrus()
}

#[tokio::main]
async fn run_walrus() -> ExitCode {
    let cli = match command_line::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return command_line::explain(&error),
    };
    // Nodes of a local network log at `info` what nobody asked for; `RUST_LOG` brings it back.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt::layer()
        .with_ansi(terminal::is_colourful())
        .with_writer(terminal::LogWriter)
        // It would be said on standard error, which is what cannot be written to.
        .log_internal_errors(false)
        .with_filter(filter);
    tracing_subscriber::registry()
        .with(log)
        .with(trace::layer())
        .init();
    // Fails only if a provider was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    stop::on_large_file_go_on();
    let done = run(cli).await;
    let printed = standard_output::finish(|text| say(text));
    let mut code = ExitCode::SUCCESS;
    for error in [done, printed].into_iter().filter_map(Result::err) {
        say(format_args!("Error: {}", chain_of_causes(&error)));
        if let Some(advice) = advice::on(&error) {
            say(advice);
        }
        code = ExitCode::FAILURE;
    }
    code
}

/// Whether a result of the command goes to standard output alone. Others write files, or go on and only say that they do.
fn prints_its_result(global: &GlobalOptions, command: &Command) -> bool {
    let is_printed = |out: &Path| Target::of(out) == Target::StandardOutput;
    match command {
        _ if global.json => true,
        Command::Read(args) => args.out.as_deref().is_none_or(is_printed),
        Command::ReadQuilt(args) => args.out.is_none(),
        Command::Decode(args) => is_printed(&args.out),
        #[cfg(feature = "dev")]
        Command::Devchain(args) => args.command.is_some(),
        #[cfg(feature = "dev")]
        Command::Localnet(args) => args.command.is_some(),
        Command::Encode(_) | Command::BlobBackfill(_) => false,
        Command::Aggregator(_)
        | Command::Publisher(_)
        | Command::Daemon(_)
        | Command::UploadRelay(_) => false,
        // The command in the object is looked at on its own.
        Command::Json(_) => false,
        _ => true,
    }
}

/// What a command leaves behind.
fn effect(command: &Command) -> Effect {
    match command {
        Command::Store(args) if !args.how.dry_run => Effect::Paid,
        Command::StoreQuilt(args) if !args.how.dry_run => Effect::Paid,
        Command::GetWal(_) => Effect::Paid,
        Command::Stake(args) if args.command.is_none() => Effect::Paid,
        Command::RequestWithdrawStake(args) if !args.dry_run => Effect::Paid,
        Command::WithdrawStake(_) | Command::Redelegate(_) => Effect::Paid,
        Command::NodeAdmin(_) => Effect::Paid,
        Command::Delete(_) | Command::Extend(_) | Command::Share(_) => Effect::Paid,
        Command::FundSharedBlob(_) | Command::BurnBlobs(_) => Effect::Paid,
        #[cfg(feature = "dev")]
        Command::Devchain(args) => match args.command {
            Some(DevchainCommand::Publish(_) | DevchainCommand::Call(_)) => Effect::Paid,
            None => Effect::None,
        },
        _ => Effect::None,
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let Cli { global, command } = cli;
    if let Command::Json(args) = command {
        return Box::pin(run(commands::json::command(&global, args)?)).await;
    }
    if !global.json {
        age::warn();
    }
    if prints_its_result(&global, &command) {
        // Before anything is paid for.
        standard_streams::check_output()?;
    }
    standard_output::expect(effect(&command));
    let (target, name) = (global.trace_cli.clone(), command.name());
    trace::traced(target, name, dispatch(global, command)).await
}

async fn dispatch(global: GlobalOptions, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Store(args) => commands::store::run(&global, args).await,
        Command::StoreQuilt(args) => commands::store_quilt::run(&global, args).await,
        Command::ReadQuilt(args) => commands::read_quilt::run(&global, args).await,
        Command::ListPatchesInQuilt(args) => commands::list_patches::run(&global, args).await,
        Command::Read(args) => commands::read::run(&global, args).await,
        Command::BlobStatus(args) => commands::blob_status::run(&global, args).await,
        Command::ListBlobs(args) => commands::list_blobs::run(&global, args).await,
        Command::Delete(args) => commands::delete::run(&global, args).await,
        Command::Extend(args) => commands::extend::run(&global, args).await,
        Command::Share(args) => commands::share::share(&global, args).await,
        Command::FundSharedBlob(args) => commands::share::fund(&global, args).await,
        Command::BurnBlobs(args) => commands::burn_blobs::run(&global, args).await,
        Command::GetBlobAttribute(args) => commands::attributes::get(&global, args).await,
        Command::SetBlobAttribute(args) => commands::attributes::set(&global, args).await,
        Command::RemoveBlobAttributeFields(args) => {
            commands::attributes::remove_fields(&global, args).await
        }
        Command::RemoveBlobAttribute(args) => commands::attributes::remove(&global, args).await,
        Command::Info(args) => commands::info::run(&global, args).await,
        Command::Health(args) => commands::health::run(&global, args).await,
        Command::GenerateSuiWallet(args) => commands::generate_sui_wallet::run(&global, args).await,
        Command::BlobId(args) => commands::blob_id::run(&global, args).await,
        Command::Verify(args) => commands::verify::run(&global, args).await,
        Command::Encode(args) => commands::encode::run(&global, args).await,
        Command::Decode(args) => commands::decode::run(&global, args).await,
        Command::ConvertBlobId { blob_id_decimal } => {
            commands::blob_id::convert(&global, &blob_id_decimal)
        }
        Command::GetWal(args) => commands::get_wal::run(&global, args).await,
        Command::Stake(args) => match args.command {
            None => commands::stake::run(&global, args).await,
            Some(StakeCommand::Nodes(args)) => commands::stake_nodes::run(&global, args).await,
            Some(StakeCommand::Estimate(args)) => {
                commands::stake_estimate::run(&global, args).await
            }
        },
        Command::ListStakedWal(args) => commands::list_staked_wal::run(&global, args).await,
        Command::RequestWithdrawStake(args) => {
            commands::withdraw_stake::request(&global, args).await
        }
        Command::WithdrawStake(args) => commands::withdraw_stake::withdraw(&global, args).await,
        Command::Redelegate(args) => commands::redelegate::run(&global, args).await,
        Command::BlobBackfill(args) => commands::blob_backfill::run(&global, args).await,
        Command::NodeAdmin(args) => Box::pin(commands::node_admin::run(&global, args)).await,
        Command::CloseEpochChange(args) => commands::close_epoch_change::run(&global, args).await,
        Command::Aggregator(args) => commands::gateway::aggregator(&global, args).await,
        Command::Publisher(args) => commands::gateway::publisher(&global, *args).await,
        Command::Daemon(args) => commands::gateway::daemon(&global, *args).await,
        Command::UploadRelay(args) => commands::upload_relay::run(&global, *args).await,
        Command::Gateway(args) => commands::gateway_keys::run(&global, args),
        #[cfg(feature = "dev")]
        Command::Localnet(args) => commands::localnet::run(&global, args).await,
        #[cfg(feature = "dev")]
        Command::Devchain(args) => devchain::run(&global, args).await,
        #[cfg(feature = "dev")]
        Command::Demo(args) => commands::demo::run(&global, args).await,
        Command::Json(_) => anyhow::bail!("a command in a JSON object cannot be `json` itself"),
        Command::Completion(args) => commands::completion::run(&args),
    }
}

/// The causes in one line. Some libraries repeat the text of a cause in their own; it is shown once.
fn chain_of_causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
