//! Epoch change: what a node does when an epoch begins. Node spec 5.4.

use std::{sync::Arc, time::Instant};

use tokio::sync::{Notify, watch};
use walrus_core::Epoch;
use walrus_service::clock::Clock;
use walrus_sui::{
    Address,
    contract::{Committees, ContractReader},
};

use crate::{
    checks::digests,
    committee::{CommitteeHolder, CommitteeView},
    healing::Expiry,
    limits::CHAIN_POLL,
    metrics::Metrics,
    shards::{ShardLife, Turn},
    snapshots::{BeginningOfEpoch, Snapshots},
    storage::{Storage, StorageError, records::NodeStatus},
    work::{Work, WorkError},
};

/// Why an epoch change could not be carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EpochChangeError {
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It could not be worked on.
    #[error(transparent)]
    Work(#[from] WorkError),
}

/// Carries out epoch changes. Clones do so for the same node.
#[derive(Clone)]
pub(crate) struct EpochChanges {
    pub(crate) reader: ContractReader,
    pub(crate) storage: Arc<Storage>,
    pub(crate) committees: Arc<CommitteeHolder>,
    pub(crate) shards: Arc<ShardLife>,
    pub(crate) expiry: Arc<Expiry>,
    /// The node's ID on chain.
    pub(crate) node_id: Address,
    /// Tells that slivers may be missing now.
    pub(crate) queue_grew: Arc<Notify>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) work: Work,
    /// Whether what nodes compare is made.
    pub(crate) makes_digests: bool,
    /// Where what is registered is written down with each epoch, if it is.
    pub(crate) snapshots: Option<Arc<Snapshots>>,
    /// Tells which epoch has begun, once the change to it is carried out and the node is not behind it.
    pub(crate) began: Arc<watch::Sender<Epoch>>,
    pub(crate) clock: Clock,
}

impl EpochChanges {
    /// Changes to `epoch`, which an event begins. Idempotent.
    pub(crate) async fn start(
        &self,
        epoch: Epoch,
        begins: BeginningOfEpoch,
    ) -> Result<(), EpochChangeError> {
        let committees = self.committees_of(epoch).await;
        let catching_up = committees.epoch > epoch;
        let view = CommitteeView::new(committees, self.node_id);
        tracing::info!(epoch, current = view.epoch(), "an epoch began");
        let this = self.clone();
        let turn = self.shards.turn().await;
        let change = move || this.change(epoch, &begins, view, catching_up, &turn);
        self.work.in_background(change).await??;
        self.queue_grew.notify_one();
        Ok(())
    }

    /// Looks for the next committee, which is selected now: its members may begin to fetch what they need.
    pub(crate) async fn learn_next(&self) {
        match self.reader.committees().await {
            Ok(committees) if committees.epoch == self.committees.get().epoch() => {
                let view = CommitteeView::new(committees, self.node_id);
                self.committees.set(view);
            }
            // The chain is further than these events.
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the next committee is not known before its epoch begins");
            }
        }
    }

    fn change(
        &self,
        epoch: Epoch,
        begins: &BeginningOfEpoch,
        view: CommitteeView,
        catching_up: bool,
        turn: &Turn,
    ) -> Result<(), StorageError> {
        let collection = &self.metrics.collection;
        collection.started(epoch, self.clock.unix_ms() / 1000);
        let begun = Instant::now();
        let objects = self.expiry.expire_objects(epoch)?;
        collection.cleaned(epoch, objects, begun.elapsed());
        if self.makes_digests && !catching_up {
            self.publish_digests(epoch);
        }
        if let Some(snapshots) = self.snapshots.as_ref().filter(|_| !catching_up) {
            self.write_snapshot(snapshots, epoch, begins);
        }
        if catching_up {
            // Shards follow when the change to the current epoch is reached.
            if !self.storage.node_status()?.is_catching_up() {
                self.storage.set_node_status(NodeStatus::RecoveryCatchUp)?;
            }
        } else {
            self.shards.assign(&view, turn)?;
            collection.deleting(epoch);
            let begun = Instant::now();
            let deleted = self.expiry.delete_expired(epoch);
            collection.deleted(epoch, deleted.is_ok(), begun.elapsed());
            deleted?;
        }
        self.committees.set(view);
        if !catching_up {
            self.began.send_replace(epoch);
        }
        Ok(())
    }

    /// Publishes what nodes compare; a failure is told, and changes nothing.
    fn publish_digests(&self, epoch: Epoch) {
        match digests(&self.storage, epoch) {
            Ok(digests) => digests.publish(epoch, &self.metrics.checks),
            Err(error) => {
                tracing::error!(epoch, %error, "what nodes compare after an epoch change is missing");
                self.metrics.checks.failed(epoch);
            }
        }
    }

    /// Writes down what is registered; a failure is told, and changes nothing.
    fn write_snapshot(&self, snapshots: &Snapshots, epoch: Epoch, begins: &BeginningOfEpoch) {
        match snapshots.write(&self.storage, epoch, begins) {
            Ok(Some(written)) => self.metrics.checks.snapshot(epoch, &written),
            Ok(None) => tracing::debug!(epoch, "no snapshot is written"),
            Err(error) => {
                tracing::error!(epoch, %error, "the snapshot of what is registered is missing");
                self.metrics.checks.snapshot_failed(epoch);
            }
        }
    }

    /// The committees, once the chain has reached `epoch`.
    async fn committees_of(&self, epoch: Epoch) -> Committees {
        loop {
            match self.reader.committees().await {
                Ok(committees) if committees.epoch >= epoch => return committees,
                Ok(committees) => {
                    tracing::warn!(
                        epoch,
                        chain = committees.epoch,
                        "the chain is behind its events"
                    );
                }
                Err(error) => tracing::warn!(%error, "cannot read the committees"),
            }
            tokio::time::sleep(CHAIN_POLL).await;
        }
    }
}
