//! Differential test of formulas: the contracts' against the model's, on random input.

use std::collections::BTreeSet;

use sui_devchain_vm::{Argument, Slot, Value};
use walrus_economy::{
    Abort, NodeId,
    active_set::{ActiveSet, Candidates, MAX_SIZE},
    apportionment,
    assignment::{self, Committee},
    encoded_size::encoded_size,
    exchange_rate::ExchangeRate,
    pending::Pending,
    rewards::{self, Member},
    votes,
};

use crate::machine::{
    self, Contracts, Failure, Machine,
    values::{
        self, balance, borrow, element, entries, id, number, numbers, reference, u8, u16, u64,
        vec_map,
    },
};
use crate::random::Random;

const MAX_SUPPLY: u64 = 5_000_000_000_000_000_000;

fn failed<T>(result: Result<T, Abort>) -> Result<T, Failure> {
    result.map_err(Failure::from)
}

#[test]
fn encoded_sizes() {
    let machine = Machine::new();
    let mut random = Random::new(1);
    let mut refused = 0;
    for _ in 0..4000 {
        let most = *random.pick(&[1000, 65_535]);
        let n_shards = random.up_to(most) as u16;
        let size = if random.one_in(8) {
            random.magnitude()
        } else {
            random.up_to(1 << 40)
        };
        let encoding = if random.one_in(50) {
            random.between(0, 255) as u8
        } else {
            1
        };
        let ours = encoded_size(size, encoding, n_shards);
        refused += u32::from(ours.is_err());
        let arguments = vec![u64(size), u8(encoding), u16(n_shards)];
        let theirs = machine
            .session()
            .get("encoding", "encoded_blob_length", arguments);
        let theirs = theirs.map(|size| number(&size));
        assert_eq!(
            theirs,
            failed(ours),
            "{size} bytes, type {encoding}, {n_shards} shards"
        );
    }
    assert!(
        (100..3000).contains(&refused),
        "{refused} refusals are no fair mix"
    );
}

#[test]
fn the_border_of_the_largest_blob() {
    let machine = Machine::new();
    for n_shards in [1, 2, 3, 4, 7, 10, 31, 100, 301, 1000, 65_535] {
        let (primary, secondary) = walrus_economy::encoded_size::source_symbols(n_shards).unwrap();
        let largest = 65_534 * primary * secondary;
        for size in [
            largest - 1,
            largest,
            largest + 1,
            largest + primary * secondary + 1,
        ] {
            let arguments = vec![u64(size), u8(1), u16(n_shards)];
            let theirs = machine
                .session()
                .get("encoding", "encoded_blob_length", arguments);
            let theirs = theirs.map(|size| number(&size));
            assert_eq!(
                theirs,
                failed(encoded_size(size, 1, n_shards)),
                "{size} bytes, {n_shards} shards"
            );
        }
    }
}

/// Stakes of a network: alike, of all magnitudes, dominated by one, or tied.
fn stakes(random: &mut Random) -> Vec<u64> {
    let count = *random.pick(&[1, 2, 3, 5, 10, 19, 20, 21, 40, 150]);
    let most = MAX_SUPPLY / count;
    match random.between(0, 4) {
        0 => vec![random.between(1, most); count as usize],
        1 => (0..count).map(|_| random.up_to(most)).collect(),
        2 => (0..count)
            .map(|index| {
                if index == 0 {
                    most
                } else {
                    random.between(0, 9)
                }
            })
            .collect(),
        3 => (0..count).map(|_| random.between(1, 3)).collect(),
        _ => (0..count).map(|_| random.between(most / 2, most)).collect(),
    }
}

#[test]
fn apportionments() {
    let machine = Machine::new();
    let mut random = Random::new(2);
    for _ in 0..800 {
        let stakes = stakes(&mut random);
        let n_shards = *random.pick(&[1, 4, 9, 10, 13, 25, 50, 100, 300, 777, 1000]);
        let theirs = machine
            .session()
            .get(
                "apportionment",
                "shards_per_node",
                vec![reference(values::u64s(&stakes)), u16(n_shards)],
            )
            .map(|shards| numbers(&shards));
        let ours = apportionment::shards_per_node(&stakes, n_shards);
        assert_eq!(theirs, failed(ours), "{n_shards} shards for {stakes:?}");
    }
}

#[test]
fn share_caps() {
    let machine = Machine::new();
    for nodes in 1..=150 {
        for n_shards in [1, 10, 99, 1000, 65_535] {
            let arguments = vec![u64(nodes), u64(u64::from(n_shards))];
            let theirs = machine
                .session()
                .get("apportionment", "max_shards_per_node", arguments);
            assert_eq!(
                theirs.map(|cap| number(&cap)),
                Ok(apportionment::cap(nodes, n_shards))
            );
        }
    }
}

/// Targets of some of `nodes`, that sum up to `n_shards`.
fn targets(random: &mut Random, nodes: &[NodeId], n_shards: u64) -> Vec<(NodeId, u16)> {
    let count = random.between(1, n_shards.min(nodes.len() as u64));
    let shares = random.partition(n_shards, count);
    let mut members = nodes.to_vec();
    for index in (1..members.len()).rev() {
        members.swap(index, random.between(0, index as u64) as usize);
    }
    members
        .into_iter()
        .zip(shares)
        .map(|(node, share)| (node, share as u16))
        .collect()
}

fn committee(value: &Value) -> Committee {
    let members = entries(&values::fields(value)[0]).into_iter();
    let member = |(node, shards): (&Value, &Value)| {
        let shards = numbers(shards).into_iter().map(|shard| shard as u16);
        (values::node(node), shards.collect())
    };
    members.map(member).collect()
}

/// Every shard has one owner, and nobody gives up a shard without need.
fn assert_minimal_movement(before: &Committee, after: &Committee) {
    let all = |committee: &Committee| -> BTreeSet<u16> {
        committee.values().flatten().copied().collect()
    };
    assert_eq!(all(after), all(before));
    for (node, shards) in after {
        let old: &[u16] = before.get(node).map_or(&[], Vec::as_slice);
        let kept = old.len().min(shards.len());
        assert_eq!(shards[..kept], old[..kept], "{node:?}");
    }
}

#[test]
fn shard_assignments() {
    let machine = Machine::new();
    let mut random = Random::new(3);
    for _ in 0..60 {
        let nodes: Vec<NodeId> = (0..random.between(1, 40)).map(|_| random.node()).collect();
        let n_shards = random.between(1, 300);
        let mut session = machine.session();
        let of =
            |committee, [nodes, counts]: [Argument; 2]| vec![reference(committee), nodes, counts];
        let split = |targets: &[(NodeId, u16)]| {
            let nodes = targets.iter().map(|(node, _)| id(*node)).collect();
            let counts = targets.iter().map(|(_, count)| Value::U16(*count));
            [
                reference(Value::Vector(nodes)),
                reference(Value::Vector(counts.collect())),
            ]
        };
        let first = targets(&mut random, &nodes, n_shards);
        let mut current = session
            .get("committee", "first", split(&first).into())
            .unwrap();
        assert_eq!(committee(&current), assignment::first(&first));
        for _ in 0..10 {
            let next = targets(&mut random, &nodes, n_shards);
            let before = committee(&current);
            let ours = assignment::transition(&before, &next).unwrap();
            current = session
                .get("committee", "next", of(current, split(&next)))
                .unwrap();
            assert_eq!(committee(&current), ours);
            assert_minimal_movement(&before, &ours);
        }
        let wrong = targets(&mut random, &nodes, n_shards + 1);
        let ours = assignment::transition(&committee(&current), &wrong).unwrap_err();
        let theirs = session.call("committee", "next", of(current, split(&wrong)));
        assert_eq!(theirs.unwrap_err(), Failure::from(ours));
    }
}

#[test]
fn quorum_votes() {
    let machine = Machine::new();
    let mut random = Random::new(4);
    for _ in 0..1500 {
        let n_shards = *random.pick(&[1, 2, 3, 4, 10, 50, 100, 1000, 65_535]);
        let voters = random.between(1, n_shards.min(60));
        let values = [random.between(1, 10), 1000, u64::MAX];
        let highest = *random.pick(&values);
        let weights = random.partition(n_shards, voters);
        let votes: Vec<votes::Vote> = weights
            .iter()
            .map(|weight| (random.between(0, highest), *weight as u16))
            .collect();
        let count = |function: &str| {
            let mut session = machine.session();
            let vote = Slot::new(session.get("epoch_parameters", "new_vote", vec![]).unwrap());
            for (value, weight) in &votes {
                let arguments = vec![borrow(&vote), u64(*value), u16(*weight)];
                session.call("epoch_parameters", "add", arguments).unwrap();
            }
            let arguments = vec![Argument::Value(vote.take()), u16(n_shards as u16)];
            number(
                &session
                    .get("epoch_parameters", function, arguments)
                    .unwrap(),
            )
        };
        let n_shards = n_shards as u16;
        assert_eq!(
            Some(count("highest_with_quorum")),
            votes::highest_with_quorum(&votes, n_shards)
        );
        assert_eq!(
            count("lowest_with_quorum"),
            votes::lowest_with_quorum(&votes, n_shards)
        );
    }
}

#[test]
fn exchange_rates() {
    let machine = Machine::new();
    let mut random = Random::new(5);
    for _ in 0..4000 {
        let wal = random.magnitude();
        let shares = if random.one_in(20) {
            random.magnitude()
        } else {
            random.up_to(wal)
        };
        let ours = ExchangeRate::new(wal, shares);
        let mut session = machine.session();
        let theirs = session.get("pool_exchange_rate", "new", vec![u64(wal), u64(shares)]);
        let (ours, theirs) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (ours, theirs) => {
                assert_eq!(failed(ours).unwrap_err(), theirs.unwrap_err());
                continue;
            }
        };
        let most = *random.pick(&[wal, u64::MAX]);
        let amount = random.up_to(most);
        for (function, expected) in [
            ("to_wal", ours.to_wal(amount)),
            ("to_shares", ours.to_shares(amount)),
        ] {
            let result = session.get(
                "pool_exchange_rate",
                function,
                vec![reference(theirs.clone()), u64(amount)],
            );
            assert_eq!(
                result.map(|value| number(&value)),
                failed(expected),
                "{amount} at {wal} for {shares}"
            );
        }
    }
}

#[test]
fn reward_splits() {
    let machine = Machine::new();
    let mut random = Random::new(6);
    for _ in 0..1000 {
        let n_shards = *random.pick(&[1, 10, 100, 1000, 65_535]);
        let count = random.between(1, n_shards.min(40));
        let used = random.magnitude();
        let members: Vec<Member> = random
            .partition(n_shards, count)
            .into_iter()
            .map(|weight| Member {
                weight: weight as u16,
                deny_list_size: if random.one_in(3) {
                    random.magnitude()
                } else {
                    0
                },
            })
            .collect();
        let nodes: Vec<NodeId> = members.iter().map(|_| random.node()).collect();
        let funds = random.magnitude();
        let (ours, left) = rewards::split(&members, used, funds);

        let member = |(member, node): (&Member, &NodeId)| {
            Value::Struct(vec![element(), Value::U16(member.weight), id(*node)])
        };
        let committee = Value::Struct(vec![
            Value::Vector(members.iter().zip(&nodes).map(member).collect()),
            Value::U16(n_shards as u16),
            Value::U32(1),
            element(),
        ]);
        // Lists of size zero are left out: an absent list is an empty one.
        let lists = members
            .iter()
            .zip(&nodes)
            .filter(|(member, _)| member.deny_list_size > 0);
        let lists =
            vec_map(lists.map(|(member, node)| (id(*node), Value::U64(member.deny_list_size))));
        let purse = Slot::new(balance(funds));
        let arguments = vec![
            reference(committee),
            reference(lists),
            u64(used),
            borrow(&purse),
        ];
        let theirs = machine
            .session()
            .get("reward_distribution", "split_rewards", arguments)
            .unwrap();
        let theirs: Vec<(NodeId, u64)> = entries(&theirs)
            .into_iter()
            .map(|(node, reward)| (values::node(node), number(reward)))
            .collect();
        assert_eq!(
            theirs,
            nodes.into_iter().zip(ours).collect::<Vec<_>>(),
            "{funds} for {used} at {members:?}"
        );
        assert_eq!(number(&purse.get()), left);
    }
}

#[test]
fn active_sets() {
    let machine = Machine::new();
    let mut random = Random::new(7);
    for nodes in [5, MAX_SIZE as u64 + 30] {
        let nodes: Vec<NodeId> = (0..nodes).map(|_| random.node()).collect();
        let mut session = machine.session();
        let new = session.get("active_set", "new", vec![u16(MAX_SIZE as u16), u64(0)]);
        let theirs = Slot::new(new.unwrap());
        let mut ours = ActiveSet::default();
        for step in 0..1500 {
            let node = *random.pick(&nodes);
            let stake = if random.one_in(6) {
                0
            } else {
                random.between(1, 20)
            };
            let arguments = vec![borrow(&theirs), Argument::Value(id(node)), u64(stake)];
            session.call("active_set", "put", arguments).unwrap();
            let arguments = vec![borrow(&theirs), Argument::Value(id(node))];
            let included = session.get("active_set", "contains", arguments).unwrap();
            let included = matches!(included, Value::Bool(true));
            assert_eq!(included, ours.insert_or_update(node, stake), "step {step}");
            let theirs = theirs.get();
            assert_eq!(candidates(&theirs), ours.nodes(), "step {step}");
            assert_eq!(number(&values::fields(&theirs)[3]), ours.total_stake());
        }
    }
}

/// Nodes and stakes of a set, in order.
fn candidates(set: &Value) -> Vec<(NodeId, u64)> {
    let entry = |entry: &Value| {
        let fields = values::fields(entry);
        (values::node(&fields[0]), number(&fields[1]))
    };
    values::elements(&values::fields(set)[2])
        .iter()
        .map(entry)
        .collect()
}

/// Nodes and stakes of a referenced set, by rank.
fn ranked(session: &mut Contracts<'_>, set: Vec<Value>) -> Vec<(NodeId, u64)> {
    let arguments = set.into_iter().map(Argument::Value).collect();
    let ranked = session.call("active_set", "ranked", arguments).unwrap();
    let nodes = values::elements(&ranked[0]).iter().map(values::node);
    nodes.zip(numbers(&ranked[1])).collect()
}

#[test]
fn reserves_of_active_sets() {
    let machine = Machine::new();
    let mut random = Random::new(9);
    let nodes: Vec<NodeId> = (0..2 * MAX_SIZE + 80).map(|_| random.node()).collect();
    let mut session = machine.session();
    let set = session
        .get("active_set", "new", vec![u16(MAX_SIZE as u16), u64(0)])
        .unwrap();
    let arguments = vec![Argument::Value(set), Argument::TxContext];
    let types = [machine::walrus_type("active_set", "ActiveSet")];
    let theirs = session
        .call_generic("extended_field", "new", &types, arguments)
        .unwrap();
    let theirs = Slot::new(theirs.into_iter().next().unwrap());
    let mut ours = Candidates::default();
    let (mut waited, mut turned_away) = (0, 0);
    for step in 0..2400 {
        let node = *random.pick(&nodes);
        // At first the stakes fill the set and its reserve, then they come and go.
        let stake = if step > 1500 && random.one_in(4) {
            0
        } else {
            random.between(1, 60)
        };
        let arguments = vec![borrow(&theirs), Argument::Value(id(node)), u64(stake)];
        session.call("active_set", "set_stake", arguments).unwrap();
        ours.set_stake(node, stake);
        waited = waited.max(ours.waiting().len());
        turned_away += u32::from(stake > 0 && !ours.knows(node));
        if step % 20 != 0 {
            continue;
        }
        let set = session
            .call_generic("extended_field", "borrow", &types, vec![borrow(&theirs)])
            .unwrap();
        assert_eq!(ranked(&mut session, set), ours.set.ranked(), "step {step}");
        if !ours.waiting().is_empty() {
            let reserve = session
                .call("active_set", "reserve_mut", vec![borrow(&theirs)])
                .unwrap();
            let mut waiting = ours.waiting().to_vec();
            waiting.sort_by_key(|(node, stake)| (std::cmp::Reverse(*stake), *node));
            assert_eq!(ranked(&mut session, reserve), waiting, "step {step}");
        }
    }
    assert_eq!(waited, MAX_SIZE);
    assert!(turned_away > 5, "{turned_away}");
}

#[test]
fn pending_values() {
    const MODULE: &str = "pending_values";
    let machine = Machine::new();
    let mut random = Random::new(8);
    for _ in 0..200 {
        let mut session = machine.session();
        let theirs = Slot::new(session.get(MODULE, "empty", vec![]).unwrap());
        let mut ours = Pending::default();
        for _ in 0..20 {
            let (epoch, value) = (random.between(0, 6) as u32, random.between(0, 9));
            let mut change = |function, arguments: &[Argument]| {
                let arguments = [&[borrow(&theirs)], arguments].concat();
                session.call(MODULE, function, arguments)
            };
            let both = [values::u32(epoch), u64(value)];
            match random.between(0, 3) {
                0 => {
                    ours.insert_or_add(epoch, value).unwrap();
                    change("insert_or_add", &both).unwrap();
                }
                1 => {
                    ours.insert_or_replace(epoch, value);
                    change("insert_or_replace", &both).unwrap();
                }
                2 => {
                    let result = change("reduce", &both).map(|_| ());
                    // An entry that was reduced to nothing may be kept or dropped: taking nothing off it is no error
                    // in the one case, and one in the other. The contracts never reduce by nothing.
                    if value > 0 || result.is_ok() {
                        assert_eq!(
                            result.map_err(strip),
                            ours.reduce(epoch, value).map_err(strip_ours)
                        );
                    }
                }
                _ => {
                    let flushed = change("flush", &both[..1]).unwrap();
                    assert_eq!(number(&flushed[0]), ours.flush(epoch));
                }
            }
            for epoch in 0..8 {
                let arguments = vec![borrow(&theirs), values::u32(epoch)];
                let sum = session.get(MODULE, "value_at", arguments).unwrap();
                assert_eq!(number(&sum), ours.value_at(epoch));
            }
        }
    }
}

/// Whether there is no value, or a smaller one, depends on whether entries of zero are kept.
fn strip(failure: Failure) -> String {
    match failure {
        Failure::Code(module, _) => module,
        Failure::Arithmetic => String::new(),
    }
}

fn strip_ours(abort: Abort) -> String {
    strip(Failure::from(abort))
}
