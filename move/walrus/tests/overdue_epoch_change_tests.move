/// The way out of an epoch change that no quorum of nodes reports as done.
#[test_only]
module walrus::overdue_epoch_change_tests;

use std::unit_test::{assert_eq, destroy};
use sui::event;
use walrus::events::{EpochChangeDone, EpochParametersSelected};
use walrus::staked_wal::StakedWal;
use walrus::staking_inner::EWrongEpochState;
use walrus::staking_world::{Self, World};

/// Three equal nodes in the epoch change to epoch 2, which nobody has reported as done yet.
fun changing(): (World, vector<StakedWal>) {
    let (mut world, stakes) = staking_world::running(9, vector[1, 1, 1]);
    world.reach_selection();
    world.wait_half();
    world.initiate_epoch_change();
    (world, stakes)
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun one_millisecond_too_early() {
    let (mut world, _stakes) = changing();
    world.wait(1_999);
    world.voting_end();
    abort 99
}

#[test]
fun anybody_closes_an_overdue_epoch_change() {
    let (mut world, stakes) = changing();
    world.sync_done(0, 2);
    world.wait(2_000);
    let selected = event::events_by_type<EpochParametersSelected>().length();
    let done = event::events_by_type<EpochChangeDone>().length();
    world.voting_end();
    assert!(world.inner().is_epoch_change_done());
    assert_eq!(event::events_by_type<EpochChangeDone>().length(), done + 1);
    assert_eq!(event::events_by_type<EpochParametersSelected>().length(), selected);

    // Late reports are still accepted, and the next epoch comes in its usual rhythm.
    world.sync_done(1, 2);
    assert_eq!(event::events_by_type<EpochChangeDone>().length(), done + 1);
    world.next_epoch();
    assert_eq!(world.epoch(), 3);
    assert!(world.inner().is_epoch_change_done());
    destroy(stakes);
    world.destroy();
}

#[test, expected_failure(abort_code = EWrongEpochState, location = walrus::staking_inner)]
fun the_vote_is_open_for_half_an_epoch_afterwards() {
    let (mut world, _stakes) = changing();
    world.wait(2_000);
    world.voting_end();
    world.wait(499);
    world.voting_end();
    abort 99
}

#[test]
fun every_epoch_change_has_its_own_deadline() {
    let (mut world, stakes) = changing();
    world.sync_all();
    world.wait(1_000_000);
    world.voting_end();
    assert!(world.inner().is_next_selected());
    world.wait_half();
    world.initiate_epoch_change();
    assert!(world.inner().is_syncing());
    world.wait(2_000);
    world.voting_end();
    assert!(world.inner().is_epoch_change_done());
    destroy(stakes);
    world.destroy();
}
