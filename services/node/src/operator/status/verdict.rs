//! Verdict: how a node is, in one sentence.

use std::time::Duration;

use walrus_node_client::{HealthInfo, ShardSummary};
use walrus_service::worker::{State, WorkerInfo};

use crate::operator::DiskView;

/// Checkpoints that a node may be behind the chain and still be called up to date.
const NEAR: u64 = 30;

/// A chain that makes checkpoints is heard of at least so often; empty ones count.
const SILENCE: Duration = Duration::from_secs(60);

/// Failed steps in a row after which a job is in trouble, and not only late.
const FAILURES: u32 = 3;

/// Whether nothing is in the way of the node, and one sentence on it: the worst first.
pub(super) fn judge(
    health: &HealthInfo,
    workers: &[WorkerInfo],
    heard: Heard,
    disks: &[DiskView],
) -> (bool, String) {
    if let Some(sentence) = trouble(workers) {
        return (false, sentence);
    }
    let (ready, sentence) = verdict(health, heard);
    if ready && takes_nothing(disks) {
        let sentence = "The node is full: it serves what it has, and refuses what is new.";
        return (false, sentence.to_owned());
    }
    match health.problems.first() {
        Some(problem) if ready => (ready, format!("The node is up to date, but {problem}.")),
        _ => (ready, sentence),
    }
}

/// Whether there is room on none of the disks, or the node has as many slivers as it may have.
fn takes_nothing(disks: &[DiskView]) -> bool {
    let is_in = |state: &str| disks.iter().any(|disk| disk.state == state);
    disks.iter().any(|disk| disk.at_cap.is_some()) || (is_in("full") && !is_in("ready"))
}

/// What is known of the chain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    /// Checkpoints that were not processed when one was last seen.
    pub(super) behind: Option<u64>,
    /// How long ago that was.
    pub(super) silent: Option<Duration>,
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
            "The node does not do all of its work: {name} is paused; `walrus-node worker resume {name}` lets it go on."
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
        let sentence = "The node is up to date and not in the committee: it waits for stake, \
                        which `walrus stake` gives it.";
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
    use crate::operator::AtCapView;

    fn disk(state: &str, at_cap: bool) -> DiskView {
        DiskView {
            path: "/disk".into(),
            state: state.to_owned(),
            used_bytes: 9,
            live_bytes: 9,
            reserve_bytes: 1,
            free_bytes: Some(1),
            damaged_records: 0,
            at_cap: at_cap.then_some(AtCapView {
                used_bytes: 9,
                max_bytes: 9,
            }),
        }
    }

    #[test]
    fn a_node_that_takes_nothing_is_not_ready() {
        let heard = Heard {
            behind: Some(0),
            silent: None,
        };
        let health = health(5, 5, Some(9));
        for (disks, takes) in [
            (vec![], true),
            (vec![disk("ready", false), disk("full", false)], true),
            (vec![disk("missing", false), disk("full", false)], false),
            (vec![disk("full", false)], false),
            (vec![disk("full", true), disk("ready", true)], false),
        ] {
            let (ready, sentence) = judge(&health, &[], heard, &disks);
            assert_eq!(ready, takes, "{sentence}");
            assert_eq!(sentence.contains("is full"), !takes, "{sentence}");
        }
    }

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
            extensions: vec![],
            workers: vec![],
            problems: vec![],
        }
    }

    #[test]
    fn what_is_wrong_besides_is_told_of_a_node_that_is_up_to_date() {
        let heard = Heard {
            behind: Some(0),
            silent: None,
        };
        let mut health = health(5, 5, Some(9));
        health.problems = vec!["the wallet is empty".to_owned()];
        let (ready, sentence) = judge(&health, &[], heard, &[]);
        assert!(
            ready && sentence.contains("the wallet is empty"),
            "{sentence}"
        );
        health.latest_checkpoint_sequence_number = None;
        let (ready, sentence) = judge(&health, &[], heard, &[]);
        assert!(!ready && sentence.contains("not heard"), "{sentence}");
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
            eta: None,
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
