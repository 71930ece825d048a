/// The nodes that come next: those for whom the active set has no room.
///
/// Without a reserve, members of a full set could be put out for the price of gas: stake with free nodes a little more than the
/// smallest members have, and withdraw it again. The places stay empty then, because nobody but their operators brings the
/// members back. Here who is put out waits, with the stake it has, and takes the next place that is free, or that of a
/// node with less stake, in the transaction that makes the place free.
///
/// Invariants
/// 1. No node is in both.
/// 2. No node of the reserve has more stake than one of the set, and none waits while the set has room.
/// 3. At most `MAX_RESERVE` nodes wait: those with the most stake. Members of the committee that are in neither are offered again
///    when the vote ends (`staking_inner::voting_end`).
///
/// The reserve is the dynamic field `b"reserve"` beside the active set, because the layout of the set is fixed. It is created with
/// the first node that has to wait; every change of a node's stake updates its entry.
///
/// Specification: contracts, section 13, number 3.
module walrus::active_set_reserve;

use sui::dynamic_field;
use walrus::active_set::{Self, ActiveSet, ActiveSetEntry};
use walrus::extended_field::ExtendedField;

// === Constants ===

/// Name of the dynamic field.
const KEY: vector<u8> = b"reserve";
/// The most nodes that wait.
const MAX_RESERVE: u16 = 150;

// === Package Functions ===

/// Writes the stake of a node, in FROST, to the set or to the reserve, and moves over who belongs to the other of the two now.
public(package) fun set_stake(active_set: &mut ExtendedField<ActiveSet>, node_id: ID, stake: u64) {
    let placement = active_set.borrow_mut().place(node_id, stake);
    if (placement.makes_room()) refill(active_set)
    else if (placement.has_entered()) swap(active_set, node_id, placement.evicted())
    else if (placement.is_outside()) set_waiting_stake(active_set, node_id, stake)
}

/// Changes how many nodes the set has room for. Aborts `active_set::EZeroMaxSize` (0).
public(package) fun set_max_size(active_set: &mut ExtendedField<ActiveSet>, max_size: u16) {
    active_set.borrow_mut().set_max_size(max_size);
    refill(active_set);
}

// === Private Functions ===

/// Lets in who waits and finds room, or has more stake than one of the set.
fun refill(active_set: &mut ExtendedField<ActiveSet>) {
    if (!has_reserve(active_set)) return;
    let mut next = reserve_mut(active_set).largest();
    // Every turn takes a node out of the reserve, or puts one with less stake into its place.
    while (next.is_some()) {
        let (node_id, stake) = next.destroy_some().parts();
        let placement = active_set.borrow_mut().place(node_id, stake);
        if (!placement.has_entered()) return;
        swap(active_set, node_id, placement.evicted());
        next = reserve_mut(active_set).largest();
    }
}

/// Takes a node that is in the set now out of the reserve, and the one that had its place into it.
fun swap(
    active_set: &mut ExtendedField<ActiveSet>,
    entered: ID,
    evicted: Option<ActiveSetEntry>,
) {
    if (has_reserve(active_set)) reserve_mut(active_set).remove(entered);
    evicted.do!(|entry| {
        let (node_id, stake) = entry.parts();
        set_waiting_stake(active_set, node_id, stake);
    })
}

/// Writes the stake of a node that is not in the set; too little stake does not wait.
fun set_waiting_stake(active_set: &mut ExtendedField<ActiveSet>, node_id: ID, stake: u64) {
    if (!has_reserve(active_set)) {
        let threshold_stake = active_set.borrow().threshold_stake();
        if (stake == 0 || stake < threshold_stake) return;
        dynamic_field::add(active_set.id_mut(), KEY, active_set::new(MAX_RESERVE, threshold_stake));
    };
    reserve_mut(active_set).insert_or_update(node_id, stake);
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

// === Test-Only Functions ===

/// The nodes that wait, in no order that means anything.
#[test_only]
public fun waiting(active_set: &ExtendedField<ActiveSet>): vector<ID> {
    if (!has_reserve(active_set)) return vector[];
    let (node_ids, _) = dynamic_field::borrow<_, ActiveSet>(active_set.id(), KEY).active_ids_and_stake();
    node_ids
}
