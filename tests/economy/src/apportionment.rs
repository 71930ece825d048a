//! Apportionment: how many shards each node gets (contracts spec 8.3).

use crate::{Abort, abort::ensure};

/// From so many nodes on, the largest share is the same for all sizes of the network.
const FLAT_CAP_FROM: u64 = 20;
/// The largest share is one in so many shards.
const CAP_DENOMINATOR: u64 = 10;

/// The most shards one of `nodes` nodes may have; one at least (an improvement on the specification).
#[must_use]
pub fn cap(nodes: u64, n_shards: u16) -> u64 {
    let n = u64::from(n_shards);
    if nodes >= FLAT_CAP_FROM {
        (n / CAP_DENOMINATOR).max(1)
    } else {
        (FLAT_CAP_FROM * n).div_ceil(CAP_DENOMINATOR * nodes)
    }
}

/// Shards per node, in the order of `stakes`: D'Hondt with a cap; among equals the earlier node wins.
///
/// # Errors
/// Nobody has stake (`staking_inner` 3), or the cap leaves shards over (`apportionment_queue` 0).
pub fn shards_per_node(stakes: &[u64], n_shards: u16) -> Result<Vec<u64>, Abort> {
    let total: u128 = stakes.iter().map(|stake| u128::from(*stake)).sum();
    ensure(total > 0, "staking_inner", 3)?;
    let cap = cap(stakes.len() as u64, n_shards);
    // Everybody starts with what any divisor method gives at least (Hagenbach-Bischoff).
    let quota = total / (u128::from(n_shards) + 1) + 1;
    let start = |stake: &u64| cap.min((u128::from(*stake) / quota) as u64);
    let mut shards: Vec<u64> = stakes.iter().map(start).collect();
    while shards.iter().sum::<u64>() < u64::from(n_shards) {
        let open = (0..stakes.len()).filter(|node| shards[*node] != cap);
        // `max_by_key` takes the last of equals, so the search runs backwards.
        let next = open
            .rev()
            .max_by_key(|node| quotient(stakes[*node], shards[*node]));
        let next = next.ok_or(Abort::code("apportionment_queue", 0))?;
        shards[next] += 1;
    }
    Ok(shards)
}

/// `stake / (shards + 1)` with 64 binary places.
fn quotient(stake: u64, shards: u64) -> u128 {
    (u128::from(stake) << 64) / u128::from(shards + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_section_8_3() {
        let big = |stakes: &[u64], factor: u64| stakes.iter().map(|stake| stake * factor).collect();
        let many: Vec<u64> = std::iter::once(1_000_000).chain([1; 19]).collect();
        let cases: Vec<(u16, Vec<u64>, Vec<u64>)> = vec![
            (10, vec![4000, 2000, 1000], vec![6, 3, 1]),
            (10, vec![1000; 3], vec![4, 3, 3]),
            (6, vec![25_000; 4], vec![2, 2, 1, 1]),
            (777, big(&[50, 30, 15, 5], 1000), vec![389, 234, 116, 38]),
            (
                777,
                big(&[50, 50, 30, 15, 15, 5], 1000),
                vec![236, 236, 142, 70, 70, 23],
            ),
            (18, big(&[78, 65, 52, 39, 26], 10_000), vec![6, 5, 4, 2, 1]),
            (5, vec![1, 0, 0], vec![4, 1, 0]),
            (1000, vec![900, 50, 50], vec![667, 167, 166]),
            (1000, many, [&[100], &[48; 7][..], &[47; 12]].concat()),
            (
                500,
                vec![1_000_000_000_000, 900_000_000_000, 100_000_000_000],
                vec![250, 225, 25],
            ),
        ];
        for (n, stakes, expected) in cases {
            assert_eq!(shards_per_node(&stakes, n), Ok(expected), "{n} {stakes:?}");
        }
    }

    #[test]
    fn caps_of_section_15() {
        for (nodes, expected) in [
            (1, 2000),
            (2, 1000),
            (3, 667),
            (4, 500),
            (5, 400),
            (10, 200),
            (19, 106),
            (20, 100),
            (150, 100),
        ] {
            assert_eq!(cap(nodes, 1000), expected);
        }
    }

    #[test]
    fn no_stake_is_refused_and_few_shards_are_not() {
        assert_eq!(
            shards_per_node(&[], 10),
            Err(Abort::code("staking_inner", 3))
        );
        assert_eq!(
            shards_per_node(&[0, 0], 10),
            Err(Abort::code("staking_inner", 3))
        );
        let expected = [&[1; 9][..], &[0; 11]].concat();
        assert_eq!(shards_per_node(&[1; 20], 9), Ok(expected));
    }
}
