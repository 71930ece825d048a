//! Arguments of the verbs that operate a node: its jobs, disks, backups and repairs.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use walrus_sdk::BlobId;

use super::{ConfigPathArgs, DoorArgs};
use crate::{sealed::Recipient, size::Size};

/// To be told what would be done.
#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    /// Change nothing; only say what would be done.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// To be told what would be done, unless it is said to do it.
#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// Do it.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Change nothing; only say what would be done. It is so without --yes as well.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    #[command(subcommand)]
    pub(crate) command: WorkerVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerVerb {
    /// Every background job.
    List(DoorArgs),
    /// All that is known of one.
    Info(NamedWorkerArgs),
    /// Let one pause once its step ends.
    Pause(SteerWorkerArgs),
    /// Let one go on.
    Resume(SteerWorkerArgs),
    /// Set how much of its time one rests.
    Set(SetWorkerArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NamedWorkerArgs {
    /// Its name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SteerWorkerArgs {
    #[command(flatten)]
    pub(crate) worker: NamedWorkerArgs,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SetWorkerArgs {
    #[command(flatten)]
    pub(crate) steer: SteerWorkerArgs,
    /// Rest after each step for so many times as long as it took; 0 is full speed.
    #[arg(long, alias = "tranquility", value_name = "FACTOR")]
    pub(crate) throttle: u32,
}

#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    #[command(flatten)]
    pub(crate) what: RepairWhat,
    /// Only say who has what of the blob, and whether that is enough.
    #[arg(long, requires = "blob", conflicts_with_all = ["shard", "all_missing"])]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
pub(crate) struct RepairWhat {
    /// One blob.
    #[arg(long, value_name = "BLOB_ID", allow_hyphen_values = true)]
    pub(crate) blob: Option<BlobId>,
    /// Every blob in one of the node's shards.
    #[arg(long, value_name = "SHARD")]
    pub(crate) shard: Option<u16>,
    /// Every blob in all of the node's shards.
    #[arg(long)]
    pub(crate) all_missing: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    pub(crate) command: BackupVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BackupVerb {
    /// Let the running node make one.
    Create(CreateBackupArgs),
    /// Say which there are.
    List(BackupPlaceArgs),
    /// Read one again, and check it against what was taken.
    Verify(NamedBackupArgs),
    /// Put one back into empty directories, with the node stopped; without --yes only check that it can be done.
    Restore(RestoreBackupArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateBackupArgs {
    #[command(flatten)]
    pub(crate) door: DoorArgs,
    /// A directory other than the configured one.
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
    /// Also keep the configuration, the keys and the wallet's key in it, encrypted for this age recipient (`age1…`); takes --config-path.
    #[arg(long, value_name = "RECIPIENT", requires = "config_path")]
    pub(crate) with_keys: Option<Recipient>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Args)]
pub(crate) struct BackupPlaceArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// A directory other than the configured one.
    #[arg(long, value_name = "DIR")]
    pub(crate) path: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct NamedBackupArgs {
    #[command(flatten)]
    pub(crate) place: BackupPlaceArgs,
    /// Its number; the newest if it is not said.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) id: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreBackupArgs {
    #[command(flatten)]
    pub(crate) backup: NamedBackupArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Where the backups are.
    #[arg(long, value_name = "DIR")]
    pub(crate) db_checkpoint_path: PathBuf,
    /// The storage directory, which must be empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) db_path: PathBuf,
    /// Has no effect: the log is in the storage directory.
    #[arg(long, hide = true)]
    pub(crate) wal_path: Option<PathBuf>,
    /// The number of the backup; the newest if it is not said.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) checkpoint_id: Option<u64>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
}

#[derive(Debug, Args)]
#[group(id = "drained", required = true, multiple = false, args = ["node", "disk"])]
pub(crate) struct DrainArgs {
    /// The whole node.
    #[arg(long)]
    pub(crate) node: bool,
    /// One of its disks.
    #[arg(long, value_name = "DIR")]
    pub(crate) disk: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ScrubArgs {
    #[command(subcommand)]
    pub(crate) command: ScrubVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ScrubVerb {
    /// Begin one now, or go on with one that was paused.
    Start(StartScrubArgs),
    /// Let it pause.
    Pause(PauseScrubArgs),
    /// Say how far it is.
    Status(DoorArgs),
    /// Set how much it reads each second at most.
    Set(SetScrubArgs),
}

#[derive(Debug, Args)]
pub(crate) struct StartScrubArgs {
    /// Also compare every sliver with the metadata of its blob, and not only one in a hundred.
    #[arg(long)]
    pub(crate) deep: bool,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PauseScrubArgs {
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

/// A rate at which something gets done.
fn rate(text: &str) -> Result<Size, String> {
    match text.parse()? {
        Size(0) => {
            Err("nothing is read at that rate; `walrus-node scrub pause` lets it rest".to_owned())
        }
        rate => Ok(rate),
    }
}

#[derive(Debug, Args)]
pub(crate) struct SetScrubArgs {
    /// Bytes, or with a suffix as in 50M.
    #[arg(long, value_name = "SIZE", value_parser = rate)]
    pub(crate) rate: Size,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FsckArgs {
    /// Of a storage that no node uses.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Mend what is found: the index follows the files, and what is lost is queued for recovery.
    #[arg(long)]
    pub(crate) fix: bool,
    #[command(flatten)]
    pub(crate) look: LookArgs,
    #[command(flatten)]
    pub(crate) door: DoorArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DiskArgs {
    #[command(subcommand)]
    pub(crate) command: DiskVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DiskVerb {
    /// Say how they are.
    List(DoorArgs),
    /// Name one more in the configuration.
    Add(ChangeDiskArgs),
    /// Move what is on one to the others, and take it out of the configuration.
    Remove(RemoveDiskArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ChangeDiskArgs {
    /// Its directory.
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveDiskArgs {
    #[command(flatten)]
    pub(crate) change: ChangeDiskArgs,
    /// It is lost: what was on it is recovered from other nodes.
    #[arg(long)]
    pub(crate) lost: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// The new directory, empty or not there; or where `walrus-node receive` listens on another machine, https://HOST:PORT.
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReceiveArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Args)]
pub(crate) struct CatchUpArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// End after so many seconds, wherever that is.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) runtime_duration: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct RejoinArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// Begin anew with what is left of the history.
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Do nothing, only say what would be done.
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) config: ConfigPathArgs,
    /// The archive to write.
    #[arg(long, value_name = "FILE", default_value = "walrus-node-report.tar")]
    pub(crate) out: PathBuf,
    /// A log to add the end of, as it is.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}
