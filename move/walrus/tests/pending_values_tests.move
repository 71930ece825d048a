#[test_only]
module walrus::pending_values_tests;

use std::unit_test::assert_eq;
use walrus::pending_values::{Self, EMissingEpochValue, EReduceValueTooLarge};

#[test]
fun values_accumulate_up_to_the_epoch() {
    let mut pending = pending_values::empty();
    pending.insert_or_add(5, 50);
    pending.insert_or_add(3, 30);
    pending.insert_or_add(3, 3);
    pending.insert_or_replace(7, 1);
    pending.insert_or_replace(7, 70);
    assert_eq!(pending.value_at(2), 0);
    assert_eq!(pending.value_at(3), 33);
    assert_eq!(pending.value_at(6), 83);
    assert_eq!(pending.total(), 153);
    assert_eq!(pending.latest_value_at(2), option::none());
    assert_eq!(pending.latest_value_at(6), option::some(50));
    assert_eq!(pending.latest_value_at(100), option::some(70));
}

#[test]
fun flush_removes_what_it_returns() {
    let mut pending = pending_values::empty();
    pending.insert_or_add(4, 4);
    pending.insert_or_add(1, 1);
    pending.insert_or_add(2, 2);
    assert_eq!(pending.flush(2), 3);
    assert_eq!(pending.flush(2), 0);
    assert_eq!(pending.inner().length(), 1);
    assert_eq!(pending.flush(4), 4);
    assert_eq!(pending.inner().length(), 0);
}

#[test]
fun reduce_to_zero_keeps_the_entry() {
    let mut pending = pending_values::empty();
    pending.insert_or_add(4, 4);
    pending.reduce(4, 4);
    assert_eq!(pending.inner().length(), 1);
    assert_eq!(pending.total(), 0);
}

#[test, expected_failure(abort_code = EMissingEpochValue)]
fun reduce_needs_an_entry() {
    pending_values::empty().reduce(4, 0);
}

#[test, expected_failure(abort_code = EReduceValueTooLarge)]
fun reduce_needs_a_large_enough_entry() {
    let mut pending = pending_values::empty();
    pending.insert_or_add(4, 4);
    pending.reduce(4, 5);
}
