//! Committees, as the node last saw them.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use walrus_core::{Epoch, ShardIndex};
use walrus_sui::{
    Address,
    contract::{Committee, Committees},
};

/// The committees of one moment, seen by one node.
#[derive(Debug, Clone)]
pub struct CommitteeView {
    /// What the chain says.
    pub committees: Committees,
    /// Shards assigned to this node in the current epoch.
    pub own_shards: BTreeSet<ShardIndex>,
    /// Shards assigned to this node in the epoch before.
    pub previous_shards: BTreeSet<ShardIndex>,
}

impl CommitteeView {
    /// The view of a node. Its ID decides which shards it has, not its key: a node that is not known by the key that it was started with
    /// cannot sign until it has started with the other one, and keeps what it stores. Node spec 5.4.
    pub fn new(committees: Committees, node_id: Address) -> Self {
        let shards = |committee: Option<&Committee>| {
            committee
                .into_iter()
                .flat_map(|committee| &committee.members)
                .find(|member| member.node_id == node_id)
                .map(|member| member.shards.iter().copied().collect())
                .unwrap_or_default()
        };
        Self {
            own_shards: shards(Some(&committees.current)),
            previous_shards: shards(committees.previous.as_ref()),
            committees,
        }
    }

    /// The current epoch.
    pub fn epoch(&self) -> Epoch {
        self.committees.epoch
    }

    /// Whether the node is in the current committee.
    pub fn is_member(&self) -> bool {
        !self.own_shards.is_empty()
    }
}

/// Holds the latest [`CommitteeView`].
#[derive(Debug)]
pub struct CommitteeHolder {
    view: RwLock<Arc<CommitteeView>>,
}

impl CommitteeHolder {
    /// Starts with this view.
    pub fn new(view: CommitteeView) -> Self {
        Self {
            view: RwLock::new(Arc::new(view)),
        }
    }

    /// The latest view.
    pub fn get(&self) -> Arc<CommitteeView> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the view.
    pub fn set(&self, view: CommitteeView) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
    }
}
