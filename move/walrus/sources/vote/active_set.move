/// The nodes with the most stake: the candidates for the next committee.
///
/// Invariants
/// 1. At most `max_size` entries, one per node.
/// 2. Every entry holds more than zero and at least `threshold_stake`.
/// 3. `total_stake` is the sum of the entries.
///
/// The set is unordered; `ranked` gives the order that breaks ties in the apportionment. Who is put out of a full set, or does
/// not fit in, is told to the caller: such nodes wait in `active_set_reserve`.
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

/// What writing a node's stake did.
public enum Placement has drop {
    /// The node is in the set as before, and has not less stake than before.
    Kept,
    /// The node is in the set as before, with less stake: one that is outside may have more now.
    Shrunk,
    /// The node was in the set and is not any more: its place is free.
    Left,
    /// The node is new in the set, in a free place or in that of another, which is out now.
    Entered(Option<ActiveSetEntry>),
    /// The node is not in the set, and was not.
    Outside,
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
    match (set.place(node_id, staked_amount)) {
        Placement::Left | Placement::Outside => false,
        _ => true,
    }
}

/// As `insert_or_update`; tells what it did to the node and to others.
public(package) fun place(set: &mut ActiveSet, node_id: ID, staked_amount: u64): Placement {
    let position = set.position(node_id);
    let suffices = staked_amount > 0 && staked_amount >= set.threshold_stake;
    if (position.is_none()) {
        return if (suffices) set.insert(node_id, staked_amount) else Placement::Outside
    };
    let position = position.destroy_some();
    if (!suffices) {
        set.remove_at(position);
        return Placement::Left
    };
    let previous = set.replace(position, ActiveSetEntry { node_id, staked_amount });
    if (staked_amount < previous.staked_amount) Placement::Shrunk else Placement::Kept
}

/// Whether somebody who is outside may have more stake than one of the set now, or there is a free place for them.
public(package) fun makes_room(placement: &Placement): bool {
    match (placement) {
        Placement::Shrunk | Placement::Left => true,
        _ => false,
    }
}

/// Whether the node is new in the set.
public(package) fun has_entered(placement: &Placement): bool {
    match (placement) {
        Placement::Entered(_) => true,
        _ => false,
    }
}

/// Whether the node is not in the set, and was not.
public(package) fun is_outside(placement: &Placement): bool {
    match (placement) {
        Placement::Outside => true,
        _ => false,
    }
}

/// The node that was put out of the set, if one was.
public(package) fun evicted(placement: &Placement): Option<ActiveSetEntry> {
    match (placement) {
        Placement::Entered(evicted) => *evicted,
        _ => option::none(),
    }
}

/// Removes a node, if it is in the set.
public(package) fun remove(set: &mut ActiveSet, node_id: ID) {
    set.position(node_id).do!(|position| set.remove_at(position))
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

/// The stake in FROST below which no node is taken.
public(package) fun threshold_stake(set: &ActiveSet): u64 {
    set.threshold_stake
}

/// The smallest stake in FROST with which a node that is outside would get in now.
public(package) fun entry_stake(set: &ActiveSet): u64 {
    let smallest = if (set.nodes.length() < set.max_size as u64) 0 else set.smallest().destroy_or!(0);
    set.threshold_stake.max(smallest + 1)
}

/// Whether a node is in the set.
public(package) fun contains(set: &ActiveSet, node_id: ID): bool {
    set.position(node_id).is_some()
}

/// The node with the largest stake, the first among equal ones, and its stake; none if the set is empty.
public(package) fun largest(set: &ActiveSet): Option<ActiveSetEntry> {
    let mut largest: Option<ActiveSetEntry> = option::none();
    set.nodes.do_ref!(|entry| {
        if (!largest.is_some_and!(|other| other.staked_amount >= entry.staked_amount)) largest = option::some(*entry);
    });
    largest
}

/// The node of an entry and its stake in FROST.
public(package) fun parts(entry: &ActiveSetEntry): (ID, u64) {
    (entry.node_id, entry.staked_amount)
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
fun insert(set: &mut ActiveSet, node_id: ID, staked_amount: u64): Placement {
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
        return Placement::Entered(option::none())
    };
    if (least >= staked_amount) return Placement::Outside;
    Placement::Entered(option::some(set.replace(smallest, entry)))
}

/// Removes the entry at a position.
fun remove_at(set: &mut ActiveSet, position: u64) {
    let entry = set.nodes.swap_remove(position);
    set.total_stake = set.total_stake - entry.staked_amount;
}

/// Replaces the entry at a position; returns the previous one.
fun replace(set: &mut ActiveSet, position: u64, entry: ActiveSetEntry): ActiveSetEntry {
    let previous = set.nodes[position];
    set.total_stake = set.total_stake - previous.staked_amount + entry.staked_amount;
    *&mut set.nodes[position] = entry;
    previous
}

/// The smallest stake in the set; none if it is empty.
fun smallest(set: &ActiveSet): Option<u64> {
    let mut smallest: Option<u64> = option::none();
    set.nodes.do_ref!(|entry| {
        if (!smallest.is_some_and!(|other| *other <= entry.staked_amount)) smallest = option::some(entry.staked_amount);
    });
    smallest
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
public fun insert_for_testing(set: &mut ActiveSet, node_id: ID, staked_amount: u64) {
    set.insert(node_id, staked_amount);
}
