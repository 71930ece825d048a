//! One file for each subcommand.

pub(crate) mod blob_id;
pub(crate) mod blob_status;
pub(crate) mod completion;
pub(crate) mod decode;
pub(crate) mod demo;
pub(crate) mod encode;
pub(crate) mod get_wal;
pub(crate) mod info;
pub(crate) mod json;
pub(crate) mod localnet;
pub(crate) mod read;
pub(crate) mod store;

use serde::Serialize;

use crate::report::write_result;

/// Prints a result in JSON mode: pretty, nothing after it. Client spec 2.3.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    write_result(&serde_json::to_vec_pretty(value)?)
}
