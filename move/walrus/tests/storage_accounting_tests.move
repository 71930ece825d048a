/// The ring buffer of epochs.
#[test_only]
module walrus::storage_accounting_tests;

use std::unit_test::assert_eq;
use sui::balance;
use walrus::storage_accounting::{Self, FutureAccountingRingBuffer};

/// Moves the ring one epoch ahead and returns the epoch that ended, with its rewards.
fun pop(ring: &mut FutureAccountingRingBuffer): (u32, u64) {
    let ended = ring.ring_pop_expand();
    let epoch = ended.epoch();
    (epoch, ended.unwrap_balance().destroy_for_testing())
}

#[test]
fun slots_are_contiguous_from_the_current_epoch_on() {
    let mut ring = storage_accounting::ring_new(3);
    assert_eq!(ring.max_epochs_ahead(), 3);
    7u32.do!(|epoch| {
        3u32.do!(|offset| assert_eq!(ring[offset].epoch(), epoch + offset));
        let (ended, _) = pop(&mut ring);
        assert_eq!(ended, epoch);
    });
    ring.destroy_for_testing();
}

#[test]
fun slots_keep_what_was_added_until_their_epoch_ends() {
    let mut ring = storage_accounting::ring_new(3);
    assert_eq!(ring[2].increase_used_capacity(40), 40);
    assert_eq!(ring[2].increase_used_capacity(2), 42);
    ring[2].add_rewards(balance::create_for_testing(5));
    ring[0].add_rewards(balance::create_for_testing(9));
    let (_, rewards) = pop(&mut ring);
    assert_eq!(rewards, 9);
    assert_eq!(ring.ring_lookup(1).used_capacity(), 42);
    let (_, rewards) = pop(&mut ring);
    assert_eq!(rewards, 0);
    assert_eq!(ring.ring_lookup(0).rewards(), 5);
    let (epoch, rewards) = pop(&mut ring);
    assert_eq!(epoch, 2);
    assert_eq!(rewards, 5);
    3u32.do!(|offset| assert_eq!(ring.ring_lookup(offset).used_capacity(), 0));
    ring.destroy_for_testing();
}

#[test]
fun three_per_cent_are_burned_rounded_down() {
    let mut ring = storage_accounting::ring_new(1);
    ring[0].add_rewards(balance::create_for_testing(1_000_003));
    assert_eq!(ring[0].extract_burn_balance().destroy_for_testing(), 30_000);
    assert_eq!(ring.ring_lookup(0).rewards(), 970_003);
    ring.destroy_for_testing();
}

#[test]
fun burning_from_the_whole_supply_does_not_overflow() {
    let mut ring = storage_accounting::ring_new(1);
    ring[0].add_rewards(balance::create_for_testing(5_000_000_000_000_000_000));
    assert_eq!(ring[0].extract_burn_balance().destroy_for_testing(), 150_000_000_000_000_000);
    ring.destroy_for_testing();
}

#[test, expected_failure(abort_code = storage_accounting::ETooFarInFuture)]
fun offsets_beyond_the_last_slot_are_rejected() {
    let ring = storage_accounting::ring_new(3);
    ring.ring_lookup(3);
    ring.destroy_for_testing();
}
