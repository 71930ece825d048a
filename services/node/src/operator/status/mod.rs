//! Status of a node: the health document, the workers and what the chain says of it, with a verdict in one sentence.

mod verdict;

use serde::{Deserialize, Serialize};
use walrus_service::worker::WorkerInfo;

use self::verdict::{Heard, judge};
use super::{DiskView, Standing};
use crate::{NodeView, healing::RepairQueue, storage::StorageError};

/// The worker that follows the chain.
const EVENTS: &str = "events";

/// The worker that fills what is missing.
const RECOVERY: &str = "recovery";

/// How a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state of the node in one sentence.
    pub verdict: String,
    /// Whether nothing is in the way: all shards are there, all events are processed and more are heard of,
    /// every worker runs, and there is room for more.
    pub ready: bool,
    /// What else is wrong, in sentences.
    #[serde(default)]
    pub problems: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// Display name.
    pub name: String,
    /// The node's ID on chain.
    pub node_id: String,
    /// `host:port` under which others reach it.
    pub public_address: String,
    /// Seconds since the start.
    pub uptime_secs: u64,
    /// The committee epoch.
    pub epoch: u32,
    /// Standing of the node: node spec 3.8.
    pub node_status: String,
    /// Shards that are the node's.
    pub owned_shards: usize,
    /// Those that are complete.
    pub ready_shards: usize,
    /// Those that are being filled.
    pub recovering_shards: usize,
    /// Shards that belong to others now and are still read from.
    pub read_only_shards: usize,
    /// Index of the next event element.
    pub next_event_index: u64,
    /// Checkpoints that are not processed, as far as is known.
    pub checkpoints_behind: Option<u64>,
    /// The newest checkpoint that was seen.
    pub latest_checkpoint: Option<u64>,
    /// Blobs that are queued for recovery.
    pub queued_blobs: u64,
    /// Seconds that their recovery takes at the pace of the last minutes, if that can be told.
    #[serde(default)]
    pub recovery_eta_secs: Option<u64>,
    /// Whether something waits for recovery that can be had, as far as is known; absent if the node is older than this.
    #[serde(default)]
    pub waits_for_recovery: Option<bool>,
    /// What is queued for recovery, by reason, and how fast it goes.
    #[serde(default)]
    pub repair_queue: RepairQueue,
    /// The disks.
    #[serde(default)]
    pub disks: Vec<DiskView>,
    /// What the chain says of the node's keys, wallet, reward and duties; absent until it was asked.
    #[serde(default)]
    pub standing: Option<Standing>,
    /// Background jobs.
    pub workers: Vec<WorkerStatus>,
}

/// How a background job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: String,
    /// Whether it is to pause.
    pub paused: bool,
    /// Pause after each step, in multiples of its length.
    pub throttle: u32,
    /// Units of work that are done.
    pub done: Option<u64>,
    /// Units of work that are left.
    pub left: Option<u64>,
    /// Seconds that the rest takes at the pace of the last minutes, if that can be told.
    #[serde(default)]
    pub eta_secs: Option<u64>,
    /// What a person should know.
    pub note: Option<String>,
    /// Steps since the start.
    #[serde(default)]
    pub steps: u64,
    /// Failed steps.
    pub errors: u64,
    /// The last failure.
    pub last_error: Option<String>,
    /// When that was, in milliseconds since 1970.
    #[serde(default)]
    pub last_error_at_ms: Option<u64>,
}

impl From<&WorkerInfo> for WorkerStatus {
    fn from(info: &WorkerInfo) -> Self {
        Self {
            name: info.name.to_owned(),
            state: info.state.to_string(),
            paused: info.paused,
            throttle: info.throttle,
            done: info.status.done,
            left: info.status.left,
            eta_secs: info.eta.map(|eta| eta.as_secs()),
            note: info.status.note.as_deref().map(str::to_owned),
            steps: info.steps,
            errors: info.errors,
            last_error: info.last_error.as_ref().map(|error| error.message.clone()),
            last_error_at_ms: info.last_error.as_ref().map(|error| error.unix_ms),
        }
    }
}

impl Status {
    /// The status of a running node that is called `name` and reached at `public_address`.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn of(view: &NodeView, name: &str, public_address: &str) -> Result<Self, StorageError> {
        let (health, workers) = (view.health(false)?, view.workers().list());
        let shards = &health.shard_summary;
        let follower = workers.iter().find(|worker| worker.name == EVENTS);
        let behind = follower.and_then(|worker| worker.status.left);
        let heard = Heard {
            behind,
            silent: view.silent_for(),
        };
        let disks = view.disks();
        let (ready, verdict) = judge(&health, &workers, heard, &disks);
        let recovery = workers.iter().find(|worker| worker.name == RECOVERY);
        Ok(Self {
            verdict,
            ready,
            problems: health.problems,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            name: name.to_owned(),
            node_id: view.node_id().to_string(),
            public_address: public_address.to_owned(),
            uptime_secs: health.uptime.secs,
            epoch: health.epoch,
            owned_shards: shards.owned,
            ready_shards: shards.owned_shard_status.ready,
            recovering_shards: shards.owned_shard_status.in_recovery,
            read_only_shards: shards.read_only,
            next_event_index: health.event_progress.persisted,
            checkpoints_behind: behind,
            latest_checkpoint: health.latest_checkpoint_sequence_number,
            queued_blobs: health.event_progress.pending,
            recovery_eta_secs: recovery
                .and_then(|worker| worker.eta)
                .map(|eta| eta.as_secs()),
            waits_for_recovery: Some(view.waits_for_recovery()?),
            repair_queue: view.repair_queue(),
            disks,
            standing: view.standing(),
            node_status: health.node_status,
            workers: workers.iter().map(WorkerStatus::from).collect(),
        })
    }
}
