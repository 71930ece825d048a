//! The two transactions that loop over all nodes stay within what a network allows one transaction, for 150 nodes and 1000
//! shards (contracts spec 13, weakness 2; devchain spec 2.10 and appendix D).
#![allow(clippy::unwrap_used, clippy::expect_used)]

use walrus_contract_tests::{Executed, Network, NetworkOptions, WAL};

const NODES: usize = 150;
const MAX_UNITS: u64 = 5_000_000;
const MAX_OBJECT_BYTES: usize = 256_000;
const MAX_WRITTEN_BYTES: usize = 5_000_000;
const MAX_CREATED: usize = 2048;
const MAX_EVENTS: usize = 1024;
const MAX_EFFECTS_BYTES: usize = 524_288;

/// Within every limit, and computation within a share of it.
#[track_caller]
fn assert_within_limits(what: &str, executed: &Executed, max_units: u64) {
    assert!(
        executed.is_success(),
        "{what}: {:?}",
        executed.outcome.error_message
    );
    let units = executed.gas().computation_cost / 1000;
    let sizes: Vec<_> = executed
        .outcome
        .written
        .values()
        .filter_map(|object| object.as_struct())
        .map(|value| value.contents().len())
        .collect();
    let (created, mutated, removed) = executed.object_counts();
    let effects = bcs::to_bytes(&executed.outcome.effects).unwrap().len();
    let events = executed.contract_events().len();
    let largest = sizes.iter().max().copied().unwrap_or_default();
    let written: usize = sizes.iter().sum();
    println!(
        "{what}: {units} units, {created} created, {mutated} mutated, {removed} removed, largest {largest} B, written \
         {written} B, effects {effects} B"
    );
    assert!(
        units <= max_units && max_units <= MAX_UNITS,
        "{what}: {units} units"
    );
    assert!(
        largest <= MAX_OBJECT_BYTES / 4,
        "{what}: an object of {largest} bytes"
    );
    assert!(
        written <= MAX_WRITTEN_BYTES / 4,
        "{what}: {written} bytes written"
    );
    assert!(
        created <= MAX_CREATED / 2,
        "{what}: {created} objects created"
    );
    assert!(
        effects <= MAX_EFFECTS_BYTES / 2,
        "{what}: {effects} bytes of effects"
    );
    assert!(events <= MAX_EVENTS / 4, "{what}: {events} events");
}

fn network(nodes: usize) -> Network {
    Network::new(&NetworkOptions {
        nodes,
        ..NetworkOptions::default()
    })
}

#[test]
fn a_full_network_votes_and_changes_its_epoch() {
    let mut network = network(NODES);
    assert_within_limits("first voting_end", &network.end_voting(), 3_000_000);
    assert_within_limits("first epoch change", &network.change_epoch(), 3_000_000);
    network.sync_all();
    // Stakes that are all different, so that shards move and apportionment has to hand out the rest one by one.
    let admin = network.admin.clone();
    let stakes: Vec<_> = network
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            (
                node.id,
                (index as u64 * 37 % 150 + 1) * 10 * WAL + index as u64,
            )
        })
        .collect();
    for stakes in stakes.chunks(50) {
        let _ = network.stake_all(&admin, stakes).expect_success();
    }
    assert_within_limits("voting_end", &network.end_voting(), 3_000_000);
    assert_within_limits("epoch change", &network.change_epoch(), 3_000_000);
    network.sync_all();
    network.next_epoch();
    assert_eq!(network.epoch(), 3);
}

#[test]
fn a_full_network_is_replaced_by_another_one_in_a_single_epoch() {
    let mut network = network(NODES);
    network.next_epoch();
    let before: Vec<_> = network.nodes.iter().map(|node| node.id).collect();
    let admin = network.admin.clone();
    for index in 0..NODES {
        network.register(&format!("other-{index}"), &Default::default());
    }
    let stakes: Vec<_> = network.nodes[NODES..]
        .iter()
        .map(|node| (node.id, 5000 * WAL))
        .collect();
    for stakes in stakes.chunks(50) {
        let _ = network.stake_all(&admin, stakes).expect_success();
    }
    assert_within_limits(
        "voting_end of a replacement",
        &network.end_voting(),
        3_000_000,
    );
    assert_within_limits(
        "epoch change of a replacement",
        &network.change_epoch(),
        3_000_000,
    );
    let committee = network.committee();
    assert!(before.iter().all(|id| committee.0.get(id).is_none()));
    assert_eq!(committee.0.len(), NODES);
    network.sync_all();
    network.next_epoch();
}
