//! Health document: how a node is, and whether requests should be sent to it. Node spec 1.16 and 6.5.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use walrus_core::BlsPublicKey;
use walrus_node_client::{
    EventProgress, Extensions, HealthInfo, ShardDetail, ShardHealth, ShardStatus, ShardSummary,
    WorkerHealth,
};
use walrus_service::worker::{State, WorkerInfo, Workers};

use crate::{
    blobs::Holdings,
    chain::ChainTip,
    healing::RepairBook,
    limits::MAX_COUNTED,
    operator::{DiskView, Problems},
    storage::{StorageError, records::ShardState},
};

/// The worker that follows the chain.
const EVENTS: &str = "events";
/// Checkpoints that a node may be behind the chain and still be called up to date.
const NEAR: u64 = 30;
/// A chain that makes checkpoints is heard of at least so often; empty ones count.
const SILENCE: Duration = Duration::from_secs(60);

/// Why requests should not be sent to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unready {
    /// A background job has failed.
    #[error("the node stops: {worker} failed")]
    Stopping {
        /// Which.
        worker: &'static str,
    },
    /// It replays epochs that are over.
    #[error("the node catches up with epochs that are over")]
    CatchingUp,
    /// It has just started.
    #[error("the node has not heard of the chain yet")]
    NothingHeard,
    /// The chain cannot be reached, or stands.
    #[error("the node has not heard of the chain for {} s", .0.as_secs())]
    Silent(Duration),
    /// Events are not processed.
    #[error("the node is {0} checkpoints behind the chain; {NEAR} would do")]
    Behind(u64),
}

/// Tells how the node is.
#[derive(Debug)]
pub struct Health {
    pub(crate) holdings: Holdings,
    pub(crate) key: BlsPublicKey,
    pub(crate) tip: Arc<ChainTip>,
    pub(crate) workers: Workers,
    pub(crate) problems: Arc<Problems>,
    pub(crate) book: Arc<RepairBook>,
    pub(crate) extensions: Extensions,
    pub(crate) started: Instant,
}

impl Health {
    /// What is wrong, with the disks as they are now.
    fn problems(&self) -> Vec<String> {
        let disks = self.holdings.storage().disks();
        let disks: Vec<_> = disks.iter().map(DiskView::from).collect();
        let problems = DiskView::problems(&disks, self.book.is_repairing());
        self.problems.set("disks", problems);
        self.problems.list()
    }

    /// The health document; `detailed` with every shard.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn document(&self, detailed: bool) -> Result<HealthInfo, StorageError> {
        use base64::Engine as _;
        let (view, storage) = (self.holdings.view(), self.holdings.storage());
        let states = storage.shard_states();
        let mut summary = ShardSummary {
            owned: view.own_shards.len(),
            ..ShardSummary::default()
        };
        let mut detail = ShardDetail::default();
        for shard in &view.own_shards {
            let status = match states.get(shard) {
                Some(ShardState::Active) => {
                    summary.owned_shard_status.ready += 1;
                    ShardStatus::Ready
                }
                Some(ShardState::Recovering) => {
                    summary.owned_shard_status.in_recovery += 1;
                    ShardStatus::InRecovery
                }
                // Assigned to us, but the event that says so is not processed yet.
                Some(ShardState::Locked) | None => {
                    summary.owned_shard_status.unknown += 1;
                    ShardStatus::Unknown
                }
            };
            detail.owned.push(ShardHealth {
                shard: shard.get(),
                status,
            });
        }
        for (shard, _) in states
            .iter()
            .filter(|(shard, _)| !view.own_shards.contains(shard))
        {
            summary.read_only += 1;
            detail.other.push(ShardHealth {
                shard: shard.get(),
                status: ShardStatus::ReadOnly,
            });
        }
        let persisted = storage.cursor()?.map_or(0, |cursor| cursor.next_index);
        Ok(HealthInfo {
            uptime: self.started.elapsed().into(),
            epoch: view.epoch(),
            public_key: base64::engine::general_purpose::STANDARD.encode(self.key.0),
            node_status: storage.node_status()?.to_string(),
            event_progress: EventProgress {
                persisted,
                pending: storage.count_queued(MAX_COUNTED)?,
                highest_finished_event_index: persisted.checked_sub(1),
            },
            shard_summary: summary,
            shard_detail: detailed.then_some(detail),
            latest_checkpoint_sequence_number: self.tip.get(),
            extensions: self.extensions.names().map(str::to_owned).collect(),
            workers: self.workers.list().into_iter().map(worker).collect(),
            problems: self.problems(),
        })
    }
}

impl Health {
    /// Why requests should not be sent to the node; `None` if there is no reason.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn unready(&self) -> Result<Option<Unready>, StorageError> {
        let workers = self.workers.list();
        let behind = workers
            .iter()
            .find(|worker| worker.name == EVENTS)
            .and_then(|worker| worker.status.left);
        let failed = workers.iter().find(|worker| worker.state == State::Failed);
        let status = self.holdings.storage().node_status()?;
        Ok(if let Some(worker) = failed {
            Some(Unready::Stopping {
                worker: worker.name,
            })
        } else if status.is_catching_up() {
            Some(Unready::CatchingUp)
        } else {
            match (self.tip.silent_for(), behind) {
                (None, _) => Some(Unready::NothingHeard),
                (Some(silent), _) if silent > SILENCE => Some(Unready::Silent(silent)),
                (_, Some(behind)) if behind > NEAR => Some(Unready::Behind(behind)),
                _ => None,
            }
        })
    }
}

fn worker(info: WorkerInfo) -> WorkerHealth {
    WorkerHealth {
        name: info.name.to_owned(),
        state: info.state.to_string(),
        done: info.status.done,
        left: info.status.left,
        errors: info.errors,
        last_error: info.last_error.map(|error| error.message),
    }
}
