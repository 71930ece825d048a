/// Which node holds which shards.
///
/// Invariants
/// 1. The nodes are sorted by node ID. The BLS committee has the same order.
/// 2. Every shard index from 0 up to the number of shards belongs to exactly one node; no node is without shards.
///
/// A transition moves as few shards as the target counts allow: a shard leaves its node only if the node shrinks or
/// leaves.
///
/// Life cycle: selected when a vote ends, current for one epoch, kept as the previous one for another; never edited.
///
/// Specification: contracts, sections 8.4 and 8.12.
module walrus::committee;

use sui::vec_map::{Self, VecMap};
use walrus::sort;

// === Errors ===

/// A transition would change the number of shards.
const EInvalidShardAssignment: u64 = 0;

// === Structs ===

/// Node ID to shard indices.
public struct Committee(VecMap<ID, vector<u16>>) has copy, drop, store;

// === Constructors ===

/// The committee without nodes.
public(package) fun empty(): Committee {
    Committee(vec_map::empty())
}

/// Creates the first committee: shard indices are handed out consecutively in the order of node IDs. Nodes that are
/// assigned zero shards are left out.
public(package) fun initialize(assigned: VecMap<ID, u16>): Committee {
    let mut committee = vec_map::empty();
    let mut next_shard = 0;
    let (node_ids, counts) = sort::sort_vec_map_by_node_id!(assigned).into_keys_values();
    node_ids.zip_do!(counts, |node_id, count| {
        if (count == 0) return;
        committee.insert(node_id, vector::tabulate!(count as u64, |i| next_shard + (i as u16)));
        next_shard = next_shard + count;
    });
    Committee(committee)
}

/// Creates the committee that follows `cmt` and has the target counts `assigned`. Aborts `EInvalidShardAssignment` (0) when
/// the number of shards changes.
public(package) fun transition(cmt: &Committee, mut assigned: VecMap<ID, u16>): Committee {
    let mut target_sum = 0u64;
    assigned.length().do!(|i| {
        let (_, count) = assigned.get_entry_by_idx(i);
        target_sum = target_sum + (*count as u64);
    });
    let mut free = vector[];
    let mut next = vec_map::empty();
    let mut shard_sum = 0u64;

    cmt.size().do!(|i| {
        let (node_id, shards) = cmt.0.get_entry_by_idx(i);
        shard_sum = shard_sum + shards.length();
        let (target, wanted) = take_target(&mut assigned, node_id);
        if (target == 0) return free.append(*shards);
        let mut kept = *shards;
        if (target < kept.length()) (kept.length() - target).do!(|_| free.push_back(kept.pop_back()));
        if (target > kept.length()) assigned.insert(*node_id, wanted) else next.insert(*node_id, kept);
    });
    assert!(shard_sum == target_sum, EInvalidShardAssignment);

    let (node_ids, counts) = assigned.into_keys_values();
    node_ids.zip_do!(counts, |node_id, count| {
        if (count == 0) return;
        let mut shards = cmt.0.try_get(&node_id).destroy_or!(vector[]);
        (count as u64 - shards.length()).do!(|_| shards.push_back(free.pop_back()));
        next.insert(node_id, shards);
    });
    Committee(sort::sort_vec_map_by_node_id!(next))
}

// === Public Functions ===

#[syntax(index)]
/// The shards of a node.
///
/// #### Parameters
/// - `cmt`: the committee.
/// - `node_id`: the node.
///
/// #### Returns
/// The node's shard indices.
///
/// #### Aborts
/// In `0x2::vec_map` when the node is not in the committee.
public fun shards(cmt: &Committee, node_id: &ID): &vector<u16> {
    cmt.0.get(node_id)
}

/// Returns the number of nodes. Never aborts.
public fun size(cmt: &Committee): u64 {
    cmt.0.length()
}

/// Returns the map of node IDs to shard indices, sorted by node ID. Never aborts.
public fun inner(cmt: &Committee): &VecMap<ID, vector<u16>> {
    &cmt.0
}

/// Returns a copy of the map of node IDs to shard indices, sorted by node ID. Never aborts.
public fun to_inner(cmt: &Committee): VecMap<ID, vector<u16>> {
    cmt.0
}

// === Package Functions ===

/// Whether a node is in the committee.
public(package) fun contains(cmt: &Committee, node_id: &ID): bool {
    cmt.0.contains(node_id)
}

/// Number of shards of a node, 0 if it is not in the committee.
public(package) fun weight(cmt: &Committee, node_id: &ID): u16 {
    cmt.0.get_idx_opt(node_id).map!(|i| {
        let (_, shards) = cmt.0.get_entry_by_idx(i);
        shards.length() as u16
    }).destroy_or!(0)
}

/// Calls `$f` with ID and weight of every node, in the order of the committee.
public(package) macro fun for_each_weight($cmt: &Committee, $f: |ID, u16|) {
    let cmt = $cmt;
    let nodes = cmt.inner();
    nodes.length().do!(|i| {
        let (node_id, shards) = nodes.get_entry_by_idx(i);
        $f(*node_id, shards.length() as u16);
    })
}

/// The nodes only in `left` and the nodes only in `right`, by one merge of the two sorted lists.
public(package) fun diff(left: &Committee, right: &Committee): (vector<ID>, vector<ID>) {
    let (left, right) = (left.0.keys(), right.0.keys());
    let (mut only_left, mut only_right) = (vector[], vector[]);
    let (mut i, mut j) = (0, 0);
    while (i < left.length() && j < right.length()) {
        let (l, r) = (left[i].to_address().to_u256(), right[j].to_address().to_u256());
        if (l == r) {
            i = i + 1;
            j = j + 1;
        } else if (l < r) {
            only_left.push_back(left[i]);
            i = i + 1;
        } else {
            only_right.push_back(right[j]);
            j = j + 1;
        }
    };
    while (i < left.length()) {
        only_left.push_back(left[i]);
        i = i + 1;
    };
    while (j < right.length()) {
        only_right.push_back(right[j]);
        j = j + 1;
    };
    (only_left, only_right)
}

// === Private Functions ===

/// Takes the target count of a node out of the map, 0 if there is none; as `u64` and as it was.
fun take_target(assigned: &mut VecMap<ID, u16>, node_id: &ID): (u64, u16) {
    let index = assigned.get_idx_opt(node_id);
    if (index.is_none()) return (0, 0);
    let (_, count) = assigned.remove_entry_by_idx(index.destroy_some());
    (count as u64, count)
}

// === Test-Only Functions ===

/// A committee that need not keep the invariants.
#[test_only]
public fun new_for_testing(shards: VecMap<ID, vector<u16>>): Committee {
    Committee(shards)
}
