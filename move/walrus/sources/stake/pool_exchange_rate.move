/// Price of a pool share in WAL at the start of an epoch.
///
/// Invariant: a share never costs less than 1 FROST, so the number of shares never exceeds the number of FROST.
///
/// Both conversions round down, in favour of the pool.
///
/// Life cycle: a pool stores one rate whenever it enters an epoch; stored rates never change.
///
/// Specification: contracts, section 8.9.
module walrus::pool_exchange_rate;

// === Errors ===

/// More shares than FROST.
const EInvalidRate: u64 = 0;

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
