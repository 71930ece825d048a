/// The state of the staking side: all pools, the committees, and the state machine that takes the system from one epoch
/// to the next.
///
/// Life cycle of an epoch
///
/// | State | Entered | Left by |
/// |---|---|---|
/// | `EpochChangeDone(t)` | at creation, or when a quorum of shards is synced at time `t` | `voting_end`, half an epoch after `t` |
/// | `NextParamsSelected(t)` | by `voting_end` | `initiate_epoch_change`, one epoch after `t` |
/// | `EpochChangeSync(w)` | by `initiate_epoch_change` | `epoch_sync_done`, when `w` is a quorum; `close_epoch_change`, much later |
///
/// Epoch 0 ends at `first_epoch_start` instead: both steps are possible from then on.
///
/// Invariants
/// 1. `next_committee` is present exactly in state `NextParamsSelected`; `next_epoch_public_keys` then holds one key for each of
///    its nodes in the same order, and nothing otherwise.
/// 2. From epoch 1 on every shard belongs to exactly one node of `committee`.
/// 3. Every node in the active set, and in its reserve, has the amount of stake it will have in the next epoch whose committee is
///    open.
///
/// Specification: contracts, sections 4.3, 7.12, 7.13, 8.3 to 8.5.
module walrus::staking_inner;

use sui::balance::{Self, Balance};
use sui::bls12381::UncompressedG1;
use sui::clock::Clock;
use sui::group_ops::Element;
use sui::object_table::{Self, ObjectTable};
use sui::vec_map::{Self, VecMap};
use wal::wal::WAL;
use walrus::active_set::{Self, ActiveSet, ActiveSetEntry};
use walrus::apportionment;
use walrus::bls_aggregate::{Self, BlsCommittee};
use walrus::committee::{Self, Committee};
use walrus::epoch_parameters::{Self, EpochParams};
use walrus::events;
use walrus::extended_field::{Self, ExtendedField};
use walrus::signing_keys;
use walrus::staked_wal::StakedWal;
use walrus::staking_pool::StakingPool;
use walrus::storage_node::StorageNodeCap;
use walrus::walrus_context::{Self, WalrusContext};

// === Errors ===

/// The epoch is not in the state, or not yet at the time, for this step.
const EWrongEpochState: u64 = 0;
/// The report is about another epoch.
const EInvalidSyncEpoch: u64 = 1;
/// The node has reported for this epoch already.
const EDuplicateSyncDone: u64 = 2;
/// No node has stake.
const ENoStake: u64 = 3;
/// The node is not in the committee.
const ENotInCommittee: u64 = 4;
/// The next committee is selected already.
const ECommitteeSelected: u64 = 5;
/// The next committee is not selected yet.
const ENextCommitteeIsEmpty: u64 = 6;
/// A node has more shards than there can be.
const EInvalidNodeWeight: u64 = 7;
/// There is no pool with this ID.
const EPoolNotFound: u64 = 8;
/// A selected node has no shards.
const EZeroNodeWeight: u64 = 9;
/// The collected keys are not those of the selected committee.
const EIncorrectNodeOrder: u64 = 10;

// === Constants ===

/// Largest number of nodes in the active set.
const TEMP_ACTIVE_SET_SIZE_LIMIT: u16 = 150;
/// A transaction may look up 1000 children of objects; these are left for the pools when the epoch changes.
const MAX_POOL_CHILDREN: u64 = 980;
/// Children looked up for a member of the ending committee: the pool (2), its new and an older exchange rate, the gaps between
/// rates, its blocked commission.
const CHILDREN_PER_MEMBER: u64 = 6;
/// Children looked up for a node that joins: the pool (2), its new exchange rate, the gaps between rates.
const CHILDREN_PER_JOINING_NODE: u64 = 4;
/// The most shards that there can be.
const MAX_WEIGHT: u64 = 65_535;
/// Placeholder for the prices in the epoch parameters, and the price nobody can pay while there is no committee.
const NO_PRICE: u64 = 18_446_744_073_709_551_615;

// === Structs ===

/// State of the current epoch.
public enum EpochState has copy, drop, store {
    /// Shards are on the move; the weight that reported to be done.
    EpochChangeSync(u16),
    /// A quorum was done at this time, in ms.
    EpochChangeDone(u64),
    /// The next committee is selected; the time at which a quorum was done, in ms.
    NextParamsSelected(u64),
}

/// The state of the staking side.
public struct StakingInnerV1 has store {
    n_shards: u16,
    /// Milliseconds; does not apply to epoch 0.
    epoch_duration: u64,
    /// Timestamp in ms of the earliest end of epoch 0.
    first_epoch_start: u64,
    /// All pools by node ID, which is the pool's object ID.
    pools: ObjectTable<ID, StakingPool>,
    epoch: u32,
    active_set: ExtendedField<ActiveSet>,
    next_committee: Option<Committee>,
    committee: Committee,
    previous_committee: Committee,
    next_epoch_params: Option<EpochParams>,
    epoch_state: EpochState,
    next_epoch_public_keys: ExtendedField<VecMap<ID, Element<UncompressedG1>>>,
}

// === Constructors ===

/// Creates the state in epoch 0, without nodes. Durations are in ms. `threshold_stake`: FROST from which on a node may be in the
/// active set; no stake at all never suffices.
public(package) fun new(
    epoch_zero_duration: u64,
    epoch_duration: u64,
    n_shards: u16,
    threshold_stake: u64,
    clock: &Clock,
    ctx: &mut TxContext,
): StakingInnerV1 {
    StakingInnerV1 {
        n_shards,
        epoch_duration,
        first_epoch_start: clock.timestamp_ms() + epoch_zero_duration,
        pools: object_table::new(ctx),
        epoch: 0,
        active_set: extended_field::new(active_set::new(TEMP_ACTIVE_SET_SIZE_LIMIT, threshold_stake), ctx),
        next_committee: option::none(),
        committee: committee::empty(),
        previous_committee: committee::empty(),
        next_epoch_params: option::none(),
        epoch_state: EpochState::EpochChangeDone(clock.timestamp_ms()),
        next_epoch_public_keys: extended_field::new(vec_map::empty(), ctx),
    }
}

// === Package Functions: accessors ===

/// The current epoch.
public(package) fun epoch(self: &StakingInnerV1): u32 {
    self.epoch
}

/// Milliseconds of every epoch but the first.
public(package) fun epoch_duration(self: &StakingInnerV1): u64 {
    self.epoch_duration
}

/// The current committee.
public(package) fun committee(self: &StakingInnerV1): &Committee {
    &self.committee
}

/// The committee of the previous epoch.
public(package) fun previous_committee(self: &StakingInnerV1): &Committee {
    &self.previous_committee
}

/// The parameters voted for the next epoch. Aborts in `0x1::option` before the first vote has ended.
public(package) fun next_epoch_params(self: &StakingInnerV1): &EpochParams {
    self.next_epoch_params.borrow()
}

/// Number of shards of a node in the current committee. Aborts `ENotInCommittee` (4).
public(package) fun node_weight(self: &StakingInnerV1, node_id: ID): u16 {
    let weight = self.committee.weight(&node_id);
    assert!(weight > 0, ENotInCommittee);
    weight
}

/// Whether `weight` shards are a quorum.
public(package) fun is_quorum(self: &StakingInnerV1, weight: u16): bool {
    bls_aggregate::is_quorum_for_n_shards(weight as u64, self.n_shards as u64)
}

/// The pool of a node. Aborts in `0x2::dynamic_field` (1) when there is none.
public(package) fun pool(self: &StakingInnerV1, node_id: ID): &StakingPool {
    &self.pools[node_id]
}

/// The pool of a node, mutably. Aborts in `0x2::dynamic_field` (1) when there is none.
public(package) fun pool_mut(self: &mut StakingInnerV1, node_id: ID): &mut StakingPool {
    &mut self.pools[node_id]
}

/// What pools need to know about this state.
public(package) fun context(self: &StakingInnerV1): WalrusContext {
    walrus_context::new(
        self.epoch,
        self.next_committee.is_some(),
        self.committee.to_inner(),
    )
}

/// The nodes with the most stake.
public(package) fun active_set(self: &StakingInnerV1): &ActiveSet {
    self.active_set.borrow()
}

/// Whether a node is in the selected next committee.
public(package) fun in_next_committee(self: &StakingInnerV1, node_id: ID): bool {
    self.next_committee.is_some_and!(|committee| committee.contains(&node_id))
}

// === Package Functions: pools ===

/// Adds a pool and returns its node ID.
public(package) fun add_pool(self: &mut StakingInnerV1, pool: StakingPool): ID {
    let node_id = pool.node_id();
    self.pools.add(node_id, pool);
    node_id
}

/// Adds commission to pools. Before the vote of this epoch has ended, members of the previous committee cannot collect it at
/// once, because they may still be slashed for what they did; the end of the vote unblocks it. What others are given is theirs:
/// nothing would ever unblock it. Aborts in `0x1::vector` when the lengths differ.
public(package) fun add_commission_to_pools(
    self: &mut StakingInnerV1,
    node_ids: vector<ID>,
    commissions: vector<Balance<WAL>>,
) {
    let is_open = match (&self.epoch_state) {
        EpochState::NextParamsSelected(_) => false,
        _ => true,
    };
    let members = self.previous_committee.inner();
    let mut next = 0;
    node_ids.zip_do!(commissions, |node_id, commission| {
        let blocked = is_open && {
            // Subsidies come in the order of the committee: no need to search.
            let is_next = next < members.length() && {
                let (member, _) = members.get_entry_by_idx(next);
                member == &node_id
            };
            if (is_next) next = next + 1;
            is_next || self.previous_committee.contains(&node_id)
        };
        self.pools[node_id].add_commission(commission, blocked);
    })
}

// === Package Functions: stake ===

/// Stakes with a node. Aborts as `staking_pool::stake`.
public(package) fun stake_with_pool(
    self: &mut StakingInnerV1,
    to_stake: Balance<WAL>,
    node_id: ID,
    ctx: &mut TxContext,
): StakedWal {
    let wctx = self.context();
    let staked_wal = self.pools[node_id].stake(to_stake, &wctx, ctx);
    self.try_join_active_set(node_id);
    staked_wal
}

/// Announces the withdrawal of stake. Aborts as `staking_pool::request_withdraw_stake`.
public(package) fun request_withdraw_stake(self: &mut StakingInnerV1, staked_wal: &mut StakedWal) {
    let wctx = self.context();
    let node_id = staked_wal.node_id();
    let in_next = self.in_next_committee(node_id);
    self.pools[node_id].request_withdraw_stake(staked_wal, in_next, &wctx);
    self.try_join_active_set(node_id);
}

/// Pays out stake. Aborts as `staking_pool::withdraw_stake`.
public(package) fun withdraw_stake(
    self: &mut StakingInnerV1,
    staked_wal: StakedWal,
): Balance<WAL> {
    let wctx = self.context();
    let node_id = staked_wal.node_id();
    let in_next = self.in_next_committee(node_id);
    let payout = self.pools[node_id].withdraw_stake(staked_wal, in_next, &wctx);
    self.try_join_active_set(node_id);
    payout
}

/// Whether stake can be withdrawn without a request because it counts nowhere yet.
public(package) fun can_withdraw_early(self: &StakingInnerV1, staked_wal: &StakedWal): bool {
    staked_wal.can_withdraw_early(self.in_next_committee(staked_wal.node_id()), &self.context())
}

/// The rewards that stake with a node earned. Aborts `EPoolNotFound` (8).
public(package) fun calculate_rewards(
    self: &StakingInnerV1,
    node_id: ID,
    staked_principal: u64,
    activation_epoch: u32,
    withdraw_epoch: u32,
): u64 {
    assert!(self.pools.contains(node_id), EPoolNotFound);
    self.pools[node_id].calculate_rewards(staked_principal, activation_epoch, withdraw_epoch)
}

/// Writes the stake a node will have in the next open epoch to the active set or its reserve.
public(package) fun try_join_active_set(self: &mut StakingInnerV1, node_id: ID) {
    let stake = self.next_stake(node_id);
    active_set::set_stake(&mut self.active_set, node_id, stake);
}

/// Raises the size of the active set to the current limit, for migrations.
public(package) fun raise_active_set_limit(self: &mut StakingInnerV1) {
    let max_size = self.active_set.borrow().max_size().max(TEMP_ACTIVE_SET_SIZE_LIMIT);
    active_set::resize(&mut self.active_set, max_size);
}

// === Package Functions: keys ===

/// Keeps the key that was collected for the next committee, when the node announces another one.
public(package) fun keep_collected_key(self: &mut StakingInnerV1, node_id: ID) {
    if (self.in_next_committee(node_id)) {
        signing_keys::keep_superseded(&mut self.next_epoch_public_keys, node_id);
    }
}

// === Package Functions: selection of the next committee ===

/// Ends the vote: selects the next committee, its keys and parameters. Members of the committee that others have put out of the
/// active set, and out of its reserve, are offered to it again first.
///
/// Aborts `EWrongEpochState` (0), `ECommitteeSelected` (5), `ENoStake` (3), `EZeroNodeWeight` (9), and as the
/// apportionment.
public(package) fun voting_end(self: &mut StakingInnerV1, clock: &Clock) {
    let synced_at = match (&self.epoch_state) {
        EpochState::EpochChangeDone(synced_at) => *synced_at,
        _ => abort EWrongEpochState,
    };
    self.check_time(synced_at, self.epoch_duration / 2, clock);

    self.previous_committee.inner().keys().do!(|node_id| {
        if (self.pools.contains(node_id)) self.pools[node_id].unblock_commission();
    });

    assert!(self.next_committee.is_none(), ECommitteeSelected);
    let (mut node_ids, mut stakes, missing) = self.candidates(self.active_set.borrow());
    if (!missing.is_empty()) {
        active_set::offer_places(&mut self.active_set, missing);
        (node_ids, stakes, _) = self.candidates(self.active_set.borrow());
    };
    let next_committee = self.select(&node_ids, &stakes);
    let (public_keys, capacity) = self.keys_and_capacity(&next_committee);

    self.next_epoch_public_keys.swap(public_keys);
    self.next_committee = option::some(next_committee);
    self.next_epoch_params = option::some(epoch_parameters::new(capacity, NO_PRICE, NO_PRICE));
    self.epoch_state = EpochState::NextParamsSelected(synced_at);
    events::emit_epoch_parameters_selected(self.epoch + 1);
}

/// The committee that would be selected if the vote ended now. Aborts `ENoStake` (3).
public(package) fun compute_next_committee(self: &StakingInnerV1): Committee {
    let (mut node_ids, mut stakes, missing) = self.candidates(self.active_set.borrow());
    if (!missing.is_empty()) {
        let (active_set, _) = active_set::with_candidates(&self.active_set, missing);
        (node_ids, stakes, _) = self.candidates(&active_set);
    };
    self.select(&node_ids, &stakes)
}

/// The prices the current committee votes for: storage in FROST per MiB and epoch, write in FROST per MiB. Without a
/// committee nobody can pay them.
public(package) fun quorum_prices(self: &StakingInnerV1): (u64, u64) {
    if (self.committee.size() == 0) return (NO_PRICE, NO_PRICE);
    let mut storage_vote = epoch_parameters::new_vote();
    let mut write_vote = epoch_parameters::new_vote();
    self.committee.for_each_weight!(|node_id, weight| {
        let (storage_price, write_price, _) = self.pools[node_id].votes();
        storage_vote.add(storage_price, weight);
        write_vote.add(write_price, weight);
    });
    (
        storage_vote.lowest_with_quorum(self.n_shards),
        write_vote.lowest_with_quorum(self.n_shards),
    )
}

// === Package Functions: epoch change ===

/// The signing committee of the next epoch; consumes the collected keys.
///
/// Aborts `ENextCommitteeIsEmpty` (6), `EIncorrectNodeOrder` (10), `EInvalidNodeWeight` (7).
public(package) fun next_bls_committee(self: &mut StakingInnerV1): BlsCommittee {
    assert!(self.next_committee.is_some(), ENextCommitteeIsEmpty);
    let public_keys = self.next_epoch_public_keys.swap(vec_map::empty());
    let committee = self.next_committee.borrow().inner();
    assert!(committee.length() == public_keys.length(), EIncorrectNodeOrder);
    let members = vector::tabulate!(committee.length(), |i| {
        let (node_id, shards) = committee.get_entry_by_idx(i);
        let (key_node_id, public_key) = public_keys.get_entry_by_idx(i);
        assert!(node_id == key_node_id, EIncorrectNodeOrder);
        assert!(shards.length() <= MAX_WEIGHT, EInvalidNodeWeight);
        bls_aggregate::new_bls_committee_member(*public_key, shards.length() as u16, *node_id)
    });
    bls_aggregate::new_bls_committee(self.epoch + 1, members)
}

/// Enters the next epoch. `rewards`: what the members of the current committee earned in the epoch that ends.
///
/// Aborts `EWrongEpochState` (0), and as `staking_pool::advance_epoch`.
public(package) fun initiate_epoch_change(
    self: &mut StakingInnerV1,
    mut rewards: VecMap<ID, Balance<WAL>>,
    clock: &Clock,
) {
    let synced_at = match (&self.epoch_state) {
        EpochState::NextParamsSelected(synced_at) => *synced_at,
        _ => abort EWrongEpochState,
    };
    self.check_time(synced_at, self.epoch_duration, clock);
    assert!(self.next_committee.is_some(), EWrongEpochState);

    self.epoch = self.epoch + 1;
    self.previous_committee = self.committee;
    self.committee = self.next_committee.extract();
    self.epoch_state = EpochState::EpochChangeSync(0);

    let wctx = self.context();
    let mut stakes = vector[];
    while (!rewards.is_empty()) {
        let (node_id, amount) = rewards.pop();
        stakes.push_back(self.advance_pool(node_id, amount, &wctx));
    };
    rewards.destroy_empty();
    let (_, joining) = self.committee.compare(&self.previous_committee.inner().keys());
    joining.do!(|node_id| stakes.push_back(self.advance_pool(node_id, balance::zero(), &wctx)));
    active_set::set_stakes(&mut self.active_set, &self.previous_committee, &self.committee, stakes);
    let mut superseded = signing_keys::take_superseded(&mut self.next_epoch_public_keys);
    while (!superseded.is_empty()) {
        let (node_id, public_key) = superseded.pop();
        self.pools[node_id].node_info_mut().restore_public_key(public_key);
    };
    events::emit_epoch_change_start(self.epoch);
}

/// Records that a node holds all its shards of the current epoch.
///
/// Aborts `EInvalidSyncEpoch` (1), `EDuplicateSyncDone` (2), `ENotInCommittee` (4).
public(package) fun epoch_sync_done(
    self: &mut StakingInnerV1,
    cap: &mut StorageNodeCap,
    epoch: u32,
    clock: &Clock,
) {
    assert!(epoch == self.epoch, EInvalidSyncEpoch);
    assert!(cap.last_epoch_sync_done() < self.epoch, EDuplicateSyncDone);
    cap.set_last_epoch_sync_done(self.epoch);
    let node_id = cap.node_id();
    let weight = self.node_weight(node_id);
    match (self.epoch_state) {
        EpochState::EpochChangeSync(synced) => {
            let synced = synced + weight;
            if (self.is_quorum(synced)) {
                self.close_epoch_change(clock);
            } else {
                self.epoch_state = EpochState::EpochChangeSync(synced);
            }
        },
        // A late report changes nothing.
        _ => (),
    };
    events::emit_shards_received(self.epoch, *self.committee.shards(&node_id));
}

/// Whether shards are on the move.
public(package) fun is_syncing(self: &StakingInnerV1): bool {
    match (&self.epoch_state) {
        EpochState::EpochChangeSync(_) => true,
        _ => false,
    }
}

/// Ends the epoch change now and emits `EpochChangeDone`. The caller has checked that a quorum is synced or that the epoch
/// change is overdue.
public(package) fun close_epoch_change(self: &mut StakingInnerV1, clock: &Clock) {
    self.epoch_state = EpochState::EpochChangeDone(clock.timestamp_ms());
    events::emit_epoch_change_done(self.epoch);
}

// === Private Functions ===

/// Aborts `EWrongEpochState` (0) before `delay` has passed since `synced_at`, in epoch 0 before its end.
fun check_time(self: &StakingInnerV1, synced_at: u64, delay: u64, clock: &Clock) {
    let earliest = if (self.epoch == 0) self.first_epoch_start else synced_at + delay;
    assert!(clock.timestamp_ms() >= earliest, EWrongEpochState);
}

/// Takes a pool into the current epoch; returns the stake with which it is a candidate for the next one.
fun advance_pool(
    self: &mut StakingInnerV1,
    node_id: ID,
    rewards: Balance<WAL>,
    wctx: &WalrusContext,
): ActiveSetEntry {
    let pool = &mut self.pools[node_id];
    pool.advance_epoch(rewards, wctx);
    active_set::entry(node_id, pool.wal_balance_at_epoch(wctx.epoch() + 1))
}

/// The stake in FROST that a node will have in the next open epoch.
fun next_stake(self: &StakingInnerV1, node_id: ID): u64 {
    let epoch = if (self.next_committee.is_some()) self.epoch + 2 else self.epoch + 1;
    self.pools[node_id].wal_balance_at_epoch(epoch)
}

/// The nodes that an active set proposes and their stakes, in order of rank. When more nodes would join than one epoch change can
/// take in, those with the lowest ranks wait for the next epoch.
///
/// And the members of the committee that have enough stake for the set and are not in it, because they were put out, and out of
/// the reserve, too. Who waits in the reserve has not enough.
fun candidates(
    self: &StakingInnerV1,
    active_set: &ActiveSet,
): (vector<ID>, vector<u64>, vector<ActiveSetEntry>) {
    let (node_ids, stakes) = active_set.ranked();
    let (is_member, absent) = self.committee.compare(&node_ids);
    let mut missing = vector[];
    if (!absent.is_empty()) {
        let entry_stake = active_set.entry_stake();
        absent.do!(|node_id| {
            let stake = self.next_stake(node_id);
            if (stake >= entry_stake) missing.push_back(active_set::entry(node_id, stake));
        });
    };
    let (node_ids, stakes) = committee::limit_joining(node_ids, stakes, is_member, self.max_joining());
    (node_ids, stakes, missing)
}

/// The committee that candidates in order of rank get. Aborts `ENoStake` (3) if there are none.
fun select(self: &StakingInnerV1, node_ids: &vector<ID>, stakes: &vector<u64>): Committee {
    assert!(!node_ids.is_empty(), ENoStake);
    let counts = apportionment::shards_per_node(stakes, self.n_shards);
    if (self.committee.size() == 0) committee::first(node_ids, &counts)
    else self.committee.next(node_ids, &counts)
}

/// How many nodes may join the committee that follows the current one. Without a bound, whoever replaces enough members at once
/// would make the epoch change impossible for good: it does not fit into a transaction any more.
fun max_joining(self: &StakingInnerV1): u64 {
    let for_members = (self.committee.size() * CHILDREN_PER_MEMBER).min(MAX_POOL_CHILDREN);
    (MAX_POOL_CHILDREN - for_members) / CHILDREN_PER_JOINING_NODE
}

/// The keys of the nodes of a committee, in its order, and the capacity in bytes that they vote for. Aborts `EZeroNodeWeight`
/// (9).
fun keys_and_capacity(
    self: &StakingInnerV1,
    committee: &Committee,
): (VecMap<ID, Element<UncompressedG1>>, u64) {
    let mut public_keys = vec_map::empty();
    let mut capacity_vote = epoch_parameters::new_vote();
    committee.for_each_weight!(|node_id, weight| {
        assert!(weight > 0, EZeroNodeWeight);
        let pool = &self.pools[node_id];
        public_keys.insert(node_id, *pool.node_info().next_epoch_public_key());
        let (_, _, node_capacity) = pool.votes();
        capacity_vote.add(total_capacity_vote(node_capacity, weight, self.n_shards), weight);
    });
    (public_keys, capacity_vote.highest_with_quorum(self.n_shards))
}

/// The capacity of the whole system at which a node's share of it is the capacity it votes for.
fun total_capacity_vote(node_capacity: u64, weight: u16, n_shards: u16): u64 {
    let vote = (node_capacity as u128) * (n_shards as u128) / (weight as u128);
    vote.min(std::u64::max_value!() as u128) as u64
}

// === Test-Only Functions ===

/// Whether a quorum is synced and the vote is open.
#[test_only]
public fun is_epoch_change_done(self: &StakingInnerV1): bool {
    match (&self.epoch_state) {
        EpochState::EpochChangeDone(_) => true,
        _ => false,
    }
}

/// Whether the next committee is selected.
#[test_only]
public fun is_next_selected(self: &StakingInnerV1): bool {
    match (&self.epoch_state) {
        EpochState::NextParamsSelected(_) => true,
        _ => false,
    }
}

/// The nodes that wait for a place in the active set.
#[test_only]
public fun waiting_for_testing(self: &StakingInnerV1): vector<ID> {
    active_set::waiting(&self.active_set)
}

/// Changes how many nodes the active set has room for.
#[test_only]
public fun set_active_set_size_for_testing(self: &mut StakingInnerV1, max_size: u16) {
    active_set::resize(&mut self.active_set, max_size)
}

/// FROST in the rewards pool of a node.
#[test_only]
public fun pool_rewards_for_testing(self: &StakingInnerV1, node_id: ID): u64 {
    let (rewards, _) = self.pools[node_id].funds_for_testing();
    rewards
}

/// FROST in the commission of a node.
#[test_only]
public fun pool_commission_for_testing(self: &StakingInnerV1, node_id: ID): u64 {
    let (_, commission) = self.pools[node_id].funds_for_testing();
    commission
}

/// Replaces the selected committee, in whatever state the epoch is.
#[test_only]
public fun set_next_committee_for_testing(self: &mut StakingInnerV1, committee: Committee) {
    self.next_committee = option::some(committee);
}

/// Collects the keys and votes of a committee that was not selected.
#[test_only]
public fun capacity_vote_for_testing(self: &StakingInnerV1, committee: &Committee): u64 {
    let (_, capacity) = self.keys_and_capacity(committee);
    capacity
}

/// The number of shards.
#[test_only]
public fun n_shards(self: &StakingInnerV1): u16 {
    self.n_shards
}
