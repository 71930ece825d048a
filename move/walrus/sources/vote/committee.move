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
public(package) fun first(node_ids: &vector<ID>, counts: &vector<u16>): Committee {
    let order = sort::ascending(&sort::keys(node_ids));
    let mut committee = vec_map::empty();
    let mut next_shard = 0;
    order.do!(|i| {
        let count = counts[i];
        if (count == 0) return;
        committee.insert(node_ids[i], vector::tabulate!(count as u64, |shard| next_shard + (shard as u16)));
        next_shard = next_shard + count;
    });
    Committee(committee)
}

/// Creates the committee that follows `cmt` and has the target counts `counts` for `node_ids`, which are all different. Free
/// shards go to new nodes in the order of `node_ids`, then to growing ones in the order of `cmt`. Aborts
/// `EInvalidShardAssignment` (0) when the number of shards changes.
///
/// All passes over the nodes are linear in sorted order: only the result is built by a map, which searches itself for every
/// entry it is given.
public(package) fun next(cmt: &Committee, node_ids: &vector<ID>, counts: &vector<u16>): Committee {
    let keys = sort::keys(node_ids);
    let order = sort::ascending(&keys);
    let (targets, is_member) = cmt.targets(&keys, &order, counts);
    let mut free = vector[];
    let mut shard_sum = 0;
    let mut kept = vector::tabulate!(cmt.size(), |i| {
        let (_, shards) = cmt.0.get_entry_by_idx(i);
        let mut shards = *shards;
        shard_sum = shard_sum + shards.length();
        if (targets[i] == 0) {
            free.append(shards);
            return vector[]
        };
        while (shards.length() > targets[i]) free.push_back(shards.pop_back());
        shards
    });
    let mut target_sum = 0u64;
    counts.do_ref!(|count| target_sum = target_sum + (*count as u64));
    assert!(shard_sum == target_sum, EInvalidShardAssignment);

    let joined = vector::tabulate!(node_ids.length(), |i| {
        let count = if (is_member[i]) 0 else counts[i];
        vector::tabulate!(count as u64, |_| free.pop_back())
    });
    targets.length().do!(|i| {
        let shards = &mut kept[i];
        while (shards.length() < targets[i]) shards.push_back(free.pop_back());
    });
    cmt.merge(kept, &order, node_ids, joined)
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
    cmt.position(node_id).is_some()
}

/// Number of shards of a node, 0 if it is not in the committee.
public(package) fun weight(cmt: &Committee, node_id: &ID): u16 {
    cmt.position(node_id).map!(|i| {
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

/// The nodes and their stakes, which are in the order of rank, without those that would be one too many: of the nodes that are
/// not in `cmt` only the first `max_joining` stay.
public(package) fun limit_joining(
    cmt: &Committee,
    node_ids: vector<ID>,
    stakes: vector<u64>,
    max_joining: u64,
): (vector<ID>, vector<u64>) {
    if (node_ids.length() <= max_joining) return (node_ids, stakes);
    let keys = sort::keys(&node_ids);
    let (_, is_member) = cmt.targets(&keys, &sort::ascending(&keys), &node_ids.map_ref!(|_| 0));
    let (mut kept, mut kept_stakes) = (vector[], vector[]);
    let mut joining = 0;
    node_ids.length().do!(|i| {
        if (!is_member[i]) {
            if (joining == max_joining) return;
            joining = joining + 1;
        };
        kept.push_back(node_ids[i]);
        kept_stakes.push_back(stakes[i]);
    });
    (kept, kept_stakes)
}

// === Private Functions ===

/// Where a node is in the committee, by binary search: subsidies ask for every node that is paid.
fun position(cmt: &Committee, node_id: &ID): Option<u64> {
    let key = sort::key(node_id);
    let (mut low, mut high) = (0, cmt.size());
    while (low < high) {
        let middle = (low + high) / 2;
        let (other, _) = cmt.0.get_entry_by_idx(middle);
        let other = sort::key(other);
        if (other == key) return option::some(middle);
        if (other < key) low = middle + 1 else high = middle;
    };
    option::none()
}

/// The target count of every member, 0 for one that is not among the nodes, and whether each of the nodes is a member. `order`
/// sorts `keys`, which are those of the nodes.
fun targets(
    cmt: &Committee,
    keys: &vector<u256>,
    order: &vector<u64>,
    counts: &vector<u16>,
): (vector<u64>, vector<bool>) {
    let mut is_member = keys.map_ref!(|_| false);
    let mut j = 0;
    let targets = vector::tabulate!(cmt.size(), |i| {
        let (node_id, _) = cmt.0.get_entry_by_idx(i);
        let key = sort::key(node_id);
        while (j < order.length() && keys[order[j]] < key) j = j + 1;
        if (j < order.length() && keys[order[j]] == key) {
            *&mut is_member[order[j]] = true;
            counts[order[j]] as u64
        } else 0
    });
    (targets, is_member)
}

/// The committee of the members with the shards they keep and of the nodes with the shards they get, by one merge of the two
/// sorted lists; who has none is left out.
fun merge(
    cmt: &Committee,
    kept: vector<vector<u16>>,
    order: &vector<u64>,
    node_ids: &vector<ID>,
    joined: vector<vector<u16>>,
): Committee {
    let mut committee = vec_map::empty();
    let mut j = 0;
    cmt.size().do!(|i| {
        if (kept[i].is_empty()) return;
        let (node_id, _) = cmt.0.get_entry_by_idx(i);
        let key = sort::key(node_id);
        while (j < order.length() && sort::key(&node_ids[order[j]]) < key) {
            let node = order[j];
            if (!joined[node].is_empty()) committee.insert(node_ids[node], joined[node]);
            j = j + 1;
        };
        committee.insert(*node_id, kept[i]);
    });
    while (j < order.length()) {
        let node = order[j];
        if (!joined[node].is_empty()) committee.insert(node_ids[node], joined[node]);
        j = j + 1;
    };
    Committee(committee)
}

// === Test-Only Functions ===

/// As `first`.
#[test_only]
public fun initialize(assigned: VecMap<ID, u16>): Committee {
    let (node_ids, counts) = assigned.into_keys_values();
    first(&node_ids, &counts)
}

/// As `next`.
#[test_only]
public fun transition(cmt: &Committee, assigned: VecMap<ID, u16>): Committee {
    let (node_ids, counts) = assigned.into_keys_values();
    cmt.next(&node_ids, &counts)
}

/// A committee that need not keep the invariants.
#[test_only]
public fun new_for_testing(shards: VecMap<ID, vector<u16>>): Committee {
    Committee(shards)
}
