//! Arguments of the commands for blob objects: list, delete, extend, share, attributes. Client spec 2.8.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use jiff::Timestamp;
use walrus_sui::Address;

use super::{
    amounts::{parse_frost, parse_some_frost},
    below_home,
    blobs::CopyArgs,
    times::parse_time,
};

/// Arguments of `list-blobs`.
#[derive(Debug, Args)]
pub(crate) struct ListBlobsArgs {
    /// Also objects whose storage has ended.
    #[arg(long)]
    pub(crate) include_expired: bool,
}

/// Arguments of `delete`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["files", "blob_ids", "object_ids"]).required(true).multiple(true))]
pub(crate) struct DeleteArgs {
    /// Blobs with the content of these files: all objects of them.
    #[arg(long, alias = "file", value_name = "FILES", num_args = 1.., value_parser = below_home())]
    pub(crate) files: Vec<PathBuf>,
    /// Blobs by their IDs: all objects of them. With a manifest go its parts, but for those that other manifests of the wallet have.
    #[arg(long, alias = "blob-id", value_name = "BLOB_ID", num_args = 1..)]
    pub(crate) blob_ids: Vec<String>,
    /// Single blob objects.
    #[arg(long, alias = "object-id", value_name = "OBJECT_ID", num_args = 1..)]
    pub(crate) object_ids: Vec<Address>,
    /// Do not ask before objects are deleted that were not named themselves.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Do not ask the nodes afterwards what they still have.
    #[arg(long)]
    pub(crate) no_status_check: bool,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `extend`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("until").args(["epochs_extended", "end_epoch", "earliest_expiry_time"]).required(true))]
pub(crate) struct ExtendArgs {
    /// The blob objects, or shared ones. With a manifest, the objects of its parts are extended.
    #[arg(long, alias = "blob-obj-ids", value_name = "OBJECT_ID", required = true, num_args = 1..)]
    pub(crate) blob_obj_id: Vec<Address>,
    /// By how many epochs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) epochs_extended: Option<u32>,
    /// Until this epoch begins; objects that last longer stay as they are.
    #[arg(long, value_name = "EPOCH")]
    pub(crate) end_epoch: Option<u32>,
    /// At least until this time, such as 2027-03-20T15:00:00Z; objects that last longer stay as they are.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) earliest_expiry_time: Option<Timestamp>,
    /// The objects are shared ones, and pay for themselves.
    #[arg(long)]
    pub(crate) shared: bool,
    /// Pay nothing if all together cost more, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_frost, conflicts_with = "shared")]
    pub(crate) max_cost: Option<u64>,
}

/// Arguments of `share`.
#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// The blob object, which must not be deletable; the parts of a manifest are shared with it.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) blob_obj_id: Address,
    /// What to put into it for extensions, in FROST (1 WAL = 1000000000 FROST) or with a unit; of a manifest, into each of its parts as well.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) amount: Option<u64>,
    /// Pay nothing if it costs more, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) max_cost: Option<u64>,
}

/// Arguments of `fund-shared-blob`.
#[derive(Debug, Args)]
pub(crate) struct FundSharedBlobArgs {
    /// The shared blob object.
    #[arg(long, value_name = "OBJECT_ID")]
    pub(crate) shared_blob_obj_id: Address,
    /// What to put into it, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_some_frost)]
    pub(crate) amount: u64,
    /// Pay nothing if it costs more, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) max_cost: Option<u64>,
}

/// Arguments of `burn-blobs`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["object_ids", "all", "all_expired"]).required(true))]
pub(crate) struct BurnBlobsArgs {
    /// These blob objects.
    #[arg(long, value_name = "OBJECT_ID", num_args = 1..)]
    pub(crate) object_ids: Vec<Address>,
    /// All that the wallet owns.
    #[arg(long)]
    pub(crate) all: bool,
    /// All that the wallet owns whose storage has ended.
    #[arg(long)]
    pub(crate) all_expired: bool,
    /// Do not ask before.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Arguments of `get-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct GetBlobAttributeArgs {
    /// The blob object.
    #[arg(value_name = "BLOB_OBJ_ID")]
    pub(crate) blob_obj_id: Address,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
}

/// Arguments of `set-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct SetBlobAttributeArgs {
    /// The blob object.
    #[arg(value_name = "BLOB_OBJ_ID")]
    pub(crate) blob_obj_id: Address,
    /// A key and its value; may be given several times.
    #[arg(
        long,
        alias = "attributes",
        value_names = ["KEY", "VALUE"],
        num_args = 2,
        required = true,
        allow_hyphen_values = true
    )]
    pub(crate) attr: Vec<String>,
}

/// Arguments of `remove-blob-attribute-fields`.
#[derive(Debug, Args)]
pub(crate) struct RemoveBlobAttributeFieldsArgs {
    /// The blob object.
    #[arg(value_name = "BLOB_OBJ_ID")]
    pub(crate) blob_obj_id: Address,
    /// Keys, all of which must be there.
    #[arg(long, value_name = "KEYS", num_args = 1.., required = true)]
    pub(crate) keys: Vec<String>,
}

/// Arguments of `remove-blob-attribute`.
#[derive(Debug, Args)]
pub(crate) struct RemoveBlobAttributeArgs {
    /// The blob object.
    #[arg(value_name = "BLOB_OBJ_ID")]
    pub(crate) blob_obj_id: Address,
}
