/// The ring of numbers per epoch.
#[test_only]
module walrus_subsidies::epoch_balance_tests;

use std::unit_test::{assert_eq, destroy};
use walrus_subsidies::epoch_balance::{Self, EIndexOutOfBounds, EpochBalanceRingBuffer};

fun balances(ring: &EpochBalanceRingBuffer): vector<u64> {
    vector::tabulate!(ring.length(), |i| ring.balance(i))
}

#[test]
fun numbers_stay_with_their_epochs() {
    let mut ring = epoch_balance::new(5, vector[50, 60, 70]);
    ring.advance(5);
    assert_eq!(balances(&ring), vector[50, 60, 70]);
    ring.advance(6);
    assert_eq!(balances(&ring), vector[60, 70, 0]);
    ring.set_balance(2, 80);
    ring.advance(8);
    assert_eq!(balances(&ring), vector[80, 0, 0]);
    3u64.do!(|i| assert_eq!(ring.epoch(i), 8 + (i as u32)));
    ring.advance(7);
    assert_eq!(balances(&ring), vector[80, 0, 0]);
    destroy(ring);
}

#[test]
fun a_long_time_empties_the_ring() {
    let mut ring = epoch_balance::new(5, vector[50, 60, 70]);
    ring.advance(6);
    ring.advance(4_000_000_000);
    assert_eq!(balances(&ring), vector[0, 0, 0]);
    3u64.do!(|i| assert_eq!(ring.epoch(i), 4_000_000_000 + (i as u32)));
    destroy(ring);
}

#[test, expected_failure(abort_code = EIndexOutOfBounds, location = epoch_balance)]
fun offsets_end_with_the_ring() {
    let mut ring = epoch_balance::new(5, vector[50]);
    ring.set_balance(1, 0);
    abort 99
}
