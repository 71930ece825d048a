/// Values in their own field, and ordering by node ID.
#[test_only]
module walrus::extended_field_tests;

use std::unit_test::assert_eq;
use sui::address;
use sui::vec_map::{Self, VecMap};
use walrus::extended_field;
use walrus::sort;

#[test]
fun value_is_read_changed_swapped_and_taken_out() {
    let mut field = extended_field::new(7u64, &mut tx_context::dummy());
    assert_eq!(*field.borrow(), 7);
    *field.borrow_mut() = 8;
    assert_eq!(field.swap(9), 8);
    assert_eq!(field.destroy(), 9);
}

fun map(ids: vector<u256>): VecMap<ID, u64> {
    let mut map = vec_map::empty();
    ids.do!(|id| map.insert(address::from_u256(id).to_id(), id as u64));
    map
}

#[test]
fun maps_are_sorted_by_the_big_endian_value_of_the_key() {
    let unsorted = map(vector[300, 1, 256, 255, 2]);
    assert!(!sort::is_vec_map_sorted_by_node_id!(&unsorted));
    let sorted = sort::sort_vec_map_by_node_id!(unsorted);
    assert!(sort::is_vec_map_sorted_by_node_id!(&sorted));
    let (_, values) = sorted.into_keys_values();
    assert_eq!(values, vector[1, 2, 255, 256, 300]);
}

#[test]
fun empty_and_single_maps_are_sorted() {
    assert!(sort::is_vec_map_sorted_by_node_id!(&map(vector[])));
    assert!(sort::is_vec_map_sorted_by_node_id!(&map(vector[5])));
    assert_eq!(sort::sort_vec_map_by_node_id!(map(vector[])), map(vector[]));
    assert_eq!(sort::sort_vec_map_by_node_id!(map(vector[5])), map(vector[5]));
}
