/// Splitting and fusing reservations.
#[test_only]
module walrus::storage_resource_tests;

use std::unit_test::assert_eq;
use walrus::storage_resource::{Self, Storage};

fun ctx(): TxContext { tx_context::dummy() }

fun new(start: u32, end: u32, size: u64, ctx: &mut TxContext): Storage {
    storage_resource::create_storage(start, end, size, ctx)
}

fun assert_is(storage: &Storage, start: u32, end: u32, size: u64) {
    assert_eq!(storage.start_epoch(), start);
    assert_eq!(storage.end_epoch(), end);
    assert_eq!(storage.size(), size);
}

#[test]
fun split_by_epoch_divides_the_period() {
    let ctx = &mut ctx();
    let mut first = new(2, 10, 100, ctx);
    let second = first.split_by_epoch(7, ctx);
    assert_is(&first, 2, 7, 100);
    assert_is(&second, 7, 10, 100);
    first.destroy();
    second.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_at_the_start_is_rejected() {
    let ctx = &mut ctx();
    let mut storage = new(2, 10, 100, ctx);
    storage.split_by_epoch(2, ctx).destroy();
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpoch)]
fun split_at_the_end_is_rejected() {
    let ctx = &mut ctx();
    let mut storage = new(2, 10, 100, ctx);
    storage.split_by_epoch(10, ctx).destroy();
    storage.destroy();
}

#[test]
fun split_by_size_divides_the_bytes() {
    let ctx = &mut ctx();
    let mut first = new(2, 10, 100, ctx);
    let second = first.split_by_size(30, ctx);
    assert_is(&first, 2, 10, 30);
    assert_is(&second, 2, 10, 70);
    let empty = first.split_by_size(30, ctx);
    assert_is(&empty, 2, 10, 0);
    first.destroy();
    second.destroy();
    empty.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun split_above_the_size_is_rejected() {
    let ctx = &mut ctx();
    let mut storage = new(2, 10, 100, ctx);
    storage.split_by_size(101, ctx).destroy();
    storage.destroy();
}

#[test]
fun fusing_undoes_both_splits() {
    let ctx = &mut ctx();
    let mut storage = new(2, 10, 100, ctx);
    let later = storage.split_by_epoch(7, ctx);
    storage.fuse(later);
    assert_is(&storage, 2, 10, 100);
    let rest = storage.split_by_size(30, ctx);
    storage.fuse(rest);
    assert_is(&storage, 2, 10, 100);
    storage.destroy();
}

#[test]
fun periods_fuse_backward_too() {
    let ctx = &mut ctx();
    let mut storage = new(7, 10, 100, ctx);
    storage.fuse_periods(new(2, 7, 100, ctx));
    assert_is(&storage, 2, 10, 100);
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun periods_with_a_gap_do_not_fuse() {
    let ctx = &mut ctx();
    let mut storage = new(2, 7, 100, ctx);
    storage.fuse_periods(new(8, 10, 100, ctx));
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleAmount)]
fun periods_of_different_sizes_do_not_fuse() {
    let ctx = &mut ctx();
    let mut storage = new(2, 7, 100, ctx);
    storage.fuse(new(7, 10, 99, ctx));
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun amounts_with_different_ends_do_not_fuse() {
    let ctx = &mut ctx();
    let mut storage = new(2, 7, 100, ctx);
    storage.fuse(new(2, 8, 100, ctx));
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EIncompatibleEpochs)]
fun amounts_with_different_starts_do_not_fuse() {
    let ctx = &mut ctx();
    let mut storage = new(2, 7, 100, ctx);
    storage.fuse_amount(new(3, 7, 100, ctx));
    storage.destroy();
}

#[test, expected_failure(abort_code = storage_resource::EInvalidEpochRange)]
fun empty_periods_cannot_be_created() {
    let ctx = &mut ctx();
    new(7, 7, 100, ctx).destroy();
}
