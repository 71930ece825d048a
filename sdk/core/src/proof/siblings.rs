//! Sibling hashes of adjacent leaves: what a tree's root needs beside them (proof spec 3).

use std::ops::Range;

use crate::hashing::{self, Digest};

/// How many siblings a range of `leaf_count` leaves has; none is counted for what is missing at the end of a level, which is zeros.
pub(super) fn count(leaves: &Range<usize>, leaf_count: usize) -> usize {
    let (mut start, mut end, mut level) = (leaves.start, leaves.end, leaf_count);
    let mut count = 0;
    while level > 1 {
        count += start % 2 + usize::from(end % 2 == 1 && end < level);
        (start, end, level) = (start / 2, end.div_ceil(2), level.div_ceil(2));
    }
    count
}

/// The root over `leaf_count` leaves, of which `leaves` begin at `start`. `siblings` are as many as [`count`] says: of each level, from the leaves on, the
/// one on the left, then the one on the right.
pub(super) fn root(
    leaves: Vec<Digest>,
    start: usize,
    leaf_count: usize,
    siblings: &[Digest],
) -> Option<Digest> {
    let (mut level, mut start, mut count) = (leaves, start, leaf_count);
    let mut siblings = siblings.iter().copied();
    while count > 1 {
        if start % 2 == 1 {
            level.insert(0, siblings.next()?);
            start -= 1;
        }
        let end = start.checked_add(level.len())?;
        if end % 2 == 1 {
            level.push(if end < count {
                siblings.next()?
            } else {
                [0; 32]
            });
        }
        let mut above = Vec::with_capacity(level.len() / 2);
        hashing::inners(&level, &mut above);
        (level, start, count) = (above, start / 2, count.div_ceil(2));
    }
    level.first().copied().filter(|_| siblings.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{MerkleTree, Node, leaf_hash};

    #[test]
    fn every_range_of_every_small_tree_gives_the_root() {
        for n in 1..=20_usize {
            let leaves: Vec<Digest> = (0..n).map(|leaf| leaf_hash(&[leaf as u8])).collect();
            let tree = MerkleTree::from_leaf_hashes(leaves.clone());
            for start in 0..n {
                for end in start + 1..=n {
                    let siblings = tree.siblings(start..end).unwrap();
                    assert_eq!(siblings.len(), count(&(start..end), n), "{n} {start} {end}");
                    let part = leaves[start..end].to_vec();
                    let found = root(part.clone(), start, n, &siblings).unwrap();
                    assert_eq!(Node::Digest(found), tree.root());
                    let more = [siblings.clone(), vec![[0; 32]]].concat();
                    assert_eq!(root(part.clone(), start, n, &more), None);
                    if let Some((_, fewer)) = siblings.split_last() {
                        assert_eq!(root(part, start, n, fewer), None);
                    }
                }
            }
            assert_eq!(tree.siblings(0..n + 1), None);
            assert_eq!(tree.siblings(1..1), None);
        }
    }
}
