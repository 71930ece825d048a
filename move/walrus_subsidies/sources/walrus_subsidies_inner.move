/// Rates, funds and bookkeeping of the subsidies.
///
/// Invariants
/// 1. `system_subsidy_rate` is at most 1 000 000 basis points, and the fixed subsidy of a node with all shards there can be
///    fits into 64 bits.
/// 2. A payment for storage or writes is subsidized at most once: `already_subsidized_balances` holds, per epoch, the user
///    payments that are done with. Subsidies, donations and leftovers are no user payments.
/// 3. What a node could not be paid is owed to it until it is paid or the debts are forgiven. Nothing but debts and the number
///    of the last epoch is remembered of past epochs: the chain knows only the previous committee.
/// 4. A call touches the pools of the previous committee and of at most `MAX_FORMER_MEMBERS` other nodes, however many are owed
///    something: a transaction has room for a limited number of objects.
///
/// When the funds do not suffice, what is there is paid: first the fixed part of the previous committee, in equal proportion to
/// what each member is to get; then nodes that have left with a debt, who waits longest first; then the usage part, the earliest
/// epochs first. The rest waits for new funds.
///
/// Life cycle: created with rates, filled with funds by anybody, processed by anybody in every epoch; lives as long as the object.
///
/// Specification: contracts, section 9 and section 13, numbers 28 to 30.
module walrus_subsidies::walrus_subsidies_inner;

use sui::bag::{Self, Bag};
use sui::balance::{Self, Balance};
use sui::clock::Clock;
use wal::wal::WAL;
use walrus::committee::Committee;
use walrus::staking::Staking;
use walrus::system::System;
use walrus_subsidies::batch_queue;
use walrus_subsidies::epoch_balance::{Self, EpochBalanceRingBuffer};

// === Errors ===

/// The rate is too high.
const EInvalidSubsidyRate: u64 = 0;
/// The funds do not suffice. Never raised any more: what is there is paid.
#[allow(unused_const)]
const EInsufficientFundsInPool: u64 = 1;

// === Constants ===

/// Basis points in 100 %.
const HUNDRED_PERCENT: u32 = 10_000;
/// Highest rate of the usage part: 10 000 %.
const MAX_SUBSIDY_RATE: u32 = 1_000_000;
/// The largest number of shards a node can have in any deployment.
const MAX_SHARDS: u64 = 65_535;
/// How many nodes outside the previous committee one call pays. With 150 members, all of whom may leave with a debt, it keeps
/// below 800 of the 1000 child objects that a transaction may touch.
const MAX_FORMER_MEMBERS: u64 = 50;
/// Of how many committees, whose members left with debts, one call forgives the debts.
const MAX_FORGIVEN_COMMITTEES: u64 = 500;

// === Structs ===

/// The state, a dynamic field of `walrus_subsidies::WalrusSubsidies`.
public struct WalrusSubsidiesInnerV1 has store {
    /// Usage part: basis points of the user payments.
    system_subsidy_rate: u32,
    subsidy_pool: Balance<WAL>,
    /// Fixed part: FROST per node and epoch.
    base_subsidy: u64,
    /// Fixed part: FROST per shard and epoch.
    subsidy_per_shard: u64,
    /// The last epoch whose fixed part is dealt with.
    latest_epoch: u32,
    /// User payments that are dealt with, per epoch.
    already_subsidized_balances: EpochBalanceRingBuffer,
    /// When the subsidies were last processed, in ms.
    last_subsidized_ts: u64,
    extra_fields: Bag,
}

/// FROST that a node is to get of the fixed part.
public struct Due has copy, drop, store {
    node_id: ID,
    amount: u64,
}

/// Key in `extra_fields` of what members of the previous committee are owed of the fixed part: a `vector<Due>` in the order of
/// committees. Absent if nothing is. What nodes are owed that have left waits in the `batch_queue` of `extra_fields`.
public struct DebtsKey() has copy, drop, store;

// === Constructors ===

/// The state without funds. What users have paid until now is not subsidized. Aborts `EInvalidSubsidyRate` (0).
public(package) fun new(
    system: &System,
    staking: &Staking,
    system_subsidy_rate: u32,
    base_subsidy: u64,
    subsidy_per_shard: u64,
    ctx: &mut TxContext,
): WalrusSubsidiesInnerV1 {
    check_system_rate(system_subsidy_rate);
    check_fixed_rates(base_subsidy, subsidy_per_shard);
    let epoch = staking.epoch();
    WalrusSubsidiesInnerV1 {
        system_subsidy_rate,
        subsidy_pool: balance::zero(),
        base_subsidy,
        subsidy_per_shard,
        latest_epoch: if (epoch == 0) 0 else epoch - 1,
        already_subsidized_balances: epoch_balance::new(system.epoch(), system.user_payments()),
        last_subsidized_ts: 0,
        extra_fields: bag::new(ctx),
    }
}

// === Package Functions ===

/// Adds to the funds.
public(package) fun add_balance(self: &mut WalrusSubsidiesInnerV1, funds: Balance<WAL>) {
    self.subsidy_pool.join(funds);
}

/// Sets the rate of the usage part, in basis points. Aborts `EInvalidSubsidyRate` (0).
public(package) fun set_system_subsidy_rate(self: &mut WalrusSubsidiesInnerV1, new_rate: u32) {
    check_system_rate(new_rate);
    self.system_subsidy_rate = new_rate;
}

/// Sets the fixed part per node and epoch. Aborts `EInvalidSubsidyRate` (0).
public(package) fun set_base_subsidy(self: &mut WalrusSubsidiesInnerV1, base_subsidy: u64) {
    check_fixed_rates(base_subsidy, self.subsidy_per_shard);
    self.base_subsidy = base_subsidy;
}

/// Sets the fixed part per shard and epoch. Aborts `EInvalidSubsidyRate` (0).
public(package) fun set_per_shard_subsidy(
    self: &mut WalrusSubsidiesInnerV1,
    subsidy_per_shard: u64,
) {
    check_fixed_rates(self.base_subsidy, subsidy_per_shard);
    self.subsidy_per_shard = subsidy_per_shard;
}

/// Forgets what nodes are owed, for example because of a wrong rate. What was paid stays paid.
public(package) fun forgive_debts(self: &mut WalrusSubsidiesInnerV1) {
    self.take_debts();
    batch_queue::drop_batches<Due>(&mut self.extra_fields, MAX_FORGIVEN_COMMITTEES)
}

/// Pays what is due, as far as the funds go. Aborts only as the functions of `walrus` do, for another version.
public(package) fun process_subsidies(
    self: &mut WalrusSubsidiesInnerV1,
    staking: &mut Staking,
    system: &mut System,
    clock: &Clock,
) {
    self.pay_members(staking);
    self.pay_former_members(staking);
    self.process_usage_subsidies(system);
    self.last_subsidized_ts = clock.timestamp_ms();
}

// === Private Functions: fixed part ===

/// Pays the previous committee for the previous epoch, once per epoch, and what its members are still owed. It all goes to the
/// commission of the nodes.
fun pay_members(self: &mut WalrusSubsidiesInnerV1, staking: &mut Staking) {
    let debts = self.take_debts();
    let epoch = staking.epoch();
    let is_due = epoch > 0 && self.latest_epoch < epoch - 1;
    if (is_due) self.latest_epoch = epoch - 1;
    let (dues, former) = self.add_dues(staking.previous_committee(), debts, is_due);
    batch_queue::add(&mut self.extra_fields, former);

    let total = dues.fold!(0u128, |sum, due| sum + (due.amount as u128));
    let available = (self.subsidy_pool.value() as u128).min(total);
    let mut paid_ids = vector[];
    let mut payments = vector[];
    let mut debts = vector[];
    dues.do!(|Due { node_id, amount }| {
        // `total` is not zero where it divides: then every amount is zero.
        let payment = if (amount == 0) 0 else ((amount as u256) * (available as u256) / (total as u256)) as u64;
        if (payment > 0) {
            paid_ids.push_back(node_id);
            payments.push_back(self.subsidy_pool.split(payment));
        };
        if (payment < amount) debts.push_back(Due { node_id, amount: amount - payment });
    });
    staking.add_commission_to_pools(paid_ids, payments);
    if (!debts.is_empty()) self.extra_fields.add(DebtsKey(), debts);
}

/// What the members of a committee are to get: their debts and, if `is_due`, the subsidy of one epoch. And the debts of those
/// who are not in the committee. One merge of the two sorted lists.
fun add_dues(
    self: &WalrusSubsidiesInnerV1,
    committee: &Committee,
    debts: vector<Due>,
    is_due: bool,
): (vector<Due>, vector<Due>) {
    let members = committee.inner();
    let mut dues = vector[];
    let mut former = vector[];
    let mut next = 0;
    members.length().do!(|i| {
        let (node_id, shards) = members.get_entry_by_idx(i);
        while (next < debts.length() && key(&debts[next].node_id) < key(node_id)) {
            former.push_back(debts[next]);
            next = next + 1;
        };
        let mut amount = if (is_due) self.base_subsidy + shards.length() * self.subsidy_per_shard else 0;
        if (next < debts.length() && debts[next].node_id == node_id) {
            amount = saturating_add(debts[next].amount, amount);
            next = next + 1;
        };
        dues.push_back(Due { node_id: *node_id, amount });
    });
    while (next < debts.length()) {
        former.push_back(debts[next]);
        next = next + 1;
    };
    (dues, former)
}

/// Pays nodes that have left what they are owed, who waits longest first; at most `MAX_FORMER_MEMBERS` of them.
fun pay_former_members(self: &mut WalrusSubsidiesInnerV1, staking: &mut Staking) {
    if (self.subsidy_pool.value() == 0) return;
    let debts: vector<Due> = batch_queue::take(&mut self.extra_fields, MAX_FORMER_MEMBERS);
    let mut left = self.subsidy_pool.value();
    let mut paid = vector[];
    let mut unpaid = vector[];
    debts.do!(|Due { node_id, amount }| {
        let payment = amount.min(left);
        left = left - payment;
        if (payment > 0) paid.push_back(Due { node_id, amount: payment });
        if (payment < amount) unpaid.push_back(Due { node_id, amount: amount - payment });
    });
    batch_queue::put_back(&mut self.extra_fields, unpaid);
    // In the order of committees, as `add_commission_to_pools` takes them cheapest.
    paid.merge_sort_by!(|a, b| key(&a.node_id) <= key(&b.node_id));
    let payments = paid.map_ref!(|due| self.subsidy_pool.split(due.amount));
    staking.add_commission_to_pools(paid.map!(|due| due.node_id), payments);
}

/// The number that orders nodes in committees.
fun key(node_id: &ID): u256 {
    node_id.to_address().to_u256()
}

/// The sum, or the largest number: debts that outgrow the supply of WAL many times over must not stop the payments.
fun saturating_add(a: u64, b: u64): u64 {
    ((a as u128) + (b as u128)).min(std::u64::max_value!() as u128) as u64
}

/// Takes what members of the previous committee are owed.
fun take_debts(self: &mut WalrusSubsidiesInnerV1): vector<Due> {
    if (self.extra_fields.contains(DebtsKey())) self.extra_fields.remove(DebtsKey())
    else vector[]
}

// === Private Functions: usage part ===

/// Adds the rate's part of the user payments that are not dealt with yet to the epochs they were made for.
fun process_usage_subsidies(self: &mut WalrusSubsidiesInnerV1, system: &mut System) {
    self.already_subsidized_balances.advance(system.epoch());
    let payments = system.user_payments();
    let subsidies = vector::tabulate!(payments.length(), |offset| {
        let paid = payments[offset];
        let done = self.already_subsidized_balances.balance(offset).min(paid);
        let (subsidy, newly_done) = self.usage_subsidy(paid - done);
        self.already_subsidized_balances.set_balance(offset, done + newly_done);
        self.subsidy_pool.split(subsidy)
    });
    system.add_per_epoch_subsidies(subsidies);
}

/// The subsidy for a user payment, as far as the funds go, and the part of the payment that is dealt with by it.
fun usage_subsidy(self: &WalrusSubsidiesInnerV1, payment: u64): (u64, u64) {
    let rate = self.system_subsidy_rate as u128;
    let hundred_percent = HUNDRED_PERCENT as u128;
    let due = (payment as u128) * rate / hundred_percent;
    let available = self.subsidy_pool.value();
    if (due <= available as u128) return (due as u64, payment);
    // Rounded up, so that the parts never get more than the whole.
    let dealt_with = ((available as u128) * hundred_percent).divide_and_round_up(rate);
    (available, dealt_with.min(payment as u128) as u64)
}

// === Private Functions: rates ===

/// Aborts `EInvalidSubsidyRate` (0) above 10 000 %.
fun check_system_rate(rate: u32) {
    assert!(rate <= MAX_SUBSIDY_RATE, EInvalidSubsidyRate);
}

/// Aborts `EInvalidSubsidyRate` (0) if the subsidy of one node could overflow.
fun check_fixed_rates(base_subsidy: u64, subsidy_per_shard: u64) {
    let largest = (base_subsidy as u128) + (subsidy_per_shard as u128) * (MAX_SHARDS as u128);
    assert!(largest <= std::u64::max_value!() as u128, EInvalidSubsidyRate);
}

// === Test-Only Functions ===

/// FROST that is left.
#[test_only]
public fun funds(self: &WalrusSubsidiesInnerV1): u64 {
    self.subsidy_pool.value()
}

/// FROST that a node is owed.
#[test_only]
public fun debt(self: &WalrusSubsidiesInnerV1, node_id: ID): u64 {
    let mut dues: vector<Due> =
        if (self.extra_fields.contains(DebtsKey())) self.extra_fields[DebtsKey()] else vector[];
    dues.append(batch_queue::elements(&self.extra_fields));
    dues.fold!(0, |sum, due| if (due.node_id == node_id) saturating_add(sum, due.amount) else sum)
}

/// Has a node wait for debts, as if it had left with them.
#[test_only]
public fun add_former_debts_for_testing(
    self: &mut WalrusSubsidiesInnerV1,
    node_ids: vector<ID>,
    amount: u64,
) {
    let debts = node_ids.map!(|node_id| Due { node_id, amount });
    batch_queue::add(&mut self.extra_fields, debts)
}

/// As `add_dues`, with node IDs and amounts in place of dues: of the members, and of those who are none.
#[test_only]
public fun add_dues_for_testing(
    self: &WalrusSubsidiesInnerV1,
    committee: &Committee,
    node_ids: vector<ID>,
    amounts: vector<u64>,
): (vector<ID>, vector<u64>, vector<ID>, vector<u64>) {
    let debts = node_ids.zip_map!(amounts, |node_id, amount| Due { node_id, amount });
    let (dues, former) = self.add_dues(committee, debts, true);
    (
        dues.map_ref!(|due| due.node_id),
        dues.map_ref!(|due| due.amount),
        former.map_ref!(|due| due.node_id),
        former.map_ref!(|due| due.amount),
    )
}

/// When the subsidies were last processed.
#[test_only]
public fun last_subsidized_ts(self: &WalrusSubsidiesInnerV1): u64 {
    self.last_subsidized_ts
}
