//! Shard transfers: which gained shards still come from those who had them before. What their slivers are queued for waits as long.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use walrus_core::{Epoch, ShardIndex};

use super::ShardLife;
use crate::{committee::CommitteeView, storage::records::ShardState};

/// How the transfer of a shard ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferEnd {
    /// What the source has of it came, or there is no source.
    Brought,
    /// The source was given up: it is not asked for the shard again in this epoch.
    GivenUp,
}

/// A transfer that is over, and the epoch that it was for.
#[derive(Debug)]
struct Over {
    epoch: Epoch,
    end: TransferEnd,
}

/// The transfers that are over.
#[derive(Debug, Default)]
pub(super) struct Transfers(Mutex<Option<BTreeMap<ShardIndex, Over>>>);

impl Transfers {
    /// `None` while nobody transfers shards.
    fn over(&self) -> MutexGuard<'_, Option<BTreeMap<ShardIndex, Over>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ShardLife {
    /// From now on, gained shards are transferred before what is missing of them is recovered.
    pub(crate) fn expect_transfers(&self) {
        self.transfers.over().get_or_insert_default();
    }

    /// Everything that the transfer of a shard can bring in `epoch` is here; the rest is up to recovery.
    pub(crate) fn end_transfer(&self, shard: ShardIndex, epoch: Epoch, end: TransferEnd) {
        if let Some(over) = self.transfers.over().as_mut() {
            over.insert(shard, Over { epoch, end });
        }
    }

    /// Whether the previous owner of a shard was given up in `epoch`.
    pub(crate) fn has_given_up(&self, shard: ShardIndex, epoch: Epoch) -> bool {
        let over = self.transfers.over();
        let over = over.as_ref().and_then(|over| over.get(&shard));
        over.is_some_and(|over| over.epoch == epoch && over.end == TransferEnd::GivenUp)
    }

    /// The shards of this view that wait for their transfer.
    pub(crate) fn awaiting_transfer(&self, view: &CommitteeView) -> Vec<ShardIndex> {
        let over = self.transfers.over();
        let Some(over) = over.as_ref() else {
            return Vec::new();
        };
        let waits = |shard: &ShardIndex| {
            self.storage.shard_state(*shard) == Some(ShardState::Recovering)
                && over.get(shard).map(|over| over.epoch) != Some(view.epoch())
        };
        view.own_shards.iter().copied().filter(waits).collect()
    }
}
