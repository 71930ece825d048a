//! Shard attestation: when a node may say that it holds its shards of an epoch completely.

use walrus_core::Epoch;

use super::ShardLife;
use crate::{
    committee::CommitteeView,
    storage::{StorageError, records::ShardState},
};

impl ShardLife {
    /// The epoch whose shards this node holds completely, if there is one to report: the current one, once its beginning is
    /// processed.
    ///
    /// # Errors
    /// [`StorageError`].
    pub fn epoch_to_attest(&self, view: &CommitteeView) -> Result<Option<Epoch>, StorageError> {
        let states = self.storage.shard_states();
        let complete = view
            .own_shards
            .iter()
            .all(|shard| states.get(shard) == Some(&ShardState::Active));
        let caught_up = self.storage.event_epoch()? == view.epoch();
        let ready = view.is_member() && view.epoch() > 0 && caught_up && complete;
        Ok(ready.then(|| view.epoch()))
    }
}
