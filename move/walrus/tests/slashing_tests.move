/// Votes on slashing.
#[test_only]
module walrus::slashing_tests;

use std::unit_test::{assert_eq, destroy};
use walrus::auth;
use walrus::slashing::{Self, SlashingManager};
use walrus::staked_wal::StakedWal;
use walrus::staking_inner;
use walrus::staking_world::{Self, World};

/// Ten shards: nodes with 4, 3 and 3; a fourth node has none. Node 2 has 500 FROST of commission.
fun setup(): (World, vector<StakedWal>, SlashingManager) {
    let (mut world, staked) = staking_world::running(10, vector[400, 300, 300]);
    world.register(0);
    world.add_commission(2, 500);
    let manager = slashing::new_for_testing(world.ctx());
    (world, staked, manager)
}

fun end(world: World, staked: vector<StakedWal>, manager: SlashingManager) {
    world.destroy();
    destroy(staked);
    destroy(manager);
}

/// Votes against node 2 with the authority of the operator of all nodes.
fun vote(world: &mut World, manager: &mut SlashingManager, voter: u64) {
    let voter_id = world.node_id(voter);
    let candidate_id = world.node_id(2);
    let auth = auth::authenticate_sender(world.ctx());
    manager.vote_for_slashing(world.staking(), auth, voter_id, candidate_id);
}

/// Slashes node 2; returns the amount burned in FROST.
fun execute(world: &mut World, manager: &mut SlashingManager): u64 {
    let candidate_id = world.node_id(2);
    let (staking, _, treasury, _, ctx) = world.parts();
    let before = treasury.total_supply();
    manager.execute_slashing(staking, treasury, candidate_id, ctx);
    before - treasury.total_supply()
}

#[test]
fun quorum_burns_all_commission_even_if_it_cannot_be_collected_yet() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 0);
    vote(&mut world, &mut manager, 1);
    assert_eq!(execute(&mut world, &mut manager), 500);
    let candidate_id = world.node_id(2);
    assert!(!manager.has_proposal(candidate_id));
    world.reach_selection();
    assert_eq!(world.collect_commission(2), 0);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::ENotEnoughVotes)]
fun six_of_ten_shards_do_not_slash() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 1);
    vote(&mut world, &mut manager, 2);
    execute(&mut world, &mut manager);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::EDuplicateVote)]
fun nodes_vote_once() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 1);
    vote(&mut world, &mut manager, 1);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::ENotAuthorized)]
fun strangers_do_not_vote() {
    let (world, staked, mut manager) = setup();
    let auth = auth::authenticate_with_object(&manager);
    let voter_id = world.node_id(0);
    manager.vote_for_slashing(world.staking(), auth, voter_id, world.node_id(2));
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = staking_inner::ENotInCommittee)]
fun nodes_without_shards_do_not_vote() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 3);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::ENoProposalForNode)]
fun nodes_are_not_slashed_without_votes() {
    let (mut world, staked, mut manager) = setup();
    execute(&mut world, &mut manager);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::EWrongEpoch)]
fun votes_hold_for_one_epoch() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 0);
    vote(&mut world, &mut manager, 1);
    world.next_epoch();
    execute(&mut world, &mut manager);
    end(world, staked, manager);
}

#[test, expected_failure(abort_code = slashing::ENotEnoughVotes)]
fun votes_of_a_past_epoch_do_not_count() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 0);
    world.next_epoch();
    vote(&mut world, &mut manager, 1);
    execute(&mut world, &mut manager);
    end(world, staked, manager);
}

#[test]
fun old_proposals_are_cleaned_up() {
    let (mut world, staked, mut manager) = setup();
    vote(&mut world, &mut manager, 0);
    let candidate_id = world.node_id(2);
    manager.cleanup_slashing_proposals(world.staking(), vector[candidate_id]);
    assert!(manager.has_proposal(candidate_id));
    world.next_epoch();
    let stranger = world.node_id(3);
    manager.cleanup_slashing_proposals(world.staking(), vector[stranger, candidate_id]);
    assert!(!manager.has_proposal(candidate_id));
    end(world, staked, manager);
}
