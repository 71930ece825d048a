/// Buying storage: exact payments, intervals and capacity.
#[test_only]
module walrus::storage_purchase_tests;

use std::unit_test::assert_eq;
use sui::balance;
use sui::coin;
use walrus::system::{Self, System};
use walrus::system_state_inner;
use walrus::test_system;

const MIB: u64 = 1_048_576;

fun setup(): (System, TxContext) {
    let mut ctx = tx_context::dummy();
    (test_system::new(&mut ctx), ctx)
}

/// Reserves and pays with exactly `payment` FROST.
fun reserve(size: u64, epochs: u32, payment: u64) {
    let (mut system, mut ctx) = setup();
    let mut coin = coin::mint_for_testing(payment, &mut ctx);
    system.reserve_space(size, epochs, &mut coin, &mut ctx).destroy();
    coin.destroy_zero();
    std::unit_test::destroy(system);
}

/// Reserves for an interval with plenty of money.
fun reserve_interval(size: u64, start: u32, end: u32) {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system.reserve_space_for_epochs(size, start, end, &mut coin, &mut ctx).destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test]
fun buyers_read_the_prices() {
    let (system, _ctx) = setup();
    assert_eq!(system.storage_price_per_unit_size(), 5);
    assert_eq!(system.write_price_per_unit_size(), 2);
    std::unit_test::destroy(system);
}

#[test]
fun payment_is_price_times_started_mib_times_epochs() {
    let (mut system, mut ctx) = setup();
    let sizes = vector[1, MIB, MIB + 1, 10 * MIB];
    let epochs = vector[1, 2, 3, 53];
    let prices = vector[5, 10, 30, 10 * 53 * 5];
    4u64.do!(|i| {
        let mut coin = coin::mint_for_testing(prices[i], &mut ctx);
        system.reserve_space(sizes[i], epochs[i], &mut coin, &mut ctx).destroy();
        coin.destroy_zero();
    });
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = sui::balance)]
fun one_frost_less_is_not_enough() {
    reserve(MIB + 1, 3, 29);
}

#[test]
fun money_and_capacity_go_to_exactly_the_epochs_bought() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    let storage = system.reserve_space_for_epochs(3 * MIB, 23, 26, &mut coin, &mut ctx);
    assert_eq!(storage.start_epoch(), 23);
    assert_eq!(storage.end_epoch(), 26);
    assert_eq!(storage.size(), 3 * MIB);
    test_system::max_epochs_ahead().do!(|offset| {
        let slot = &system.future_accounting()[offset];
        let bought = offset >= 2 && offset < 5;
        assert_eq!(slot.rewards(), if (bought) 15 else 0);
        assert_eq!(slot.used_capacity(), if (bought) 3 * MIB else 0);
    });
    assert_eq!(system.used_capacity_size(), 0);
    storage.destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test]
fun current_epoch_counts_as_used() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system.reserve_space(7, 2, &mut coin, &mut ctx).destroy();
    system.reserve_space(5, 1, &mut coin, &mut ctx).destroy();
    assert_eq!(system.used_capacity_size(), 12);
    assert_eq!(system.future_accounting()[1].used_capacity(), 7);
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test]
fun start_in_the_past_is_moved_to_the_current_epoch() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    let storage = system.reserve_space_for_epochs(1, 0, 22, &mut coin, &mut ctx);
    assert_eq!(storage.start_epoch(), 21);
    storage.destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test]
fun the_whole_capacity_can_be_sold_in_each_epoch() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    let capacity = test_system::capacity();
    system.reserve_space(capacity, 1, &mut coin, &mut ctx).destroy();
    system.reserve_space_for_epochs(capacity, 22, 74, &mut coin, &mut ctx).destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun capacity_is_limited_in_every_epoch() {
    let (mut system, mut ctx) = setup();
    let mut coin = test_system::wal(&mut ctx);
    system
        .reserve_space_for_epochs(test_system::capacity(), 25, 26, &mut coin, &mut ctx)
        .destroy();
    system.reserve_space(1, 5, &mut coin, &mut ctx).destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun zero_epochs_cannot_be_bought() {
    reserve(1, 0, 0);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun more_epochs_than_slots_cannot_be_bought() {
    reserve(1, 54, 54 * 5);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun intervals_that_are_over_cannot_be_bought() {
    reserve_interval(1, 3, 21);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun intervals_beyond_the_last_slot_cannot_be_bought() {
    reserve_interval(1, 73, 75);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidResourceSize)]
fun zero_bytes_cannot_be_bought() {
    reserve(0, 1, 0);
}

#[test, expected_failure(abort_code = system_state_inner::EStorageExceeded)]
fun nothing_can_be_bought_in_epoch_zero() {
    let mut ctx = tx_context::dummy();
    let inner = system_state_inner::create_empty(53, &mut ctx);
    let mut system = system::new_for_testing(inner, &mut ctx);
    let mut coin = test_system::wal(&mut ctx);
    system.reserve_space(1, 1, &mut coin, &mut ctx).destroy();
    coin.burn_for_testing();
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidMaxEpochsAhead)]
fun more_than_a_thousand_slots_are_rejected() {
    std::unit_test::destroy(
        system_state_inner::create_empty(1001, &mut tx_context::dummy()),
    );
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidMaxEpochsAhead)]
fun zero_slots_are_rejected() {
    std::unit_test::destroy(
        system_state_inner::create_empty(0, &mut tx_context::dummy()),
    );
}

#[test]
fun subsidies_are_spread_evenly_and_the_rest_goes_to_the_current_epoch() {
    let (mut system, mut ctx) = setup();
    system.add_subsidy(coin::mint_for_testing(11, &mut ctx), 3);
    assert_eq!(system.future_accounting()[0].rewards(), 5);
    assert_eq!(system.future_accounting()[1].rewards(), 3);
    assert_eq!(system.future_accounting()[2].rewards(), 3);
    assert_eq!(system.future_accounting()[3].rewards(), 0);
    let per_epoch = vector[balance::create_for_testing(1), balance::create_for_testing(2)];
    system.add_per_epoch_subsidies(per_epoch);
    assert_eq!(system.future_accounting()[0].rewards(), 6);
    assert_eq!(system.future_accounting()[1].rewards(), 5);
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun subsidies_for_too_many_epochs_are_rejected() {
    let (mut system, mut ctx) = setup();
    system.add_subsidy(coin::mint_for_testing(11, &mut ctx), 54);
    std::unit_test::destroy(system);
}

#[test, expected_failure(abort_code = system_state_inner::EInvalidEpochsAhead)]
fun more_subsidies_than_slots_are_rejected() {
    let (mut system, _) = setup();
    system.add_per_epoch_subsidies(vector::tabulate!(54, |_| balance::create_for_testing(1)));
    std::unit_test::destroy(system);
}
