/// The pool of one storage node: its stakers' shares, rewards and the operator's commission, its votes and its info.
///
/// Life cycle: `new` at registration; `advance_epoch` for every epoch in which the node is in the old or the new committee.
/// Pools outside the committee are not touched by epoch changes: their pending values wait, merged as far as they will take
/// effect together, and their rate history has gaps, filled by the price at which the pool comes back.
///
/// Invariants
/// 1. The principal lies in the `StakedWal` objects; the pool holds rewards and commission only. `wal_balance` is an
///    accounting number: active principal plus accrued rewards.
/// 2. `num_shares <= wal_balance`: a share is never worth less than 1 FROST.
/// 3. The rate of epoch `e` is the price at the start of `e`. Stake active from `a` on and withdrawn at `w` earns the rewards
///    of the epochs `a .. w - 1`. Stakers never have more than `num_shares` shares together.
/// 4. What leaves the pool as rewards never exceeds `rewards_pool`; all conversions round down.
/// 5. Commission credited by an epoch change cannot be collected before the next vote has ended.
/// 6. A balance of less than `DUST` belongs to nobody: it is what rounding left behind. It is forgotten when the pool leaves
///    the committee, else it would set the price for the next staker; the FROST behind it stay with the rewards, because
///    those who left need not have withdrawn yet.
///
/// Specification: contracts, sections 4.6, 7.10, 7.11 and 8.9.
module walrus::staking_pool;

use std::string::String;
use sui::bag::{Self, Bag};
use sui::balance::{Self, Balance};
use sui::table::{Self, Table};
use wal::wal::WAL;
use walrus::auth::{Self, Authenticated, Authorized};
use walrus::messages;
use walrus::node_metadata::NodeMetadata;
use walrus::pending_values::{Self, PendingValues};
use walrus::pool_exchange_rate::{Self, PoolExchangeRate};
use walrus::staked_wal::{Self, StakedWal};
use walrus::storage_node::{Self, StorageNodeInfo};
use walrus::walrus_context::WalrusContext;

// === Errors ===

/// The pool has entered the epoch already.
const EPoolAlreadyUpdated: u64 = 0;
/// More would leave the pool than it has.
const ECalculationError: u64 = 1;
/// Rewards for a pool without balance.
const EIncorrectEpochAdvance: u64 = 2;
/// The proof of possession is not valid for the key, the sender and the current or previous epoch.
const EInvalidProofOfPossession: u64 = 4;
/// The pool takes no stake any more.
const EPoolIsNotActive: u64 = 6;
/// No stake.
const EZeroStake: u64 = 7;
/// The stake is withdrawing already.
const ENotStaked: u64 = 8;
/// The stake is with another node.
const EIncorrectPoolId: u64 = 9;
/// No withdrawal was requested.
const ENotWithdrawing: u64 = 10;
/// The withdraw epoch lies in the future.
const EWithdrawEpochNotReached: u64 = 11;
/// The activation epoch lies in the future.
const EActivationEpochNotReached: u64 = 12;
/// The stake can be withdrawn without a request.
const EWithdrawDirectly: u64 = 13;
/// The commission rate exceeds 100 %.
const EIncorrectCommissionRate: u64 = 14;
/// The authenticated identity is not the authorized one.
const EAuthorizationFailure: u64 = 15;
/// The network address is too long.
const EInvalidNetworkAddressLength: u64 = 16;
/// The name is too long.
const EInvalidNameLength: u64 = 17;
/// The stake is worth no share.
const EZeroShares: u64 = 18;

// === Constants ===

/// Basis points in 100 %.
const N_BASIS_POINTS: u16 = 10_000;
/// Longest node name in bytes.
const MAX_NODE_NAME_LENGTH: u64 = 100;
/// Longest network address in bytes: 253 of a DNS name, a colon, 5 digits.
const MAX_NETWORK_ADDRESS_LENGTH: u64 = 259;
/// FROST, half of the smallest stake. What a staker has in a pool is worth the principal at least, less the price of one share,
/// and no pool earns so much that a share costs as much as this.
const DUST: u64 = 500_000_000;

// === Structs ===

/// What the node votes for.
public struct VotingParams has copy, drop, store {
    /// FROST per MiB and epoch.
    storage_price: u64,
    /// FROST per MiB.
    write_price: u64,
    /// Bytes of encoded data the node can hold.
    node_capacity: u64,
}

/// State of the pool.
public enum PoolState has copy, drop, store {
    /// Takes stake.
    Active,
    /// Takes no more stake, is gone from the epoch on.
    Withdrawing(u32),
    /// Gone.
    Withdrawn,
}

/// Key in `extra_fields` of the commission, in FROST, that cannot be collected yet.
public struct NewEpochCommissionBlockedForCollection has copy, drop, store {}

/// The pool of one storage node.
public struct StakingPool has key, store {
    id: UID,
    state: PoolState,
    voting_params: VotingParams,
    node_info: StorageNodeInfo,
    /// No exchange rate is older.
    activation_epoch: u32,
    /// The last epoch the pool entered; no exchange rate is younger, except that of a new pool.
    latest_epoch: u32,
    /// Active principal plus accrued rewards, in FROST.
    wal_balance: u64,
    num_shares: u64,
    /// Shares that leave at the start of an epoch.
    pending_shares_withdraw: PendingValues,
    /// Principal that leaves at the start of an epoch, after exactly one active epoch.
    pre_active_withdrawals: PendingValues,
    /// Rates in basis points, by the epoch from which on they apply.
    pending_commission_rate: PendingValues,
    commission_rate: u16,
    exchange_rates: Table<u32, PoolExchangeRate>,
    /// Principal that joins at the start of an epoch.
    pending_stake: PendingValues,
    rewards_pool: Balance<WAL>,
    commission: Balance<WAL>,
    commission_receiver: Authorized,
    governance_authorized: Authorized,
    extra_fields: Bag,
}

// === Constructors ===

/// Creates the votes of a node.
public(package) fun new_voting_params(
    storage_price: u64,
    write_price: u64,
    node_capacity: u64,
): VotingParams {
    VotingParams { storage_price, write_price, node_capacity }
}

/// Creates the pool of a node; the sender of the transaction may collect commission and vote on governance.
///
/// Aborts `messages::EInvalidKeyLength` (6), `EInvalidProofOfPossession` (4), `EInvalidNameLength` (17),
/// `EInvalidNetworkAddressLength` (16), `EIncorrectCommissionRate` (14), `storage_node::EInvalidNetworkPublicKey` (0).
public(package) fun new(
    name: String,
    network_address: String,
    metadata: NodeMetadata,
    public_key: vector<u8>,
    network_public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    commission_rate: u16,
    voting_params: VotingParams,
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakingPool {
    check_proof_of_possession(public_key, proof_of_possession, wctx, ctx);
    check_name(&name);
    check_network_address(&network_address);
    check_commission_rate(commission_rate);

    let id = object::new(ctx);
    let node_id = id.to_inner();
    let activation_epoch =
        if (wctx.committee_selected()) wctx.epoch() + 1 else wctx.epoch();
    let mut exchange_rates = table::new(ctx);
    exchange_rates.add(activation_epoch, pool_exchange_rate::flat());
    StakingPool {
        id,
        state: PoolState::Active,
        voting_params,
        node_info: storage_node::new(
            name,
            node_id,
            network_address,
            public_key,
            network_public_key,
            metadata,
            ctx,
        ),
        activation_epoch,
        latest_epoch: wctx.epoch(),
        wal_balance: 0,
        num_shares: 0,
        pending_shares_withdraw: pending_values::empty(),
        pre_active_withdrawals: pending_values::empty(),
        pending_commission_rate: pending_values::empty(),
        commission_rate,
        exchange_rates,
        pending_stake: pending_values::empty(),
        rewards_pool: balance::zero(),
        commission: balance::zero(),
        commission_receiver: auth::authorized_address(ctx.sender()),
        governance_authorized: auth::authorized_address(ctx.sender()),
        extra_fields: bag::new(ctx),
    }
}

// === Package Functions: stake ===

/// Adds stake. Aborts `EPoolIsNotActive` (6), `EZeroStake` (7), `staked_wal::EStakeBelowThreshold` (7).
public(package) fun stake(
    pool: &mut StakingPool,
    to_stake: Balance<WAL>,
    wctx: &WalrusContext,
    ctx: &mut TxContext,
): StakedWal {
    assert!(pool.state == PoolState::Active, EPoolIsNotActive);
    let amount = to_stake.value();
    assert!(amount > 0, EZeroStake);
    let activation_epoch = wctx.next_activation_epoch();
    let staked_wal = staked_wal::mint(pool.node_id(), to_stake, activation_epoch, ctx);
    pool.pending_stake.merge_until(wctx.epoch());
    pool.pending_stake.insert_or_add(activation_epoch, amount);
    staked_wal
}

/// Announces the withdrawal of stake. `in_next`: the node is in the selected next committee.
///
/// Aborts `EZeroStake` (7), `EIncorrectPoolId` (9), `ENotStaked` (8), `EWithdrawDirectly` (13),
/// `EActivationEpochNotReached` (12), `EZeroShares` (18).
public(package) fun request_withdraw_stake(
    pool: &mut StakingPool,
    staked_wal: &mut StakedWal,
    in_next: bool,
    wctx: &WalrusContext,
) {
    assert!(staked_wal.value() > 0, EZeroStake);
    assert!(staked_wal.node_id() == pool.node_id(), EIncorrectPoolId);
    assert!(staked_wal.is_staked(), ENotStaked);
    assert!(!staked_wal.can_withdraw_early(in_next, wctx), EWithdrawDirectly);

    let (epoch, activation_epoch) = (wctx.epoch(), staked_wal.activation_epoch());
    let principal = staked_wal.value();
    if (activation_epoch == epoch + 1) {
        // The stake counts in the next committee already. It becomes active, and leaves after that one epoch; how many
        // shares it is worth is known only when it is active.
        pool.pre_active_withdrawals.insert_or_add(epoch + 2, principal);
        staked_wal.set_withdrawing(epoch + 2);
        return
    };
    assert!(activation_epoch <= epoch, EActivationEpochNotReached);

    let in_current = wctx.in_current_committee(pool.node_id());
    assert!(in_next || in_current, EWithdrawDirectly);
    let withdraw_epoch = if (in_next) epoch + 2 else epoch + 1;
    let shares = pool.exchange_rate_at_epoch(activation_epoch).to_shares(principal);
    assert!(shares > 0, EZeroShares);
    pool.pending_shares_withdraw.insert_or_add(withdraw_epoch, shares);
    staked_wal.set_withdrawing(withdraw_epoch);
}

/// Pays out principal and rewards. `in_next`: the node is in the selected next committee.
///
/// Aborts `EZeroStake` (7), `EIncorrectPoolId` (9), `ENotWithdrawing` (10), `EWithdrawEpochNotReached` (11),
/// `EActivationEpochNotReached` (12).
public(package) fun withdraw_stake(
    pool: &mut StakingPool,
    staked_wal: StakedWal,
    in_next: bool,
    wctx: &WalrusContext,
): Balance<WAL> {
    let principal = staked_wal.value();
    assert!(principal > 0, EZeroStake);
    assert!(staked_wal.node_id() == pool.node_id(), EIncorrectPoolId);

    let (epoch, activation_epoch) = (wctx.epoch(), staked_wal.activation_epoch());
    if (staked_wal.can_withdraw_early(in_next, wctx)) {
        pool.pending_stake.reduce(activation_epoch, principal);
        return staked_wal.into_balance()
    };

    let in_current = wctx.in_current_committee(pool.node_id());
    let rewards = if (!in_current && !in_next && staked_wal.is_staked()) {
        if (activation_epoch > epoch) {
            pool.pending_stake.reduce(activation_epoch, principal);
            0
        } else {
            let shares = pool.exchange_rate_at_epoch(activation_epoch).to_shares(principal);
            pool.pending_shares_withdraw.insert_or_add(epoch, shares);
            pool.pending_shares_withdraw.merge_until(epoch);
            pool.calculate_rewards(principal, activation_epoch, epoch)
        }
    } else {
        assert!(staked_wal.is_withdrawing(), ENotWithdrawing);
        let withdraw_epoch = staked_wal.withdraw_epoch();
        assert!(withdraw_epoch <= epoch, EWithdrawEpochNotReached);
        assert!(activation_epoch <= epoch, EActivationEpochNotReached);
        pool.calculate_rewards(principal, activation_epoch, withdraw_epoch)
    };

    // Rounding may promise a FROST more than was credited.
    let rewards = rewards.min(pool.rewards_pool.value());
    let mut payout = staked_wal.into_balance();
    payout.join(pool.rewards_pool.split(rewards));
    payout
}

/// The rewards in FROST that `principal` earned from the activation epoch up to, but not including, the withdraw epoch.
public(package) fun calculate_rewards(
    pool: &StakingPool,
    principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    let shares = pool.exchange_rate_at_epoch(activation_epoch).to_shares(principal);
    let value = pool.exchange_rate_at_epoch(withdraw_epoch).to_wal(shares);
    if (value > principal) value - principal else 0
}

// === Package Functions: epochs ===

/// Enters an epoch: credits the rewards of the previous one, applies commission rate, key, and everything pending.
///
/// Aborts `EPoolAlreadyUpdated` (0), `EIncorrectEpochAdvance` (2), `ECalculationError` (1).
public(package) fun advance_epoch(
    pool: &mut StakingPool,
    mut rewards: Balance<WAL>,
    wctx: &WalrusContext,
) {
    let epoch = wctx.epoch();
    assert!(epoch > pool.latest_epoch, EPoolAlreadyUpdated);
    assert!(rewards.value() == 0 || pool.wal_balance > 0, EIncorrectEpochAdvance);

    // Without stakers everything is the operator's.
    let rate = if (pool.wal_balance < DUST) N_BASIS_POINTS else pool.commission_rate;
    let commission = (rewards.value() as u128) * (rate as u128) / (N_BASIS_POINTS as u128);
    pool.add_commission(rewards.split(commission as u64), true);
    pool.pending_commission_rate.latest_value_at(epoch).do!(|rate| {
        pool.commission_rate = rate as u16;
    });
    pool.pending_commission_rate.flush(epoch);

    pool.wal_balance = pool.wal_balance + rewards.value();
    pool.rewards_pool.join(rewards);
    pool.node_info.rotate_public_key();
    pool.process_pending_stake(epoch);
    // A member of the committee needs a balance to be paid in the next epoch.
    if (pool.wal_balance < DUST && !wctx.in_current_committee(pool.node_id())) {
        pool.wal_balance = 0;
        pool.num_shares = 0;
    }
}

/// The rate at the start of an epoch. While the pool enters none, this is the price that those left behind who left: what joins
/// then is counted in shares of the price at which the pool will take it in.
public(package) fun exchange_rate_at_epoch(pool: &StakingPool, epoch: u32): PoolExchangeRate {
    if (epoch > pool.latest_epoch) return pool_exchange_rate::new(pool.wal_balance, pool.num_shares);
    pool_exchange_rate::rate_at(&pool.exchange_rates, &pool.extra_fields, pool.activation_epoch, epoch)
}

/// The balance in FROST that the pool will have at the start of an epoch, without further rewards.
public(package) fun wal_balance_at_epoch(pool: &StakingPool, epoch: u32): u64 {
    let rate = pool_exchange_rate::new(pool.wal_balance, pool.num_shares);
    let shares = pool.pending_shares_withdraw.value_at(epoch) + pool.pre_active_shares(epoch);
    pool.wal_balance + pool.pending_stake.value_at(epoch) - rate.to_wal(shares)
}

// === Package Functions: commission ===

/// Sets the commission rate for the epoch after the next. Aborts `EIncorrectCommissionRate` (14).
public(package) fun set_next_commission(
    pool: &mut StakingPool,
    commission_rate: u16,
    wctx: &WalrusContext,
) {
    check_commission_rate(commission_rate);
    pool.pending_commission_rate.keep_latest_until(wctx.epoch());
    pool.pending_commission_rate.insert_or_replace(wctx.epoch() + 2, commission_rate as u64);
}

/// Adds to the commission; if `blocked`, it cannot be collected before the vote of this epoch has ended.
public(package) fun add_commission(pool: &mut StakingPool, commission: Balance<WAL>, blocked: bool) {
    if (blocked && commission.value() > 0) {
        let key = NewEpochCommissionBlockedForCollection {};
        if (!pool.extra_fields.contains(key)) pool.extra_fields.add(key, 0u64);
        let amount: &mut u64 = &mut pool.extra_fields[key];
        *amount = *amount + commission.value();
    };
    pool.commission.join(commission);
}

/// Makes all commission collectable.
public(package) fun unblock_commission(pool: &mut StakingPool) {
    let key = NewEpochCommissionBlockedForCollection {};
    if (pool.extra_fields.contains(key)) {
        let _: u64 = pool.extra_fields.remove(key);
    }
}

/// Takes the collectable commission. Aborts `EAuthorizationFailure` (15).
public(package) fun collect_commission(pool: &mut StakingPool, auth: Authenticated): Balance<WAL> {
    assert!(auth.matches(&pool.commission_receiver), EAuthorizationFailure);
    let collectable = pool.collectable_commission();
    pool.commission.split(collectable)
}

/// The commission in FROST that can be collected.
public(package) fun collectable_commission(pool: &StakingPool): u64 {
    pool.commission.value() - pool.blocked_commission()
}

/// The commission in FROST that cannot be collected before the vote has ended.
public(package) fun blocked_commission(pool: &StakingPool): u64 {
    let key = NewEpochCommissionBlockedForCollection {};
    let blocked: u64 = if (pool.extra_fields.contains(key)) pool.extra_fields[key] else 0;
    blocked.min(pool.commission.value())
}

/// Takes the entire commission, blocked or not.
public(package) fun extract_all_commission(pool: &mut StakingPool): Balance<WAL> {
    pool.unblock_commission();
    pool.commission.withdraw_all()
}

// === Package Functions: authorization ===

/// Changes who may collect commission. Aborts `EAuthorizationFailure` (15).
public(package) fun set_commission_receiver(
    pool: &mut StakingPool,
    auth: Authenticated,
    receiver: Authorized,
) {
    assert!(auth.matches(&pool.commission_receiver), EAuthorizationFailure);
    pool.commission_receiver = receiver;
}

/// Makes the holder of the node's capability the commission receiver, at registration.
public(package) fun init_commission_receiver(pool: &mut StakingPool, cap_id: ID) {
    pool.commission_receiver = auth::authorized_object(cap_id);
}

/// Changes who may vote on governance. Aborts `EAuthorizationFailure` (15).
public(package) fun set_governance_authorized(
    pool: &mut StakingPool,
    auth: Authenticated,
    authorized: Authorized,
) {
    assert!(auth.matches(&pool.governance_authorized), EAuthorizationFailure);
    pool.governance_authorized = authorized;
}

/// Who may vote on governance.
public(package) fun governance_authorized(pool: &StakingPool): &Authorized {
    &pool.governance_authorized
}

// === Package Functions: votes and info ===

/// The node ID.
public(package) fun node_id(pool: &StakingPool): ID {
    pool.id.to_inner()
}

/// Addresses and keys of the node, for changes that need no check by the pool.
public(package) fun node_info_mut(pool: &mut StakingPool): &mut StorageNodeInfo {
    &mut pool.node_info
}

/// Addresses and keys of the node.
public(package) fun node_info(pool: &StakingPool): &StorageNodeInfo {
    &pool.node_info
}

/// What the node votes for: storage price, write price, capacity.
public(package) fun votes(pool: &StakingPool): (u64, u64, u64) {
    let VotingParams { storage_price, write_price, node_capacity } = pool.voting_params;
    (storage_price, write_price, node_capacity)
}

/// Changes the vote on the storage price.
public(package) fun set_storage_price(pool: &mut StakingPool, storage_price: u64) {
    pool.voting_params.storage_price = storage_price;
}

/// Changes the vote on the write price.
public(package) fun set_write_price(pool: &mut StakingPool, write_price: u64) {
    pool.voting_params.write_price = write_price;
}

/// Changes the vote on the capacity.
public(package) fun set_node_capacity(pool: &mut StakingPool, node_capacity: u64) {
    pool.voting_params.node_capacity = node_capacity;
}

/// Sets the key to be used from the next epoch on. Aborts `messages::EInvalidKeyLength` (6),
/// `EInvalidProofOfPossession` (4).
public(package) fun set_next_public_key(
    pool: &mut StakingPool,
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    wctx: &WalrusContext,
    ctx: &TxContext,
) {
    check_proof_of_possession(public_key, proof_of_possession, wctx, ctx);
    pool.node_info.set_next_public_key(public_key);
}

/// Changes the name. Aborts `EInvalidNameLength` (17).
public(package) fun set_name(pool: &mut StakingPool, name: String) {
    check_name(&name);
    pool.node_info.set_name(name);
}

/// Changes the network address. Aborts `EInvalidNetworkAddressLength` (16).
public(package) fun set_network_address(pool: &mut StakingPool, network_address: String) {
    check_network_address(&network_address);
    pool.node_info.set_network_address(network_address);
}

// === Private Functions ===

/// Enters the epoch: stores its rate, lets pending stake in and withdrawn shares out.
fun process_pending_stake(pool: &mut StakingPool, epoch: u32) {
    let rate = pool_exchange_rate::new(pool.wal_balance, pool.num_shares);
    let last_rate_epoch = pool.latest_epoch.max(pool.activation_epoch);
    pool.latest_epoch = epoch;
    let (rates, extra_fields) = (&mut pool.exchange_rates, &mut pool.extra_fields);
    pool_exchange_rate::record(rates, extra_fields, last_rate_epoch, epoch, rate);

    pool.wal_balance = pool.wal_balance + pool.pending_stake.flush(epoch);
    let mut shares = pool.pre_active_shares(epoch);
    pool.pre_active_withdrawals.flush(epoch);
    shares = shares + pool.pending_shares_withdraw.flush(epoch);

    let withdrawn = rate.to_wal(shares);
    assert!(pool.wal_balance >= withdrawn, ECalculationError);
    pool.wal_balance = pool.wal_balance - withdrawn;
    pool.num_shares = rate.to_shares(pool.wal_balance);
}

/// The shares of the stake that leaves by `epoch` after one active epoch, at the rate at which it became active.
fun pre_active_shares(pool: &StakingPool, epoch: u32): u64 {
    let mut shares = 0;
    pool.pre_active_withdrawals.for_each_until!(epoch, |withdraw_epoch, principal| {
        shares =
            shares + pool.exchange_rate_at_epoch(withdraw_epoch - 1).to_shares(principal);
    });
    shares
}

/// Aborts `messages::EInvalidKeyLength` (6), `EInvalidProofOfPossession` (4).
fun check_proof_of_possession(
    public_key: vector<u8>,
    proof_of_possession: vector<u8>,
    wctx: &WalrusContext,
    ctx: &TxContext,
) {
    assert!(
        messages::is_possession_proven(wctx.epoch(), ctx.sender(), public_key, &proof_of_possession),
        EInvalidProofOfPossession,
    );
}

/// Aborts `EInvalidNameLength` (17).
fun check_name(name: &String) {
    assert!(name.length() <= MAX_NODE_NAME_LENGTH, EInvalidNameLength);
}

/// Aborts `EInvalidNetworkAddressLength` (16).
fun check_network_address(network_address: &String) {
    assert!(network_address.length() <= MAX_NETWORK_ADDRESS_LENGTH, EInvalidNetworkAddressLength);
}

/// Aborts `EIncorrectCommissionRate` (14).
fun check_commission_rate(commission_rate: u16) {
    assert!(commission_rate <= N_BASIS_POINTS, EIncorrectCommissionRate);
}

// === Test-Only Functions ===

/// FROST in the rewards pool, and FROST of commission, collectable or not.
#[test_only]
public fun funds_for_testing(pool: &StakingPool): (u64, u64) {
    (pool.rewards_pool.value(), pool.commission.value())
}

/// Closes the pool for new stake. No entry point does so.
#[test_only]
public fun set_withdrawing(pool: &mut StakingPool, wctx: &WalrusContext) {
    pool.state = PoolState::Withdrawing(wctx.epoch() + 1);
}
