/// Active set: the nodes with the most stake, which are the candidates for the next committee; and its reserve, the nodes that come
/// next because the set has no room for them.
///
/// Without a reserve, members of a full set could be put out for the price of gas: stake with free nodes a little more than the
/// smallest members have, and withdraw it again. The places stay empty then, because nobody but their operators brings the
/// members back. Here who is put out waits, with the stake it has, and takes the next place that is free, or that of a
/// node with less stake, in the transaction that makes the place free.
///
/// Invariants of both
/// 1. At most `max_size` entries, one per node.
/// 2. Every entry holds more than zero and at least `threshold_stake`.
/// 3. `total_stake` is the sum of the entries.
///
/// Invariants of set and reserve
/// 4. No node is in both.
/// 5. No node of the reserve has more stake than one of the set, and none waits while the set has room.
/// 6. At most `MAX_RESERVE` nodes wait: those with the most stake. Members of the committee that are in neither are offered again
///    when the vote ends (`staking_inner::voting_end`).
///
/// The set is unordered; `ranked` gives the order that breaks ties in the apportionment. The reserve is a second `ActiveSet`, the dynamic
/// field `b"reserve"` beside the first one, because the layout of the set is fixed. It is created with the first node that has to wait.
///
/// Life cycle: created with the staking state and kept forever; every change of a node's stake updates its entry, and the end
/// of each vote reads the whole set.
///
/// Specification: contracts, section 7.13 and section 13, number 3.
module walrus::active_set;

use sui::dynamic_field;
use walrus::committee::Committee;
use walrus::extended_field::ExtendedField;
use walrus::sort;

// === Errors ===

/// A set without room.
const EZeroMaxSize: u64 = 0;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"reserve";
/// The most nodes that wait.
const MAX_RESERVE: u16 = 150;

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

/// A node and its stake in FROST.
public(package) fun entry(node_id: ID, staked_amount: u64): ActiveSetEntry {
    ActiveSetEntry { node_id, staked_amount }
}

// === Package Functions ===

/// Sets the stake of a node. A full set replaces its first entry with the smallest stake if that is smaller than `staked_amount`.
/// Returns who is outside because of it, and has enough stake: the node whose place this one has now, or this one, if there is none
/// for it.
fun put(
    set: &mut ActiveSet,
    node_id: ID,
    staked_amount: u64,
): Option<ActiveSetEntry> {
    let suffices = staked_amount > 0 && staked_amount >= set.threshold_stake;
    let position = set.position(node_id);
    if (position < set.nodes.length()) {
        if (suffices) { set.replace(position, entry(node_id, staked_amount)); } else set.remove_at(position);
        return option::none()
    };
    if (suffices) set.insert(entry(node_id, staked_amount)) else option::none()
}

/// Replaces all nodes by as many of the first of `nodes` as there is room for.
fun set_nodes(set: &mut ActiveSet, mut nodes: vector<ActiveSetEntry>) {
    while (nodes.length() > set.max_size as u64) { nodes.pop_back(); };
    let mut total_stake = 0;
    nodes.do_ref!(|entry| total_stake = total_stake + entry.staked_amount);
    set.nodes = nodes;
    set.total_stake = total_stake;
}

/// The nodes and their stakes, but for those in one of two committees.
fun outsiders(
    set: &ActiveSet,
    one: &Committee,
    other: &Committee,
): vector<ActiveSetEntry> {
    set.nodes.filter!(|entry| !one.contains(&entry.node_id) && !other.contains(&entry.node_id))
}

/// Removes a node, if it is in the set.
public(package) fun remove(set: &mut ActiveSet, node_id: ID) {
    let position = set.position(node_id);
    if (position < set.nodes.length()) set.remove_at(position)
}

/// How many nodes the set has room for.
public(package) fun max_size(set: &ActiveSet): u16 {
    set.max_size
}

/// The smallest stake in FROST with which a node that is outside would get in now.
public(package) fun entry_stake(set: &ActiveSet): u64 {
    if (set.nodes.length() < set.max_size as u64) return set.threshold_stake.max(1);
    set.threshold_stake.max(set.nodes[set.smallest()].staked_amount + 1)
}

/// Whether a node is in the set.
public(package) fun contains(set: &ActiveSet, node_id: ID): bool {
    set.position(node_id) < set.nodes.length()
}

/// The nodes and their stakes, the largest stake first, among equal ones the smallest node ID. Unlike the order of the set
/// this one does not change for the nodes that stay when another leaves.
public(package) fun ranked(set: &ActiveSet): (vector<ID>, vector<u64>) {
    let (mut node_ids, mut stakes) = (vector[], vector[]);
    rank(&set.nodes).do!(|i| {
        node_ids.push_back(set.nodes[i].node_id);
        stakes.push_back(set.nodes[i].staked_amount);
    });
    (node_ids, stakes)
}

// === Package Functions: set and reserve ===

/// Writes the stake of a node, in FROST, to the set or to the reserve, and moves over who belongs to the other of the two now.
public(package) fun set_stake(active_set: &mut ExtendedField<ActiveSet>, node_id: ID, stake: u64) {
    let was_in = active_set.borrow().contains(node_id);
    let outside = active_set.borrow_mut().put(node_id, stake);
    if (has_reserve(active_set)) {
        if (was_in) refill(active_set, stake) else reserve_mut(active_set).remove(node_id);
    };
    outside.do!(|entry| {
        create_reserve(active_set);
        reserve_mut(active_set).put(entry.node_id, entry.staked_amount);
    })
}

/// Writes the stakes of all nodes of two committees, at the price of one sort, however much they differ from those known: one by
/// one they might take more gas than there is.
public(package) fun set_stakes(
    active_set: &mut ExtendedField<ActiveSet>,
    one: &Committee,
    other: &Committee,
    stakes: vector<ActiveSetEntry>,
) {
    let outsiders = active_set.borrow().outsiders(one, other);
    active_set.borrow_mut().set_nodes(outsiders);
    if (has_reserve(active_set)) {
        let reserve = reserve_mut(active_set);
        let outsiders = reserve.outsiders(one, other);
        reserve.set_nodes(outsiders);
    };
    offer_places(active_set, stakes)
}

/// Lets in who belongs to the set: candidates, which are in neither, and those who wait. The candidates that do not get in wait
/// themselves.
public(package) fun offer_places(
    active_set: &mut ExtendedField<ActiveSet>,
    candidates: vector<ActiveSetEntry>,
) {
    let (set, others) = with_candidates(active_set, candidates);
    *active_set.borrow_mut() = set;
    if (has_reserve(active_set) || !others.is_empty()) {
        create_reserve(active_set);
        reserve_mut(active_set).set_nodes(others);
    }
}

/// The set that `offer_places` makes, and the others with enough stake, in order of rank: all are ranked together, and the first ones
/// are the set.
public(package) fun with_candidates(
    active_set: &ExtendedField<ActiveSet>,
    candidates: vector<ActiveSetEntry>,
): (ActiveSet, vector<ActiveSetEntry>) {
    let mut set = *active_set.borrow();
    let least = set.threshold_stake.max(1);
    let mut nodes = set.nodes;
    if (has_reserve(active_set)) nodes.append(dynamic_field::borrow<_, ActiveSet>(active_set.id(), KEY).nodes);
    candidates.do!(|entry| if (entry.staked_amount >= least) nodes.push_back(entry));
    let (mut first, mut others) = (vector[], vector[]);
    rank(&nodes).do!(|i| {
        if (first.length() < set.max_size as u64) first.push_back(nodes[i]) else others.push_back(nodes[i]);
    });
    set.set_nodes(first);
    (set, others)
}

/// Changes how many nodes the set has room for. Aborts `active_set::EZeroMaxSize` (0).
public(package) fun resize(active_set: &mut ExtendedField<ActiveSet>, max_size: u16) {
    assert!(max_size > 0, EZeroMaxSize);
    active_set.borrow_mut().max_size = max_size;
    offer_places(active_set, vector[]);
}

// === Private Functions ===

/// Lets in the first of those who wait if it has more than `stake`, which a node of the set has from now on, or had too little to
/// stay. The others of the set have as much as whoever waits.
fun refill(active_set: &mut ExtendedField<ActiveSet>, stake: u64) {
    let nodes = &reserve_mut(active_set).nodes;
    let (mut largest, mut most) = (0, stake);
    nodes.length().do!(|i| {
        if (nodes[i].staked_amount > most) {
            largest = i;
            most = nodes[i].staked_amount;
        }
    });
    if (most > stake) {
        let node_id = nodes[largest].node_id;
        set_stake(active_set, node_id, most)
    }
}

/// Creates the reserve if there is none.
fun create_reserve(active_set: &mut ExtendedField<ActiveSet>) {
    if (has_reserve(active_set)) return;
    let reserve = new(MAX_RESERVE, active_set.borrow().threshold_stake);
    dynamic_field::add(active_set.id_mut(), KEY, reserve);
}

/// Whether there is a reserve.
#[allow(deprecated_usage)]
fun has_reserve(active_set: &ExtendedField<ActiveSet>): bool {
    dynamic_field::exists_(active_set.id(), KEY)
}

/// The reserve, which exists.
fun reserve_mut(active_set: &mut ExtendedField<ActiveSet>): &mut ActiveSet {
    dynamic_field::borrow_mut(active_set.id_mut(), KEY)
}

/// The positions of entries in the order of `ranked`.
fun rank(nodes: &vector<ActiveSetEntry>): vector<u64> {
    let (mut lacking, mut node_ids) = (vector[], vector[]);
    nodes.length().do!(|i| {
        lacking.push_back(std::u64::max_value!() - nodes[i].staked_amount);
        node_ids.push_back(sort::key(&nodes[i].node_id));
    });
    sort::ascending(&lacking, &node_ids)
}

/// Adds a node that is not in the set, if there is room or an entry with a smaller stake. Returns who is outside, as `put`.
fun insert(set: &mut ActiveSet, entry: ActiveSetEntry): Option<ActiveSetEntry> {
    if (set.nodes.length() < set.max_size as u64) {
        set.total_stake = set.total_stake + entry.staked_amount;
        set.nodes.push_back(entry);
        return option::none()
    };
    let smallest = set.smallest();
    let outside = set.nodes[smallest].staked_amount >= entry.staked_amount;
    option::some(if (outside) entry else set.replace(smallest, entry))
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

/// Where the smallest stake is, the first among equal ones; the set is not empty.
fun smallest(set: &ActiveSet): u64 {
    let mut smallest = 0;
    set.nodes.length().do!(|i| {
        if (set.nodes[i].staked_amount < set.nodes[smallest].staked_amount) smallest = i;
    });
    smallest
}

/// Where a node is in the set; the number of nodes if it is in none.
fun position(set: &ActiveSet, node_id: ID): u64 {
    let mut position = 0;
    while (position < set.nodes.length() && set.nodes[position].node_id != node_id) position = position + 1;
    position
}

// === Test-Only Functions ===

/// The nodes and their stakes, in the order of the set.
#[test_only]
public fun active_ids_and_stake(set: &ActiveSet): (vector<ID>, vector<u64>) {
    (set.nodes.map_ref!(|entry| entry.node_id), set.nodes.map_ref!(|entry| entry.staked_amount))
}

/// How many nodes are in the set.
#[test_only]
public fun size(set: &ActiveSet): u64 {
    set.nodes.length()
}

/// The nodes that wait, in no order that means anything.
#[test_only]
public fun waiting(active_set: &ExtendedField<ActiveSet>): vector<ID> {
    if (!has_reserve(active_set)) return vector[];
    let (node_ids, _) = dynamic_field::borrow<_, ActiveSet>(active_set.id(), KEY).active_ids_and_stake();
    node_ids
}

/// Sum of the stakes in FROST.
#[test_only]
public fun total_stake(set: &ActiveSet): u64 {
    set.total_stake
}

/// Sets the stake of a node; returns whether the node is in the set afterwards.
#[test_only]
public fun insert_or_update(set: &mut ActiveSet, node_id: ID, staked_amount: u64): bool {
    set.put(node_id, staked_amount);
    set.contains(node_id)
}
