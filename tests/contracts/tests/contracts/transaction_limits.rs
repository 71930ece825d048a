//! Transaction limits: what loops over all nodes stays within what a network allows one transaction, for 150 nodes and 1000 shards
//! (contracts spec 13, weakness 2; devchain spec 2.10 and appendix D).

use sui_sdk_types::Address;
use walrus_contract_tests::{Executed, Network, NetworkOptions, Node, NodeOptions, Ptb, WAL};
use walrus_core::messages::DenyListUpdate;

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
    assert_within_limits("first voting_end", &network.end_voting(), 1_500_000);
    assert_within_limits("first epoch change", &network.change_epoch(), 1_000_000);
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
    assert_within_limits("voting_end", &network.end_voting(), 1_500_000);
    assert_within_limits("epoch change", &network.change_epoch(), 1_000_000);
    network.sync_all();
    network.next_epoch();
    assert_eq!(network.epoch(), 3);

    // Stake that is there for one transaction puts nobody out, however many members have less.
    let free: Vec<Node> = (0..40)
        .map(|index| {
            let position = network.register(&format!("free-{index}"), &NodeOptions::default());
            network.nodes[position].clone()
        })
        .collect();
    let members = |network: &Network| -> Vec<Address> {
        network.committee().0.iter().map(|(id, _)| *id).collect()
    };
    let before = members(&network);
    let flash = flash_stake_and_vote(&mut network, &free, 2000 * WAL);
    assert_within_limits("flash stake and voting_end", &flash, 3_500_000);
    assert_within_limits("epoch change after it", &network.change_epoch(), 1_000_000);
    assert_eq!(members(&network), before);
}

/// Stakes with nodes, withdraws everything and ends the vote: all in one transaction.
fn flash_stake_and_vote(network: &mut Network, nodes: &[Node], amount: u64) -> Executed {
    let admin = network.admin.clone();
    let at = network.voting_end_time().max(network.chain.now_ms());
    network.chain.set_time(at);
    let mut ptb = Ptb::new();
    let coin = network.wal_coin(&mut ptb, admin.address, amount * nodes.len() as u64);
    let staking = ptb.object(network.contracts.staking);
    let stakes: Vec<_> = nodes
        .iter()
        .map(|node| {
            let arguments = vec![staking, ptb.split(coin, amount), ptb.pure(&node.id)];
            network.call(&mut ptb, "staking", "stake_with_pool", arguments)
        })
        .collect();
    let withdrawn = stakes
        .into_iter()
        .map(|stake| network.call(&mut ptb, "staking", "withdraw_stake", vec![staking, stake]))
        .collect();
    ptb.merge(coin, withdrawn);
    let arguments = vec![staking, ptb.clock()];
    network.call(&mut ptb, "staking", "voting_end", arguments);
    ptb.transfer(vec![coin], admin.address);
    network.chain.run(&admin, &ptb)
}

/// Strangers that fill the active set and its reserve, and a whale among them; the members of the committee are in neither, and have
/// the stake for it. One assignment of the shards per vote, whoever is missing; with two of them and a search for each member the vote
/// did not fit into a transaction.
#[test]
fn a_vote_with_a_whale_offers_all_members_their_places() {
    let mut network = network(NODES);
    network.next_epoch();
    let members = network.committee();
    let strangers = NODES..3 * NODES;
    for index in strangers.clone() {
        network.register(&format!("stranger-{index}"), &NodeOptions::default());
    }
    let admin = network.admin.clone();
    let whale = network.nodes[NODES].id;
    let _ = network.stake(&admin, whale, 1_000_000_000 * WAL);
    network.stake_with(&admin, strangers.clone(), WAL);
    let user = network.chain.account("user");
    network.give_wal(user.address, 2 * NODES as u64 * 2000 * WAL);
    network.stake_with(&user, strangers, 2000 * WAL);
    let active: Vec<_> = network
        .active_set()
        .nodes
        .iter()
        .map(|node| node.node_id)
        .collect();
    assert!(active.iter().all(|id| members.0.get(id).is_none()));
    let mut dearest = 0;
    for stake in network.stakes_of(user.address) {
        let withdrawn = network.withdraw(&user, stake.id).expect_success();
        dearest = dearest.max(withdrawn.gas().computation_cost / 1000);
    }
    assert!(
        dearest < 20_000,
        "a withdrawal with a full reserve: {dearest} units"
    );

    let voted = network.end_voting();
    assert_within_limits("a vote with a whale and missing members", &voted, 3_000_000);
    let changed = network.change_epoch();
    assert_within_limits("the epoch change after it", &changed, 1_500_000);
    // The whale has the place of one member.
    let next = network.committee();
    let stayed = members.0.iter().filter(|(id, _)| next.0.get(id).is_some());
    assert_eq!(stayed.count(), NODES - 1);
    assert!(next.0.get(&whale).is_some());
}

/// Records a deny list of a node, certified by a quorum.
fn update_deny_list(network: &mut Network, node: usize, signers: &[usize]) {
    let node = network.nodes[node].clone();
    let body = DenyListUpdate {
        node_id: node.id.into_inner(),
        sequence_number: 1,
        size: 1000,
        root: [7; 32],
    };
    let certificate = network.certificate(body, signers);
    let mut ptb = Ptb::new();
    let mut arguments = vec![ptb.object(network.contracts.system), ptb.object(node.cap)];
    arguments.extend(certificate.iter().map(|part| ptb.pure(part)));
    network.call(&mut ptb, "system", "update_deny_list", arguments);
    let _ = network.chain.run(&node.account, &ptb).expect_success();
}

/// All members have deny lists, too, which are shed when the last of the others join.
#[test]
fn whoever_replaces_all_nodes_at_once_cannot_stop_the_epochs() {
    let mut network = Network::about_to_be_replaced(NODES);
    let quorum = network.quorum();
    for node in 0..NODES {
        update_deny_list(&mut network, node, &quorum);
    }
    let ended = network.committee();
    assert_within_limits("vote on a replacement", &network.end_voting(), 1_500_000);
    assert_within_limits("replacement", &network.change_epoch(), 1_500_000);
    let committee = network.committee();
    // The bound: a transaction has room for 980 children of pools, 6 for each member and 4 for each node that joins.
    assert_eq!(committee.0.len(), (980 - 6 * NODES) / 4);
    assert!(committee.0.iter().all(|(id, _)| ended.0.get(id).is_none()));
    assert_eq!(
        committee
            .0
            .iter()
            .map(|(_, shards)| shards.len())
            .sum::<usize>(),
        1000
    );
    // The others follow an epoch later. One list more than there will be members, so that those of the first ones are shed.
    network.sync_all();
    let joined =
        (NODES..2 * NODES).find(|node| committee.0.get(&network.nodes[*node].id).is_some());
    let quorum = network.quorum();
    update_deny_list(&mut network, joined.expect("a member"), &quorum);
    assert_within_limits("vote on the rest", &network.end_voting(), 1_500_000);
    assert_within_limits(
        "the rest, and lists shed",
        &network.change_epoch(),
        1_500_000,
    );
    assert_eq!(network.deny_lists().contents.len(), 1);
    assert_eq!(network.committee().0.len(), NODES);
    network.sync_all();
}

/// Searching the members for every member took half a million units.
#[test]
fn subsidies_of_a_full_network_cost_little() {
    let mut network = network(NODES);
    network.next_epoch();
    let subsidies = network.create_subsidies();
    network.next_epoch();
    let members = NODES as u64;
    let mut process = |what: &str, funds: u64| {
        let executed = network.process_subsidies(subsidies, funds);
        assert_within_limits(what, &executed, 20_000);
        network.next_epoch();
    };
    process("subsidies in part", members * WAL / 2);
    process("subsidies and debts", 2 * members * WAL);
    process("subsidies", members * WAL);
    let paid = |node: &Node| network.pool(node.id).commission;
    // Half of a WAL is left over from the second time.
    assert!(network.nodes.iter().all(|node| paid(node) == 3 * WAL));
}

/// A debtor takes two or three child objects of the 1000 that a transaction may touch: about 331 of them, members or not, made
/// every later payment impossible.
#[test]
fn nodes_that_left_with_debts_do_not_stop_the_subsidies() {
    let mut network = network(NODES);
    network.next_epoch();
    let subsidies = network.create_subsidies();
    let admin = network.admin.clone();
    // Two times others replace all members, twenty of them first. Nobody is paid.
    for (generation, stake) in [(1, 5_000 * WAL), (2, 25_000 * WAL)] {
        for index in 0..NODES {
            network.register(
                &format!("other-{generation}-{index}"),
                &NodeOptions::default(),
            );
        }
        let joining = generation * NODES..(generation + 1) * NODES;
        network.stake_with(&admin, joining, stake);
        for _ in 0..2 {
            network.next_epoch();
            let executed = network.process_subsidies(subsidies, 0);
            assert_within_limits("subsidies without funds", &executed, 50_000);
        }
    }
    network.next_epoch();
    let executed = network.process_subsidies(subsidies, 0);
    assert_within_limits("debts of a committee that left", &executed, 50_000);

    // Now the fund is large enough for everybody, members first.
    let executed = network.process_subsidies(subsidies, 10_000 * WAL);
    assert_within_limits("debts of members", &executed, 50_000);
    let commission = |network: &Network, node: &Node| network.pool(node.id).commission;
    let unpaid = |network: &Network| {
        let nodes = network.nodes.iter();
        nodes
            .filter(|node| commission(network, node) == 0)
            .map(|node| node.id)
            .collect::<Vec<_>>()
    };
    let committee = network.staking().previous_committee;
    let waiting = unpaid(&network);
    assert!(waiting.iter().all(|id| committee.0.get(id).is_none()));
    assert!(waiting.len() >= 200, "{}", waiting.len());
    for _ in 0..waiting.len().div_ceil(50) {
        let executed = network.process_subsidies(subsidies, 0);
        assert_within_limits("debts of those who left", &executed, 50_000);
    }
    assert_eq!(unpaid(&network), []);
}
