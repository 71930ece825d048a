//! Arguments of `verify`. Proof spec.

use std::path::PathBuf;

use clap::Args;

use super::{
    below_home,
    blobs::CopyArgs,
    ranges::{ByteRange, parse_range},
};

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The file with the bytes, a pipe, or `-` for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The blob ID that they should be of.
    #[arg(long, value_name = "BLOB_ID")]
    pub(crate) blob_id: String,
    /// A proof, as an aggregator gives it with ?proof=1: then FILE has the bytes of a range.
    #[arg(long, value_name = "PROOF", value_parser = below_home())]
    pub(crate) proof: Option<PathBuf>,
    /// The range that was asked for: that the proof is of this one. 0-99, 100- for all from there on, -100 for the last 100.
    #[arg(
        long,
        value_name = "RANGE",
        value_parser = parse_range,
        allow_hyphen_values = true,
        requires = "proof"
    )]
    pub(crate) range: Option<ByteRange>,
    /// Number of shards; read from the network when absent.
    #[arg(long, value_name = "N")]
    pub(crate) n_shards: Option<u16>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL", conflicts_with = "n_shards")]
    pub(crate) rpc_url: Option<String>,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}
