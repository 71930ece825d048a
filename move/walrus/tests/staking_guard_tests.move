/// Guards of the epoch change that no sequence of calls reaches: each is provoked on a state made wrong by hand.
#[test_only]
module walrus::staking_guard_tests;

use sui::vec_map::{Self, VecMap};
use walrus::committee::{Self, Committee};
use walrus::staked_wal::StakedWal;
use walrus::staking_inner::{
    ECommitteeSelected,
    EIncorrectNodeOrder,
    EInvalidNodeWeight,
    EZeroNodeWeight
};
use walrus::staking_world::{Self, World};

/// Number of shards that a node's weight, a `u16`, cannot count.
const TOO_MANY_SHARDS: u64 = 65_536;

#[test, expected_failure(abort_code = ECommitteeSelected, location = walrus::staking_inner)]
fun a_committee_is_selected_once() {
    let (mut world, _stakes) = running();
    let committee = *world.committee();
    replace_selection(&mut world, committee);
    world.reach_selection();
    abort 99
}

#[test, expected_failure(abort_code = EZeroNodeWeight, location = walrus::staking_inner)]
fun a_selected_node_has_shards() {
    let (world, _stakes) = running();
    let committee = committee::new_for_testing(entries(vector[world.node_id(0)], vector[]));
    world.inner().capacity_vote_for_testing(&committee);
    abort 99
}

#[test, expected_failure(abort_code = EInvalidNodeWeight, location = walrus::staking_inner)]
fun a_weight_fits_into_sixteen_bits() {
    let (mut world, _stakes) = running();
    world.reach_selection();
    let mut shards = vector[0];
    while (shards.length() < TOO_MANY_SHARDS) {
        let as_many = shards;
        shards.append(as_many);
    };
    let node_ids = world.committee().inner().keys();
    replace_selection(&mut world, committee::new_for_testing(entries(node_ids, shards)));
    change_epoch(&mut world);
    abort 99
}

#[test, expected_failure(abort_code = EIncorrectNodeOrder, location = walrus::staking_inner)]
fun every_selected_node_has_a_key() {
    let (mut world, _stakes) = running();
    world.reach_selection();
    let node_ids = vector[world.node_id(0)];
    replace_selection(&mut world, committee::new_for_testing(entries(node_ids, vector[0])));
    change_epoch(&mut world);
    abort 99
}

#[test, expected_failure(abort_code = EIncorrectNodeOrder, location = walrus::staking_inner)]
fun keys_are_in_the_order_of_the_committee() {
    let (mut world, _stakes) = running();
    world.reach_selection();
    let mut node_ids = world.committee().inner().keys();
    node_ids.reverse();
    replace_selection(&mut world, committee::new_for_testing(entries(node_ids, vector[0])));
    change_epoch(&mut world);
    abort 99
}

/// Two nodes in epoch 1.
fun running(): (World, vector<StakedWal>) {
    staking_world::running(10, vector[1, 1])
}

/// The same shards for each of the nodes.
fun entries(node_ids: vector<ID>, shards: vector<u16>): VecMap<ID, vector<u16>> {
    let mut map = vec_map::empty();
    node_ids.do!(|node_id| map.insert(node_id, shards));
    map
}

fun replace_selection(world: &mut World, committee: Committee) {
    world.staking_mut().inner_mut_for_testing().set_next_committee_for_testing(committee)
}

fun change_epoch(world: &mut World) {
    world.wait_half();
    world.initiate_epoch_change();
}
