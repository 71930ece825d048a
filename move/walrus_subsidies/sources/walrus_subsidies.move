/// Subsidies to the storage nodes, from a fund that anybody may fill.
///
/// Two parts are paid. The fixed part: for every epoch each node of its committee gets a base amount and an amount per shard, as
/// commission. The usage part: a rate of everything that users pay for storage and writes is added to the rewards of the
/// epochs they pay for.
///
/// Life cycle: `new` shares the object and gives its creator the capability to set the rates. Anybody funds it and calls
/// `process_subsidies`, at least once per epoch: what nobody processes in time of the fixed part is lost, because the chain
/// knows only the previous committee. Shortage of funds loses nothing, see `walrus_subsidies_inner`.
///
/// Invariant: the state lies in the dynamic field `SubsidiesInnerKey()`.
///
/// Every function that changes the state aborts `EWrongVersion` (1) if the object is of another version of the package.
///
/// Specification: contracts, section 9.
module walrus_subsidies::walrus_subsidies;

use std::type_name;
use sui::address;
use sui::balance::Balance;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::dynamic_field;
use wal::wal::WAL;
use walrus::staking::Staking;
use walrus::system::System;
use walrus_subsidies::walrus_subsidies_inner::{Self, WalrusSubsidiesInnerV1};

// === Errors ===

/// The capability belongs to another object.
const EUnauthorizedAdminCap: u64 = 0;
/// The object belongs to another version of the package.
const EWrongVersion: u64 = 1;
/// The object has this version already.
const EInvalidMigration: u64 = 2;

// === Constants ===

/// Version of the objects this package works on.
const VERSION: u64 = 3;

// === Structs ===

/// The subsidies, shared.
public struct WalrusSubsidies has key {
    id: UID,
    version: u64,
    /// The package to call.
    package_id: ID,
}

/// The right to set the rates of one object.
public struct AdminCap has key, store {
    id: UID,
    subsidies_id: ID,
}

/// Name of the dynamic field with the state.
public struct SubsidiesInnerKey() has copy, drop, store;

/// Marks version 1: a type names the package that introduced it.
#[allow(unused_field)]
public struct V1()

/// Marks version 2.
#[allow(unused_field)]
public struct V2()

/// Marks version 3.
#[allow(unused_field)]
public struct V3()

// === Constructors ===

/// Shares subsidies without funds. What users have paid until now is not subsidized.
///
/// #### Parameters
/// - `system`, `staking`: the Walrus system.
/// - `system_subsidy_rate`: usage part, basis points of the user payments.
/// - `base_subsidy`: fixed part, FROST per node and epoch.
/// - `subsidy_per_shard`: fixed part, FROST per shard and epoch.
/// - `ctx`: source of object IDs.
///
/// #### Returns
/// The capability to set the rates.
///
/// #### Aborts
/// - `walrus_subsidies_inner::EInvalidSubsidyRate` (0): a rate is out of the range that its setter accepts.
/// - `walrus::system::EWrongVersion` (1), `walrus::staking::EWrongVersion` (1).
#[allow(lint(share_owned))]
public fun new(
    system: &System,
    staking: &Staking,
    system_subsidy_rate: u32,
    base_subsidy: u64,
    subsidy_per_shard: u64,
    ctx: &mut TxContext,
): AdminCap {
    let inner = walrus_subsidies_inner::new(
        system,
        staking,
        system_subsidy_rate,
        base_subsidy,
        subsidy_per_shard,
        ctx,
    );
    let mut subsidies = WalrusSubsidies {
        id: object::new(ctx),
        version: VERSION,
        package_id: current_package_id(),
    };
    dynamic_field::add(&mut subsidies.id, SubsidiesInnerKey(), inner);
    let admin_cap = AdminCap { id: object::new(ctx), subsidies_id: object::id(&subsidies) };
    transfer::share_object(subsidies);
    admin_cap
}

// === Public Functions: funds ===

/// Adds a coin to the funds. Anybody may.
///
/// #### Aborts
/// - `EWrongVersion` (1).
public fun add_coin(self: &mut WalrusSubsidies, funds: Coin<WAL>) {
    self.inner_mut().add_balance(funds.into_balance())
}

/// Adds a balance to the funds. Anybody may.
///
/// #### Aborts
/// - `EWrongVersion` (1).
public fun add_balance(self: &mut WalrusSubsidies, balance: Balance<WAL>) {
    self.inner_mut().add_balance(balance)
}

// === Public Functions: rates ===

/// Sets the rate of the usage part.
///
/// #### Parameters
/// - `self`: the subsidies.
/// - `admin_cap`: their capability.
/// - `new_rate`: basis points of the user payments.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (0), `EWrongVersion` (1).
/// - `walrus_subsidies_inner::EInvalidSubsidyRate` (0) above 1 000 000.
public fun set_system_subsidy_rate(
    self: &mut WalrusSubsidies,
    admin_cap: &AdminCap,
    new_rate: u32,
) {
    self.assert_admin(admin_cap);
    self.inner_mut().set_system_subsidy_rate(new_rate)
}

/// Sets the fixed part per node.
///
/// #### Parameters
/// - `self`: the subsidies.
/// - `admin_cap`: their capability.
/// - `base_subsidy`: FROST per node and epoch.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (0), `EWrongVersion` (1).
/// - `walrus_subsidies_inner::EInvalidSubsidyRate` (0) if a node with 65 535 shards would get more than `u64::MAX`.
public fun set_base_subsidy(self: &mut WalrusSubsidies, admin_cap: &AdminCap, base_subsidy: u64) {
    self.assert_admin(admin_cap);
    self.inner_mut().set_base_subsidy(base_subsidy)
}

/// Sets the fixed part per shard.
///
/// #### Parameters
/// - `self`: the subsidies.
/// - `admin_cap`: their capability.
/// - `subsidy_per_shard`: FROST per shard and epoch.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (0), `EWrongVersion` (1).
/// - `walrus_subsidies_inner::EInvalidSubsidyRate` (0) if a node with 65 535 shards would get more than `u64::MAX`.
public fun set_per_shard_subsidy(
    self: &mut WalrusSubsidies,
    admin_cap: &AdminCap,
    subsidy_per_shard: u64,
) {
    self.assert_admin(admin_cap);
    self.inner_mut().set_per_shard_subsidy(subsidy_per_shard)
}

/// Forgives what nodes are owed because the funds ran short: a rate that was set too high can be taken back as long as nothing
/// was paid at it. The debts of members go at once, those of nodes that have left for up to 500 committees a call.
///
/// #### Parameters
/// - `self`: the subsidies.
/// - `admin_cap`: their capability.
///
/// #### Aborts
/// - `EUnauthorizedAdminCap` (0), `EWrongVersion` (1).
public fun forgive_debts(self: &mut WalrusSubsidies, admin_cap: &AdminCap) {
    self.assert_admin(admin_cap);
    self.inner_mut().forgive_debts()
}

// === Public Functions: payment ===

/// Pays the nodes what is due to them, as far as the funds go; what is missing is paid by a later call. Anybody may. Members of
/// the previous committee come first, then up to 50 nodes that have left with a debt: to pay more of them, call again.
///
/// #### Parameters
/// - `self`: the subsidies.
/// - `staking`, `system`: the Walrus system.
/// - `clock`: the time, which is remembered.
///
/// #### Aborts
/// - `EWrongVersion` (1), `walrus::system::EWrongVersion` (1), `walrus::staking::EWrongVersion` (1).
public fun process_subsidies(
    self: &mut WalrusSubsidies,
    staking: &mut Staking,
    system: &mut System,
    clock: &Clock,
) {
    self.inner_mut().process_subsidies(staking, system, clock)
}

// === Public Functions: migration ===

/// Moves the object to the version of this package. Anybody may.
///
/// #### Aborts
/// - `EInvalidMigration` (2): it has this version, or a later one, already.
public fun migrate(self: &mut WalrusSubsidies) {
    assert!(self.version < VERSION, EInvalidMigration);
    self.version = VERSION;
    self.package_id = current_package_id();
}

// === Private Functions ===

/// The package that introduced the marker of the current version, which is this one.
fun current_package_id(): ID {
    let defining_address = type_name::with_defining_ids<V3>().address_string();
    address::from_ascii_bytes(defining_address.as_bytes()).to_id()
}

/// Aborts `EUnauthorizedAdminCap` (0) unless the capability is that of the object.
fun assert_admin(self: &WalrusSubsidies, admin_cap: &AdminCap) {
    assert!(admin_cap.subsidies_id == object::id(self), EUnauthorizedAdminCap);
}

/// The state, mutably. Aborts `EWrongVersion` (1).
fun inner_mut(self: &mut WalrusSubsidies): &mut WalrusSubsidiesInnerV1 {
    assert!(self.version == VERSION, EWrongVersion);
    dynamic_field::borrow_mut(&mut self.id, SubsidiesInnerKey())
}

// === Test-Only Functions ===

/// The state.
#[test_only]
public fun inner_for_testing(self: &WalrusSubsidies): &WalrusSubsidiesInnerV1 {
    dynamic_field::borrow(&self.id, SubsidiesInnerKey())
}

/// The state, mutably.
#[test_only]
public fun inner_mut_for_testing(self: &mut WalrusSubsidies): &mut WalrusSubsidiesInnerV1 {
    self.inner_mut()
}

/// Version and package.
#[test_only]
public fun version_and_package(self: &WalrusSubsidies): (u64, ID) {
    (self.version, self.package_id)
}

/// Pretends that the object belongs to another version of the package.
#[test_only]
public fun set_version_for_testing(self: &mut WalrusSubsidies, version: u64) {
    self.version = version;
    self.package_id = @0x0.to_id();
}
