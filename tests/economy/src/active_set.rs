//! Active set: the candidates for the next committee (contracts spec 7.13).

use crate::NodeId;

/// The most nodes in the active set.
pub const MAX_SIZE: usize = 150;

/// Candidates, in no order that means anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActiveSet(Vec<(NodeId, u64)>);

impl ActiveSet {
    /// Nodes and their stake, in order.
    #[must_use]
    pub fn nodes(&self) -> &[(NodeId, u64)] {
        &self.0
    }

    /// Nodes and their stake in the order that breaks ties: by stake, then by node ID (contracts spec 13, number 4).
    #[must_use]
    pub fn ranked(&self) -> Vec<(NodeId, u64)> {
        let mut nodes = self.0.clone();
        nodes.sort_by_key(|(node, stake)| (std::cmp::Reverse(*stake), *node));
        nodes
    }

    /// Sum of the stakes.
    #[must_use]
    pub fn total_stake(&self) -> u64 {
        self.0.iter().map(|(_, stake)| stake).sum()
    }

    /// The smallest stake with which another node would get in.
    #[must_use]
    pub fn entry_stake(&self) -> u64 {
        let least = self.0.iter().map(|(_, stake)| *stake).min();
        if self.0.len() < MAX_SIZE {
            1
        } else {
            least.unwrap_or(0) + 1
        }
    }

    /// Writes a node's stake; says whether the node is in the set now.
    pub fn insert_or_update(&mut self, node: NodeId, stake: u64) -> bool {
        let position = self.0.iter().position(|(other, _)| *other == node);
        match position {
            Some(position) if stake == 0 => {
                self.0.swap_remove(position);
                false
            }
            None if stake == 0 => false,
            Some(position) => {
                self.0[position].1 = stake;
                true
            }
            None if self.0.len() < MAX_SIZE => {
                self.0.push((node, stake));
                true
            }
            None => self.displace(node, stake),
        }
    }

    /// Takes the place of the first of the smallest nodes, if that is smaller.
    fn displace(&mut self, node: NodeId, stake: u64) -> bool {
        let smallest = self.0.iter_mut().min_by_key(|(_, other)| *other);
        match smallest {
            Some(entry) if entry.1 < stake => {
                *entry = (node, stake);
                true
            }
            _ => false,
        }
    }
}

/// The active set and the nodes that wait because it has no room (an improvement: contracts spec 13, number 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// The nodes with the most stake.
    pub set: ActiveSet,
    /// The nodes that come next.
    reserve: ActiveSet,
}

impl Candidates {
    /// The nodes that wait and their stake, in order.
    #[must_use]
    pub fn waiting(&self) -> &[(NodeId, u64)] {
        self.reserve.nodes()
    }

    /// Whether a node is in the set or waits.
    #[must_use]
    pub fn knows(&self, node: NodeId) -> bool {
        let mut all = self.set.0.iter().chain(&self.reserve.0);
        all.any(|(other, _)| *other == node)
    }

    /// Writes a node's stake: whatever happens, those with the most stake are in the set.
    pub fn set_stake(&mut self, node: NodeId, stake: u64) {
        let before = self.set.clone();
        let included = self.set.insert_or_update(node, stake);
        self.reserve.insert_or_update(node, 0);
        if !included {
            self.reserve.insert_or_update(node, stake);
        }
        let put_out = before.0.into_iter().filter(|(other, _)| *other != node);
        for (other, stake) in put_out {
            if !self.set.0.iter().any(|(member, _)| *member == other) {
                self.reserve.insert_or_update(other, stake);
            }
        }
        self.refill();
    }

    /// Writes the stakes of many nodes at once.
    pub fn set_stakes(&mut self, stakes: &[(NodeId, u64)]) {
        let others = |(node, _): &(NodeId, u64)| stakes.iter().all(|(other, _)| other != node);
        self.set.0.retain(others);
        self.reserve.0.retain(others);
        self.offer(stakes);
    }

    /// Ranks everybody together with candidates, which are in neither.
    pub fn offer(&mut self, candidates: &[(NodeId, u64)]) {
        self.set.0.append(&mut self.reserve.0);
        let candidates = candidates.iter().filter(|(_, stake)| *stake > 0);
        self.set.0.extend(candidates);
        self.set.0 = self.set.ranked();
        self.reserve.0 = self.set.0.split_off(self.set.0.len().min(MAX_SIZE));
        self.reserve.0.truncate(MAX_SIZE);
    }

    /// Lets in the largest of those who wait, as long as that changes anything.
    fn refill(&mut self) {
        let largest = self.reserve.0.iter().rev().max_by_key(|(_, stake)| *stake);
        let Some((node, stake)) = largest.copied() else {
            return;
        };
        let least = self.set.0.iter().map(|(_, other)| *other).min();
        if self.set.0.len() < MAX_SIZE || least < Some(stake) {
            self.set_stake(node, stake);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(index: usize) -> NodeId {
        let mut id = [0; 32];
        id[24..].copy_from_slice(&(index as u64).to_be_bytes());
        NodeId(id)
    }

    #[test]
    fn the_last_takes_the_place_of_who_leaves() {
        let mut set = ActiveSet::default();
        for index in 0..4 {
            assert!(set.insert_or_update(node(index), 10));
        }
        assert!(!set.insert_or_update(node(1), 0));
        let order: Vec<_> = set.nodes().iter().map(|(node, _)| *node).collect();
        assert_eq!(order, [node(0), node(3), node(2)]);
        assert_eq!(set.total_stake(), 30);
    }

    #[test]
    fn a_full_set_gives_up_the_first_of_its_smallest() {
        let mut set = ActiveSet::default();
        for index in 0..MAX_SIZE {
            set.insert_or_update(node(index), if index % 10 == 3 { 5 } else { 9 });
        }
        assert!(!set.insert_or_update(node(500), 5));
        assert!(set.insert_or_update(node(500), 6));
        assert_eq!(set.nodes()[3], (node(500), 6));
    }

    /// Stakes in a full set and beside it.
    fn full() -> Candidates {
        let mut candidates = Candidates::default();
        for index in 0..MAX_SIZE {
            candidates.set_stake(node(index), 10 + index as u64);
        }
        candidates
    }

    #[test]
    fn who_was_put_out_comes_back_when_the_stake_that_did_it_is_gone() {
        let before = full();
        let mut candidates = before.clone();
        candidates.set_stake(node(500), 12);
        candidates.set_stake(node(501), 13);
        assert_eq!(candidates.waiting(), [(node(0), 10), (node(1), 11)]);
        candidates.set_stake(node(501), 1);
        candidates.set_stake(node(500), 0);
        assert_eq!(candidates.waiting(), [(node(501), 1)]);
        assert_eq!(candidates.set.ranked(), before.set.ranked());
    }

    #[test]
    fn stakes_written_at_once_end_as_stakes_written_one_by_one() {
        let mut at_once = full();
        let mut one_by_one = full();
        let stakes: Vec<_> = (0..MAX_SIZE / 2)
            .flat_map(|index| {
                let shrunk = (node(index), (index as u64 * 7) % 11);
                [shrunk, (node(2000 + index), 5 + index as u64 * 2)]
            })
            .collect();
        at_once.set_stakes(&stakes);
        for (node, stake) in stakes {
            one_by_one.set_stake(node, stake);
        }
        // Of nodes with equal stake others may be in.
        let stakes = |set: &ActiveSet| -> Vec<u64> {
            set.ranked().into_iter().map(|(_, stake)| stake).collect()
        };
        assert_eq!(stakes(&at_once.set), stakes(&one_by_one.set));
        assert_eq!(stakes(&at_once.reserve), stakes(&one_by_one.reserve));
        assert!(!at_once.waiting().is_empty());
    }

    #[test]
    fn no_more_than_so_many_wait() {
        let mut candidates = full();
        for index in 0..MAX_SIZE + 1 {
            candidates.set_stake(node(1000 + index), 1000);
        }
        assert_eq!(candidates.waiting().len(), MAX_SIZE);
        assert!(!candidates.knows(node(0)));
        assert!(candidates.knows(node(1)));
    }
}
