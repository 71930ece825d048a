//! Shard assignment: which shards a node begins, locks and gives up when an epoch begins.

use std::collections::BTreeSet;

use walrus_core::ShardIndex;

use super::{ShardLife, Turn};
use crate::{
    committee::CommitteeView,
    storage::{
        StorageError,
        records::{NodeStatus, ShardState},
    },
};

impl ShardLife {
    /// Brings the stored shards in line with the assignment: creates gained ones and queues what fills them, locks lost ones,
    /// removes those that were lost before. After an absence of more than an epoch every shard is filled. Idempotent. The turn is to be kept until `view` is the node's.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn assign(&self, view: &CommitteeView, _turn: &Turn) -> Result<(), StorageError> {
        let storage = &self.storage;
        let states = storage.shard_states();
        // A node that was away longer than an epoch does not know what it has missed of any shard.
        let before = storage.node_status()?;
        let was_away = before.is_catching_up();
        let is_filled = |shard: &ShardIndex| match states.get(shard) {
            None | Some(ShardState::Locked) => true,
            // Begun before it was assigned, if it was not the node's before: whatever its state, nothing was queued for it.
            Some(ShardState::Recovering | ShardState::Active) => {
                was_away || !view.previous_shards.contains(shard)
            }
        };
        let gained: BTreeSet<ShardIndex> =
            view.own_shards.iter().copied().filter(is_filled).collect();
        // The queue comes first: a shard that is complete only because nobody queued its blobs would be attested.
        let to_fill = self.queue_incomplete(view.epoch(), &gained)?;
        let fresh = if to_fill == 0 {
            ShardState::Active
        } else {
            ShardState::Recovering
        };
        for shard in &gained {
            storage.set_shard_state(*shard, fresh)?;
        }
        let is_filling = to_fill > 0
            || view
                .own_shards
                .iter()
                .any(|shard| states.get(shard) == Some(&ShardState::Recovering));
        for (shard, state) in states {
            if view.own_shards.contains(&shard) {
                continue;
            }
            if !view.previous_shards.contains(&shard) {
                storage.remove_shard(shard)?;
            } else if state != ShardState::Locked {
                storage.set_shard_state(shard, ShardState::Locked)?;
            }
        }
        let recovers = was_away || matches!(before, NodeStatus::RecoveryInProgress(_));
        let status = match (view.is_member(), is_filling) {
            (false, _) => NodeStatus::Standby,
            (true, false) => NodeStatus::Active,
            (true, true) if view.previous_shards.is_empty() => NodeStatus::RecoverMetadata,
            (true, true) if recovers => NodeStatus::RecoveryInProgress(view.epoch()),
            (true, true) => NodeStatus::Active,
        };
        storage.set_node_status(status)
    }
}
