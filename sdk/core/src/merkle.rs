//! Merkle trees over BLAKE2b-256 and their proofs (encoding spec 3.1, 3.2).

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::hashing::{self, Digest};

/// A node of a tree. BCS: `00`, or `01` ‖ 32 bytes.
///
/// `Empty` and a digest of zeros differ, although both contribute the same bytes to their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Node {
    /// A missing subtree.
    Empty,
    /// The hash of a leaf or of two children.
    Digest([u8; 32]),
}

impl Node {
    /// What the node contributes to its parent: the digest, or 32 zeros.
    pub const fn bytes(&self) -> [u8; 32] {
        match self {
            Self::Empty => [0; 32],
            Self::Digest(digest) => *digest,
        }
    }
}

/// The hash of a leaf: `H(0x00 ‖ data)`.
pub fn leaf_hash(data: &[u8]) -> [u8; 32] {
    hashing::leaf(data)
}

/// Length of a proof in a tree of `leaf_count` leaves: `ceil(log2(leaf_count))`.
pub const fn path_length(leaf_count: usize) -> usize {
    if leaf_count <= 1 {
        0
    } else {
        leaf_count.ilog2() as usize + !leaf_count.is_power_of_two() as usize
    }
}

/// Root over leaf hashes. One spare zero node is added per odd level.
pub(crate) fn root_of(leaf_hashes: &[Digest]) -> Node {
    let mut level = leaf_hashes.to_vec();
    let mut next = Vec::with_capacity(level.len().div_ceil(2) + 1);
    while level.len() > 1 {
        if level.len() % 2 == 1 {
            level.push([0; 32]);
        }
        next.clear();
        hashing::inners(&level, &mut next);
        std::mem::swap(&mut level, &mut next);
    }
    level
        .first()
        .map_or(Node::Empty, |root| Node::Digest(*root))
}

/// A whole tree, kept for making proofs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MerkleTree {
    /// Level 0 is the leaf hashes, without the spare nodes; the last level is the root.
    levels: Vec<Vec<Digest>>,
}

impl MerkleTree {
    /// Builds the tree over leaves, hashing each.
    pub fn build<I>(leaves: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        Self::from_leaf_hashes(
            leaves
                .into_iter()
                .map(|leaf| leaf_hash(leaf.as_ref()))
                .collect(),
        )
    }

    /// Builds the tree over leaves that are hashed already.
    pub fn from_leaf_hashes(leaf_hashes: Vec<[u8; 32]>) -> Self {
        let mut levels = Vec::with_capacity(path_length(leaf_hashes.len()) + 1);
        let mut level = leaf_hashes;
        while level.len() > 1 {
            let count = level.len();
            if count % 2 == 1 {
                level.push([0; 32]);
            }
            let mut next = Vec::with_capacity(level.len() / 2);
            hashing::inners(&level, &mut next);
            level.truncate(count);
            levels.push(std::mem::replace(&mut level, next));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root: `Empty` for no leaves.
    pub fn root(&self) -> Node {
        self.levels
            .last()
            .and_then(|level| level.first())
            .map_or(Node::Empty, |root| Node::Digest(*root))
    }

    /// Number of leaves.
    pub fn leaf_count(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// Number of nodes, the spare `Empty` ones included.
    pub fn node_count(&self) -> usize {
        let spare = |count: usize| count + usize::from(count > 1 && count % 2 == 1);
        self.levels.iter().map(|level| spare(level.len())).sum()
    }

    /// What the root needs beside adjacent leaves: of each level, from the leaves on, the digest on the left of what they make up, then that on
    /// the right, as far as there are any. `None` unless the tree has these leaves, at least one.
    pub fn siblings(&self, leaves: Range<usize>) -> Option<Vec<[u8; 32]>> {
        let Range { mut start, mut end } = leaves;
        if start >= end || end > self.leaf_count() {
            return None;
        }
        let mut siblings = Vec::new();
        let below_root = self.levels.len() - 1;
        for level in self.levels.iter().take(below_root) {
            if start % 2 == 1 {
                siblings.extend(level.get(start - 1));
            }
            if end % 2 == 1 {
                siblings.extend(level.get(end));
            }
            (start, end) = (start / 2, end.div_ceil(2));
        }
        Some(siblings)
    }

    /// The proof that leaf `index` belongs to the tree; `None` if there is no such leaf.
    pub fn proof(&self, index: usize) -> Option<MerkleProof> {
        if index >= self.leaf_count() {
            return None;
        }
        let below_root = self.levels.len() - 1;
        let path = self
            .levels
            .iter()
            .take(below_root)
            .enumerate()
            .map(|(height, level)| {
                let sibling = (index >> height) ^ 1;
                level
                    .get(sibling)
                    .map_or(Node::Empty, |digest| Node::Digest(*digest))
            });
        Some(MerkleProof {
            path: path.collect(),
        })
    }
}

/// The siblings from a leaf up to just below the root. BCS: `uleb(count)` ‖ nodes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MerkleProof {
    path: Vec<Node>,
}

impl MerkleProof {
    /// A proof from its siblings, leaf level first.
    pub fn new(path: Vec<Node>) -> Self {
        Self { path }
    }

    /// The siblings, leaf level first.
    pub fn path(&self) -> &[Node] {
        &self.path
    }

    /// Whether `data` is leaf `index` of the tree of `leaf_count` leaves with this root.
    pub fn verify(&self, root: &Node, leaf_count: usize, data: &[u8], index: usize) -> bool {
        // The second test catches paths too short for the index.
        let beyond = u32::try_from(self.path.len())
            .ok()
            .and_then(|len| index.checked_shr(len))
            .unwrap_or(0);
        if self.path.len() > path_length(leaf_count) || beyond != 0 {
            return false;
        }
        let mut position = index;
        let mut current = leaf_hash(data);
        for sibling in &self.path {
            current = if position.is_multiple_of(2) {
                hashing::inner(&current, &sibling.bytes())
            } else {
                hashing::inner(&sibling.bytes(), &current)
            };
            position /= 2;
        }
        Node::Digest(current) == *root
    }
}
