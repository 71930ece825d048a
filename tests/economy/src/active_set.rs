//! The candidates for the next committee (contracts spec 7.13).

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

    /// Nodes and their stake in the order that breaks ties: by stake, then by node ID (section 13, number 4).
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
}
