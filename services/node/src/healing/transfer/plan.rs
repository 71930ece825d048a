//! Transfer plan: which shards are to be transferred, and from whom.

use walrus_core::{Epoch, ShardIndex};
use walrus_node_client::NodeClient;
use walrus_sui::{Address, contract::Committee};

use super::Transfers;
use crate::{
    shards::TransferEnd,
    storage::{StorageError, records::ShardState},
};

/// The transfer of a shard to its owner of one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Job {
    pub(super) shard: ShardIndex,
    /// From when on the shard is this node's.
    pub(super) epoch: Epoch,
    /// Whether that is the next epoch: what comes now is looked through once more when it begins.
    pub(super) ahead: bool,
}

/// A transfer that may go on.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) job: Job,
    /// The epoch of both nodes, which is that of the request.
    pub(super) now: Epoch,
    /// Who has the shard.
    pub(super) source: NodeClient,
    /// That node's ID on chain.
    pub(super) source_id: Address,
}

impl Transfers {
    /// The transfers that may go on now. Those that cannot, since this node had the shard itself or nobody did, are over.
    pub(super) fn plan(&self) -> Result<Vec<Turn>, StorageError> {
        let (view, storage) = (self.holdings.view(), self.holdings.storage());
        let now = view.epoch();
        if storage.event_epoch()? != now {
            return Ok(Vec::new());
        }
        let mut turns = Vec::new();
        for shard in self.shards.awaiting_transfer(&view) {
            let previous = view.committees.previous.as_ref();
            match previous.and_then(|previous| self.owner(previous, shard)) {
                Some((source_id, source)) => turns.push(Turn {
                    job: Job {
                        shard,
                        epoch: now,
                        ahead: false,
                    },
                    now,
                    source,
                    source_id,
                }),
                None => {
                    self.shards.end_transfer(shard, now, TransferEnd::Brought);
                    self.queue_grew.notify_one();
                }
            }
        }
        for shard in self.next_shards() {
            if !matches!(
                storage.shard_state(shard),
                None | Some(ShardState::Recovering)
            ) {
                continue;
            }
            let epoch = now.saturating_add(1);
            if let Some((source_id, source)) = self.owner(&view.committees.current, shard) {
                turns.push(Turn {
                    job: Job {
                        shard,
                        epoch,
                        ahead: true,
                    },
                    now,
                    source,
                    source_id,
                });
            }
        }
        Ok(turns)
    }

    /// The shards that are this node's in the next epoch and not in this one.
    fn next_shards(&self) -> Vec<ShardIndex> {
        let view = self.holdings.view();
        let next = view.committees.next.as_ref();
        let member = next.and_then(|next| {
            let mut members = next.members.iter();
            members.find(|member| member.node_id == self.node_id)
        });
        let shards = member.map(|member| member.shards.iter().copied());
        let shards = shards.into_iter().flatten();
        shards
            .filter(|shard| !view.own_shards.contains(shard))
            .collect()
    }

    /// The owner of a shard, unless it is this node.
    fn owner(&self, committee: &Committee, shard: ShardIndex) -> Option<(Address, NodeClient)> {
        let (_, member) = committee.member_of_shard(shard)?;
        if member.node_id == self.node_id {
            return None;
        }
        Some((member.node_id, self.peers.client(member)?))
    }
}
