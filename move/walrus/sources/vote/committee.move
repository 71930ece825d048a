/// Committee of an epoch: which node holds which shards.
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
    let mut committee = vec_map::empty();
    let mut next_shard = 0;
    sort::by_node_id(node_ids).do!(|i| {
        let mut shards = vector[];
        while (shards.length() < counts[i] as u64) {
            shards.push_back(next_shard);
            next_shard = next_shard + 1;
        };
        if (counts[i] > 0) committee.insert(node_ids[i], shards);
    });
    Committee(committee)
}

/// Creates the committee that follows `cmt` and has the target counts `counts` for `node_ids`, which are all different. Free
/// shards go to new nodes in the order of `node_ids`, then to growing ones in the order of `cmt`. Aborts
/// `EInvalidShardAssignment` (0) when the number of shards changes.
///
/// Members are found by binary search: only the result is built by a map, which searches itself for every entry it is given.
public(package) fun next(cmt: &Committee, node_ids: &vector<ID>, counts: &vector<u16>): Committee {
    let (n_members, n_nodes) = (cmt.size(), node_ids.length());
    let positions = cmt.positions(node_ids);
    // Where the members are in `node_ids`, if they are.
    let mut places = vector::tabulate!(n_members, |_| n_nodes);
    let mut target_sum = 0;
    n_nodes.do!(|i| {
        if (positions[i] < n_members) *&mut places[positions[i]] = i;
        target_sum = target_sum + (counts[i] as u64);
    });

    let mut assigned = vector::tabulate!(n_nodes, |_| vector[]);
    let (mut free, mut shard_sum) = (vector[], 0);
    n_members.do!(|member| {
        let (_, shards) = cmt.0.get_entry_by_idx(member);
        let mut shards = *shards;
        shard_sum = shard_sum + shards.length();
        let i = places[member];
        if (i == n_nodes || counts[i] == 0) free.append(shards)
        else {
            while (shards.length() > counts[i] as u64) free.push_back(shards.pop_back());
            *&mut assigned[i] = shards;
        }
    });
    assert!(shard_sum == target_sum, EInvalidShardAssignment);

    n_nodes.do!(|i| if (positions[i] == n_members) fill(&mut assigned[i], counts[i], &mut free));
    places.do!(|i| if (i < n_nodes) fill(&mut assigned[i], counts[i], &mut free));
    let mut committee = vec_map::empty();
    sort::by_node_id(node_ids).do!(|i| {
        if (counts[i] > 0) committee.insert(node_ids[i], assigned[i]);
    });
    Committee(committee)
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
    cmt.position(node_id) < cmt.size()
}

/// Number of shards of a node, 0 if it is not in the committee.
public(package) fun weight(cmt: &Committee, node_id: &ID): u16 {
    let position = cmt.position(node_id);
    if (position == cmt.size()) return 0;
    let (_, shards) = cmt.0.get_entry_by_idx(position);
    shards.length() as u16
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

/// Which of `node_ids`, none of which is there twice, are members; and the members that are not among them, in the order of the
/// committee.
public(package) fun compare(cmt: &Committee, node_ids: &vector<ID>): (vector<bool>, vector<ID>) {
    let size = cmt.size();
    let mut is_absent = vector::tabulate!(size, |_| true);
    let is_member = cmt.positions(node_ids).map!(|position| {
        let is_member = position < size;
        if (is_member) *&mut is_absent[position] = false;
        is_member
    });
    let mut absent = vector[];
    size.do!(|i| {
        let (node_id, _) = cmt.0.get_entry_by_idx(i);
        if (is_absent[i]) absent.push_back(*node_id);
    });
    (is_member, absent)
}

/// The nodes and their stakes, which are in the order of rank, without those that would be one too many: of the nodes that are
/// no members, as `compare` says it, only the first `max_joining` stay.
public(package) fun limit_joining(
    node_ids: vector<ID>,
    stakes: vector<u64>,
    is_member: vector<bool>,
    max_joining: u64,
): (vector<ID>, vector<u64>) {
    if (node_ids.length() <= max_joining) return (node_ids, stakes);
    let (mut kept, mut kept_stakes) = (vector[], vector[]);
    let mut joining = 0;
    is_member.length().do!(|i| {
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

/// Adds free shards, the last ones first, until there are `count`.
fun fill(shards: &mut vector<u16>, count: u16, free: &mut vector<u16>) {
    while (shards.length() < count as u64) shards.push_back(free.pop_back());
}

/// Where a node is in the committee; the number of members if it is none. A binary search.
fun position(cmt: &Committee, node_id: &ID): u64 {
    let key = sort::key(node_id);
    let (mut low, mut high) = (0, cmt.size());
    while (low < high) {
        let middle = (low + high) / 2;
        let (other, _) = cmt.0.get_entry_by_idx(middle);
        let other = sort::key(other);
        if (other == key) return middle;
        if (other < key) low = middle + 1 else high = middle;
    };
    cmt.size()
}

/// As `position`, of many nodes.
fun positions(cmt: &Committee, node_ids: &vector<ID>): vector<u64> {
    node_ids.map_ref!(|node_id| cmt.position(node_id))
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
