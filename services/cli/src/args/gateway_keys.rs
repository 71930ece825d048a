//! Arguments of `gateway key`. Client spec 3.12.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};

use super::{amounts::parse_frost, below_home, durations::parse_duration};

/// Arguments of `gateway`.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// What to look after.
    #[command(subcommand)]
    pub(crate) command: GatewayCommand,
}

/// What there is to look after.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    /// Make, list and revoke keys that let others store at the expense of a publisher.
    #[command(after_help = "Examples:\n  \
        walrus gateway key create --name phone --budget 5WAL --expires 30d \\\n      --state-dir wallets/state\n  \
        walrus gateway key list --state-dir wallets/state --json\n  \
        walrus gateway key revoke phone --state-dir wallets/state\n  \
        curl -X PUT http://127.0.0.1:31415/v1/blobs -H \"Authorization: Bearer $KEY\" \\\n      --upload-file photo.jpg\n\n\
        The publisher need not be running, and if it is, it takes note at once. Only a hash of a key is kept: it is shown once.")]
    Key(KeyArgs),
}

/// Arguments of `gateway key`.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Where the publisher keeps its state: its --state-dir, which is `state` in its --sub-wallets-dir unless told otherwise.
    #[arg(long, value_name = "DIR", global = true, value_parser = below_home())]
    pub(crate) state_dir: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: KeyCommand,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key, and print it.
    Create {
        /// What people call it; no other key is called so. Without one it is known by its ID.
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// FROST for storage that it may spend in all, or with a unit, such as 1.5WAL; as much as there is when absent.
        #[arg(long, value_name = "FROST", value_parser = parse_frost)]
        budget: Option<u64>,
        /// Bytes that it may store in all, before encoding.
        #[arg(long, value_name = "BYTES")]
        bytes: Option<u64>,
        /// How long it is good, such as 12h or 30d; for ever when absent.
        #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
        expires: Option<Duration>,
    },
    /// List the keys.
    List,
    /// Revoke a key. What it stored stays stored.
    Revoke {
        /// Its ID or its name.
        #[arg(value_name = "KEY")]
        key: String,
    },
}
