#[test_only]
module walrus::active_set_tests;

use std::unit_test::assert_eq;
use walrus::active_set::{Self, ActiveSet, EZeroMaxSize};

#[test]
fun a_full_set_replaces_its_first_smallest_entry() {
    let mut set = active_set::new(3, 0);
    assert!(set.insert_or_update(id(1), 20));
    assert!(set.insert_or_update(id(2), 10));
    assert!(set.insert_or_update(id(3), 10));
    assert!(!set.insert_or_update(id(4), 10));
    assert!(set.insert_or_update(id(4), 11));
    assert_eq!(ids(&set), vector[id(1), id(4), id(3)]);
    assert_eq!(set.total_stake(), 41);
    assert_eq!(set.size(), 3);
}

#[test]
fun updates_keep_the_total() {
    let mut set = active_set::new(2, 0);
    set.insert_or_update(id(1), 5);
    set.insert_or_update(id(2), 7);
    set.insert_or_update(id(1), 50);
    assert_eq!(set.total_stake(), 57);
    set.insert_or_update(id(1), 1);
    assert_eq!(set.total_stake(), 8);
    assert_eq!(ids(&set), vector[id(1), id(2)]);
}

#[test]
fun too_little_stake_removes() {
    let mut set = active_set::new(3, 5);
    assert!(!set.insert_or_update(id(9), 4));
    set.insert_or_update(id(1), 5);
    set.insert_or_update(id(2), 6);
    set.insert_or_update(id(3), 7);
    assert!(!set.insert_or_update(id(1), 4));
    assert_eq!(ids(&set), vector[id(3), id(2)]);
    assert_eq!(set.total_stake(), 13);
    let mut without_threshold = active_set::new(3, 0);
    assert!(!without_threshold.insert_or_update(id(1), 0));
}

#[test]
fun the_rank_is_by_stake_then_node_id() {
    let mut set = active_set::new(10, 0);
    vector[5, 2, 9, 1, 7].do!(|n| { set.insert_or_update(id(n), if (n == 9) 30 else 20); });
    set.insert_or_update(id(3), 10);
    let (ids, stakes) = set.ranked();
    assert_eq!(ids, vector[id(9), id(1), id(2), id(5), id(7), id(3)]);
    assert_eq!(stakes, vector[30, 20, 20, 20, 20, 10]);
}

#[test]
fun the_rank_of_the_others_stays_when_a_node_leaves() {
    let mut set = active_set::new(10, 0);
    vector[5, 2, 9, 1, 7].do!(|n| { set.insert_or_update(id(n), 20); });
    set.remove(id(5));
    // The last entry has taken the place of the first.
    assert_eq!(ids(&set), vector[id(7), id(2), id(9), id(1)]);
    let (ranked, _) = set.ranked();
    assert_eq!(ranked, vector[id(1), id(2), id(7), id(9)]);
}

#[test, expected_failure(abort_code = EZeroMaxSize)]
fun a_set_needs_room() {
    active_set::new(0, 0);
}

fun id(n: u256): ID {
    sui::address::from_u256(n).to_id()
}

fun ids(set: &ActiveSet): vector<ID> {
    let (ids, _) = set.active_ids_and_stake();
    ids
}
