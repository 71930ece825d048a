/// What buyers paid is told apart from what was given.
#[test_only]
module walrus::donation_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::coin;
use walrus::system::System;
use walrus::test_system;

const MIB: u64 = 1_048_576;

/// The payments of the first `n` epochs.
fun payments(system: &System, n: u64): vector<u64> {
    vector::tabulate!(n, |i| system.user_payments()[i])
}

/// Buys one MiB for three epochs, at 5 FROST each.
fun buy(system: &mut System, ctx: &mut TxContext) {
    let mut coin = coin::mint_for_testing(15, ctx);
    system.reserve_space(MIB, 3, &mut coin, ctx).destroy();
    coin.destroy_zero();
}

#[test]
fun subsidies_are_no_payments() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    buy(&mut system, ctx);
    assert_eq!(payments(&system, 4), vector[5, 5, 5, 0]);
    assert_eq!(system.user_payments().length(), 53);

    system.add_subsidy(coin::mint_for_testing(11, ctx), 2);
    system.add_per_epoch_subsidies(vector[1, 2, 3, 4].map!(|v| balance::create_for_testing(v)));
    assert_eq!(system.future_accounting()[0].rewards(), 5 + 6 + 1);
    assert_eq!(system.future_accounting()[3].rewards(), 4);
    assert_eq!(payments(&system, 4), vector[5, 5, 5, 0]);

    buy(&mut system, ctx);
    assert_eq!(payments(&system, 4), vector[10, 10, 10, 0]);
    destroy(system);
}

#[test]
fun donations_move_on_with_their_epochs() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    system.add_per_epoch_subsidies(vector[1, 2, 3].map!(|v| balance::create_for_testing(v)));
    buy(&mut system, ctx);
    test_system::skip_epochs(&mut system, 1);
    assert_eq!(payments(&system, 3), vector[5, 5, 0]);
    test_system::skip_epochs(&mut system, 2);
    assert_eq!(payments(&system, 2), vector[0, 0]);
    buy(&mut system, ctx);
    test_system::skip_epochs(&mut system, 60);
    assert_eq!(payments(&system, 2), vector[0, 0]);
    destroy(system);
}

#[test]
fun the_leftover_of_an_epoch_is_no_payment() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    system.add_per_epoch_subsidies(vector[0, 10].map!(|v| balance::create_for_testing(v)));
    test_system::skip_epochs(&mut system, 1);
    // Nothing was sold for this epoch: everything moves on.
    let before = system.future_accounting()[0].rewards();
    assert_eq!(before, 10);
    let rewards = test_system::next_epoch(&mut system);
    assert_eq!(system.future_accounting()[0].rewards(), before);
    assert_eq!(payments(&system, 2), vector[0, 0]);
    destroy(rewards);
    destroy(system);
}

#[test]
fun what_was_paid_for_storage_that_is_given_back_is_earned() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let mut coin = coin::mint_for_testing(2000, ctx);
    let storage = system.reserve_space(200 * MIB, 2, &mut coin, ctx);
    coin.destroy_zero();
    system.release_storage(storage);
    test_system::skip_epochs(&mut system, 1);
    assert_eq!(system.used_capacity_size(), 0);
    assert_eq!(payments(&system, 2), vector[1000, 0]);
    destroy(test_system::next_epoch(&mut system));
    assert_eq!(system.future_accounting()[0].rewards(), 0);
    destroy(system);
}

#[test]
fun released_capacity_can_be_sold_again() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let mut coin = test_system::wal(ctx);
    let mut storage = system.reserve_space(test_system::capacity(), 3, &mut coin, ctx);
    let tail = storage.split_by_epoch(22, ctx);
    let value = coin.value();
    system.release_storage(tail);
    assert_eq!(coin.value(), value);
    assert_eq!(system.used_capacity_size(), test_system::capacity());
    assert_eq!(system.future_accounting()[1].used_capacity(), 0);
    assert_eq!(system.future_accounting()[2].used_capacity(), 0);

    let again = system.reserve_space_for_epochs(test_system::capacity(), 22, 24, &mut coin, ctx);
    // The running epoch has been used, and is paid by what was used.
    system.release_storage(storage);
    assert_eq!(system.used_capacity_size(), test_system::capacity());
    assert_eq!(system.future_accounting()[0].used_capacity(), test_system::capacity());
    assert_eq!(system.future_accounting()[1].used_capacity(), test_system::capacity());
    again.destroy();
    coin.burn_for_testing();
    destroy(system);
}

#[test]
fun only_the_epochs_left_are_released() {
    let ctx = &mut tx_context::dummy();
    let mut system = test_system::new(ctx);
    let mut coin = test_system::wal(ctx);
    let first = system.reserve_space(100, 3, &mut coin, ctx);
    let ended = system.reserve_space(30, 1, &mut coin, ctx);
    test_system::skip_epochs(&mut system, 1);
    assert_eq!(system.used_capacity_size(), 100);
    system.release_storage(ended);
    assert_eq!(system.used_capacity_size(), 100);
    assert_eq!(system.future_accounting()[1].used_capacity(), 100);
    system.release_storage(first);
    assert_eq!(system.used_capacity_size(), 100);
    assert_eq!(system.future_accounting()[1].used_capacity(), 0);
    assert_eq!(system.future_accounting()[2].used_capacity(), 0);
    coin.burn_for_testing();
    destroy(system);
}
