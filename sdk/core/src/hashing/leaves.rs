//! Hashes of leaves, eight at a time, whole or strip by strip.

use super::{
    Digest, LEAF_PREFIX,
    lanes::{BLOCK, Blocks, LANES, Lanes, States},
};

/// Eight leaves of equal length that are hashed strip by strip.
///
/// The prefix byte puts the blocks of the hash one byte behind the bytes of the data: the last byte of a
/// strip, at first the prefix, waits for the next strip.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeafGroup {
    states: States,
    waiting: [u8; LANES],
}

impl LeafGroup {
    /// No data yet.
    pub(crate) const START: Self = Self {
        states: States::START,
        waiting: [LEAF_PREFIX; LANES],
    };

    /// Takes a strip of each leaf that is not its end: a multiple of 128 bytes, the same for all, after
    /// `before` bytes of earlier strips.
    pub(crate) fn update(&mut self, lanes: Lanes, strips: &[&[u8]; LANES], before: u64) {
        if strips[0].is_empty() {
            return;
        }
        let mut first = [[0; BLOCK]; LANES];
        for ((block, strip), waiting) in first.iter_mut().zip(strips).zip(&mut self.waiting) {
            block[0] = *waiting;
            block[1..].copy_from_slice(&strip[..BLOCK - 1]);
            *waiting = strip[strip.len() - 1];
        }
        let firsts = first.each_ref().map(std::slice::from_ref);
        lanes.update(&mut self.states, &firsts, before);
        let rest = strips.map(|strip| strip[BLOCK - 1..].as_chunks().0);
        lanes.update(&mut self.states, &rest, before + BLOCK as u64);
    }

    /// Takes the end of each leaf, of any length, the same for all; gives the hashes.
    pub(crate) fn finish(
        mut self,
        lanes: Lanes,
        strips: &[&[u8]; LANES],
        before: u64,
    ) -> [Digest; LANES] {
        let length = strips[0].len();
        // Bytes before the last block, which is never empty: the waiting byte comes on top.
        let whole = length / BLOCK * BLOCK;
        self.update(lanes, &strips.map(|strip| &strip[..whole]), before);
        let mut last: Blocks = [[0; BLOCK]; LANES];
        for ((block, strip), waiting) in last.iter_mut().zip(strips).zip(self.waiting) {
            block[0] = waiting;
            block[1..1 + length - whole].copy_from_slice(&strip[whole..length]);
        }
        lanes.finish(self.states, &last, before + length as u64 + 1)
    }
}

/// Leaf hashes of consecutive items of `item_length` bytes (not 0), into `out` in order.
pub(crate) fn leaves_into(lanes: Lanes, items: &[u8], item_length: usize, out: &mut [Digest]) {
    let groups = items.chunks(item_length * LANES);
    for (group, out) in groups.zip(out.chunks_mut(LANES)) {
        // Missing items of the last group are replaced by its first.
        let item = |lane: usize| {
            let start = lane * item_length;
            let bytes = group.get(start..start + item_length);
            bytes.unwrap_or_else(|| group.get(..item_length).unwrap_or_default())
        };
        let digests = LeafGroup::START.finish(lanes, &std::array::from_fn(item), 0);
        out.copy_from_slice(&digests[..out.len()]);
    }
}

/// Hashes of pairs of nodes; as many as `out` has places.
pub(crate) fn nodes_into(
    lanes: Lanes,
    mut pairs: impl Iterator<Item = [u8; 64]>,
    out: &mut [Digest],
) {
    for out in out.chunks_mut(LANES) {
        let mut group = [[0; 64]; LANES];
        for (place, pair) in group.iter_mut().zip(pairs.by_ref().take(out.len())) {
            *place = pair;
        }
        let digests = lanes.nodes(&group);
        out.copy_from_slice(&digests[..out.len()]);
    }
}
