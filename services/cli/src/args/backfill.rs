//! Arguments of `blob-backfill`. Client spec 2.8.

use std::path::PathBuf;

use clap::Args;
use walrus_sui::Address;

use super::{below_home, blobs::SpoolArgs};

/// Arguments of `blob-backfill`.
#[derive(Debug, Args)]
pub(crate) struct BlobBackfillArgs {
    /// Directory of blobs in files that are called by their blob IDs.
    #[arg(long, value_name = "DIR", value_parser = below_home())]
    pub(crate) backfill_dir: PathBuf,
    /// File with the IDs of the blobs that all nodes have, a line each; the same command again leaves them out.
    #[arg(long, value_name = "FILE", value_parser = below_home())]
    pub(crate) pushed_state: PathBuf,
    /// The nodes, of the current committee.
    #[arg(value_name = "NODE_IDS", required = true)]
    pub(crate) node_ids: Vec<Address>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}
