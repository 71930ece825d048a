//! Operator jobs: backup, scrub, check of the storage, repair.

use std::sync::Arc;

use crate::{
    config::NodeConfig,
    operator::{
        backup::{BackupWorker, Backups, Plan, Schedule},
        fsck::{FsckWorker, Fscks},
        scrub::{ScrubWorker, Scrubs},
    },
    parts::Parts,
};

/// Where the jobs of an operator are ordered.
pub(super) struct Verbs {
    pub(super) backups: Arc<Backups>,
    pub(super) scrubs: Arc<Scrubs>,
    pub(super) fscks: Arc<Fscks>,
}

impl Verbs {
    /// Starts the jobs. Those with a schedule need nobody to order them.
    pub(super) fn start(config: &NodeConfig, parts: &Parts) -> Self {
        let this = Self {
            backups: Arc::default(),
            scrubs: Arc::new(Scrubs::of(&config.storage_path)),
            fscks: Arc::default(),
        };
        parts
            .runner
            .spawn(backup_worker(config, parts, &this.backups));
        parts.runner.spawn(ScrubWorker::new(
            Arc::clone(&this.scrubs),
            Arc::clone(&parts.storage),
            Arc::clone(&parts.problems),
            parts.work.clone(),
            *parts.holdings.encoding(),
        ));
        parts.runner.spawn(FsckWorker {
            fscks: Arc::clone(&this.fscks),
            storage: Arc::clone(&parts.storage),
            queue_grew: Arc::clone(&parts.queue_grew),
            work: parts.work.clone(),
        });
        parts.runner.spawn(parts.repair_worker());
        this
    }
}

fn backup_worker(config: &NodeConfig, parts: &Parts, backups: &Arc<Backups>) -> BackupWorker {
    let plan = Plan {
        storage: Arc::clone(&parts.storage),
        node_id: parts.node_id,
        disks: config.disk_paths(),
        directory: config.backups_path(),
        keep: config.checkpoint_config.max_db_checkpoints,
        sealed_keys: None,
    };
    let schedule = Schedule {
        periodic: config.checkpoint_config.periodic_db_checkpoints,
        interval: config.checkpoint_config.db_checkpoint_interval,
    };
    BackupWorker::new(Arc::clone(backups), plan, schedule, parts.work.clone())
}
