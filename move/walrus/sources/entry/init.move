/// Deployment of the whole system, and its migration after an upgrade of the package.
///
/// Life cycle: publishing the package creates one `InitCap`; `initialize_walrus` consumes it and creates all shared objects;
/// after each upgrade `migrate_v2` of the new package moves them over.
///
/// Invariants
/// 1. The system is created once per package: there is one `InitCap`, and creating the system consumes it.
/// 2. `System` and `Staking` always name the same package and version.
///
/// Specification: contracts, sections 4.1, 7.16 and 12.
module walrus::init;

use std::type_name;
use sui::address;
use sui::clock::Clock;
use sui::package::{Self, Publisher, UpgradeCap};
use walrus::display;
use walrus::events;
use walrus::slashing;
use walrus::staking::{Self, Staking};
use walrus::system::{Self, System};
use walrus::upgrade::{Self, EmergencyUpgradeCap};

// === Errors ===

/// The two objects differ in package or version after a migration.
const EInvalidMigration: u64 = 0;
/// The upgrade capability belongs to another package.
const EInvalidUpgradeCap: u64 = 1;
/// The function has a successor.
const EDeprecatedFunction: u64 = 2;
/// A deployment parameter with which the system could not live.
const EInvalidDeploymentParameter: u64 = 3;

// === Constants ===

/// The most shards. What one node may not hold is assigned shard by shard, twice when a vote ends at its dearest: with 150 nodes, one of
/// which has nearly all stake, 4000 shards take more gas than a transaction has. An object would hold the assignment of 40 000.
const MAX_SHARDS: u16 = 2_000;
/// The longest epoch in ms: 2^51, some 71 000 years. A point in time and two epochs are less than 2^53 ms then, which every client
/// can count; with much longer epochs the sum overflows, and no epoch would ever end.
const MAX_EPOCH_DURATION: u64 = 2_251_799_813_685_248;
/// The highest threshold in FROST: all WAL there is.
const MAX_THRESHOLD_STAKE: u64 = 5_000_000_000_000_000_000;

// === Structs ===

/// One-time witness.
public struct INIT has drop {}

/// The right to create the system, once.
public struct InitCap has key, store {
    id: UID,
    publisher: Publisher,
}

// === Constructors ===

/// Gives the publisher of the package the right to create the system.
fun init(otw: INIT, ctx: &mut TxContext) {
    transfer::transfer(new_init_cap(otw, ctx), ctx.sender());
}

// === Public Functions ===

/// Creates the system without a threshold for candidates: `initialize_walrus_v2` with `threshold_stake` zero.
///
/// #### Parameters
/// - As `initialize_walrus_v2`.
///
/// #### Returns
/// The capability to upgrade the package without a vote.
///
/// #### Aborts
/// - As `initialize_walrus_v2`.
public fun initialize_walrus(
    init_cap: InitCap,
    upgrade_cap: UpgradeCap,
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    max_epochs_ahead: u32,
    clock: &Clock,
    ctx: &mut TxContext,
): EmergencyUpgradeCap {
    initialize_walrus_v2(
        init_cap,
        upgrade_cap,
        epoch_zero_duration,
        epoch_duration,
        n_shards,
        max_epochs_ahead,
        0,
        clock,
        ctx,
    )
}

/// Creates the system: shares `System`, `Staking`, `UpgradeManager`, `SlashingManager` and `ObjectDisplay`.
///
/// #### Parameters
/// - `init_cap`: the right to do so.
/// - `upgrade_cap`: the upgrade capability of this package; the upgrade manager keeps it.
/// - `epoch_zero_duration`: ms until epoch 0 may end; may be zero.
/// - `epoch_duration`: ms of every later epoch.
/// - `n_shards`: the number of shards, at most 2 000.
/// - `max_epochs_ahead`: how many epochs ahead storage can be bought.
/// - `threshold_stake`: FROST that a node needs to be a candidate for the committee. As long as there are places for everybody, this
///   alone sets the price of many small nodes, which share the shards that the caps leave over. No epoch ends while no node has it.
/// - `clock`: the time.
/// - `ctx`: source of object IDs.
///
/// #### Returns
/// The capability to upgrade the package without a vote.
///
/// #### Aborts
/// - `EInvalidUpgradeCap` (1): `upgrade_cap` belongs to another package.
/// - `EInvalidDeploymentParameter` (3): `n_shards` or `epoch_duration` is zero, one of the parameters is too large for the system to
///   live with, or more stake is asked for than there is WAL.
/// - `system_state_inner::EInvalidMaxEpochsAhead` (0): `max_epochs_ahead` is out of range.
public fun initialize_walrus_v2(
    init_cap: InitCap,
    upgrade_cap: UpgradeCap,
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    max_epochs_ahead: u32,
    threshold_stake: u64,
    clock: &Clock,
    ctx: &mut TxContext,
): EmergencyUpgradeCap {
    let package_id = upgrade_cap.package();
    let defining_address = address::from_ascii_bytes(
        type_name::with_defining_ids<InitCap>().address_string().as_bytes(),
    );
    assert!(package_id.to_address() == defining_address, EInvalidUpgradeCap);
    assert!(n_shards > 0 && n_shards <= MAX_SHARDS, EInvalidDeploymentParameter);
    assert!(epoch_duration > 0 && epoch_duration <= MAX_EPOCH_DURATION, EInvalidDeploymentParameter);
    assert!(epoch_zero_duration <= MAX_EPOCH_DURATION, EInvalidDeploymentParameter);
    assert!(threshold_stake <= MAX_THRESHOLD_STAKE, EInvalidDeploymentParameter);

    let InitCap { id, publisher } = init_cap;
    id.delete();
    system::create_empty(max_epochs_ahead, package_id, ctx);
    staking::create(
        epoch_zero_duration,
        epoch_duration,
        n_shards,
        threshold_stake,
        package_id,
        clock,
        ctx,
    );
    display::create(publisher, ctx);
    slashing::new(ctx);
    upgrade::new(upgrade_cap, ctx)
}

/// Has been replaced by `migrate_v2`.
///
/// #### Aborts
/// - `EDeprecatedFunction` (2): always.
public fun migrate(_staking: &mut Staking, _system: &mut System) {
    abort EDeprecatedFunction
}

// === Entry Functions ===

/// Moves the system to the version of this package, after `upgrade::commit_upgrade` announced it. Anybody may. Emits
/// `ContractUpgraded`.
///
/// #### Parameters
/// - `staking`, `system`: the two shared objects.
///
/// #### Aborts
/// - `staking::EInvalidMigration` (0), `system::EInvalidMigration` (0): the object is up to date, or no package was announced.
/// - `EInvalidMigration` (0): the objects differ in package or version.
entry fun migrate_v2(staking: &mut Staking, system: &mut System, _ctx: &mut TxContext) {
    staking.migrate();
    system.migrate();
    assert!(staking.package_id() == system.package_id(), EInvalidMigration);
    assert!(staking.version() == system.version(), EInvalidMigration);
    events::emit_contract_upgraded(staking.epoch(), staking.package_id(), staking.version());
}

// === Private Functions ===

/// Claims the publisher of the package.
fun new_init_cap(otw: INIT, ctx: &mut TxContext): InitCap {
    InitCap { id: object::new(ctx), publisher: package::claim(otw, ctx) }
}

// === Test-Only Functions ===

/// The right that publishing the package gives.
#[test_only]
public fun init_cap_for_testing(ctx: &mut TxContext): InitCap {
    new_init_cap(INIT {}, ctx)
}

/// Calls `migrate_v2`.
#[test_only]
public fun migrate_v2_for_testing(
    staking: &mut Staking,
    system: &mut System,
    ctx: &mut TxContext,
) {
    migrate_v2(staking, system, ctx)
}
