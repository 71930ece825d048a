/// No WAL is created or lost, and no capacity either, whatever people do in whatever order.
#[test_only]
module walrus::conservation_tests;

use std::unit_test::{assert_eq, destroy};
use sui::random::{Self, RandomGenerator};
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};
use walrus::storage_resource::Storage;

const NODES: u64 = 4;
const FROST: u64 = 1_000_000_000;
const MIB: u64 = 1_048_576;
/// All WAL there is before anything is burned.
const TOTAL_SUPPLY: u64 = 5_000_000_000_000_000_000;
/// Accounting slots of the world.
const SLOTS: u32 = 10;

/// A world and everything that people hold in it.
public struct Economy {
    world: World,
    generator: RandomGenerator,
    /// Stakes that stay, so that there is always a committee.
    anchors: vector<StakedWal>,
    stakes: vector<StakedWal>,
    storage: vector<Storage>,
    /// Bytes given back in the current epoch, which stay in use until it ends.
    released: u64,
    /// FROST that came in and that went out.
    inflow: u64,
    outflow: u64,
}

fun new(seed: vector<u8>): Economy {
    let mut generator = random::new_generator_from_seed_for_testing(seed);
    let mut world = staking_world::new(20);
    let mut anchors = vector[];
    NODES.do!(|node| {
        world.register(generator.generate_u16_in_range(0, 10_000));
        let (staking, cap, _) = world.with_cap(node);
        staking.set_storage_price_vote(cap, generator.generate_u64_in_range(0, 5_000_000));
    });
    2u64.do!(|node| anchors.push_back(world.stake(node, 1 + node)));
    world.next_epoch();
    Economy {
        world,
        generator,
        anchors,
        stakes: vector[],
        storage: vector[],
        released: 0,
        inflow: 3 * FROST,
        outflow: 0,
    }
}

fun end(self: Economy) {
    destroy(self)
}

// === Actions ===

fun any_node(self: &mut Economy): u64 {
    self.generator.generate_u64_in_range(0, NODES - 1)
}

fun stake(self: &mut Economy) {
    let node = self.any_node();
    let frost = self.generator.generate_u64_in_range(FROST, 5 * FROST);
    let coin = self.world.mint(frost);
    let node_id = self.world.node_id(node);
    let (staking, _, _, _, ctx) = self.world.parts();
    let stake = staking.stake_with_pool(coin, node_id, ctx);
    self.stakes.push_back(stake);
    self.inflow = self.inflow + frost;
}

/// Takes the next step of the oldest stake towards its withdrawal.
fun leave(self: &mut Economy) {
    if (self.stakes.is_empty()) return;
    let mut stake = self.stakes.remove(0);
    let epoch = self.world.epoch();
    let node_id = stake.node_id();
    let early = self.world.staking().can_withdraw_staked_wal_early(&stake);
    let active = self.world.committee().contains(&node_id) ||
        self.world.inner().in_next_committee(node_id);
    if (early || (stake.is_staked() && !active)) {
        self.outflow = self.outflow + self.world.withdraw(stake);
    } else if (stake.is_staked()) {
        self.world.request_withdraw(&mut stake);
        self.stakes.push_back(stake);
    } else if (stake.withdraw_epoch() <= epoch) {
        self.outflow = self.outflow + self.world.withdraw(stake);
    } else {
        self.stakes.push_back(stake);
    }
}

fun buy(self: &mut Economy) {
    let mib = self.generator.generate_u64_in_range(1, 50);
    let epochs = self.generator.generate_u32_in_range(1, SLOTS);
    let mut coin = self.world.mint(TOTAL_SUPPLY / 100);
    let (_, system, _, _, ctx) = self.world.parts();
    let storage = system.reserve_space(mib * MIB, epochs, &mut coin, ctx);
    self.inflow = self.inflow + TOTAL_SUPPLY / 100 - coin.burn_for_testing();
    self.storage.push_back(storage);
}

fun release(self: &mut Economy) {
    if (self.storage.is_empty()) return;
    let mut storage = self.storage.remove(0);
    let third = storage.size() / 3;
    let rest = storage.split_by_size(third, self.world.ctx());
    self.give_back(rest);
    if (storage.size() > MIB) self.storage.push_back(storage) else self.give_back(storage);
}

fun give_back(self: &mut Economy, storage: Storage) {
    if (storage.end_epoch() > self.world.epoch()) self.released = self.released + storage.size();
    self.world.system_mut().release_storage(storage);
}

fun donate(self: &mut Economy) {
    let frost = self.generator.generate_u64_in_range(0, FROST);
    let epochs = self.generator.generate_u32_in_range(1, SLOTS);
    let coin = self.world.mint(frost);
    let (_, system, _, _, _) = self.world.parts();
    system.add_subsidy(coin, epochs);
    self.inflow = self.inflow + frost;
}

fun give_commission(self: &mut Economy) {
    let node = self.any_node();
    let frost = self.generator.generate_u64_in_range(0, FROST);
    self.world.add_commission(node, frost);
    self.inflow = self.inflow + frost;
}

fun collect(self: &mut Economy) {
    let node = self.any_node();
    self.outflow = self.outflow + self.world.collect_commission(node);
}

fun slash(self: &mut Economy) {
    let node = self.any_node();
    let node_id = self.world.node_id(node);
    let burned = self.world.staking_mut().extract_all_commission(node_id);
    self.outflow = self.outflow + burned.destroy_for_testing();
}

fun act(self: &mut Economy) {
    match (self.generator.generate_u8_in_range(0, 9)) {
        0 | 1 => self.stake(),
        2 | 3 => self.leave(),
        4 | 5 => self.buy(),
        6 => self.donate(),
        7 => self.give_commission(),
        8 => self.collect(),
        _ => if (self.generator.generate_bool()) self.slash() else self.release(),
    }
}

// === Checks ===

/// What came in is what is held, was burned, or went out.
fun check_money(self: &mut Economy) {
    let (_, _, treasury, _, _) = self.world.parts();
    let mut sum = TOTAL_SUPPLY - treasury.total_supply() + self.outflow;
    self.anchors.do_ref!(|stake| sum = sum + stake.value());
    self.stakes.do_ref!(|stake| sum = sum + stake.value());
    NODES.do!(|node| {
        let node_id = self.world.node_id(node);
        sum = sum + self.world.inner().pool_rewards_for_testing(node_id);
        sum = sum + self.world.inner().pool_commission_for_testing(node_id);
    });
    let accounting = self.world.system().future_accounting();
    SLOTS.do!(|offset| sum = sum + accounting[offset].rewards());
    assert_eq!(sum, self.inflow);
}

/// Every epoch has exactly the capacity in use that people hold reservations for, the current one also what they gave back in it.
fun check_capacity(self: &Economy) {
    let epoch = self.world.epoch();
    let accounting = self.world.system().future_accounting();
    SLOTS.do!(|offset| {
        let mut held = if (offset == 0) self.released else 0;
        self.storage.do_ref!(|storage| {
            let covered = storage.start_epoch() <= epoch + offset && epoch + offset < storage.end_epoch();
            if (covered) held = held + storage.size();
        });
        assert_eq!(accounting[offset].used_capacity(), held);
        assert!(held <= self.world.system().total_capacity_size());
    });
    assert_eq!(self.world.system().used_capacity_size(), accounting[0].used_capacity());
}

/// The pools hold the rewards of every stake in full, but for the rounding.
fun check_promises(self: &Economy) {
    NODES.do!(|node| {
        let node_id = self.world.node_id(node);
        let promised = self.promised(&self.anchors, node_id) + self.promised(&self.stakes, node_id);
        let rounding = 2 * (self.anchors.length() + self.stakes.length());
        assert!(promised <= self.world.inner().pool_rewards_for_testing(node_id) + rounding);
    });
}

/// The rewards that stakes with a node have earned until now.
fun promised(self: &Economy, stakes: &vector<StakedWal>, node_id: ID): u64 {
    let epoch = self.world.epoch();
    let mut sum = 0;
    stakes.do_ref!(|stake| {
        if (stake.node_id() != node_id || stake.activation_epoch() > epoch) return;
        let until = if (stake.is_withdrawing()) stake.withdraw_epoch().min(epoch) else epoch;
        let staking = self.world.staking();
        let principal = stake.value();
        sum = sum + staking.calculate_rewards(node_id, principal, stake.activation_epoch(), until);
    });
    sum
}

fun check(self: &mut Economy) {
    self.check_money();
    self.check_capacity();
    self.check_promises();
}

#[random_test]
fun nothing_is_created_or_lost(seed: vector<u8>) {
    let mut economy = new(seed);
    4u8.do!(|_| {
        4u8.do!(|_| economy.act());
        economy.world.reach_selection();
        4u8.do!(|_| economy.act());
        economy.check();
        economy.world.finish_epoch();
        economy.released = 0;
        economy.check();
    });
    economy.end();
}

#[random_test]
/// Once everybody has left, only rounding dust stays with the stakers' rewards.
fun everybody_can_leave(seed: vector<u8>) {
    let mut economy = new(seed);
    6u8.do!(|_| economy.stake());
    economy.buy();
    economy.donate();
    3u8.do!(|_| {
        economy.world.next_epoch();
        economy.leave();
    });
    let mut rounds = 0u8;
    while (!economy.stakes.is_empty()) {
        economy.stakes.length().do!(|_| economy.leave());
        economy.world.next_epoch();
        economy.check();
        rounds = rounds + 1;
        assert!(rounds < 4);
    };
    economy.end();
}
