/// Exchange of SUI and WAL at a fixed rate, for test networks.
///
/// Life cycle: `new` or `new_funded` shares an exchange and gives its creator the capability to set the rate and to withdraw.
/// Anybody may fund it and exchange in both directions for as long as it has funds.
///
/// Invariants
/// 1. Both sides of the rate are positive.
/// 2. `admin` is the ID of the only `AdminCap` of the exchange.
/// 3. Every exchange rounds in favour of the exchange; what goes out for an amount in is `floor(amount * out / in)` of the
///    rate.
///
/// Amounts of WAL are FROST, amounts of SUI are MIST.
///
/// Specification: contracts, section 11.1.
module wal_exchange::wal_exchange;

use sui::balance::{Self, Balance};
use sui::coin::Coin;
use sui::sui::SUI;
use wal::wal::WAL;

// === Errors ===

/// The exchange does not have as much.
const EInsufficientFundsInExchange: u64 = 0;
/// The coin is worth less than the amount to exchange.
const EInsufficientInputBalance: u64 = 1;
/// The capability belongs to another exchange.
const EUnauthorizedAdminCap: u64 = 2;
/// A side of the rate is zero.
const EInvalidExchangeRate: u64 = 3;

// === Structs ===

/// An exchange, shared.
public struct Exchange has key, store {
    id: UID,
    wal: Balance<WAL>,
    sui: Balance<SUI>,
    rate: ExchangeRate,
    /// The capability that may set the rate and withdraw.
    admin: ID,
}

/// The right to set the rate of one exchange and to withdraw from it.
public struct AdminCap has key, store {
    id: UID,
}

/// `wal` FROST cost `sui` MIST.
public struct ExchangeRate has copy, drop, store {
    wal: u64,
    sui: u64,
}

// === Constructors ===

/// Creates a rate.
///
/// #### Parameters
/// - `wal`, `sui`: `wal` FROST cost `sui` MIST.
///
/// #### Returns
/// The rate.
///
/// #### Aborts
/// - `EInvalidExchangeRate` (3) if either is zero.
public fun new_exchange_rate(wal: u64, sui: u64): ExchangeRate {
    assert!(wal > 0 && sui > 0, EInvalidExchangeRate);
    ExchangeRate { wal, sui }
}

/// Shares an exchange without funds, at one FROST for one MIST.
///
/// #### Parameters
/// - `ctx`: source of object IDs.
///
/// #### Returns
/// The capability of the exchange.
///
/// #### Aborts
/// Never.
public fun new(ctx: &mut TxContext): AdminCap {
    create(balance::zero(), ctx)
}

/// Shares an exchange with funds, at one FROST for one MIST.
///
/// #### Parameters
/// - `wal`: coin to take the funds from.
/// - `amount`: FROST to take.
/// - `ctx`: source of object IDs.
///
/// #### Returns
/// The capability of the exchange.
///
/// #### Aborts
/// - Framework abort 2 in `0x2::balance` if the coin is worth less than `amount`.
public fun new_funded(wal: &mut Coin<WAL>, amount: u64, ctx: &mut TxContext): AdminCap {
    create(wal.balance_mut().split(amount), ctx)
}

// === Public Functions: funds ===

/// Adds FROST to the funds. Anybody may.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `wal`: coin to take the funds from.
/// - `amount`: FROST to take.
///
/// #### Aborts
/// - Framework abort 2 in `0x2::balance` if the coin is worth less than `amount`.
public fun add_wal(self: &mut Exchange, wal: &mut Coin<WAL>, amount: u64) {
    self.wal.join(wal.balance_mut().split(amount));
}

/// Adds MIST to the funds. Anybody may.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `sui`: coin to take the funds from.
/// - `amount`: MIST to take.
///
/// #### Aborts
/// - Framework abort 2 in `0x2::balance` if the coin is worth less than `amount`.
public fun add_sui(self: &mut Exchange, sui: &mut Coin<SUI>, amount: u64) {
    self.sui.join(sui.balance_mut().split(amount));
}

/// Adds a whole WAL coin to the funds. Anybody may. Never aborts.
public fun add_all_wal(self: &mut Exchange, wal: Coin<WAL>) {
    self.wal.join(wal.into_balance());
}

/// Adds a whole SUI coin to the funds. Anybody may. Never aborts.
public fun add_all_sui(self: &mut Exchange, sui: Coin<SUI>) {
    self.sui.join(sui.into_balance());
}

/// Takes WAL out of the funds.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `amount`: FROST to take.
/// - `admin_cap`: the capability of the exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// The coin.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (2): the capability belongs to another exchange.
/// - `EInsufficientFundsInExchange` (0): there is not as much.
public fun withdraw_wal(
    self: &mut Exchange,
    amount: u64,
    admin_cap: &AdminCap,
    ctx: &mut TxContext,
): Coin<WAL> {
    self.assert_admin(admin_cap);
    take(&mut self.wal, amount, ctx)
}

/// Takes SUI out of the funds.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `amount`: MIST to take.
/// - `admin_cap`: the capability of the exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// The coin.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (2): the capability belongs to another exchange.
/// - `EInsufficientFundsInExchange` (0): there is not as much.
public fun withdraw_sui(
    self: &mut Exchange,
    amount: u64,
    admin_cap: &AdminCap,
    ctx: &mut TxContext,
): Coin<SUI> {
    self.assert_admin(admin_cap);
    take(&mut self.sui, amount, ctx)
}

/// Sets the rate.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `wal`, `sui`: `wal` FROST cost `sui` MIST.
/// - `admin_cap`: the capability of the exchange.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (2): the capability belongs to another exchange.
/// - `EInvalidExchangeRate` (3) if either side is zero.
public fun set_exchange_rate(self: &mut Exchange, wal: u64, sui: u64, admin_cap: &AdminCap) {
    self.assert_admin(admin_cap);
    self.rate = new_exchange_rate(wal, sui);
}

// === Public Functions: exchange ===

/// Exchanges a whole SUI coin for WAL.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `sui`: the coin to exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// `floor(sui * rate.wal / rate.sui)` FROST.
///
/// #### Aborts
/// - `EInsufficientFundsInExchange` (0): there is not as much WAL.
/// - Arithmetic error if the product exceeds `u64::MAX`.
public fun exchange_all_for_wal(
    self: &mut Exchange,
    sui: Coin<SUI>,
    ctx: &mut TxContext,
): Coin<WAL> {
    let amount = sui.value() * self.rate.wal / self.rate.sui;
    self.sui.join(sui.into_balance());
    take(&mut self.wal, amount, ctx)
}

/// Exchanges a part of a SUI coin for WAL.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `sui`: coin to take the SUI from.
/// - `amount_sui`: MIST to exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// `floor(amount_sui * rate.wal / rate.sui)` FROST.
///
/// #### Aborts
/// - `EInsufficientInputBalance` (1): the coin is worth less than `amount_sui`.
/// - `EInsufficientFundsInExchange` (0): there is not as much WAL.
/// - Arithmetic error if the product exceeds `u64::MAX`.
public fun exchange_for_wal(
    self: &mut Exchange,
    sui: &mut Coin<SUI>,
    amount_sui: u64,
    ctx: &mut TxContext,
): Coin<WAL> {
    assert!(sui.value() >= amount_sui, EInsufficientInputBalance);
    let part = sui.split(amount_sui, ctx);
    self.exchange_all_for_wal(part, ctx)
}

/// Exchanges a whole WAL coin for SUI.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `wal`: the coin to exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// `floor(wal * rate.sui / rate.wal)` MIST.
///
/// #### Aborts
/// - `EInsufficientFundsInExchange` (0): there is not as much SUI.
/// - Arithmetic error if the product exceeds `u64::MAX`.
public fun exchange_all_for_sui(
    self: &mut Exchange,
    wal: Coin<WAL>,
    ctx: &mut TxContext,
): Coin<SUI> {
    let amount = wal.value() * self.rate.sui / self.rate.wal;
    self.wal.join(wal.into_balance());
    take(&mut self.sui, amount, ctx)
}

/// Exchanges a part of a WAL coin for SUI.
///
/// #### Parameters
/// - `self`: the exchange.
/// - `wal`: coin to take the WAL from.
/// - `amount_wal`: FROST to exchange.
/// - `ctx`: source of the object ID.
///
/// #### Returns
/// `floor(amount_wal * rate.sui / rate.wal)` MIST.
///
/// #### Aborts
/// - `EInsufficientInputBalance` (1): the coin is worth less than `amount_wal`.
/// - `EInsufficientFundsInExchange` (0): there is not as much SUI.
/// - Arithmetic error if the product exceeds `u64::MAX`.
public fun exchange_for_sui(
    self: &mut Exchange,
    wal: &mut Coin<WAL>,
    amount_wal: u64,
    ctx: &mut TxContext,
): Coin<SUI> {
    assert!(wal.value() >= amount_wal, EInsufficientInputBalance);
    let part = wal.split(amount_wal, ctx);
    self.exchange_all_for_sui(part, ctx)
}

// === Private Functions ===

/// Shares an exchange with the given funds.
#[allow(lint(share_owned))]
fun create(wal: Balance<WAL>, ctx: &mut TxContext): AdminCap {
    let admin_cap = AdminCap { id: object::new(ctx) };
    transfer::share_object(Exchange {
        id: object::new(ctx),
        wal,
        sui: balance::zero(),
        rate: new_exchange_rate(1, 1),
        admin: object::id(&admin_cap),
    });
    admin_cap
}

/// Aborts `EUnauthorizedAdminCap` (2) unless the capability is that of the exchange.
fun assert_admin(self: &Exchange, admin_cap: &AdminCap) {
    assert!(self.admin == object::id(admin_cap), EUnauthorizedAdminCap);
}

/// Takes a coin out of funds. Aborts `EInsufficientFundsInExchange` (0).
fun take<T>(funds: &mut Balance<T>, amount: u64, ctx: &mut TxContext): Coin<T> {
    assert!(funds.value() >= amount, EInsufficientFundsInExchange);
    funds.split(amount).into_coin(ctx)
}

// === Test-Only Functions ===

/// The funds: FROST and MIST.
#[test_only]
public fun funds(self: &Exchange): (u64, u64) {
    (self.wal.value(), self.sui.value())
}
