#[test_only]
module walrus::committee_tests;

use std::unit_test::assert_eq;
use sui::vec_map::{Self, VecMap};
use walrus::committee::{Self, Committee, EInvalidShardAssignment};
use walrus::sort;

#[test]
fun the_first_committee_is_consecutive_in_id_order() {
    let committee = committee::initialize(targets(vector[3, 1, 2], vector[3, 2, 1]));
    assert_eq!(committee.inner().keys(), vector[id(1), id(2), id(3)]);
    assert_eq!(committee[&id(1)], vector[0, 1]);
    assert_eq!(committee[&id(2)], vector[2]);
    assert_eq!(committee[&id(3)], vector[3, 4, 5]);
    assert_eq!(committee.weight(&id(3)), 3);
    assert_eq!(committee.weight(&id(4)), 0);
}

#[test]
fun a_transition_moves_as_few_shards_as_possible() {
    // 1 leaves, 2 shrinks, 3 stays, 4 grows, 5 joins.
    let before = committee::initialize(targets(vector[1, 2, 3, 4], vector[3, 5, 2, 2]));
    let after = before.transition(targets(vector[5, 4, 3, 2], vector[4, 4, 2, 2]));
    check_partition(&after, 12);
    assert!(!after.contains(&id(1)));
    assert_eq!(after.weight(&id(5)), 4);
    assert_eq!(after.weight(&id(4)), 4);
    assert_eq!(after[&id(3)], before[&id(3)]);
    assert!(after[&id(2)].all!(|shard| before[&id(2)].contains(shard)));
    assert!(before[&id(4)].all!(|shard| after[&id(4)].contains(shard)));
}

#[test]
fun shards_are_handed_out_from_the_end_of_the_free_ones() {
    // 1 leaves its three shards in order; 2 gives up one more; 3 and 4 join in the order of the targets.
    let before = committee::initialize(targets(vector[1, 2], vector[3, 2]));
    let after = before.transition(targets(vector[4, 2, 3], vector[2, 1, 2]));
    assert_eq!(after[&id(2)], vector[3]);
    assert_eq!(after[&id(4)], vector[4, 2]);
    assert_eq!(after[&id(3)], vector[1, 0]);
}

#[test]
fun transitions_keep_a_partition_and_what_can_be_kept() {
    let mut state = 1u64;
    let mut committee = committee::initialize(random_targets(&mut state));
    20u8.do!(|_| {
        let wanted = random_targets(&mut state);
        let next = committee.transition(wanted);
        check_partition(&next, 100);
        wanted.length().do!(|i| {
            let (node_id, count) = wanted.get_entry_by_idx(i);
            assert_eq!(next.weight(node_id), *count);
            if (*count == 0 || !committee.contains(node_id)) return;
            let kept = committee[node_id].count!(|shard| next[node_id].contains(shard));
            assert_eq!(kept, (*count as u64).min(committee[node_id].length()));
        });
        committee = next;
    });
}

#[test]
fun only_so_many_nodes_join_at_once() {
    let committee = committee::initialize(targets(vector[1, 2, 3], vector[4, 4, 4]));
    let ranked = vector[9, 2, 7, 1, 8].map!(|n| id(n));
    let (is_member, _) = committee.compare(&ranked);
    let all_stakes = vector[50, 40, 30, 20, 10];
    let (all, stakes) = committee::limit_joining(ranked, all_stakes, is_member, 5);
    assert_eq!(all, ranked);
    assert_eq!(stakes, all_stakes);
    let (some, stakes) = committee::limit_joining(ranked, all_stakes, is_member, 2);
    assert_eq!(some, vector[9, 2, 7, 1].map!(|n| id(n)));
    assert_eq!(stakes, vector[50, 40, 30, 20]);
    let (members, _) = committee::limit_joining(ranked, all_stakes, is_member, 0);
    assert_eq!(members, vector[2, 1].map!(|n| id(n)));
}

#[test, expected_failure(abort_code = EInvalidShardAssignment)]
fun a_transition_keeps_the_number_of_shards() {
    committee::initialize(targets(vector[1, 2], vector[3, 5])).transition(
        targets(vector[1, 2], vector[3, 6]),
    );
}

#[test]
fun members_and_others_are_told_apart() {
    let committee = committee::initialize(targets(vector[1, 2, 4, 6], vector[1, 1, 1, 1]));
    let (is_member, absent) = committee.compare(&vector[8, 2, 7, 6, 3].map!(|n| id(n)));
    assert_eq!(is_member, vector[false, true, false, true, false]);
    assert_eq!(absent, vector[id(1), id(4)]);
    let (is_member, absent) = committee.compare(&vector[]);
    assert!(is_member.is_empty());
    assert_eq!(absent.length(), 4);
    let (is_member, absent) = committee::empty().compare(&vector[id(1)]);
    assert_eq!(is_member, vector[false]);
    assert!(absent.is_empty());
}

fun check_partition(committee: &Committee, n_shards: u64) {
    assert!(sort::is_vec_map_sorted_by_node_id!(committee.inner()));
    let mut seen = vector::tabulate!(n_shards, |_| false);
    committee.inner().keys().do!(|node_id| {
        assert!(!committee[&node_id].is_empty());
        committee[&node_id].do_ref!(|shard| {
            assert!(!seen[*shard as u64]);
            *&mut seen[*shard as u64] = true;
        });
    });
    assert!(seen.all!(|shard_seen| *shard_seen));
}

/// Distributes 100 shards over the nodes 1 to 9, some of which get none.
fun random_targets(state: &mut u64): VecMap<ID, u16> {
    let mut counts = vector::tabulate!(9, |_| 0u16);
    let mut left = 100u16;
    while (left > 0) {
        *state = (*state * 1_103_515_245 + 12_345) % 2_147_483_648;
        let node = *state / 65_536 % 9;
        let count = ((*state / 1024 % 30) as u16).min(left);
        *&mut counts[node] = counts[node] + count;
        left = left - count;
    };
    targets(vector[4, 9, 2, 7, 1, 3, 8, 6, 5], counts)
}

fun targets(ids: vector<u256>, counts: vector<u16>): VecMap<ID, u16> {
    vec_map::from_keys_values(ids.map!(|n| id(n)), counts)
}

fun id(n: u256): ID {
    sui::address::from_u256(n).to_id()
}
