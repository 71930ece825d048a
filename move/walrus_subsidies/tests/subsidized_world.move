/// A running system with subsidies in one value.
#[test_only]
module walrus_subsidies::subsidized_world;

use sui::coin::Coin;
use wal::wal::WAL;
use walrus::committee::Committee;
use walrus::staked_wal::StakedWal;
use walrus::staking_world::{Self, World};
use walrus_subsidies::walrus_subsidies::{Self, AdminCap, WalrusSubsidies};

const MIB: u64 = 1_048_576;

public struct Subsidized {
    world: World,
    subsidies: WalrusSubsidies,
    admin_cap: AdminCap,
    stakes: vector<StakedWal>,
}

/// Three nodes with 5, 3 and 2 shards in epoch 2, storage at 100 FROST; subsidies of `rate` basis points, `base` FROST per node
/// and `per_shard` FROST per shard, without funds.
public fun new(rate: u32, base: u64, per_shard: u64): Subsidized {
    let (mut world, stakes) = staking_world::running(10, vector[50, 30, 20]);
    3u64.do!(|node| {
        let (staking, cap, _) = world.with_cap(node);
        staking.set_storage_price_vote(cap, 100);
    });
    world.next_epoch();
    let (staking, system, _, _, ctx) = world.parts();
    let admin_cap = walrus_subsidies::new(system, staking, rate, base, per_shard, ctx);
    world.next_tx();
    let subsidies = world.take_shared();
    Subsidized { world, subsidies, admin_cap, stakes }
}

/// Drops everything.
public fun destroy(self: Subsidized) {
    std::unit_test::destroy(self)
}

/// Adds FROST to the funds.
public fun fund(self: &mut Subsidized, frost: u64) {
    let coin = self.world.mint(frost);
    self.subsidies.add_coin(coin);
}

/// Processes the subsidies.
public fun process(self: &mut Subsidized) {
    let (staking, system, _, clock, _) = self.world.parts();
    self.subsidies.process_subsidies(staking, system, clock);
}

/// Buys one MiB for `epochs` epochs at 100 FROST each.
public fun buy(self: &mut Subsidized, epochs: u32) {
    let mut payment = self.world.mint(100 * (epochs as u64));
    let (_, system, _, _, ctx) = self.world.parts();
    let storage = system.reserve_space(MIB, epochs, &mut payment, ctx);
    payment.destroy_zero();
    storage.destroy();
}

/// The rewards of the first `n` accounting slots.
public fun rewards(self: &Subsidized, n: u32): vector<u64> {
    let accounting = self.world.system().future_accounting();
    vector::tabulate!(n as u64, |i| accounting[i as u32].rewards())
}

/// FROST that is left in the funds.
public fun funds(self: &Subsidized): u64 {
    self.subsidies.inner_for_testing().funds()
}

/// FROST that the nodes are owed.
public fun debts(self: &Subsidized): vector<u64> {
    vector[0, 1, 2].map!(
        |node| self.subsidies.inner_for_testing().debt(self.world.node_id(node)),
    )
}

/// What the members of a committee get for one epoch, and debts; by node. And the debts of others.
public fun add_dues(
    self: &Subsidized,
    committee: &Committee,
    node_ids: vector<ID>,
    debts: vector<u64>,
): (vector<ID>, vector<u64>, vector<ID>, vector<u64>) {
    self.subsidies.inner_for_testing().add_dues_for_testing(committee, node_ids, debts)
}

/// Has nodes wait for debts of `amount` FROST each, as if they had left with them.
public fun leave_with_debts(self: &mut Subsidized, nodes: vector<u64>, amount: u64) {
    let node_ids = nodes.map!(|node| self.world.node_id(node));
    self.subsidies.inner_mut_for_testing().add_former_debts_for_testing(node_ids, amount)
}

/// Node 2 loses all its stake, and with it its place in the committee after the next.
public fun unstake_the_last(self: &mut Subsidized) {
    let stake = &mut self.stakes[2];
    let (staking, _, _, _, ctx) = self.world.parts();
    staking.request_withdraw_stake(stake, ctx);
}

/// The commission of all nodes that can be collected, which is collected.
public fun collect(self: &mut Subsidized): vector<u64> {
    vector[0, 1, 2].map!(|node| self.world.collect_commission(node))
}

/// The capability of other subsidies.
public fun new_admin_cap(self: &mut Subsidized): AdminCap {
    let (staking, system, _, _, ctx) = self.world.parts();
    walrus_subsidies::new(system, staking, 0, 0, 0, ctx)
}

/// Mints FROST.
public fun mint(self: &mut Subsidized, frost: u64): Coin<WAL> {
    self.world.mint(frost)
}

/// The system.
public fun world(self: &mut Subsidized): &mut World {
    &mut self.world
}

/// The subsidies and their capability.
public fun parts(self: &mut Subsidized): (&mut WalrusSubsidies, &AdminCap) {
    (&mut self.subsidies, &self.admin_cap)
}
