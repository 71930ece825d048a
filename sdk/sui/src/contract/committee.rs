//! Committees joined with the nodes' addresses and keys.

use std::collections::BTreeMap;

use sui_sdk_types::Address;
use walrus_core::{BlsPublicKey, ShardIndex};

use crate::objects::{BlsCommittee, CommitteeShards, EpochState, StakingPool, StorageNodeInfo};

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
    pub fn new(
        epoch: u32,
        n_shards: u16,
        shards: &CommitteeShards,
        pools: &BTreeMap<Address, StakingPool>,
        keys: Keys<'_>,
    ) -> Self {
        let member = |(node_id, shards): (&Address, &Vec<ShardIndex>)| {
            let info = pools.get(node_id).map(|pool| &pool.node_info);
            CommitteeMember {
                node_id: *node_id,
                weight: u16::try_from(shards.len()).unwrap_or(u16::MAX),
                shards: shards.clone(),
                public_key: keys.of(*node_id, info).unwrap_or_default(),
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

/// Where the BLS keys of a committee are found.
#[derive(Debug, Clone, Copy)]
pub enum Keys<'a> {
    /// In the committee that certificates are checked with. The only truth about the current epoch.
    Signers(&'a BlsCommittee),
    /// In the pools: what the nodes use now. For committees whose certificates nobody checks.
    OfPools,
    /// In the pools: what the nodes announced for the next epoch.
    NextOfPools,
}

impl Keys<'_> {
    /// The key of a node, uncompressed.
    fn of(&self, node_id: Address, info: Option<&StorageNodeInfo>) -> Option<Vec<u8>> {
        let key = match self {
            Self::Signers(committee) => {
                let mut members = committee.members.iter();
                &members.find(|m| m.node_id == node_id)?.public_key
            }
            Self::OfPools => &info?.public_key,
            Self::NextOfPools => info?
                .next_epoch_public_key
                .as_ref()
                .unwrap_or(&info?.public_key),
        };
        Some(key.bytes.clone())
    }
}

impl CommitteeMember {
    /// The BLS key in compressed form, as messages and signatures use it; `None` when the chain holds no
    /// finite point for this member. Whether the point is on the curve is checked by whoever verifies with it.
    pub fn bls_public_key(&self) -> Option<BlsPublicKey> {
        compress_g1(&self.public_key).map(BlsPublicKey)
    }
}

impl StorageNodeInfo {
    /// The BLS key in compressed form; see [`CommitteeMember::bls_public_key`].
    pub fn bls_public_key(&self) -> Option<BlsPublicKey> {
        compress_g1(&self.public_key.bytes).map(BlsPublicKey)
    }

    /// The BLS key that was announced for the next epoch, if any, in compressed form.
    pub fn next_bls_public_key(&self) -> Option<BlsPublicKey> {
        let next = self.next_epoch_public_key.as_ref()?;
        compress_g1(&next.bytes).map(BlsPublicKey)
    }
}

/// Half of the order of BLS12-381's base field, rounded down, big-endian.
const HALF_FIELD: [u8; 48] = [
    0x0d, 0x00, 0x88, 0xf5, 0x1c, 0xbf, 0xf3, 0x4d, 0x25, 0x8d, 0xd3, 0xdb, 0x21, 0xa5, 0xd6, 0x6b,
    0xb2, 0x3b, 0xa5, 0xc2, 0x79, 0xc2, 0x89, 0x5f, 0xb3, 0x98, 0x69, 0x50, 0x7b, 0x58, 0x7b, 0x12,
    0x0f, 0x55, 0xff, 0xff, 0x58, 0xa9, 0xff, 0xff, 0xdc, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xd5, 0x55,
];

/// Compresses an uncompressed G1 point: the x coordinate, and in its three spare bits that it is compressed and
/// whether y is the larger of the two roots.
fn compress_g1(uncompressed: &[u8]) -> Option<[u8; 48]> {
    let (x, y) = uncompressed.split_at_checked(48)?;
    let mut compressed: [u8; 48] = x.try_into().ok()?;
    let y: &[u8; 48] = y.try_into().ok()?;
    let flags = compressed.first_mut()?;
    // A flag bit that is set means compressed, or the point at infinity, which is no key.
    if *flags & 0xe0 != 0 {
        return None;
    }
    *flags |= if *y > HALF_FIELD { 0xa0 } else { 0x80 };
    Some(compressed)
}
