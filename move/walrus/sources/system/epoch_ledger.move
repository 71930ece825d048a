/// Ledgers of the coming epochs: a number per epoch that the fixed layout of the accounting has no room for.
///
/// Two are kept (`system`):
/// - *donations*, FROST in an epoch's accounting slot that no buyer of storage paid: subsidies, donations and the leftover of past
///   epochs. Whoever subsidizes in proportion to the payments (package `walrus_subsidies`) must not pay subsidies on subsidies.
/// - *peaks*, the most encoded bytes that were sold for an epoch before storage was given back. The rewards of the epoch are shared
///   by them.
///
/// Invariants
/// 1. The `i`-th number belongs to the `i`-th epoch from the current one on; beyond the end the numbers are zero.
/// 2. A donation never exceeds the rewards of its accounting slot, because rewards only leave a slot when its epoch ends.
/// 3. Used capacity only falls by a release, which writes the peak down before: the larger one of peak and used capacity is the
///    most that was ever sold for an epoch.
///
/// A ledger is a dynamic field of `System`, a `vector<u64>`, because the layout of the system's state is fixed. It exists while it has
/// numbers.
///
/// Life cycle of an entry: written for a coming epoch, dropped when the epoch ends.
///
/// Specification: contracts, section 13, numbers 12 and 29.
module walrus::epoch_ledger;

use sui::dynamic_field;

// === Package Functions ===

/// The numbers, from the current epoch on. `key` is the name of the ledger in `system`.
#[allow(deprecated_usage)]
public(package) fun amounts(system: &UID, key: vector<u8>): vector<u64> {
    if (dynamic_field::exists_(system, key)) *dynamic_field::borrow(system, key) else vector[]
}

/// Adds `amounts[i]` to the number of the `i`-th epoch from the current one on.
public(package) fun add(system: &mut UID, key: vector<u8>, amounts: vector<u64>) {
    combine(system, key, amounts, true)
}

/// Makes the number of the `i`-th epoch from the current one on at least `amounts[i]`.
public(package) fun raise(system: &mut UID, key: vector<u8>, amounts: vector<u64>) {
    combine(system, key, amounts, false)
}

/// Forgets the current epoch, which ends; returns its number.
public(package) fun advance(system: &mut UID, key: vector<u8>): u64 {
    let mut amounts = amounts(system, key);
    if (amounts.is_empty()) return 0;
    let ended = amounts.remove(0);
    write(system, key, amounts);
    ended
}

// === Private Functions ===

/// Adds to the numbers, or raises them.
fun combine(system: &mut UID, key: vector<u8>, amounts: vector<u64>, is_sum: bool) {
    let mut known = amounts(system, key);
    amounts.length().do!(|i| {
        if (i == known.length()) known.push_back(0);
        *&mut known[i] = if (is_sum) known[i] + amounts[i] else known[i].max(amounts[i]);
    });
    write(system, key, known)
}

/// Replaces the numbers; a ledger without any is deleted.
#[allow(deprecated_usage)]
fun write(system: &mut UID, key: vector<u8>, amounts: vector<u64>) {
    if (dynamic_field::exists_(system, key)) { let _: vector<u64> = dynamic_field::remove(system, key); };
    if (!amounts.is_empty()) dynamic_field::add(system, key, amounts);
}
