#[test_only]
module walrus::apportionment_tests;

use std::unit_test::assert_eq;
use std::uq64_64;
use walrus::apportionment;
use walrus::apportionment_queue::{Self, EPopFromEmptyHeap};

#[test]
fun specification_examples() {
    check(10, vector[4000, 2000, 1000], vector[6, 3, 1]);
    check(10, vector[1000, 1000, 1000], vector[4, 3, 3]);
    check(6, vector[25_000, 25_000, 25_000, 25_000], vector[2, 2, 1, 1]);
    check(777, vector[50_000, 30_000, 15_000, 5_000], vector[389, 234, 116, 38]);
    check(
        777,
        vector[50_000, 50_000, 30_000, 15_000, 15_000, 5_000],
        vector[236, 236, 142, 70, 70, 23],
    );
    check(
        18,
        vector[780_000, 650_000, 520_000, 390_000, 260_000],
        vector[6, 5, 4, 2, 1],
    );
    check(5, vector[1, 0, 0], vector[4, 1, 0]);
    check(1000, vector[900, 50, 50], vector[667, 167, 166]);
    check(500, vector[1_000_000_000_000, 900_000_000_000, 100_000_000_000], vector[250, 225, 25]);
}

#[test]
fun a_dominating_node_is_capped() {
    let stakes = vector::tabulate!(20, |i| if (i == 0) 1_000_000 else 1);
    let shards = apportionment::shards_per_node(&stakes, 1000);
    assert_eq!(shards[0], 100);
    assert_eq!(shards.count!(|count| *count == 48), 7);
    assert_eq!(shards.count!(|count| *count == 47), 12);
}

#[test]
fun caps_by_number_of_nodes() {
    assert_eq!(apportionment::max_shards_per_node(1, 1000), 2000);
    assert_eq!(apportionment::max_shards_per_node(2, 1000), 1000);
    assert_eq!(apportionment::max_shards_per_node(3, 1000), 667);
    assert_eq!(apportionment::max_shards_per_node(4, 1000), 500);
    assert_eq!(apportionment::max_shards_per_node(5, 1000), 400);
    assert_eq!(apportionment::max_shards_per_node(10, 1000), 200);
    assert_eq!(apportionment::max_shards_per_node(19, 1000), 106);
    assert_eq!(apportionment::max_shards_per_node(20, 1000), 100);
    assert_eq!(apportionment::max_shards_per_node(150, 1000), 100);
}

#[test]
fun every_shard_is_assigned_within_the_cap() {
    vector[1, 2, 7, 19, 20, 57, 150].do!(|n_nodes| {
        let mut state = 12_345u64;
        let stakes = vector::tabulate!(n_nodes, |_| {
            state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
            1 + state * 1_000_000
        });
        let shards = apportionment::shards_per_node(&stakes, 1000);
        let cap = apportionment::max_shards_per_node(n_nodes, 1000);
        let mut sum = 0u64;
        shards.do!(|count| {
            assert!(count as u64 <= cap);
            sum = sum + (count as u64);
        });
        assert_eq!(sum, 1000);
        // More stake never means fewer shards.
        n_nodes.do!(|i| n_nodes.do!(|j| {
            if (stakes[i] > stakes[j]) assert!(shards[i] >= shards[j]);
        }));
    });
}

#[test]
fun many_nodes_share_few_shards() {
    assert_eq!(apportionment::max_shards_per_node(20, 9), 1);
    assert_eq!(apportionment::max_shards_per_node(150, 1), 1);
    let stakes = vector::tabulate!(20, |i| if (i == 13) 1_000_000 else 1);
    let expected = vector::tabulate!(20, |i| if (i < 8 || i == 13) 1 else 0);
    check(9, stakes, expected);
}

#[test]
fun the_caps_leave_no_shard_over() {
    vector[1, 9, 10, 11, 19, 29, 39, 40_000].do!(|n_shards| 150u64.do!(|n| {
        let n_nodes = n + 1;
        assert!(n_nodes * apportionment::max_shards_per_node(n_nodes, n_shards) >= n_shards);
    }));
}

#[test]
fun the_queue_pops_by_priority_then_tie_breaker() {
    let mut queue = apportionment_queue::new<u64>();
    vector[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5].do!(|priority| {
        queue.insert(uq64_64::from_int(priority), priority % 2, priority);
    });
    vector[1, 7, 4].do!(|tie_breaker| queue.insert(uq64_64::from_int(7), tie_breaker, 70 + tie_breaker));
    vector[9, 77, 74, 71, 6, 5, 5, 5, 4, 3, 3, 2, 1, 1].do!(|expected| {
        let (_, _, value) = queue.pop_max();
        assert_eq!(value, expected);
    });
}

#[test, expected_failure(abort_code = EPopFromEmptyHeap)]
fun an_empty_queue_pops_nothing() {
    apportionment_queue::new<u64>().pop_max();
}

fun check(n_shards: u16, stakes: vector<u64>, expected: vector<u16>) {
    assert_eq!(apportionment::shards_per_node(&stakes, n_shards), expected);
}
