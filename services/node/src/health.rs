//! Health document: how a node is. Node spec 1.16.

use std::{sync::Arc, time::Instant};

use walrus_core::BlsPublicKey;
use walrus_node_client::{
    EventProgress, Extensions, HealthInfo, ShardDetail, ShardHealth, ShardStatus, ShardSummary,
    WorkerHealth,
};
use walrus_service::worker::{WorkerInfo, Workers};

use crate::{
    blobs::Holdings,
    chain::ChainTip,
    limits::MAX_COUNTED,
    operator::{DiskView, Problems},
    storage::{StorageError, records::ShardState},
};

/// Tells how the node is.
#[derive(Debug)]
pub struct Health {
    pub(crate) holdings: Holdings,
    pub(crate) key: BlsPublicKey,
    pub(crate) tip: Arc<ChainTip>,
    pub(crate) workers: Workers,
    pub(crate) problems: Arc<Problems>,
    pub(crate) extensions: Extensions,
    pub(crate) started: Instant,
}

impl Health {
    /// What is wrong, with the disks as they are now.
    fn problems(&self) -> Vec<String> {
        let disks = self.holdings.storage().disks();
        let disks: Vec<_> = disks.iter().map(DiskView::from).collect();
        let disks = disks.iter().filter_map(DiskView::problem);
        self.problems.set("disks", disks.collect());
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
