/// Shares of the rewards of an epoch: who gets what.
///
/// A node earns in proportion to `weight * (used capacity - size of its deny list)`. All shares are rounded down.
///
/// Keeps no state. Invariant: the shares never add up to more than the rewards; what rounding leaves is the caller's.
///
/// Specification: contracts, section 8.7.
module walrus::reward_distribution;

use sui::balance::Balance;
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::bls_aggregate::BlsCommittee;

// === Package Functions ===

/// Splits the rewards of the members of `committee` off `funds`, in member order. `deny_list_sizes` and `used_capacity` are in
/// encoded bytes.
public(package) fun split_rewards(
    committee: &BlsCommittee,
    deny_list_sizes: &VecMap<ID, u64>,
    used_capacity: u64,
    funds: &mut Balance<WAL>,
): VecMap<ID, Balance<WAL>> {
    // 256 bits: the product of shares and rewards does not fit 128 bits for large capacities.
    let mut total_shares = 0u256;
    let mut shares = vector[];
    let members = committee.members();
    members.length().do!(|i| {
        let member = &members[i];
        let denied = deny_list_sizes.try_get(&member.node_id()).destroy_or!(0).min(used_capacity);
        let share = (member.weight() as u256) * ((used_capacity - denied) as u256);
        total_shares = total_shares + share;
        shares.push_back(share);
    });
    let total_shares = total_shares.max(1);
    let total_rewards = funds.value() as u256;

    let mut rewards = vec_map::empty<ID, Balance<WAL>>();
    members.length().do!(|i| {
        let reward = (shares[i] * total_rewards / total_shares) as u64;
        rewards.insert(members[i].node_id(), funds.split(reward));
    });
    rewards
}
