/// A whole deployment in one value, for tests: all shared objects, a clock and the nodes' capabilities. Packages that build on
/// this one use it too.
///
/// Node `i` has the secret key `i + 1` of `test_keys`.
#[test_only]
module walrus::staking_world;

use sui::balance;
use sui::clock::{Self, Clock};
use sui::coin::{Self, Coin};
use sui::test_scenario::{Self, Scenario};
use wal::wal::{Self, ProtectedTreasury, WAL};
use walrus::auth;
use walrus::committee::Committee;
use walrus::messages;
use walrus::node_metadata;
use walrus::staked_wal::StakedWal;
use walrus::staking::{Self, Staking};
use walrus::staking_inner::StakingInnerV1;
use walrus::storage_node::StorageNodeCap;
use walrus::system::{Self, System};
use walrus::test_keys;

/// Who does everything.
const OPERATOR: address = @0xA;
/// Milliseconds.
const EPOCH_DURATION: u64 = 1_000;
const EPOCH_ZERO_DURATION: u64 = 100;
const MAX_EPOCHS_AHEAD: u32 = 10;
/// FROST per WAL.
const FROST: u64 = 1_000_000_000;

public struct World {
    scenario: Scenario,
    clock: Clock,
    staking: Staking,
    system: System,
    treasury: ProtectedTreasury,
    caps: vector<StorageNodeCap>,
}

// === Constructors ===

/// A deployment in epoch 0, without nodes.
public fun new(n_shards: u16): World {
    with_threshold(n_shards, 0)
}

/// A deployment in epoch 0, without nodes, whose nodes need `threshold_stake` FROST.
public fun with_threshold(n_shards: u16, threshold_stake: u64): World {
    let mut scenario = test_scenario::begin(OPERATOR);
    let clock = clock::create_for_testing(scenario.ctx());
    wal::init_for_testing(scenario.ctx());
    system::create_empty(MAX_EPOCHS_AHEAD, @walrus.to_id(), scenario.ctx());
    staking::create(
        EPOCH_ZERO_DURATION,
        EPOCH_DURATION,
        n_shards,
        threshold_stake,
        @walrus.to_id(),
        &clock,
        scenario.ctx(),
    );
    scenario.next_tx(OPERATOR);
    let staking = scenario.take_shared();
    let system = scenario.take_shared();
    let treasury = scenario.take_shared();
    World { scenario, clock, staking, system, treasury, caps: vector[] }
}

/// A deployment in epoch 1, shards synced, with one node per entry of `stakes`, in WAL; with the stakes themselves.
public fun running(n_shards: u16, stakes: vector<u64>): (World, vector<StakedWal>) {
    let mut world = new(n_shards);
    let staked = stakes.map!(|wal| {
        let node = world.register(0);
        world.stake(node, wal)
    });
    world.next_epoch();
    (world, staked)
}

/// Drops everything.
public fun destroy(self: World) {
    std::unit_test::destroy(self)
}

// === Actions ===

/// Registers a node that votes for zero prices and a terabyte; returns its number.
public fun register(self: &mut World, commission_rate: u16): u64 {
    let number = self.caps.length();
    self.register_with(b"node".to_string(), b"127.0.0.1:9185".to_string(), commission_rate, 33);
    number
}

/// Registers a node with things that can be wrong.
public fun register_with(
    self: &mut World,
    name: std::string::String,
    network_address: std::string::String,
    commission_rate: u16,
    network_key_length: u64,
) {
    let secret = self.caps.length() + 1;
    let proof = test_keys::proof_of_possession(secret, self.epoch(), OPERATOR);
    let cap = self.staking.register_candidate(
        name,
        network_address,
        node_metadata::new(b"image".to_string(), b"project".to_string(), b"text".to_string()),
        test_keys::public_key(secret),
        vector::tabulate!(network_key_length, |_| 2),
        proof,
        commission_rate,
        0,
        0,
        1_000_000_000_000,
        self.scenario.ctx(),
    );
    self.caps.push_back(cap);
}

/// Registers a node with the key of a secret and some proof; it is none of the nodes of the world.
public fun register_stranger(self: &mut World, secret: u64, proof_of_possession: vector<u8>) {
    let cap = self.staking.register_candidate(
        b"node".to_string(),
        b"host:1".to_string(),
        node_metadata::new(b"".to_string(), b"".to_string(), b"".to_string()),
        test_keys::public_key(secret),
        vector::tabulate!(33, |_| 2),
        proof_of_possession,
        0,
        0,
        0,
        0,
        self.scenario.ctx(),
    );
    std::unit_test::destroy(cap);
}

/// Stakes an amount in WAL with a node.
public fun stake(self: &mut World, node: u64, wal: u64): StakedWal {
    let coin = self.mint(wal * FROST);
    let node_id = self.node_id(node);
    self.staking.stake_with_pool(coin, node_id, self.scenario.ctx())
}

/// Requests the withdrawal of stake.
public fun request_withdraw(self: &mut World, staked_wal: &mut StakedWal) {
    self.staking.request_withdraw_stake(staked_wal, self.scenario.ctx())
}

/// Withdraws stake; returns the amount in FROST.
public fun withdraw(self: &mut World, staked_wal: StakedWal): u64 {
    self.staking.withdraw_stake(staked_wal, self.scenario.ctx()).burn_for_testing()
}

/// Collects the commission of a node with its capability; returns the amount in FROST.
public fun collect_commission(self: &mut World, node: u64): u64 {
    let auth = auth::authenticate_with_object(&self.caps[node]);
    let node_id = self.node_id(node);
    let coin = self.staking.collect_commission(node_id, auth, self.scenario.ctx());
    coin.burn_for_testing()
}

/// Buys storage, at zero prices, from now for as long as possible.
public fun fill(self: &mut World, bytes: u64) {
    let mut payment = coin::zero<WAL>(self.scenario.ctx());
    let storage = self
        .system
        .reserve_space(bytes, MAX_EPOCHS_AHEAD, &mut payment, self.scenario.ctx());
    payment.destroy_zero();
    std::unit_test::destroy(storage);
}

/// Pays FROST into the current epoch.
public fun pay(self: &mut World, frost: u64) {
    let coin = self.mint(frost);
    self.system.add_subsidy(coin, 1);
}

/// Adds FROST to the commission of a node.
public fun add_commission(self: &mut World, node: u64, frost: u64) {
    let node_id = self.node_id(node);
    self.staking.add_commission_to_pools(
        vector[node_id],
        vector[balance::create_for_testing(frost)],
    )
}

/// Certifies the deny list of a node, by all nodes.
public fun update_deny_list(self: &mut World, node: u64, sequence: u64, size: u64) {
    let message = messages::deny_list_update_for_testing(
        self.epoch(),
        self.node_id(node),
        sequence,
        size,
        9,
    );
    let (signature, bitmap) = self.sign_by_all(&message);
    self.system.update_deny_list(&mut self.caps[node], signature, bitmap, message)
}

/// Mints FROST.
public fun mint(self: &mut World, frost: u64): Coin<WAL> {
    coin::mint_for_testing(frost, self.scenario.ctx())
}

// === Epochs ===

/// Lets time pass, in ms.
public fun wait(self: &mut World, ms: u64) {
    self.clock.increment_for_testing(ms)
}

/// Lets half an epoch, or epoch 0, pass.
public fun wait_half(self: &mut World) {
    let ms = if (self.epoch() == 0) EPOCH_ZERO_DURATION else EPOCH_DURATION / 2;
    self.wait(ms)
}

/// Ends the vote.
public fun voting_end(self: &mut World) {
    self.staking.voting_end(&self.clock)
}

/// Changes the epoch.
public fun initiate_epoch_change(self: &mut World) {
    self.staking.initiate_epoch_change_v2(
        &mut self.system,
        &mut self.treasury,
        &self.clock,
        self.scenario.ctx(),
    )
}

/// Reports a node as synced.
public fun sync_done(self: &mut World, node: u64, epoch: u32) {
    self.staking.epoch_sync_done(&mut self.caps[node], epoch, &self.clock)
}

/// Reports all nodes of the committee as synced.
public fun sync_all(self: &mut World) {
    let epoch = self.epoch();
    self.caps.length().do!(|node| {
        if (self.in_committee(node)) self.sync_done(node, epoch);
    })
}

/// Waits for the middle of the epoch and ends the vote.
public fun reach_selection(self: &mut World) {
    self.wait_half();
    self.voting_end();
}

/// From the selection to the synced next epoch.
public fun finish_epoch(self: &mut World) {
    self.wait_half();
    self.initiate_epoch_change();
    self.sync_all();
}

/// From one synced epoch to the next.
public fun next_epoch(self: &mut World) {
    self.reach_selection();
    self.finish_epoch();
}

// === Accessors ===

/// The staking object.
public fun staking(self: &World): &Staking {
    &self.staking
}

/// The staking object, mutably.
public fun staking_mut(self: &mut World): &mut Staking {
    &mut self.staking
}

/// The system object.
public fun system(self: &World): &System {
    &self.system
}

/// The system object, mutably.
public fun system_mut(self: &mut World): &mut System {
    &mut self.system
}

/// The state of the staking object.
public fun inner(self: &World): &StakingInnerV1 {
    self.staking.inner_for_testing()
}

/// Staking object, system object, clock and transaction context, for calls that need several.
public fun parts(
    self: &mut World,
): (&mut Staking, &mut System, &mut ProtectedTreasury, &Clock, &mut TxContext) {
    (
        &mut self.staking,
        &mut self.system,
        &mut self.treasury,
        &self.clock,
        self.scenario.ctx(),
    )
}

/// Staking object, the capability of a node and the transaction context.
public fun with_cap(self: &mut World, node: u64): (&mut Staking, &StorageNodeCap, &mut TxContext) {
    (&mut self.staking, &self.caps[node], self.scenario.ctx())
}

/// Begins the next transaction, so that what the last one shared can be taken.
public fun next_tx(self: &mut World) {
    self.scenario.next_tx(OPERATOR);
}

/// Takes the shared object of a type.
public fun take_shared<T: key>(self: &World): T {
    self.scenario.take_shared()
}

/// The transaction context.
public fun ctx(self: &mut World): &mut TxContext {
    self.scenario.ctx()
}

/// The current epoch.
public fun epoch(self: &World): u32 {
    self.staking.epoch()
}

/// The current committee.
public fun committee(self: &World): &Committee {
    self.staking.committee()
}

/// The ID of a node.
public fun node_id(self: &World, node: u64): ID {
    self.caps[node].node_id()
}

/// Whether a node is in the committee.
public fun in_committee(self: &World, node: u64): bool {
    self.committee().contains(&self.node_id(node))
}

/// The number of shards of a node.
public fun weight(self: &World, node: u64): u16 {
    self.committee().weight(&self.node_id(node))
}

/// Who does everything.
public fun operator(): address {
    OPERATOR
}

/// The signature of all nodes over a message, and their bitmap.
public fun sign_by_all(self: &World, message: &vector<u8>): (vector<u8>, vector<u8>) {
    let n = self.caps.length();
    let bitmap = vector::tabulate!(n.divide_and_round_up(8), |byte| {
        let mut bits = 0u8;
        8u8.do!(|bit| if (8 * byte + (bit as u64) < n) bits = bits | (1 << bit));
        bits
    });
    (test_keys::sign(vector::tabulate!(n, |i| i + 1), message), bitmap)
}
