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
    /// removes those that were lost before. Idempotent. The turn is to be kept until `view` is the node's.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn assign(&self, view: &CommitteeView, _turn: &Turn) -> Result<(), StorageError> {
        let storage = &self.storage;
        let states = storage.shard_states();
        let gained: BTreeSet<ShardIndex> = view
            .own_shards
            .iter()
            .copied()
            .filter(|shard| matches!(states.get(shard), None | Some(ShardState::Locked)))
            .collect();
        // The queue comes first: a shard that is complete only because nobody queued its blobs would be attested.
        let to_fill = if gained.is_empty() {
            0
        } else {
            self.queue_certified(view.epoch())?
        };
        let fresh = if to_fill == 0 {
            ShardState::Active
        } else {
            ShardState::Recovering
        };
        for shard in &gained {
            storage.set_shard_state(*shard, fresh)?;
        }
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
        let status = match (view.is_member(), to_fill) {
            (false, _) => NodeStatus::Standby,
            (true, 0) => NodeStatus::Active,
            (true, _) if view.previous_shards.is_empty() => NodeStatus::RecoverMetadata,
            (true, _) => NodeStatus::Active,
        };
        storage.set_node_status(status)
    }
}
