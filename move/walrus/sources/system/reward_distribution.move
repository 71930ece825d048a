/// Who gets what of the rewards of an epoch, and the deny lists that reduce it.
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
use walrus::absent_deny_lists::{Self, AbsentDenyList};
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
    let shares = committee.members().map_ref!(|member| {
        let denied = deny_list_sizes.try_get(&member.node_id()).destroy_or!(0).min(used_capacity);
        let share = (member.weight() as u256) * ((used_capacity - denied) as u256);
        total_shares = total_shares + share;
        share
    });
    let total_shares = total_shares.max(1);
    let total_rewards = funds.value() as u256;

    let mut rewards = vec_map::empty<ID, Balance<WAL>>();
    committee.members().zip_do_ref!(&shares, |member, share| {
        let reward = (*share * total_rewards / total_shares) as u64;
        rewards.insert(member.node_id(), funds.split(reward));
    });
    rewards
}

/// Records the size of a node's deny list.
public(package) fun set_deny_list_size(sizes: &mut VecMap<ID, u64>, node_id: ID, size: u64) {
    if (sizes.contains(&node_id)) {
        *sizes.get_mut(&node_id) = size;
    } else {
        sizes.insert(node_id, size);
    }
}

/// Removes and returns the deny lists of nodes that are neither in the committee nor in the one before, `previous`: they earn
/// nothing that could be reduced.
public(package) fun shed_deny_lists(
    sizes: &mut VecMap<ID, u64>,
    committee: &BlsCommittee,
    previous: &BlsCommittee,
): vector<AbsentDenyList> {
    let mut shed = vector[];
    // As long as there are not more lists than members the search is not worth its cost.
    if (sizes.length() <= committee.n_members()) return shed;
    let mut i = 0;
    while (i < sizes.length()) {
        let (node_id, _) = sizes.get_entry_by_idx(i);
        if (committee.contains(node_id) || previous.contains(node_id)) {
            i = i + 1;
        } else {
            let (node_id, size) = sizes.remove_entry_by_idx(i);
            shed.push_back(absent_deny_lists::new(node_id, size));
        }
    };
    shed
}
