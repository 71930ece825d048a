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
    assert_eq!(pending.value_at(std::u32::max_value!()), 153);
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
fun reduce_to_zero_drops_the_entry() {
    let mut pending = pending_values::empty();
    pending.insert_or_add(4, 4);
    pending.reduce(4, 4);
    assert_eq!(pending.inner().length(), 0);
    assert_eq!(pending.value_at(std::u32::max_value!()), 0);
}

#[test]
fun merging_keeps_every_sum_from_its_epoch_on() {
    let mut pending = pending_values::empty();
    vector[4, 2, 7, 3].do!(|epoch| pending.insert_or_add(epoch, epoch as u64));
    pending.merge_until(4);
    assert_eq!(pending.inner().length(), 2);
    assert_eq!(pending.value_at(4), 9);
    assert_eq!(pending.value_at(6), 9);
    assert_eq!(pending.value_at(7), 16);
    pending.merge_until(1);
    assert_eq!(pending.inner().length(), 2);
}

#[test]
fun keeping_the_latest_drops_what_never_applies() {
    let mut pending = pending_values::empty();
    vector[4, 2, 7, 3].do!(|epoch| pending.insert_or_add(epoch, 10 * (epoch as u64)));
    pending.keep_latest_until(5);
    assert_eq!(pending.inner().length(), 2);
    assert_eq!(pending.latest_value_at(5), option::some(40));
    assert_eq!(pending.latest_value_at(7), option::some(70));
    pending.keep_latest_until(1);
    assert_eq!(pending.latest_value_at(5), option::some(40));
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
