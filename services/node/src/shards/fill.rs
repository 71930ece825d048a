//! Shard filling: the slivers of a gained shard are recovered blob by blob, through the queue of recoveries.

use walrus_core::Epoch;

use super::ShardLife;
use crate::storage::{
    StorageError,
    records::{NodeStatus, ShardState, SyncReason},
};

impl ShardLife {
    /// Queues every certified blob; returns how many.
    pub(super) fn queue_certified(&self, epoch: Epoch) -> Result<usize, StorageError> {
        let mut count = 0usize;
        for page in self.storage.blob_infos() {
            let mut update = self.storage.update();
            for (blob_id, _) in page?.iter().filter(|(_, info)| info.is_certified(epoch)) {
                update.queue(blob_id, SyncReason::FillShards)?;
                count = count.saturating_add(1);
            }
            update.commit()?;
        }
        Ok(count)
    }

    /// Marks shards as complete when nothing that fills them is queued any more; does nothing while somebody holds the turn.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn finish_filling(&self) -> Result<(), StorageError> {
        let Ok(_turn) = self.turn.try_lock() else {
            return Ok(());
        };
        let states = self.storage.shard_states();
        let mut recovering = states
            .into_iter()
            .filter(|(_, state)| *state == ShardState::Recovering)
            .map(|(shard, _)| shard)
            .peekable();
        if recovering.peek().is_none() {
            return Ok(());
        }
        for page in self.storage.queued() {
            let fills = |(_, reason): &(_, SyncReason)| *reason == SyncReason::FillShards;
            if page?.iter().any(fills) {
                return Ok(());
            }
        }
        for shard in recovering {
            self.storage.set_shard_state(shard, ShardState::Active)?;
        }
        self.storage.set_node_status(NodeStatus::Active)?;
        self.epoch_moved.announce();
        Ok(())
    }
}
