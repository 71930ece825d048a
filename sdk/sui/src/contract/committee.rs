//! Committees joined with the nodes' addresses and keys.

use std::collections::BTreeMap;

use sui_sdk_types::Address;
use walrus_core::{BlsPublicKey, ShardIndex, network_key::NetworkPublicKey};

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
    /// The key of its signatures. `None` when the chain holds no finite point for it: nothing that it signs counts. Whether the
    /// point is on the curve is checked by whoever verifies with it.
    pub public_key: Option<BlsPublicKey>,
    /// The key of its TLS certificate. `None` when the chain holds no point of the curve for it: it cannot be reached.
    pub network_public_key: Option<NetworkPublicKey>,
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
                public_key: keys.of(*node_id, info),
                network_public_key: info.and_then(StorageNodeInfo::network_key),
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
    /// The key of a node.
    fn of(&self, node_id: Address, info: Option<&StorageNodeInfo>) -> Option<BlsPublicKey> {
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
        compress_g1(&key.bytes).map(BlsPublicKey)
    }
}

impl StorageNodeInfo {
    /// The BLS key in compressed form; see [`CommitteeMember::public_key`].
    pub fn bls_public_key(&self) -> Option<BlsPublicKey> {
        compress_g1(&self.public_key.bytes).map(BlsPublicKey)
    }

    /// The TLS key; see [`CommitteeMember::network_public_key`].
    pub fn network_key(&self) -> Option<NetworkPublicKey> {
        NetworkPublicKey::from_sec1(&self.network_public_key).ok()
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

#[cfg(test)]
mod tests {
    use walrus_core::network_key::NetworkKeyPair;

    use super::*;
    use crate::objects::{BlsCommitteeMember, Element, ExtendedField, VecMap, VecMapEntry};

    /// What a node has on chain, with these bytes for keys.
    fn info(public_key: &[u8], network_public_key: &[u8]) -> StorageNodeInfo {
        StorageNodeInfo {
            name: String::new(),
            node_id: Address::ZERO,
            network_address: String::new(),
            public_key: Element {
                bytes: public_key.to_vec(),
            },
            next_epoch_public_key: None,
            network_public_key: network_public_key.to_vec(),
            metadata: ExtendedField { id: Address::ZERO },
        }
    }

    #[test]
    fn bytes_that_are_no_key_are_none() {
        let network = NetworkKeyPair::from_secret_bytes(&[7; 32])
            .unwrap()
            .public_key();
        // The point at infinity, and the same with a flag that is set.
        for bls in [&[][..], &[1; 95], &[0x40; 96]] {
            for tls in [&[][..], &network.0[1..], &[9; 33]] {
                let info = info(bls, tls);
                assert_eq!(Keys::OfPools.of(Address::ZERO, Some(&info)), None);
                assert_eq!(info.network_key(), None);
            }
        }
        let info = info(&[1; 96], &network.0);
        assert!(Keys::OfPools.of(Address::ZERO, Some(&info)).is_some());
        assert_eq!(info.network_key(), Some(network));
    }

    #[test]
    fn members_whose_pools_are_not_there_keep_their_places() {
        let ids = [1, 2, 3].map(|byte| Address::new([byte; 32]));
        let signers = BlsCommittee {
            members: vec![BlsCommitteeMember {
                public_key: Element { bytes: vec![1; 96] },
                weight: 1,
                node_id: ids[1],
            }],
            n_shards: 3,
            epoch: 7,
            total_aggregated_key: Element { bytes: Vec::new() },
        };
        let contents = ids.map(|key| VecMapEntry {
            key,
            value: Vec::new(),
        });
        let shards = CommitteeShards(VecMap {
            contents: contents.to_vec(),
        });
        let committee = Committee::new(7, 3, &shards, &BTreeMap::new(), Keys::Signers(&signers));
        let members: Vec<_> = committee
            .members
            .iter()
            .map(|member| (member.node_id, member.public_key.is_some()))
            .collect();
        assert_eq!(members, [(ids[0], false), (ids[1], true), (ids[2], false)]);
        let mut keys = committee
            .members
            .iter()
            .map(|member| member.network_public_key);
        assert!(keys.all(|key| key.is_none()));
    }
}
