//! View of a running node, for its operator: read and steered without being able to keep it alive or to stop it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use walrus_node_client::HealthInfo;
use walrus_service::worker::Workers;
use walrus_sui::Address;

use crate::{
    healing::{Deferrals, RepairQueue},
    health::Health,
    operator::{Account, DiskView, Standing},
    storage::StorageError,
};

/// Looks at a running node. It holds the storage: it must be dropped before the node is shut down.
#[derive(Debug, Clone)]
pub struct NodeView {
    pub(crate) node_id: Address,
    pub(crate) health: Arc<Health>,
    pub(crate) workers: Workers,
    pub(crate) account: Arc<Account>,
    pub(crate) deferrals: Arc<Deferrals>,
}

impl NodeView {
    /// The node's ID on chain.
    pub fn node_id(&self) -> Address {
        self.node_id
    }

    /// The health document; `detailed` with every shard.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn health(&self, detailed: bool) -> Result<HealthInfo, StorageError> {
        self.health.document(detailed)
    }

    /// How long ago the chain was heard of, if it was.
    pub fn silent_for(&self) -> Option<Duration> {
        self.health.tip.silent_for()
    }

    /// The disks.
    pub fn disks(&self) -> Vec<DiskView> {
        let disks = self.health.holdings.storage().disks();
        disks.iter().map(DiskView::from).collect()
    }

    /// The queue of recoveries.
    pub fn repair_queue(&self) -> RepairQueue {
        self.health.book.queue()
    }

    /// Whether anything waits for recovery that can be had, as far as is known. What waits because its client may still be uploading it
    /// does not count: while a network is written to there is always some of it.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn waits_for_recovery(&self) -> Result<bool, StorageError> {
        let uploading: HashSet<_> = self.deferrals.active().into_iter().collect();
        let storage = self.health.holdings.storage();
        storage.waits_for_recovery(&uploading)
    }

    /// What the chain said of the node when it was asked last.
    pub fn standing(&self) -> Option<Standing> {
        self.account.standing()
    }

    /// The background jobs.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }
}
