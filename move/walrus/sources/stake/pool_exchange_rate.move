/// Exchange rates: the price of a pool share in WAL at the start of an epoch, and the rates of past epochs.
///
/// Both conversions round down, in favour of the pool.
///
/// A pool stores one rate for every epoch it enters. Outside the committee it enters none, so the history has gaps. The rate
/// before a gap is the price at which the last ones left; what joins in the gap does so at the price after that, which is the
/// one the pool comes back with, as nobody earns anything in between. The gaps are remembered, so that a lookup costs a binary
/// search however long the node was away.
///
/// Invariants
/// 1. A share never costs less than 1 FROST, so the number of shares never exceeds the number of FROST.
/// 2. Gaps are disjoint, in increasing order; the epochs right before and after a gap have rates, those in it have none.
/// 3. Epochs above the pool's latest one have no rates, except the first rate of a new pool.
///
/// The gaps lie in the pool's `extra_fields`, because the layout of the pool is fixed. A gap from before they were remembered is crossed
/// epoch by epoch.
///
/// Life cycle: a pool stores one rate whenever it enters an epoch; stored rates never change. A gap is recorded when the pool enters an
/// epoch again, and kept as long as the pool.
///
/// Specification: contracts, section 8.9 and section 13, number 17.
module walrus::pool_exchange_rate;

use sui::bag::Bag;
use sui::table::Table;

// === Errors ===

/// More shares than FROST.
const EInvalidRate: u64 = 0;

// === Constants ===

/// Key in `extra_fields` of the gaps, epochs without rates, in ascending order: of each the last epoch before it and the first one
/// after it, a `vector<u32>`.
const KEY: vector<u8> = b"gaps";

// === Structs ===

/// A rate between FROST and shares.
public enum PoolExchangeRate has copy, drop, store {
    /// One share per FROST.
    Flat,
    /// `share_amount` shares are worth `wal_amount` FROST.
    Variable { wal_amount: u128, share_amount: u128 },
}

// === Constructors ===

/// The rate of one to one.
public(package) fun flat(): PoolExchangeRate {
    PoolExchangeRate::Flat
}

/// The rate at which `share_amount` shares are worth `wal_amount` FROST; flat if either is zero. Aborts `EInvalidRate` (0).
public(package) fun new(wal_amount: u64, share_amount: u64): PoolExchangeRate {
    assert!(share_amount <= wal_amount, EInvalidRate);
    if (wal_amount == 0 || share_amount == 0) PoolExchangeRate::Flat
    else PoolExchangeRate::Variable {
        wal_amount: wal_amount as u128,
        share_amount: share_amount as u128,
    }
}

// === Package Functions ===

/// FROST and the number of shares they are worth.
public(package) fun parts(self: &PoolExchangeRate): (u64, u64) {
    match (self) {
        PoolExchangeRate::Flat => (1, 1),
        PoolExchangeRate::Variable { wal_amount, share_amount } => (*wal_amount as u64, *share_amount as u64),
    }
}

/// What `share_amount` shares are worth in FROST, rounded down.
public(package) fun to_wal(self: &PoolExchangeRate, share_amount: u64): u64 {
    match (self) {
        PoolExchangeRate::Flat => share_amount,
        PoolExchangeRate::Variable { wal_amount, share_amount: total_shares } =>
            ((share_amount as u128) * *wal_amount / *total_shares) as u64,
    }
}

/// How many shares `wal_amount` FROST buy, rounded down.
public(package) fun to_shares(self: &PoolExchangeRate, wal_amount: u64): u64 {
    match (self) {
        PoolExchangeRate::Flat => wal_amount,
        PoolExchangeRate::Variable { wal_amount: total_wal, share_amount } =>
            ((wal_amount as u128) * *share_amount / *total_wal) as u64,
    }
}

// === Package Functions: rates of the past ===

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
    if (!extra_fields.contains(KEY)) extra_fields.add(KEY, vector<u32>[]);
    let gaps: &mut vector<u32> = &mut extra_fields[KEY];
    gaps.push_back(last);
    gaps.push_back(epoch);
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
    PoolExchangeRate::Flat
}

// === Private Functions ===

/// The first epoch after the gap that `epoch` lies in; `epoch` itself if it lies in none.
fun skip_gap(extra_fields: &Bag, epoch: u32): u32 {
    if (!extra_fields.contains(KEY)) return epoch;
    let gaps: &vector<u32> = &extra_fields[KEY];
    // The number of gaps that begin before `epoch`.
    let (mut low, mut high) = (0, gaps.length() / 2);
    while (low < high) {
        let middle = (low + high) / 2;
        if (gaps[2 * middle] < epoch) low = middle + 1 else high = middle;
    };
    if (low == 0) return epoch;
    epoch.max(gaps[2 * low - 1])
}
