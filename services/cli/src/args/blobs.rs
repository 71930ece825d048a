//! Arguments of the commands for blobs: store, read, status, and the encoding offline.

use std::{path::PathBuf, str::FromStr as _, time::Duration};

use clap::{ArgGroup, Args};
use jiff::Timestamp;
use walrus_sdk::{EncodingType, Spool, check_attribute, journal::Journal};

use super::{
    amounts::parse_frost,
    below_home,
    durations::parse_some_duration,
    ranges::{ByteRange, parse_range},
    times::parse_time,
};
use crate::report::say;

/// Arguments of `store`.
#[derive(Debug, Args)]
pub(crate) struct StoreArgs {
    /// The files to store; `-` for standard input. One that is larger than a blob can be becomes several blobs under a manifest.
    #[arg(required = true, value_name = "FILES")]
    pub(crate) files: Vec<PathBuf>,
    /// How to store them.
    #[command(flatten)]
    pub(crate) how: HowToStoreArgs,
}

/// How to store, whatever it is.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how_long").args(["epochs", "earliest_expiry_time", "end_epoch"]).required(true))]
pub(crate) struct HowToStoreArgs {
    /// For how many epochs from the current one, or `max`.
    #[arg(long, value_name = "N|max", value_parser = parse_epochs)]
    pub(crate) epochs: Option<EpochCount>,
    /// At least until this time, such as 2027-03-20T15:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) earliest_expiry_time: Option<Timestamp>,
    /// Until this epoch begins.
    #[arg(long, value_name = "EPOCH")]
    pub(crate) end_epoch: Option<u32>,
    /// Make the plan only: blob IDs, sizes, what would be reused, cost and gas; nothing happens on chain.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Store even if the blob is already available.
    #[arg(long)]
    pub(crate) force: bool,
    /// Never reuse blob objects or storage that the wallet owns.
    #[arg(long)]
    pub(crate) ignore_resources: bool,
    /// The blob cannot be deleted before its last epoch has passed.
    #[arg(long, conflicts_with = "deletable")]
    pub(crate) permanent: bool,
    /// The blob may be deleted by its owner (the default).
    #[arg(long, hide = true)]
    pub(crate) deletable: bool,
    /// The encoding; there is one.
    #[arg(long, hide = true, value_name = "ENCODING", value_parser = EncodingType::from_str)]
    pub(crate) encoding_type: Option<EncodingType>,
    /// Put the blob object into a shared one, which anybody can extend; needs --permanent.
    #[arg(long)]
    pub(crate) share: bool,
    /// An attribute of the blob object, key and value; may be given several times.
    #[arg(
        long,
        alias = "attributes",
        value_names = ["KEY", "VALUE"],
        num_args = 2,
        allow_hyphen_values = true
    )]
    pub(crate) attr: Vec<String>,
    /// The attribute `content-type` of the blob object, such as image/jpeg.
    #[arg(long, value_name = "TYPE")]
    pub(crate) content_type: Option<String>,
    /// Pay nothing if storage for all costs more, in FROST (1 WAL = 1000000000 FROST) or with a unit.
    #[arg(long, value_name = "FROST", value_parser = parse_frost)]
    pub(crate) max_cost: Option<u64>,
    /// Whether a process of its own goes on with the upload when the command is over. None does here.
    #[arg(
        long,
        hide = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) child_process_uploads: Option<bool>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
    /// Where it is written down what is paid.
    #[command(flatten)]
    pub(crate) journal: JournalArgs,
    /// Who sends the blobs to the nodes.
    #[command(flatten)]
    pub(crate) relay: RelayArgs,
}

impl HowToStoreArgs {
    /// Says which options have no effect here, and why. Client spec 2.9.
    pub(crate) fn tell_what_has_no_effect(&self) {
        if self.child_process_uploads == Some(true) {
            say(
                "Note: --child-process-uploads has no effect: uploads end with this command; one that is cut off goes on with the same \
                 command",
            );
        }
    }

    /// Attributes of each blob object.
    ///
    /// # Errors
    /// If a key has no value, or there is a control character.
    pub(crate) fn attributes(&self) -> anyhow::Result<Vec<(String, String)>> {
        let pairs = self.attr.chunks(2).map(|pair| match pair {
            [key, value] => Ok((key.clone(), value.clone())),
            _ => anyhow::bail!("an attribute has no value"),
        });
        let content_type = self.content_type.iter();
        let content_type = content_type.map(|kind| Ok((CONTENT_TYPE.to_owned(), kind.clone())));
        let all: Vec<_> = pairs.chain(content_type).collect::<anyhow::Result<_>>()?;
        for (key, value) in &all {
            check_attribute(key, value)?;
        }
        Ok(all)
    }
}

/// Who sends blobs to the nodes.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// Have this upload relay send the blobs to the nodes: one upload in place of one to each node. What it says is checked.
    #[arg(long, value_name = "URL")]
    pub(crate) upload_relay: Option<String>,
    /// Pay the tip that the relay wants without being asked.
    #[arg(long, requires = "upload_relay")]
    pub(crate) skip_tip_confirmation: bool,
}

/// Where it is written down what is paid.
#[derive(Debug, Args)]
pub(crate) struct JournalArgs {
    /// Directory that keeps what is paid for until it is stored: the same command again goes on with a store that was cut off, and pays
    /// nothing twice. [default: ~/.walrus/uploads]
    #[arg(
        long,
        value_name = "DIR",
        env = "WALRUS_JOURNAL_DIR",
        hide_env_values = true,
        value_parser = below_home()
    )]
    journal_dir: Option<PathBuf>,
    /// Keep nothing there.
    #[arg(long, conflicts_with = "journal_dir")]
    no_journal: bool,
}

impl JournalArgs {
    /// The journal, unless there is to be none.
    pub(crate) fn journal(&self) -> Option<Journal> {
        match &self.journal_dir {
            _ if self.no_journal => None,
            Some(directory) => Some(Journal::in_folder(directory)),
            None => match Journal::in_home() {
                Ok(journal) => Some(journal),
                Err(error) => {
                    say(format_args!("What is paid is not written down: {error}"));
                    None
                }
            },
        }
    }
}

/// The attribute that says what the bytes are.
const CONTENT_TYPE: &str = "content-type";

/// Where what does not fit in memory goes.
#[derive(Debug, Args)]
pub(crate) struct SpoolArgs {
    /// Directory for what large blobs need beside memory: five times the size of the blob for a store, twice for a read. The
    /// files have no names and are gone when the command ends. [default: $TMPDIR or /tmp, or /var/tmp if /tmp is in memory]
    #[arg(
        long,
        value_name = "DIR",
        env = "WALRUS_SPOOL_DIR",
        hide_env_values = true,
        value_parser = below_home()
    )]
    pub(super) spool_dir: Option<PathBuf>,
}

impl SpoolArgs {
    /// The directory, or the default one.
    pub(crate) fn spool(&self) -> Spool {
        match &self.spool_dir {
            Some(directory) => Spool::in_directory(directory),
            None => Spool::default(),
        }
    }
}

/// What the directory is for where only a copy of what is no file goes there.
const COPY_DIRECTORY: &str = "Directory for a copy of a large blob from a pipe, or of any blob on its way to a pipe or a device; \
    files need none. The copy has no name and is gone when the command ends. \
    [default: $TMPDIR or /tmp, or /var/tmp if /tmp is in memory]";

/// Where a copy of what is no file goes.
#[derive(Debug, Args)]
#[command(mut_arg("spool_dir", |argument| argument.help(COPY_DIRECTORY)))]
pub(crate) struct CopyArgs {
    #[command(flatten)]
    spool: SpoolArgs,
}

impl CopyArgs {
    /// The directory, or the default one.
    pub(crate) fn spool(&self) -> Spool {
        self.spool.spool()
    }
}

/// A number of epochs, or as many as the network allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EpochCount {
    /// Exactly this many, at least one.
    Count(u32),
    /// `max_epochs_ahead` of the network.
    Max,
}

fn parse_epochs(text: &str) -> Result<EpochCount, String> {
    if text == "max" {
        return Ok(EpochCount::Max);
    }
    match text.parse::<u32>() {
        Ok(0) => Err("a blob must be stored for at least 1 epoch".into()),
        Ok(count) => Ok(EpochCount::Count(count)),
        Err(_) => Err("expected a number of epochs or `max`".into()),
    }
}

/// Arguments of `read`.
#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The blob ID, as printed by `store`.
    #[arg(value_name = "BLOB_ID")]
    pub(crate) blob_id: String,
    /// Write to this file instead of standard output (`-`).
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Re-encode the whole blob and compare its blob ID.
    #[arg(long, conflicts_with = "skip_consistency_check")]
    pub(crate) strict_consistency_check: bool,
    /// Do not check the decoded blob against the metadata.
    #[arg(long)]
    pub(crate) skip_consistency_check: bool,
    /// Only these bytes, counted from 0 and the last one included: 0-99, 100- for all from there on, -100 for the last 100.
    #[arg(
        long,
        value_name = "RANGE",
        value_parser = parse_range,
        allow_hyphen_values = true,
        conflicts_with_all = ["strict_consistency_check", "skip_consistency_check"]
    )]
    pub(crate) range: Option<ByteRange>,
    /// Keep what has come when the command is interrupted, and go on from there the next time; the blob ID is checked at the end.
    #[arg(
        long,
        requires = "out",
        conflicts_with_all = ["range", "strict_consistency_check", "skip_consistency_check"]
    )]
    pub(crate) resume: bool,
    /// The blob's own bytes, also if it is the manifest of a body in several blobs, which is otherwise read in its place.
    #[arg(long)]
    pub(crate) raw: bool,
    /// Also write a proof that the range is of the blob, for `walrus verify`.
    #[arg(long, value_name = "PROOF", requires = "range", value_parser = below_home())]
    pub(crate) proof_out: Option<PathBuf>,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where what does not fit in memory goes.
    #[command(flatten)]
    pub(crate) spool: SpoolArgs,
}

/// Arguments of `blob-status`.
#[derive(Debug, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("blob").args(["id", "blob_id", "file"]).required(true))]
pub(crate) struct BlobStatusArgs {
    /// The blob ID.
    #[arg(value_name = "BLOB_ID")]
    id: Option<String>,
    /// Compute the blob ID of this file, or of standard input (`-`), and ask for its status.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The blob ID, as an option.
    #[arg(long, value_name = "BLOB_ID")]
    blob_id: Option<String>,
    /// How long to wait for the nodes, for example `500ms` or `5s`.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = parse_some_duration)]
    pub(crate) timeout: Duration,
    /// Sui RPC address; overrides the configuration.
    #[arg(long, value_name = "URL")]
    pub(crate) rpc_url: Option<String>,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

impl BlobStatusArgs {
    /// The blob ID, if it is what was given.
    pub(crate) fn blob_id(&self) -> Option<&str> {
        self.id.as_deref().or(self.blob_id.as_deref())
    }
}

/// Arguments of `blob-id`.
#[derive(Debug, Args)]
pub(crate) struct BlobIdArgs {
    /// The file, a pipe, or `-` for standard input.
    pub(crate) file: PathBuf,
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

/// Arguments of `encode`.
#[derive(Debug, Args)]
pub(crate) struct EncodeArgs {
    /// The file, a pipe, or `-` for standard input.
    pub(crate) file: PathBuf,
    /// Number of shards of the network that the slivers are for.
    #[arg(long, value_name = "N")]
    pub(crate) n_shards: u16,
    /// The directory to make, with those above it; it must not exist or be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub(crate) struct DecodeArgs {
    /// A directory as `walrus encode` makes it.
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,
    /// The file to write, a pipe or device, or `-` for standard output; an older file is replaced once all is read and checked.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Check that every sliver of the blob is right, by encoding it again.
    #[arg(long)]
    pub(crate) strict_consistency_check: bool,
    /// Where a copy of what is no file goes.
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_are_a_positive_number_or_max() {
        assert_eq!(parse_epochs("max"), Ok(EpochCount::Max));
        assert_eq!(parse_epochs("3"), Ok(EpochCount::Count(3)));
        for bad in ["0", "-1", "many", "4294967296"] {
            assert!(parse_epochs(bad).is_err(), "{bad}");
        }
    }
}
