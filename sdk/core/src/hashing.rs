//! BLAKE2b-256 with the tree's prefixes, one input at a time or many at once.

use blake2b_simd::{
    Params,
    many::{HashManyJob, hash_many},
};

/// A BLAKE2b-256 digest.
pub(crate) type Digest = [u8; 32];

/// Domain prefix of leaves.
const LEAF_PREFIX: u8 = 0;
/// Domain prefix of inner nodes.
const INNER_PREFIX: u8 = 1;
/// Inputs hashed per batch: enough to fill the SIMD lanes, few enough to stay in the cache.
const BATCH: usize = 32;

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

/// Leaf hashes of consecutive items of `item_length` bytes (not 0); appended to `out` in order.
pub(crate) fn leaves(items: &[u8], item_length: usize, out: &mut Vec<Digest>) {
    prefixed(items, item_length, LEAF_PREFIX, out);
}

/// Hashes of adjacent pairs of an even number of nodes; appended to `out` in order.
pub(crate) fn inners(nodes: &[Digest], out: &mut Vec<Digest>) {
    prefixed(nodes.as_flattened(), 64, INNER_PREFIX, out);
}

fn prefixed(items: &[u8], item_length: usize, prefix: u8, out: &mut Vec<Digest>) {
    let params = params();
    // The SIMD hasher takes contiguous inputs, so the prefix needs a copy of each item.
    let mut buffer =
        Vec::with_capacity((item_length + 1) * BATCH.min(items.len() / item_length + 1));
    for batch in items.chunks(item_length * BATCH) {
        buffer.clear();
        for item in batch.chunks_exact(item_length) {
            buffer.push(prefix);
            buffer.extend_from_slice(item);
        }
        let mut jobs: Vec<HashManyJob<'_>> = buffer
            .chunks_exact(item_length + 1)
            .map(|input| HashManyJob::new(&params, input))
            .collect();
        hash_many(jobs.iter_mut());
        out.extend(jobs.iter().map(|job| digest(&job.to_hash())));
    }
}
