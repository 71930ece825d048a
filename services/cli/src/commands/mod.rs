//! Commands, one file for each.

pub(crate) mod attributes;
pub(crate) mod blob_backfill;
pub(crate) mod blob_id;
pub(crate) mod blob_status;
pub(crate) mod burn_blobs;
pub(crate) mod close_epoch_change;
mod commission_receivers;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod delete;
#[cfg(feature = "dev")]
pub(crate) mod demo;
pub(crate) mod encode;
pub(crate) mod extend;
pub(crate) mod gateway;
pub(crate) mod gateway_keys;
pub(crate) mod generate_sui_wallet;
pub(crate) mod get_wal;
pub(crate) mod health;
pub(crate) mod info;
pub(crate) mod json;
pub(crate) mod list_blobs;
pub(crate) mod list_patches;
pub(crate) mod list_staked_wal;
#[cfg(feature = "dev")]
pub(crate) mod localnet;
#[cfg(feature = "dev")]
mod localnet_node;
pub(crate) mod node_admin;
mod quilt_archive;
pub(crate) mod read;
mod read_part;
pub(crate) mod read_quilt;
pub(crate) mod redelegate;
pub(crate) mod share;
pub(crate) mod stake;
pub(crate) mod stake_estimate;
pub(crate) mod stake_nodes;
mod staked;
pub(crate) mod store;
pub(crate) mod store_quilt;
pub(crate) mod unique_keys;
pub(crate) mod upload_relay;
pub(crate) mod verify;
pub(crate) mod withdraw_stake;

use serde::Serialize;

use crate::{
    args::GlobalOptions,
    printable,
    report::{Reporter, say},
    standard_output,
};

/// A result of a command: the JSON of programs, and lines for people.
pub(crate) trait Report: Serialize {
    /// Prints the lines.
    fn print(&self, reporter: &Reporter);
}

/// Prints a result in the way that was asked for.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn show(global: &GlobalOptions, report: &impl Report) -> anyhow::Result<()> {
    show_on(&Reporter::new(false), global, report)
}

/// As [`show`], with the lines where `reporter` puts them.
///
/// # Errors
/// As for [`show`].
pub(crate) fn show_on(
    reporter: &Reporter,
    global: &GlobalOptions,
    report: &impl Report,
) -> anyhow::Result<()> {
    if global.json {
        return print_json(report);
    }
    report.print(reporter);
    Ok(())
}

/// Prints a result in JSON mode: pretty, and a newline after it. Client spec 2.3.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(value)?;
    standard_output::result(&format!("{}\n", printable::json(&document)))
}

/// Prints a result in JSON mode where standard output belongs to a blob.
pub(crate) fn print_json_aside(value: &impl Serialize) -> anyhow::Result<()> {
    let document = serde_json::to_string_pretty(value)?;
    say(printable::json(&document));
    Ok(())
}
