/// The WAL coin: the payment, staking and reward token of the Walrus protocol.
///
/// Life cycle: publishing the package mints the whole supply once, hands it to the publisher, freezes the coin
/// metadata and locks the treasury cap inside a shared `ProtectedTreasury`. From then on coins can only be burned.
///
/// Invariants
/// 1. No function mints after `init`; the supply never grows.
/// 2. The `TreasuryCap<WAL>` never leaves the `ProtectedTreasury`; no function exposes a reference to it.
///
/// Invariant 1 binds holders of the upgrade cap only if the package is made immutable, which is the deployer's duty.
///
/// Specification: contracts, section 3.
module wal::wal;

use sui::coin::{Self, Coin, TreasuryCap};
use sui::dynamic_object_field as dof;
use sui::url;

// === Constants ===

/// One WAL is 10^9 FROST.
const DECIMALS: u8 = 9;
/// Ticker of the coin.
const SYMBOL: vector<u8> = b"WAL";
/// Display name of the coin.
const NAME: vector<u8> = b"WAL Token";
/// Display description of the coin.
const DESCRIPTION: vector<u8> = b"The native token for the Walrus Protocol.";
/// Icon shown by wallets.
const ICON_URL: vector<u8> = b"https://www.walrus.xyz/wal-icon.svg";
/// Total supply in FROST: 5 * 10^9 WAL.
const TOTAL_SUPPLY_FROST: u64 = 5_000_000_000_000_000_000;

// === Structs ===

/// One-time witness of the coin and its type parameter.
public struct WAL has drop {}

/// Shared object that locks the treasury cap and allows burning only.
///
/// Dynamic object field: `TreasuryCapKey {}` -> `TreasuryCap<WAL>`.
public struct ProtectedTreasury has key {
    id: UID,
}

/// Key under which the treasury cap hangs below the `ProtectedTreasury`.
public struct TreasuryCapKey has copy, drop, store {}

// === Constructors ===

/// Creates the currency, mints the total supply to the publisher and shares the treasury.
///
/// The coin registry, which the framework recommends instead, changes what clients read (`CoinMetadata`), hence the
/// older call.
#[allow(deprecated_usage, lint(share_owned))]
fun init(otw: WAL, ctx: &mut TxContext) {
    let (mut cap, metadata) = coin::create_currency(
        otw,
        DECIMALS,
        SYMBOL,
        NAME,
        DESCRIPTION,
        option::some(url::new_unsafe_from_bytes(ICON_URL)),
        ctx,
    );
    transfer::public_freeze_object(metadata);

    let supply = cap.mint(TOTAL_SUPPLY_FROST, ctx);
    transfer::public_transfer(supply, ctx.sender());

    let mut treasury = ProtectedTreasury { id: object::new(ctx) };
    dof::add(&mut treasury.id, TreasuryCapKey {}, cap);
    transfer::share_object(treasury);
}

// === Public Functions ===

/// The number of FROST in existence.
///
/// #### Parameters
/// - `treasury`: the treasury that holds the cap.
///
/// #### Returns
/// The current supply in FROST.
///
/// #### Aborts
/// Never.
public fun total_supply(treasury: &ProtectedTreasury): u64 {
    treasury.cap().total_supply()
}

/// Burns `coin` and reduces the supply by its value. Permissionless: whoever owns a coin may burn it.
///
/// #### Parameters
/// - `treasury`: the treasury that holds the cap.
/// - `coin`: the coin to destroy, of any value.
///
/// #### Aborts
/// Never.
public fun burn(treasury: &mut ProtectedTreasury, coin: Coin<WAL>) {
    treasury.cap_mut().burn(coin);
}

// === Private Functions ===

/// Reads the locked cap.
fun cap(treasury: &ProtectedTreasury): &TreasuryCap<WAL> {
    dof::borrow(&treasury.id, TreasuryCapKey {})
}

/// Borrows the locked cap mutably; only `burn` may use it.
fun cap_mut(treasury: &mut ProtectedTreasury): &mut TreasuryCap<WAL> {
    dof::borrow_mut(&mut treasury.id, TreasuryCapKey {})
}

// === Test-Only Functions ===

/// Runs the module initializer as publishing would.
#[test_only]
public fun init_for_testing(ctx: &mut TxContext) {
    init(WAL {}, ctx)
}
