//! Status of a node: the health document and the workers, with a verdict in one sentence.

use serde::{Deserialize, Serialize};
use walrus_node_client::{HealthInfo, ShardSummary};
use walrus_service::worker::{State, WorkerInfo};

use crate::{NodeView, storage::StorageError};

/// The worker that follows the chain.
const EVENTS: &str = "events";

/// Checkpoints that a node may be behind the chain and still be called up to date.
const NEAR: u64 = 30;

/// How a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state of the node in one sentence.
    pub verdict: String,
    /// Whether nothing is in the way: all shards are there, all events are processed, every worker runs.
    pub ready: bool,
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
    /// What a person should know.
    pub note: Option<String>,
    /// Failed steps.
    pub errors: u64,
    /// The last failure.
    pub last_error: Option<String>,
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
            note: info.status.note.as_deref().map(str::to_owned),
            errors: info.errors,
            last_error: info.last_error.as_ref().map(|error| error.message.clone()),
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
        let failed = workers.iter().find(|worker| worker.state == State::Failed);
        let (ready, verdict) = verdict(&health, behind, failed);
        Ok(Self {
            verdict,
            ready,
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
            node_status: health.node_status,
            workers: workers.iter().map(WorkerStatus::from).collect(),
        })
    }
}

/// Whether nothing is in the way, and one sentence on it: the worst first.
fn verdict(
    health: &HealthInfo,
    behind: Option<u64>,
    failed: Option<&WorkerInfo>,
) -> (bool, String) {
    if let Some(worker) = failed {
        let why = worker.last_error.as_ref();
        let why = why.map_or("for no known reason", |error| error.message.as_str());
        return (
            false,
            format!("The node stops: {} failed: {why}", worker.name),
        );
    }
    if let Some(behind) = behind.filter(|behind| *behind > NEAR) {
        return (
            false,
            format!("The node catches up with the chain: {behind} checkpoints to go."),
        );
    }
    if health.latest_checkpoint_sequence_number.is_none() {
        return (false, "The node has not heard of the chain yet.".to_owned());
    }
    let ShardSummary {
        owned,
        owned_shard_status: shards,
        ..
    } = &health.shard_summary;
    if *owned == 0 {
        let sentence = "The node is up to date and not in the committee: it waits for stake.";
        return (true, sentence.to_owned());
    }
    if shards.ready < *owned {
        return (
            false,
            format!(
                "The node serves {} of its {owned} shards and fills the others.",
                shards.ready
            ),
        );
    }
    let sentence = format!("All is well: the node serves all of its {owned} shards.");
    (true, sentence)
}

#[cfg(test)]
mod tests {
    use walrus_node_client::{EventProgress, OwnedShardStatus};

    use super::*;

    fn health(owned: usize, ready: usize, latest: Option<u64>) -> HealthInfo {
        HealthInfo {
            uptime: std::time::Duration::from_secs(5).into(),
            epoch: 3,
            public_key: String::new(),
            node_status: "Active".to_owned(),
            event_progress: EventProgress::default(),
            shard_summary: ShardSummary {
                owned,
                owned_shard_status: OwnedShardStatus {
                    ready,
                    ..OwnedShardStatus::default()
                },
                read_only: 0,
            },
            shard_detail: None,
            latest_checkpoint_sequence_number: latest,
            workers: vec![],
        }
    }

    #[test]
    fn the_worst_is_told_first() {
        for (health, behind, ready, says) in [
            (health(5, 5, Some(9)), Some(2), true, "All is well"),
            (health(0, 0, Some(9)), None, true, "waits for stake"),
            (health(5, 3, Some(9)), Some(0), false, "3 of its 5 shards"),
            (health(5, 3, Some(9)), Some(500), false, "500 checkpoints"),
            (health(5, 5, None), None, false, "not heard of the chain"),
        ] {
            let (is_ready, verdict) = verdict(&health, behind, None);
            assert!(verdict.contains(says), "{verdict}");
            assert_eq!(is_ready, ready, "{verdict}");
        }
    }
}
