/// Looking up exchange rates of the past.
///
/// A pool stores one rate for every epoch it enters. Outside the committee it enters none, so the history has gaps. The rate
/// before a gap is the price at which the last ones left; what joins in the gap does so at the price after that, which is the
/// one the pool comes back with, as nobody earns anything in between. The gaps are remembered, so that a lookup costs a binary
/// search however long the node was away.
///
/// Invariants
/// 1. Gaps are disjoint, in increasing order; `last` and `next` have rates, the epochs between them have none.
/// 2. Epochs above the pool's latest one have no rates, except the first rate of a new pool.
///
/// The gaps lie in the pool's `extra_fields` under `GapsKey()`, because the layout of the pool is fixed. A gap from before they
/// were remembered is crossed epoch by epoch.
///
/// Life cycle of a gap: recorded when the pool enters an epoch again, kept as long as the pool.
///
/// Specification: contracts, section 8.9 and section 13, number 17.
module walrus::rate_history;

use sui::bag::Bag;
use sui::table::Table;
use walrus::pool_exchange_rate::{Self, PoolExchangeRate};

// === Structs ===

/// Epochs without rates: those after `last` and before `next`.
public struct Gap has copy, drop, store {
    last: u32,
    next: u32,
}

/// Key in `extra_fields` of the gaps, a `vector<Gap>`.
public struct GapsKey() has copy, drop, store;

// === Package Functions ===

/// Stores the rate of `epoch`. `last` is the last epoch that has one.
public(package) fun record(
    rates: &mut Table<u32, PoolExchangeRate>,
    extra_fields: &mut Bag,
    last: u32,
    epoch: u32,
    rate: PoolExchangeRate,
) {
    rates.add(epoch, rate);
    if (epoch - last < 2) return;
    if (!extra_fields.contains(GapsKey())) extra_fields.add(GapsKey(), vector<Gap>[]);
    let gaps: &mut vector<Gap> = &mut extra_fields[GapsKey()];
    gaps.push_back(Gap { last, next: epoch });
}

/// The rate that holds in `epoch`, which must not be above the last epoch that has one: the one stored for it, in a gap the
/// one after the gap; flat before `first`.
public(package) fun rate_at(
    rates: &Table<u32, PoolExchangeRate>,
    extra_fields: &Bag,
    first: u32,
    epoch: u32,
): PoolExchangeRate {
    let mut candidate = skip_gap(extra_fields, epoch);
    while (candidate >= first) {
        if (rates.contains(candidate)) return rates[candidate];
        if (candidate == 0) break;
        candidate = candidate - 1;
    };
    pool_exchange_rate::flat()
}

/// Forgets all gaps, before the pool is deleted.
public(package) fun clear(extra_fields: &mut Bag) {
    if (extra_fields.contains(GapsKey())) {
        let _: vector<Gap> = extra_fields.remove(GapsKey());
    }
}

// === Private Functions ===

/// The first epoch after the gap that `epoch` lies in; `epoch` itself if it lies in none.
fun skip_gap(extra_fields: &Bag, epoch: u32): u32 {
    if (!extra_fields.contains(GapsKey())) return epoch;
    let gaps: &vector<Gap> = &extra_fields[GapsKey()];
    // The number of gaps that begin before `epoch`.
    let (mut low, mut high) = (0, gaps.length());
    while (low < high) {
        let middle = (low + high) / 2;
        if (gaps[middle].last < epoch) low = middle + 1 else high = middle;
    };
    if (low == 0) return epoch;
    let gap = &gaps[low - 1];
    epoch.max(gap.next)
}
