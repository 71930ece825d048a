//! Folding of Merkle trees, many at a time (encoding spec 3.1).
//!
//! Digests of many trees lie in one array; every pair of siblings of all trees fills a lane of the hash.

use crate::hashing::{Digest, LANES, Lanes};

/// Hashes pairs of nodes as eight of them are there.
struct NodeWriter<'a> {
    lanes: Lanes,
    pairs: [[u8; 64]; LANES],
    filled: usize,
    out: &'a mut Vec<Digest>,
}

impl<'a> NodeWriter<'a> {
    fn new(lanes: Lanes, out: &'a mut Vec<Digest>) -> Self {
        out.clear();
        Self {
            lanes,
            pairs: [[0; 64]; LANES],
            filled: 0,
            out,
        }
    }

    #[inline]
    fn push(&mut self, left: &Digest, right: &Digest) {
        let pair = &mut self.pairs[self.filled];
        pair[..32].copy_from_slice(left);
        pair[32..].copy_from_slice(right);
        self.filled += 1;
        if self.filled == LANES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let digests = self.lanes.nodes(&self.pairs);
        self.out.extend_from_slice(&digests[..self.filled]);
        self.filled = 0;
    }

    fn finish(mut self) {
        if self.filled > 0 {
            self.flush();
        }
    }
}

/// What stands in for the missing sibling of the last node of an odd level.
const EMPTY: Digest = [0; 32];

/// Room that folding uses again and again.
#[derive(Default)]
pub(crate) struct Folder {
    level: Vec<Digest>,
    next: Vec<Digest>,
}

impl Folder {
    /// The roots of `width` trees that stand side by side: leaf `i` of tree `t` is at `i * width + t`.
    pub(crate) fn fold_down(&mut self, lanes: Lanes, leaves: &[Digest], width: usize) -> &[Digest] {
        self.level.clear();
        self.level.extend_from_slice(leaves);
        while self.level.len() > width {
            let mut writer = NodeWriter::new(lanes, &mut self.next);
            for pair in self.level.chunks(2 * width) {
                let (lefts, rights) = pair.split_at(width);
                for (i, left) in lefts.iter().enumerate() {
                    writer.push(left, rights.get(i).unwrap_or(&EMPTY));
                }
            }
            writer.finish();
            std::mem::swap(&mut self.level, &mut self.next);
        }
        &self.level
    }

    /// Folds parts of trees that lie one after the other, `width` leaves of each, by so many levels: one node
    /// a tree if there are enough.
    pub(crate) fn fold_across(
        &mut self,
        lanes: Lanes,
        leaves: &[Digest],
        width: usize,
        levels: usize,
    ) -> &[Digest] {
        self.level.clear();
        self.level.extend_from_slice(leaves);
        let mut width = width;
        for _ in 0..levels {
            let mut writer = NodeWriter::new(lanes, &mut self.next);
            for tree in self.level.chunks(width) {
                for pair in tree.chunks(2) {
                    if let [left, rest @ ..] = pair {
                        writer.push(left, rest.first().unwrap_or(&EMPTY));
                    }
                }
            }
            writer.finish();
            width = width.div_ceil(2);
            std::mem::swap(&mut self.level, &mut self.next);
        }
        &self.level
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        hashing,
        merkle::{MerkleTree, Node},
    };

    #[test]
    fn folding_by_blocks_gives_the_root_of_the_whole_tree() {
        let mut folder = Folder::default();
        let lanes = hashing::fastest();
        for n in [1usize, 2, 3, 7, 8, 9, 16, 17, 33, 65, 100] {
            let leaves: Vec<Digest> = (0..n).map(|i| hashing::leaf(&[i as u8])).collect();
            let expected = MerkleTree::from_leaf_hashes(leaves.clone()).root();
            let root = folder.fold_down(lanes, &leaves, 1)[0];
            assert_eq!(Node::Digest(root), expected);
            for block in [1usize, 2, 4, 8, 32] {
                let levels = block.ilog2() as usize;
                let levels = levels.min(crate::merkle::path_length(n));
                let nodes: Vec<Digest> = leaves
                    .chunks(block)
                    .map(|part| folder.fold_across(lanes, part, part.len(), levels)[0])
                    .collect();
                let root = folder.fold_down(lanes, &nodes, 1)[0];
                assert_eq!(Node::Digest(root), expected, "{n} {block}");
            }
        }
    }
}
