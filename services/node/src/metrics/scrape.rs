//! A look at the node for those who ask for its metrics: what is not counted but there, or not.

use std::sync::Arc;

use walrus_service::tls::Certificates;
use walrus_sui::objects::EpochState;

use super::{Identity, Metrics, level};
use crate::{
    blobs::PendingCache,
    healing::Deferrals,
    health::Health,
    operator::Account,
    storage::{StorageError, records::NodeStatus},
    tls::not_after,
};

/// Looks at a node when its metrics are asked for. It holds the storage: it must be dropped before the node is shut down.
#[derive(Debug, Clone)]
pub struct Scrape {
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) health: Arc<Health>,
    pub(crate) pending: Arc<PendingCache>,
    pub(crate) deferrals: Arc<Deferrals>,
    pub(crate) certificates: Option<Arc<Certificates>>,
    pub(crate) account: Option<Arc<Account>>,
}

impl Scrape {
    /// The text format of Prometheus. Reads the database: to be called where blocking is allowed.
    pub fn text(&self) -> String {
        self.look();
        self.metrics.text()
    }

    /// Brings the gauges up to date. Reads the database.
    pub(crate) fn look(&self) {
        if let Err(error) = self.set() {
            tracing::error!(%error, "the metrics do not tell the state of the storage");
        }
    }

    fn set(&self) -> Result<(), StorageError> {
        let (metrics, health) = (&self.metrics, &self.health);
        metrics
            .identity
            .set_uptime(health.started.elapsed().as_secs_f64());
        let leaf = self.certificates.as_ref().and_then(|served| served.leaf());
        if let Some(end) = leaf.as_ref().and_then(not_after) {
            metrics.config.certificate_not_after.set(end);
        }
        let standing = self.account.as_ref().and_then(|account| account.standing());
        if let Some(wallet) = standing.map(|standing| standing.wallet) {
            let gauge = &metrics.config.sui_balance;
            let address = wallet.address.to_string();
            gauge
                .with_label_values(&[&address])
                .set(level(wallet.balance_mist));
        }
        let pending = self.pending.counts();
        metrics.pending.slivers.set(level(pending.slivers));
        metrics.pending.blobs.set(level(pending.blobs));
        metrics.pending.bytes.set(level(pending.bytes));
        metrics.pending.metadata.set(level(pending.metadata));
        let storage = health.holdings.storage();
        let deferred = self.deferrals.active();
        let mut waiting = 0usize;
        for blob_id in &deferred {
            waiting = waiting.saturating_add(usize::from(storage.is_queued(blob_id)?));
        }
        metrics.recovery.deferrals_active.set(level(deferred.len()));
        metrics.recovery.deferral_waiters.set(level(waiting));

        let document = health.document(false)?;
        metrics.queue.set(&health.book.queue());
        metrics.recovery.queued(document.event_progress.pending);
        metrics.events.pending(document.event_progress.pending);
        let identity = &metrics.identity;
        identity.epoch.set(level(document.epoch));
        identity.status.set(code(storage.node_status()?));
        let shards = document.shard_summary;
        identity.shards_owned.set(level(shards.owned));
        let recovery = &metrics.recovery;
        let missing = level(shards.owned_shard_status.unknown);
        recovery.node_recovery_missing_shards.set(missing);
        let fills = shards.owned_shard_status.ready < shards.owned;
        let syncs = if fills { recovery.in_progress() } else { 0 };
        recovery.node_recovery_syncs.set(syncs);
        for (status, count) in [
            ("unknown", shards.owned_shard_status.unknown),
            ("ready", shards.owned_shard_status.ready),
            ("in-transfer", shards.owned_shard_status.in_transfer),
            ("in-recovery", shards.owned_shard_status.in_recovery),
            ("read-only", shards.read_only),
        ] {
            let series = identity.shards.with_label_values(&[status]);
            series.set(level(count));
        }
        Ok(())
    }
}

/// The number of a status. Node spec 3.8.
fn code(status: NodeStatus) -> i64 {
    match status {
        NodeStatus::Standby => 0,
        NodeStatus::Active => 1,
        NodeStatus::RecoverMetadata => 2,
        NodeStatus::RecoveryCatchUp => 3,
        NodeStatus::RecoveryInProgress(_) => 4,
        NodeStatus::RecoveryCatchUpWithIncompleteHistory { .. } => 5,
    }
}

impl Identity {
    /// The epoch is in this state.
    pub(crate) fn set_epoch_state(&self, state: &EpochState) {
        let name = match state {
            EpochState::EpochChangeSync(_) => "EpochChangeSync",
            EpochState::EpochChangeDone(_) => "EpochChangeDone",
            EpochState::NextParamsSelected(_) => "NextParamsSelected",
        };
        for other in ["EpochChangeSync", "EpochChangeDone", "NextParamsSelected"] {
            let series = self.epoch_state.with_label_values(&[other]);
            series.set(i64::from(other == name));
        }
    }
}
