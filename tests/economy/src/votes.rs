//! Quorum votes: what a committee agrees on (contracts spec 8.5).

use crate::is_quorum;

/// A vote and the number of shards behind it.
pub type Vote = (u64, u16);

/// The highest value that a quorum votes for or exceeds.
#[must_use]
pub fn highest_with_quorum(votes: &[Vote], n_shards: u16) -> Option<u64> {
    let supported = |value: &u64| is_quorum(weight(votes, |vote| vote >= *value), n_shards);
    votes.iter().map(|(vote, _)| *vote).filter(supported).max()
}

/// The lowest value that a quorum votes for or undercuts; without votes there is no bound.
#[must_use]
pub fn lowest_with_quorum(votes: &[Vote], n_shards: u16) -> u64 {
    let supported = |value: &u64| is_quorum(weight(votes, |vote| vote <= *value), n_shards);
    let values = votes.iter().map(|(vote, _)| *vote);
    values.filter(supported).min().unwrap_or(u64::MAX)
}

/// A node's vote on the total capacity: its own capacity, scaled by its part of the shards.
#[must_use]
pub fn capacity_vote(node_capacity: u64, weight: u16, n_shards: u16) -> u64 {
    let scaled = u128::from(node_capacity) * u128::from(n_shards) / u128::from(weight);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

fn weight(votes: &[Vote], counts: impl Fn(u64) -> bool) -> u64 {
    let counted = votes.iter().filter(|(vote, _)| counts(*vote));
    counted.map(|(_, weight)| u64::from(*weight)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(weights: [u16; 10]) -> Vec<Vote> {
        (1..=10).zip(weights).collect()
    }

    #[test]
    fn examples_of_section_8_5() {
        let capacity = votes([5, 5, 4, 6, 3, 7, 2, 8, 1, 9]);
        assert_eq!(highest_with_quorum(&capacity, 50), Some(4));
        // The weights of the second example sum up to 50.
        let prices = votes([5, 5, 4, 6, 3, 7, 4, 6, 1, 9]);
        assert_eq!(lowest_with_quorum(&prices, 50), 7);
    }

    #[test]
    fn without_votes_the_price_is_unbounded() {
        assert_eq!(lowest_with_quorum(&[], 10), u64::MAX);
        assert_eq!(highest_with_quorum(&[], 10), None);
    }

    #[test]
    fn capacity_votes_are_scaled_and_saturate() {
        assert_eq!(capacity_vote(10, 3, 10), 33);
        assert_eq!(capacity_vote(u64::MAX, 1, 1000), u64::MAX);
    }
}
