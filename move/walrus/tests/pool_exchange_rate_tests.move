#[test_only]
module walrus::pool_exchange_rate_tests;

use std::unit_test::assert_eq;
use walrus::pool_exchange_rate::{Self, EInvalidRate};

#[test]
fun flat_is_the_identity() {
    assert_eq!(pool_exchange_rate::flat().to_wal(7), 7);
    assert_eq!(pool_exchange_rate::flat().to_shares(7), 7);
    assert_eq!(pool_exchange_rate::new(5, 0), pool_exchange_rate::flat());
    assert_eq!(pool_exchange_rate::new(0, 0), pool_exchange_rate::flat());
}

#[test]
fun conversions_round_down() {
    let rate = pool_exchange_rate::new(200_000_000_201, 200_000_000_000);
    assert_eq!(rate.to_wal(100_000_000_000), 100_000_000_100);
    assert_eq!(rate.to_shares(100_000_000_000), 99_999_999_899);
    assert_eq!(rate.to_shares(1), 0);
}

#[test]
fun large_amounts_do_not_overflow() {
    let max = std::u64::max_value!();
    let rate = pool_exchange_rate::new(max, max);
    assert_eq!(rate.to_wal(max), max);
    assert_eq!(rate.to_shares(max), max);
}

#[random_test]
fun a_round_trip_never_gains(wal: u64, shares: u64, amount: u64) {
    let rate = pool_exchange_rate::new(wal.max(shares), wal.min(shares));
    assert!(rate.to_wal(rate.to_shares(amount)) <= amount);
}

#[test, expected_failure(abort_code = EInvalidRate)]
fun a_share_is_worth_at_least_one_frost() {
    pool_exchange_rate::new(1, 2);
}
