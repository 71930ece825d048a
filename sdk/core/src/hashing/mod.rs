//! BLAKE2b-256 with the tree's prefixes, one input at a time or many at once (encoding spec 3.1).

mod lanes;
mod leaves;
mod trees;

use blake2b_simd::Params;

pub use lanes::HashKernel;
pub(crate) use lanes::{LANES, Lanes};
pub(crate) use leaves::{LeafGroup, leaves_into, nodes_into};
pub(crate) use trees::Folder;

/// A BLAKE2b-256 digest.
pub(crate) type Digest = [u8; 32];

/// Domain prefix of leaves.
const LEAF_PREFIX: u8 = 0;
/// Domain prefix of inner nodes.
const INNER_PREFIX: u8 = 1;

fn params() -> Params {
    let mut params = Params::new();
    params.hash_length(32);
    params
}

fn digest(hash: &blake2b_simd::Hash) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(hash.as_bytes());
    digest
}

/// Unkeyed BLAKE2b with a 32-byte digest.
pub(crate) fn blake2b256(data: &[u8]) -> Digest {
    digest(&params().hash(data))
}

/// `H(0x00 ‖ data)`.
pub(crate) fn leaf(data: &[u8]) -> Digest {
    let mut state = params().to_state();
    digest(&state.update(&[LEAF_PREFIX]).update(data).finalize())
}

/// `H(0x00 ‖ data)` while the data come.
#[derive(Debug, Clone)]
pub(crate) struct LeafState(blake2b_simd::State);

impl LeafState {
    /// No data yet.
    pub(crate) fn new() -> Self {
        let mut state = params().to_state();
        state.update(&[LEAF_PREFIX]);
        Self(state)
    }

    /// Takes the next bytes.
    pub(crate) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all bytes.
    pub(crate) fn finish(self) -> Digest {
        digest(&self.0.finalize())
    }
}

/// `H(0x01 ‖ left ‖ right)`.
pub(crate) fn inner(left: &Digest, right: &Digest) -> Digest {
    let mut state = params().to_state();
    digest(
        &state
            .update(&[INNER_PREFIX])
            .update(left)
            .update(right)
            .finalize(),
    )
}

/// Leaf hashes of consecutive items of `item_length` bytes, as many as `out` has places, by a kernel of choice;
/// a kernel that this CPU does not have is replaced by the portable one.
///
/// # Panics
/// If `item_length` is 0 or there are fewer items than places.
pub fn leaf_hashes(kernel: HashKernel, items: &[u8], item_length: usize, out: &mut [[u8; 32]]) {
    assert!(item_length > 0 && items.len() / item_length >= out.len());
    leaves_into(Lanes::new(kernel), items, item_length, out);
}

/// Hashes of adjacent pairs of nodes, as many as `out` has places, by a kernel of choice.
pub fn node_hashes(kernel: HashKernel, nodes: &[[u8; 32]], out: &mut [[u8; 32]]) {
    let pairs = nodes.as_flattened().as_chunks::<64>().0;
    nodes_into(Lanes::new(kernel), pairs.iter().copied(), out);
}

/// The fastest kernel of this CPU.
pub(crate) fn fastest() -> Lanes {
    Lanes::new(HashKernel::detect())
}

/// Leaf hashes of consecutive items of `item_length` bytes (not 0); appended to `out` in order.
pub(crate) fn leaves(items: &[u8], item_length: usize, out: &mut Vec<Digest>) {
    let start = out.len();
    out.resize(start + items.len() / item_length, [0; 32]);
    leaves_into(fastest(), items, item_length, &mut out[start..]);
}

/// Hashes of adjacent pairs of an even number of nodes; appended to `out` in order.
pub(crate) fn inners(nodes: &[Digest], out: &mut Vec<Digest>) {
    let start = out.len();
    let pairs = nodes.as_flattened().as_chunks::<64>().0;
    out.resize(start + pairs.len(), [0; 32]);
    nodes_into(fastest(), pairs.iter().copied(), &mut out[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_hashes_as_the_plain_function_does() {
        let data: Vec<u8> = (0..64 * 1024u32).map(|i| (i * i % 251) as u8).collect();
        for kernel in HashKernel::available() {
            let lanes = Lanes::new(kernel);
            for length in [
                1, 2, 6, 64, 126, 127, 128, 129, 254, 255, 256, 257, 1000, 1024,
            ] {
                for count in [1, 7, 8, 9, 20] {
                    let items = &data[..length * count];
                    let mut hashes = vec![[0; 32]; count];
                    leaves_into(lanes, items, length, &mut hashes);
                    let expected: Vec<_> = items.chunks(length).map(leaf).collect();
                    assert_eq!(hashes, expected, "{kernel:?} {length} {count}");
                }
            }
            for count in [1, 5, 8, 17] {
                let pairs = &data.as_chunks::<64>().0[..count];
                let mut hashes = vec![[0; 32]; count];
                nodes_into(lanes, pairs.iter().copied(), &mut hashes);
                let expected: Vec<_> = pairs
                    .iter()
                    .map(|pair| {
                        let halves = pair.as_chunks::<32>().0;
                        inner(&halves[0], &halves[1])
                    })
                    .collect();
                assert_eq!(hashes, expected, "{kernel:?} {count}");
            }
        }
    }

    #[test]
    fn strips_do_not_change_the_hash() {
        let data: Vec<u8> = (0..8 * 3000u32).map(|i| (i * i % 249) as u8).collect();
        let items: [&[u8]; LANES] = std::array::from_fn(|i| &data[i * 3000..(i + 1) * 3000]);
        for kernel in HashKernel::available() {
            let lanes = Lanes::new(kernel);
            for strip in [128, 256, 1024] {
                let mut group = LeafGroup::START;
                let mut at = 0;
                while at + strip < 3000 {
                    let strips = items.map(|item| &item[at..at + strip]);
                    group.update(lanes, &strips, at as u64);
                    at += strip;
                }
                let hashes = group.finish(lanes, &items.map(|item| &item[at..]), at as u64);
                assert_eq!(hashes, items.map(leaf), "{kernel:?} {strip}");
            }
        }
    }
}
