/// Rates, funds and rights of the exchange.
#[test_only]
module wal_exchange::wal_exchange_tests;

use std::unit_test::{assert_eq, destroy};
use sui::balance;
use sui::coin::{Self, Coin};
use sui::random::{Self, RandomGenerator};
use sui::sui::SUI;
use sui::test_scenario::{Self, Scenario};
use wal::wal::WAL;
use wal_exchange::wal_exchange::{
    Self,
    AdminCap,
    EInsufficientFundsInExchange,
    EInsufficientInputBalance,
    EInvalidExchangeRate,
    EUnauthorizedAdminCap,
    Exchange
};

const ADMIN: address = @0xA;

/// A shared exchange with `wal` FROST and `sui` MIST.
fun funded(wal: u64, sui: u64): (Scenario, Exchange, AdminCap) {
    let mut scenario = test_scenario::begin(ADMIN);
    let mut coin = mint<WAL>(wal + 5, &mut scenario);
    let admin_cap = wal_exchange::new_funded(&mut coin, wal, scenario.ctx());
    assert_eq!(coin.burn_for_testing(), 5);
    scenario.next_tx(ADMIN);
    let mut exchange = scenario.take_shared<Exchange>();
    let mut coin = mint<SUI>(sui, &mut scenario);
    exchange.add_sui(&mut coin, sui);
    coin.destroy_zero();
    (scenario, exchange, admin_cap)
}

fun mint<T>(amount: u64, scenario: &mut Scenario): Coin<T> {
    coin::mint_for_testing(amount, scenario.ctx())
}

fun end(scenario: Scenario, exchange: Exchange, admin_cap: AdminCap) {
    destroy(exchange);
    destroy(admin_cap);
    scenario.end();
}

#[test]
fun a_new_exchange_is_empty_and_one_to_one() {
    let mut scenario = test_scenario::begin(ADMIN);
    let admin_cap = wal_exchange::new(scenario.ctx());
    scenario.next_tx(ADMIN);
    let mut exchange = scenario.take_shared<Exchange>();
    let (wal, sui) = exchange.funds();
    assert_eq!(wal + sui, 0);
    exchange.add_all_wal(mint(7, &mut scenario));
    let coin = mint(7, &mut scenario);
    assert_eq!(exchange.exchange_all_for_wal(coin, scenario.ctx()).burn_for_testing(), 7);
    end(scenario, exchange, admin_cap);
}

#[test]
fun the_rate_rounds_in_favour_of_the_exchange() {
    let (mut scenario, mut exchange, admin_cap) = funded(100, 100);
    // 2 FROST cost 3 MIST.
    exchange.set_exchange_rate(2, 3, &admin_cap);
    let coin = mint(10, &mut scenario);
    assert_eq!(exchange.exchange_all_for_wal(coin, scenario.ctx()).burn_for_testing(), 6);
    let coin = mint(9, &mut scenario);
    assert_eq!(exchange.exchange_all_for_sui(coin, scenario.ctx()).burn_for_testing(), 13);
    let (wal, sui) = exchange.funds();
    assert_eq!(wal, 100 - 6 + 9);
    assert_eq!(sui, 100 + 10 - 13);
    end(scenario, exchange, admin_cap);
}

#[test]
fun parts_of_coins_are_exchanged() {
    let (mut scenario, mut exchange, admin_cap) = funded(100, 100);
    let mut sui = mint<SUI>(10, &mut scenario);
    let mut wal = exchange.exchange_for_wal(&mut sui, 4, scenario.ctx());
    assert_eq!(sui.burn_for_testing(), 6);
    assert_eq!(wal.value(), 4);
    let sui = exchange.exchange_for_sui(&mut wal, 3, scenario.ctx());
    assert_eq!(wal.burn_for_testing(), 1);
    assert_eq!(sui.burn_for_testing(), 3);
    end(scenario, exchange, admin_cap);
}

#[test]
fun anybody_adds_and_the_administrator_withdraws() {
    let (mut scenario, mut exchange, admin_cap) = funded(100, 100);
    let mut wal = mint<WAL>(10, &mut scenario);
    exchange.add_wal(&mut wal, 9);
    exchange.add_all_wal(wal);
    exchange.add_all_sui(mint(11, &mut scenario));
    assert_eq!(exchange.withdraw_wal(110, &admin_cap, scenario.ctx()).burn_for_testing(), 110);
    assert_eq!(exchange.withdraw_sui(111, &admin_cap, scenario.ctx()).burn_for_testing(), 111);
    end(scenario, exchange, admin_cap);
}

#[random_test]
/// Nothing is created or lost by exchanges back and forth.
fun exchanging_conserves_both_coins(seed: vector<u8>) {
    let mut generator = random::new_generator_from_seed_for_testing(seed);
    let (mut scenario, mut exchange, admin_cap) = funded(1_000_000, 1_000_000);
    let (mut wal, mut sui) = (mint<WAL>(1_000, &mut scenario), mint<SUI>(1_000, &mut scenario));
    exchange.set_exchange_rate(
        generator.generate_u64_in_range(1, 50),
        generator.generate_u64_in_range(1, 50),
        &admin_cap,
    );
    20u64.do!(|_| {
        let amount = part(&mut generator, sui.value());
        wal.join(exchange.exchange_for_wal(&mut sui, amount, scenario.ctx()));
        let amount = part(&mut generator, wal.value());
        sui.join(exchange.exchange_for_sui(&mut wal, amount, scenario.ctx()));
        let (wal_funds, sui_funds) = exchange.funds();
        assert_eq!(wal_funds + wal.value(), 1_001_000);
        assert_eq!(sui_funds + sui.value(), 1_001_000);
    });
    let back = exchange.exchange_all_for_sui(wal, scenario.ctx());
    let back_again = exchange.exchange_all_for_wal(back, scenario.ctx());
    let (wal_funds, _) = exchange.funds();
    assert_eq!(wal_funds + back_again.value(), 1_001_000);
    back_again.burn_for_testing();
    sui.burn_for_testing();
    end(scenario, exchange, admin_cap);
}

fun part(generator: &mut RandomGenerator, value: u64): u64 {
    generator.generate_u64_in_range(0, value)
}

#[test, expected_failure(abort_code = EInsufficientFundsInExchange, location = wal_exchange)]
fun wal_runs_out() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let coin = mint(11, &mut scenario);
    let _out = exchange.exchange_all_for_wal(coin, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EInsufficientFundsInExchange, location = wal_exchange)]
fun sui_runs_out() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let coin = mint(11, &mut scenario);
    let _out = exchange.exchange_all_for_sui(coin, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EInsufficientFundsInExchange, location = wal_exchange)]
fun more_than_the_funds_cannot_be_withdrawn() {
    let (mut scenario, mut exchange, cap) = funded(10, 10);
    let _out = exchange.withdraw_wal(11, &cap, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EInsufficientInputBalance, location = wal_exchange)]
fun sui_to_exchange_must_be_there() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let mut coin = mint(1, &mut scenario);
    let _out = exchange.exchange_for_wal(&mut coin, 2, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EInsufficientInputBalance, location = wal_exchange)]
fun wal_to_exchange_must_be_there() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let mut coin = mint(1, &mut scenario);
    let _out = exchange.exchange_for_sui(&mut coin, 2, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = balance::ENotEnough, location = sui::balance)]
fun funds_to_add_must_be_there() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let mut coin = mint(1, &mut scenario);
    exchange.add_wal(&mut coin, 2);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidExchangeRate, location = wal_exchange)]
fun a_rate_has_no_zero_wal() {
    wal_exchange::new_exchange_rate(0, 1);
}

#[test, expected_failure(abort_code = EInvalidExchangeRate, location = wal_exchange)]
fun a_rate_has_no_zero_sui() {
    let (_scenario, mut exchange, cap) = funded(10, 10);
    exchange.set_exchange_rate(1, 0, &cap);
    abort 99
}

/// The capability of another exchange.
fun stranger(scenario: &mut Scenario): AdminCap {
    wal_exchange::new(scenario.ctx())
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = wal_exchange)]
fun strangers_do_not_set_the_rate() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let cap = stranger(&mut scenario);
    exchange.set_exchange_rate(1, 2, &cap);
    abort 99
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = wal_exchange)]
fun strangers_do_not_withdraw_wal() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let cap = stranger(&mut scenario);
    let _out = exchange.withdraw_wal(1, &cap, scenario.ctx());
    abort 99
}

#[test, expected_failure(abort_code = EUnauthorizedAdminCap, location = wal_exchange)]
fun strangers_do_not_withdraw_sui() {
    let (mut scenario, mut exchange, _cap) = funded(10, 10);
    let cap = stranger(&mut scenario);
    let _out = exchange.withdraw_sui(1, &cap, scenario.ctx());
    abort 99
}
