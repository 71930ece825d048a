//! Committees joined with the nodes' addresses and keys.

use std::collections::BTreeMap;

use sui_sdk_types::Address;
use walrus_core::ShardIndex;

use crate::objects::{CommitteeShards, EpochState, StakingPool};

/// The committees of now, before and next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committees {
    /// The current epoch.
    pub epoch: u32,
    /// Where in the epoch the network is.
    pub epoch_state: EpochState,
    /// The committee of the current epoch.
    pub current: Committee,
    /// The committee of the epoch before; `None` in epochs 0 and 1.
    pub previous: Option<Committee>,
    /// The committee of the next epoch, once it is selected.
    pub next: Option<Committee>,
}

/// The nodes responsible for the shards in one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committee {
    /// The epoch.
    pub epoch: u32,
    /// Number of shards.
    pub n_shards: u16,
    /// Members by ascending node ID; a signer bitmap counts in this order.
    pub members: Vec<CommitteeMember>,
}

/// A storage node in a committee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitteeMember {
    /// ID of the node's pool.
    pub node_id: Address,
    /// Number of shards.
    pub weight: u16,
    /// The shards.
    pub shards: Vec<ShardIndex>,
    /// BLS key, uncompressed G1 (96 bytes).
    pub public_key: Vec<u8>,
    /// TLS key, compressed secp256r1 (33 bytes).
    pub network_public_key: Vec<u8>,
    /// `host:port`.
    pub network_address: String,
    /// Display name.
    pub name: String,
}

impl Committee {
    /// Joins a committee of the staking state with pools. A pool that cannot be found gives a member
    /// without address and keys, so that positions stay those of the signer bitmap.
    ///
    /// `next_keys` says whether the keys of the next epoch apply.
    pub fn new(
        epoch: u32,
        n_shards: u16,
        shards: &CommitteeShards,
        pools: &BTreeMap<Address, StakingPool>,
        next_keys: bool,
    ) -> Self {
        let member = |(node_id, shards): (&Address, &Vec<ShardIndex>)| {
            let info = pools.get(node_id).map(|pool| &pool.node_info);
            CommitteeMember {
                node_id: *node_id,
                weight: u16::try_from(shards.len()).unwrap_or(u16::MAX),
                shards: shards.clone(),
                public_key: info.map_or_else(Vec::new, |info| {
                    let next = info.next_epoch_public_key.as_ref().filter(|_| next_keys);
                    next.unwrap_or(&info.public_key).bytes.clone()
                }),
                network_public_key: info.map_or_else(Vec::new, |i| i.network_public_key.clone()),
                network_address: info.map_or_else(String::new, |i| i.network_address.clone()),
                name: info.map_or_else(String::new, |i| i.name.clone()),
            }
        };
        Self {
            epoch,
            n_shards,
            members: shards.0.iter().map(member).collect(),
        }
    }

    /// The member with this node ID and its position.
    pub fn member(&self, node_id: Address) -> Option<(usize, &CommitteeMember)> {
        self.members
            .iter()
            .enumerate()
            .find(|(_, member)| member.node_id == node_id)
    }

    /// The member responsible for a shard and its position.
    pub fn member_of_shard(&self, shard: ShardIndex) -> Option<(usize, &CommitteeMember)> {
        self.members
            .iter()
            .enumerate()
            .find(|(_, member)| member.shards.contains(&shard))
    }
}
