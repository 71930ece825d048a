//! Differential test over thirty epochs of a network on the embedded chain, beside the model: every balance agrees at every step.
//!
//! Everything goes through public entry points, by transactions that accounts sign. Nodes join, shrink, leave and come
//! back; stakers come and go; users store, extend and delete; operators vote, collect and are slashed. What is not
//! allowed is tried as well: both sides refuse it with the same code.

use walrus_contract_tests::WAL;

use crate::scenario::{Size, World};

/// What must have happened for the comparison to mean something.
const EVENTS: &[&str] = &[
    "abandon: active stake",
    "abandon: stake of the next epoch",
    "add commission",
    "certify",
    "certify in pool",
    "change epoch: more is sold than the committee votes for",
    "collect commission: not nothing",
    "create pool",
    "delete",
    "delete from pool",
    "donate",
    "extend",
    "extend pool",
    "extend with storage",
    "grow pool",
    "join",
    "process subsidies",
    "process subsidies: not all of them",
    "register",
    "register in pool",
    "register on storage",
    "release storage",
    "request_withdraw: after the selection",
    "request_withdraw: before it is active",
    "request_withdraw: before the selection",
    "slash",
    "split",
    "split storage by epoch",
    "split storage by size",
    "update deny list",
    "vote on capacity",
    "vote on prices",
    "withdraw: announced",
    "withdraw: early",
    "withdraw: from a node that all had left",
    "withdraw: from an idle node",
    "withdraw: with rewards",
];

/// What happens in an epoch besides what happens in all of them.
fn events(world: &mut World, epoch: u32) {
    match epoch {
        2 => world.create_subsidies(7_777, WAL, WAL / 10),
        3 => world.fund_subsidies(500 * WAL),
        4 | 6 | 9 => world.register_node(),
        5 => world.desert(0, 6, true),
        // The stake becomes active while the node is idle, and leaves then.
        10 => world.visit(0),
        11 => world.desert(0, 2, true),
        7 => world.desert(1, 5, false),
        8 | 17 | 26 => world.slash(2),
        12 => world.desert(3, 2, true),
        18 => world.fund_subsidies(5_000 * WAL),
        20 => world.desert(4, 8, false),
        22 => world.shrink_capacity(50),
        _ => {}
    }
}

/// What happens where there are few nodes.
fn few_events(world: &mut World, epoch: u32) {
    if (2..12).contains(&epoch) {
        // Enough for the nodes, too little for what is to be added to payments.
        world.fund_subsidies(1_000_001);
    }
    match epoch {
        1 => world.create_subsidies(777, 12_345, 678),
        3 => world.register_node(),
        5 => world.desert(1, 4, true),
        9 => world.slash(0),
        12 => world.shrink_capacity(1_000),
        13 => world.desert(2, 3, false),
        _ => {}
    }
}

/// Lets a network live, and compares everything three times per epoch and more.
fn live(size: Size, epochs: u32, events: fn(&mut World, u32)) -> World {
    let mut world = World::new(size);
    world.assert_agreement();
    for _ in 0..2 * size.stakers {
        world.stake();
    }
    for epoch in 0..epochs {
        for part in 0..3 {
            for _ in 0..size.actions {
                world.act();
            }
            match part {
                0 => events(&mut world, epoch),
                1 => {
                    world.end_voting();
                    world.abandon();
                }
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
    for ((module, code), times) in &world.refusals {
        println!("{module} {code}: {times}");
    }
    world
}

#[test]
fn every_balance_agrees_over_thirty_epochs() {
    let size = Size {
        seed: 30,
        nodes: 22,
        stakers: 200,
        n_shards: 200,
        max_epochs_ahead: 9,
        actions: 35,
    };
    let world = live(size, 30, events);
    for event in EVENTS {
        let happened = world
            .tally
            .get(event)
            .is_some_and(|(accepted, _)| *accepted > 0);
        assert!(happened, "{event} did not happen");
    }
}

/// Few nodes have other caps, and everything is tight: few shards, few epochs ahead, few stakers.
#[test]
fn every_balance_agrees_in_small_networks() {
    for seed in 1..=3 {
        let size = Size {
            seed,
            nodes: 2 + seed as usize,
            stakers: 10,
            n_shards: 13,
            max_epochs_ahead: 3,
            actions: 12,
        };
        let _ = live(size, 16, few_events);
    }
}
