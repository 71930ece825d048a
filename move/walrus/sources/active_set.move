/// The nodes with the most stake: the candidates for the next committee.
///
/// Invariants
/// 1. At most `max_size` entries, one per node.
/// 2. Every entry holds more than zero and at least `threshold_stake`.
/// 3. `total_stake` is the sum of the entries.
///
/// The set is unordered; `ranked` gives the order that breaks ties in the apportionment. A node that is evicted does not come
/// back by itself, but with its next stake operation or `staking::try_join_active_set`.
///
/// Life cycle: created with the staking state and kept forever; every change of a node's stake updates its entry, and the end
/// of each vote reads the whole set.
///
/// Specification: contracts, section 7.13.
module walrus::active_set;

// === Errors ===

/// A set without room.
const EZeroMaxSize: u64 = 0;
/// The node is in the set already.
const EDuplicateInsertion: u64 = 1;

// === Structs ===

/// A node with the stake it will have in the next open epoch, in FROST.
public struct ActiveSetEntry has copy, drop, store {
    node_id: ID,
    staked_amount: u64,
}

/// The set.
public struct ActiveSet has copy, drop, store {
    max_size: u16,
    threshold_stake: u64,
    nodes: vector<ActiveSetEntry>,
    total_stake: u64,
}

// === Constructors ===

/// Creates an empty set for `max_size` nodes with at least `threshold_stake` FROST each. Aborts `EZeroMaxSize` (0).
public(package) fun new(max_size: u16, threshold_stake: u64): ActiveSet {
    assert!(max_size > 0, EZeroMaxSize);
    ActiveSet { max_size, threshold_stake, nodes: vector[], total_stake: 0 }
}

// === Package Functions ===

/// Sets the stake of a node and returns whether the node is in the set afterwards. A full set replaces its first entry
/// with the smallest stake if that is smaller than `staked_amount`.
public(package) fun insert_or_update(set: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    if (staked_amount == 0 || staked_amount < set.threshold_stake) {
        set.remove(node_id);
        return false
    };
    let position = set.position(node_id);
    if (position.is_some()) {
        set.replace(position.destroy_some(), ActiveSetEntry { node_id, staked_amount });
        return true
    };
    set.insert(node_id, staked_amount)
}

/// Removes a node, if it is in the set.
public(package) fun remove(set: &mut ActiveSet, node_id: ID) {
    set.position(node_id).do!(|position| {
        let entry = set.nodes.swap_remove(position);
        set.total_stake = set.total_stake - entry.staked_amount;
    })
}

/// How many nodes the set has room for.
public(package) fun max_size(set: &ActiveSet): u16 {
    set.max_size
}

/// Changes how many nodes the set has room for; nodes that are in the set stay. Aborts `EZeroMaxSize` (0).
public(package) fun set_max_size(set: &mut ActiveSet, max_size: u16) {
    assert!(max_size > 0, EZeroMaxSize);
    set.max_size = max_size;
}

/// How many nodes are in the set.
public(package) fun size(set: &ActiveSet): u64 {
    set.nodes.length()
}

/// Sum of the stakes in FROST.
public(package) fun total_stake(set: &ActiveSet): u64 {
    set.total_stake
}

/// The nodes and their stakes, the largest stake first, among equal ones the smallest node ID. Unlike the order of the set
/// this one does not change for the nodes that stay when another leaves.
public(package) fun ranked(set: &ActiveSet): (vector<ID>, vector<u64>) {
    let mut nodes = set.nodes;
    nodes.merge_sort_by!(|a, b| {
        a.staked_amount > b.staked_amount || (
            a.staked_amount == b.staked_amount && a.node_id.to_address().to_u256() <= b.node_id.to_address().to_u256()
        )
    });
    (nodes.map_ref!(|entry| entry.node_id), nodes.map_ref!(|entry| entry.staked_amount))
}

// === Private Functions ===

/// Adds a node that is not in the set, if there is room or an entry with a smaller stake.
fun insert(set: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    // One pass: this runs once per node in the transaction that changes the epoch.
    let (mut smallest, mut least) = (0, 0);
    set.nodes.length().do!(|position| {
        let present = &set.nodes[position];
        assert!(present.node_id != node_id, EDuplicateInsertion);
        if (position == 0 || present.staked_amount < least) {
            smallest = position;
            least = present.staked_amount;
        };
    });
    let entry = ActiveSetEntry { node_id, staked_amount };
    if (set.nodes.length() < set.max_size as u64) {
        set.total_stake = set.total_stake + staked_amount;
        set.nodes.push_back(entry);
        return true
    };
    if (least >= staked_amount) return false;
    set.replace(smallest, entry);
    true
}

/// Replaces the entry at a position.
fun replace(set: &mut ActiveSet, position: u64, entry: ActiveSetEntry) {
    let previous = set.nodes[position].staked_amount;
    set.total_stake = set.total_stake - previous + entry.staked_amount;
    *&mut set.nodes[position] = entry;
}

/// Where a node is in the set.
fun position(set: &ActiveSet, node_id: ID): Option<u64> {
    set.nodes.find_index!(|entry| entry.node_id == node_id)
}

// === Test-Only Functions ===

/// The nodes and their stakes, in the order of the set.
#[test_only]
public fun active_ids_and_stake(set: &ActiveSet): (vector<ID>, vector<u64>) {
    (set.nodes.map_ref!(|entry| entry.node_id), set.nodes.map_ref!(|entry| entry.staked_amount))
}

/// Adds a node without looking whether it is in the set.
#[test_only]
public fun insert_for_testing(set: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    set.insert(node_id, staked_amount)
}
