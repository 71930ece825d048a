//! Status of a node: the health document and the workers, with a verdict in one sentence.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use walrus_node_client::{HealthInfo, ShardSummary};
use walrus_service::worker::{State, WorkerInfo};

use crate::{NodeView, storage::StorageError};

/// The worker that follows the chain.
const EVENTS: &str = "events";

/// Checkpoints that a node may be behind the chain and still be called up to date.
const NEAR: u64 = 30;

/// A chain that makes checkpoints is heard of at least so often; empty ones count.
const SILENCE: Duration = Duration::from_secs(60);

/// Failed steps in a row after which a job is in trouble, and not only late.
const FAILURES: u32 = 3;

/// How a node is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The state of the node in one sentence.
    pub verdict: String,
    /// Whether nothing is in the way: all shards are there, all events are processed and more are heard of,
    /// every worker runs.
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
        let heard = Heard {
            behind,
            silent: view.silent_for(),
        };
        let (ready, verdict) = match trouble(&workers) {
            Some(sentence) => (false, sentence),
            None => verdict(&health, heard),
        };
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

/// What is known of the chain.
#[derive(Debug, Clone, Copy)]
struct Heard {
    /// Checkpoints that were not processed when one was last seen.
    behind: Option<u64>,
    /// How long ago that was.
    silent: Option<Duration>,
}

/// One sentence on the worker that is in the worst trouble, if any is.
fn trouble(workers: &[WorkerInfo]) -> Option<String> {
    let why = |worker: &WorkerInfo| {
        let error = worker.last_error.as_ref();
        error
            .map_or("for no known reason", |error| error.message.as_str())
            .to_owned()
    };
    let in_state = |state| workers.iter().find(move |worker| worker.state == state);
    if let Some(worker) = in_state(State::Failed) {
        let why = why(worker);
        return Some(format!("The node stops: {} failed: {why}", worker.name));
    }
    if let Some(worker) = in_state(State::Stopped) {
        return Some(format!("The node stops: {} has stopped.", worker.name));
    }
    if let Some(worker) = workers.iter().find(|worker| worker.paused) {
        let name = worker.name;
        return Some(format!(
            "The node does not do all of its work: {name} is paused; `local-admin … worker {name} resume` lets it go on."
        ));
    }
    let failing = |worker: &&WorkerInfo| worker.errors_in_a_row >= FAILURES;
    workers.iter().find(failing).map(|worker| {
        let (name, times, why) = (worker.name, worker.errors_in_a_row, why(worker));
        format!("The node does not get on with its work: {name} failed {times} times in a row, the last time: {why}")
    })
}

/// Whether nothing is in the way of a node whose workers run, and one sentence on it: the worst first.
fn verdict(health: &HealthInfo, heard: Heard) -> (bool, String) {
    if let Some(silent) = heard.silent.filter(|silent| *silent > SILENCE) {
        let seconds = silent.as_secs();
        return (
            false,
            format!("The node has not heard of the chain for {seconds} s: is the RPC server up?"),
        );
    }
    if let Some(behind) = heard.behind.filter(|behind| *behind > NEAR) {
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
    use walrus_service::worker::LastError;

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
        for (health, behind, silent, ready, says) in [
            (health(5, 5, Some(9)), Some(2), 5, true, "All is well"),
            (health(0, 0, Some(9)), None, 5, true, "waits for stake"),
            (health(5, 3, Some(9)), Some(0), 5, false, "3 of its 5"),
            (
                health(5, 3, Some(9)),
                Some(500),
                5,
                false,
                "500 checkpoints",
            ),
            (health(5, 5, Some(9)), Some(0), 3600, false, "for 3600 s"),
            (health(0, 0, Some(9)), Some(0), 3600, false, "for 3600 s"),
        ] {
            let silent = Some(Duration::from_secs(silent));
            let (is_ready, verdict) = verdict(&health, Heard { behind, silent });
            assert!(verdict.contains(says), "{verdict}");
            assert_eq!(is_ready, ready, "{verdict}");
        }
        let heard = Heard {
            behind: None,
            silent: None,
        };
        let (is_ready, verdict) = verdict(&health(5, 5, None), heard);
        assert!(!is_ready && verdict.contains("not heard of the chain yet"));
    }

    #[test]
    fn a_worker_that_does_not_run_is_trouble() {
        let running = WorkerInfo {
            name: "events",
            state: State::Waiting,
            status: walrus_service::worker::Status::default(),
            paused: false,
            throttle: 0,
            steps: 7,
            errors: 2,
            errors_in_a_row: 2,
            last_error: Some(LastError {
                unix_ms: 0,
                message: "no peer".to_owned(),
            }),
        };
        let done = WorkerInfo {
            state: State::Done,
            ..running.clone()
        };
        assert_eq!(trouble(&[running.clone(), done]), None);
        let paused = WorkerInfo {
            paused: true,
            ..running.clone()
        };
        let failing = WorkerInfo {
            errors_in_a_row: 3,
            ..running.clone()
        };
        let stopped = WorkerInfo {
            state: State::Stopped,
            ..running.clone()
        };
        let failed = WorkerInfo {
            state: State::Failed,
            ..running.clone()
        };
        let mut workers = vec![running];
        for (worse, says) in [
            (failing, "3 times in a row, the last time: no peer"),
            (paused, "events is paused"),
            (stopped, "events has stopped"),
            (failed, "events failed: no peer"),
        ] {
            workers.push(worse);
            let sentence = trouble(&workers).unwrap();
            assert!(sentence.contains(says), "{sentence}");
        }
    }
}
