//! Operations as multiples of the bound that their ingredients give. The Criterion benches and the example `speed-table`
//! share all of this; they differ in who decides how often to measure.
//!
//! The bound of an operation is the time that its [`ingredient`]s alone would take, measured by themselves at their best:
//! every symbol through the code once, every symbol through the hash once though it is a leaf of two trees, the inner nodes
//! of all trees, memory for what the caller gets. For a blob over `n` shards that is `np·n + n·n` symbols through the code,
//! `n·n` leaves and `2·n·n` nodes ([`bound`]). Reading, gathering, copying and waiting count for nothing.
//!
//! What an ingredient is measured with decides what the bound is worth:
//! * The code has the size of symbols that it is fastest with, which packing and cutting codewords can give to all blobs;
//!   a single sliver's has the size of its symbols. Decoding a blob counts without error locators, as it needs but one;
//!   recovering a sliver counts with one, and from other symbols each time, so that none is at hand.
//! * Leaves have the size of the operation's symbols: a hash has a part that does not depend on the length.
//! * Memory counts as fresh only as far as the process has grown, and as written again where the allocator had it at hand.
//!
//! The speed of a virtual machine can change by a factor of two within seconds. So nothing is measured once:
//! [`paired`] puts each run of an operation between two measurements of its own ingredients, on as many threads as the
//! operation uses, and takes the median of the multiples of such rounds.

pub(crate) mod blobs;
pub(crate) mod bound;
pub(crate) mod decoding;
pub(crate) mod ingredient;
pub(crate) mod inputs;
pub(crate) mod operation;
pub(crate) mod paired;
pub(crate) mod slivers;
pub(crate) mod table;
pub(crate) mod work;

use inputs::{Encoded, MIB};
use operation::Case;
use walrus_core::{EncodingConfig, Threads};

/// All operations in memory over so many shards, in the order of the table.
pub(crate) fn cases(config: EncodingConfig, threads: &Threads) -> Vec<Case> {
    let (ids, encoded): (&[usize], &[usize]) = match config.n_shards() {
        0..50 => (&[1, MIB], &[MIB]),
        50..500 => (&[1, MIB, 32 * MIB], &[32 * MIB, 128 * MIB]),
        _ => (&[1, MIB, 32 * MIB], &[32 * MIB, 256 * MIB]),
    };
    let length = encoded[0];
    let blob = Encoded::lazy(config, length, threads);
    let ids = ids
        .iter()
        .map(|length| blobs::blob_id(config, *length, threads));
    let encodings = encoded
        .iter()
        .map(|length| blobs::encode(config, *length, threads));
    ids.chain(encodings)
        .chain(decoding::cases(config, length, &blob, threads))
        .chain(slivers::cases(config, length, &blob))
        .collect()
}
