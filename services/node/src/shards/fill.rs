//! Shard filling: the slivers of a gained shard are recovered blob by blob, through the queue of recoveries.

use std::collections::BTreeSet;

use walrus_core::{Epoch, ShardIndex};

use super::ShardLife;
use crate::{
    committee::CommitteeHolder,
    storage::{
        StorageError,
        records::{NodeStatus, ShardState, SyncReason},
    },
};

impl ShardLife {
    /// Queues every certified blob of which these shards lack a sliver; returns how many there are.
    pub(super) fn queue_incomplete(
        &self,
        epoch: Epoch,
        shards: &BTreeSet<ShardIndex>,
    ) -> Result<usize, StorageError> {
        let mut count = 0usize;
        if shards.is_empty() {
            return Ok(count);
        }
        for page in self.storage.blob_infos() {
            let mut update = self.storage.update();
            for (blob_id, _) in page?.iter().filter(|(_, info)| info.is_certified(epoch)) {
                let shards = shards.iter().copied();
                // Whatever is there was verified against the metadata, so these are there, too.
                if self.storage.missing_slivers(blob_id, shards)?.is_empty() {
                    continue;
                }
                update.queue(blob_id, SyncReason::FillShards)?;
                count = count.saturating_add(1);
            }
            update.commit()?;
        }
        Ok(count)
    }

    /// Marks the node's shards as complete when nothing that fills them is queued any more; does nothing while somebody holds the
    /// turn. Shards that are begun ahead of their epoch stay as they are: nothing is queued for them before they are assigned.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn finish_filling(&self, committees: &CommitteeHolder) -> Result<(), StorageError> {
        let Ok(_turn) = self.turn.try_lock() else {
            return Ok(());
        };
        // Under the turn: what is queued is for these shards, once the beginning of their epoch is processed.
        let view = committees.get();
        if self.storage.event_epoch()? != view.epoch() {
            return Ok(());
        }
        let is_recovering =
            |shard: &ShardIndex| self.storage.shard_state(*shard) == Some(ShardState::Recovering);
        let own = view.own_shards.iter().copied();
        let mut recovering = own.filter(is_recovering).peekable();
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
