//! Thirty epochs of a network on the embedded chain, beside the model: every balance agrees at every step.
//!
//! Everything goes through public entry points, by transactions that accounts sign. Nodes join, shrink, leave and come
//! back; stakers come and go; users store, extend and delete; operators vote, collect and are slashed. What is not
//! allowed is tried as well: both sides refuse it with the same code.

#![allow(clippy::unwrap_used)]

mod random;
mod scenario;

use scenario::{Size, World};
use walrus_contract_tests::WAL;

const SIZE: Size = Size {
    seed: 30,
    nodes: 22,
    stakers: 200,
    n_shards: 200,
    max_epochs_ahead: 9,
    actions: 25,
};
const EPOCHS: u32 = 30;

/// What happens in an epoch besides what happens in all of them.
fn events(world: &mut World, epoch: u32) {
    match epoch {
        2 => world.create_subsidies(5_000, WAL, WAL / 10),
        3 => world.fund_subsidies(500 * WAL),
        4 | 6 | 9 => world.register_node(),
        5 => world.desert(0, 6, true),
        7 => world.desert(1, 5, false),
        8 | 17 | 26 => world.slash(2),
        12 => world.desert(3, 2, true),
        14 => world.fund_subsidies(5_000 * WAL),
        18 => world.desert(4, 20, false),
        _ => {}
    }
}

#[test]
fn every_balance_agrees_over_thirty_epochs() {
    let mut world = World::new(SIZE);
    world.assert_agreement();
    for _ in 0..2 * SIZE.stakers {
        world.stake();
    }
    for epoch in 0..EPOCHS {
        for part in 0..3 {
            for _ in 0..SIZE.actions {
                world.act();
            }
            match part {
                0 => events(&mut world, epoch),
                1 => world.end_voting(),
                _ => world.change_epoch(),
            }
            world.assert_agreement();
        }
        world.sync();
        world.assert_agreement();
    }
    world.compare_histories(300);
    for (action, (accepted, refused)) in &world.tally {
        println!("{action}: {accepted} accepted, {refused} refused");
    }
}
