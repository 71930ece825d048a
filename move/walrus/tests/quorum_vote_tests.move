#[test_only]
module walrus::quorum_vote_tests;

use std::unit_test::assert_eq;
use walrus::epoch_parameters::{Self, QuorumVote};

#[test]
fun specification_examples() {
    let capacity = vote_1_to_10(vector[5, 5, 4, 6, 3, 7, 2, 8, 1, 9]);
    assert_eq!(capacity.highest_with_quorum(50), 4);
    let price = vote_1_to_10(vector[5, 5, 4, 6, 3, 7, 4, 6, 1, 9]);
    assert_eq!(price.lowest_with_quorum(50), 7);
}

#[test]
fun a_single_node_decides_alone() {
    let mut vote = epoch_parameters::new_vote();
    vote.add(42, 10);
    assert_eq!(vote.highest_with_quorum(10), 42);
    let mut vote = epoch_parameters::new_vote();
    vote.add(42, 10);
    assert_eq!(vote.lowest_with_quorum(10), 42);
}

#[test]
fun a_third_cannot_raise_the_price() {
    let mut vote = epoch_parameters::new_vote();
    vote.add(std::u64::max_value!(), 3);
    vote.add(5, 7);
    assert_eq!(vote.lowest_with_quorum(10), 5);
}

fun vote_1_to_10(weights: vector<u16>): QuorumVote {
    let mut vote = epoch_parameters::new_vote();
    weights.length().do!(|i| vote.add(i + 1, weights[i]));
    vote
}
