//! Shard assignment: which shards each node gets (contracts spec 8.4).

use std::collections::BTreeMap;

use crate::{Abort, NodeId, abort::ensure};

/// Shards by node, ascending by node ID.
pub type Committee = BTreeMap<NodeId, Vec<u16>>;

/// The first committee: consecutive shards in the order of the node IDs.
#[must_use]
pub fn first(targets: &[(NodeId, u16)]) -> Committee {
    let sorted: BTreeMap<NodeId, u16> = targets.iter().copied().collect();
    let mut next = 0;
    let take = |(node, count): (NodeId, u16)| {
        let shards = (next..next + count).collect();
        next += count;
        (node, shards)
    };
    sorted.into_iter().map(take).collect()
}

/// The next committee: every shard stays unless its owner shrinks or leaves.
///
/// # Errors
/// The targets do not sum up to the number of shards (`committee` 0).
pub fn transition(current: &Committee, targets: &[(NodeId, u16)]) -> Result<Committee, Abort> {
    let mut wanted: Vec<(NodeId, usize)> = targets
        .iter()
        .map(|(node, count)| (*node, usize::from(*count)))
        .collect();
    let wanted_sum: usize = wanted.iter().map(|(_, count)| count).sum();
    let n_shards: usize = current.values().map(Vec::len).sum();
    ensure(wanted_sum == n_shards, "committee", 0)?;

    let mut next = Committee::new();
    let mut free: Vec<u16> = Vec::new();
    for (node, shards) in current {
        let position = wanted.iter().position(|(other, _)| other == node);
        let target = position.map_or(0, |position| wanted.remove(position).1);
        let mut kept = shards.clone();
        if target == 0 {
            free.append(&mut kept);
            continue;
        }
        while kept.len() > target {
            free.extend(kept.pop());
        }
        if kept.len() < target {
            wanted.push((*node, target));
        }
        next.insert(*node, kept);
    }
    for (node, target) in wanted {
        if target == 0 {
            continue;
        }
        let shards = next.entry(node).or_default();
        while shards.len() < target {
            shards.push(free.pop().ok_or(Abort::code("committee", 0))?);
        }
    }
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(byte: u8) -> NodeId {
        NodeId([byte; 32])
    }

    #[test]
    fn the_first_committee_is_consecutive() {
        let committee = first(&[(node(9), 2), (node(1), 3)]);
        assert_eq!(committee[&node(1)], [0, 1, 2]);
        assert_eq!(committee[&node(9)], [3, 4]);
    }

    #[test]
    fn shards_move_from_those_that_shrink_or_leave_only() {
        let current = first(&[(node(1), 4), (node(2), 3), (node(3), 3)]);
        let next = transition(&current, &[(node(3), 4), (node(4), 3), (node(1), 3)]).unwrap();
        assert_eq!(next[&node(1)], [0, 1, 2]);
        // Free: 3 of node 1, then 4 5 6 of node 2; new nodes first, from the end.
        assert_eq!(next[&node(4)], [6, 5, 4]);
        assert_eq!(next[&node(3)], [7, 8, 9, 3]);
        assert!(!next.contains_key(&node(2)));
    }

    #[test]
    fn targets_must_sum_up() {
        let current = first(&[(node(1), 4)]);
        let result = transition(&current, &[(node(1), 3)]);
        assert_eq!(result, Err(Abort::code("committee", 0)));
    }
}
