/// Entry points of the staking side: registration and parameters of storage nodes, stake, and the epoch change.
///
/// Life cycle: `init::initialize_walrus` creates and shares the one `Staking` object; package upgrades migrate it.
///
/// Invariants
/// 1. The inner state lies in the dynamic field named by `version`. Every function but the migration checks that `version`
///    is the one this package was compiled for, so that exactly one version of the package works at any time.
/// 2. A `StorageNodeCap` stands for its node: whoever holds it sets the node's parameters.
///
/// Besides the aborts listed, every function that reads the state aborts with `EWrongVersion` (1) when the object belongs to
/// another version of the package, and every function that names a node aborts in `0x2::dynamic_field` (1) when there is no
/// such node, unless something else is said. A function without a list of aborts has these only.
///
/// In all functions `staking` or `self` is the staking object, `cap` the capability of the node that acts.
///
/// Specification: contracts, sections 4.1 and 7.10 to 7.13.
module walrus::staking;

use std::string::String;
use sui::balance::Balance;
use sui::clock::Clock;
use sui::coin::Coin;
use sui::dynamic_field;
use wal::wal::{ProtectedTreasury, WAL};
use walrus::auth::{Authenticated, Authorized};
use walrus::committee::Committee;
use walrus::events;
use walrus::node_metadata::NodeMetadata;
use walrus::signing_keys;
use walrus::staked_wal::StakedWal;
use walrus::staking_inner::{Self, StakingInnerV1};
use walrus::staking_pool;
use walrus::storage_node::{Self, StorageNodeCap};
use walrus::sync_deadline;
use walrus::system::System;

// === Errors ===

/// The object cannot be migrated by this package.
const EInvalidMigration: u64 = 0;
/// The object belongs to another version of the package.
const EWrongVersion: u64 = 1;
/// The function has a successor.
const EDeprecatedFunction: u64 = 2;

// === Constants ===

/// The version of objects this package works with.
const VERSION: u64 = 4;
/// Name of the dynamic field with the packages that were announced and discarded since the last migration.
const DISCARDED_KEY: vector<u8> = b"discarded";
/// Name of the dynamic field with the epoch from which on a migration was announced.
const MIGRATION_EPOCH_KEY: vector<u8> = b"migration_epoch";

// === Structs ===

/// The shared object of the staking side.
public struct Staking has key {
    id: UID,
    version: u64,
    package_id: ID,
    new_package_id: Option<ID>,
}

// === Constructors ===

/// Creates and shares the object, in epoch 0. Durations are in ms. `threshold_stake`: FROST from which on a node may be a
/// candidate for the committee.
public(package) fun create(
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    threshold_stake: u64,
    package_id: ID,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let mut staking = Staking {
        id: object::new(ctx),
        version: VERSION,
        package_id,
        new_package_id: option::none(),
    };
    let inner = staking_inner::new(
        epoch_zero_duration,
        epoch_duration,
        n_shards,
        threshold_stake,
        clock,
        ctx,
    );
    dynamic_field::add(&mut staking.id, VERSION, inner);
    transfer::share_object(staking);
}

// === Public Functions: registration ===

/// Registers a storage node. Anybody may; only the BLS key has to be unique.
///
/// - `staking`: the staking object.
/// - `name`: name to show, at most 100 bytes.
/// - `network_address`: `host:port` without a scheme, at most 259 bytes.
/// - `metadata`: descriptive data.
/// - `public_key`: compressed BLS12-381 G1 point, 48 bytes.
/// - `network_public_key`: compressed secp256r1 point, 33 bytes.
/// - `proof_of_possession`: signature of the key over the current or the previous epoch, sender and key.
/// - `commission_rate`: in basis points, at most 10 000.
/// - `storage_price`: vote, in FROST per MiB and epoch.
/// - `write_price`: vote, in FROST per MiB.
/// - `node_capacity`: vote, in bytes of encoded data.
/// - `ctx`: names the sender, who keeps the node's vote on governance.
/// - Returns the node's capability; whoever presents it may collect the commission.
/// - Aborts `messages::EInvalidKeyLength` (6), `staking_pool::EInvalidProofOfPossession` (4): key or proof are not valid;
///   `staking_pool::EInvalidNameLength` (17), `staking_pool::EInvalidNetworkAddressLength` (16): too long;
///   `staking_pool::EIncorrectCommissionRate` (14): more than 100 %; `storage_node::EInvalidNetworkPublicKey` (0): not 33
///   bytes; `signing_keys::EKeyInUse` (0): another node has, or had, the key; in `0x2::bls12381` or `0x2::group_ops`:
///   `public_key` is no point.
public fun register_candidate(
    staking: &mut Staking,
    name: String,
    network_address: String,
    metadata: NodeMetadata,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    commission_rate: u16,
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
    ctx: &mut TxContext,
): StorageNodeCap {
    let inner = staking.inner_mut();
    let wctx = inner.context();
    let pool = staking_pool::new(
        name,
        network_address,
        metadata,
        public_key,
        network_public_key,
        proof_of_possession,
        commission_rate,
        staking_pool::new_voting_params(storage_price, write_price, node_capacity),
        &wctx,
        ctx,
    );
    let node_id = inner.add_pool(pool);
    let cap = storage_node::new_cap(node_id, ctx);
    inner.pool_mut(node_id).init_commission_receiver(object::id(&cap));
    signing_keys::claim(&mut staking.id, public_key, node_id, ctx);
    cap
}

// === Public Functions: commission and authorization ===

/// Sets the commission rate of the node of `cap` to `commission_rate` basis points from the epoch after the next on.
///
/// - Aborts `staking_pool::EIncorrectCommissionRate` (14): more than 10 000.
public fun set_next_commission(staking: &mut Staking, cap: &StorageNodeCap, commission_rate: u16) {
    let inner = staking.inner_mut();
    let wctx = inner.context();
    inner.pool_mut(cap.node_id()).set_next_commission(commission_rate, &wctx)
}

/// Takes the commission of node `node_id` that can be collected, as the commission receiver proven by `auth`.
///
/// - Returns the commission, without what the last epoch change credited unless the vote of this epoch has ended; may be
///   zero.
/// - Aborts `staking_pool::EAuthorizationFailure` (15): `auth` is not the commission receiver.
public fun collect_commission(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    ctx: &mut TxContext,
): Coin<WAL> {
    staking.inner_mut().pool_mut(node_id).collect_commission(auth).into_coin(ctx)
}

/// Makes `receiver` the commission receiver of node `node_id`, as the present one, proven by `auth`.
///
/// - Aborts `staking_pool::EAuthorizationFailure` (15): `auth` is not the commission receiver.
public fun set_commission_receiver(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    receiver: Authorized,
) {
    staking.inner_mut().pool_mut(node_id).set_commission_receiver(auth, receiver)
}

/// Lets `authorized` vote on governance for node `node_id`, as the present entity, proven by `auth`.
///
/// - Aborts `staking_pool::EAuthorizationFailure` (15): `auth` may not vote on governance.
public fun set_governance_authorized(
    staking: &mut Staking,
    node_id: ID,
    auth: Authenticated,
    authorized: Authorized,
) {
    staking.inner_mut().pool_mut(node_id).set_governance_authorized(auth, authorized)
}

/// Adds `commissions[i]` to the commission of node `node_ids[i]`. It can be collected at once, except by members of the previous
/// committee before the vote of this epoch has ended: they can from then on. Anybody may.
///
/// - Aborts in `0x1::vector`: the vectors differ in length.
public fun add_commission_to_pools(
    staking: &mut Staking,
    node_ids: vector<ID>,
    commissions: vector<Balance<WAL>>,
) {
    staking.inner_mut().add_commission_to_pools(node_ids, commissions)
}

// === Public Functions: committees ===

/// Returns the current committee. Aborts with `EWrongVersion` (1) only.
public fun committee(staking: &Staking): &Committee {
    staking.inner().committee()
}

/// Returns the committee of the previous epoch. Aborts with `EWrongVersion` (1) only.
public fun previous_committee(staking: &Staking): &Committee {
    staking.inner().previous_committee()
}

/// Returns the committee that would be selected if the vote ended now.
///
/// - Aborts `staking_inner::ENoStake` (3): no node has stake.
public fun compute_next_committee(staking: &Staking): Committee {
    staking.inner().compute_next_committee()
}

// === Public Functions: votes ===

/// Changes the vote of the node of `cap` to `storage_price` FROST per MiB and epoch. `update_prices` puts it into force.
public fun set_storage_price_vote(self: &mut Staking, cap: &StorageNodeCap, storage_price: u64) {
    self.inner_mut().pool_mut(cap.node_id()).set_storage_price(storage_price)
}

/// Changes the vote of the node of `cap` to `write_price` FROST per MiB. `update_prices` puts it into force.
public fun set_write_price_vote(self: &mut Staking, cap: &StorageNodeCap, write_price: u64) {
    self.inner_mut().pool_mut(cap.node_id()).set_write_price(write_price)
}

/// Changes the vote of the node of `cap` to `node_capacity` bytes of encoded data, used when the next vote ends.
public fun set_node_capacity_vote(self: &mut Staking, cap: &StorageNodeCap, node_capacity: u64) {
    self.inner_mut().pool_mut(cap.node_id()).set_node_capacity(node_capacity)
}

/// Puts the prices the current committee votes for into force. Anybody may. Emits `PricesUpdated`.
///
/// - Aborts `system::EWrongVersion` (1).
public fun update_prices(staking: &mut Staking, system: &mut System) {
    let inner = staking.inner();
    let (storage_price, write_price) = inner.quorum_prices();
    system.set_prices(storage_price, write_price);
    events::emit_prices_updated(inner.epoch(), storage_price, write_price);
}

// === Public Functions: node info ===

/// Returns the descriptive data of node `node_id`.
public fun node_metadata(self: &Staking, node_id: ID): NodeMetadata {
    self.inner().pool(node_id).node_info().metadata()
}

/// Sets the BLS key that the node of `cap` uses from the next epoch on. The end of the vote collects the keys of the next committee:
/// announced after it, the key of a member is for the epoch after the next, and until then the one that was collected counts.
///
/// - `self`: the staking object.
/// - `cap`: the node's capability.
/// - `public_key`: compressed BLS12-381 G1 point, 48 bytes.
/// - `proof_of_possession`: signature of the key over the current or the previous epoch, sender and key.
/// - `ctx`: names the sender.
/// - Aborts `messages::EInvalidKeyLength` (6), `staking_pool::EInvalidProofOfPossession` (4): key or proof are not valid;
///   `signing_keys::EKeyInUse` (0): another node has, or had, the key; in `0x2::bls12381` or `0x2::group_ops`: `public_key`
///   is no point.
public fun set_next_public_key(
    self: &mut Staking,
    cap: &StorageNodeCap,
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    ctx: &mut TxContext,
) {
    let inner = self.inner_mut();
    let wctx = inner.context();
    inner
        .pool_mut(cap.node_id())
        .set_next_public_key(public_key, proof_of_possession, &wctx, ctx);
    inner.keep_collected_key(cap.node_id());
    signing_keys::claim(&mut self.id, public_key, cap.node_id(), ctx)
}

/// Changes the name of the node of `cap`.
///
/// - Aborts `staking_pool::EInvalidNameLength` (17): more than 100 bytes.
public fun set_name(self: &mut Staking, cap: &StorageNodeCap, name: String) {
    self.inner_mut().pool_mut(cap.node_id()).set_name(name)
}

/// Changes the network address of the node of `cap`, effective immediately.
///
/// - Aborts `staking_pool::EInvalidNetworkAddressLength` (16): more than 259 bytes.
public fun set_network_address(self: &mut Staking, cap: &StorageNodeCap, network_address: String) {
    self.inner_mut().pool_mut(cap.node_id()).set_network_address(network_address)
}

/// Changes the network public key of the node of `cap`, effective immediately.
///
/// - Aborts `storage_node::EInvalidNetworkPublicKey` (0): not 33 bytes.
public fun set_network_public_key(
    self: &mut Staking,
    cap: &StorageNodeCap,
    network_public_key: vector<u8>,
) {
    self.inner_mut().pool_mut(cap.node_id()).node_info_mut().set_network_public_key(network_public_key)
}

/// Replaces the descriptive data of the node of `cap`.
public fun set_node_metadata(self: &mut Staking, cap: &StorageNodeCap, metadata: NodeMetadata) {
    self.inner_mut().pool_mut(cap.node_id()).node_info_mut().set_node_metadata(metadata)
}

// === Public Functions: epoch change ===

/// Ends the vote of the epoch: selects committee, keys and capacity of the next one. Anybody may, from half an epoch after the
/// shards were synced on. Emits `EpochParametersSelected`.
///
/// While the epoch change is not done, the function aborts, unless it is overdue (see `sync_deadline`): then it closes the epoch
/// change, emits `EpochChangeDone` and does nothing else. The vote ends with another call half an epoch later.
///
/// - `staking`: the staking object.
/// - `clock`: the time.
/// - Aborts `staking_inner::EWrongEpochState` (0): it is too early, or the epoch is in another state;
///   `staking_inner::ENoStake` (3): no node has stake.
public fun voting_end(staking: &mut Staking, clock: &Clock) {
    let inner = staking.inner();
    if (inner.is_syncing() && sync_deadline::is_over(&staking.id, inner.epoch_duration(), clock)) {
        staking.inner_mut().close_epoch_change(clock)
    } else {
        staking.inner_mut().voting_end(clock)
    }
}

/// Has been replaced by `initiate_epoch_change_v2`.
///
/// - Aborts `EDeprecatedFunction` (2): always.
#[allow(unused_variable)]
public fun initiate_epoch_change(staking: &mut Staking, system: &mut System, clock: &Clock) {
    abort EDeprecatedFunction
}

/// Starts the next epoch: burns and pays out what the ending one earned, hands the system over to the next committee, and puts
/// its prices into force. Anybody may, one epoch after the shards were synced. Emits `EpochChangeStart` and `PricesUpdated`.
///
/// - `staking`, `system`: the two shared objects.
/// - `treasury`: burns WAL.
/// - `clock`: the time.
/// - `ctx`: source of object IDs.
/// - Aborts `staking_inner::ENextCommitteeIsEmpty` (6): the vote has not ended; `staking_inner::EWrongEpochState` (0): it is
///   too early; `system::EWrongVersion` (1).
public fun initiate_epoch_change_v2(
    staking: &mut Staking,
    system: &mut System,
    treasury: &mut ProtectedTreasury,
    clock: &Clock,
    ctx: &mut TxContext,
) {
    let inner = staking.inner_mut();
    treasury.burn(system.extract_burn_balance().into_coin(ctx));
    let committee = inner.next_bls_committee();
    let rewards = system.advance_epoch(committee, inner.next_epoch_params());
    inner.initiate_epoch_change(rewards, clock);
    sync_deadline::start(&mut staking.id, clock);
    staking.update_prices(system);
}

/// Reports that the node of `cap` holds all its shards of `epoch`. At a quorum the epoch change is done; later reports are
/// recorded in the capability only. Emits `ShardsReceived`, at the quorum `EpochChangeDone` before.
///
/// - `staking`: the staking object.
/// - `cap`: the node's capability, which remembers the report.
/// - `epoch`: the current epoch.
/// - `clock`: the time.
/// - Aborts `staking_inner::EInvalidSyncEpoch` (1): `epoch` is not the current one; `staking_inner::EDuplicateSyncDone` (2):
///   the node reported already; `staking_inner::ENotInCommittee` (4): the node is not in the committee.
public fun epoch_sync_done(
    staking: &mut Staking,
    cap: &mut StorageNodeCap,
    epoch: u32,
    clock: &Clock,
) {
    staking.inner_mut().epoch_sync_done(cap, epoch, clock)
}

// === Public Functions: stake ===

/// Stakes with a node.
///
/// - `staking`: the staking object.
/// - `to_stake`: the principal, at least 1 WAL.
/// - `node_id`: the node.
/// - `ctx`: source of the object ID.
/// - Returns the stake, active from the next epoch on; from the one after it if the vote of this epoch has ended.
/// - Aborts `staking_pool::EPoolIsNotActive` (6): the node takes no stake; `staking_pool::EZeroStake` (7),
///   `staked_wal::EStakeBelowThreshold` (7): less than 1 WAL.
public fun stake_with_pool(
    staking: &mut Staking,
    to_stake: Coin<WAL>,
    node_id: ID,
    ctx: &mut TxContext,
): StakedWal {
    staking.inner_mut().stake_with_pool(to_stake.into_balance(), node_id, ctx)
}

/// Announces the withdrawal of stake. It earns rewards up to the epoch in which it can be withdrawn: the next one, or the one
/// after it if the node is in the next committee already.
///
/// - `staking`: the staking object.
/// - `staked_wal`: the stake.
/// - Aborts `staking_pool::ENotStaked` (8): the withdrawal was requested before; `staking_pool::EWithdrawDirectly` (13): the
///   stake counts in no committee, no request is needed; `staking_pool::EActivationEpochNotReached` (12): the stake is not
///   active yet; `staking_pool::EZeroShares` (18): the stake is worth less than one share.
#[allow(unused_variable)]
public fun request_withdraw_stake(
    staking: &mut Staking,
    staked_wal: &mut StakedWal,
    ctx: &mut TxContext,
) {
    staking.inner_mut().request_withdraw_stake(staked_wal)
}

/// Withdraws stake: at once while it counts in no committee, else from the epoch on that the request set.
///
/// - `staking`: the staking object.
/// - `staked_wal`: the stake.
/// - `ctx`: source of the object ID.
/// - Returns principal and rewards.
/// - Aborts `staking_pool::ENotWithdrawing` (10): a request is needed; `staking_pool::EWithdrawEpochNotReached` (11): it is
///   too early; `staking_pool::EActivationEpochNotReached` (12): the stake is not active yet.
public fun withdraw_stake(
    staking: &mut Staking,
    staked_wal: StakedWal,
    ctx: &mut TxContext,
): Coin<WAL> {
    staking.inner_mut().withdraw_stake(staked_wal).into_coin(ctx)
}

/// Enters the node of `cap` into the active set with the stake it will have in the next open epoch, if that suffices, else into
/// the reserve from which free places are filled.
public fun try_join_active_set(staking: &mut Staking, cap: &StorageNodeCap) {
    staking.inner_mut().try_join_active_set(cap.node_id())
}

// === Public Functions: queries ===

/// Returns the current epoch. Aborts with `EWrongVersion` (1) only.
public fun epoch(staking: &Staking): u32 {
    staking.inner().epoch()
}

/// Computes rewards from the exchange rates known so far.
///
/// - `staking`: the staking object.
/// - `node_id`: the node staked with.
/// - `staked_principal`: the principal in FROST.
/// - `activation_epoch`: the first epoch that earned rewards.
/// - `withdraw_epoch`: the first epoch that did not.
/// - Returns the rewards in FROST.
/// - Aborts `staking_inner::EPoolNotFound` (8): there is no such node.
public fun calculate_rewards(
    staking: &Staking,
    node_id: ID,
    staked_principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    staking
        .inner()
        .calculate_rewards(node_id, staked_principal, activation_epoch, withdraw_epoch)
}

/// Returns whether `staked_wal` counts in no committee yet, so that it can be withdrawn without a request.
public fun can_withdraw_staked_wal_early(staking: &Staking, staked_wal: &StakedWal): bool {
    staking.inner().can_withdraw_early(staked_wal)
}

/// Returns whether node `node_id`, which need not exist, is in the active set: among the candidates for the next committee.
/// Aborts with `EWrongVersion` (1) only.
public fun is_in_active_set(staking: &Staking, node_id: ID): bool {
    staking.inner().active_set().contains(node_id)
}

/// Returns the smallest stake in FROST with which a node that is not in the active set would get in now. A node in the set does not
/// fall out of it by having less, as long as nobody with more waits. Aborts with `EWrongVersion` (1) only.
public fun active_set_threshold(staking: &Staking): u64 {
    staking.inner().active_set().entry_stake()
}

/// Returns the exchange rate of the pool of node `node_id` at the start of `epoch`.
///
/// - Returns FROST and the number of shares they are worth; one for one if the pool had no stake. For an epoch that the pool has
///   not entered the rate as it would be without further rewards.
public fun pool_exchange_rate(staking: &Staking, node_id: ID, epoch: u32): (u64, u64) {
    staking.inner().pool(node_id).exchange_rate_at_epoch(epoch).parts()
}

/// Returns the commission of node `node_id` in FROST that can be collected now.
public fun collectable_commission(staking: &Staking, node_id: ID): u64 {
    staking.inner().pool(node_id).collectable_commission()
}

/// Returns the commission of node `node_id` in FROST that cannot be collected before the vote of this epoch has ended.
public fun blocked_commission(staking: &Staking, node_id: ID): u64 {
    staking.inner().pool(node_id).blocked_commission()
}

// === Entry Functions ===

/// Announces, before a migration, that it may happen from the next epoch on. Anybody may; only the first call counts.
///
/// - Aborts `EInvalidMigration` (0): the object is up to date.
#[allow(deprecated_usage)]
entry fun set_migration_epoch(staking: &mut Staking) {
    assert!(staking.version < VERSION, EInvalidMigration);
    if (dynamic_field::exists_(&staking.id, MIGRATION_EPOCH_KEY)) return;
    let inner: &StakingInnerV1 = dynamic_field::borrow(&staking.id, staking.version);
    let epoch = inner.epoch() + 1;
    dynamic_field::add(&mut staking.id, MIGRATION_EPOCH_KEY, epoch);
}

// === Package Functions ===

/// Moves the state to the version of this package and makes the announced package the one to call.
///
/// Only a package whose version follows that of the object can do so, and each package that was discarded since the last migration
/// has used up a number: its migration would make all clients call the package that is announced now, on objects that only the
/// discarded one knows. Aborts `EInvalidMigration` (0).
public(package) fun migrate(staking: &mut Staking) {
    let discarded = staking.take_discarded().length();
    assert!(VERSION == staking.version + 1 + discarded, EInvalidMigration);
    assert!(staking.new_package_id.is_some(), EInvalidMigration);
    let mut inner: StakingInnerV1 = dynamic_field::remove(&mut staking.id, staking.version);
    inner.raise_active_set_limit();
    dynamic_field::add(&mut staking.id, VERSION, inner);
    staking.version = VERSION;
    staking.package_id = staking.new_package_id.extract();
}

/// Announces the package that the next migration belongs to.
public(package) fun set_new_package_id(staking: &mut Staking, new_package_id: ID) {
    staking.new_package_id = option::some(new_package_id);
}

/// The package that the next migration belongs to, if one was announced.
public(package) fun new_package_id(staking: &Staking): Option<ID> {
    staking.new_package_id
}

/// Takes the announcement back, and writes down what was announced, in the dynamic field `b"discarded"`.
public(package) fun discard_new_package_id(staking: &mut Staking) {
    let mut discarded = staking.take_discarded();
    discarded.push_back(staking.new_package_id.extract());
    dynamic_field::add(&mut staking.id, DISCARDED_KEY, discarded);
}

/// The package to call.
public(package) fun package_id(staking: &Staking): ID {
    staking.package_id
}

/// The version of the object.
public(package) fun version(staking: &Staking): u64 {
    staking.version
}

/// Whether `auth` may vote on governance for a node.
public(package) fun is_governance_authorized(
    staking: &Staking,
    node_id: ID,
    auth: &Authenticated,
): bool {
    auth.matches(staking.inner().pool(node_id).governance_authorized())
}

/// Number of shards of a node. Aborts `staking_inner::ENotInCommittee` (4).
public(package) fun node_weight(staking: &Staking, node_id: ID): u16 {
    staking.inner().node_weight(node_id)
}

/// Whether `weight` shards are a quorum.
public(package) fun is_quorum(staking: &Staking, weight: u16): bool {
    staking.inner().is_quorum(weight)
}

/// Takes the entire commission of a node, for slashing.
public(package) fun extract_all_commission(staking: &mut Staking, node_id: ID): Balance<WAL> {
    staking.inner_mut().pool_mut(node_id).extract_all_commission()
}

// === Private Functions ===

/// The state. Aborts `EWrongVersion` (1).
fun inner(staking: &Staking): &StakingInnerV1 {
    assert!(staking.version == VERSION, EWrongVersion);
    dynamic_field::borrow(&staking.id, VERSION)
}

/// The state, mutably. Aborts `EWrongVersion` (1).
fun inner_mut(staking: &mut Staking): &mut StakingInnerV1 {
    assert!(staking.version == VERSION, EWrongVersion);
    dynamic_field::borrow_mut(&mut staking.id, VERSION)
}

/// Takes out the packages that were discarded since the last migration.
#[allow(deprecated_usage)]
fun take_discarded(staking: &mut Staking): vector<ID> {
    if (dynamic_field::exists_(&staking.id, DISCARDED_KEY)) dynamic_field::remove(&mut staking.id, DISCARDED_KEY)
    else vector[]
}

// === Test-Only Functions ===

/// The state.
#[test_only]
public fun inner_for_testing(staking: &Staking): &StakingInnerV1 {
    staking.inner()
}

/// The state, mutably.
#[test_only]
public fun inner_mut_for_testing(staking: &mut Staking): &mut StakingInnerV1 {
    staking.inner_mut()
}

/// Pretends that the object belongs to another version of the package.
#[test_only]
public fun set_version_for_testing(staking: &mut Staking, version: u64) {
    let inner: StakingInnerV1 = dynamic_field::remove(&mut staking.id, staking.version);
    dynamic_field::add(&mut staking.id, version, inner);
    staking.version = version;
}

/// Calls `set_migration_epoch`.
#[test_only]
public fun set_migration_epoch_for_testing(staking: &mut Staking) {
    set_migration_epoch(staking)
}
